"""T03: laws of the meet, and agreement of the policy core with an oracle that was written apart from it.

2,000 Hypothesis examples in the normal run, 20,000 with ANYAPI_TEST_LONG=1, shared out in SHARES. Deterministic: the examples
are derived from the tests themselves.
"""

import collections
import itertools

import msgspec
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from tests import oracle
from tests.policy import finite, universe
from tests.policy.comparison import EXAMPLES, requirement_differences, share_of_examples, verdict_differences

from anyapi.domain.call import Facts
from anyapi.domain.catalogue import Auth, Catalogue, Endpoint, Model, Provider, ProviderApi, ProviderKind
from anyapi.domain.data_policy import (
    UNKNOWN_RETENTION,
    Confidence,
    HumanReview,
    PolicyBlock,
    Provenance,
    Training,
    ZeroRetention,
)
from anyapi.domain.decision import AVAILABILITY, ReasonCode, ReasonKind
from anyapi.domain.requirement import SETTING_NAMES, DataClass, Layer, Requirement, Settings
from anyapi.domain.snapshot import Credential, PolicyContext, Tier
from anyapi.policy.decide import decide
from anyapi.policy.merge import DEFAULT_PRESETS, lift, meet, merge

SHARES = {
    "decision": 0.40,
    "requirement": 0.15,
    "algebra": 0.10,
    "tightening": 0.15,
    "nothing": 0.05,
    "unknown": 0.05,
    "round_trip": 0.05,
    "evidence": 0.05,
}

pytestmark = pytest.mark.timeout(3600 if EXAMPLES > 2_000 else 300)
presets = universe.presets(DEFAULT_PRESETS)


def examples(share: str):
    """The Hypothesis settings of one property."""
    return share_of_examples(SHARES[share])


def plain_layers(layers: list) -> list:
    """Layers and settings as the oracle takes them."""
    return [(layer.value, msgspec.to_builtins(settings)) for layer, settings in layers]


def oracle_requirement(layers: list, chosen: dict) -> dict:
    """The oracle's requirement for the product's values."""
    return oracle.requirement(plain_layers(layers), msgspec.to_builtins(chosen))


def test_the_shares_are_the_whole():
    assert sum(round(EXAMPLES * share) for share in SHARES.values()) == EXAMPLES


def test_decisions_are_those_of_the_oracle():
    """Permitted endpoints, their credential and facts, and every code of the denied; at each instant, and until the decision says."""
    seen: collections.Counter = collections.Counter()

    @examples("decision")
    @given(
        universe.contexts(),
        st.lists(universe.layers(3, 3, least=1), min_size=1, max_size=3),
        presets,
        universe.request_facts,
        universe.accounts,
    )
    def compare(context, demands, chosen, facts, account):
        plain_context, plain_facts = msgspec.to_builtins(context), msgspec.to_builtins(facts)
        for layers in [[], *demands]:
            required, requirement = oracle_requirement(layers, chosen), merge(layers, chosen)
            judged = {now: oracle.judge(required, universe.MODEL, plain_facts, plain_context, account, now) for now in universe.INSTANTS}
            for now, verdicts in judged.items():
                decision = decide(requirement, universe.MODEL, facts, context, account, now)
                assert verdict_differences(decision, verdicts, facts=True) == []
                assert decision.valid_until > now
                assert all(
                    (reason.code in AVAILABILITY) is (reason.kind is ReasonKind.AVAILABILITY)
                    for one in decision.denied
                    for reason in one.reasons
                )
                for later, still in judged.items():
                    if now < later < decision.valid_until:
                        assert verdict_differences(decision, still) == [], f"valid until {decision.valid_until}, but not at {later}"
                seen["decisions"] += 1
                for verdict in verdicts.values():
                    seen.update(verdict["codes"] or ("permitted",))

    compare()
    print(dict(seen))
    never_here = {
        code
        for code in ReasonCode
        if code in ("parameters_unsupported", "price_too_high", "circuit_open", "not_preferred", "review_pending")
    }
    assert set(seen) == {"decisions", "permitted", *ReasonCode} - never_here, "the generators no longer reach every code"


@examples("requirement")
@given(universe.layers(5, 4), presets)
def test_requirements_are_those_of_the_oracle(layers, chosen):
    required = oracle_requirement(layers, chosen)
    requirement = merge(layers, chosen)
    assert requirement_differences(requirement, required) == []
    assert requirement.needs_durable_record == oracle.durable_record_needed(required)


