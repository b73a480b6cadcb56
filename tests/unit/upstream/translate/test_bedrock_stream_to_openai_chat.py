"""Streams of events, cut at every byte and chunked at random, read as the OpenAI SDK would read them."""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.upstream.chat_stream import chunks, message_of
from tests.unit.upstream.frames import block_stop, call, delta, event, frame, header, metadata, start, stop, text

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.domain.usage import TokenCount
from anyapi.upstream.translate.bedrock_stream_to_openai_chat import MOST_OPEN, ChatStream
from anyapi.upstream.translate.bedrock_wire import FINISH, Stamp

BAD = Outcome(OutcomeKind.BAD_RESPONSE)


def tool_input(index, words):
    return delta(index, toolUse={"input": words})


def thought(index=0, **fields):
    return delta(index, reasoningContent=fields)


STREAMS = {
    "text": [start(), text("Grüß"), text(" Gott 🌍"), text('\n\n"q" \\'), block_stop(), stop(), metadata()],
    "tools": [
        start(),
        text("I'll look."),
        block_stop(0),
        call(1, "get_weather", "tooluse_1"),
        tool_input(1, '{"city":'),
        tool_input(1, ' "東京"}'),
        block_stop(1),
        call(2, "get_time", "tooluse_2"),
        tool_input(2, ""),
        block_stop(2),
        stop("tool_use"),
        metadata(inputTokens=9, outputTokens=20, totalTokens=1029, cacheReadInputTokens=1000, cacheWriteInputTokens=0),
    ],
    "thinking": [
        start(),
        thought(0, text="27 × 453"),
        thought(0, text=" = 12231."),
        thought(0, signature="sig"),
        block_stop(0),
        thought(1, redactedContent="c2VhbGVk"),
        block_stop(1),
        text("12,231", 2),
        block_stop(2),
        stop(),
        metadata(),
    ],
    "error": [start(), text("This will not get"), event("throttlingException", "exception", message="SECRET")],
    "refusal": [start(), text("Sorry."), block_stop(), stop("guardrail_intervened"), metadata()],
}
WHOLE = sorted(STREAMS.keys() - {"error"})


def reader(model="anthropic/claude-x", **changes):
    return ChatStream(Stamp("chatcmpl-1", model, 1_800_000_000), **{"wants_usage": True, **changes})


def through(name, **changes):
    stream = reader(**changes)
    return stream, *chunks(stream.feed(b"".join(STREAMS[name])))


def test_text():
    stream, parsed, done = through("text")
    assert stream.complete
    assert stream.failure is None
    assert stream.started
    assert done
    assert {(chunk.id, chunk.model, chunk.created, chunk.object) for chunk in parsed} == {
        ("chatcmpl-1", "anthropic/claude-x", 1_800_000_000, "chat.completion.chunk")
    }
    assert parsed[0].choices[0].delta.role == "assistant"
    assert all(chunk.choices[0].delta.role is None for chunk in parsed[1:-2])
    assert message_of(parsed)["content"] == 'Grüß Gott 🌍\n\n"q" \\'
    assert [chunk.choices[0].finish_reason for chunk in parsed[:-1]] == [None] * 3 + ["stop"]
    assert parsed[-1].choices == []
    assert (parsed[-1].usage.prompt_tokens, parsed[-1].usage.completion_tokens, parsed[-1].usage.total_tokens) == (5, 2, 7)
    assert stream.tokens == TokenCount(5, 2)
    assert "Gott" not in repr(stream)


def test_tools_in_parallel():
    stream, parsed, _ = through("tools")
    said = message_of(parsed)
    assert said["content"] == "I'll look."
    assert [
        (made["index"], made["id"], made["type"], made["function"]["name"], msgspec.json.decode(made["function"]["arguments"]))
        for made in said["tool_calls"]
    ] == [(0, "tooluse_1", "function", "get_weather", {"city": "東京"}), (1, "tooluse_2", "function", "get_time", {})]
    assert parsed[-2].choices[0].finish_reason == "tool_calls"
    assert stream.tokens == TokenCount(1009, 20, 1000)
    assert parsed[-1].usage.prompt_tokens_details.cached_tokens == 1000


def test_thinking():
    said = message_of(through("thinking")[1])
    assert said["reasoning_content"] == "27 × 453 = 12231."
    assert said["content"] == "12,231"
    assert said["reasoning_details"] == [
        {"type": "reasoning.text", "text": "27 × 453 = 12231.", "signature": "sig", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "c2VhbGVk", "format": "amazon-bedrock-v1", "index": 1},
    ]


def test_thinking_of_a_model_that_does_not_sign():
    stream = reader("deepseek/deepseek-v3.2")
    parsed, _ = chunks(stream.feed(start() + thought(0, text="a") + thought(0, text="b") + block_stop(0) + thought(0, text="c")))
    assert message_of(parsed)["reasoning_details"] == [
        {"type": "reasoning.text", "text": "ab", "format": "amazon-bedrock-v1", "index": 0},
        {"type": "reasoning.text", "text": "c", "format": "amazon-bedrock-v1", "index": 1},
    ]


