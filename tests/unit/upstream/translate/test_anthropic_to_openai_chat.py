"""Complete answers, checked with the OpenAI SDK's own types."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.domain.usage import TokenCount
from anyapi.upstream.adapter import Answer
from anyapi.upstream.translate.anthropic_to_openai_chat import FINISH, arguments, translate

USAGE = {"input_tokens": 25, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 12, "output_tokens": 23}
TEXT = {"type": "text", "text": "Grüß Gott 🌍"}
THINKING = {"type": "thinking", "thinking": "hm", "signature": "sig"}
SEALED = {"type": "redacted_thinking", "data": "sealed"}


def tool(number, value):
    return {"type": "tool_use", "id": f"toolu_{number}", "name": "get", "input": value}


def message(content, stop="end_turn", **more):
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": content,
        "stop_reason": stop,
        "usage": USAGE,
        **more,
    }


def made(content, stop="end_turn", *, hide=False, **more):
    answer = translate(msgspec.json.encode(message(content, stop, **more)), created=1_800_000_000, hide_reasoning=hide)
    assert isinstance(answer, Answer)
    return answer, ChatCompletion.model_validate_json(answer.body, strict=True)


def test_text():
    answer, completion = made([TEXT, {"type": "text", "text": "!"}])
    assert (completion.id, completion.model, completion.created, completion.object) == (
        "msg_1",
        "claude-x",
        1_800_000_000,
        "chat.completion",
    )
    (choice,) = completion.choices
    assert (choice.index, choice.finish_reason, choice.message.content, choice.message.tool_calls) == (0, "stop", "Grüß Gott 🌍!", None)
    assert not answer.refused
    assert not answer.empty


def test_usage():
    answer, completion = made([TEXT], usage={**USAGE, "output_tokens_details": {"thinking_tokens": 7}})
    assert answer.tokens == TokenCount(prompt=1037, completion=23, cached=1000, reasoning=7)
    usage = completion.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (1037, 23, 1060)
    assert (usage.prompt_tokens_details.cached_tokens, usage.prompt_tokens_details.cache_write_tokens) == (1000, 12)
    assert usage.completion_tokens_details.reasoning_tokens == 7


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        [],
        "x",
        {"input_tokens": -1, "output_tokens": 1},
        {"input_tokens": 5},
        {"input_tokens": True, "output_tokens": 1},
        {"input_tokens": 10**30, "output_tokens": 1},
    ],
)
def test_usage_that_says_nothing(usage):
    answer, completion = made([TEXT], usage=usage)
    assert answer.tokens is None
    assert completion.usage is None


def test_tools_in_parallel():
    answer, completion = made([TEXT, tool(1, {"city": "東京", "n": 10**20}), tool(2, {})], "tool_use")
    (choice,) = completion.choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content == "Grüß Gott 🌍"
    assert [(call.id, call.type, call.function.name) for call in choice.message.tool_calls] == [
        ("toolu_1", "function", "get"),
        ("toolu_2", "function", "get"),
    ]
    assert [msgspec.json.decode(call.function.arguments) for call in choice.message.tool_calls] == [{"city": "東京", "n": 10**20}, {}]
    assert not answer.empty
    assert made([tool(1, {})], "tool_use")[1].choices[0].message.content is None


def test_thinking():
    answer, completion = made([THINKING, SEALED, TEXT])
    said = completion.choices[0].message.model_dump()
    assert said["content"] == "Grüß Gott 🌍"
    assert said["reasoning_content"] == "hm"
    assert said["reasoning_details"] == [
        {"type": "reasoning.text", "text": "hm", "signature": "sig", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "sealed", "format": "anthropic-claude-v1", "index": 1},
    ]
    hidden = made([THINKING, SEALED, TEXT], hide=True)[1].choices[0].message.model_dump()
    assert "reasoning_content" not in hidden
    assert "reasoning_details" not in hidden


@pytest.mark.parametrize(("stop", "finish"), [*FINISH.items(), ("something_new", "stop"), (None, "stop")])
def test_stop_reasons(stop, finish):
    answer, completion = made([TEXT], stop)
    assert completion.choices[0].finish_reason == finish
    assert answer.refused is (stop == "refusal")


BLANK_THINKING = {"type": "thinking", "thinking": "", "signature": ""}


@pytest.mark.parametrize(
    "content", [[], [{"type": "text", "text": ""}], [BLANK_THINKING], [{"type": "server_tool_use", "id": 5, "text": {}}]]
)
def test_empty(content):
    answer, completion = made(content)
    assert answer.empty
    assert completion.choices[0].message.content == ""


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "bad_response"),
        (b"<html>", "bad_response"),
        (b"[]", "bad_response"),
        (b"{}", "bad_response"),
        (b"null", "bad_response"),
        (b'{"type":"message","content":"x"}', "bad_response"),
        (b'{"content":[{"type":"text","text":5}]}', "bad_response"),
        (b'{"content":[{"text":"x"},5]}', "bad_response"),
        (b'{"content":[{"type":"tool_use","id":"a","name":"f","input":[]}]}', "bad_response"),
        (b'{"content":[{"type":"tool_use","id":"","name":"f","input":{}}]}', "bad_response"),
        (b'{"content":[{"type":"text","text":"\\ud800"}]}', "bad_response"),
        (b'{"content":[{"type":"text","text":"\xff"}]}', "bad_response"),
        (b'{"content":' + b"[" * 200_000, "bad_response"),
        (b'{"type":"error","error":{"type":"overloaded_error","message":"x"}}', "overloaded"),
        (b'{"type":"error","error":{"type":"x","message":"Output blocked by content filtering policy"}}', "content_refused"),
        (b'{"type":"error","error":{"type":"rate_limit_error"}}', "rate_limited"),
        (b'{"type":"error"}', "server_error"),
    ],
)
def test_what_is_no_answer(body, kind):
    assert translate(body, created=0) == Outcome(OutcomeKind(kind))


def test_arguments_are_the_providers_text():
    assert arguments(msgspec.Raw(b'{"a": 1.50}')) == '{"a": 1.50}'
    assert arguments(msgspec.Raw()) == "{}"


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2**60) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "text", "id", "input", "usage", "content"]), inner, max_size=4)
    ),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_mutated_answers_never_raise_and_are_valid_or_an_outcome(data):
    body = message([THINKING, TEXT, tool(1, {"a": 1})], "tool_use")
    key = data.draw(st.sampled_from(["content", "usage", "id", "model", "stop_reason", "type", "block"]))
    if key == "block":
        block = data.draw(st.sampled_from(body["content"]))
        body["content"] = [{**block, data.draw(st.sampled_from(sorted(block))): data.draw(ANY)}]
    else:
        body[key] = data.draw(ANY)
    answer = translate(msgspec.json.encode(body), created=1)
    if isinstance(answer, Answer):
        ChatCompletion.model_validate_json(answer.body, strict=True)
    else:
        assert isinstance(answer, Outcome)


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=100))
def test_random_bytes_never_raise(body):
    assert isinstance(translate(body, created=0), Answer | Outcome)
