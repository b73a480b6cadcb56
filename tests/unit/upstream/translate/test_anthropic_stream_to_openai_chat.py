"""Streams: five recorded ones, cut at every byte and chunked at random, read as the OpenAI SDK would read them."""

import pathlib
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import LONG
from tests.unit.upstream.chat_stream import chunks, message_of

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.domain.usage import TokenCount
from anyapi.upstream.translate.anthropic_stream_to_openai_chat import ChatStream

BAD = Outcome(OutcomeKind.BAD_RESPONSE)
RECORDED = {path.stem: path.read_bytes() for path in sorted((pathlib.Path(__file__).parent / "recorded").glob("*.sse"))}
WHOLE = sorted(RECORDED.keys() - {"error"})
CUTS = [(name, end) for name in sorted(RECORDED) for end in ("\n", "\r\n", "\r")]
CHUNKINGS = 1000 if LONG else 150
"""Of each stream, at random: in the normal run still ten of each line end with each size of piece. Every cut is tried besides."""


def reader(**changes):
    return ChatStream(**{"created": 1_800_000_000, "wants_usage": True, **changes})


def event(kind, **fields):
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode({"type": kind, **fields}))


START = event("message_start", message={"id": "msg_1", "model": "claude-x", "usage": {"input_tokens": 5, "output_tokens": 1}})
STOP = event("message_delta", delta={"stop_reason": "end_turn"}) + event("message_stop")


def delta(index=0, **fields):
    return event("content_block_delta", index=index, delta=fields)


def through(name, **changes):
    stream = reader(**changes)
    released = stream.feed(RECORDED[name])
    return stream, *chunks(released)


def test_five_streams_are_recorded():
    assert sorted(RECORDED) == ["error", "refusal", "text", "thinking", "tools"]


def test_text():
    stream, parsed, done = through("text")
    assert stream.complete
    assert stream.failure is None
    assert stream.started
    assert done
    assert {(chunk.id, chunk.model, chunk.created, chunk.object) for chunk in parsed} == {
        ("msg_01Text8Qw2", "claude-sonnet-4-5-20250929", 1_800_000_000, "chat.completion.chunk")
    }
    assert parsed[0].choices[0].delta.role == "assistant"
    assert all(chunk.choices[0].delta.role is None for chunk in parsed[1:-2])
    assert message_of(parsed)["content"] == 'Grüß Gott, 世界 🌍!\n\n"Quoted" \\ and\ttab — done.'
    assert [chunk.choices[0].finish_reason for chunk in parsed[:-1]] == [None] * 6 + ["stop"]
    assert parsed[-1].choices == []
    usage = parsed[-1].usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (1061, 23, 1084)
    assert usage.prompt_tokens_details.cached_tokens == 1024
    assert stream.tokens == TokenCount(prompt=1061, completion=23, cached=1024)


def test_tools_in_parallel():
    stream, parsed, _ = through("tools")
    assert stream.complete
    said = message_of(parsed)
    assert said["content"] == "I'll look up both cities."
    calls = [
        (call["index"], call["id"], call["type"], call["function"]["name"], msgspec.json.decode(call["function"]["arguments"]))
        for call in said["tool_calls"]
    ]
    assert calls == [
        (0, "toolu_01Paris", "function", "get_weather", {"city": "Paris", "unit": "°C"}),
        (1, "toolu_01Tokyo", "function", "get_weather", {"city": "東京"}),
        (2, "toolu_01Clock", "function", "get_time", {}),
    ]
    assert parsed[-2].choices[0].finish_reason == "tool_calls"
    assert stream.tokens == TokenCount(prompt=612, completion=118)


def test_thinking_and_text():
    stream, parsed, _ = through("thinking")
    said = message_of(parsed)
    assert said["reasoning_content"] == "The user wants 27 × 453.\n27 × 453 = 12231."
    assert said["content"] == "27 × 453 is **12,231**."
    assert said["reasoning_details"] == [
        {
            "type": "reasoning.text",
            "text": said["reasoning_content"],
            "signature": "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds",
            "format": "anthropic-claude-v1",
            "index": 0,
        },
        {
            "type": "reasoning.encrypted",
            "data": "EmwKAhgBEgy3va3pzix/LafPsn4aDFIT2Xlxh0L5L8rLVyIwxtE3rAFBa8cr3qpP",
            "format": "anthropic-claude-v1",
            "index": 1,
        },
    ]
    assert stream.tokens == TokenCount(prompt=88, completion=97, reasoning=71)


def test_thinking_may_be_hidden():
    said = message_of(through("thinking", hide_reasoning=True)[1])
    assert said == {"role": "assistant", "content": "27 × 453 is **12,231**."}


