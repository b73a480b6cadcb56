"""Conversations: roles, turns, calls and results, reasoning that goes back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyapi.errors import BadRequest
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.bedrock_family import Family
from anyapi.upstream.translate.openai_messages_to_bedrock import ID, LONGEST_ID, Conversation
from anyapi.upstream.translate.openai_parts_to_bedrock import Parts

POINT = {"cachePoint": {"type": "default"}}
CACHED = {"cache_control": {"type": "ephemeral"}}
PDF = {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD"}}


def talk(*messages, family=Family.CLAUDE):
    notes = Adjustments()
    made = Conversation(family, Parts(family, notes))
    for number, message in enumerate(messages):
        made.add(message, f"messages[{number}]")
    return made, notes.names


def turns(*messages, **changes):
    return talk(*messages, **changes)[0].turns


def refused(*messages):
    with pytest.raises(BadRequest) as caught:
        talk(*messages)
    return caught.value.field


def user(content="Hi", **more):
    return {"role": "user", "content": content, **more}


def assistant(content=None, **more):
    return {"role": "assistant", "content": content, **more}


def tool(identity, content="ok", **more):
    return {"role": "tool", "tool_call_id": identity, "content": content, **more}


def call(identity, name="get", arguments="{}"):
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


def use(identity, name="get", **given):
    return {"toolUse": {"toolUseId": identity, "name": name, "input": given}}


def result(identity, *content):
    return {"toolResult": {"toolUseId": identity, "content": list(content)}}


def test_system_and_developer():
    made, names = talk(
        {"role": "system", "content": "a"}, {"role": "developer", "content": [{"type": "text", "text": "b", **CACHED}]}, user()
    )
    assert made.system == [{"text": "a"}, {"text": "b"}, POINT]
    assert made.turns == [{"role": "user", "content": [{"text": "Hi"}]}]
    assert names == ()


def test_a_late_system_message_moves_and_is_noted():
    made, names = talk(user(), {"role": "system", "content": "late", **CACHED})
    assert made.system == [{"text": "late"}, POINT]
    assert names == ("messages.system",)


def test_turns_alternate():
    made = turns(user("a"), user("b"), assistant("c"), assistant("d"), user("e"))
    assert made == [
        {"role": "user", "content": [{"text": "a"}, {"text": "b"}]},
        {"role": "assistant", "content": [{"text": "c"}, {"text": "d"}]},
        {"role": "user", "content": [{"text": "e"}]},
    ]


def test_a_tool_loop():
    made, names = talk(
        user(),
        assistant("I'll look.", tool_calls=[call("a", arguments='{"x":1}'), call("b", "put", "")]),
        tool("a", "one"),
        tool("b", [{"type": "text", "text": "two"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}]),
        user("And?"),
    )
    assert made.turns[1:] == [
        {"role": "assistant", "content": [{"text": "I'll look."}, use("a", x=1), use("b", "put")]},
        {
            "role": "user",
            "content": [
                result("a", {"text": "one"}),
                result("b", {"text": "two"}, {"image": {"format": "png", "source": {"bytes": "QUJD"}}}),
                {"text": "And?"},
            ],
        },
    ]
    assert list(made.called) == ["get", "put"]
    assert made.unsigned_calls
    assert names == ()


def test_an_empty_result():
    assert turns(user(), tool("a", ""))[0]["content"][1] == result("a")


@pytest.mark.parametrize(
    "message",
    [
        tool("a", "x", **CACHED),
        tool("a", [{"type": "text", "text": "x", **CACHED}]),
        tool("a", [{"type": "text", "text": "x", **CACHED}], **CACHED),
    ],
)
def test_a_cache_point_follows_the_result(message):
    assert turns(message)[0]["content"] == [result("a", {"text": "x"}), POINT]


def test_a_cache_point_on_a_message_follows_its_last_block():
    assert turns(user("a", **CACHED))[0]["content"] == [{"text": "a"}, POINT]
    assert turns(user([{"type": "text", "text": "a", **CACHED}], **CACHED))[0]["content"] == [{"text": "a"}, POINT]


def test_an_empty_answer_in_the_history_is_no_turn():
    assert turns(user("a"), assistant(""), user("b")) == [{"role": "user", "content": [{"text": "a"}, {"text": "b"}]}]


def test_a_refusal_is_text():
    assert turns(user(), assistant(None, refusal="No."))[1]["content"] == [{"text": "No."}]


def test_names_are_noted():
    assert talk(user(name="bob"))[1] == ("messages.name",)


@pytest.mark.parametrize(
    ("messages", "field"),
    [
        ([user("")], "messages[0].content"),
        ([user(None)], "messages[0].content"),
        ([user([PDF])], "messages[0].content"),
        ([{"role": "critic", "content": "x"}], "messages[0].role"),
        ([{"content": "x"}], "messages[0].role"),
        (["x"], "messages[0]"),
        ([assistant("x", audio={"id": "a"})], "messages[0].audio"),
        ([assistant("x", function_call={"name": "f"})], "messages[0].function_call"),
        ([assistant(tool_calls="x")], "messages[0].tool_calls"),
        ([assistant(tool_calls=[{**call("a"), "type": "custom"}])], "messages[0].tool_calls[0].type"),
        ([assistant(tool_calls=[call("a", arguments="[1]")])], "messages[0].tool_calls[0].function.arguments"),
        ([assistant(tool_calls=[call("a", arguments="{")])], "messages[0].tool_calls[0].function.arguments"),
        ([assistant(tool_calls=[call(None)])], "messages[0].tool_calls[0].id"),
        ([assistant(tool_calls=[call("a", None)])], "messages[0].tool_calls[0].function.name"),
        ([{"role": "tool", "content": "x"}], "messages[0].tool_call_id"),
        ([tool("a", None)], "messages[0].content"),
        ([assistant("x", reasoning_details="x")], "messages[0].reasoning_details"),
        ([assistant("x", reasoning_details=["x"])], "messages[0].reasoning_details[0]"),
    ],
)
def test_what_is_wrong_is_named(messages, field):
    assert refused(*messages) == field


def test_a_file_needs_a_text_beside_it():
    assert [list(block) for block in turns(user([PDF, {"type": "text", "text": "Read it."}]))[0]["content"]] == [["document"], ["text"]]


# --- reasoning


SIGNED = {"type": "reasoning.text", "text": "hm", "signature": "sig"}
PLAIN = {"type": "reasoning.text", "text": "hm"}
SEALED = {"type": "reasoning.encrypted", "data": "QUJD"}
SIGNED_BLOCK = {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}}
PLAIN_BLOCK = {"reasoningContent": {"reasoningText": {"text": "hm"}}}
SEALED_BLOCK = {"reasoningContent": {"redactedContent": "QUJD"}}
OURS, ANTHROPIC = "amazon-bedrock-v1", "anthropic-claude-v1"


@pytest.mark.parametrize(
    ("family", "detail", "made_by", "block"),
    [
        (Family.CLAUDE, SIGNED, ANTHROPIC, SIGNED_BLOCK),
        (Family.CLAUDE, SIGNED, OURS, SIGNED_BLOCK),
        (Family.CLAUDE, SIGNED, None, SIGNED_BLOCK),
        (Family.CLAUDE, SIGNED, "google-gemini-v1", None),
        (Family.CLAUDE, SIGNED, 5, None),
        (Family.CLAUDE, PLAIN, OURS, None),
        (Family.CLAUDE, SEALED, OURS, SEALED_BLOCK),
        (Family.CLAUDE, SEALED, ANTHROPIC, None),
        (Family.CLAUDE, SEALED, None, None),
        (Family.NOVA, SIGNED, OURS, SIGNED_BLOCK),
        (Family.NOVA, SIGNED, ANTHROPIC, None),
        (Family.OTHER, PLAIN, OURS, PLAIN_BLOCK),
        (Family.OTHER, PLAIN, None, None),
        (Family.OTHER, SEALED, OURS, SEALED_BLOCK),
        (Family.DEEPSEEK, PLAIN, OURS, None),
        (Family.CLAUDE, {"type": "reasoning.summary", "summary": "x"}, OURS, None),
        (
            Family.CLAUDE,
            {"type": "reasoning.text", "signature": "sig"},
            OURS,
            {"reasoningContent": {"reasoningText": {"text": "", "signature": "sig"}}},
        ),
    ],
)
def test_reasoning_goes_back_to_who_made_it(family, detail, made_by, block):
    details = [detail if made_by is None else {**detail, "format": made_by}]
    made, names = talk(user(), assistant("x", reasoning_details=details), family=family)
    assert made.turns[1]["content"] == [*([block] if block else []), {"text": "x"}]
    assert names == (() if block else ("messages.reasoning_details",))


def test_signed_calls():
    made, _ = talk(user(), assistant(tool_calls=[call("a")], reasoning_details=[{**SIGNED, "format": ANTHROPIC}]))
    assert not made.unsigned_calls
    assert made.turns[1]["content"] == [SIGNED_BLOCK, use("a")]


def test_bare_reasoning_is_noted():
    assert talk(user(), assistant("x", reasoning_content="hm"))[1] == ("messages.reasoning_content",)


# --- ids


def ids(*theirs):
    messages = [assistant(tool_calls=[call(identity) for identity in theirs]), *[tool(identity) for identity in theirs]]
    made = turns(*messages)
    calls = [block["toolUse"]["toolUseId"] for block in made[0]["content"]]
    assert [block["toolResult"]["toolUseId"] for block in made[1]["content"]] == calls
    return calls


def test_ids():
    assert ids("tooluse_a.b:c-1") == ["tooluse_a.b:c-1"]
    assert ids("a b", "a_b", "a/b", "") == ["a_b", "a_b_1", "a_b_2", "_"]
    assert ids("x" * 64, "x" * 65, "x" * 66) == ["x" * 64, "x" * 54 + "_1", "x" * 54 + "_2"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=6), st.text("x_/", min_size=60, max_size=70)), max_size=8, unique=True))
def test_different_ids_stay_different(theirs):
    made = ids(*theirs) if theirs else []
    assert len(set(made)) == len(theirs)
    assert all(0 < len(identity) <= LONGEST_ID and not ID.search(identity) for identity in made)
