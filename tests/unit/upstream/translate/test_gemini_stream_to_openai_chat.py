"""Streams: seven in Google's shape, cut at every byte and chunked at random, read as the OpenAI SDK would read them."""

import pathlib
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion
from tests.conftest import LONG
from tests.unit.upstream.chat_stream import chunks, message_of

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.domain.usage import TokenCount
from anyapi.upstream import sse
from anyapi.upstream.translate.gemini_stream_to_openai_chat import ChatStream
from anyapi.upstream.translate.gemini_to_openai_chat import BROKEN, FORMAT, translate

RECORDED = {path.stem: path.read_bytes() for path in sorted((pathlib.Path(__file__).parent / "recorded" / "gemini").glob("*.sse"))}
WHOLE = sorted(RECORDED.keys() - {"error"})
CUTS = [(name, end) for name in sorted(RECORDED) for end in ("\n", "\r\n", "\r")]
CHUNKINGS = 500 if LONG else 120
"""Of each stream, at random: in the normal run still ten of each line end with each size of piece. Every cut is tried besides."""
CHOICES = {"choices": 2}
BAD = Outcome(OutcomeKind.BAD_RESPONSE)


def reader(name="", **changes):
    return ChatStream(**{"created": 1_800_000_000, "fallback_id": "fresh", "wants_usage": True, "choices": CHOICES.get(name, 1), **changes})


def event(*parts, finish=None, index=0, **more):
    candidate = {"index": index, "content": {"parts": list(parts), "role": "model"}}
    if finish:
        candidate["finishReason"] = finish
    return b"data: %b\r\n\r\n" % msgspec.json.encode({"candidates": [candidate], **more})


def text(words):
    return event({"text": words})


STOP = event(finish="STOP", usageMetadata={"promptTokenCount": 3})


def finishes(parsed):
    return [choice.finish_reason for chunk in parsed for choice in chunk.choices if choice.finish_reason]


def through(name, **changes):
    stream = reader(name, **changes)
    return stream, *chunks(stream.feed(RECORDED[name]))


def test_seven_streams_are_recorded():
    assert sorted(RECORDED) == ["blocked", "choices", "error", "refusal", "text", "thinking", "tools"]


