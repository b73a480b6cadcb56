"""Walking the route: failover, retries, and what the caller is told when nothing helped."""

import asyncio
import json

import msgspec
import pytest
from tests.unit.gateway.test_exchange import DONE, OPEN, chunk, completion, event
from tests.unit.gateway.workbench import chat, gateway, hear, request
from tests.unit.policy.samples import MODEL
from tests.unit.upstream.provider import Requests, answer, chunked, playing, silent
from tests.unit.wire.peers import dialled, on_loop, until

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.errors import BadRequest, Overloaded, RateLimited, UpstreamFailed, UpstreamTimedOut
from anyapi.gateway.health import RetryBudget
from anyapi.gateway.upstream_errors import TEXTS, error_for
from anyapi.policy.walk import BACKOFF
from anyapi.upstream.adapter import Timeouts
from anyapi.upstream.openai_chat import OpenAIChat
from anyapi.wire import deadlines

JSON = b"content-type: application/json"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(deadlines, "PERIOD", 0.01)


def ok():
    return answer(completion(), JSON)


def failing(status, *rows):
    return answer(b'{"error":{"message":"secret words"}}', JSON, *rows, status=status)


def by_request(*answers):
    """A script that answers each request with the next answer, whichever connection it comes on; the last one again and again."""
    seen = []

    async def script(reader, writer):
        requests = Requests(reader)
        while True:
            seen.append(await requests.next())
            writer.write(answers[min(len(seen), len(answers)) - 1])

    script.seen = seen
    return script


@pytest.mark.parametrize(
    "status", [b"500 x", b"502 x", b"503 x", b"429 x", b"408 x", b"504 x", b"401 x", b"403 x", b"404 x", b"529 x", b"302 x"]
)
@pytest.mark.parametrize("stream", [True, False])
@on_loop
async def test_the_next_endpoint_is_tried(status, stream):
    good = chunked(event("fine"), DONE) if stream else ok()
    async with gateway(playing(failing(status), then=silent), playing(good, then=silent)) as running:
        response = await running.post(chat(stream=stream))
        assert (response.status, response.field("x-anyapi-provider")) == (200, b"p1")
        (row,) = running.rows
        assert (row.outcome, row.attempts, row.endpoint) == ("success", 2, "p1/one")


SLOWNESS = 0.15
"""Seconds that a provider takes to fail."""


@pytest.mark.parametrize("stream", [True, False])
@on_loop
async def test_what_a_slow_provider_took_to_fail_is_not_the_next_ones_latency(stream):
    async def slow(_reader, writer):
        await asyncio.sleep(SLOWNESS)
        writer.write(failing(b"500 x"))

    good = chunked(event("fine"), DONE) if stream else ok()
    async with gateway(playing(then=slow), playing(good, then=silent)) as running:
        assert (await running.post(chat(stream=stream))).field("x-anyapi-provider") == b"p1"
        (row,) = running.rows
        records = running.plane.health._records
        assert row.first_token > SLOWNESS / 2, "the caller waited from the request on"
        assert 0 < records["p1/one"].latency < row.first_token - SLOWNESS / 2, "a timer may be early, not so much"
        assert records["p0/one"].latency is None


@on_loop
async def test_the_wait_before_a_retry_is_not_the_endpoints_latency():
    async with gateway(by_request(failing(b"503 x"), ok())) as running:
        assert (await running.post()).status == 200
        (row,) = running.rows
        assert 0 < running.plane.health._records["p0/one"].latency < row.first_token - BACKOFF / 2, "a timer may be early, not so much"


DECLINES = {
    b"403 Forbidden": b'{"code":"The caller does not have permission to execute the specified operation",'
    b'"error":"Content violates usage guidelines. Team: secret words, Failed check: SAFETY_CHECK_TYPE_BIO"}',
    b"403 Moderated": b'{"error":{"code":403,"message":"secret words","metadata":{"reasons":["violence"],"flagged_input":"secret words"}}}',
    b"400 Inspected": b'{"error":{"code":"data_inspection_failed","message":"secret words","type":"data_inspection_failed"}}',
    b"400 Risky": b'{"error":{"code":"invalid_request_error","message":"Content Exists Risk","type":"invalid_request_error"}}',
}
"""How providers decline content with an error (xAI, OpenRouter, Alibaba, DeepSeek), by status."""


