"""Review first: whatever an update changed, an account that has not accepted it is permitted no more than before, nor more than now.

The permitted sets before and after are the oracle's, which knows nothing of reviews.
"""

import collections
import datetime as dt
import itertools

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests import oracle
from tests.policy import universe
from tests.policy.comparison import share_of_examples
from tests.policy.test_oracle_agreement import oracle_requirement, presets
from tests.unit.policy import samples

from anyapi.catalogue.subjects import loosened, read, records_of, written
from anyapi.control.adopting import pasts
from anyapi.domain.call import NO_FACTS
from anyapi.domain.catalogue import Model, Status
from anyapi.domain.decision import ReasonCode, ReasonKind
from anyapi.domain.requirement import Layer, Settings
from anyapi.domain.snapshot import Past
from anyapi.policy.decide import decide
from anyapi.policy.merge import merge
from anyapi.storage.review_rows import HoldRow

ACCOUNT = "acct-1"


@st.composite
def other_provider(draw, name, record):
    """Mostly one part of a record is another: a change that is easy to take for none."""
    part = draw(
        st.sampled_from(("all", "policy", "policy", "provenance", "provenance", "regions", "certifications", "free_tier", "exceptions"))
    )
    fresh = draw(universe.providers(name))
    return fresh if part == "all" else msgspec.structs.replace(record, **{part: getattr(fresh, part)})


@st.composite
def other_endpoint(draw, number, names, record):
    fresh = draw(universe.endpoints(number, names))
    part = draw(st.sampled_from(("all", "region", "free", "status", "privacy_mode", "upstream_model")))
    return fresh if part == "all" else msgspec.structs.replace(record, **{part: getattr(fresh, part)})


@st.composite
def changed(draw, context):
    """The context after an update: some providers with other records, some endpoints with others, one more, one fewer."""
    catalogue = context.catalogue
    names = tuple(catalogue.providers)
    providers = {
        name: draw(other_provider(name, record)) if draw(st.booleans()) else record for name, record in catalogue.providers.items()
    }
    model = catalogue.models[universe.MODEL]
    kept = [draw(other_endpoint(number, names, each)) if draw(st.booleans()) else each for number, each in enumerate(model.endpoints)]
    ids = set()
    ends = [each for each in [*kept, *draw(st.lists(universe.endpoints(7, names), max_size=1))] if not (each.id in ids or ids.add(each.id))]
    models = {**catalogue.models, universe.MODEL: Model(model.id, model.name, model.author, endpoints=tuple(ends))}
    after = msgspec.structs.replace(catalogue, version="1" * 64, providers=providers, models=models)
    return msgspec.structs.replace(context, catalogue=after)


@st.composite
def dated(draw, context):
    """The context after an update in which most records are as they were but for their dates; the others changed, some with a new date too."""
    after = draw(changed(context))
    providers = {}
    for name, record in after.catalogue.providers.items():
        kept = context.catalogue.providers[name] if draw(st.integers(0, 3)) else record
        dates = {"verified_at": universe.TODAY, "valid_until": draw(st.sampled_from((None, None, universe.TODAY + dt.timedelta(days=90))))}
        later = msgspec.structs.replace(kept, provenance=msgspec.structs.replace(kept.provenance, **dates))
        providers[name] = later if draw(st.integers(0, 3)) else record
    return msgspec.structs.replace(after, catalogue=msgspec.structs.replace(after.catalogue, providers=providers))


def asked_about(old, new, now):
    """What adopting the update at `now` makes an account accept, with what it was before."""
    return dict(loosened(old.catalogue, new.catalogue, now, new.span_days))


def holds(old, new, now, number=1):
    return [HoldRow(ACCOUNT, subject, number, written(record), 0.0) for subject, record in asked_about(old, new, now).items()]


def checked_again(old, new, now):
    """The context of before, where what is not asked about was found as it was, on the day on which the new record says so."""
    asked, providers = asked_about(old, new, now), dict(old.catalogue.providers)
    for name, record in old.catalogue.providers.items():
        if f"provider:{name}" not in asked:
            later = new.catalogue.providers[name].provenance
            dates = {"verified_at": later.verified_at, "valid_until": later.valid_until}
            providers[name] = msgspec.structs.replace(record, provenance=msgspec.structs.replace(record.provenance, **dates))
    return msgspec.structs.replace(old, catalogue=msgspec.structs.replace(old.catalogue, providers=providers))


def reviewed(context, rows):
    return msgspec.structs.replace(context, held={ACCOUNT: pasts(rows)}) if rows else context


def by_policy(decision):
    """Endpoints that policy permits, with a credential or without."""
    denied = {one.endpoint.id for one in decision.denied if one.permitted_by_policy}
    return {one.endpoint.id for one in decision.permitted} | denied