def test_text():
    stream, parsed, done = through("text")
    assert done
    assert (stream.complete, stream.failure, stream.started, stream.refused) == (True, None, True, False)
    assert {(chunk.id, chunk.model, chunk.created, chunk.object) for chunk in parsed} == {
        ("Il0taoSYJ5CezLUPyJ2Z6AQ", "gemini-3.8-flash", 1_800_000_000, "chat.completion.chunk")
    }
    assert parsed[0].choices[0].delta.role == "assistant"
    assert all(chunk.choices[0].delta.role is None for chunk in parsed[1:-2])
    assert message_of(parsed)["content"] == 'Grüß Gott, 世界 🌍!\n\n"Quoted" \\ and\ttab — done.'
    assert finishes(parsed) == ["stop"]
    usage = parsed[-1].usage
    assert (parsed[-1].choices, usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == ([], 1061, 23, 1084)
    assert stream.tokens == TokenCount(prompt=1061, completion=23, cached=1024)


def test_tools_in_parallel():
    stream, parsed, _ = through("tools")
    said = message_of(parsed)
    assert (said["content"], said["reasoning_content"]) == ("I'll look up both cities.", "Both cities need a look.")
    calls = [
        (call["index"], call["id"], call["type"], call["function"]["name"], msgspec.json.decode(call["function"]["arguments"]))
        for call in said["tool_calls"]
    ]
    assert calls == [
        (0, "8f2x1q", "function", "get_weather", {"city": "Paris", "unit": "°C"}),
        (1, "8f2x1r", "function", "get_weather", {"city": "東京"}),
        (2, "8f2x1s", "function", "get_time", {}),
    ]
    assert said["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "CuQBAb4+9vtFirstCallSignature=="}}
    assert "extra_content" not in said["tool_calls"][1]
    assert said["reasoning_details"][1] == {
        "type": "reasoning.encrypted",
        "data": "CuQBAb4+9vtFirstCallSignature==",
        "format": FORMAT,
        "id": "8f2x1q",
        "index": 1,
    }
    assert finishes(parsed) == ["tool_calls"]
    assert stream.tokens == TokenCount(prompt=612, completion=92, reasoning=40)


def test_thinking_and_text():
    stream, parsed, _ = through("thinking")
    said = message_of(parsed)
    assert said["reasoning_content"] == "**Multiplying**\n\nThe user wants 27 × 453.\n"
    assert said["content"] == "27 × 453 is **12,231**."
    assert said["reasoning_details"] == [
        {"type": "reasoning.text", "text": said["reasoning_content"], "format": FORMAT, "index": 0},
        {"type": "reasoning.encrypted", "data": "EjQKMgEMVq8xTHByY2tRZ0hJdXl2bGFzbG9vayBhdCB5b3U=", "format": FORMAT, "index": 1},
    ]
    assert stream.tokens == TokenCount(prompt=88, completion=87, reasoning=71)


def test_thinking_may_be_hidden_but_signatures_are_not():
    said = message_of(through("thinking", hide_reasoning=True)[1])
    assert "reasoning_content" not in said
    assert [detail["type"] for detail in said["reasoning_details"]] == ["reasoning.encrypted"]


def test_an_error_in_the_middle():
    stream, parsed, done = through("error")
    assert stream.failure == Outcome(OutcomeKind.OVERLOADED)
    assert (stream.complete, done, stream.started, stream.tokens) == (False, False, True, None)
    assert message_of(parsed)["content"] == "This answer will not get"
    assert stream.feed(STOP) == b""


def test_a_refusal():
    stream, parsed, done = through("refusal")
    assert (done, stream.refused, finishes(parsed)) == (True, True, ["content_filter"])
    assert message_of(parsed)["content"] == "First you take"


def test_a_blocked_prompt():
    stream, parsed, done = through("blocked")
    assert (done, stream.refused, stream.started, finishes(parsed)) == (True, True, False, ["content_filter"])
    assert message_of(parsed) == {"role": "assistant", "content": ""}
    assert stream.tokens == TokenCount(15)


IMAGE = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}


def test_images():
    stream = reader()
    pieces = [text("Here: "), event(IMAGE, {**IMAGE, "thought": True}), event({**IMAGE, "thoughtSignature": "sig"}), STOP]
    parsed, done = chunks(b"".join(map(stream.feed, pieces)))
    shown = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    said = message_of(parsed)
    assert (done, stream.empty, said["content"]) == (True, False, "Here: ")
    assert said["images"] == [{"index": 0, **shown}, {"index": 1, **shown}]
    assert [detail["data"] for detail in said["reasoning_details"]] == ["sig"]
    alone = reader()
    assert b"iVBORw0KGgo=" in alone.feed(event(IMAGE))
    assert alone.started


@pytest.mark.parametrize("blob", [{"mimeType": "audio/L16;rate=24000", "data": "AA=="}, {}])
def test_a_file_that_cannot_be_carried_ends_the_stream_as_failed(blob):
    stream = reader()
    assert b"SECRET" not in stream.feed(text("x") + event({"text": "SECRET"}, {"inlineData": blob}))
    assert (stream.failure, stream.complete) == (BAD, False)


def test_an_image_behind_the_end_is_content():
    stream = reader()
    stream.feed(event({"text": "x"}, finish="STOP") + event(IMAGE))
    assert stream.failure == BAD


def test_two_choices():
    stream, parsed, done = through("choices")
    assert done
    assert [message_of(parsed, index) for index in (0, 1)] == [
        {"role": "assistant", "content": "Red it is."},
        {"role": "assistant", "content": "Blue, of course"},
    ]
    assert finishes(parsed) == ["stop", "length"]


def test_the_stream_waits_for_every_choice():
    stream = reader(choices=2)
    stream.feed(event({"text": "a"}, finish="STOP"))
    assert not stream.complete
    stream.feed(event({"text": "b"}, finish="STOP", index=1, usageMetadata={"promptTokenCount": 3}))
    assert stream.complete


def test_usage_only_when_wanted():
    for name in WHOLE:
        stream, parsed, done = through(name, wants_usage=False)
        assert done
        assert all(chunk.choices and chunk.usage is None for chunk in parsed)
        assert stream.tokens is not None


@pytest.mark.parametrize("name", WHOLE)
def test_a_stream_says_what_the_whole_answer_says(name):
    """The events of a stream, put together as one answer, give the same message."""
    events = [msgspec.json.decode(data) for _name, data in sse.events(RECORDED[name])]
    joined = {**events[-1]}
    for index in range(CHOICES.get(name, 1)):
        found = [one for item in events for one in item.get("candidates", []) if one.get("index", 0) == index]
        parts = [part for one in found for part in one.get("content", {}).get("parts", [])]
        if found:
            made = {"index": index, "content": {"parts": parts}, "finishReason": found[-1]["finishReason"]}
            joined["candidates"] = [*(joined["candidates"] if index else []), made]
    answer = translate(msgspec.json.encode(joined), created=1_800_000_000, fallback_id="fresh")
    completion = ChatCompletion.model_validate_json(answer.body, strict=True)
    same_blanks = b"".join(b"data: %b\n\n" % msgspec.json.encode(item) for item in events)
    parsed, _ = chunks(reader(name).feed(same_blanks))
    for choice in completion.choices:
        streamed, whole = message_of(parsed, choice.index), choice.message.model_dump(exclude_unset=True)
        assert [streamed.get("content") or ""] == [whole["content"] or ""]
        assert streamed.get("reasoning_content") == whole.get("reasoning_content")
        stripped = [{key: value for key, value in call.items() if key != "index"} for call in streamed.get("tool_calls", [])]
        assert stripped == whole.get("tool_calls", [])
    assert finishes(parsed) == [choice.finish_reason for choice in completion.choices]


# --- cuts and chunkings


@pytest.mark.parametrize(("name", "end"), CUTS)
def test_a_cut_at_every_byte_is_never_complete(name, end):
    """What is released is whole events that parse, and a prefix of the whole; `[DONE]` needs every finish reason."""
    data = RECORDED[name].replace(b"\n", end.encode())
    whole = reader(name).feed(data)
    last = len(data) - (2 if end == "\r\n" else 1)  # the CR of the last blank line is enough
    seen = set()
    for cut in range(len(data)):
        stream = reader(name)
        released = stream.feed(data[:cut])
        assert whole.startswith(released)
        if released not in seen:
            seen.add(released)
            parsed, done = chunks(released)
            assert done is stream.complete
            assert not finishes(parsed) or done
        assert not stream.complete or (end == "\r\n" and cut > last)
        assert stream.failure is None or name == "error"


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_random_chunkings_give_the_same(name):
    chance = random.Random(name)
    data = RECORDED[name]
    whole = reader(name).feed(data)
    for turn in range(CHUNKINGS):
        lines = data.replace(b"\n", (b"\n", b"\r\n", b"\r")[turn % 3])
        stream, released, at, most = reader(name), [], 0, chance.choice((1, 3, 20, 400))
        while at < len(lines):
            size = chance.randint(1, most)
            released.append(stream.feed(lines[at : at + size]))
            at += size
        assert b"".join(released) == whole
        assert stream.complete is (name != "error")


# --- order, unknown things, hostile things


def test_nothing_is_released_before_the_first_content():
    stream = reader()
    opening = event({"text": ""}) + event() + event(usageMetadata={"promptTokenCount": 1}) + event({"text": "", "thought": True})
    assert stream.feed(opening) == b""
    assert not stream.started
    stream.feed(b'data: {"error":{"code":500,"message":"SECRET"}}\n\n')
    assert stream.failure == Outcome(OutcomeKind.SERVER_ERROR)
    assert not stream.started


def test_an_answer_without_content():
    stream = reader()
    parsed, done = chunks(stream.feed(STOP))
    assert done
    assert not stream.started
    assert message_of(parsed) == {"role": "assistant", "content": ""}
    assert stream.tokens == TokenCount(3)


def test_no_usage_stated():
    stream = reader()
    told = stream.feed(event({"text": "x"}, finish="STOP"))
    assert (stream.complete, finishes(chunks(told)[0])) == (False, []), "usage may follow until the message ends"
    parsed, done = chunks(told + stream.end())
    assert (done, stream.complete, stream.tokens, parsed[-1].usage) == (True, True, None, None)


@pytest.mark.parametrize("blank", [b"", b"\r\n", b"\r\n\r\n"])
def test_usage_that_comes_behind_the_finish_reason_counts(blank):
    early = {"promptTokenCount": 3, "candidatesTokenCount": 1}
    parts = [event({"text": "x"}, usageMetadata=early), event(finish="STOP"), b'data: {"modelVersion":"m"}\r\n\r\n']
    late = b'data: {"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":9}}'
    stream = reader()
    told = b"".join(map(stream.feed, parts))
    assert not stream.complete
    parsed, done = chunks(told + stream.feed(late + blank) + stream.end())
    assert (done, stream.complete, finishes(parsed)) == (True, True, ["stop"])
    assert (stream.tokens, parsed[-1].usage.completion_tokens) == (TokenCount(3, 9), 9)


def test_the_end_of_a_message_ends_no_answer_that_has_not_stopped():
    stream = reader()
    stream.feed(text("x"))
    assert (stream.end(), stream.complete) == (b"", False)
    failed = reader()
    failed.feed(event({"text": "x"}, finish="STOP") + text("y"))
    assert (failed.end(), failed.complete, failed.failure) == (b"", False, BAD)


def test_what_follows_the_end_is_nothing():
    stream = reader()
    assert stream.feed(text("x") + STOP + b"data: [DONE]\n\n" + text("y")).endswith(b"data: [DONE]\n\n")
    assert stream.complete
    assert stream.feed(text("y")) == b""
    assert stream.failure is None


def test_ids_of_calls_that_have_none():
    stream = reader()
    call = {"functionCall": {"name": "f", "args": {"a": 1}}}
    parsed, _ = chunks(stream.feed(event(call, call, responseId="r1") + event(call, finish="STOP", responseId="r2")))
    assert [one["id"] for one in message_of(parsed)["tool_calls"]] == ["call_r1_0_0", "call_r1_0_1", "call_r1_0_2"]
    assert {chunk.id for chunk in parsed} == {"r1"}
    assert chunks(reader().feed(event(call)))[0][0].choices[0].delta.tool_calls[0].id == "call_fresh_0_0"


def test_a_second_thought_is_a_detail_of_its_own():
    thought = event({"text": "hm", "thought": True})
    signed = event({"text": "", "thought": True, "thoughtSignature": "T"})
    said = message_of(chunks(reader().feed(thought + signed + text("a") + thought + thought + STOP))[0])
    assert said["reasoning_details"] == [
        {"type": "reasoning.text", "text": "hm", "signature": "T", "format": FORMAT, "index": 0},
        {"type": "reasoning.text", "text": "hmhm", "format": FORMAT, "index": 1},
    ]


def test_logprobs_stand_with_their_chunk():
    result = {"chosenCandidates": [{"token": "x", "logProbability": -0.5}]}
    one = b"data: %b\n\n" % msgspec.json.encode({"candidates": [{"content": {"parts": [{"text": "x"}]}, "logprobsResult": result}]})
    two = b"data: %b\n\n" % msgspec.json.encode({"candidates": [{"logprobsResult": result, "finishReason": "STOP"}]})
    stream = reader()
    parsed, done = chunks(stream.feed(one + two) + stream.end())
    assert done
    assert [[token.token for token in chunk.choices[0].logprobs.content] if chunk.choices[0].logprobs else None for chunk in parsed] == [
        ["x"],
        ["x"],
        None,
    ]


def test_an_unspecified_finish_reason_is_none():
    stream = reader()
    stream.feed(event({"text": "x"}, finish="FINISH_REASON_UNSPECIFIED"))
    assert not stream.complete


@pytest.mark.parametrize("reason", sorted(BROKEN))
def test_a_failed_generation_ends_the_stream(reason):
    stream = reader()
    assert stream.feed(event({"text": "x"}, finish=reason)) == b""
    assert (stream.failure, stream.complete, stream.started) == (BAD, False, False)


@pytest.mark.parametrize(
    "unknown",
    [
        b": comment\n\n",
        b"retry: 10\n\n",
        b"<html>no event at all</html>\n\n",
        event({"executableCode": {"code": "x"}}, {"fileData": {"fileUri": "AA"}}, {"newKind": {"text": 5}}),
        b'data: {"usageMetadata":"odd"}\n\n',
        b'data: {"responseId":"x","candidates":[{"groundingMetadata":{},"logprobsResult":5}]}\n\n',
    ],
)
def test_unknown_things_are_skipped(unknown):
    parsed, done = chunks(reader().feed(unknown + text("x") + unknown + STOP))
    assert done
    assert message_of(parsed) == {"role": "assistant", "content": "x"}


@pytest.mark.parametrize(
    "bad",
    [
        b"data: nonsense\n\n",
        b"data: [1]\n\n",
        b"data: {}\n\n",
        b"data: [DONE]\n\n",
        b'data: {"candidates":5}\n\n',
        b"data: " + b"[" * 200_000 + b"\n\n",
        b'data: {"candidates":[{"content":{"parts":[{"text":"\xff"}]}}]}\n\n',
        b'data: {"candidates":[{"content":{"parts":[{"text":"\\ud800"}]}}]}\n\n',
        event({"text": 5}),
        event({"text": "lost"}, {"functionCall": {"name": "f", "args": [1]}}),
        event({"functionCall": {"args": {}}}),
        event({"functionCall": {"name": "f", "willContinue": True}}),
        event({"text": "lost"}, index=1),
        event({"text": "lost"}, index=-1),
        event(finish=5),
    ],
)
def test_what_is_not_of_the_format_ends_the_stream(bad):
    stream = reader()
    released = stream.feed(text("x") + bad + text("y") + STOP)
    assert (stream.failure, stream.complete) == (BAD, False)
    assert message_of(chunks(released)[0]) == {"role": "assistant", "content": "x"}


def test_content_after_the_end_of_a_choice_is_not_of_the_format():
    stream = reader(choices=2)
    stream.feed(event({"text": "a"}, finish="STOP") + event({"thoughtSignature": "S", "text": ""}))
    assert stream.failure is None
    stream.feed(text("b"))
    assert stream.failure == BAD


def test_an_endless_event_ends_the_stream():
    stream = reader()
    for _ in range(20):
        assert stream.feed(b"data: " + b"x" * 65_536) == b""
    assert stream.failure == BAD


def test_line_ends_and_quotes_of_a_provider_cannot_forge_an_event():
    evil = 'x"\n\ndata: [DONE]\n\n'
    call = {"functionCall": {"name": evil, "id": evil, "args": {"a": evil}}, "thoughtSignature": evil}
    parsed, done = chunks(reader().feed(event({"text": evil}, call, responseId=evil, modelVersion=evil)))
    assert not done
    assert (parsed[0].id, parsed[0].model, message_of(parsed)["content"]) == (evil, evil, evil)


def test_memory_does_not_grow_with_the_answer():
    stream = reader()
    for _ in range(2000):
        stream.feed(event({"text": "x"}, {"functionCall": {"name": "f"}, "thoughtSignature": "S"}, {"text": "hm", "thought": True}))
    assert stream._out == []
    assert len(stream._choices) == 1
    assert not stream._splitter.holding
    assert stream._choices[0].calls == 2000


def test_nothing_is_printed():
    stream = reader()
    stream.feed(text("SECRET"))
    assert "SECRET" not in repr(stream)


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 2**70)
    | st.text(max_size=5)
    | st.sampled_from(["STOP", "SAFETY", "MALFORMED_FUNCTION_CALL"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "content",
                    "parts",
                    "text",
                    "thought",
                    "thoughtSignature",
                    "functionCall",
                    "name",
                    "args",
                    "finishReason",
                    "index",
                    "blockReason",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["candidates", "promptFeedback", "usageMetadata", "error", "responseId"]), ANY, max_size=4),
        max_size=5,
    )
)
def test_random_events_never_raise(found):
    stream = reader()
    released = b"".join(stream.feed(b"data: %b\n\n" % msgspec.json.encode(one)) for one in found)
    _, done = chunks(released)
    assert done is stream.complete
    assert not (stream.complete and stream.failure)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(RECORDED)), st.data())
def test_recorded_streams_with_changed_bytes_never_raise(name, data):
    lines = bytearray(RECORDED[name])
    for _ in range(data.draw(st.integers(1, 4))):
        lines[data.draw(st.integers(0, len(lines) - 1))] = data.draw(st.integers(0, 255))
    stream = reader(name)
    _, done = chunks(stream.feed(bytes(lines)))
    assert done is stream.complete
