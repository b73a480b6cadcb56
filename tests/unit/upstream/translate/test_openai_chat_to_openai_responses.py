"""Complete answers, read as the SDK reads them when it validates strictly; and whole conversations that go round."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import Response
from tests.unit.upstream.translate.responses_reading import asked, sent, strict_response

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.domain.usage import TokenCount
from anyapi.upstream.adapter import Answer
from anyapi.upstream.translate.openai_chat_to_openai_responses import translate
from anyapi.upstream.translate.openai_responses_echo import Echo

USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
TOOLS = [{"type": "function", "name": "get", "parameters": {"type": "object"}}, {"type": "custom", "name": "patch"}]
SPACE = {"type": "namespace", "name": "crm", "description": "", "tools": [{"type": "function", "name": "find"}]}


def completion(finish="stop", logprobs=None, **message):
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish, "logprobs": logprobs}
    made = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1_800_000_000, "model": "m", "choices": [choice], "usage": USAGE}
    return msgspec.json.encode(made)


def call(name, arguments, call_id="c1"):
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def answer(body, **request):
    made = translate(Answer(body, TokenCount(5, 2)), asked(**request).echo, now=1_800_000_009.5)
    assert isinstance(made, Answer)
    assert made.tokens == TokenCount(5, 2)
    value = msgspec.json.decode(made.body)
    found = strict_response(value)
    assert isinstance(found, Response)
    return value, found


def test_text():
    value, found = answer(completion(content="Hé"), instructions="i", temperature=0.5, tools=TOOLS)
    assert found.output_text == "Hé"
    assert (found.id, found.created_at, found.completed_at, found.status) == ("resp_chatcmpl1", 1_800_000_000, 1_800_000_009, "completed")
    assert (found.instructions, found.temperature, found.usage.input_tokens, found.usage.total_tokens) == ("i", 0.5, 5, 7)
    assert [tool.type for tool in found.tools] == ["function", "custom"]
    assert (value["store"], value["background"], value["error"], value["incomplete_details"]) == (False, False, None, None)


@pytest.mark.parametrize(
    ("finish", "status", "reason"),
    [("length", "incomplete", "max_output_tokens"), ("content_filter", "incomplete", "content_filter"), ("zzz", "completed", None)],
)
def test_endings(finish, status, reason):
    _, found = answer(completion(finish, content="x"))
    assert found.status == status
    assert (found.incomplete_details.reason if found.incomplete_details else None) == reason
    assert found.output[0].status == status
    assert (found.completed_at is None) == (status == "incomplete")


def test_everything_at_once():
    chances = {"content": [{"token": "a", "logprob": -1.0, "bytes": None, "top_logprobs": []}]}
    citation = {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1}}
    details = [
        {"type": "reasoning.text", "text": "hmm", "signature": "s", "index": 0},
        {"type": "reasoning.encrypted", "data": "d", "index": 1},
    ]
    body = completion(
        "tool_calls",
        logprobs=chances,
        content="a",
        refusal="b",
        reasoning_content="hmm",
        reasoning_details=details,
        annotations=[citation],
        tool_calls=[call("get", "{}"), call("patch", '{"input":"p"}', "c2"), call("crm__find", "{}", "c3")],
    )
    _, found = answer(body, tools=[*TOOLS, SPACE], reasoning={"summary": "auto"})
    assert [item.type for item in found.output] == [
        "reasoning",
        "reasoning",
        "message",
        "function_call",
        "custom_tool_call",
        "function_call",
    ]
    assert found.output[0].summary[0].text == "hmm"
    assert [part.type for part in found.output[2].content] == ["output_text", "refusal"]
    assert found.output[2].content[0].annotations[0].url == "u"
    assert found.output[2].content[0].logprobs[0].bytes == [97]
    assert (found.output[4].input, found.output[5].name, found.output[5].namespace) == ("p", "find", "crm")
    assert len({item.id for item in found.output}) == 6


@pytest.mark.parametrize("sent", ["", " \n", None, "{}"])
def test_a_call_without_arguments_has_an_empty_object(sent):
    calls = [call("get", sent), call("patch", sent and sent.strip("{}"), "c2")]
    value, _ = answer(completion("tool_calls", content=None, tool_calls=calls), tools=TOOLS)
    assert value["output"][0]["arguments"] == (sent or "").strip("{}") + "{}"
    assert value["output"][1]["input"] == (sent or "").strip("{}"), "a custom tool's input is words"


def test_plain_reasoning():
    assert answer(completion(content="a", reasoning="hmm"))[1].output[0].content[0].text == "hmm"
    assert answer(completion(content="a", reasoning="hmm", reasoning_details=[{"type": "reasoning.text", "text": "hmm"}]))[1].output[0]
    sealed = answer(completion(content="a", reasoning_content="hmm"), include=["reasoning.encrypted_content"])[1].output[0]
    assert sealed.encrypted_content.startswith("anyapi")


def test_an_empty_answer_stays_empty():
    made = translate(Answer(completion(content=""), None, empty=True), asked().echo, now=0)
    assert msgspec.json.decode(made.body)["output"] == []
    assert (made.empty, made.tokens) == (True, None)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"choices":[]}', b'{"choices":[{}]}', b'{"choices":[{"message":{"tool_calls":[{}]}}]}', b'{"choices":5}'],
)
def test_what_is_no_completion(body):
    assert translate(Answer(body, None), Echo(), now=0) == Outcome(OutcomeKind.BAD_RESPONSE)


def test_a_conversation_goes_round():
    """The output, given back as input, is the message that the provider made."""
    details = [{"type": "reasoning.text", "text": "hmm", "signature": "s", "format": "anthropic-claude-v1", "index": 0}]
    calls = [call("get", '{"a":1}'), call("crm__find", "{}", "c2"), call("patch", '{"input":"p"}', "c3")]
    said = {"content": "text", "reasoning_content": "hmm", "reasoning_details": details, "tool_calls": calls}
    value, _ = answer(completion("tool_calls", **said), tools=[*TOOLS, SPACE])
    results = [{"type": "function_call_output", "call_id": name, "output": "o"} for name in ("c1", "c2", "c3")]
    again = sent(asked(tools=[*TOOLS, SPACE], input=[{"role": "user", "content": "Hi"}, *value["output"], *results]))
    assert again["messages"][1] == {"role": "assistant", **said}


TEXT = st.text(max_size=12)
DETAIL = st.fixed_dictionaries(
    {"type": st.sampled_from(["reasoning.text", "reasoning.summary"])},
    optional={"text": TEXT, "signature": TEXT, "index": st.integers(0, 2)},
)
MESSAGE = st.fixed_dictionaries(
    {},
    optional={
        "content": TEXT | st.none(),
        "refusal": TEXT | st.none(),
        "reasoning_content": TEXT | st.none(),
        "reasoning_details": st.lists(DETAIL, max_size=3),
        "tool_calls": st.lists(st.builds(call, st.sampled_from(["get", "patch", "other"]), TEXT), max_size=3),
    },
)


@settings(max_examples=300, deadline=None)
@given(MESSAGE, st.sampled_from(["stop", "length", "tool_calls"]), st.booleans())
def test_nothing_is_lost(message, finish, summary):
    request = {"tools": TOOLS, "reasoning": {"summary": "auto"} if summary else None}
    value, found = answer(completion(finish, **message), **request)
    assert found.output_text == (message.get("content") or "")
    calls = [item for item in value["output"] if item["type"].endswith("call")]
    given = [call["function"]["arguments"] for call in message.get("tool_calls", [])]
    assert len(calls) == len(given)
    refusals = [part["refusal"] for item in value["output"] for part in item.get("content") or [] if part["type"] == "refusal"]
    assert refusals == ([message["refusal"]] if message.get("refusal") else [])
    again = sent(asked(tools=TOOLS, input=[{"role": "user", "content": "x"}, *value["output"]]))["messages"][1:]
    if calls:
        assert [one["id"] for one in again[0]["tool_calls"]] == ["c1"] * len(calls)


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.text(max_size=4),
        lambda i: (
            st.lists(i, max_size=2)
            | st.dictionaries(st.sampled_from(["choices", "message", "delta", "content", "tool_calls", "usage", "id"]), i, max_size=3)
        ),
    ).map(msgspec.json.encode)
)
def test_anything_is_an_answer_or_an_outcome(body):
    assert isinstance(translate(Answer(body, None), Echo(), now=0), Answer | Outcome)
