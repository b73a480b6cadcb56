"""The smallest relaxation."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.policy.samples import MODEL, NOW, block, context, credential, endpoint, kept, provenance, provider

from anyapi.domain.call import NO_FACTS
from anyapi.domain.catalogue import Override, PolicyException, Price, Selector
from anyapi.domain.data_policy import Confidence, HumanReview, RetentionKind, Training, ZeroRetention
from anyapi.domain.decision import Change, Denial, Reason, ReasonCode, ReasonKind, Relaxation
from anyapi.domain.requirement import DataClass, Layer, Settings
from anyapi.policy.decide import decide
from anyapi.policy.merge import DEFAULT_PRESETS, merge
from anyapi.policy.relax import changes_for, smallest_relaxation

KEY = (Layer.KEY,)
KEYED = credential(tier="undeclared")


def denied(requirement, *providers, **fields):
    return decide(requirement, MODEL, NO_FACTS, context(list(providers), **fields), None, NOW).denied


def asked(**fields):
    return merge([(Layer.KEY, Settings(**fields))], DEFAULT_PRESETS)


def flagged(retention):
    return PolicyException(Selector(features=("flagged-content",)), Override(retention=retention))


@pytest.mark.parametrize(
    ("setting", "item", "change"),
    [
        ({"training_allowed": False}, {"policy": block("unknown")}, Change("training_allowed", KEY, False, True)),
        ({"human_review_allowed": False}, {"policy": block(human_review="yes")}, Change("human_review_allowed", KEY, False, True)),
        ({"paid_only": True}, {"free_tier": block()}, Change("paid_only", KEY, True, False)),
        ({"retention_days": 7}, {"policy": block(retention=kept("limited", 30))}, Change("retention_days", KEY, 7.0, 30.0)),
        ({"retention_days": 0}, {"policy": block(retention=kept("limited", 0))}, Change("retention_days", KEY, 0.0, 1.0)),
        ({"retention_days": 0}, {"policy": block(retention=kept("compliance", 0))}, Change("retention_days", KEY, 0.0, 1.0)),
        ({"retention_days": 0}, {"policy": block(retention=kept("indefinite"))}, Change("retention_days", KEY, 0.0, None)),
        ({"retention_days": 7}, {"policy": block(retention=kept("unknown"))}, Change("retention_days", KEY, 7.0, None)),
        ({"certifications": frozenset({"b", "a"})}, {"certifications": ("a",)}, Change("certifications", KEY, ("a", "b"), ("a",))),
        ({"certifications": frozenset({"soc2"})}, {}, Change("certifications", KEY, ("soc2",), ())),
        (
            {"certifications": frozenset({"hipaa-baa", "x", "soc2"})},
            {"certifications": ("hipaa-baa", "soc2-type2")},
            Change("certifications", KEY, ("hipaa-baa", "soc2", "x"), ("soc2",)),
        ),
        ({"certifications_must_be_named": True}, {}, Change("certifications_must_be_named", KEY, True, False)),
        ({"certifications_must_be_named": True}, {"certifications": ("soc2-type2", "a")}, Change("certifications", KEY, (), ("a",))),
        ({"regions": frozenset({"eu"})}, {"regions": ("us", "de", "cn")}, Change("regions", KEY, ("eu",), ("cn", "eu", "us"))),
        ({"regions": frozenset({"eu"})}, {}, Change("regions", KEY, ("eu",), None)),
        ({"providers_only": frozenset({"q"})}, {}, Change("providers.only", KEY, ("q",), ("p", "q"))),
        ({"providers_ignore": frozenset({"p", "q"})}, {}, Change("providers.ignore", KEY, ("p", "q"), ("q",))),
        (
            {"min_confidence": Confidence.PRIMARY},
            {"record": provenance("secondary")},
            Change("min_confidence", KEY, "primary", "secondary"),
        ),
        (
            {"flagged_copies_counted": True, "retention_days": 0},
            {"exceptions": (flagged(kept("limited", 3)),)},
            Change("flagged_copies", KEY, "counted", "shown"),
        ),
    ],
)
def test_each_setting(setting, item, change):
    requirement = asked(**setting)
    (denial,) = denied(requirement, provider(**{"policy": block(), **item}), credentials=[KEYED])
    assert smallest_relaxation([denial]) == Relaxation("p/one", (change,))


COUNTED = {"flagged_copies_counted": True, "retention_days": 0}


@pytest.mark.parametrize(
    ("main", "copies", "needed"),
    [
        (kept("limited", 30), kept("limited", 90), 90.0),
        (kept("limited", 90), kept("limited", 30), 90.0),
        (kept("limited", 30), kept("indefinite"), None),
        (kept("unknown"), kept("limited", 30), None),
        (kept("compliance", 0), kept("compliance", 0), 1.0),
    ],
)
def test_both_clocks_are_one_change(main, copies, needed):
    (denial,) = denied(asked(**COUNTED), provider(policy=block(retention=main), exceptions=(flagged(copies),)))
    assert changes_for(denial.reasons) == (Change("retention_days", KEY, 0.0, needed),)


def test_the_class_rule_goes_where_no_certification_is_left():
    regulated = merge(
        [(Layer.KEY, Settings(data_class=DataClass.REGULATED, certifications=frozenset({"x", "hipaa-baa"})))], DEFAULT_PRESETS
    )
    (denial,) = denied(regulated, provider(certifications=("hipaa-baa",)))
    assert changes_for(denial.reasons) == (
        Change("certifications", KEY, ("hipaa-baa", "x"), ()),
        Change("certifications_must_be_named", KEY, True, False),
    )


def test_reasons_after_availability_and_after_flagged_copies_count_too():
    away = Reason(ReasonCode.NO_ADAPTER, ReasonKind.AVAILABILITY, "x")
    item = provider(policy=block("unknown", kept("limited", 3), human_review="yes"), exceptions=(flagged(kept("limited", 9)),))
    (denial,) = denied(asked(training_allowed=False, human_review_allowed=False, **COUNTED), item)
    settings = ["training_allowed", "retention_days", "human_review_allowed"]
    assert [change.setting for change in changes_for((away, *denial.reasons))] == settings


def test_the_layers_that_hold_the_setting_are_named():
    both = merge([(Layer.KEY, Settings(training_allowed=False)), (Layer.GATEWAY, Settings(training_allowed=False))], DEFAULT_PRESETS)
    (denial,) = denied(both, provider(policy=block("unknown")))
    assert changes_for(denial.reasons)[0].layers == (Layer.GATEWAY, Layer.KEY)


STRICT = asked(training_allowed=False, retention_days=7, human_review_allowed=False)


def nearest(*providers, requirement=STRICT, **fields):
    return smallest_relaxation(denied(requirement, *providers, **fields)).endpoint


def test_fewest_settings_first():
    two = provider("a", block("unknown", human_review="yes"))
    one = provider("b", block(retention=kept("indefinite")))
    assert nearest(two, one) == nearest(one, two) == "b/one"


def test_then_the_smallest_retention_change():
    long = provider("a", block(retention=kept("limited", 60)))
    short = provider("b", block(retention=kept("limited", 30)))
    assert nearest(long, short) == "b/one"
    assert nearest(provider("a", block(retention=kept("unknown"))), short) == "b/one"
    assert nearest(short, provider("c", block("unknown"))) == "c/one"
    bit = provider("a", block(retention=kept("limited", 7.5)))
    assert nearest(bit, provider("c", block("unknown"))) == "c/one"


def test_then_the_lower_price_then_the_id():
    items = [provider(name, block("unknown")) for name in "abc"]
    ends = [endpoint("a", price=Price(9, 9)), endpoint("b", price=Price(1, 1)), endpoint("c", price=Price())]
    assert nearest(*items, endpoints=ends) == "b/one"
    assert nearest(*items, endpoints=[ends[2], ends[0]]) == "a/one"
    assert nearest(*items) == "a/one"
    assert nearest(*reversed(items)) == "a/one"
    local = provider("z", block("unknown"), kind="local")
    assert nearest(items[0], local, endpoints=[endpoint("a"), endpoint("z", price=Price())]) == "z/one"


def test_available_ones_come_before_nearer_ones_that_are_not():
    near = provider("a", block("unknown"), protocol="odd")
    far = provider("b", block("unknown", kept("unknown"), human_review="yes"))
    assert nearest(near, far) == "b/one"
    assert nearest(near, provider("b", far.policy, protocol="odd")) == "a/one"


def test_what_only_lacks_a_credential_needs_no_change():
    (denial,) = denied(STRICT, provider(), credentials=[])
    assert smallest_relaxation([denial]) == Relaxation("p/one", ())


def test_a_failed_judgement_cannot_be_relaxed():
    failed = Denial(endpoint(), None, (Reason(ReasonCode.JUDGING_FAILED, ReasonKind.POLICY, "x"),))
    assert smallest_relaxation([failed]) is None
    assert smallest_relaxation([]) is None
    (other,) = denied(STRICT, provider("z", block("unknown")))
    assert smallest_relaxation([failed, other]).endpoint == "z/one"
    assert changes_for((*other.reasons, *failed.reasons)) is None


def relaxed(requirement, relaxation):
    """The requirement with the changes made."""
    fields = {"providers.only": "providers_only", "providers.ignore": "providers_ignore"}
    values, layers = {}, dict(requirement.layers)
    for change in relaxation.changes:
        if change.setting == "flagged_copies":
            values["flagged_copies_counted"] = change.needed == "counted"
        else:
            value = frozenset(change.needed) if isinstance(change.needed, tuple) else change.needed
            values[fields.get(change.setting, change.setting)] = value
            layers[change.setting] = layers.get(change.setting, frozenset()) | frozenset(change.layers)
    return msgspec.structs.replace(requirement, **values, layers=layers)


retentions = st.builds(kept, st.sampled_from(RetentionKind), st.none() | st.sampled_from([0, 0.5, 1, 30, 90]))
blocks = st.builds(block, st.sampled_from(Training), retentions, st.sampled_from(ZeroRetention), st.sampled_from(HumanReview))
records = st.builds(
    provider,
    st.just("p"),
    blocks,
    free_tier=st.none() | blocks,
    certifications=st.lists(st.sampled_from(["soc2-type2", "hipaa-baa", "x"]), unique=True).map(tuple),
    regions=st.lists(st.sampled_from(["de", "us", "eu"]), unique=True).map(tuple),
    storage_regions=st.lists(st.sampled_from(["de", "us"]), unique=True).map(tuple),
    record=st.builds(provenance, st.sampled_from(["none", "secondary", "primary"])),
    exceptions=st.none().map(lambda _: ()) | retentions.map(lambda kept: (flagged(kept),)),
)
requirements = st.builds(
    Settings,
    training_allowed=st.booleans(),
    retention_days=st.none() | st.sampled_from([0, 0.5, 7, 30]),
    paid_only=st.booleans(),
    certifications=st.frozensets(st.sampled_from(["soc2", "hipaa-baa", "y"])),
    regions=st.none() | st.frozensets(st.sampled_from(["eu", "cn"])),
    providers_only=st.none() | st.frozensets(st.sampled_from(["p", "q"])),
    providers_ignore=st.frozensets(st.sampled_from(["p", "q"])),
    human_review_allowed=st.booleans(),
    min_confidence=st.sampled_from([Confidence.NONE, Confidence.SECONDARY, Confidence.PRIMARY]),
    flagged_copies_counted=st.booleans(),
    certifications_must_be_named=st.booleans(),
).map(lambda settings: merge([(Layer.KEY, settings)], DEFAULT_PRESETS))


@given(records, requirements, st.booleans())
@settings(max_examples=400, deadline=None)
def test_making_the_changes_admits_and_leaving_one_out_does_not(item, requirement, free):
    where = context([item], [endpoint(free=free)], [KEYED])
    decision = decide(requirement, MODEL, NO_FACTS, where, None, NOW)
    if not decision.denied:
        return
    relaxation = smallest_relaxation(decision.denied)
    assert decide(relaxed(requirement, relaxation), MODEL, NO_FACTS, where, None, NOW).permitted
    for left_out in relaxation.changes:
        kept_changes = tuple(change for change in relaxation.changes if change is not left_out)
        partly = relaxed(requirement, Relaxation(relaxation.endpoint, kept_changes))
        assert not decide(partly, MODEL, NO_FACTS, where, None, NOW).permitted


def test_a_retention_that_no_limit_admits_needs_no_limit():
    odd = Reason(ReasonCode.RETENTION_ENDLESS, ReasonKind.POLICY, "x", "retention_days", KEY, 3.0, "indefinite")
    assert changes_for([odd]) == (Change("retention_days", KEY, 3.0, None),)
