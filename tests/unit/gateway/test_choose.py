"""A choice is judged once for a requirement, and remembered for each need and size; nothing of it gets to where it does not belong."""

import json

import pytest
from tests.unit.gateway.workbench import DISCLOSURE, Clock, chat, outlets, principal, snapshot
from tests.unit.policy.samples import NOW, block, context, credential, endpoint, provider
from tests.unit.wire.peers import on_loop

from anyapi.domain.call import NO_FACTS, NO_PREFERENCE
from anyapi.domain.catalogue import Capabilities, Price
from anyapi.errors import ModelNotFound
from anyapi.gateway import plane as module
from anyapi.gateway.call import Call
from anyapi.gateway.formats.openai_chat import parse
from anyapi.gateway.plane import DataPlane

CALLER = principal()
ABLE = Capabilities(tools=True, vision=True)


@pytest.fixture
def judged(monkeypatch):
    """Names of the models that were judged, in order."""
    found, real = [], module.decide

    def counting(requirement, model, *rest):
        found.append(model)
        return real(requirement, model, *rest)

    monkeypatch.setattr(module, "decide", counting)
    return found


def plane(clock=None):
    ends = [endpoint("p", price=Price(1, 1)), endpoint("q", "acme/two", price=Price(2, 2), capabilities=ABLE, context_length=100_000)]
    return DataPlane(snapshot(context([provider("p"), provider("q")], ends)), outlets(), DISCLOSURE, clock or Clock())


def request(content="Hello", **fields):
    return parse(json.dumps(chat(**{"model": "anyapi/auto", "messages": [{"role": "user", "content": content}], **fields})).encode())


def chosen(where, asking, account="default"):
    asked = where.ask(CALLER, Call(), asking)
    decided = where.decide(asked, asking, account)
    return decided, [one.endpoint.id for one in where.rank(decided, asked.preference, asking.facts).candidates]


@on_loop
async def test_needs_and_sizes_change_the_choice_and_nothing_is_judged_twice(judged):
    where = plane()
    plain, image = "Hello", [{"type": "image_url", "image_url": {"url": "u"}}]
    assert chosen(where, request(plain))[1] == ["q/two", "p/one"]  # what cannot call tools comes last
    assert chosen(where, request(image))[1] == ["q/two"]
    assert chosen(where, request("word " * 8000))[1] == ["q/two"]
    assert chosen(where, request(plain, tools=[{"type": "function"}]))[1] == ["q/two"]
    assert judged == ["anyapi/auto"]
    again, _ = chosen(where, request("World"))
    assert again is chosen(where, request("There"))[0]
    assert judged == ["anyapi/auto"]


@on_loop
async def test_another_requirement_is_judged_anew(judged):
    where = plane()
    chosen(where, request())
    chosen(where, request(data_policy={"retention_days": 30}))
    chosen(where, request(tags=["chat_completions:vision"]))
    assert judged == ["anyapi/auto"] * 3


@on_loop
async def test_a_choice_ends_when_a_record_does(judged):
    clock = Clock()
    where = plane(clock)
    first, _ = chosen(where, request())
    assert NOW < first.valid_until < float("inf")
    clock.now = first.valid_until
    second, _ = chosen(where, request())
    assert second is not first
    assert judged == ["anyapi/auto"] * 2
    chosen(where, request(max_tokens=5))
    assert judged == ["anyapi/auto"] * 2, "judged for the size before, after the same instant"


@on_loop
async def test_a_named_model_beside_it_keeps_its_own_rules():
    where = plane()
    asking = request("word " * 8000, models=["acme/one"])
    assert chosen(where, asking)[1] == ["q/two", "p/one"], "auto leaves p out, but p was named"
    assert chosen(where, request(model="acme/one"))[1] == ["p/one"]
    assert request(model="acme/one").facts is NO_FACTS


@on_loop
async def test_unknown_names_beside_it_are_skipped_and_not_remembered():
    where = plane()
    asking = request(models=["secret words of a caller", "acme/one"])
    decided, route = chosen(where, asking)
    assert [one.model for one in decided.decisions] == ["anyapi/auto", "acme/one"]
    assert route == ["q/two", "p/one"]
    asked = where.ask(CALLER, Call(), request())
    assert "secret" not in repr(list(asked.memo))


@on_loop
async def test_the_first_request_and_the_next_differ_in_nothing():
    """What the second finds in the memo is what the first was given, with the facts that go with it."""
    where = plane()
    first, second = request("word " * 8000), request("word " * 8000)
    chosen(where, first)
    chosen(where, second)
    assert first.facts == second.facts
    assert first.facts.choice.prompt_tokens > 8192


@on_loop
async def test_accounts_do_not_share_a_choice():
    own = {"acme": {"q": (credential("q", "own:1", account="acme"),)}}
    ends = [endpoint("p", capabilities=ABLE), endpoint("q", "acme/two", price=Price(0, 0), capabilities=ABLE)]
    world = context([provider("p"), provider("q", block("by_default"))], ends, [credential("p")], own_credentials=own)
    where = DataPlane(snapshot(world), outlets(), DISCLOSURE, Clock())

    def route(account):
        asking = request()
        asked = where.ask(principal(account=account), Call(), asking)
        decided = where.decide(asked, asking, account)
        return [one.endpoint.id for one in where.rank(decided, NO_PREFERENCE, asking.facts).candidates]

    for _ in range(2):
        assert route("acme") == ["q/two", "p/one"]
        assert route("other") == ["p/one"]


@on_loop
async def test_nothing_that_fits_is_a_404_that_says_so():
    where = plane()
    with pytest.raises(ModelNotFound, match="context_too_short 2"):
        chosen(where, request(max_tokens=200_000))
