"""The adapter as the dispatcher uses it, and a conversation that goes round: answer in, history out."""

import msgspec
import pytest
from openai.types.chat import ChatCompletion
from tests.unit.upstream import frames

from anyapi.domain.catalogue import Capabilities, Endpoint
from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.errors import BadRequest
from anyapi.upstream.adapter import Adapter, Answer, OutboundChat, ProviderRow, StreamReader
from anyapi.upstream.bedrock import BedrockAdapter, new_id, path_of

ABILITIES = Capabilities(vision=True, tools=True, structured_outputs=True, reasoning=True)
SONNET = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
ENDPOINT = Endpoint("a/b", "amazon-bedrock", "anthropic/claude-sonnet-4.5", SONNET, max_output_tokens=64_000, capabilities=ABILITIES)
HELLO = [{"role": "user", "content": "Hello"}]
TOOL = {"type": "function", "function": {"name": "get", "parameters": {"type": "object"}}}


def adapter():
    return BedrockAdapter(clock=lambda: 1_800_000_000.9, ids=lambda: "chatcmpl-1")


def call(*, stream=False, wants_usage=False, beta_headers=(), **fields):
    fields = {"model": "anthropic/claude-sonnet-4.5", "messages": HELLO, **fields}
    raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}
    return OutboundChat(raw, stream=stream, wants_usage=wants_usage, beta_headers=beta_headers)


def answer_of(content, stop="end_turn"):
    return msgspec.json.encode(
        {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": stop,
            "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3},
            "metrics": {"latencyMs": 5},
        }
    )


def test_it_is_an_adapter():
    made: Adapter = adapter()
    reader: StreamReader = made.open_stream(call(stream=True))
    assert (reader.complete, reader.failure, reader.tokens, reader.started) == (False, None, None, False)


def test_prepare():
    prepared = adapter().prepare(call(temperature=0.5, seed=1), ENDPOINT, ProviderRow())
    assert prepared.path == b"/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
    assert prepared.headers == b""
    assert prepared.adjusted == ("seed",)
    assert msgspec.json.decode(prepared.body) == {
        "messages": [{"role": "user", "content": [{"text": "Hello"}]}],
        "inferenceConfig": {"maxTokens": 64_000, "temperature": 0.5},
    }
    assert "Hello" not in repr(prepared)


def test_a_stream_has_a_path_of_its_own_and_the_same_body():
    plain, streamed = (adapter().prepare(call(stream=stream), ENDPOINT, ProviderRow()) for stream in (False, True))
    assert streamed.path == plain.path + b"-stream"
    assert streamed.body == plain.body


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("amazon.nova-lite-v1:0", b"/model/amazon.nova-lite-v1%3A0/converse"),
        (
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.x",
            b"/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.x/converse",
        ),
        ("a b\r\nx: y?z#ü", b"/model/a%20b%0D%0Ax%3A%20y%3Fz%23%C3%BC/converse"),
    ],
)
def test_the_model_is_encoded_in_the_path(model, path):
    assert path_of(model, stream=False) == path


def test_beta_headers_that_bedrock_takes_go_on():
    headers = ((b"Anthropic-Beta", b"context-1m-2025-08-07, claude-code-20250219"), (b"x-other", b"1"))
    prepared = adapter().prepare(call(beta_headers=headers), ENDPOINT, ProviderRow())
    assert msgspec.json.decode(prepared.body)["additionalModelRequestFields"] == {"anthropic_beta": ["context-1m-2025-08-07"]}
    assert prepared.adjusted == ("anthropic-beta",)


def test_the_row_drops():
    prepared = adapter().prepare(call(temperature=0.5), ENDPOINT, ProviderRow(drops=frozenset({"temperature"})))
    assert prepared.adjusted == ("temperature",)


def test_a_refused_field_is_named():
    with pytest.raises(BadRequest) as caught:
        adapter().prepare(call(logit_bias={"1": 2}), ENDPOINT, ProviderRow())
    assert caught.value.field == "logit_bias"


def test_absurd_numbers_are_refused():
    fields = call().fields
    number = b"1" + b"0" * 5000
    fields["tools"] = msgspec.Raw(b'[{"type":"function","function":{"name":"f","parameters":{"type":"object","maximum":%b}}}]' % number)
    with pytest.raises(BadRequest):
        adapter().prepare(OutboundChat(fields), ENDPOINT, ProviderRow())


@pytest.mark.parametrize("asked", ["anthropic/claude-sonnet-4.5", "anyapi/auto", "first/of-a-chain"])
def test_answer_with_id_clock_and_the_model_that_answered(asked):
    """Bedrock names no model, and the one that the client named need not be the one that answered."""
    request = call(model=asked)
    adapter().prepare(request, ENDPOINT, ProviderRow())
    answer = adapter().read_answer(answer_of([{"text": "Hi"}]), request)
    assert isinstance(answer, Answer)
    completion = ChatCompletion.model_validate_json(answer.body, strict=True)
    assert (completion.id, completion.created, completion.model) == ("chatcmpl-1", 1_800_000_000, "anthropic/claude-sonnet-4.5")


def test_ids_differ():
    assert new_id() != new_id()
    assert new_id().startswith("chatcmpl-")


def test_hidden_reasoning_reaches_answer_and_stream():
    asked = {"effort": "low", "exclude": True}
    thought = {"reasoningContent": {"reasoningText": {"text": "SECRET", "signature": "s"}}}
    assert b"SECRET" not in adapter().read_answer(answer_of([thought, {"text": "Hi"}]), call(reasoning=asked)).body
    reader = adapter().open_stream(call(stream=True, reasoning=asked))
    assert reader.feed(frames.start() + frames.delta(0, reasoningContent={"text": "SECRET"})) == b""


def test_classify():
    assert adapter().classify(429, 4.0, b'{"message":"Too many requests"}') == Outcome(OutcomeKind.RATE_LIMITED, 4.0, 429)


def test_a_tool_loop_with_thinking_goes_round():
    """What we answered, sent back as the SDK dumps it, becomes what Bedrock had said, reasoning and its signature included."""
    said = [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}},
        {"reasoningContent": {"redactedContent": "c2VhbGVk"}},
        {"text": "Let me see."},
        {"toolUse": {"toolUseId": "tooluse_1", "name": "get", "input": {"city": "東京", "n": 1.5}}},
        {"toolUse": {"toolUseId": "tooluse_2", "name": "get", "input": {}}},
    ]
    answer = adapter().read_answer(answer_of(said, "tool_use"), call(tools=[TOOL]))
    back = ChatCompletion.model_validate_json(answer.body, strict=True).choices[0].message.model_dump(exclude_unset=True)
    results = [{"role": "tool", "tool_call_id": f"tooluse_{number}", "content": "ok"} for number in (1, 2)]
    prepared = adapter().prepare(call(messages=[*HELLO, back, *results], tools=[TOOL], reasoning_effort="low"), ENDPOINT, ProviderRow())
    sent = msgspec.json.decode(prepared.body)
    assert sent["messages"][1] == {"role": "assistant", "content": said}
    assert [block["toolResult"]["toolUseId"] for block in sent["messages"][2]["content"]] == ["tooluse_1", "tooluse_2"]
    assert sent["additionalModelRequestFields"] == {"thinking": {"type": "enabled", "budget_tokens": 2048}}
    assert prepared.adjusted == ()
