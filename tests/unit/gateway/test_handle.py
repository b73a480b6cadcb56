"""The request path from the key to the usage row: order of the steps, and nothing sent without what has to come first."""

import asyncio
import json
import threading

import msgspec
import pytest
from tests.unit.gateway.test_exchange import completion
from tests.unit.gateway.workbench import chat, gateway, principal
from tests.unit.policy.samples import block, endpoint
from tests.unit.upstream.provider import answer, playing, silent
from tests.unit.wire.peers import on_loop

from anyapi.domain.limits import KeyLimits
from anyapi.domain.requirement import DataClass, Layer, Settings
from anyapi.errors import StorageError
from anyapi.gateway import apart
from anyapi.policy.merge import DEFAULT_PRESETS, lift
from anyapi.upstream.openai_chat import OpenAIChat

TRAINS = block(training="by_default")


def ok():
    return answer(completion(), b"content-type: application/json")


def answering():
    return playing(ok(), ok(), then=silent)


def error_of(response):
    return json.loads(response.body)["error"]


@on_loop
async def test_the_key_comes_first():
    script = answering()
    async with gateway(script) as running:
        for key in (None, b"anyapi_sk_wrong"):
            response = await running.post(b"not even json", key=key)
            assert (response.status, error_of(response)["type"]) == (401, "authentication_error")
            assert response.field("www-authenticate") == b"Bearer"
        assert (running.rows, script.seen) == ([], [])


@on_loop
async def test_an_expired_key():
    async with gateway(answering(), caller=principal(expires_at=0.0)) as running:
        assert (await running.post()).status == 401


@on_loop
async def test_a_key_that_is_revoked_while_a_large_body_is_read_is_not_served():
    script, go_on = answering(), threading.Event()
    busy = [apart._threads.submit(go_on.wait) for _ in range(2)]
    async with gateway(script) as running:
        asked = asyncio.ensure_future(running.post(chat(user="x" * (apart.HUGE + 1))))
        while apart._threads._work_queue.empty():
            await asyncio.sleep(0.001)
        running.plane.publish(msgspec.structs.replace(running.plane.snapshot, principals={}))
        go_on.set()
        assert (await asked).status == 401
        assert (running.rows, script.seen) == ([], [])
    assert all(one.result() for one in busy)


@pytest.mark.parametrize("body", [b"", b"x", b"{}", chat(messages=None), chat(model=5), chat(data_policy={"x": 1}), chat(stream="yes")])
@on_loop
async def test_a_bad_request_leaves_no_row(body):
    script = answering()
    async with gateway(script) as running:
        response = await running.post(body)
        assert (response.status, error_of(response)["type"]) == (400, "bad_request")
        assert (running.rows, running.usage.accepted, script.seen) == ([], 0, [])


@on_loop
async def test_an_unknown_model_leaves_no_row():
    async with gateway(answering()) as running:
        response = await running.post(chat(model="acme/two"))
        assert (response.status, error_of(response)["type"]) == (404, "model_not_found")
        assert running.rows == []


STATED = ("x-anyapi-decision", "x-anyapi-policy", "x-anyapi-training-allowed", "x-anyapi-retention-days")
ASKING = [
    (b"/v1/chat/completions", {"messages": [], "model": "acme/onee"}),
    (b"/v1/chat/completions", {"messages": [], "models": ["acme/onee", "acme/twoo"]}),
    (b"/v1/messages", {"messages": [], "max_tokens": 8, "model": "acme/onee"}),
    (b"/v1/responses", {"input": "hi", "model": "acme/onee"}),
    (b"/v1/embeddings", {"input": "hi", "model": "acme/onee"}),
]


@pytest.mark.parametrize(("path", "body"), ASKING)
@on_loop
async def test_a_404_for_an_unknown_model_says_by_what_it_was_decided(path, body):
    async with gateway(answering()) as running:
        response = await running.post({**body, "data_policy": {"retention_days": 3}}, path=path)
        decision, policy, training, days = (response.field(name) for name in STATED)
        assert (response.status, training, days) == (404, b"true", b"3")
        assert decision.startswith(b"dec_")
        assert len(policy) == 32
        assert response.field("x-anyapi-provider") is None
        assert json.loads(response.body)["error"]["metadata"] == {"similar": ["acme/one"]}, "nothing is kept under the decision's id"
        assert (running.rows, running.usage.accepted) == ([], 0)


