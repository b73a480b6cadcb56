"""Complete answers: blocks, reasons, counts; and what is no answer."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.upstream.translate.anthropic_events import USAGE, USED

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.upstream.translate import anthropic_to_openai_chat, carried_reasoning
from anyapi.upstream.translate.openai_chat_to_anthropic_messages import STOP, translate

BAD = Outcome(OutcomeKind.BAD_RESPONSE)


def body(message, finish="stop", **more):
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return json.dumps({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], **more}).encode()


def made(message, finish="stop", **more):
    found = translate(body(message, finish, **more))
    assert isinstance(found, bytes)
    return json.loads(found)


def call(arguments='{"a": 1.50}', **more):
    return {"id": "t1", "type": "function", "function": {"name": "f", "arguments": arguments}, **more}


def test_an_answer_of_text():
    assert made({"content": "hé"}, usage=USAGE) == {
        "id": "chatcmpl-1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "hé"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": USED,
    }


def test_without_usage_or_names():
    answer = json.loads(translate(b'{"choices":[{"message":{"content":"a"}}]}'))
    assert (answer["id"], answer["model"], answer["stop_reason"]) == ("msg_unnamed", "", "end_turn")
    assert answer["usage"]["input_tokens"] == answer["usage"]["output_tokens"] == 0


@pytest.mark.parametrize("content", [None, "", []])
def test_an_answer_of_nothing(content):
    assert made({"content": content})["content"] == []


@pytest.mark.parametrize(("finish", "reason"), [*STOP.items(), (None, "end_turn"), ("new", "end_turn")])
def test_reasons(finish, reason):
    assert made({"content": "a"}, finish)["stop_reason"] == reason


def test_calls():
    answer = made({"content": None, "tool_calls": [call(), call("", id="t2")]}, "tool_calls")
    blocks = [
        {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1.5}},
        {"type": "tool_use", "id": "t2", "name": "f", "input": {}},
    ]
    assert (answer["content"], answer["stop_reason"]) == (blocks, "tool_use")
    assert b'"input":{"a": 1.50}' in translate(body({"tool_calls": [call()]}))


def test_calls_under_another_reason():
    assert made({"tool_calls": [call()]}, "stop")["stop_reason"] == "tool_use"
    assert made({"tool_calls": [call()]}, "length")["stop_reason"] == "max_tokens"


def test_arguments_cut_by_the_limit_are_an_empty_input():
    assert made({"tool_calls": [call('{"a":')]}, "length")["content"][0]["input"] == {}
    for arguments in ('{"a":', "[1]", "x"):
        assert translate(body({"tool_calls": [call(arguments)]}, "tool_calls")) == BAD


def test_a_refusal():
    answer = made({"content": None, "refusal": "no"}, "content_filter")
    assert (answer["content"], answer["stop_reason"]) == ([{"type": "text", "text": "no"}], "refusal")


def test_plain_reasoning():
    block = {"type": "thinking", "thinking": "hm", "signature": carried_reasoning.MARK}
    for message in ({"reasoning_content": "hm"}, {"reasoning": "hm"}):
        assert made({"content": "a", **message})["content"] == [block, {"type": "text", "text": "a"}]
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "a"}]
    assert made({"content": parts})["content"] == [block, {"type": "text", "text": "a"}]


def test_signed_reasoning_is_said_once():
    details = [
        {"type": "reasoning.text", "text": "hm", "signature": "S", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "D", "format": "anthropic-claude-v1", "index": 1},
    ]
    blocks = [{"type": "thinking", "thinking": "hm", "signature": "S"}, {"type": "redacted_thinking", "data": "D"}]
    assert made({"content": "", "reasoning_content": "hm", "reasoning_details": details})["content"] == blocks


def test_text_beside_sealed_reasoning_is_kept():
    details = [{"type": "reasoning.encrypted", "data": "D", "format": "openai-responses-v1"}]
    thinking, sealed = made({"content": "", "reasoning": "hm", "reasoning_details": details})["content"]
    assert thinking["thinking"] == "hm"
    assert carried_reasoning.unpack(sealed["data"]) == details[0]


def test_what_hangs_on_a_call_is_carried():
    blocks = made({"tool_calls": [call(extra_content={"google": {"thought_signature": "S"}})]})["content"]
    assert [block["type"] for block in blocks] == ["redacted_thinking", "tool_use"]
    assert carried_reasoning.unpack(blocks[0]["data"])["extra_content"] == {"google": {"thought_signature": "S"}}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"choices":[]}',
        b'{"choices":[{"index":1,"message":{"content":"a"}}]}',
        b'{"choices":[{}]}',
        b'{"choices":[{"message":{"content":5}}]}',
        b'{"choices":[{"message":{"tool_calls":[{"id":"a"}]}}]}',
        b'{"choices":[{"message":{"tool_calls":[{"function":{"name":"f"}}]}}]}',
        b'{"choices":[{"message":{"tool_calls":[{"id":"a","function":{"arguments":"{}"}}]}}]}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_answer(data):
    assert translate(data) == BAD


def test_an_error_is_one():
    assert translate(b'{"error":{"message":"s3cret"}}') == Outcome(OutcomeKind.SERVER_ERROR)
    assert isinstance(translate(body({"content": "a"}, error=None)), bytes)


@given(
    st.lists(
        st.builds(lambda words: {"type": "thinking", "thinking": words, "signature": "S"}, st.text(max_size=5))
        | st.builds(lambda data: {"type": "redacted_thinking", "data": data}, st.text("ab", min_size=1, max_size=5)),
        max_size=2,
    ),
    st.text(max_size=10),
    st.lists(st.dictionaries(st.text(max_size=3), st.integers(), max_size=2), max_size=2),
    st.sampled_from(["end_turn", "max_tokens", "refusal"]),
    st.integers(0, 9),
)
def test_anthropics_own_answer_goes_round(thinking, text, inputs, reason, cached):
    uses = [{"type": "tool_use", "id": f"t{number}", "name": "f", "input": value} for number, value in enumerate(inputs)]
    usage = {"input_tokens": 7, "cache_creation_input_tokens": 2, "cache_read_input_tokens": cached, "output_tokens": 3}
    answer = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": thinking + ([{"type": "text", "text": text}] if text else []) + uses,
        "stop_reason": "tool_use" if uses and reason == "end_turn" else reason,
        "stop_sequence": None,
        "usage": {**usage, "output_tokens_details": {"thinking_tokens": 0}},
    }
    chat = anthropic_to_openai_chat.translate(json.dumps(answer).encode(), created=1)
    assert json.loads(translate(chat.body)) == answer


@given(st.binary(max_size=60) | st.recursive(st.none() | st.integers() | st.text(max_size=4), lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["choices", "message", "content", "tool_calls", "usage", "id", "index", "reasoning_details"]), inner), max_leaves=10).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_it_never_raises(data):
    assert isinstance(translate(data), bytes | Outcome)
