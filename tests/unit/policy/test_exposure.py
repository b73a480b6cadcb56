"""The exposure ledger out of requests and facts: what each provider holds until when; and whatever is not known stays unknown."""

import datetime as dt

import msgspec
import pytest
from tests.unit.policy.samples import NOW, at, block, context, credential, endpoint, kept, provenance, provider

from anyapi.domain.catalogue import Override, PolicyException, Selector
from anyapi.domain.exposure import Keeping, Recipient, RetentionClock
from anyapi.domain.snapshot import Agreement
from anyapi.policy.exposure import FactsThen, Period, clock, ledger
from anyapi.policy.standing import DAY

THEN = at(2026, 12, 1)
"""The UTC day that the requests were sent on."""


def sent(**changes):
    values = {
        "account": "acme",
        "app": "shop",
        "key": "key_1",
        "data_class": None,
        "endpoint": "p/one",
        "provider": "p",
        "credential": "p-key",
        "host": None,
        "requests": 1,
        "first_at": THEN + 10,
        "last_at": THEN + 20,
    }
    return Recipient(**{**values, **changes})


def facts(retention=None, *, periods=None, more=(), **fields):
    today = context([provider(policy=block(retention=retention or kept("limited", 30)), **fields), *more])
    return FactsThen(periods or [Period(0.0, today.catalogue)], today)


def only(found):
    (one,) = found.entries
    return one


@pytest.mark.parametrize(
    ("retention", "kind", "days", "until"),
    [
        (kept(), Keeping.NOTHING, 0.0, None),
        (kept("limited", 30), Keeping.UNTIL, 30.0, THEN + 20 + 30 * DAY),
        (kept("limited", 0), Keeping.UNTIL, 1.0, THEN + 20 + DAY),
        (kept("limited", 0.5), Keeping.UNTIL, 0.5, THEN + 20 + DAY / 2),
        (kept("compliance", 14), Keeping.UNTIL, 14.0, THEN + 20 + 14 * DAY),
        (kept("limited"), Keeping.UNKNOWN, None, None),
        (kept("compliance"), Keeping.UNKNOWN, None, None),
        (kept("unknown"), Keeping.UNKNOWN, None, None),
        (kept("unknown", 30), Keeping.UNKNOWN, None, None),
        (kept("indefinite"), Keeping.INDEFINITELY, None, None),
    ],
)
def test_until_when(retention, kind, days, until):
    assert clock(retention, THEN + 20) == RetentionClock(kind, days, until)
    assert only(ledger([sent()], facts(retention), NOW)).main == RetentionClock(kind, days, until)


def test_alike_is_added_up_and_the_last_one_counts():
    days = [sent(first_at=THEN + number * DAY, last_at=THEN + number * DAY + 5, requests=number + 1) for number in range(5)]
    found = ledger(days, facts(kept("limited", 3)), THEN + 4 * DAY + 10)
    one = only(found)
    assert (one.requests, one.first_at, one.last_at, one.main.until) == (15, THEN, THEN + 4 * DAY + 5, THEN + 7 * DAY + 5)
    assert (one.held, one.held_requests) == (True, 3 + 4 + 5), "the days of which something is held, whole"
    assert (found.since, found.requests, found.at) == (THEN, 15, THEN + 4 * DAY + 10)


def test_what_should_be_gone_is_not_held():
    one = only(ledger([sent()], facts(kept("limited", 1)), THEN + 20 + DAY))
    assert (one.held, one.held_requests) == (False, 0)
    assert only(ledger([sent()], facts(kept("limited", 1)), THEN + 19 + DAY)).held
    assert not only(ledger([sent()], facts(kept()), THEN + 21)).held


def test_lines_differ_by_app_key_class_host_and_endpoint():
    changes = [{}, {"app": None}, {"key": "key_2"}, {"data_class": "internal"}, {"host": "h"}, {"account": "other"}]
    found = ledger([sent(**change) for change in changes], facts(), NOW)
    assert len(found.entries) == len(changes)


