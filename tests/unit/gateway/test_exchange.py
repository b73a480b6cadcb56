"""One request's dealings with providers, between real sockets: whole answers, streams, and everybody who may leave."""

import asyncio
import contextlib
import json
import socket

import pytest
from tests.unit.gateway.workbench import chat, gateway, hear, request
from tests.unit.upstream.provider import Requests, answer, chunked, playing, silent
from tests.unit.wire.peers import dialled, listening, on_loop, until

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.domain.usage import TokenCount, UsageSource
from anyapi.gateway import exchange as module
from anyapi.gateway.health import FAILURES
from anyapi.gateway.limits import Limits
from anyapi.upstream import connection
from anyapi.upstream.adapter import Timeouts
from anyapi.upstream.connection import UpstreamConnection
from anyapi.upstream.openai_chat import OpenAIChat
from anyapi.upstream.registry import row_of
from anyapi.wire import deadlines

JSON = b"content-type: application/json"
EVENTS = b"content-type: text/event-stream"
USAGE = {"prompt_tokens": 5, "completion_tokens": 3}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(deadlines, "PERIOD", 0.01)


def completion(content="hi", usage=USAGE, finish="stop", **message):
    body = {"choices": [{"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}]}
    return json.dumps({**body, "usage": usage} if usage else body).encode()


def event(content="hi", **more):
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": content}}], **more}).encode() + b"\n\n"


DONE = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
USAGE_EVENT = b"data: " + json.dumps({"choices": [], "usage": USAGE}).encode() + b"\n\n"
STREAM = chunked(event("one"), event("two"), USAGE_EVENT, DONE)
OPEN = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n" + EVENTS + b"\r\n\r\n"


def chunk(data):
    return b"%x\r\n%b\r\n" % (len(data), data)


def ok(body=None):
    return answer(body or completion(), JSON)


# --- whole answers


@on_loop
async def test_an_answer_passes_byte_for_byte():
    body = completion("h\u00e9 \ud83d\ude00")
    script = playing(answer(body, JSON), then=silent)
    async with gateway(script) as running:
        response = await running.post()
        assert (response.status, response.body) == (200, body)
        assert response.field("content-type") == b"application/json"
        assert response.field("x-anyapi-provider") == b"p0"
        assert response.field("x-anyapi-decision").decode() == running.rows[0].decision
        sent = script.seen[0]
        assert sent.field("authorization") == b"Bearer secret-of-p0"
        assert json.loads(sent.body) == {"model": "one", "messages": [{"role": "user", "content": "hello"}]}
        (row,) = running.rows
        assert (row.outcome, row.tokens, row.source, row.attempts) == ("success", TokenCount(5, 3), UsageSource.MEASURED, 1)
        assert row.first_token is not None
        assert not row.streamed


@on_loop
async def test_a_connection_to_a_provider_is_used_again():
    script = playing(*[ok()] * 5, then=silent)
    async with gateway(script) as running:
        for _ in range(5):
            assert (await running.post()).status == 200
        assert len(script.seen) == 5, "one script serves one connection"


@pytest.mark.parametrize("stream", [False, True])
@on_loop
async def test_an_error_that_nobody_foresaw_gives_the_connection_back(stream, monkeypatch):
    script = playing(answer(b"{}", JSON, status=b"500 Broken"), ok(), then=silent)
    async with gateway(script) as running:
        with monkeypatch.context() as patched:
            patched.setattr(OpenAIChat, "classify", lambda *_: 1 / 0)
            assert (await running.post(chat(stream=stream))).status == 500
        assert [type(error) for error in running.errors] == [ZeroDivisionError]
        running.errors.clear()
        assert (await running.post()).status == 200
        assert len(script.seen) == 2, "one script serves one connection"


@on_loop
async def test_without_usage_it_is_estimated():
    async with gateway(playing(ok(completion("x" * 4000, usage=None)), then=silent)) as running:
        await running.post()
        (row,) = running.rows
        assert row.source is UsageSource.ESTIMATED
        assert 900 < row.tokens.completion < 1100


@pytest.mark.parametrize("message", [{"content": ""}, {"content": None}])
@on_loop
async def test_an_empty_answer_costs_nothing(message):
    async with gateway(playing(ok(completion(**message)), then=silent)) as running:
        assert (await running.post()).status == 200
        assert (running.rows[0].outcome, running.rows[0].cost) == ("success", 0.0)


@pytest.mark.parametrize(
    "sent",
    [
        answer(b"not json", JSON),
        answer(b"{}", JSON),
        answer(b"secret words", status=b"500 Broken"),
        answer(b'{"error":{"message":"secret words"}}', JSON, status=b"503 Busy"),
        answer(b'{"error":{"message":"secret words"}}', JSON),
        b"garbage\r\n\r\n",
        b"",
    ],
)
@on_loop
async def test_a_failure_is_told_in_our_words(sent):
    async def leave(_reader, _writer):
        return

    async with gateway(playing(sent, then=leave)) as running:
        response = await running.post()
        assert response.status in {502, 503}
        assert b"secret" not in response.body
        metadata = json.loads(response.body)["error"]["metadata"]
        assert (metadata["endpoint"], response.field("x-anyapi-endpoint"), response.field("x-anyapi-provider")) == (
            "p0/one",
            b"p0/one",
            b"p0",
        )
        assert (response.field("x-anyapi-training-allowed"), response.field("x-anyapi-retention-days")) == (b"true", b"any")
        assert response.field("x-anyapi-decision").decode() == running.rows[0].decision == metadata["decision"]


@pytest.mark.parametrize("stream", [False, True])
@on_loop
async def test_an_error_after_a_provider_was_asked_names_what_was_adjusted(stream):
    failing = answer(b"{}", JSON, status=b"400 No")
    asked = chat(store=True, stream=stream, model="nope/secret", models=["acme/one"])
    async with gateway(playing(failing, then=silent)) as running:
        response = await running.post(asked)
        assert (response.status, response.field("x-anyapi-adjusted")) == (400, b"model, store")
        assert json.loads(response.body)["error"]["metadata"]["skipped"] == [{"field": "model", "reason": "unknown_model"}]


@on_loop
async def test_what_the_format_of_the_provider_that_failed_could_not_carry_is_named_too():
    failing = answer(b"{}", JSON, status=b"400 No")
    body = {"model": "acme/one", "max_tokens": 8, "messages": [{"role": "user", "content": "hi"}], "top_k": 3, "metadata": {"x": "y"}}
    async with gateway(playing(failing, then=silent)) as running:
        response = await running.post(body, path=b"/v1/messages")
        assert (response.status, response.field("x-anyapi-adjusted")) == (400, b"metadata, top_k")


@on_loop
async def test_nothing_is_sent_where_nobody_listens():
    async with gateway(silent) as running:
        upstream = running.plane.outlets.upstreams["p0-key"]
        upstream.port = 1
        response = await running.post()
        assert response.status == 502
        assert json.loads(response.body)["error"]["metadata"]["outcome"] == "connect_failed"
        (row,) = running.rows
        assert (row.source, row.tokens, row.cost) == (UsageSource.MEASURED, TokenCount(), 0.0)


@pytest.mark.parametrize("kind", [OutcomeKind.CLIENT_GONE, OutcomeKind.OVERLOADED])
@on_loop
async def test_what_ended_before_it_was_written_was_sent_to_nobody(kind, monkeypatch):
    """A caller leaves, or the server closes, in the turn in which the request would have been written."""
    real, script = UpstreamConnection.send, playing(ok(), then=silent)

    def send(self, *arguments):
        waiter = real(self, *arguments)
        self.abort(kind)
        return waiter

    monkeypatch.setattr(UpstreamConnection, "send", send)
    async with gateway(script) as running:
        running.plane.outlets.upstreams["p0-key"].outbox.active = 2
        async with dialled(running.port) as (_, writer):
            writer.write(request(chat()))
            await until(lambda: running.usage.rows)
        (row,) = running.rows
        assert (row.endpoint, row.sent_to, row.source, row.tokens) == ("p0/one", (), UsageSource.MEASURED, TokenCount())
        assert script.seen == []


@on_loop
async def test_retry_after_of_a_provider_is_passed_on_as_a_number():
    sent = answer(b"{}", JSON, b"Retry-After: 17", status=b"429 Slow down")
    async with gateway(playing(sent, then=silent)) as running:
        response = await running.post()
        assert (response.status, response.field("retry-after")) == (429, b"17")


@on_loop
async def test_a_refusal_goes_to_the_client_when_nobody_else_may_answer():
    body = completion(None, refusal="I cannot")
    async with gateway(playing(ok(body), then=silent)) as running:
        response = await running.post()
        assert (response.status, response.body) == (200, body)
        assert running.rows[0].outcome == "content_refused"


@on_loop
async def test_a_refusal_may_fail_over_when_asked_to():
    async with gateway(playing(ok(completion(None, refusal="I cannot")), then=silent), playing(ok(), then=silent)) as running:
        response = await running.post(chat(provider={"failover_on": ["content_refusal"]}))
        assert (response.status, response.field("x-anyapi-provider")) == (200, b"p1")
        assert (running.rows[0].outcome, running.rows[0].attempts) == ("success", 2)


# --- streams


@on_loop
async def test_a_stream_passes_and_ends():
    async with gateway(playing(STREAM, then=silent)) as running:
        response = await running.post(chat(stream=True))
        assert (response.status, response.body) == (200, event("one") + event("two") + DONE)
        assert response.field("content-type") == b"text/event-stream; charset=utf-8"
        assert response.field("x-anyapi-endpoint") == b"p0/one"
        (row,) = running.rows
        assert (row.outcome, row.tokens, row.streamed) == ("success", TokenCount(5, 3), True)


@on_loop
async def test_events_go_on_as_they_come():
    told = asyncio.Event()

    async def slow(reader, writer):
        await told.wait()
        writer.write(chunk(event("two")) + chunk(DONE) + b"0\r\n\r\n")
        await silent(reader, writer)

    async with gateway(playing(OPEN + chunk(event("one")), then=slow)) as running, dialled(running.port) as (reader, writer):
        writer.write(request(chat(stream=True)))
        await reader.readuntil(event("one"))
        told.set()
        assert (await reader.readuntil(DONE)).endswith(DONE)


@on_loop
async def test_a_prompt_is_let_go_once_content_flows():
    told = asyncio.Event()

    async def slow(reader, writer):
        await told.wait()
        writer.write(chunk(DONE) + b"0\r\n\r\n")
        await silent(reader, writer)

    async with gateway(playing(OPEN + chunk(event("one")), then=slow)) as running, dialled(running.port) as (reader, writer):
        writer.write(request(chat(stream=True)))
        await reader.readuntil(event("one"))
        (connection,) = running.server.connections
        assert connection.current.body == b""
        assert connection._exchange.outbound.fields == {}
        told.set()
        await reader.readuntil(DONE)


@on_loop
async def test_without_usage_a_stream_is_estimated_by_its_events():
    async with gateway(playing(chunked(*[event()] * 10, DONE), then=silent)) as running:
        await running.post(chat(stream=True))
        (row,) = running.rows
        assert (row.source, row.tokens.completion) == (UsageSource.ESTIMATED, 12)


@on_loop
async def test_the_usage_chunk_goes_to_who_asked():
    async with gateway(playing(STREAM, then=silent)) as running:
        response = await running.post(chat(stream=True, stream_options={"include_usage": True}))
        assert USAGE_EVENT in response.body


GARBAGE = [
    b"",
    b"0\r\n\r\n",
    chunk(b"data: garbage\n\n"),
    chunk(b'data: {"error":{"code":500,"message":"secret"}}\n\n'),
    chunk(event("half")[:-20]),
    b"nonsense",
]


@pytest.mark.parametrize("after", GARBAGE)
@on_loop
async def test_a_stream_that_breaks_off_ends_with_an_error(after):
    told = asyncio.Event()

    async def script(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OPEN + chunk(event("one")))
        await told.wait()
        writer.write(after)
        await writer.drain()

    async with gateway(script) as running, dialled(running.port) as (reader, writer):
        writer.write(request(chat(stream=True)))
        begun = await reader.readuntil(event("one"))
        told.set()
        rest = await reader.readuntil(b"0\r\n\r\n")
        assert b"[DONE]" not in begun + rest
        assert b"secret" not in rest
        error = json.loads(rest.split(b"data: ")[1].split(b"\n\n")[0])["error"]
        await until(lambda: running.usage.rows)
        (row,) = running.rows
        assert (error["type"], error["metadata"]["decision"]) == ("upstream_error", row.decision)
        assert (row.outcome, row.status, row.streamed) == ("interrupted", 200, True)


@pytest.mark.parametrize("before", [b"data: garbage\n\n", event("one") + b"data: garbage\n\n", event("one")[:-3]])
@on_loop
async def test_a_stream_that_breaks_off_before_anything_went_out_is_a_502(before):
    async def leave(_reader, writer):
        await writer.drain()

    async with gateway(playing(OPEN + chunk(before), then=leave)) as running:
        response = await running.post(chat(stream=True))
        assert (response.status, json.loads(response.body)["error"]["metadata"]["outcome"]) == (502, "bad_response")
        assert running.rows[0].outcome == "upstream_error"


def by_length(data):
    return answer(data, EVENTS)


def until_closed(data):
    return b"HTTP/1.1 200 OK\r\n" + EVENTS + b"\r\n\r\n" + data


@pytest.mark.parametrize("framed", [chunked, by_length, until_closed])
@pytest.mark.parametrize("last", [b"data: [DONE]", b"data: [DONE]\n", b"data: [DONE]\r\n"])
@pytest.mark.parametrize("words", [event("one") + event("two"), b""], ids=["words", "nothing"])
@on_loop
async def test_of_a_stream_that_ends_in_good_order_the_last_blank_line_may_lack(words, last, framed):
    async with gateway(playing(framed(words + USAGE_EVENT + DONE.partition(b"data: [DONE]")[0] + last))) as running:
        response = await running.post(chat(stream=True))
        (row,) = running.rows
        assert (response.status, response.body) == (200, words + DONE)
        assert (row.outcome, row.status, row.tokens, row.attempts) == ("success", 200, TokenCount(5, 3), 1)
        assert (row.cost == 0.0) == (not words)


@pytest.mark.parametrize("cut", [1, 2, 3])
@on_loop
async def test_a_connection_that_breaks_off_in_the_last_blank_line_is_no_end(cut):
    """Only an end in good order says that nothing follows: this one lost its chunk's last bytes, and whatever came behind it."""
    whole = event("one") + DONE
    sent = OPEN + b"%x\r\n%b" % (len(whole), whole[:-cut])
    async with gateway(playing(sent)) as running:
        response = await running.post(chat(stream=True))
        (row,) = running.rows
        assert (b"[DONE]" in response.body, row.outcome) == (False, "interrupted")


@pytest.mark.parametrize(
    "lost", [b"data: [DON", event("two"), event("two")[:-1], event("two")[:-2], event("two")[:-3], b'data: {"detail":"secret"}\n']
)
@pytest.mark.parametrize("begun", [True, False])
@on_loop
async def test_a_stream_that_lacks_more_has_broken_off_in_good_order_too(lost, begun):
    first = playing(chunked(*([event("one")] if begun else ()), lost), then=silent)
    async with gateway(first, playing(STREAM, then=silent)) as running:
        response = await running.post(chat(stream=True))
        (row,) = running.rows
        assert b"secret" not in response.body
        if begun or lost == event("two"):
            assert (b"[DONE]" in response.body, b'"upstream_error"' in response.body, row.outcome) == (False, True, "interrupted")
        else:
            assert (response.body, row.outcome, row.attempts) == (event("one") + event("two") + DONE, "success", 2)


@on_loop
async def test_what_was_no_stream_cannot_be_passed_off_as_one():
    async with gateway(playing(ok(), then=silent)) as running:
        response = await running.post(chat(stream=True))
        assert response.status == 502
        assert running.rows[0].outcome == "upstream_error"


@on_loop
async def test_a_marker_without_a_finish_reason_is_a_stream_that_broke_off():
    whole = chunked(event("one"), event("two"), b"data: [DONE]\n\n")
    async with gateway(playing(whole, then=silent)) as running:
        response = await running.post(chat(stream=True))
        (row,) = running.rows
        assert response.body.startswith(event("one") + event("two") + b'data: {"error":')
        assert (b"[DONE]" in response.body, row.outcome) == (False, "interrupted")


@pytest.mark.parametrize("sent", [OPEN + chunk(DONE) + b"0\r\n\r\n", OPEN + b"0\r\n\r\n"])
@on_loop
async def test_a_stream_without_content(sent):
    async with gateway(playing(sent, then=silent)) as running:
        response = await running.post(chat(stream=True))
        (row,) = running.rows
        if DONE in sent:
            assert (response.status, response.body, row.outcome) == (200, DONE, "success")
        else:
            assert (response.status, row.outcome) == (502, "upstream_error")


@on_loop
async def test_an_error_before_the_first_event_fails_over():
    first = OPEN + chunk(b'data: {"error":{"code":503}}\n\n')
    async with gateway(playing(first, then=silent), playing(STREAM, then=silent)) as running:
        response = await running.post(chat(stream=True))
        assert (response.status, response.field("x-anyapi-provider")) == (200, b"p1")
        assert running.rows[0].attempts == 2


@on_loop
async def test_a_stream_is_whole_for_the_client_before_the_provider_has_ended_it():
    async with gateway(playing(OPEN + chunk(event()) + chunk(DONE), then=silent)) as running:
        response = await running.post(chat(stream=True))
        assert response.body == event() + DONE
        assert running.rows[0].outcome == "success"


@on_loop
async def test_a_provider_that_never_ends_it_is_cut(monkeypatch):
    monkeypatch.setattr(module, "LAST_BYTES", 0.02)
    left = asyncio.Event()

    async def watch(reader, writer):
        await silent(reader, writer)
        left.set()

    async with gateway(playing(OPEN + chunk(event()) + chunk(DONE), then=watch)) as running:
        await running.post(chat(stream=True))
        await left.wait()


# --- whoever leaves


@pytest.mark.parametrize("sent", [b"", OPEN, OPEN + chunk(event())])
@on_loop
async def test_a_client_that_leaves_cancels_its_provider_at_once(sent):
    begun, left = asyncio.Event(), asyncio.Event()

    async def watch(reader, writer):
        begun.set()
        await silent(reader, writer)
        left.set()

    async with gateway(playing(sent, then=watch)) as running:
        async with dialled(running.port) as (reader, writer):
            writer.write(request(chat(stream=True)))
            await begun.wait()
            if event() in sent:
                await reader.readuntil(event())
        await left.wait()
        await until(lambda: running.usage.rows)
        (row,) = running.rows
        assert (row.outcome, row.status) == ("client_gone", 499)
        assert row.source is (UsageSource.ESTIMATED if event() in sent else UsageSource.UNKNOWN)


@pytest.mark.parametrize("early", range(0, 60, 7))
@on_loop
async def test_a_stream_that_is_awaited_holds_no_parser_and_only_the_headers_that_its_answer_goes_by(early):
    """What has come of the next request is read all the same, and so is the rest of it."""
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def late(_reader, writer):
        asked.set()
        await go_on.wait()
        writer.write(STREAM)

    origin, following = b"https://app.example", request(path=b"/healthz", method=b"GET")
    async with gateway(playing(b"", then=late), cors=[origin.decode()]) as running, dialled(running.port) as (reader, writer):
        writer.write(request(chat(stream=True), b"Origin: " + origin, b"X-Request-ID: r-1", b"Cookie: private") + following[:early])
        await asked.wait()
        (connection,) = running.server.connections
        assert (connection._parser is None) is (early == 0)
        assert connection.current.headers == {b"origin": origin, b"x-request-id": b"r-1"}
        writer.write(following[early:])
        go_on.set()
        first, second = await hear(reader, count=2)
        assert (first.field("access-control-allow-origin"), first.field("x-request-id")) == (origin, b"r-1")
        assert first.body == event("one") + event("two") + DONE
        assert (second.status, second.body) == (200, b"ok\n")


@contextlib.contextmanager
def nobody_accepts():
    """A listening socket whose queue is full: connecting to it goes on and on."""
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(full.getsockname())
        yield full


@on_loop
async def test_a_client_that_leaves_while_we_connect_is_not_waited_for():
    with nobody_accepts() as full:
        async with gateway(silent) as running:
            running.plane.outlets.upstreams["p0-key"].port = full.getsockname()[1]
            async with dialled(running.port) as (_, writer):
                writer.write(request(chat()))
                await until(lambda: running.usage.accepted)
            await until(lambda: running.usage.rows)
            (row,) = running.rows
            assert (row.outcome, row.source, row.attempts) == ("client_gone", UsageSource.MEASURED, 1)
            assert running.plane.health._records == {}, "the endpoint is not to blame"


@on_loop
async def test_a_connection_that_opens_too_late_serves_the_next():
    """The kernel tries again after a second; by then the client has left."""
    script = playing(ok(), then=silent)
    with nobody_accepts() as full:
        async with gateway(silent) as running:
            upstream = running.plane.outlets.upstreams["p0-key"]
            upstream.port = full.getsockname()[1]
            async with dialled(running.port) as (_, writer):
                writer.write(request(chat()))
                await until(lambda: running.usage.accepted)
            await until(lambda: running.usage.rows)
            assert running.rows[0].outcome == "client_gone"
            async with listening(script, sock=full.dup()):
                await until(lambda: upstream._idle)
                assert (await running.post()).status == 200
            assert len(upstream._connections) <= 1


@on_loop
async def test_a_slow_client_slows_its_provider_down():
    written = []

    async def pour(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OPEN)
        part = chunk(event("x" * 10_000))
        for _ in range(1_500):
            writer.write(part)
            await writer.drain()
            written.append(len(part))
        writer.write(chunk(USAGE_EVENT.replace(b"3}", b"9999}") + DONE) + b"0\r\n\r\n")
        await silent(reader, writer)

    async with gateway(pour, limits=Limits(write_buffer=32 * 1024)) as running, dialled(running.port, limit=1024) as (reader, writer):
        writer.write(request(chat(stream=True)))
        count = -1
        while count != len(written) or not written:  # until nothing more gets through
            count = len(written)
            await asyncio.sleep(0.1)
        assert sum(written) < 15_000_000
        last = b""
        while not last.endswith(DONE + b"\r\n0\r\n\r\n"):
            last = last[-1000:] + await reader.read(1 << 20)
        assert len(written) == 1_500
        await until(lambda: running.usage.rows)
        assert (running.rows[0].outcome, running.rows[0].tokens.completion) == ("success", 9999)
        record = running.plane.health._records["p0/one"]
        assert (record.latency > 0, record.throughput) == (True, None), "the provider would have been faster"


@pytest.mark.parametrize("sent", [b"", OPEN + chunk(event())])
@on_loop
async def test_a_server_that_closes_ends_the_answer_with_an_error(sent):
    begun = asyncio.Event()

    async def watch(reader, writer):
        begun.set()
        await silent(reader, writer)

    async with gateway(playing(sent, then=watch), limits=Limits(drain_timeout=0.01)) as running, dialled(running.port) as (reader, writer):
        writer.write(request(chat(stream=True)))
        await begun.wait()
        if sent:
            await until(lambda: any(connection.streaming for connection in running.server.connections))
        await running.server.drain()
        (response,) = await hear(reader, count=None)
        if sent:
            assert b"This gateway is closing" in response.body
            assert b"[DONE]" not in response.body
        else:
            assert (response.status, json.loads(response.body)["error"]["type"]) == (503, "overloaded")
        assert len(running.rows) == 1


@on_loop
async def test_a_provider_that_is_too_slow_is_given_up():
    async with gateway(silent, timeouts=Timeouts(first_byte=0.02, stream_idle=0.02, answer=0.02)) as running:
        response = await running.post()
        assert (response.status, json.loads(response.body)["error"]["type"]) == (504, "upstream_timeout")


ACCOUNT = (b"x-ratelimit-remaining-tokens: 7", b"openai-organization: org-ours", b"request-id: req-theirs", b"set-cookie: a=b")


@pytest.mark.parametrize("status", [b"200 OK", b"429 x"])
@on_loop
async def test_headers_that_speak_of_our_account_at_the_provider_are_not_passed_on(status):
    async with gateway(playing(answer(completion(), *ACCOUNT, b"retry-after: 60", status=status))) as running:
        response = await running.post()
        for row in ACCOUNT:
            assert response.field(row.partition(b":")[0].decode()) is None
        assert (response.field("retry-after") == b"60") is (status != b"200 OK")


@on_loop
async def test_health_hears_of_every_attempt():
    async with gateway(playing(answer(b"{}", status=b"500 x"), then=silent), playing(ok(), then=silent)) as running:
        await running.post()
        records = running.plane.health._records
        assert records["p0/one"].errors > 0
        assert (records["p1/one"].errors, records["p1/one"].latency is not None) == (0.0, True)


@pytest.mark.parametrize("stream", [False, True])
@on_loop
async def test_health_hears_how_fast_an_answer_was_written(stream):
    usage = {"prompt_tokens": 5, "completion_tokens": 300}
    script = playing(
        chunked(event("one"), USAGE_EVENT.replace(b"3}", b"300}"), DONE) if stream else ok(completion(usage=usage)), then=silent
    )
    async with gateway(script) as running:
        await running.post(chat(stream=stream))
        (row,) = running.rows
        assert row.tokens == TokenCount(5, 300)
        assert running.plane.health._records["p0/one"].throughput > 300 / row.duration, "its own time is less than the request's"


# --- whose failures open a circuit


def always(one):
    """A script that answers every request of a connection so."""

    async def script(reader, writer):
        requests = Requests(reader)
        while True:
            await requests.next()
            writer.write(one)

    return script


LONG = b"data: " + b"x" * (1024 * 1024)


@pytest.mark.parametrize(
    ("sent", "asked", "outcome"),
    [
        (OPEN + chunk(LONG), {"stream": True}, "upstream_error"),
        (OPEN + chunk(event("one")) + chunk(LONG), {"stream": True}, "interrupted"),
        (ok(completion(content=[[{}]] * 100_000) + b" " * 1024 * 1024), {}, "upstream_error"),
    ],
    ids=["an event too long", "an event too long behind content", "too many objects"],
)
@on_loop
async def test_an_answer_beyond_our_limits_opens_no_circuit(sent, asked, outcome):
    async with gateway(always(sent)) as running:
        for _ in range(FAILURES + 1):
            await running.post(chat(**asked))
        assert {row.outcome for row in running.rows} == {outcome}
        assert running.plane.health.open_circuits() == frozenset()
        assert running.plane.health._records["p0/one"].errors == 0


@on_loop
async def test_an_answer_longer_than_is_taken_opens_no_circuit(monkeypatch):
    monkeypatch.setattr(connection, "MAX_BODY_BYTES", 100)
    async with gateway(always(ok())) as running:
        for _ in range(FAILURES):
            assert (await running.post()).status == 502
        assert running.plane.health.open_circuits() == frozenset()
    monkeypatch.setattr(connection, "MAX_ERROR_BYTES", 100)
    async with gateway(always(answer(b"x" * 101, status=b"500 x"))) as running:
        for _ in range(FAILURES):
            assert (await running.post()).status in {502, 503}
        assert running.plane.health.open_circuits() == {"p0/one"}, "an error's body is the provider's alone"


@on_loop
async def test_time_that_is_out_for_one_account_closes_nothing_for_others():
    async def script(reader, writer):
        requests = Requests(reader)
        while True:
            if b"slow" not in (await requests.next()).body:
                writer.write(ok())

    slow = {"messages": [{"role": "user", "content": "slow"}]}
    for others, opens in ((True, False), (False, True)):
        async with gateway(script, timeouts=Timeouts(0.05, 0.05, 0.05)) as running:
            if others:
                running.plane.health.note("p0/one", Outcome(OutcomeKind.SUCCESS), 0.1, None, "another")
            for _ in range(FAILURES):
                assert (await running.post(chat(**slow))).status == 504
            assert (running.plane.health.open_circuits() == {"p0/one"}) is opens
            assert (await running.post()).status == (503 if opens else 200)


@on_loop
async def test_a_provider_that_cannot_be_connected_to_opens_the_circuit_whoever_asks():
    async with gateway(silent) as running:
        running.plane.health.note("p0/one", Outcome(OutcomeKind.SUCCESS), 0.1, None, "another")
        running.plane.outlets.upstreams["p0-key"].port = 1
        for _ in range(FAILURES):
            await running.post()
        assert running.plane.health.open_circuits() == {"p0/one"}


# --- silence


ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'


def thinking(*begun, seconds, then):
    """A script that sends this at once, is silent for a while, and goes on."""

    async def script(reader, writer):
        requests = Requests(reader)
        await requests.next()
        for part in begun:
            writer.write(part)
        await asyncio.sleep(seconds)
        writer.write(then)
        await silent(reader, writer)

    return script


REST = b"".join(map(chunk, (event("thought"), USAGE_EVENT, DONE))) + b"0\r\n\r\n"
SHORT = 0.05
PATIENT = Timeouts(first_byte=SHORT, stream_idle=SHORT, answer=10.0)


@pytest.mark.parametrize("begun", [(OPEN,), (OPEN, chunk(b": thinking\n\n")), (OPEN, chunk(ROLE))], ids=["head", "comment", "role"])
@pytest.mark.parametrize("evidence", [False, True])
@on_loop
async def test_a_stream_without_content_may_be_silent_for_as_long_as_a_whole_answer(begun, evidence):
    """Its model thinks. Where the provider states what it did, its first event is looked at on the way."""
    rows = {"rows": lambda _provider: row_of("openrouter")} if evidence else {}
    async with gateway(thinking(*begun, seconds=SHORT * 4, then=REST), timeouts=PATIENT, out=rows) as running:
        response = await running.post(chat(stream=True))
        assert response.status == 200
        assert b"thought" in response.body
        assert response.body.endswith(b"data: [DONE]\n\n")
        (row,) = running.rows
        assert (row.outcome, row.attempts) == ("success", 1)


@pytest.mark.parametrize("begun", [(OPEN,), (OPEN, chunk(ROLE))], ids=["head", "role"])
@on_loop
async def test_it_may_not_be_silent_for_longer(begun):
    timeouts = Timeouts(first_byte=SHORT, stream_idle=SHORT, answer=SHORT * 4)
    async with gateway(thinking(*begun, seconds=10.0, then=REST), timeouts=timeouts) as running:
        start = asyncio.get_running_loop().time()
        await running.post(chat(stream=True))
        assert SHORT * 4 <= asyncio.get_running_loop().time() - start < 5.0
        (row,) = running.rows
        assert row.outcome in {"upstream_timeout", "interrupted"}


@on_loop
async def test_before_the_head_and_behind_content_the_shorter_times_hold():
    for script in (silent, thinking(OPEN, chunk(event("one")), seconds=9.0, then=REST)):
        async with gateway(script, timeouts=PATIENT) as running:
            start = asyncio.get_running_loop().time()
            await running.post(chat(stream=True))
            assert asyncio.get_running_loop().time() - start < 5.0
            (row,) = running.rows
            assert row.outcome in {"upstream_timeout", "interrupted"}


@on_loop
async def test_who_leaves_and_a_server_that_closes_wait_for_no_silent_stream():
    for end in ("leaves", "closes"):
        async with gateway(thinking(OPEN, seconds=9.0, then=REST), timeouts=PATIENT) as running:
            async with dialled(running.port) as (reader, writer):
                writer.write(request(chat(stream=True)))
                await until(lambda: [each for each in running.server.connections if each._exchange and each._exchange._connection])
                (one,) = running.server.connections
                await until(lambda: one._exchange._connection.streamed)
                await asyncio.sleep(SHORT * 2)
                assert not running.usage.rows
                if end == "closes":
                    one._exchange.stop()
                    assert (await hear(reader))[0].status == 503
            await until(lambda: running.usage.rows)
            assert running.rows[0].outcome == ("client_gone" if end == "leaves" else "overloaded")