@examples("algebra")
@given(universe.layers(2, 4), universe.layers(2, 4), universe.layers(2, 4), presets)
@example([(Layer.KEY, Settings(retention_days=0.0))], [(Layer.KEY, Settings(retention_days=-0.0))], [], DEFAULT_PRESETS)
@example([(Layer.KEY, Settings(retention_days=30.0))], [(Layer.REQUEST, Settings(retention_days=30.0))], [], DEFAULT_PRESETS)
def test_the_meet_is_a_meet(first, second, third, chosen):
    a, b, c = (merge(layers, chosen) for layers in (first, second, third))
    top = merge([], chosen)
    assert meet(a, b) == meet(b, a)
    assert meet(meet(a, b), c) == meet(a, meet(b, c))
    assert meet(a, a) == a == meet(a, top) == meet(top, a)
    assert meet(meet(a, b), a) == meet(a, b)
    assert merge(first + second, chosen) == meet(a, b) == merge(list(reversed(first + second)), chosen)
    for layer, settings in first:
        assert merge([(layer, settings)], chosen) == lift(layer, settings, chosen)
        assert meet(a, lift(layer, settings, chosen)) == a


def _answers_for_its_class(asked: Requirement, layer: Layer) -> bool:
    """Whether a class waits for a certification to be named, and this layer is one that may: that one thing may admit more."""
    turn, wanting = list(Layer), asked.layers.get("certifications_must_be_named", ())
    return asked.lacks_named_certifications and turn.index(layer) <= max(1, min(map(turn.index, wanting)))


@examples("tightening")
@given(
    universe.contexts(),
    universe.layers(2),
    st.sampled_from(Layer),
    universe.settings(3),
    presets,
    universe.request_facts,
    universe.accounts,
    universe.instants,
)
def test_one_source_more_never_permits_more(context, layers, layer, more, chosen, facts, account, now):
    def permitted(asked):
        return {candidate.endpoint.id for candidate in decide(merge(asked, chosen), universe.MODEL, facts, context, account, now).permitted}

    assume(not _answers_for_its_class(merge(layers, chosen), layer))
    assert permitted([*layers, (layer, more)]) <= permitted(layers)
    stricter = dict.fromkeys(more.__struct_fields__)
    for name in stricter:
        one = msgspec.structs.replace(Settings(), **{name: getattr(more, name)})
        assert permitted([*layers, (layer, more)]) <= permitted([*layers, (layer, one)]) <= permitted(layers), name


@examples("evidence")
@given(
    universe.contexts(),
    st.data(),
    universe.layers(2),
    presets,
    universe.request_facts,
    universe.accounts,
    universe.instants,
)
def test_evidence_never_permits_more(context, data, layers, chosen, facts, account, now):
    """Nor does it change what is permitted to one who asks nothing."""
    before = context.contradicted
    merged = {place: dict(codes) for place, codes in before.items()}
    for place, found in data.draw(universe.evidence(context)).items():
        for name, codes in found.items():
            known = merged.setdefault(place, {})
            known[name] = known.get(name, frozenset()) | codes

    def permitted(asked, contradicted):
        among = msgspec.structs.replace(context, contradicted=contradicted)
        return {one.endpoint.id for one in decide(merge(asked, chosen), universe.MODEL, facts, among, account, now).permitted}

    assert permitted(layers, merged) <= permitted(layers, before) <= permitted(layers, {})
    assert permitted([], merged) == permitted([], {})


@examples("nothing")
@given(universe.layers(), st.sampled_from(Layer), presets)
def test_settings_that_ask_nothing_change_nothing(layers, layer, chosen):
    assert merge([*layers, (layer, Settings())], chosen) == merge(layers, chosen)
    assert merge([(layer, Settings()), *layers], chosen) == merge(layers, chosen)
    public = DEFAULT_PRESETS | {DataClass.PUBLIC: Settings()}
    with_class = merge([*layers, (layer, Settings(data_class=DataClass.PUBLIC))], public)
    without = merge(layers, public)
    assert [getattr(with_class, name) for name in SETTING_NAMES] == [getattr(without, name) for name in SETTING_NAMES]
    assert {name: with_class.layers.get(name) for name in SETTING_NAMES} == {name: without.layers.get(name) for name in SETTING_NAMES}


_UNKNOWN_BLOCK = PolicyBlock(Training.UNKNOWN, UNKNOWN_RETENTION, ZeroRetention.UNKNOWN, HumanReview.UNKNOWN)
_KNOWN = Provenance(Confidence.PRIMARY, verified_at=universe.TODAY)


def _context_of(provider: Provider) -> PolicyContext:
    endpoint = Endpoint("nebula/one", "nebula", universe.MODEL, "one")
    return PolicyContext(
        Catalogue(
            "0" * 64, universe.TODAY, {"nebula": provider}, {universe.MODEL: Model(universe.MODEL, "One", "acme", endpoints=(endpoint,))}
        ),
        {"nebula": (Credential("nebula-0", "nebula", Tier.PAID),)},
        served_protocols=frozenset({"openai-chat"}),
    )