def test_thinking_may_be_hidden():
    assert message_of(through("thinking", hide_reasoning=True)[1]) == {"role": "assistant", "content": "12,231"}


def test_an_exception_in_the_middle():
    stream, parsed, done = through("error")
    assert stream.failure == Outcome(OutcomeKind.RATE_LIMITED)
    assert not stream.complete
    assert not done
    assert stream.started
    assert message_of(parsed)["content"] == "This will not get"
    assert stream.feed(stop() + metadata()) == b""
    assert stream.tokens is None


def test_a_refusal():
    stream, parsed, done = through("refusal")
    assert done
    assert stream.refused
    assert parsed[-2].choices[0].finish_reason == "content_filter"


@pytest.mark.parametrize("reason", sorted(FINISH))
def test_reasons(reason):
    stream = reader()
    parsed, _ = chunks(stream.feed(start() + call(0, "f", "a") + stop(reason) + metadata()))
    assert parsed[-2].choices[0].finish_reason == ("tool_calls" if FINISH[reason] == "stop" else FINISH[reason])


@pytest.mark.parametrize("reason", ["malformed_model_output", "malformed_tool_use"])
def test_what_bedrock_could_not_read_is_no_answer(reason):
    stream = reader()
    stream.feed(start() + text("x") + stop(reason) + metadata())
    assert stream.failure == BAD
    assert not stream.complete


def test_usage_only_when_wanted():
    for name in WHOLE:
        stream, parsed, done = through(name, wants_usage=False)
        assert done
        assert all(chunk.choices and chunk.usage is None for chunk in parsed)
        assert stream.tokens is not None


def test_usage_that_cannot_be_read_is_not_stated():
    stream = reader()
    parsed, done = chunks(stream.feed(start() + text("x") + stop() + event("metadata", usage={"inputTokens": "x"})))
    assert done
    assert stream.tokens is None
    assert all(chunk.usage is None for chunk in parsed)


# --- cuts and chunkings


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_a_cut_at_every_byte_is_never_complete(name):
    """What is released is whole events that parse, and a prefix of the whole; `[DONE]` needs the last byte of `metadata`."""
    data = b"".join(STREAMS[name])
    whole = reader().feed(data)
    seen = set()
    for cut in range(len(data)):
        stream = reader()
        released = stream.feed(data[:cut])
        assert whole.startswith(released)
        assert not stream.complete
        assert stream.failure is None
        if released not in seen:
            seen.add(released)
            parsed, done = chunks(released)
            assert not done
            assert all(choice.finish_reason is None for chunk in parsed for choice in chunk.choices)
    assert len(seen) >= 2


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_random_chunkings_give_the_same(name):
    chance = random.Random(name)
    data = b"".join(STREAMS[name])
    whole = reader().feed(data)
    for _ in range(200):
        stream, released, at, most = reader(), [], 0, chance.choice((1, 3, 20, 400))
        while at < len(data):
            size = chance.randint(1, most)
            released.append(stream.feed(data[at : at + size]))
            at += size
        assert b"".join(released) == whole
        assert stream.complete is (name != "error")


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_a_flipped_bit_anywhere_is_a_failure(name):
    data = b"".join(STREAMS[name])
    whole = reader().feed(data)
    chance = random.Random(name)
    for _ in range(300):
        bad = bytearray(data)
        bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
        stream = reader()
        released = stream.feed(bytes(bad))
        assert whole.startswith(released)
        assert not stream.complete
        # A length that grew waits for bytes that never come, and its own checksum does not fit: it is noticed too.
        assert stream.failure is not None


# --- order, unknown things, hostile things


def test_nothing_is_released_before_the_first_content():
    stream = reader()
    assert stream.feed(start() + text("") + block_stop()) == b""
    assert not stream.started
    stream.feed(event("internalServerException", "exception", message="SECRET"))
    assert stream.failure == Outcome(OutcomeKind.SERVER_ERROR)
    assert not stream.started


def test_an_answer_without_content():
    stream = reader()
    parsed, done = chunks(stream.feed(start() + stop() + metadata()))
    assert done
    assert not stream.started
    assert message_of(parsed) == {"role": "assistant", "content": ""}


def test_metadata_may_come_first():
    stream = reader()
    parsed, done = chunks(stream.feed(start() + text("x") + metadata() + stop()))
    assert done
    assert parsed[-1].usage.total_tokens == 7


def test_what_follows_the_end_is_nothing():
    stream = reader()
    assert stream.feed(start() + stop() + metadata() + start() + b"garbage").endswith(b"data: [DONE]\n\n")
    assert stream.complete
    assert stream.feed(start()) == b""
    assert stream.failure is None


@pytest.mark.parametrize(
    "unknown",
    [
        event("newEvent", delta="not an object"),
        delta(0, citation={"title": "x"}),
        delta(0, image={"source": {"bytes": "QUJD"}}),
        delta(7, toolUse={"input": '{"x"'}),
        delta(0, toolResult=[{"text": "x"}]),
        block_stop(7),
        event("contentBlockStart", contentBlockIndex=3, start={"image": {"format": "png"}}),
        event("contentBlockStart", contentBlockIndex=3, start={"toolUse": {"toolUseId": "x", "name": "y", "type": "server_tool_use"}}),
    ],
)
def test_unknown_things_are_skipped(unknown):
    stream = reader()
    parsed, done = chunks(stream.feed(start() + unknown + text("x") + unknown + stop() + metadata()))
    assert done
    assert message_of(parsed) == {"role": "assistant", "content": "x"}