def test_an_error_in_the_middle():
    stream, parsed, done = through("error")
    assert stream.failure == Outcome(OutcomeKind.OVERLOADED)
    assert not stream.complete
    assert not done
    assert stream.started
    assert message_of(parsed)["content"] == "This answer will not get"
    assert stream.feed(STOP) == b""
    assert stream.tokens is None


def test_a_refusal():
    stream, parsed, done = through("refusal")
    assert done
    assert stream.refused
    assert parsed[-2].choices[0].finish_reason == "content_filter"


def test_usage_only_when_wanted():
    for name in WHOLE:
        stream, parsed, done = through(name, wants_usage=False)
        assert done
        assert all(chunk.choices and chunk.usage is None for chunk in parsed)
        assert stream.tokens is not None


# --- cuts and chunkings


@pytest.mark.parametrize(("name", "end"), CUTS)
def test_a_cut_at_every_byte_is_never_complete(name, end):
    """What is released is whole events that parse, and a prefix of the whole; `[DONE]` needs `message_stop`."""
    data = RECORDED[name].replace(b"\n", end.encode())
    whole = reader().feed(data)
    last = len(data) - (2 if end == "\r\n" else 1)  # the CR of the last blank line is enough
    seen = set()
    for cut in range(len(data)):
        stream = reader()
        released = stream.feed(data[:cut])
        assert whole.startswith(released)
        if released not in seen:
            seen.add(released)
            parsed, done = chunks(released)
            assert done is stream.complete
            assert all(choice.finish_reason is None for chunk in parsed for choice in chunk.choices) or done
        assert not stream.complete or (end == "\r\n" and cut > last)
        assert stream.failure is None or name == "error"


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_random_chunkings_give_the_same(name):
    chance = random.Random(name)
    data = RECORDED[name]
    whole = reader().feed(data)
    for turn in range(CHUNKINGS):
        end = (b"\n", b"\r\n", b"\r")[turn % 3]
        text = data.replace(b"\n", end)
        stream, released, at, most = reader(), [], 0, chance.choice((1, 3, 20, 400))
        while at < len(text):
            size = chance.randint(1, most)
            released.append(stream.feed(text[at : at + size]))
            at += size
        assert b"".join(released) == whole
        assert stream.complete is (name != "error")


# --- order, unknown things, hostile things


def test_nothing_is_released_before_the_first_content():
    stream = reader()
    assert stream.feed(START + event("content_block_start", index=0, content_block={"type": "text", "text": ""}) + event("ping")) == b""
    assert not stream.started
    stream.feed(event("error", error={"type": "api_error", "message": "SECRET"}))
    assert stream.failure == Outcome(OutcomeKind.SERVER_ERROR)
    assert not stream.started


def test_an_answer_without_content():
    stream = reader()
    parsed, done = chunks(stream.feed(START + event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 2}) + STOP))
    assert done
    assert not stream.started
    assert message_of(parsed) == {"role": "assistant", "content": ""}
    assert stream.tokens == TokenCount(5, 2)


@pytest.mark.parametrize("between", [b"", event("message_delta", delta={}), event("message_delta", delta={"stop_reason": None})])
def test_a_stop_without_its_reason_is_no_end(between):
    stream = reader()
    parsed, done = chunks(stream.feed(START + delta(type="text_delta", text="x") + between + event("message_stop")))
    assert (len(parsed), done, stream.complete, stream.failure) == (1, False, False, BAD)


def test_what_follows_the_end_is_nothing():
    stream = reader()
    assert stream.feed(START + STOP + b"data: [DONE]\n\n" + START).endswith(b"data: [DONE]\n\n")
    assert stream.complete
    assert stream.feed(START) == b""
    assert stream.failure is None


@pytest.mark.parametrize(
    "unknown",
    [
        event("ping"),
        event("new_event", delta="not an object", index="x"),
        event("content_block_start", index=0, content_block={"type": "server_tool_use", "id": 5, "text": {}}),
        delta(type="citations_delta", citation={"x": 1}),
        delta(type="new_delta", text={"x": 1}),
        delta(index=7, type="input_json_delta", partial_json='{"x"'),
        event("content_block_stop", index=7),
        b": comment\n\n",
        b"retry: 10\n\n",
        b"<html>no event at all</html>\n\n",
    ],
)
def test_unknown_things_are_skipped(unknown):
    stream = reader()
    parsed, done = chunks(stream.feed(START + unknown + delta(type="text_delta", text="x") + unknown + STOP))
    assert done
    assert message_of(parsed) == {"role": "assistant", "content": "x"}


