"""What requests share: merged requirements, remembered decisions and their ends, ranking by health, adapters, app fields."""

import datetime as dt
import hashlib
import json

import msgspec
import pytest
from tests.unit.gateway.workbench import DISCLOSURE, KEY, Clock, chat, outlets, principal, snapshot
from tests.unit.policy.samples import MODEL, NOW, block, context, endpoint, provenance, provider
from tests.unit.wire.peers import on_loop

from anyapi.domain.call import NO_FACTS, NO_PREFERENCE, App
from anyapi.domain.catalogue import Price
from anyapi.domain.data_policy import Training
from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.domain.requirement import Layer, Settings
from anyapi.domain.snapshot import Agreement
from anyapi.errors import BadRequest, ModelNotFound, NoEligibleEndpoint, Overloaded
from anyapi.gateway import memo
from anyapi.gateway.call import Call
from anyapi.gateway.formats.anthropic_messages import MessagesRequest
from anyapi.gateway.formats.openai_chat import parse
from anyapi.gateway.formats.policy_fields import app_of
from anyapi.gateway.health import FAILURES, OPEN_SECONDS
from anyapi.gateway.plane import MOST_REMEMBERED, RERANK_SECONDS, DataPlane
from anyapi.policy.merge import DEFAULT_PRESETS, UNCONSTRAINED, lift, meet
from anyapi.upstream.anthropic import AnthropicAdapter
from anyapi.upstream.hub import MessagesOverChat
from anyapi.upstream.openai_chat import OpenAIChat

DAY = 86400.0


def planes(base=None, requirement=UNCONSTRAINED, clock=None, **fields):
    """A plane over `base`, by default two providers of which the first trains."""
    base = base or context([provider("p", block(training="by_default")), provider("q")])
    return DataPlane(snapshot(base, requirement), outlets(**fields), DISCLOSURE, clock or Clock())


def request(**fields):
    return parse(json.dumps(chat(**fields)).encode())


def call(*headers):
    one = Call()
    for name, value in headers:
        one.take(name, value)
    return one


NO_TRAINING = {"data_policy": {"training_allowed": False}}
CALLER = principal()


def permitted(decided):
    return [candidate.endpoint.id for decision in decided.decisions for candidate in decision.permitted]


# --- ask


@on_loop
async def test_nothing_asked_is_the_callers_own_requirement():
    plane = planes()
    asked = plane.ask(CALLER, call(), request())
    assert asked.requirement is CALLER.requirement
    assert asked.preference is NO_PREFERENCE
    assert plane.ask(CALLER, call(), request(temperature=1)) is asked


@on_loop
async def test_body_and_headers_are_met():
    plane = planes()
    asked = plane.ask(
        CALLER,
        call((b"X-AnyAPI-Retention-Days", b"7"), (b"X-AnyAPI-Retention-Days", b"3"), (b"X-AnyAPI-App-ID", b"shop")),
        request(data_policy={"retention_days": 30, "training_allowed": False}, provider={"only": ["q"]}),
    )
    one = asked.requirement
    assert (one.retention_days, one.training_allowed, one.providers_only) == (3, False, {"q"})
    assert one.layers["retention_days"] == {Layer.REQUEST}


@on_loop
async def test_a_request_can_only_tighten():
    strict = lift(Layer.KEY, Settings(training_allowed=False, retention_days=1), DEFAULT_PRESETS)
    plane = planes()
    asked = plane.ask(principal(strict), call(), request(data_policy={"training_allowed": True, "retention_days": 3650}))
    assert (asked.requirement.training_allowed, asked.requirement.retention_days) == (False, 1)
    assert meet(asked.requirement, strict) == asked.requirement


@on_loop
async def test_equal_questions_are_merged_once():
    plane = planes()
    first = plane.ask(CALLER, call((b"x-anyapi-retention-days", b"7")), request(**NO_TRAINING))
    assert plane.ask(CALLER, call((b"X-AnyAPI-Retention-Days", b" 7 ")), request(**NO_TRAINING, stream=True)) is first
    assert plane.ask(CALLER, call((b"x-anyapi-app-id", b"a"), (b"x-anyapi-retention-days", b"7")), request(**NO_TRAINING)) is first
    others = [
        plane.ask(CALLER, call((b"x-anyapi-retention-days", b"8")), request(**NO_TRAINING)),
        plane.ask(CALLER, call(), request(**NO_TRAINING)),
        plane.ask(CALLER, call((b"x-anyapi-retention-days", b"7")), request()),
        plane.ask(principal(msgspec.structs.replace(UNCONSTRAINED)), call((b"x-anyapi-retention-days", b"7")), request(**NO_TRAINING)),
    ]
    assert all(other is not first for other in others)


