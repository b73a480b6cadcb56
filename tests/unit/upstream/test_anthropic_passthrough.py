"""The same format on both sides: bytes that pass, the few that do not, and streams cut everywhere."""

import json
import pathlib
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.upstream.translate.anthropic_events import joined, raws

from anyapi.domain.catalogue import Endpoint
from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.domain.usage import TokenCount
from anyapi.upstream import sse
from anyapi.upstream.adapter import Adapter, Answer, OutboundChat, ProviderRow, StreamReader
from anyapi.upstream.anthropic_passthrough import AnthropicPassthrough, EventStream
from anyapi.upstream.translate import carried_reasoning

ADAPTER = AnthropicPassthrough()
ENDPOINT = Endpoint("a/b", "anthropic", "anthropic/x", "claude-x")
PLAIN = ProviderRow()
BAD = Outcome(OutcomeKind.BAD_RESPONSE)
RECORDED = {path.stem: path.read_bytes() for path in sorted((pathlib.Path(__file__).parent / "translate/recorded").glob("*.sse"))}
WHOLE = sorted(RECORDED.keys() - {"error"})


def test_it_is_an_adapter():
    made: Adapter = ADAPTER
    reader: StreamReader = made.open_stream(OutboundChat())
    assert (reader.complete, reader.failure, reader.tokens, reader.started) == (False, None, None, False)
    assert repr(reader) == "<EventStream>"


# --- requests

BODY = (
    b'{"model":"anthropic/x","max_tokens":100, "metadata":{"user_id":"s3cret"},"messages":[{"role":"user","content":[ {"type":"text",'
    b'"text":"h\\u00e9","cache_control":{"type":"ephemeral"},"new":1.50}]}],"new_field":{"a" : [1.0]},"thinking":{"type":"adaptive"}}'
)


def prepared(body=BODY, row=PLAIN, **more):
    return ADAPTER.prepare(OutboundChat(msgspec.json.decode(body, type=dict[str, msgspec.Raw]), **more), ENDPOINT, row)


def test_all_but_the_model_and_the_users_id_passes_byte_for_byte():
    found = prepared()
    assert found.path == b"/v1/messages"
    assert found.headers == b"anthropic-version: 2023-06-01\r\n"
    assert found.adjusted == ("metadata",)
    expected = BODY.replace(b'"anthropic/x"', b'"claude-x"').replace(b' "metadata":{"user_id":"s3cret"},', b"")
    assert found.body == expected
    assert "s3cret" not in repr(found)


def test_beta_headers_go_on():
    headers = ((b"anthropic-beta", b"context-1m,fine-grained"), (b"x-other", b"1"))
    assert prepared(beta_headers=headers).headers == b"anthropic-version: 2023-06-01\r\nanthropic-beta: context-1m,fine-grained\r\n"


def test_the_row_drops():
    found = prepared(row=ProviderRow(drops=frozenset({"thinking", "absent"})))
    assert found.adjusted == ("metadata", "thinking")
    assert b"adaptive" not in found.body


def test_the_request_is_not_changed():
    call = OutboundChat(raws({"model": "m", "metadata": {}}))
    ADAPTER.prepare(call, ENDPOINT, PLAIN)
    assert call.fields.keys() == {"model", "metadata"}


def test_thinking_that_anthropic_did_not_make_is_taken_out():
    ours = carried_reasoning.block_of({"type": "reasoning.text", "text": "hm"})
    theirs = {"type": "thinking", "thinking": "ok", "signature": "SIG"}
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": [ours, theirs]}]
    found = prepared(json.dumps({"model": "m", "messages": messages}).encode())
    assert json.loads(found.body)["messages"][1]["content"] == [theirs]
    assert found.adjusted == ("messages.thinking",)


# --- complete answers

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [{"type": "text", "text": "Hi", "citations": None}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 5, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 2, "output_tokens": 7},
}


def read(**changes):
    body = json.dumps({**MESSAGE, **changes}).encode()
    answer = ADAPTER.read_answer(body, OutboundChat())
    if isinstance(answer, Answer):
        assert answer.body == body
    return answer


def test_an_answer_passes_whole():
    answer = read(new_field=1)
    assert (answer.tokens, answer.refused, answer.empty) == (TokenCount(10, 7, 3, 0), False, False)