def _nebula(block: PolicyBlock, provenance: Provenance, **more) -> Provider:
    return Provider(
        "nebula",
        "Nebula",
        ProviderKind.FIRST_PARTY,
        ProviderApi("https://example.org", "openai-chat", Auth.BEARER),
        block,
        provenance,
        **more,
    )


@examples("unknown")
@given(universe.settings(1), universe.blocks, universe.layers(1))
def test_whatever_is_unknown_is_denied_under_any_constraint_on_it(asked, block, more):
    """A provider of which nothing is known, and one whose record has just expired, pass no constraint on a fact."""
    on_facts = set(Settings.__struct_fields__) - {
        "paid_only",
        "providers_only",
        "providers_ignore",
        "flagged_copies_counted",
        "data_class",
        "more_classes",
    }
    assume(any(getattr(asked, name) != getattr(Settings(), name) for name in on_facts))
    nothing_known = _nebula(_UNKNOWN_BLOCK, Provenance(Confidence.NONE, verified_at=universe.TODAY))
    expired = _nebula(
        block,
        msgspec.structs.replace(_KNOWN, valid_until=universe.TODAY),
        certifications=universe.CERTIFICATIONS,
        regions=("us", "eu"),
    )
    for provider in (nothing_known, expired):
        requirement = merge([(Layer.REQUEST, asked), *more], DEFAULT_PRESETS)
        decision = decide(requirement, universe.MODEL, Facts(), _context_of(provider), None, universe.MIDNIGHT)
        assert decision.permitted == ()
        assert all(reason.kind is ReasonKind.POLICY for reason in decision.denied[0].reasons)


@examples("round_trip")
@given(universe.settings(10), presets)
def test_settings_survive_the_wire(settings, chosen):
    encoded = msgspec.json.encode(settings, order="deterministic")
    again = msgspec.json.decode(encoded, type=Settings)
    assert again == settings
    assert msgspec.json.encode(again, order="deterministic") == encoded
    assert lift(Layer.KEY, again, chosen) == lift(Layer.KEY, settings, chosen)
    requirement = merge([(Layer.KEY, settings)], chosen)
    assert msgspec.json.decode(msgspec.json.encode(requirement), type=Requirement) == requirement


def test_the_hash_tells_requirements_apart():
    """Equal requirements have one hash, different ones differ: for every setting, alone and in pairs."""
    singles = [
        Settings(training_allowed=False),
        Settings(retention_days=30.0),
        Settings(retention_days=0.0),
        Settings(paid_only=True),
        Settings(certifications=frozenset({"soc2"})),
        Settings(regions=frozenset()),
        Settings(regions=frozenset({"eu"})),
        Settings(providers_only=frozenset()),
        Settings(providers_only=frozenset({"alpha"})),
        Settings(providers_ignore=frozenset({"alpha"})),
        Settings(human_review_allowed=False),
        Settings(min_confidence=Confidence.PRIMARY),
        Settings(flagged_copies_counted=True),
        *(Settings(data_class=name) for name in DataClass),
    ]
    by_hash: dict = {}
    for first, second in itertools.product([Settings(), *singles], repeat=2):
        merged = merge([(Layer.KEY, first), (Layer.KEY, second)], DEFAULT_PRESETS)
        same = by_hash.setdefault(merged.hash, merged)
        assert same == merged
        assert len(merged.hash) == 32
    assert len(by_hash) > len(singles)


def test_an_error_while_judging_denies_that_endpoint_only():
    """An endpoint whose provider is missing from the catalogue is denied; its neighbour is judged as if it stood alone."""
    context = finite.small_context()
    stray = Endpoint("nobody/one", "nobody", universe.MODEL, "one")
    model = context.catalogue.models[universe.MODEL]
    broken = msgspec.structs.replace(
        context,
        catalogue=msgspec.structs.replace(
            context.catalogue, models={universe.MODEL: msgspec.structs.replace(model, endpoints=(stray, *model.endpoints))}
        ),
    )
    requirement = merge([(Layer.KEY, Settings(retention_days=30.0))], DEFAULT_PRESETS)
    whole = decide(requirement, universe.MODEL, Facts(), context, "acct-1", universe.MIDNIGHT)
    with_stray = decide(requirement, universe.MODEL, Facts(), broken, "acct-1", universe.MIDNIGHT)
    assert with_stray.permitted == whole.permitted
    assert [denial for denial in with_stray.denied if denial.endpoint.id != stray.id] == list(whole.denied)
    assert [reason.code for denial in with_stray.denied if denial.endpoint.id == stray.id for reason in denial.reasons] == [
        ReasonCode.JUDGING_FAILED
    ]