@pytest.mark.parametrize("path", [b"/v1/chat/completions", b"/v1/messages", b"/v1/responses"])
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("status", DECLINES)
@on_loop
async def test_content_that_a_provider_declines_with_an_error_goes_to_the_next_only_where_that_is_asked_for(status, stream, path):
    good = chunked(event("fine"), DONE) if stream else ok()
    asked = {"model": MODEL, "stream": stream, **ASKED[path]}
    declined, other = by_request(answer(DECLINES[status], JSON, status=status)), by_request(good)
    async with gateway(declined, other) as running:
        kept = await running.post(asked, path=path)
        (row,) = running.rows
        assert (row.outcome, row.status, row.attempts, row.endpoint) == ("bad_request", 400, 1, "p0/one")
        assert (kept.status, TEXTS[OutcomeKind.CONTENT_REFUSED] in kept.body.decode()) == (400, True)
        for word in (b"secret", b"credential", b"Risk", b"guidelines"):
            assert word not in kept.body, "the provider's words, or those of a credential that was refused"
        assert other.seen == [], "the prompt went to the next provider unasked"
        mended = await running.post({**asked, "provider": {"failover_on": ["content_refusal"]}}, path=path)
        assert (mended.status, mended.field("x-anyapi-provider")) == (200, b"p1")
        assert b"secret" not in mended.body
        assert [len(script.seen) for script in (declined, other)] == [2, 1]
        assert running.plane.health._records["p0/one"].errors == 0, "it is an answer, and the endpoint is well"


ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'


@pytest.mark.parametrize("end", [b"", b'data: {"error":{"code":503}}\n\n', b"data: [DONE]\n\n", b"data: nonsense\n\n"])
@on_loop
async def test_a_stream_that_has_only_said_its_role_is_followed_by_another(end):
    """Of the first provider's answer nothing reached the client; of the second's, all."""
    broken = chunked(ROLE, *([end] if end else []))
    async with gateway(playing(broken, then=silent), playing(chunked(ROLE, event("fine"), DONE), then=silent)) as running:
        response = await running.post(chat(stream=True))
        assert (response.status, response.field("x-anyapi-provider")) == (200, b"p1")
        assert response.body == ROLE + event("fine") + DONE
        (row,) = running.rows
        assert (row.outcome, row.attempts, row.endpoint) == ("success", 2, "p1/one")


SAID = [{"role": "user", "content": "hello"}]
ASKED = {
    b"/v1/chat/completions": {"messages": SAID, "stream_options": {"include_usage": True}, "tools": [], "temperature": 0.5, "store": True},
    b"/v1/messages": {"messages": SAID, "max_tokens": 9, "system": "be kind", "stop_sequences": ["x"]},
    b"/v1/responses": {"input": SAID, "instructions": "be kind", "temperature": 0.5, "store": True},
}
"""Streams in each format, with fields that are sent on, changed and taken off."""


@pytest.mark.parametrize("policy", [{}, {"data_policy": {"training_allowed": False}}])
@pytest.mark.parametrize("path", ASKED)
@on_loop
async def test_what_was_let_go_while_a_stream_was_awaited_is_there_for_the_next(path, policy):
    told = asyncio.Event()

    async def breaks(_reader, _writer):
        await told.wait()

    first, second = playing(OPEN + chunk(ROLE), then=breaks), playing(chunked(ROLE, event("fine"), DONE), then=silent)
    async with gateway(first, second) as running, dialled(running.port) as (reader, writer):
        writer.write(request({"model": MODEL, "stream": True, **ASKED[path], **policy}, path=path))
        await until(lambda: first.seen and running.server.connections)
        (connection,) = running.server.connections
        await until(lambda: connection._exchange is not None and connection._exchange._connection.streamed)
        asked = connection._exchange.outbound
        assert (asked.fields, {} if asked.hub is None else asked.hub.fields) == ({}, {})
        assert connection.current.body
        told.set()
        (response,) = await hear(reader)
        assert (response.status, response.field("x-anyapi-provider")) == (200, b"p1")
        assert b"fine" in response.body
        assert first.seen[0].body == second.seen[0].body
        assert running.rows[0].attempts == 2