@on_loop
async def test_what_the_limits_of_a_key_refuse_says_by_what_it_was_decided():
    strict = lift(Layer.KEY, Settings(training_allowed=False), DEFAULT_PRESETS)
    caller = principal(strict, limits=KeyLimits("key_1", requests_per_minute=1))
    async with gateway(answering(), caller=caller) as running:
        assert (await running.post()).status == 200
        response = await running.post()
        found = {name: response.field(name) for name in STATED}
        assert (response.status, found["x-anyapi-training-allowed"], found["x-anyapi-retention-days"]) == (429, b"false", b"any")
        assert None not in found.values()
        assert len(running.rows) == 1


@on_loop
async def test_near_names_are_of_all_models_that_were_asked_for():
    endpoints = [endpoint("p0", f"t/{name}") for name in ("good", "two")]
    async with gateway(answering(), endpoints=endpoints) as running:
        response = await running.post(chat(model=None, models=["t/goood", "t/twoo"]))
        assert (response.status, error_of(response)["metadata"]["similar"]) == (404, ["t/good", "t/two"])


@on_loop
async def test_a_model_that_is_passed_over_is_named_by_its_place_in_an_answer():
    script = playing(ok(), ok(), ok(), then=silent)
    async with gateway(script) as running:
        response = await running.post(chat(model=None, models=["nope/secret", "acme/one"]))
        assert (response.status, response.field("x-anyapi-adjusted")) == (200, b"models[0]")
        response = await running.post(chat(model="nope/secret", models=["acme/one"], store=True))
        assert (response.status, response.field("x-anyapi-adjusted")) == (200, b"model, store")
        response = await running.post(chat(models=["acme/one"]))
        assert (response.status, response.field("x-anyapi-adjusted")) == (200, None)
        assert "models" not in json.loads(script.seen[0].body)


@on_loop
async def test_a_model_that_is_passed_over_is_named_by_its_place_in_a_refusal():
    async with gateway(answering(), policies=[TRAINS]) as running:
        asked = chat(model=None, models=["acme/one", "nope/secret"], data_policy={"training_allowed": False})
        for _ in range(2):
            response = await running.post(asked)
            metadata = error_of(response)["metadata"]
            assert (response.status, metadata["skipped"]) == (403, [{"field": "models[1]", "reason": "unknown_model"}])
            assert response.field("x-anyapi-adjusted") == b"models[1]"
            assert b"nope" not in response.body
        response = await running.post(chat(data_policy={"training_allowed": False}))
        assert "skipped" not in error_of(response)["metadata"]


@on_loop
async def test_nothing_permitted_is_a_403_with_a_row_and_nothing_sent():
    script = answering()
    async with gateway(script, policies=[TRAINS]) as running:
        response = await running.post(chat(data_policy={"training_allowed": False}))
        error = error_of(response)
        assert (response.status, error["type"]) == (403, "no_eligible_endpoint")
        assert response.field("x-anyapi-decision").decode() == error["metadata"]["decision"] == running.rows[0].decision
        assert response.field("x-anyapi-policy").decode() == error["metadata"]["policy"]
        assert (response.field("x-anyapi-training-allowed"), response.field("x-anyapi-retention-days")) == (b"false", b"any")
        assert response.field("x-anyapi-provider") is None  # nobody saw it
        assert (running.rows[0].outcome, running.rows[0].status, running.rows[0].attempts) == ("no_eligible_endpoint", 403, 0)
        assert script.seen == []