@pytest.mark.parametrize(
    "bad",
    [
        b"data: nonsense\n\n",
        b"data: [1]\n\n",
        b"data: {}\n\n",
        b"data: [DONE]\n\n",
        b'data: {"type":5}\n\n',
        b'data: {"type":"ping"\n\n',
        b"data: " + b"[" * 200_000 + b"\n\n",
        b'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"\xff"}}\n\n',
        b'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"\\ud800"}}\n\n',
        START,
        event("message_start"),
        event("content_block_delta", index=0),
        delta(type="text_delta", text=5),
        delta(index="x", type="text_delta", text="x"),
        event("content_block_start", index=0),
        event("content_block_start", index=0, content_block={"type": "text", "text": 5}),
        event("content_block_start", index=0, content_block={"type": "tool_use", "id": "a"}),
        event("content_block_start", index=0, content_block={"type": "tool_use", "id": "a", "name": "f", "input": [1]}),
        event("message_delta", delta={"stop_reason": 5}),
    ],
)
def test_what_is_not_of_the_format_ends_the_stream(bad):
    stream = reader()
    first = delta(type="text_delta", text="x")
    released = stream.feed(START + first + bad + delta(type="text_delta", text="y") + STOP)
    assert stream.failure == Outcome(OutcomeKind.BAD_RESPONSE)
    assert not stream.complete
    assert message_of(chunks(released)[0]) == {"role": "assistant", "content": "x"}


@pytest.mark.parametrize(
    "early", [delta(type="text_delta", text="x"), STOP, event("message_delta", delta={}), event("content_block_stop", index=0)]
)
def test_content_before_the_start_is_not_of_the_format(early):
    stream = reader()
    assert stream.feed(early + START + STOP) == b""
    assert stream.failure == Outcome(OutcomeKind.BAD_RESPONSE)


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("overloaded_error", "overloaded"),
        ("rate_limit_error", "rate_limited"),
        ("timeout_error", "timed_out"),
        ("invalid_request_error", "rejected"),
        ("", "server_error"),
    ],
)
def test_error_events(kind, outcome):
    stream = reader()
    assert stream.feed(event("error", error={"type": kind})) == b""
    assert stream.failure.kind == outcome


def test_content_that_is_declined_in_a_stream():
    stream = reader()
    blocked = {"type": "invalid_request_error", "message": "Output blocked by content filtering policy"}
    assert stream.feed(START + event("error", error=blocked)) == b""
    assert stream.failure == Outcome(OutcomeKind.CONTENT_REFUSED)


def test_an_endless_event_ends_the_stream():
    stream = reader()
    stream.feed(START)
    for _ in range(20):
        assert stream.feed(b"data: " + b"x" * 65_536) == b""
    assert stream.failure == Outcome(OutcomeKind.BAD_RESPONSE)


def test_arguments_that_come_whole():
    stream = reader()
    block = {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}
    parsed, _ = chunks(
        stream.feed(START + event("content_block_start", index=1, content_block=block) + event("content_block_stop", index=1) + STOP)
    )
    assert message_of(parsed)["tool_calls"] == [
        {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
    ]


def test_line_ends_and_quotes_of_a_provider_cannot_forge_an_event():
    stream = reader()
    evil = 'x"\n\ndata: [DONE]\n\n'
    start = event("message_start", message={"id": evil, "model": evil})
    parsed, done = chunks(stream.feed(start + delta(type="text_delta", text=evil)))
    assert not done
    assert (parsed[0].id, parsed[0].model, message_of(parsed)["content"]) == (evil, evil, evil)


def test_memory_does_not_grow_with_the_answer():
    stream = reader()
    stream.feed(START)
    for number in range(2000):
        stream.feed(event("content_block_start", index=number, content_block={"type": "tool_use", "id": "a", "name": "f"}))
        stream.feed(delta(index=number, type="input_json_delta", partial_json="{}"))
        stream.feed(event("content_block_stop", index=number))
    assert stream._open == {}
    assert stream._out == []
    assert not stream._splitter.holding


def test_nothing_is_printed():
    stream = reader()
    stream.feed(START + delta(type="text_delta", text="SECRET"))
    assert "SECRET" not in repr(stream)


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 2**70)
    | st.text(max_size=5)
    | st.sampled_from(["text_delta", "tool_use", "message_start", "message_stop", "error"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "id", "name", "input", "usage", "index", "delta", "message", "content_block", "error"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=10,
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["type", "index", "delta", "message", "content_block", "usage", "error"]), ANY, max_size=5),
        max_size=5,
    )
)
def test_random_events_never_raise(found):
    stream = reader()
    released = stream.feed(START) + b"".join(stream.feed(b"data: %b\n\n" % msgspec.json.encode(one)) for one in found)
    chunks(released)
    assert not (stream.complete and stream.failure)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(RECORDED)), st.data())
def test_recorded_streams_with_changed_bytes_never_raise(name, data):
    text = bytearray(RECORDED[name])
    for _ in range(data.draw(st.integers(1, 4))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    stream = reader()
    _, done = chunks(stream.feed(bytes(text)))
    assert done is stream.complete