@pytest.mark.parametrize("path", ASKED)
@on_loop
async def test_a_list_of_models_alone_names_them(path):
    sent = playing(ok(), then=silent)
    async with gateway(sent) as running:
        assert (await running.post({"models": [MODEL], **ASKED[path]}, path=path)).status == 200
        assert json.loads(sent.seen[0].body)["model"] == "one"


@pytest.mark.parametrize(("status", "told"), [(b"400 x", 400), (b"422 x", 400), (b"413 x", 413)])
@on_loop
async def test_what_the_caller_did_wrong_is_not_tried_elsewhere(status, told):
    second = playing(ok(), then=silent)
    async with gateway(playing(failing(status), then=silent), second) as running:
        response = await running.post()
        assert response.status == told
        assert second.seen == []
        assert b"secret" not in response.body
        assert json.loads(response.body)["error"]["metadata"]["provider_status"] == int(status[:3])


@pytest.mark.parametrize(("status", "again"), [(b"500 x", True), (b"503 x", True), (b"401 x", False), (b"404 x", False), (b"400 x", False)])
@on_loop
async def test_the_only_endpoint_is_tried_once_more(status, again):
    script = by_request(failing(status), ok())
    async with gateway(script) as running:
        response = await running.post()
        assert (response.status == 200) is again
        assert len(script.seen) == 1 + again
        assert running.rows[0].attempts == 1 + again


@on_loop
async def test_never_more_than_two_calls():
    script = by_request(failing(b"500 x"))
    async with gateway(script) as running:
        assert (await running.post()).status == 502
        assert len(script.seen) == 2


@on_loop
async def test_a_retry_waits_as_long_as_the_provider_asks():
    script = by_request(failing(b"429 x", b"retry-after: 0.05"), ok())
    async with gateway(script) as running:
        assert (await running.post()).status == 200
        assert running.rows[0].duration > 0.04


@on_loop
async def test_who_asks_for_a_long_wait_is_not_waited_for():
    script = by_request(failing(b"429 x", b"retry-after: 60"), ok())
    async with gateway(script) as running:
        response = await running.post()
        assert (response.status, response.field("retry-after"), len(script.seen)) == (429, b"60", 1)


@on_loop
async def test_retries_have_a_budget():
    async with gateway(by_request(failing(b"500 x"), ok())) as running:
        running.plane.budget.retries = int(RetryBudget.LEAST) + 1
        assert (await running.post()).status == 502


@on_loop
async def test_a_client_that_leaves_before_the_retry_ends_it():
    script = by_request(failing(b"429 x", b"retry-after: 4"), ok())
    async with gateway(script) as running:
        async with dialled(running.port) as (_, writer):
            writer.write(request(chat()))
            await until(lambda: script.seen)
            await until(lambda: running.plane.health._records)
        await until(lambda: running.usage.rows)
        (row,) = running.rows
        assert (row.outcome, row.status, row.attempts) == ("client_gone", 499, 1)
        assert row.duration < 3


@on_loop
async def test_a_client_that_leaves_is_not_served_by_the_next_endpoint():
    begun, second = asyncio.Event(), playing(ok(), then=silent)

    async def first(reader, writer):
        await reader.readuntil(b'"hello"}]}')
        begun.set()
        await silent(reader, writer)

    async with gateway(first, second) as running:
        async with dialled(running.port) as (_, writer):
            writer.write(request(chat()))
            await begun.wait()
        await until(lambda: running.usage.rows)
        assert second.seen == []