def test_the_longest_held_stands_first():
    kinds = {"a": kept(), "b": kept("limited", 3), "c": kept("limited", 30), "d": kept("indefinite"), "e": kept("unknown")}
    today = context([provider(name, block(retention=retention)) for name, retention in kinds.items()])
    rows = [sent(provider=name, endpoint=f"{name}/one", credential=f"{name}-key") for name in kinds]
    found = ledger(rows, FactsThen([Period(0.0, today.catalogue)], today), THEN + 40)
    assert [one.provider for one in found.entries] == ["e", "d", "c", "b", "a"]


def test_an_endpoint_that_nobody_knows_any_more_is_unknown_and_still_named():
    one = only(ledger([sent(endpoint="gone/one", provider="")], facts(kept()), NOW))
    assert (one.provider, one.main.kept, one.training, one.held) == ("gone", Keeping.UNKNOWN, "unknown", True)


def test_a_catalogue_that_is_not_kept_leaves_everything_unknown():
    today = context([provider()])
    then = FactsThen([Period(0.0, None), Period(THEN + DAY, today.catalogue)], today)
    assert only(ledger([sent()], then, NOW)).main.kept is Keeping.UNKNOWN
    assert only(ledger([sent(first_at=THEN + DAY, last_at=THEN + DAY)], then, NOW)).main.kept is Keeping.NOTHING


def test_before_the_first_catalogue_nothing_is_known():
    today = context([provider()])
    assert only(ledger([sent()], FactsThen([], today), NOW)).main.kept is Keeping.UNKNOWN
    assert only(ledger([sent()], FactsThen([Period(THEN + 100, today.catalogue)], today), NOW)).main.kept is Keeping.UNKNOWN


def test_the_facts_of_then_count_and_not_those_of_today():
    before = context([provider(policy=block(retention=kept("limited", 30)))]).catalogue
    today = context([provider()])
    then = FactsThen([Period(0.0, before), Period(THEN + 100, today.catalogue)], today)
    found = ledger([sent(), sent(first_at=THEN + 100, last_at=THEN + 100, requests=5)], then, NOW)
    assert [(one.main.kept, one.requests) for one in found.entries] == [(Keeping.UNTIL, 1), (Keeping.NOTHING, 5)]


def test_an_expired_record_is_unknown_from_that_day_on():
    then = facts(kept(), record=provenance(valid_until=dt.date(2026, 12, 2)))
    assert only(ledger([sent()], then, NOW)).main.kept is Keeping.NOTHING
    assert only(ledger([sent(first_at=THEN + DAY, last_at=THEN + DAY + 1)], then, NOW)).main.kept is Keeping.UNKNOWN


def test_an_agreement_counts_between_its_dates_and_for_its_credential_alone():
    signed = Agreement("zdr", "p", "ann", "doc", dt.date(2026, 12, 1), dt.date(2026, 12, 3), frozenset({"p-key"}), retention=kept())
    today = context([provider(policy=block(retention=kept("limited", 30)))], agreements=(signed,))
    then = FactsThen([Period(0.0, today.catalogue)], today)

    def on(day, **changes):
        moment = THEN + day * DAY
        return only(ledger([sent(first_at=moment, last_at=moment, **changes)], then, NOW))

    assert [on(day).main.kept for day in (-1, 0, 1, 2)] == [Keeping.UNTIL, Keeping.NOTHING, Keeping.NOTHING, Keeping.UNTIL]
    assert (on(0).grade, on(0).agreements) == ("contracted", ("zdr",))
    assert on(0, credential="another").main.kept is Keeping.UNTIL


def test_an_operators_agreement_says_nothing_of_an_accounts_key_that_is_gone():
    signed = Agreement("zdr", "p", "ann", "doc", dt.date(2026, 1, 1), dt.date(2027, 1, 1), retention=kept())
    today = context([provider(policy=block(retention=kept("limited", 30)))], agreements=(signed,))
    then = FactsThen([Period(0.0, today.catalogue)], today)
    assert only(ledger([sent(credential="own:gone")], then, NOW)).main.kept is Keeping.UNTIL
    assert only(ledger([sent()], then, NOW)).main.kept is Keeping.NOTHING