def oracle_permits(required, facts, context, now):
    """Endpoints against which the oracle finds no code of policy, by (endpoint, credential): each credential judged alone."""
    found = set()
    plain_facts = msgspec.to_builtins(facts)
    policy_codes = {code.value for code in ReasonCode} - AVAILABILITY
    for provider in context.catalogue.providers:
        for credential in seen(context, provider) or (None,):
            alone = one_credential(context, provider, credential)
            verdicts = oracle.judge(required, universe.MODEL, plain_facts, msgspec.to_builtins(alone), ACCOUNT, now)
            found |= {
                (name, None if credential is None else credential.id)
                for name, verdict in verdicts.items()
                if name.partition("/")[0] == provider and not policy_codes & set(verdict["codes"])
            }
    return found


AVAILABILITY = {
    "no_credential", "no_adapter", "operation_unsupported", "endpoint_elsewhere", "not_deployed", "endpoint_retired", "context_too_short",
    "tags_unmatched", "parameters_unsupported", "price_too_high", "circuit_open", "not_preferred",
}  # fmt: skip


def seen(context, provider):
    return context.seen_by(ACCOUNT).credentials.get(provider, ())


def one_credential(context, provider, credential):
    """The same with this credential alone."""
    own = {} if credential is None or credential.account is None else {ACCOUNT: {provider: (credential,)}}
    operators = {provider: (credential,)} if credential is not None and credential.account is None else {}
    return msgspec.structs.replace(context, credentials=operators, own_credentials=own, held={})


def retired(context):
    return {each.id for each in context.catalogue.models[universe.MODEL].endpoints if each.status is Status.RETIRED}


def test_the_permitted_set_under_review_is_that_of_the_oracle_before_and_after():
    """For every credential apart: permitted exactly where the oracle permits under the old records and under the new."""
    counted = collections.Counter()

    @share_of_examples(0.02)
    @given(st.data(), universe.contexts(), st.lists(universe.layers(2, 3), min_size=1, max_size=2), presets, universe.request_facts)
    def compare(data, old, demands, chosen, facts):
        new = data.draw(changed(old))
        for layers, now in itertools.product([[], *demands], universe.INSTANTS[::2]):
            context = reviewed(new, holds(old, new, now))
            required = oracle_requirement(layers, chosen)
            decision = decide(merge(layers, chosen), universe.MODEL, facts, context, ACCOUNT, now)
            before, after = (oracle_permits(required, facts, each, now) for each in (old, new))
            was_retired = retired(old) - retired(new)
            either = {name for name, credential in after if (name, credential) in before and name not in was_retired}
            permitted = by_policy(decision)
            assert permitted <= {name for name, _ in before} & {name for name, _ in after}
            assert permitted == either
            counted["permitted"] += len(permitted)
            counted["withheld"] += len({name for name, _ in after} - permitted)
            for denial in decision.denied:
                counted["coded"] += any(reason.code is ReasonCode.REVIEW_PENDING for reason in denial.reasons)
                assert all(reason.kind is ReasonKind.POLICY for reason in denial.reasons if reason.code is ReasonCode.REVIEW_PENDING)
            elsewhere = decide(merge(layers, chosen), universe.MODEL, facts, context, "acct-2", now)
            plain = decide(merge(layers, chosen), universe.MODEL, facts, new, "acct-2", now)
            assert elsewhere == plain, "what one account has to accept is nothing to another"

    compare()
    print(dict(counted))
    assert min(counted["permitted"], counted["withheld"], counted["coded"]) > 20


def test_a_later_check_of_the_same_facts_is_not_asked_about_and_nothing_else_comes_in_with_it():
    """Long after the update: permitted is what the oracle permits under the new records and under the old ones, had they been checked then."""
    counted = collections.Counter()

    @share_of_examples(0.04)
    @given(
        st.data(),
        universe.contexts(),
        universe.layers(2, 3),
        presets,
        universe.request_facts,
        st.sampled_from((0.0, 0.5, 86400.0, 40 * 86400.0)),
    )
    def compare(data, old, layers, chosen, facts, passed):
        new, adopted = data.draw(dated(old)), data.draw(universe.instants)
        renewed = checked_again(old, new, adopted)
        required, context = oracle_requirement(layers, chosen), reviewed(new, holds(old, new, adopted))
        permitted = by_policy(decide(merge(layers, chosen), universe.MODEL, facts, context, ACCOUNT, adopted + passed))
        before, after = ({name for name, _ in oracle_permits(required, facts, each, adopted + passed)} for each in (renewed, new))
        assert permitted <= before & after
        counted["permitted"] += len(permitted)
        counted["withheld"] += len(after - permitted)

    compare()
    print(dict(counted))
    assert min(counted["permitted"], counted["withheld"]) > 5