@on_loop
async def test_after_content_nothing_is_tried_again():
    async def cut(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(chunked(event("half"))[:-5])
        await writer.drain()

    second = playing(ok(), then=silent)
    async with gateway(cut, second) as running:
        response = await running.post(chat(stream=True))
        assert response.status == 200
        assert second.seen == []
        assert running.rows[0].outcome == "interrupted"


@on_loop
async def test_time_that_is_out_fails_over():
    async with gateway(silent, playing(ok(), then=silent), timeouts=Timeouts(0.02, 0.02, 0.02)) as running:
        response = await running.post()
        assert (response.status, response.field("x-anyapi-provider")) == (200, b"p1")


# --- what the caller is told


class Stub:
    """As much of an admission as an error text needs."""

    def __init__(self, candidate=None):
        self.id, self.attempts, self.candidate = "dec_1", 2, candidate


@pytest.mark.parametrize(
    ("kind", "cls"),
    [
        (OutcomeKind.CONNECT_FAILED, UpstreamFailed),
        (OutcomeKind.TIMED_OUT, UpstreamTimedOut),
        (OutcomeKind.RATE_LIMITED, RateLimited),
        (OutcomeKind.SERVER_ERROR, UpstreamFailed),
        (OutcomeKind.OVERLOADED, Overloaded),
        (OutcomeKind.BAD_RESPONSE, UpstreamFailed),
        (OutcomeKind.REJECTED, BadRequest),
        (OutcomeKind.UNAUTHORIZED, UpstreamFailed),
        (OutcomeKind.CONTENT_REFUSED, BadRequest),
        (OutcomeKind.INTERRUPTED, UpstreamFailed),
        (OutcomeKind.SUCCESS, UpstreamFailed),
    ],
)
def test_every_outcome_has_an_error(kind, cls):
    error = error_for(Outcome(kind, 9.0, 318), Stub())
    assert type(error) is cls
    assert error.message == TEXTS.get(kind, "The provider failed.")
    assert error.metadata == {"outcome": kind.value, "attempts": 2, "decision": "dec_1", "provider_status": 318}
    assert getattr(error, "retry_after", None) == (9.0 if cls in {RateLimited, Overloaded} else None)


def test_every_failure_has_a_text():
    assert set(OutcomeKind) - set(TEXTS) == {OutcomeKind.SUCCESS, OutcomeKind.CLIENT_GONE}


def speechless(running, *providers):
    """Have the format of these providers express no request."""

    class Adapter(OpenAIChat):
        def prepare(self, call, endpoint, row):
            if endpoint.provider in providers:
                raise BadRequest("top_k cannot be expressed.", "top_k")
            return super().prepare(call, endpoint, row)

    running.plane.outlets = msgspec.structs.replace(running.plane.outlets, adapters=lambda _dialect, _api: Adapter())


@on_loop
async def test_an_endpoint_that_cannot_express_the_request_is_passed_by():
    async with gateway(silent, playing(ok(), then=silent)) as running:
        speechless(running, "p0")
        response = await running.post()
        assert (response.status, response.field("x-anyapi-provider")) == (200, b"p1")
        (row,) = running.rows
        assert (row.attempts, row.endpoint, row.outcome) == (1, "p1/one", "success")


@on_loop
async def test_the_caller_hears_of_the_provider_that_failed_and_not_of_the_one_passed_by():
    async with gateway(by_request(failing(b"400 x")), silent) as first, gateway(by_request(failing(b"401 x")), silent) as second:
        for running, status, outcome in ((first, 400, "rejected"), (second, 502, "unauthorized")):
            speechless(running, "p1")
            response = await running.post()
            assert response.status == status
            metadata = json.loads(response.body)["error"]["metadata"]
            assert (metadata["outcome"], metadata["provider"], metadata["attempts"]) == (outcome, "p0", 1)
    async with gateway(by_request(failing(b"404 x")), silent) as running:
        speechless(running, "p1")
        assert json.loads((await running.post()).body)["error"]["metadata"]["outcome"] == "bad_response"


@on_loop
async def test_what_nobody_can_express_is_named_and_sent_to_nobody():
    async with gateway(silent, silent) as running:
        speechless(running, "p0", "p1")
        response = await running.post()
        assert response.status == 400
        assert json.loads(response.body)["error"]["param"] == "top_k"
        (row,) = running.rows
        assert (row.attempts, row.provider, row.outcome, row.cost) == (0, None, "bad_request", 0.0)
