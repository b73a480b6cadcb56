"""Complete answers, checked with the OpenAI SDK's own types."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.domain.usage import TokenCount
from anyapi.upstream.adapter import Answer
from anyapi.upstream.translate.bedrock_to_openai_chat import translate
from anyapi.upstream.translate.bedrock_wire import FINISH, Stamp

STAMP = Stamp("chatcmpl-1", "anthropic/claude-x", 1_800_000_000)
USAGE = {"inputTokens": 25, "outputTokens": 23, "totalTokens": 1048, "cacheReadInputTokens": 1000}
TEXT = {"text": "Grüß Gott 🌍"}
SIGNED = {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}}
UNSIGNED = {"reasoningContent": {"reasoningText": {"text": "hm"}}}
SEALED = {"reasoningContent": {"redactedContent": "c2VhbGVk"}}
BAD = Outcome(OutcomeKind.BAD_RESPONSE)


def tool(number, value):
    return {"toolUse": {"toolUseId": f"tooluse_{number}", "name": "get", "input": value}}


def response(content, stop="end_turn", **more):
    message = {"role": "assistant", "content": content}
    return {"output": {"message": message}, "stopReason": stop, "usage": USAGE, "metrics": {"latencyMs": 5}, **more}


def made(content, stop="end_turn", *, hide=False, stamp=STAMP, **more):
    answer = translate(msgspec.json.encode(response(content, stop, **more)), stamp, hide_reasoning=hide)
    assert isinstance(answer, Answer)
    return answer, ChatCompletion.model_validate_json(answer.body, strict=True)


def test_text():
    answer, completion = made([TEXT, {"text": "!"}])
    assert (completion.id, completion.model, completion.created, completion.object) == (
        "chatcmpl-1",
        "anthropic/claude-x",
        1_800_000_000,
        "chat.completion",
    )
    (choice,) = completion.choices
    assert (choice.index, choice.finish_reason, choice.message.content, choice.message.tool_calls) == (0, "stop", "Grüß Gott 🌍!", None)
    assert not answer.refused
    assert not answer.empty
    assert "Gott" not in repr(answer)


def test_usage():
    answer, completion = made([TEXT])
    assert answer.tokens == TokenCount(1025, 23, 1000)
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens, completion.usage.total_tokens) == (1025, 23, 1048)
    assert completion.usage.prompt_tokens_details.cached_tokens == 1000
    answer, completion = made([TEXT], usage="none")
    assert answer.tokens is None
    assert completion.usage is None


def test_calls_in_parallel():
    answer, completion = made([TEXT, tool(1, {"city": "東京"}), tool(2, {})], "tool_use")
    calls = completion.choices[0].message.tool_calls
    assert [(call.id, call.function.name, call.function.arguments) for call in calls] == [
        ("tooluse_1", "get", '{"city":"東京"}'),
        ("tooluse_2", "get", "{}"),
    ]
    assert completion.choices[0].finish_reason == "tool_calls"
    assert not answer.empty
    assert made([tool(1, {})], "tool_use")[1].choices[0].message.content is None


def test_reasoning():
    message = made([SIGNED, SEALED, UNSIGNED, TEXT])[1].choices[0].message.model_dump()
    assert message["reasoning_content"] == "hmhm"
    assert message["reasoning_details"] == [
        {"type": "reasoning.text", "text": "hm", "signature": "sig", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "c2VhbGVk", "format": "amazon-bedrock-v1", "index": 1},
        {"type": "reasoning.text", "text": "hm", "format": "amazon-bedrock-v1", "index": 2},
    ]


def test_reasoning_of_a_model_that_the_client_did_not_name():
    message = made([SIGNED, TEXT], stamp=Stamp("i", "anyapi/auto", 1))[1].choices[0].message.model_dump()
    assert message["reasoning_details"][0]["format"] == "amazon-bedrock-v1"


def test_reasoning_may_be_hidden():
    message = made([SIGNED, SEALED, TEXT], hide=True)[1].choices[0].message.model_dump()
    assert "reasoning_content" not in message
    assert "reasoning_details" not in message


def test_cited_text_is_text():
    cited = {"citationsContent": {"content": [{"text": "It is "}, {"text": "so."}], "citations": [{"title": "x"}]}}
    assert made([cited])[1].choices[0].message.content == "It is so."


@pytest.mark.parametrize("reason", sorted(FINISH))
def test_reasons(reason):
    content = [tool(1, {})] if reason == "tool_use" else [TEXT]
    answer, completion = made(content, reason)
    assert completion.choices[0].finish_reason == FINISH[reason]
    assert answer.refused is (FINISH[reason] == "content_filter")


def test_a_tool_use_that_holds_no_call_is_a_stop_and_the_reverse():
    assert made([TEXT], "tool_use")[1].choices[0].finish_reason == "stop"
    assert made([tool(1, {})], "end_turn")[1].choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize(
    "content", [[], [{"text": ""}], [{"reasoningContent": {"reasoningText": {"text": ""}}}], [{"image": {"format": "png"}}]]
)
def test_an_empty_answer(content):
    answer, completion = made(content)
    assert answer.empty
    assert completion.choices[0].message.content == ""


@pytest.mark.parametrize(
    "unknown",
    [{"image": {"format": "png", "source": {"bytes": "QUJD"}}}, {"toolResult": {"toolUseId": "x", "content": []}}, {"new": 1}, {}],
)
def test_blocks_of_other_kinds_are_left_out(unknown):
    assert made([unknown, TEXT, unknown])[1].choices[0].message.content == TEXT["text"]


def test_calls_of_bedrocks_own_tools_are_left_out():
    own = {"toolUse": {"toolUseId": "x", "name": "nova_grounding", "input": {}, "type": "server_tool_use"}}
    assert made([own, TEXT])[1].choices[0].message.tool_calls is None


@pytest.mark.parametrize("reason", ["malformed_model_output", "malformed_tool_use"])
def test_what_bedrock_could_not_read_is_no_answer(reason):
    assert translate(msgspec.json.encode(response([TEXT], reason)), STAMP) == BAD


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b"[" * 100_000,
        b'{"message":"an error"}',
        b'{"Output":{"__type":"x#UnknownOperationException"},"Version":"1.0"}',
        msgspec.json.encode({**response([TEXT]), "output": {}}),
        msgspec.json.encode({**response([TEXT]), "stopReason": None}),
        msgspec.json.encode(response("text")),
        msgspec.json.encode(response([{"text": 5}])),
        msgspec.json.encode(response([{"toolUse": {"name": "f", "input": {}}}])),
        msgspec.json.encode(response([{"toolUse": {"toolUseId": "x", "input": {}}}])),
        msgspec.json.encode(response([tool(1, [1])])),
        msgspec.json.encode(response([tool(1, "x")])),
        b'{"output":{"message":{"content":[{"text":"\xff"}]}},"stopReason":"end_turn"}',
    ],
)
def test_what_is_no_answer(body):
    assert translate(body, STAMP) == BAD


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["text", "toolUse", "toolUseId", "name", "input", "reasoningContent", "reasoningText", "type"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(JSON, max_size=3), st.sampled_from(["end_turn", "tool_use", "x"]), JSON)
def test_whatever_comes_gives_an_answer_that_parses_or_an_outcome(content, stop, usage):
    answer = translate(msgspec.json.encode(response(content, stop, usage=usage)), STAMP)
    if isinstance(answer, Answer):
        ChatCompletion.model_validate_json(answer.body, strict=True)
    else:
        assert answer == BAD