@on_loop
async def test_long_policies_are_not_remembered_but_hold():
    plane = planes()
    ids = ["q"] * (MOST_REMEMBERED // 4)
    asked = plane.ask(CALLER, call(), request(provider={"only": ids}))
    assert asked.requirement.providers_only == {"q"}
    assert plane._asked == {}


@on_loop
async def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(memo, "MOST_ASKED", 10)
    monkeypatch.setattr(memo, "MOST_JUDGED", 40)
    plane = planes()
    for days in range(100):
        given = request(data_policy={"retention_days": days})
        asked = plane.ask(CALLER, call(), given)
        decided = plane.decide(asked, given, CALLER.account)
        assert plane.decide(asked, given, CALLER.account) is decided
        held = [found for each in plane._asked.values() for found in each.memo.values()]
        assert sum(len(each.permitted) + len(each.denied) for found in held for each in found.decisions) <= 40
        assert len(plane._asked) <= 10


@pytest.mark.parametrize(
    "broken",
    [
        {"data_policy": {"training_allowed": "no"}},
        {"data_policy": {"nonsense": 1}},
        {"provider": {"only": ["nobody"]}},
        {"providerOptions": {"gateway": {"nonsense": True}}},
    ],
)
@on_loop
async def test_what_is_not_understood_is_refused_every_time(broken):
    plane = planes()
    for _ in range(2):
        with pytest.raises(BadRequest):
            plane.ask(CALLER, call(), request(**broken))
    assert plane._asked == {}


@on_loop
async def test_unknown_headers_are_refused():
    plane = planes()
    with pytest.raises(BadRequest):
        plane.ask(CALLER, call((b"X-AnyAPI-Retention", b"7")), request())


@on_loop
async def test_certifications_that_a_record_or_an_agreement_may_state_are_known():
    """Whoever states one, an account for itself alone included: no list of ours tells one account what another has signed."""
    plane = planes(context([provider("p", certifications=("soc2-type2",))]))
    for name in ("soc2", "soc2-type2", "hipaa-baa", "pci-dss"):
        asked = plane.ask(CALLER, call(), request(data_policy={"certifications": [name]}))
        decided = plane.decide(asked, request(), "acme")
        assert bool(permitted(decided)) is name.startswith("soc2")
    with pytest.raises(BadRequest, match="not a known certification. Known: .*pci-dss"):
        plane.ask(CALLER, call(), request(data_policy={"certifications": ["soc9"]}))
    assert plane.known.providers == {"p"}


@on_loop
async def test_needs_are_looked_at_only_when_asked_for():
    plane = planes()
    one, two = request(tools=[{}]), request(tools=[{}], provider={"require_parameters": True})
    plane.ask(CALLER, call(), one)
    plane.ask(CALLER, call(), two)
    assert one.facts is NO_FACTS
    assert two.facts.uses == {"tools"}


# --- decide


@on_loop
async def test_a_decision_is_remembered():
    plane = planes()
    asked = plane.ask(CALLER, call(), request(**NO_TRAINING))
    first = plane.decide(asked, request(**NO_TRAINING), "acme")
    assert permitted(first) == ["q/one"]
    assert plane.decide(asked, request(**NO_TRAINING, stream=True), "acme") is first
    assert plane.decide(asked, request(**NO_TRAINING, tags=["chat_completions:vision"]), "acme") is not first


@on_loop
async def test_an_unknown_model_is_not_remembered():
    plane = planes()
    asked = plane.ask(CALLER, call(), request())
    for _ in range(2):
        with pytest.raises(ModelNotFound):
            plane.decide(asked, request(model="acme/none"), "acme")
    assert asked.memo == {}


@on_loop
async def test_unknown_models_of_a_chain_are_passed_over():
    plane = planes()
    asked = plane.ask(CALLER, call(), request())
    decided = plane.decide(asked, request(model="acme/none", models=[MODEL, "x/y"]), "acme")
    assert [decision.model for decision in decided.decisions] == [MODEL]
    with pytest.raises(ModelNotFound):
        plane.decide(asked, request(model="acme/none", models=["x/y"]), "acme")


@on_loop
async def test_the_memo_of_decisions_is_bounded(monkeypatch):
    monkeypatch.setattr(memo, "MOST_JUDGED", 2000)  # of one endpoint each; a decision itself counts as one more
    models = [endpoint("q", f"acme/m{number}") for number in range(1200)]
    plane = planes(context([provider("q")], models))
    asked = plane.ask(CALLER, call(), request())
    for one in models:
        plane.decide(asked, request(model=one.model), "acme")
        assert len(asked.memo) <= 1000


@on_loop
async def test_a_decision_ends_at_the_instant_its_record_expires():
    """To the instant: the record is good until then, and unknown, so denied, from then on."""
    until = dt.datetime(2026, 12, 10, tzinfo=dt.UTC)
    base = context([provider("q", record=provenance(valid_until=until.date()))])
    clock = Clock()
    plane = planes(base, clock=clock)
    asked = plane.ask(CALLER, call(), request(**NO_TRAINING))
    first = plane.decide(asked, request(), "acme")
    assert first.valid_until == until.timestamp()
    clock.now = until.timestamp() - 0.001
    assert plane.decide(asked, request(), "acme") is first
    assert permitted(first) == ["q/one"]
    clock.now = until.timestamp()
    second = plane.decide(asked, request(), "acme")
    assert permitted(second) == []
    assert plane.decide(asked, request(), "acme") is second


def agreement(**fields):
    given = {
        "id": "a1",
        "provider": "p",
        "attested_by": "someone",
        "document": "contract 1",
        "valid_from": dt.date(2026, 12, 5),
        "valid_until": dt.date(2026, 12, 20),
    }
    return Agreement(**{**given, **fields})


@on_loop
async def test_a_decision_ends_at_the_boundaries_of_an_agreement():
    base = context([provider("p", block(training="by_default"))], agreements=(agreement(training=Training.NEVER),))
    clock = Clock()
    plane = planes(base, clock=clock)
    asked = plane.ask(CALLER, call(), request(**NO_TRAINING))
    seen = []
    for moment in ("2026-12-04T23:59:59.9", "2026-12-05T00:00:00", "2026-12-19T23:59:59.9", "2026-12-20T00:00:00"):
        clock.now = dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC).timestamp()
        seen.append(permitted(plane.decide(asked, request(), "acme")))
    assert seen == [[], ["p/one"], ["p/one"], []]