def raw_event(kind, payload, message_type=b"event"):
    return frame(header(b":message-type", message_type) + header(b":event-type", kind), payload)


@pytest.mark.parametrize(
    "bad",
    [
        b"data: nonsense\n\n",
        frame(b"", b"{}"),
        raw_event(b"contentBlockDelta", b"{}", b"new"),
        raw_event(b"contentBlockDelta", b"nonsense"),
        raw_event(b"contentBlockDelta", b"[]"),
        raw_event(b"contentBlockDelta", b"[" * 200_000),
        raw_event(b"contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"text":"\xff"}}'),
        raw_event(b"contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"text":"\\ud800"}}'),
        raw_event(b"contentBlockDelta", b'{"contentBlockIndex":-1,"delta":{"text":"x"}}'),
        raw_event(b"contentBlockDelta", b'{"delta":{"text":"x"}}'),
        raw_event(b"contentBlockDelta", b'{"contentBlockIndex":0}'),
        delta(0, text=5),
        start(),
        event("contentBlockStart", contentBlockIndex=0, start={"toolUse": {"toolUseId": "a"}}),
        call(1, "f", "a") + call(1, "f", "b"),
        event("messageStop"),
        event("messageStop", stopReason=5),
        stop() + text("late"),
        stop() + stop(),
        stop() + start(),
    ],
)
def test_what_is_not_of_the_format_ends_the_stream(bad):
    stream = reader()
    released = stream.feed(start() + text("x") + bad + text("y") + stop() + metadata())
    assert stream.failure == BAD
    assert not stream.complete
    assert message_of(chunks(released)[0])["content"] == "x"


@pytest.mark.parametrize("early", [text("x"), stop(), metadata(), block_stop(), call(0, "f", "a")])
def test_anything_before_the_start_is_not_of_the_format(early):
    stream = reader()
    assert stream.feed(early + start() + stop() + metadata()) == b""
    assert stream.failure == BAD


@pytest.mark.parametrize(
    ("sent", "outcome"),
    [
        (event("throttlingException", "exception"), "rate_limited"),
        (event("modelStreamErrorException", "exception", originalStatusCode=503), "overloaded"),
        (event("validationException", "exception"), "rejected"),
        (event("InternalServerError", "error"), "server_error"),
        (event("somethingNew", "exception"), "server_error"),
    ],
)
def test_exceptions(sent, outcome):
    stream = reader()
    assert stream.feed(sent) == b""
    assert stream.failure == Outcome(OutcomeKind(outcome))


def test_an_endless_message_ends_the_stream():
    stream = reader()
    stream.feed(start())
    stream.feed(frame(b"", b"x" * 2_000_000)[:100])
    assert stream.failure == BAD


def test_blocks_without_end_end_the_stream():
    for made in (lambda index: call(index, "f", f"t{index}"), lambda index: thought(index, text="x")):
        stream = reader()
        stream.feed(start() + b"".join(made(index) for index in range(MOST_OPEN)))
        assert stream.failure is None
        stream.feed(made(MOST_OPEN))
        assert stream.failure == BAD


PIECES = st.sampled_from(
    [
        start(), text("a"), text("", 1), call(1, "f", "t1"), call(2, "g", "t2"), tool_input(1, '{"x":1}'), thought(0, text="h"),
        thought(0, signature="s"), thought(3, redactedContent="QQ=="), block_stop(0), block_stop(1), stop(), stop("tool_use"), metadata(),
        event("new"), event("throttlingException", "exception"), b"\x00" * 20,
    ]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=14), st.integers(1, 200))
def test_any_order_gives_chunks_that_parse_and_one_end(pieces, size):
    data = start() + b"".join(pieces)
    stream, released = reader(), b""
    for at in range(0, len(data), size):
        released += stream.feed(data[at : at + size])
    parsed, done = chunks(released)
    message_of(parsed)
    assert done is stream.complete
    assert not (stream.complete and stream.failure)
    assert stream.started is any(chunk.choices and chunk.choices[0].finish_reason is None for chunk in parsed)


@settings(max_examples=100, deadline=None)
@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=30), st.integers(1, 60))
def test_no_word_is_lost(words, thinking, size):
    events = [start()]
    events += [thought(0, text=thinking[at : at + 3]) for at in range(0, len(thinking), 3)]
    events += [text(words[at : at + 3], 1) for at in range(0, len(words), 3)]
    data = b"".join([*events, stop(), metadata()])
    stream, released = reader(), b""
    for at in range(0, len(data), size):
        released += stream.feed(data[at : at + size])
    said = message_of(chunks(released)[0])
    assert (said["content"], said["reasoning_content"]) == (words, thinking)