def test_a_record_that_was_checked_again_in_time_outlives_its_first_end_and_one_that_came_too_late_waits():
    first, again = (
        samples.provider("a", record=samples.provenance(verified_at=samples.COMPILED + dt.timedelta(days=days))) for days in (0, 100)
    )
    old, new = (samples.context([record], [samples.endpoint("a")]) for record in (first, again))
    end = samples.NOW + 200 * 86400.0
    for adopted, found in ((samples.NOW + 100 * 86400.0, {"a/one"}), (end - 1, set())):
        context = reviewed(new, holds(old, new, adopted))
        strict = merge([(Layer.ACCOUNT, Settings(training_allowed=False))], {})
        assert by_policy(decide(strict, samples.MODEL, NO_FACTS, context, ACCOUNT, end)) == found


@share_of_examples(0.005)
@given(st.data(), universe.contexts(), universe.layers(2, 3), presets, universe.request_facts, universe.instants)
def test_after_two_updates_nothing_is_permitted_that_one_of_the_three_states_denies(data, first, layers, chosen, facts, now):
    """And each change that is accepted can only permit more, up to what is permitted without a review."""
    second = data.draw(changed(first))
    third = data.draw(changed(second))
    rows = [*holds(first, second, now, 1), *holds(second, third, now, 2)]

    def permitted(context):
        return by_policy(decide(merge(layers, chosen), universe.MODEL, facts, context, ACCOUNT, now))

    under_review = permitted(reviewed(third, rows))
    assert under_review <= permitted(first) & permitted(second) & permitted(third)
    so_far = under_review
    for subject in data.draw(st.permutations(sorted({row.subject for row in rows}))):
        rows = [row for row in rows if row.subject != subject]
        more = permitted(reviewed(third, rows))
        assert more <= permitted(third)
        so_far = more
    assert so_far == permitted(third)


@share_of_examples(0.0025)
@given(st.data(), universe.contexts(), universe.layers(2, 3), presets, universe.request_facts, universe.instants)
def test_too_many_states_deny_what_changed_outright(data, old, layers, chosen, facts, now):
    new = data.draw(changed(old))
    rows = [msgspec.structs.replace(row, number=number) for number in range(1, 40) for row in holds(old, new, now)]
    odd = [
        msgspec.structs.replace(row, before=written(data.draw(universe.providers(row.subject.partition(":")[2]))))
        if row.subject.startswith("provider:")
        else row
        for row in rows
    ]

    def permitted(context):
        return by_policy(decide(merge(layers, chosen), universe.MODEL, facts, context, ACCOUNT, now))

    assert len(pasts(odd)) <= 16
    assert permitted(reviewed(new, odd)) <= permitted(new)


@share_of_examples(0.005)
@given(st.data(), universe.contexts(), universe.layers(2, 3), presets, universe.request_facts, universe.instants)
def test_what_counts_as_no_loosening_permits_nothing_more(data, old, layers, chosen, facts, now):
    """The records that an account is not asked about: with them replaced and nothing else, nobody is permitted more."""
    new = data.draw(changed(old))
    asked = asked_about(old, new, now)
    providers = {
        name: record if f"provider:{name}" not in asked else old.catalogue.providers[name]
        for name, record in new.catalogue.providers.items()
    }
    model = new.catalogue.models[universe.MODEL]
    known = {each.id: each for each in old.catalogue.models[universe.MODEL].endpoints}
    ends = tuple(
        known[each.id] if f"endpoint:{each.id}" in asked else each
        for each in model.endpoints
        if each.id in known or f"endpoint:{each.id}" not in asked
    )
    models = {**new.catalogue.models, universe.MODEL: msgspec.structs.replace(model, endpoints=ends)}
    quiet = msgspec.structs.replace(new, catalogue=msgspec.structs.replace(new.catalogue, providers=providers, models=models))

    def permitted(context):
        return by_policy(decide(merge(layers, chosen), universe.MODEL, facts, context, ACCOUNT, now))

    assert permitted(quiet) <= permitted(old)


@share_of_examples(0.003)
@given(st.data(), universe.contexts(), universe.instants)
def test_a_record_survives_the_store(data, old, now):
    new = data.draw(changed(old))
    for subject, record in asked_about(old, new, now).items():
        assert read(subject, written(record)) == record
        assert records_of(new.catalogue).get(subject) is not None


def test_what_cannot_be_read_any_more_is_denied():
    assert read("provider:a", '{"id": 1}') is None
    assert pasts([HoldRow(ACCOUNT, "provider:a", 1, "nonsense", 0.0)]) == (Past({"a": None}, {}),)