@pytest.mark.parametrize("model", [MODEL, "anyapi/auto"])
@on_loop
async def test_a_clock_that_is_put_back_takes_back_what_was_decided_too_early(model):
    """It ran ahead when the agreement was taken to be in force: until its first day nothing that was remembered may say so."""
    base = context([provider("p", block(training="by_default"))], agreements=(agreement(training=Training.NEVER),))
    clock = Clock()
    plane = planes(base, clock=clock)
    body = {**NO_TRAINING, "model": model}
    asked = plane.ask(CALLER, call(), request(**body))
    seen = []
    for moment in ("2026-12-10T00:00:00", "2026-12-04T00:00:00", "2026-12-10T00:00:00"):
        clock.now = dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC).timestamp()
        seen.append(permitted(plane.decide(asked, request(**body), "acme")))
    assert seen == [["p/one"], [], ["p/one"]]


@on_loop
async def test_an_agreement_of_some_accounts_is_not_lent_to_others():
    mine = agreement(training=Training.NEVER, accounts=frozenset({"acme"}), valid_from=dt.date(2026, 1, 1))
    plane = planes(context([provider("p", block(training="by_default"))], agreements=(mine,)))
    for account, expected in (("acme", ["p/one"]), ("other", []), ("acme", ["p/one"])):
        caller = principal(account=account)
        asked = plane.ask(caller, call(), request(**NO_TRAINING))
        assert permitted(plane.decide(asked, request(), account)) == expected


# --- publish


@on_loop
async def test_a_new_snapshot_takes_every_memo_away():
    plane = planes()
    asked = plane.ask(CALLER, call(), request(**NO_TRAINING))
    plane.decide(asked, request(**NO_TRAINING), "acme")
    await plane.pages.get((UNCONSTRAINED, "acme", False), lambda: b"old")
    plane.adapter_of(request(), endpoint("p"))
    stricter = snapshot(context([provider("p"), provider("q", block(training="by_default"))]), version=2)
    plane.publish(stricter)
    assert plane.snapshot is stricter
    again = plane.ask(CALLER, call(), request(**NO_TRAINING))
    assert again is not asked
    assert permitted(plane.decide(again, request(**NO_TRAINING), "acme")) == ["p/one"]
    assert await plane.pages.get((UNCONSTRAINED, "acme", False), lambda: b"new") == b"new"


@on_loop
async def test_keys_of_a_new_snapshot_are_the_ones_in_force():
    plane = planes()
    assert hashlib.sha256(KEY).digest() in plane.principals
    plane.publish(msgspec.structs.replace(plane.snapshot, principals={}, version=2))
    assert plane.principals == {}


# --- rank


def healthy():
    base = context([provider("p"), provider("q")], [endpoint("p", price=Price(1, 1)), endpoint("q", price=Price(9, 9))])
    plane = planes(base)
    asked = plane.ask(CALLER, call(), request())
    return plane, plane.decide(asked, request(), "acme")