@pytest.mark.parametrize(
    ("content", "empty"),
    [
        ([], True),
        ([{"type": "text", "text": ""}], True),
        ([{"type": "thinking", "thinking": "x", "signature": "s"}], False),
        ([{"type": "thinking", "thinking": "", "signature": "s"}], False),
        ([{"type": "thinking", "thinking": "", "signature": ""}], True),
        ([{"type": "redacted_thinking", "data": "x"}], False),
        ([{"type": "tool_use", "id": "a", "name": "f", "input": {}}], False),
        ([{"type": "server_tool_use", "id": 5}], False),
        ([{"type": "text", "text": ""}, {"type": "text", "text": "a"}], False),
    ],
)
def test_what_says_something(content, empty):
    assert read(content=content).empty is empty


def test_a_refusal_and_odd_counts():
    assert read(stop_reason="refusal").refused
    assert read(usage=None).tokens is None
    assert read(usage={"input_tokens": "x"}).tokens is None


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"{}", b'{"content":5}', b'{"content":[5]}', b'{"content":[{"type":"text","text":5}]}', b"[" * 100_000,
        b'{"content":[{"type":"tool_use","input":{"a":"\xff"}}]}',
    ],
)  # fmt: skip
def test_what_is_no_answer(body):
    assert ADAPTER.read_answer(body, OutboundChat()) == BAD


def test_errors():
    overloaded = b'{"type":"error","error":{"type":"overloaded_error","message":"s3cret"}}'
    assert ADAPTER.read_answer(overloaded, OutboundChat()).kind is OutcomeKind.OVERLOADED
    assert ADAPTER.read_answer(b'{"type":"error"}', OutboundChat()).kind is OutcomeKind.SERVER_ERROR
    assert ADAPTER.classify(429, 3.0, overloaded) == Outcome(OutcomeKind.RATE_LIMITED, 3.0, 429)


# --- streams


def event(kind, name=None, **fields):
    return b"event: %b\ndata: %b\n\n" % ((name or kind).encode(), msgspec.json.encode({"type": kind, **fields}))


def piece(text):
    return event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})


START = event("message_start", message={"id": "m", "model": "x", "usage": {"input_tokens": 5, "output_tokens": 1}})
BLOCK = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
ENDED = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 4})
STOP = event("message_stop")


def through(*parts):
    stream = EventStream()
    return stream, b"".join(map(stream.feed, parts))


@pytest.mark.parametrize("name", WHOLE)
def test_a_stream_passes_unchanged(name):
    stream, released = through(RECORDED[name])
    assert (stream.complete, stream.failure, stream.started) == (True, None, True)
    assert released == RECORDED[name]
    message, ended = joined(released)
    usage = message["usage"]
    cached = usage.get("cache_read_input_tokens") or 0
    assert stream.tokens.prompt == usage["input_tokens"] + cached + (usage.get("cache_creation_input_tokens") or 0)
    assert (stream.tokens.completion, stream.tokens.cached) == (usage["output_tokens"], cached)
    assert (ended, stream.refused) == (True, message["stop_reason"] == "refusal")


def test_an_error_ends_it_and_is_not_passed_on():
    stream, released = through(RECORDED["error"])
    assert stream.failure.kind in {OutcomeKind.OVERLOADED, OutcomeKind.SERVER_ERROR}
    assert not stream.complete
    assert b"event: error" not in released


@pytest.mark.parametrize("name", sorted(RECORDED))
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_cut_at_any_byte_has_no_end(name, end):
    data = RECORDED[name].replace(b"\n", end)
    _, whole = through(data)
    for cut in range(len(data) - (end == b"\r\n")):
        stream, released = through(data[:cut])
        assert not stream.complete, cut
        assert b"message_stop" not in released
        assert whole.startswith(released)
        assert released == b"" or released.endswith(b"\n\n")
        assert released + stream.feed(data[cut:]) == whole


@pytest.mark.parametrize("name", sorted(RECORDED))
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_chunks_do_not_matter(name, end):
    data = RECORDED[name].replace(b"\n", end)
    expected = through(RECORDED[name])[1]
    chance = random.Random(name)
    for _ in range(200):
        cuts = sorted(chance.sample(range(len(data)), 8))
        stream, released = through(*(data[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True)))
        assert released == expected
        assert stream.complete == (name != "error")


def test_nothing_comes_before_the_first_content():
    stream = EventStream()
    assert stream.feed(START + event("ping")) == b""
    assert not stream.started
    assert stream.feed(BLOCK) == START + event("ping") + BLOCK
    assert stream.started


