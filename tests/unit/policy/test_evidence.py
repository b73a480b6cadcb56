"""Which statements contradict what was promised, and what is left of the facts then."""

import msgspec
import pytest
from tests.unit.policy.samples import NOW, context, credential, endpoint, kept, provider

from anyapi.domain.call import NO_FACTS
from anyapi.domain.catalogue import Override, PolicyException, Selector
from anyapi.domain.data_policy import Confidence, Grade, HumanReview, RetentionKind, Training
from anyapi.domain.evidence import CONTRADICTIONS, EvidenceCode, Statement, Told
from anyapi.domain.requirement import DataClass, Layer, Settings
from anyapi.policy.decide import decide
from anyapi.policy.evidence import lowered, weigh
from anyapi.policy.merge import DEFAULT_PRESETS, merge
from anyapi.policy.relax import smallest_relaxation
from anyapi.policy.resolve import resolve

HERE = endpoint("router")


def facts(*exceptions, policy=None, others=()):
    """The facts in force of an endpoint of `router`."""
    router = provider("router", policy, kind="router", exceptions=exceptions, certifications=("soc2",), regions=("eu",))
    world = context([router, *others], [HERE])
    return resolve(HERE, router, credential("router"), None, NO_FACTS, world, NOW).policy


def same_as(name, **selector):
    return PolicyException(Selector(**(selector or {"models": ("*",)})), Override(same_as_provider=name))


PLAIN = facts()


@pytest.mark.parametrize(
    ("stated", "codes"),
    [
        (Statement(), ()),
        (Statement(zero_retention=True), ("agreed",)),
        (Statement(zero_retention=False), ("retained",)),
        (Statement(stored=False), ("agreed",)),
        (Statement(stored=True), ("stored",)),
        (Statement(host="deepseek"), ("agreed",)),
        (Statement(host="unrecognised"), ("agreed",)),
        (Statement(unreadable=True), ("unreadable",)),
        (Statement(zero_retention=True, unreadable=True), ("unreadable",)),
        (Statement(zero_retention=False, stored=True, unreadable=True), ("retained", "stored")),
    ],
)
def test_against_zero_retention_of_its_own(stated, codes):
    assert weigh(stated, HERE, PLAIN, Told()) == codes


def test_who_did_not_promise_zero_retention_cannot_break_it():
    for kind, days in (("limited", 30.0), ("unknown", None), ("limited", 0.0)):
        promised = msgspec.structs.replace(PLAIN, retention=kept(kind, days))
        assert weigh(Statement(zero_retention=False), HERE, promised, Told()) == ("agreed",)


def test_a_host_is_promised_by_whose_facts_they_are():
    others = (provider("acme"), provider("beta"))
    assert PLAIN.hosts == {"router"}
    fixed = facts(same_as("acme"), others=others)
    assert fixed.hosts == {"acme"}
    perhaps = facts(same_as("acme", features=("upstream",)), others=others)
    assert perhaps.hosts == {"router", "acme"}
    either = facts(same_as("acme"), same_as("beta", features=("upstream",)), others=others)
    assert either.hosts == {"acme", "beta"}
    assert facts(same_as("nobody"), others=others).hosts == frozenset()
    wrong = {
        name: [weigh(Statement(host=host), HERE, policy, Told()) for host in ("acme", "beta", "unrecognised")]
        for name, policy in {"fixed": fixed, "perhaps": perhaps, "either": either}.items()
    }
    good, bad = ("agreed",), ("other_host",)
    assert wrong == {"fixed": [good, bad, bad], "perhaps": [good, good, good], "either": [good, good, bad]}


@pytest.mark.parametrize(
    ("told", "host", "codes"),
    [
        (Told(ignore=frozenset({"acme"})), "acme", ("excluded_host",)),
        (Told(ignore=frozenset({"acme"})), "beta", ("agreed",)),
        (Told(ignore=frozenset({"acme"})), "unrecognised", ("agreed",)),
        (Told(only=frozenset({"acme"})), "acme", ("agreed",)),
        (Told(only=frozenset({"acme"})), "beta", ("excluded_host",)),
        (Told(only=frozenset({"acme"})), "unrecognised", ("agreed",)),
    ],
)
def test_what_a_router_was_told(told, host, codes):
    assert weigh(Statement(host=host), HERE, PLAIN, told) == codes


def test_the_gravest_stands_first():
    everything = Statement(zero_retention=False, stored=True, host="beta")
    promised = facts(same_as("acme"), others=(provider("acme"),))
    assert weigh(everything, HERE, promised, Told(ignore=frozenset({"beta"}))) == CONTRADICTIONS


