"""The rules of section 3, one by one, with the reason each denial carries."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.policy.samples import block, credential, endpoint, kept, provider

from anyapi.domain.data_policy import Confidence, DataPolicy, HumanReview, Training, ZeroRetention
from anyapi.domain.decision import Change, Reason, ReasonCode, ReasonKind
from anyapi.domain.requirement import DataClass, Layer, Requirement, Settings
from anyapi.policy import rules
from anyapi.policy.merge import DEFAULT_PRESETS, merge, tighten
from anyapi.policy.rules import Case, describe, judge, layers_of

BEST = DataPolicy(
    Training.NEVER,
    kept(),
    ZeroRetention.DEFAULT,
    HumanReview.NO,
    Confidence.PRIMARY,
    Confidence.PRIMARY,
    regions=frozenset({"eu"}),
)


def case(*, where=None, item=None, key="paid", local=False, free_tier=False, **facts):
    key = credential(tier=key) if isinstance(key, str) else key
    policy = msgspec.structs.replace(BEST, **facts)
    return Case(where or endpoint(), item or provider(), key, policy, local, free_tier)


def asked(layer=Layer.KEY, **settings):
    return merge([(layer, Settings(**settings))], DEFAULT_PRESETS)


def reason(code, text, setting, required, actual, layers=(Layer.KEY,), instead=()):
    return Reason(ReasonCode(code), ReasonKind.POLICY, text, setting, layers, required, actual, instead)


def test_nothing_required_permits_the_worst():
    worst = case(
        where=endpoint(free=True),
        key="free",
        free_tier=True,
        training=Training.UNKNOWN,
        retention=kept("unknown"),
        flagged_retention=kept("unknown"),
        human_review=HumanReview.UNKNOWN,
        training_confidence=Confidence.NONE,
        retention_confidence=Confidence.NONE,
        regions=frozenset(),
    )
    assert judge(Requirement(), worst) == ()


def test_every_rule_judges_every_case_in_the_order_of_the_page():
    everything = asked(
        training_allowed=False,
        retention_days=1,
        paid_only=True,
        certifications=frozenset({"soc2"}),
        regions=frozenset({"us"}),
        providers_only=frozenset(),
        providers_ignore=frozenset({"p"}),
        human_review_allowed=False,
        min_confidence=Confidence.PRIMARY,
        flagged_copies_counted=True,
    )
    facts = {"training": Training.OPT_OUT, "retention": kept("limited", 9), "flagged_retention": kept("limited", 9)}
    facts |= {"human_review": HumanReview.YES, "training_confidence": Confidence.NONE}
    assert [found.code.value for found in judge(everything, case(where=endpoint(free=True), **facts))] == [
        "training_opt_out",
        "retention_too_long",
        "flagged_copies_too_long",
        "endpoint_free",
        "certification_missing",
        "region_not_allowed",
        "provider_not_in_only",
        "provider_ignored",
        "human_review_possible",
        "confidence_too_low",
    ]
    named = asked(certifications_must_be_named=True, human_review_allowed=False)
    assert [found.code.value for found in judge(named, case(human_review=HumanReview.UNKNOWN))] == [
        "certifications_not_named",
        "human_review_unknown",
    ]


@pytest.mark.parametrize(
    ("fact", "code", "text"),
    [
        ("by_default", "training_by_default", "The provider trains on what is sent."),
        (
            "opt_out",
            "training_opt_out",
            "The provider trains on what is sent unless opted out, and no agreement attests an opt-out.",
        ),
        ("unknown", "training_unknown", "It is not known whether the provider trains on what is sent."),
    ],
)
def test_training(fact, code, text):
    found = rules.training(asked(training_allowed=False), case(training=Training(fact)))
    assert found == (reason(code, text, "training_allowed", False, fact),)
    assert rules.training(asked(paid_only=True), case(training=Training(fact))) == ()
    assert rules.training(asked(training_allowed=False), case()) == ()


@pytest.mark.parametrize(
    ("limit", "fact", "code", "actual"),
    [
        (0, kept("zero"), None, None),
        (0, kept("zero", 30), None, None),
        (0, kept("limited", 0), "retention_not_zero", 1.0),
        (0, kept("compliance", 0), "retention_not_zero", 0.0),
        (0, kept("limited", 30), "retention_not_zero", 30.0),
        (0, kept("indefinite"), "retention_not_zero", "indefinite"),
        (0, kept("compliance"), "retention_not_zero", "compliance"),
        (0, kept("unknown"), "retention_unknown", "unknown"),
        (0.5, kept("limited", 0), "retention_too_long", 1.0),
        (0.5, kept("compliance", 0), None, None),
        (0.5, kept("limited", 0.5), None, None),
        (1, kept("limited", 0), None, None),
        (30, kept("limited", 30), None, None),
        (30, kept("limited", 30.1), "retention_too_long", 30.1),
        (30, kept("compliance", 30), None, None),
        (30, kept("compliance", 31), "retention_too_long", 31.0),
        (30, kept("compliance"), "retention_endless", "compliance"),
        (30, kept("limited"), "retention_endless", "limited"),
        (1e9, kept("indefinite", 1), "retention_endless", "indefinite"),
        (1e9, kept("unknown", 1), "retention_unknown", "unknown"),
        (30, kept("limited", float("nan")), "retention_too_long", float("nan")),
    ],
)
def test_retention_and_flagged_copies_are_compared_alike(limit, fact, code, actual):
    found = rules.retention(asked(retention_days=limit), case(retention=fact))
    counted = asked(retention_days=limit, flagged_copies_counted=True)
    flagged = rules.flagged_copies(counted, case(flagged_retention=fact))
    if code is None:
        assert (found, flagged) == ((), ())
        return
    (one,), (two,) = found, flagged
    assert (one.code.value, one.setting, one.required, one.layers) == (code, "retention_days", limit, (Layer.KEY,))
    assert (two.code.value, two.setting, two.required) == ("flagged_copies_too_long", "flagged_copies", "counted")
    for each in (one, two):
        assert repr(each.actual) == repr(actual)


def test_texts_of_retention():
    (found,) = rules.retention(asked(retention_days=0.5), case(retention=kept("limited", 30)))
    assert found.text == "The provider keeps content for 30 days; at most 0.5 days are allowed."
    (found,) = rules.flagged_copies(asked(retention_days=30, flagged_copies_counted=True), case(flagged_retention=kept("compliance", 730)))
    assert found.text == ("The provider keeps copies of flagged content for 730 days; at most 30 days are allowed and such copies count.")


@pytest.mark.parametrize(
    ("retention", "words"),
    [
        (kept("zero", 3), "not at all"),
        (kept("unknown", 3), "for an unknown time"),
        (kept("indefinite", 3), "with no stated end"),
        (kept("limited"), "with no stated end"),
        (kept("limited", 0), "for under one day"),
        (kept("limited", 1.5), "for 1.5 days"),
        (kept("compliance", 30), "that is flagged or failed, for 30 days"),
        (kept("compliance", 0), "that is flagged or failed, for under one day"),
        (kept("compliance"), "that is flagged or failed, with no stated end"),
    ],
)
def test_retention_in_words(retention, words):
    assert describe(retention) == words


def test_no_limit_and_copies_not_counted_pass():
    bad = case(retention=kept("unknown"), flagged_retention=kept("unknown"))
    assert rules.retention(asked(flagged_copies_counted=True), bad) == ()
    assert rules.flagged_copies(asked(flagged_copies_counted=True), bad) == ()
    assert rules.flagged_copies(asked(retention_days=1), bad) == ()
    assert rules.flagged_copies(asked(retention_days=1, flagged_copies_counted=True), case()) == ()


FREE = reason("endpoint_free", "The endpoint is free.", "paid_only", True, "endpoint")
FREE_KEY = reason("credential_free_tier", "The provider credential is on the free tier.", "paid_only", True, "free")
UNDECLARED = reason(
    "credential_tier_undeclared", "The provider has a free tier and the credential's tier is not declared.", "paid_only", True, "undeclared"
)


@pytest.mark.parametrize(
    ("free", "key", "free_tier", "found"),
    [
        (False, "paid", True, ()),
        (True, "paid", True, (FREE,)),
        (False, "free", False, (FREE_KEY,)),
        (True, "free", True, (FREE, FREE_KEY)),
        (False, "undeclared", False, ()),
        (False, "undeclared", True, (UNDECLARED,)),
        (True, "undeclared", True, (FREE, UNDECLARED)),
        (False, None, True, (UNDECLARED,)),
        (False, None, False, ()),
    ],
)
def test_paid_only(free, key, free_tier, found):
    judged = case(where=endpoint(free=free), key=key, free_tier=free_tier)
    assert rules.paid_only(asked(paid_only=True), judged) == found
    assert rules.paid_only(asked(), judged) == ()
    assert rules.paid_only(asked(paid_only=True), msgspec.structs.replace(judged, local=True)) == ()


def test_certifications():
    have = case(certifications=frozenset({"soc2-type2", "iso27001"}), contract_certifications=frozenset({"hipaa-baa", "gdpr-dpa"}))
    assert rules.certifications(asked(certifications=frozenset({"soc2", "soc2-type2", "iso27001"})), have) == ()
    assert rules.certifications(asked(), have) == ()
    weaker = case(certifications=frozenset({"soc2"}))
    (found,) = rules.certifications(asked(certifications=frozenset({"soc2-type2", "soc2"})), weaker)
    assert found == reason(
        "certification_missing", "Certifications are missing: soc2-type2.", "certifications", ("soc2", "soc2-type2"), ("soc2",)
    )
    both = rules.certifications(asked(certifications=frozenset({"x", "a", "gdpr-dpa", "hipaa-baa"})), have)
    required, actual = ("a", "gdpr-dpa", "hipaa-baa", "x"), ("iso27001", "soc2", "soc2-type2")
    contract = "The provider offers gdpr-dpa, hipaa-baa, which is a contract: it counts once an agreement is attested."
    assert both == (
        reason("certification_missing", "Certifications are missing: a, x.", "certifications", required, actual),
        reason("certification_needs_agreement", contract, "certifications", required, actual),
    )


def test_relaxing_certifications_may_need_the_class_rule_to_go_too():
    regulated = merge(
        [(Layer.KEY, Settings(data_class=DataClass.REGULATED)), (Layer.REQUEST, Settings(certifications=frozenset({"x", "soc2"})))],
        DEFAULT_PRESETS,
    )
    (found,) = rules.certifications(regulated, case())
    assert found.instead == (
        Change("certifications", (Layer.REQUEST,), ("soc2", "x"), ()),
        Change("certifications_must_be_named", (Layer.KEY,), now=True, needed=False),
    )
    (found,) = rules.certifications(regulated, case(certifications=frozenset({"soc2"})))
    assert found.instead == ()
    (found,) = rules.certifications(asked(certifications=frozenset({"x"})), case())
    assert found.instead == ()


def test_where_one_must_be_named_the_change_is_to_one_that_the_endpoint_has():
    named = merge([(Layer.KEY, Settings(data_class=DataClass.REGULATED, certifications=frozenset({"iso27001"})))], DEFAULT_PRESETS)
    (found,) = rules.certifications(named, case(certifications=frozenset({"soc2"})))
    assert found.instead == (Change("certifications", (Layer.KEY,), ("iso27001",), ("soc2",)),)
    layers = [(Layer.KEY, Settings(data_class=DataClass.REGULATED)), (Layer.REQUEST, Settings(certifications=frozenset({"iso27001"})))]
    (found,) = rules.certifications(merge(layers, DEFAULT_PRESETS), case(certifications=frozenset({"soc2"})))
    assert found.instead == (Change("certifications", (Layer.KEY, Layer.REQUEST), ("iso27001",), ("soc2",)),)


def test_named_certifications():
    must = asked(certifications_must_be_named=True)
    text = "The data class needs at least one named certification, and no layer names one: set `certifications`."
    judged = case(certifications=frozenset({"soc2-type2"}))
    assert rules.named_certifications(must, judged) == (
        reason(
            "certifications_not_named",
            text,
            "certifications_must_be_named",
            True,
            ("soc2", "soc2-type2"),
            instead=(Change("certifications", (Layer.KEY,), (), ("soc2",)),),
        ),
    )
    assert rules.named_certifications(asked(certifications_must_be_named=True, certifications=frozenset({"x"})), judged) == ()
    assert rules.named_certifications(asked(certifications=frozenset({"x"})), judged) == ()
    assert rules.named_certifications(asked(), judged) == ()
    late = merge(
        [(Layer.ACCOUNT, Settings(data_class=DataClass.REGULATED)), (Layer.KEY, Settings(certifications=frozenset({"soc2-type2"})))],
        DEFAULT_PRESETS,
    )
    text = "The data class needs a certification that is named where the class is set, or before: what a later layer names cannot open it."
    (found,) = rules.named_certifications(late, judged)
    assert (found.text, found.instead) == (text, (Change("certifications", (Layer.ACCOUNT,), (), ("soc2-type2",)),))


def test_regions():
    eu = asked(regions=frozenset({"eu", "ch"}))
    assert rules.regions(eu, case(regions=frozenset({"de", "ch", "eu"}))) == ()
    assert rules.regions(asked(), case(regions=frozenset())) == ()
    text = "Content may be processed or kept outside the allowed regions: cn, us."
    assert rules.regions(eu, case(regions=frozenset({"us", "de", "cn"}))) == (
        reason("region_not_allowed", text, "regions", ("ch", "eu"), ("cn", "us")),
    )
    assert rules.regions(eu, case(regions=frozenset())) == (
        reason("region_unknown", "It is not known where inference happens.", "regions", ("ch", "eu"), ()),
    )
    nowhere = rules.regions(asked(regions=frozenset()), case())
    assert [(found.code.value, found.required, found.actual) for found in nowhere] == [("region_not_allowed", (), ("eu",))]


def test_where_retained_data_lies_counts_unless_nothing_is_retained():
    eu = asked(regions=frozenset({"eu"}))
    stored = {"storage_regions": frozenset({"us"})}
    assert rules.regions(eu, case(retention=kept("zero"), **stored)) == ()
    (found,) = rules.regions(eu, case(retention=kept("limited", 1), **stored))
    assert (found.code.value, found.actual) == ("region_not_allowed", ("us",))
    assert rules.regions(eu, case(retention=kept("limited", 1), storage_regions=frozenset({"de"}))) == ()
    both = rules.regions(eu, case(retention=kept("unknown"), regions=frozenset(), **stored))
    assert [found.code.value for found in both] == ["region_unknown", "region_not_allowed"]


def test_providers():
    only = asked(providers_only=frozenset({"q", "a"}), providers_ignore=frozenset({"p", "b"}))
    assert rules.providers(only, case()) == (
        reason("provider_not_in_only", "The provider is not among those allowed.", "providers.only", ("a", "q"), "p"),
        reason("provider_ignored", "The provider is among those to be ignored.", "providers.ignore", ("b", "p"), "p"),
    )
    assert rules.providers(asked(providers_only=frozenset({"p"}), providers_ignore=frozenset({"q"})), case()) == ()
    assert rules.providers(asked(), case()) == ()
    assert [found.code.value for found in rules.providers(asked(providers_only=frozenset()), case())] == ["provider_not_in_only"]


def test_human_review():
    no = asked(human_review_allowed=False)
    assert rules.human_review(no, case()) == ()
    assert rules.human_review(asked(), case(human_review=HumanReview.YES)) == ()
    assert rules.human_review(no, case(human_review=HumanReview.YES)) == (
        reason("human_review_possible", "People at the provider may read content.", "human_review_allowed", False, "yes"),
    )
    text = "It is not known whether people at the provider read content."
    assert rules.human_review(no, case(human_review=HumanReview.UNKNOWN)) == (
        reason("human_review_unknown", text, "human_review_allowed", False, "unknown"),
    )


@pytest.mark.parametrize("least", [Confidence.SECONDARY, Confidence.PRIMARY])
@pytest.mark.parametrize("training", list(Confidence))
@pytest.mark.parametrize("retention", list(Confidence))
def test_confidence(least, training, retention):
    order = list(Confidence)
    found = rules.confidence(asked(min_confidence=least), case(training_confidence=training, retention_confidence=retention))
    lower = min(training, retention, key=order.index)
    if order.index(lower) >= order.index(least):
        assert found == ()
    else:
        text = f"Training and retention are known with confidence `{lower}`; at least `{least}` is asked."
        assert found == (reason("confidence_too_low", text, "min_confidence", least.value, lower.value),)
    assert rules.confidence(asked(), case(training_confidence=training, retention_confidence=retention)) == ()


def test_the_layers_of_a_reason_come_from_the_floor_up():
    requirement = merge(
        [(layer, Settings(training_allowed=False)) for layer in (Layer.REQUEST, Layer.GATEWAY, Layer.PROJECT)], DEFAULT_PRESETS
    )
    assert layers_of(requirement, "training_allowed") == (Layer.GATEWAY, Layer.PROJECT, Layer.REQUEST)
    assert layers_of(requirement, "regions") == ()


def test_block_defaults_of_the_samples_pass_everything():
    """The other tests of this file vary one fact from a case that passes all rules."""
    strict = asked(
        training_allowed=False,
        retention_days=0,
        paid_only=True,
        regions=frozenset({"eu"}),
        providers_only=frozenset({"p"}),
        human_review_allowed=False,
        min_confidence=Confidence.PRIMARY,
        flagged_copies_counted=True,
    )
    assert judge(strict, case(item=provider(policy=block()))) == ()


certified = st.frozensets(st.sampled_from(["soc2", "soc2-type2", "iso27001"]))
asking = st.builds(Settings, certifications=certified, data_class=st.none() | st.sampled_from([DataClass.REGULATED, DataClass.INTERNAL]))
standing_layers = st.lists(st.tuples(st.sampled_from(list(Layer)[:-1]), asking), max_size=3)


@given(standing_layers, asking, certified)
@settings(max_examples=500, deadline=None)
def test_no_request_is_permitted_what_its_key_is_not(layers, more, has):
    known = case(certifications=has, training_confidence=Confidence.PRIMARY, retention_confidence=Confidence.PRIMARY)
    key = merge(layers, DEFAULT_PRESETS)
    if not judge(tighten(key, Layer.REQUEST, more, DEFAULT_PRESETS), known):
        assert not judge(key, known)