@pytest.mark.parametrize(
    ("parts", "empty"),
    [
        ((START, ENDED, STOP), True),
        ((START, BLOCK, event("content_block_stop", index=0), ENDED, STOP), True),
        ((START, BLOCK, piece("a"), event("content_block_stop", index=0), ENDED, STOP), False),
        ((START, BLOCK + piece("a"), piece("b"), ENDED, STOP), False),
        ((START, event("content_block_start", index=0, content_block={"type": "tool_use", "id": "t", "name": "f"}), ENDED, STOP), False),
    ],
)
def test_an_answer_without_a_piece_of_content_is_empty(parts, empty):
    stream, released = through(*parts)
    assert (stream.complete, stream.empty) == (True, empty)
    assert released == b"".join(parts)


def test_an_error_before_the_first_content_leaves_another_endpoint_to_try():
    stream, released = through(START, event("error", error={"type": "overloaded_error"}))
    assert (released, stream.failure.kind, stream.started) == (b"", OutcomeKind.OVERLOADED, False)


def test_content_that_is_declined_in_a_stream():
    blocked = {"type": "invalid_request_error", "message": "Output blocked by content filtering policy"}
    assert through(START, event("error", error=blocked))[0].failure == Outcome(OutcomeKind.CONTENT_REFUSED)
    whole = msgspec.json.encode({"type": "error", "error": blocked})
    assert ADAPTER.read_answer(whole, OutboundChat()) == Outcome(OutcomeKind.CONTENT_REFUSED)


def test_an_answer_of_nothing():
    stream, released = through(START, ENDED, STOP)
    assert released == START + ENDED + STOP
    assert (stream.complete, stream.started, stream.tokens) == (True, False, TokenCount(5, 4))


def test_the_common_read_is_not_taken_apart():
    stream, _ = through(START, BLOCK)
    data = piece("a") + piece("\u00e9")
    assert stream.feed(data) is data


def test_new_events_and_comments_pass():
    new = event("new_event", x=1) + b": keep-alive\n\n" + event("content_block_delta", index=0, delta={"type": "new_delta", "text": [1]})
    assert through(START, BLOCK, new)[1] == START + BLOCK + new


@pytest.mark.parametrize(
    "data",
    [
        b"<html>\n\n",
        b"data: {\n\n",
        b"data: []\n\n",
        b"data: {}\n\n",
        b"event: content_block_delta\ndata: {\n\n",
        piece("Q").replace(b"Q", b"\xff"),
        event("message_stop", "content_block_delta"),
        event("content_block_delta", "message_stop"),
        event("ping", "error"),
        START,
        event("message_delta", delta=5),
        b"event: message_stop\nnonsense\ndata: {}\n\n",
        b"nonsense\n" + STOP,
        b"data: " + b"x" * (sse.LIMIT + 10),
    ],
)
def test_what_is_not_of_the_format_ends_it(data):
    stream, released = through(START, BLOCK, data, piece("b"), STOP)
    assert stream.failure == BAD
    assert not stream.complete
    assert released.startswith(START + BLOCK)
    assert b"message_stop" not in released


@pytest.mark.parametrize("data", [BLOCK, STOP, ENDED, event("message_start"), b"hello\n\n"])
def test_a_stream_begins_with_its_start(data):
    stream, released = through(data)
    assert (stream.failure, released) == (BAD, b"")


def test_what_waits_is_bounded():
    stream = EventStream()
    stream.feed(START)
    for _ in range(2000):
        stream.feed(event("ping", x="y" * 1000))
    assert stream.failure == BAD


def test_after_the_end_nothing_counts():
    stream, released = through(START + BLOCK + ENDED + STOP + piece("a"), piece("b"))
    assert stream.complete
    assert released == START + BLOCK + ENDED + STOP


@pytest.mark.parametrize("between", [b"", event("message_delta", delta={}, usage={}), event("message_delta", delta={"stop_reason": None})])
def test_a_stop_without_its_reason_is_no_end(between):
    """Anthropic: `stop_reason` is null in `message_start` and non-null at the end."""
    stream, released = through(START + BLOCK + piece("a"), between, STOP)
    assert (stream.complete, stream.failure) == (False, BAD)
    assert released == START + BLOCK + piece("a") + between


@given(st.lists(st.binary(max_size=40) | st.sampled_from([START, BLOCK, piece("a"), ENDED, STOP, event("error")]), max_size=8))
def test_it_never_raises_and_never_ends_by_itself(parts):
    stream, released = through(*parts)
    assert not (stream.complete and stream.failure)
    assert (b'"message_stop"' in released) <= stream.complete