def route(plane, decided):
    return [candidate.endpoint.id for candidate in plane.rank(decided, NO_PREFERENCE, NO_FACTS).candidates]


def fail(plane, name):
    for _ in range(FAILURES):
        plane.health.note(name, Outcome(OutcomeKind.SERVER_ERROR), None)


class Time:
    """Stands in for the loop's clock."""

    def __init__(self, plane):
        self.now, plane.loop = 1000.0, self
        plane.health._clock = self.time

    def time(self):
        return self.now


@on_loop
async def test_an_order_is_fresh_for_a_quarter_of_a_second():
    plane, decided = healthy()
    time = Time(plane)
    first = plane.rank(decided, NO_PREFERENCE, NO_FACTS)
    time.now += RERANK_SECONDS
    assert plane.rank(decided, NO_PREFERENCE, NO_FACTS) is first
    time.now += 0.001
    assert plane.rank(decided, NO_PREFERENCE, NO_FACTS) is not first


@on_loop
async def test_a_circuit_that_opens_counts_at_once():
    plane, decided = healthy()
    Time(plane)
    assert route(plane, decided) == ["p/one", "q/one"]
    fail(plane, "p/one")
    assert route(plane, decided) == ["q/one"]
    plane.health.note("p/one", Outcome(OutcomeKind.SUCCESS), 0.1)
    assert route(plane, decided) == ["p/one", "q/one"]


@on_loop
async def test_when_its_time_is_over_one_request_probes_and_the_others_wait():
    plane, decided = healthy()
    time = Time(plane)
    fail(plane, "p/one")
    time.now += OPEN_SECONDS
    assert route(plane, decided) == ["p/one", "q/one"], "the probe"
    assert route(plane, decided) == ["q/one"], "everybody else"
    assert route(plane, decided) == ["q/one"]
    plane.health.note("p/one", Outcome(OutcomeKind.SUCCESS), 0.1)
    assert route(plane, decided) == ["p/one", "q/one"]


@on_loop
async def test_with_every_circuit_open_the_caller_is_told_when_to_come_back():
    plane, decided = healthy()
    time = Time(plane)
    fail(plane, "p/one")
    fail(plane, "q/one")
    time.now += 2
    for _ in range(2):
        with pytest.raises(Overloaded) as caught:
            route(plane, decided)
        assert caught.value.retry_after == pytest.approx(OPEN_SECONDS - 2)


@on_loop
async def test_nothing_permitted_is_said_every_time():
    plane = planes(context([provider("p", block(training="by_default"))]))
    asked = plane.ask(CALLER, call(), request(**NO_TRAINING))
    decided = plane.decide(asked, request(), "acme")
    for _ in range(2):
        with pytest.raises(NoEligibleEndpoint):
            plane.rank(decided, NO_PREFERENCE, NO_FACTS)


# --- the rest


@on_loop
async def test_adapters_are_found_once():
    found = []
    plane = planes(rows=lambda name: found.append(name) or name)
    adapter, row = plane.adapter_of(request(), endpoint("p"))
    assert isinstance(adapter, OpenAIChat)
    assert plane.adapter_of(request(), endpoint("p")) == (adapter, "p")
    other, _ = plane.adapter_of(MessagesRequest(), endpoint("p"))
    assert isinstance(other, MessagesOverChat)
    assert plane.adapter_of(MessagesRequest(), endpoint("p"))[0] is other
    found.pop()
    assert (row, found) == ("p", ["p"])
    foreign = endpoint("p", upstream_model="claude", id="p/claude", protocol="anthropic-messages")
    assert isinstance(plane.adapter_of(request(), foreign)[0], AnthropicAdapter), "its own protocol goes before its provider's"


@pytest.mark.parametrize(
    ("headers", "metadata", "app"),
    [
        ([], None, App()),
        ([], {"app_id": "shop"}, App(id="shop")),
        ([(b"X-AnyAPI-App-ID", b"web")], {"app_id": "shop"}, App(id="web")),
        ([(b"X-AnyAPI-App-Session-ID", b"s1"), (b"X-AnyAPI-App-Name", b"Web")], None, App(name="Web", session_id="s1")),
        ([(b"X-AnyAPI-Retention-Days", b"1")], {"app_id": "shop"}, App(id="shop")),
    ],
)
def test_app_fields(headers, metadata, app):
    assert app_of(call(*headers), request(metadata=metadata)) == app


def test_a_wrong_app_header_is_refused():
    with pytest.raises(BadRequest):
        app_of(call((b"X-AnyAPI-App-Idd", b"web")), request())


@on_loop
async def test_the_clock_is_the_one_that_was_given():
    clock = Clock(NOW + 5 * DAY)
    assert planes(clock=clock).clock() == NOW + 5 * DAY