@pytest.mark.parametrize("where", ["body", "header", "key", "provider"])
@on_loop
async def test_a_policy_holds_wherever_it_stands(where):
    script, other = answering(), answering()
    strict = lift(Layer.KEY, Settings(training_allowed=False), DEFAULT_PRESETS)
    fields = {"requirement": strict} if where == "key" else {}
    async with gateway(script, other, policies=[TRAINS], **fields) as running:
        rows = [b"X-AnyAPI-Training-Allowed: false"] if where == "header" else []
        policy = {"body": {"data_policy": {"training_allowed": False}}, "provider": {"provider": {"data_collection": "deny"}}}.get(
            where, {}
        )
        response = await running.post(chat(**policy), *rows)
        assert (response.status, response.field("x-anyapi-provider")) == (200, b"p1")
        assert response.field("x-anyapi-training-allowed") == b"false"
        assert (script.seen, len(other.seen)) == ([], 1)
        sent = json.loads(other.seen[0].body)
        assert set(sent) == {"model", "messages"}
        assert not [name for name, _ in other.seen[0].fields if name.startswith("x-anyapi")]


@pytest.mark.parametrize("data_class", [DataClass.CONFIDENTIAL, DataClass.REGULATED, DataClass.INTERNAL, None])
@on_loop
async def test_where_the_class_asks_for_it_the_record_is_written_before_anything_is_sent(data_class):
    script, order = answering(), []
    async with gateway(script) as running:

        async def before(_record):
            order.append(("record", len(script.seen)))

        running.records.before = before
        policy = {"data_class": data_class, "certifications": ["soc2"]} if data_class == "regulated" else {"data_class": data_class}
        response = await running.post(chat(data_policy=policy if data_class else None))
        if data_class in {DataClass.CONFIDENTIAL, DataClass.REGULATED}:
            assert order == ([("record", 0)] if response.status == 200 else [])
            assert len(running.records.records) == (response.status == 200)
        else:
            assert (order, response.status) == ([], 200)


@on_loop
async def test_without_its_record_nothing_is_sent():
    script = answering()
    async with gateway(script) as running:
        running.records.error = StorageError("the disk is full of secrets")
        response = await running.post(chat(data_policy={"data_class": "confidential"}))
        assert (response.status, error_of(response)["type"]) == (503, "overloaded")
        assert b"secrets" not in response.body
        assert script.seen == []
        (row,) = running.rows
        assert (row.outcome, row.status, row.attempts, row.data_class) == ("overloaded", 503, 0, "confidential")


@on_loop
async def test_the_request_id_comes_back_on_success_and_on_error():
    async with gateway(answering()) as running:
        for body in (chat(), b"x"):
            response = await running.post(body, b"X-Request-ID: r-1")
            assert response.field("x-request-id") == b"r-1"


@on_loop
async def test_beta_headers_are_kept_for_the_adapter():
    seen = []
    async with gateway(answering()) as running:

        class Listening(OpenAIChat):
            def prepare(self, call, endpoint, row):
                seen.append(call.beta_headers)
                return super().prepare(call, endpoint, row)

        running.plane.outlets = msgspec.structs.replace(running.plane.outlets, adapters=lambda _dialect, _api: Listening())
        await running.post(chat(), b"Anthropic-Beta: a", b"anthropic-beta: b")
        await running.post()
    assert seen == [((b"anthropic-beta", b"a,b"),), ()]


@on_loop
async def test_app_fields_are_in_the_row():
    async with gateway(answering()) as running:
        await running.post(chat(metadata={"app_id": "shop", "note": "secret"}), b"X-AnyAPI-App-Version: 1.2")
        await running.post(chat(metadata={"app_id": "shop", "note": "secret"}))
        first, second = running.rows
        assert (first.app.version, first.app.id) == ("1.2", None)
        assert second.app.id == "shop"
        assert "secret" not in repr(running.rows)


@on_loop
async def test_an_adapter_that_breaks_is_a_500_that_says_nothing_and_leaves_a_row():
    async with gateway(answering()) as running:

        class Broken:
            def prepare(self, call, endpoint, row):
                raise ZeroDivisionError("secret")

        running.plane.outlets = msgspec.structs.replace(running.plane.outlets, adapters=lambda _dialect, _api: Broken())
        response = await running.post()
        assert (response.status, error_of(response)["type"]) == (500, "internal_error")
        assert b"secret" not in response.body
        assert response.field("connection") == b"close"
        assert [type(error) for error in running.errors] == [ZeroDivisionError]
        (row,) = running.rows
        assert (row.outcome, row.status) == ("internal_error", 500)