def test_an_accounts_own_key_has_its_own_agreements():
    signed = Agreement("mine", "p", "ann", "doc", dt.date(2026, 1, 1), dt.date(2027, 1, 1), frozenset({"own:1"}), retention=kept())
    own = credential("p", "own:1", account="acme", agreements=(signed,))
    today = msgspec.structs.replace(
        context([provider(policy=block(retention=kept("limited", 30)))]), own_credentials={"acme": {"p": (own,)}}
    )
    then = FactsThen([Period(0.0, today.catalogue)], today)
    assert only(ledger([sent(credential="own:1")], then, NOW)).agreements == ("mine",)
    assert only(ledger([sent(credential="own:1", account="other")], then, NOW)).main.kept is Keeping.UNTIL


def test_a_credential_that_is_gone_counts_as_of_an_undeclared_tier():
    then = facts(kept(), free_tier=block(retention=kept("indefinite")))
    assert only(ledger([sent()], then, NOW)).main.kept is Keeping.NOTHING
    assert only(ledger([sent(credential="gone")], then, NOW)).main.kept is Keeping.INDEFINITELY


def test_what_a_provider_stated_against_its_promise_leaves_it_unknown():
    today = context([provider()], contradicted={"p/one": {"p-key": frozenset({"retained"})}})
    one = only(ledger([sent()], FactsThen([Period(0.0, today.catalogue)], today), NOW))
    assert (one.main.kept, one.grade) == (Keeping.UNKNOWN, "contradicted")
    gone = context([provider()], credentials=[], contradicted={"p/one": {"p-key": frozenset({"retained"})}})
    assert only(ledger([sent()], FactsThen([Period(0.0, gone.catalogue)], gone), NOW)).main.kept is Keeping.UNKNOWN


def test_what_a_row_does_not_tell_counts_as_the_worse():
    searching = PolicyException(Selector(features=("google-search-grounding",)), Override(retention=kept("limited", 30)))
    assert only(ledger([sent()], facts(kept(), exceptions=(searching,)), NOW)).main == RetentionClock(
        Keeping.UNTIL, 30.0, THEN + 20 + 30 * DAY
    )
    making = PolicyException(Selector(features=("image-output",)), Override(retention=kept("limited", 60)))
    for exceptions in ((searching, making), (making, searching)):
        assert only(ledger([sent()], facts(kept(), exceptions=exceptions), NOW)).main.days == 60.0


def test_flagged_copies_have_a_clock_of_their_own():
    flagged = PolicyException(Selector(features=("flagged-content",)), Override(retention=kept("limited", 90)))
    one = only(ledger([sent()], facts(kept(), exceptions=(flagged,)), NOW))
    assert one.main.kept is Keeping.NOTHING
    assert one.flagged == RetentionClock(Keeping.UNTIL, 90.0, THEN + 20 + 90 * DAY)


def test_a_local_server_is_the_operators_own():
    assert only(ledger([sent()], facts(kept(), kind="local"), NOW)).local
    assert not only(ledger([sent()], facts(kept()), NOW)).local


def test_facts_are_looked_up_once_a_day(monkeypatch):
    calls = []
    then = facts()
    look = FactsThen._look
    monkeypatch.setattr(FactsThen, "_look", lambda self, place, one: calls.append(one) or look(self, place, one))
    ledger([sent(app=str(number)) for number in range(50)], then, NOW)
    assert len(calls) == 1


def test_nothing_sent():
    found = ledger([], facts(), NOW)
    assert (found.entries, found.since, found.requests) == ((), None, 0)


def test_an_unused_endpoint_is_no_exposure():
    assert len(ledger([sent()], facts(more=[provider("q")]), NOW).entries) == 1
    assert endpoint("q").id == "q/one"
