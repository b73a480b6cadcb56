"""The adapter as the dispatcher uses it, and conversations that go round: answer or stream in, history out."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming._deltas import accumulate_delta
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from anyapi.domain.catalogue import Capabilities, Endpoint
from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.errors import BadRequest
from anyapi.upstream import sse
from anyapi.upstream.adapter import Adapter, Answer, OutboundChat, ProviderRow, StreamReader
from anyapi.upstream.gemini import AT_VERTEX, GeminiAdapter

ABILITIES = Capabilities(vision=True, tools=True, structured_outputs=True, reasoning=True)
ENDPOINT = Endpoint("a/b", "google-ai-studio", "google/x", "gemini-3.8-flash", max_output_tokens=65_536, capabilities=ABILITIES)
HELLO = [{"role": "user", "content": "Hello"}]
TOOL = {"type": "function", "function": {"name": "get", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}


def adapter(**more):
    return GeminiAdapter(clock=lambda: 1_800_000_000.9, fresh_id=lambda: "fresh", **more)


def call(*, stream=False, wants_usage=False, **fields):
    fields = {"model": "google/x", "messages": HELLO, **fields}
    raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}
    return OutboundChat(raw, stream=stream, wants_usage=wants_usage)


def answer_of(parts, **more):
    made = {"candidates": [{"content": {"parts": parts, "role": "model"}, "finishReason": "STOP", "index": 0}], "responseId": "r"}
    return msgspec.json.encode({**made, **more})


def test_it_is_an_adapter():
    made: Adapter = adapter()
    reader: StreamReader = made.open_stream(call(stream=True))
    assert (reader.complete, reader.failure, reader.tokens, reader.started) == (False, None, None, False)


@pytest.mark.parametrize(
    ("where", "stream", "path"),
    [
        ({}, False, b"/models/gemini-3.8-flash:generateContent"),
        ({}, True, b"/models/gemini-3.8-flash:streamGenerateContent?alt=sse"),
        ({"models": AT_VERTEX}, False, b"/publishers/google/models/gemini-3.8-flash:generateContent"),
        ({"models": AT_VERTEX}, True, b"/publishers/google/models/gemini-3.8-flash:streamGenerateContent?alt=sse"),
    ],
)
def test_paths(where, stream, path):
    prepared = adapter(**where).prepare(call(stream=stream), ENDPOINT, ProviderRow())
    assert (prepared.path, prepared.headers, prepared.adjusted) == (path, b"", ())
    assert msgspec.json.decode(prepared.body) == {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
    assert "Hello" not in repr(prepared)


def test_a_model_cannot_leave_its_place_in_the_path():
    evil = msgspec.structs.replace(ENDPOINT, upstream_model="../x y\r\nh: 1?a=b#c%")
    assert adapter().prepare(call(), evil, ProviderRow()).path == b"/models/..%2Fx%20y%0D%0Ah%3A%201%3Fa%3Db%23c%25:generateContent"


def test_the_row_counts():
    row = ProviderRow(accepts_store=True, drops=frozenset({"temperature"}))
    prepared = adapter().prepare(call(temperature=0.5, store=True), ENDPOINT, row)
    assert prepared.adjusted == ("temperature",)
    assert msgspec.json.decode(prepared.body)["store"] is False


def test_a_refused_field_is_named():
    with pytest.raises(BadRequest) as caught:
        adapter().prepare(call(logit_bias={"1": 2}), ENDPOINT, ProviderRow())
    assert caught.value.field == "logit_bias"


def test_answer_with_clock_and_fresh_id():
    data = msgspec.json.encode({"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]})
    answer = adapter().read_answer(data, call())
    assert isinstance(answer, Answer)
    completion = ChatCompletion.model_validate_json(answer.body, strict=True)
    assert (completion.created, completion.id) == (1_800_000_000, "fresh")
    assert GeminiAdapter().read_answer(data, call()).body != GeminiAdapter().read_answer(data, call()).body


def test_hidden_reasoning_reaches_answer_and_stream():
    asked = {"effort": "low", "exclude": True}
    data = answer_of([{"text": "SECRET", "thought": True}, {"text": "Hi"}])
    assert b"SECRET" not in adapter().read_answer(data, call(reasoning=asked)).body
    assert b"SECRET" not in adapter().open_stream(call(stream=True, reasoning=asked)).feed(b"data: " + data + b"\n\n")


def test_the_number_of_choices_reaches_the_stream():
    reader = adapter().open_stream(call(stream=True, n=2))
    reader.feed(b"data: " + answer_of([{"text": "a"}]) + b"\n\n")
    assert not reader.complete
    assert adapter().open_stream(call(stream=True, n=10**9)).failure is None


def test_classify():
    assert adapter().classify(503, 4.0, b'[{"error":{"status":"UNAVAILABLE"}}]') == Outcome(OutcomeKind.OVERLOADED, 4.0, 503)


# --- round trips


def sent_back(message, results):
    prepared = adapter().prepare(call(messages=[*HELLO, message, *results], tools=[TOOL]), ENDPOINT, ProviderRow())
    return msgspec.json.decode(prepared.body)["contents"], prepared.adjusted


def answered(parts):
    answer = adapter().read_answer(answer_of(parts), call(tools=[TOOL]))
    return ChatCompletion.model_validate_json(answer.body, strict=True).choices[0].message.model_dump(exclude_unset=True)


def streamed(parts):
    """One part an event, joined as the SDK joins."""
    reader = adapter().open_stream(call(stream=True, tools=[TOOL]))
    released = b"".join(
        reader.feed(b"data: %b\n\n" % msgspec.json.encode({"candidates": [{"content": {"parts": [part]}}], "responseId": "r"}))
        for part in parts
    ) + reader.feed(b'data: {"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1}}\n\n')
    assert reader.complete
    joined = {}
    for _name, data in sse.events(released):
        if data != b"[DONE]":
            delta = ChatCompletionChunk.model_validate_json(data, strict=True).choices[0].delta
            joined = accumulate_delta(joined, delta.model_dump(exclude_unset=True))
    return joined


def results_for(message):
    return [{"role": "tool", "tool_call_id": one["id"], "content": "ok"} for one in message.get("tool_calls") or ()]


SAID = [
    {"text": "hm", "thought": True},
    {"text": "Let me see."},
    {"text": "", "thoughtSignature": "onWords"},
    {"functionCall": {"name": "get", "args": {"city": "東京", "n": 1.5}, "id": "a1"}, "thoughtSignature": "onCall"},
    {"functionCall": {"name": "get", "args": {}, "id": "a2"}},
]


@pytest.mark.parametrize("received", [answered, streamed])
def test_a_tool_loop_with_thinking_goes_round(received):
    """What we answered, sent back as the SDK dumps it, becomes what Gemini had said, thoughts and signatures included."""
    message = received(SAID)
    contents, adjusted = sent_back(message, results_for(message))
    assert contents[1] == {"role": "model", "parts": SAID}
    assert [part["functionResponse"]["id"] for part in contents[2]["parts"]] == ["a1", "a2"]
    assert adjusted == ()


@pytest.mark.parametrize("lost", ["extra_content", "reasoning_details"])
@pytest.mark.parametrize("received", [answered, streamed])
def test_either_carrier_is_enough_for_the_calls(received, lost):
    message = received(SAID)
    message.pop("reasoning_content")
    if lost == "reasoning_details":
        message.pop(lost)
    else:
        for one in message["tool_calls"]:
            one.pop(lost, None)
    contents, adjusted = sent_back(message, results_for(message))
    assert contents[1]["parts"][-2:] == SAID[-2:]
    assert adjusted == ()


SIGNATURE = st.none() | st.text("ABCab12+/=_-", min_size=1, max_size=20)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)


def signed(part, signature):
    return {**part, "thoughtSignature": signature} if signature else part


@st.composite
def turns(draw):
    """A turn of a model in the order that is kept: signed thoughts, text, signatures on text, calls; the first call is signed."""
    thoughts = [signed({"text": draw(WORDS), "thought": True}, draw(st.text("AB=", min_size=1))) for _ in range(draw(st.integers(0, 3)))]
    text = [{"text": draw(WORDS)}] if draw(st.booleans()) else []
    seals = [signed({"text": ""}, draw(st.text("CD=", min_size=1))) for _ in range(draw(st.integers(0, 2)))]
    calls = [
        signed(
            {
                "functionCall": {
                    "name": draw(st.sampled_from(["get", "a.b:c-d_e"])),
                    "args": draw(st.dictionaries(WORDS, JSON)),
                    "id": f"id{number}",
                }
            },
            draw(SIGNATURE) if number else draw(st.text("EF=", min_size=1)),
        )
        for number in range(draw(st.integers(0 if text else 1, 3)))
    ]
    return thoughts + text + seals + calls


@settings(max_examples=200, deadline=None)
@given(turns(), st.sampled_from([answered, streamed]))
def test_any_turn_goes_round(parts, received):
    """No loss: an answer, and its stream, come back to Gemini as it had said it."""
    message = received(parts)
    contents, adjusted = sent_back(message, results_for(message))
    assert contents[1] == {"role": "model", "parts": parts}
    assert adjusted == ()


def with_maximum(digits):
    fields = call().fields
    number = b"1" + b"0" * digits
    fields["tools"] = msgspec.Raw(
        b'[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"maximum":%b}}}}}]' % number
    )
    return OutboundChat(fields, stream=False, wants_usage=False), number


@pytest.mark.parametrize("digits", [19, 20, 100, 310, 4000])
def test_huge_numbers_are_sent_as_they_are(digits):
    outbound, number = with_maximum(digits)
    assert number in adapter().prepare(outbound, ENDPOINT, ProviderRow()).body


def test_absurd_numbers_are_refused():
    with pytest.raises(BadRequest) as caught:
        adapter().prepare(with_maximum(5000)[0], ENDPOINT, ProviderRow())
    assert caught.value.field == "tools"