@pytest.mark.parametrize("code", [EvidenceCode.RETAINED, EvidenceCode.STORED])
def test_what_is_left_when_retention_is_contradicted(code):
    left = lowered(PLAIN, {code})
    assert (left.grade, left.contradictions) == (Grade.CONTRADICTED, (code,))
    assert (left.retention.kind, left.retention_confidence) == (RetentionKind.UNKNOWN, Confidence.NONE)
    assert (left.training, left.human_review, left.certifications, left.regions) == (
        PLAIN.training,
        PLAIN.human_review,
        PLAIN.certifications,
        PLAIN.regions,
    )


@pytest.mark.parametrize("code", [EvidenceCode.OTHER_HOST, EvidenceCode.EXCLUDED_HOST])
def test_nothing_is_left_when_somebody_else_answered(code):
    left = lowered(PLAIN, {code, EvidenceCode.STORED})
    assert left.contradictions == (code, EvidenceCode.STORED)
    assert (left.training, left.retention.kind, left.human_review) == (Training.UNKNOWN, RetentionKind.UNKNOWN, HumanReview.UNKNOWN)
    assert (left.certifications, left.regions, left.training_confidence) == (frozenset(), frozenset(), Confidence.NONE)


def test_no_codes_leave_everything():
    assert lowered(PLAIN, ()) is PLAIN


def world(code=EvidenceCode.RETAINED, *, credentials=("router-key",)):
    router = provider("router", kind="router", certifications=("soc2",), regions=("eu",))
    found = context([router], [HERE], [credential("router", name) for name in credentials])
    return msgspec.structs.replace(found, contradicted={HERE.id: {"router-key": frozenset({code})}})


def decided(settings, context):
    return decide(merge([(Layer.KEY, settings)], DEFAULT_PRESETS), HERE.model, NO_FACTS, context, None, NOW)


HOST = EvidenceCode.OTHER_HOST


@pytest.mark.parametrize(
    ("settings", "code", "codes"),
    [
        (Settings(), EvidenceCode.RETAINED, None),
        (Settings(paid_only=True), HOST, None),
        (Settings(training_allowed=False), EvidenceCode.RETAINED, None),
        (Settings(retention_days=365.0), EvidenceCode.RETAINED, {"retention_unknown", "evidence_contradicts"}),
        (Settings(min_confidence=Confidence.SECONDARY), EvidenceCode.STORED, {"confidence_too_low", "evidence_contradicts"}),
        (Settings(training_allowed=False), HOST, {"training_unknown", "evidence_contradicts"}),
        (Settings(human_review_allowed=False), HOST, {"human_review_unknown", "evidence_contradicts"}),
        (Settings(certifications=frozenset({"soc2"})), HOST, {"certification_missing", "evidence_contradicts"}),
        (Settings(regions=frozenset({"eu"})), HOST, {"region_unknown", "evidence_contradicts"}),
        (Settings(data_class=DataClass.CONFIDENTIAL), EvidenceCode.RETAINED, {"retention_unknown", "evidence_contradicts"}),
    ],
)
def test_it_denies_whoever_rests_on_what_is_unknown_now(settings, code, codes):
    decision = decided(settings, world(code))
    found = {reason.code for denial in decision.denied for reason in denial.reasons}
    assert found == (codes or set())
    assert len(decision.permitted) == (codes is None)


@pytest.mark.parametrize("name", [DataClass.CONFIDENTIAL, DataClass.REGULATED])
def test_a_recorded_class_is_denied_even_if_its_preset_asks_nothing(name):
    requirement = merge([(Layer.KEY, Settings(data_class=name))], dict.fromkeys(DataClass, Settings()))
    (denial,) = decide(requirement, HERE.model, NO_FACTS, world(), None, NOW).denied
    (reason,) = denial.reasons
    assert (reason.code, reason.setting, reason.actual) == ("evidence_contradicts", None, ("retained",))
    assert smallest_relaxation([denial]) is None, "no setting mends it"


@pytest.mark.parametrize(
    "settings",
    [Settings(retention_days=0.0), Settings(min_confidence=Confidence.PRIMARY), Settings(regions=frozenset({"eu"}), retention_days=1.0)],
)
def test_a_relaxation_that_is_shown_would_admit(settings):
    relaxation = smallest_relaxation(decided(settings, world(HOST)).denied)
    relaxed = {change.setting: getattr(Settings(), change.setting) for change in relaxation.changes}
    assert decided(msgspec.structs.replace(settings, **relaxed), world(HOST)).permitted


def test_it_is_about_one_credential():
    decision = decided(Settings(retention_days=0.0), world(credentials=("router-key", "another")))
    assert [candidate.credential for candidate in decision.permitted] == ["another"]
