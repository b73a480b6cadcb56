"""The adapter as the dispatcher uses it, and a conversation that goes round: answer in, history out."""

import msgspec
import pytest
from openai.types.chat import ChatCompletion

from anyapi.domain.catalogue import Capabilities, Endpoint
from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.errors import BadRequest
from anyapi.upstream.adapter import Adapter, Answer, OutboundChat, ProviderRow, StreamReader
from anyapi.upstream.anthropic import AnthropicAdapter

ABILITIES = Capabilities(vision=True, tools=True, structured_outputs=True, reasoning=True)
ENDPOINT = Endpoint("a/b", "anthropic", "anthropic/x", "claude-sonnet-4-5", max_output_tokens=64_000, capabilities=ABILITIES)
HELLO = [{"role": "user", "content": "Hello"}]
TOOL = {"type": "function", "function": {"name": "get", "parameters": {"type": "object"}}}


def adapter():
    return AnthropicAdapter(clock=lambda: 1_800_000_000.9)


def call(*, stream=False, wants_usage=False, beta_headers=(), **fields):
    fields = {"model": "anthropic/x", "messages": HELLO, **fields}
    raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}
    return OutboundChat(raw, stream=stream, wants_usage=wants_usage, beta_headers=beta_headers)


def test_it_is_an_adapter():
    made: Adapter = adapter()
    reader: StreamReader = made.open_stream(call(stream=True))
    assert (reader.complete, reader.failure, reader.tokens, reader.started) == (False, None, None, False)


def test_prepare():
    prepared = adapter().prepare(call(stream=True, temperature=0.5, seed=1), ENDPOINT, ProviderRow())
    assert prepared.path == b"/v1/messages"
    assert prepared.headers == b"anthropic-version: 2023-06-01\r\n"
    assert prepared.adjusted == ("seed",)
    assert msgspec.json.decode(prepared.body) == {
        "model": "claude-sonnet-4-5",
        "max_tokens": 64_000,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
        "temperature": 0.5,
        "stream": True,
    }
    assert "Hello" not in repr(prepared)


def test_beta_headers_alone_go_on_and_cannot_break_the_head():
    headers = ((b"Anthropic-Beta", b"context-1m"), (b"x-other", b"1"), (b"anthropic-beta", b"a\r\nx-evil: 1"), (b"anthropic-beta", b"b"))
    prepared = adapter().prepare(call(beta_headers=headers), ENDPOINT, ProviderRow())
    assert prepared.headers == b"anthropic-version: 2023-06-01\r\nanthropic-beta: context-1m\r\nanthropic-beta: b\r\n"


def test_the_row_drops():
    prepared = adapter().prepare(call(temperature=0.5), ENDPOINT, ProviderRow(drops=frozenset({"temperature"})))
    assert prepared.adjusted == ("temperature",)


def test_a_refused_field_is_named():
    with pytest.raises(BadRequest) as caught:
        adapter().prepare(call(logit_bias={"1": 2}), ENDPOINT, ProviderRow())
    assert caught.value.field == "logit_bias"


def test_answer_with_the_clock():
    body = {"id": "msg_1", "type": "message", "model": "m", "content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"}
    answer = adapter().read_answer(msgspec.json.encode(body), call())
    assert isinstance(answer, Answer)
    assert ChatCompletion.model_validate_json(answer.body, strict=True).created == 1_800_000_000


def test_hidden_reasoning_reaches_answer_and_stream():
    asked = {"effort": "low", "exclude": True}
    body = {
        "id": "m",
        "type": "message",
        "model": "m",
        "content": [{"type": "thinking", "thinking": "SECRET", "signature": "s"}, {"type": "text", "text": "Hi"}],
    }
    answer = adapter().read_answer(msgspec.json.encode(body), call(reasoning=asked))
    assert b"SECRET" not in answer.body
    reader = adapter().open_stream(call(stream=True, reasoning=asked))
    start = b'data: {"type":"message_start","message":{"id":"m","model":"m"}}\n\n'
    thought = b'data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"SECRET"}}\n\n'
    assert reader.feed(start + thought) == b""


def test_classify():
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    assert adapter().classify(529, 4.0, body) == Outcome(OutcomeKind.OVERLOADED, 4.0, 529)


def test_a_tool_loop_with_thinking_goes_round():
    """What we answered, sent back as the SDK dumps it, becomes what Anthropic had said, thinking and its signature included."""
    said = [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "sealed"},
        {"type": "text", "text": "Let me see."},
        {"type": "tool_use", "id": "toolu_1", "name": "get", "input": {"city": "東京", "n": 1.5}},
        {"type": "tool_use", "id": "toolu_2", "name": "get", "input": {}},
    ]
    body = {
        "id": "msg_1",
        "type": "message",
        "model": "m",
        "content": said,
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 1, "output_tokens": 2},
    }
    answer = adapter().read_answer(msgspec.json.encode(body), call(tools=[TOOL]))
    back = ChatCompletion.model_validate_json(answer.body, strict=True).choices[0].message.model_dump(exclude_unset=True)
    results = [{"role": "tool", "tool_call_id": f"toolu_{number}", "content": "ok"} for number in (1, 2)]
    prepared = adapter().prepare(call(messages=[*HELLO, back, *results], tools=[TOOL], reasoning_effort="low"), ENDPOINT, ProviderRow())
    sent = msgspec.json.decode(prepared.body)
    assert sent["messages"][1] == {"role": "assistant", "content": said}
    assert [block["tool_use_id"] for block in sent["messages"][2]["content"]] == ["toolu_1", "toolu_2"]
    assert sent["thinking"] == {"type": "enabled", "budget_tokens": 2048}
    assert prepared.adjusted == ()


def with_maximum(digits):
    fields = call().fields
    number = b"1" + b"0" * digits
    fields["tools"] = msgspec.Raw(b'[{"type":"function","function":{"name":"f","parameters":{"type":"object","maximum":%b}}}]' % number)
    return OutboundChat(fields, stream=False, wants_usage=False), number


@pytest.mark.parametrize("digits", [19, 20, 100, 310, 4000])
def test_huge_numbers_are_sent_as_they_are(digits):
    outbound, number = with_maximum(digits)
    assert number in adapter().prepare(outbound, ENDPOINT, ProviderRow()).body


def test_absurd_numbers_are_refused():
    with pytest.raises(BadRequest) as caught:
        adapter().prepare(with_maximum(5000)[0], ENDPOINT, ProviderRow())
    assert caught.value.field == "tools"
