"""Items as messages: turns are joined, nothing of content is lost, what is stored elsewhere is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyapi.errors import BadRequest
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.hub_target import REASONING_CONTENT, REASONING_DETAILS, Target
from anyapi.upstream.translate.openai_responses_input_to_openai_chat import HOSTED, Conversation
from anyapi.upstream.translate.openai_responses_reasoning import pack

DETAIL = {"type": "reasoning.text", "text": "hmm", "signature": "sig", "format": "anthropic-claude-v1", "index": 0}


def through(*items):
    notes = Adjustments()
    talk = Conversation(notes)
    for number, item in enumerate(items):
        talk.add(item, f"input[{number}]")
    return talk.finish(), notes.names


@pytest.mark.parametrize("kept", [(), (REASONING_CONTENT,), (REASONING_DETAILS,), (REASONING_CONTENT, REASONING_DETAILS)])
def test_reasoning_goes_only_where_it_is_understood(kept):
    notes = Adjustments()
    talk = Conversation(notes, Target(extensions=frozenset(kept)))
    talk.add({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": pack([DETAIL])}, "input[0]")
    talk.add({"role": "assistant", "content": "So."}, "input[1]")
    (message,) = talk.finish()
    assert {name for name in (REASONING_CONTENT, REASONING_DETAILS) if name in message} == set(kept)
    assert notes.names == (() if len(kept) == 2 else ("input.reasoning",))


def refused(item, field):
    with pytest.raises(BadRequest) as caught:
        through(item)
    assert caught.value.field == field
    assert "s3cret" not in str(caught.value)


def call(name, call_id, arguments="{}", **more):
    return {"type": "function_call", "id": "fc_1", "status": "completed", "name": name, "call_id": call_id, "arguments": arguments, **more}


def output(call_id, value):
    return {"type": "function_call_output", "call_id": call_id, "output": value}


def said(text):
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}


def reasoning(**fields):
    return {"type": "reasoning", "id": "rs_1", "summary": [], **fields}


def test_messages_of_each_role():
    messages, notes = through(
        {"role": "developer", "content": "d"},
        {"role": "system", "content": [{"type": "input_text", "text": "s"}]},
        {"role": "user", "content": "u"},
        {"role": "assistant", "content": "a"},
        said("b"),
    )
    assert messages == [
        {"role": "system", "content": "d"},
        {"role": "system", "content": "s"},
        {"role": "user", "content": "u"},
        {"role": "assistant", "content": "a"},
        {"role": "assistant", "content": "b"},
    ]
    assert notes == ()


def test_a_turn_becomes_one_message():
    messages, notes = through(
        {"role": "user", "content": "u"},
        reasoning(content=[{"type": "reasoning_text", "text": "hmm"}], encrypted_content=pack([DETAIL])),
        said("I look"),
        call("f", "c1", '{"a":1}'),
        call("g", "c2"),
        output("c1", "one"),
        output("c2", [{"type": "input_text", "text": "two"}]),
        said("done"),
    )
    assert notes == ()
    assert messages == [
        {"role": "user", "content": "u"},
        {
            "role": "assistant",
            "content": "I look",
            "reasoning_content": "hmm",
            "reasoning_details": [DETAIL],
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
                {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "one"},
        {"role": "tool", "tool_call_id": "c2", "content": "two"},
        {"role": "assistant", "content": "done"},
    ]


def test_text_between_calls_and_results_stays_before_the_results():
    messages, _ = through(call("f", "c1"), said("wait"), reasoning(summary=[{"type": "summary_text", "text": "s"}]), output("c1", ""))
    assert [message["role"] for message in messages] == ["assistant", "tool"]
    assert messages[0]["content"] == "wait"
    assert messages[0]["reasoning_content"] == "s"


def test_reasoning_alone_is_left_out_and_named():
    messages, notes = through(reasoning(content=[{"type": "reasoning_text", "text": "x"}]), {"role": "user", "content": "u"})
    assert messages == [{"role": "user", "content": "u"}]
    assert notes == ("input.reasoning",)


def test_reasoning_belongs_to_what_follows_it():
    messages, _ = through(said("a"), reasoning(content=[{"type": "reasoning_text", "text": "x"}]), said("b"))
    assert [message.get("reasoning_content") for message in messages] == [None, "x"]


def test_sealed_reasoning_of_others_is_carried():
    messages, _ = through(reasoning(encrypted_content="gAAA", summary=[{"type": "summary_text", "text": "s"}]), call("f", "c1"))
    assert messages[0]["reasoning_details"] == [
        {"type": "reasoning.summary", "summary": "s", "format": "openai-responses-v1"},
        {"type": "reasoning.encrypted", "data": "gAAA", "format": "openai-responses-v1", "id": "rs_1"},
    ]


def test_calls_of_custom_tools_and_of_namespaces():
    custom = {"type": "custom_tool_call", "call_id": "c1", "name": "patch", "input": 'a "b"\n'}
    messages, _ = through(custom, {"type": "custom_tool_call_output", "call_id": "c1", "output": "ok"}, call("f", "c2", namespace="crm"))
    assert messages[0]["tool_calls"][0]["function"] == {"name": "patch", "arguments": '{"input":"a \\"b\\"\\n"}'}
    assert messages[1] == {"role": "tool", "tool_call_id": "c1", "content": "ok"}
    assert messages[2]["tool_calls"][0]["function"]["name"] == "crm__f"


def test_an_empty_answer_of_the_history_stays():
    assert through({"role": "assistant", "content": ""})[0] == [{"role": "assistant", "content": ""}]
    assert through({"role": "assistant", "content": []})[0] == [{"role": "assistant", "content": ""}]


def test_a_refusal_of_the_history_stays():
    item = {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}
    assert through(item)[0] == [{"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}]


def test_phases_are_named():
    assert through({**said("a"), "phase": "commentary"})[1] == ("input.phase",)


@pytest.mark.parametrize("kind", [*sorted(HOSTED), "s3cret", 5])
def test_other_items_are_refused(kind):
    refused({"type": kind, "x": "s3cret"}, "input[0]" if kind in HOSTED else "input[0].type")


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"type": "item_reference", "id": "s3cret"}, "input[0]"),
        ({"id": "s3cret"}, "input[0]"),
        ("s3cret", "input[0]"),
        ({"role": "s3cret", "content": ""}, "input[0].role"),
        ({"role": "user", "content": 5}, "input[0].content"),
        ({"role": "system", "content": [{"type": "input_image", "image_url": "s3cret"}]}, "input[0].content[0].type"),
        (call("f", None), "input[0].call_id"),
        (call(5, "c"), "input[0].name"),
        (call("f", "c", 5), "input[0].arguments"),
        (call("f", "c", caller={"type": "program", "caller_id": "s3cret"}), "input[0].caller"),
        (output(None, "s3cret"), "input[0].call_id"),
        (output("c", 5), "input[0].output"),
        (reasoning(encrypted_content="anyapi-reasoning-1.s3cret"), "input[0].encrypted_content"),
        (reasoning(content=[{"text": 5}]), "input[0].content.text"),
        ({"type": "custom_tool_call", "call_id": "c", "name": "n", "input": 5}, "input[0].input"),
    ],
)
def test_what_is_wrong_is_named(item, field):
    refused(item, field)


TEXT = st.text(max_size=10)
ITEMS = st.one_of(
    st.builds(lambda text: {"role": "user", "content": text}, TEXT),
    st.builds(said, TEXT),
    st.builds(lambda name, arguments: call(name, "c", arguments), TEXT, TEXT),
    st.builds(lambda value: output("c", value), TEXT),
    st.builds(lambda text: reasoning(content=[{"type": "reasoning_text", "text": text}]), TEXT),
    st.builds(lambda text: {"type": "custom_tool_call", "call_id": "c", "name": "n", "input": text}, TEXT),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(ITEMS, max_size=12))
def test_every_text_and_call_arrives_once_and_in_order(items):
    messages, _ = through(*items)
    given = [part for item in items for part in _texts(item)]
    found = []
    for message in messages:
        content = message["content"]
        texts = content if isinstance(content, str) else "".join(part["text"] for part in content or [])
        found.append(("text", message["role"], texts) if message["role"] != "assistant" else ("assistant", texts))
        found += [("call", call["function"]["name"]) for call in message.get("tool_calls", [])]
    assert sorted(name for kind, name in given if kind == "call") == sorted(entry[1] for entry in found if entry[0] == "call")
    assert "".join(text for kind, text in given if kind == "assistant") == "".join(entry[1] for entry in found if entry[0] == "assistant")
    assert [text for kind, text in given if kind in ("user", "tool")] == [entry[2] for entry in found if entry[0] == "text"]


def _texts(item):
    kind = item.get("type")
    if kind in ("function_call", "custom_tool_call"):
        return [("call", item["name"])]
    if kind == "function_call_output":
        return [("tool", item["output"])]
    if kind == "reasoning":
        return []
    if item["role"] == "user":
        return [("user", item["content"])]
    return [("assistant", item["content"][0]["text"])]
