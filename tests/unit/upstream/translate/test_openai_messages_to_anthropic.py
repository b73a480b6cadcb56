"""Messages: roles, positions, tool calls and their results, thinking given back."""

import pytest

from anyapi.errors import BadRequest
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.openai_messages_to_anthropic import Conversation

USER = {"role": "user", "content": "Hello"}


def text(words):
    return {"type": "text", "text": words}


def talk(*messages):
    notes = Adjustments()
    made = Conversation(notes)
    for number, message in enumerate(messages):
        made.add(message, f"messages[{number}]")
    return made, notes.names


def refused(*messages):
    with pytest.raises(BadRequest) as caught:
        talk(*messages)
    return caught.value.field


def call(number, arguments="{}", name="f"):
    return {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": arguments}}


def test_system_and_developer_become_system_blocks_in_order():
    made, noted = talk({"role": "system", "content": "one"}, {"role": "developer", "content": [text("two"), text("three")]}, USER)
    assert made.system == [text("one"), text("two"), text("three")]
    assert made.turns == [{"role": "user", "content": [text("Hello")]}]
    assert noted == ()


def test_a_late_system_message_moves_to_the_front_and_is_noted():
    made, noted = talk(USER, {"role": "assistant", "content": "Hi"}, {"role": "system", "content": "late"}, USER)
    assert made.system == [text("late")]
    assert [turn["role"] for turn in made.turns] == ["user", "assistant", "user"]
    assert noted == ("messages.system",)


def test_tool_calls_and_results():
    made, noted = talk(
        USER,
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [call(1, '{"city": "Paris"}'), call(2, "")],
            "refusal": None,
            "audio": None,
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        {"role": "tool", "tool_call_id": "call_2", "content": [text("a"), text("b")]},
        {"role": "user", "content": "Thanks"},
    )
    assert noted == ()
    assert [turn["role"] for turn in made.turns] == ["user", "assistant", "user"]
    assert made.turns[1]["content"] == [
        text("Let me see."),
        {"type": "tool_use", "id": "call_1", "name": "f", "input": {"city": "Paris"}},
        {"type": "tool_use", "id": "call_2", "name": "f", "input": {}},
    ]
    assert made.turns[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "call_1", "content": [text("sunny")]},
        {"type": "tool_result", "tool_use_id": "call_2", "content": [text("a"), text("b")]},
        text("Thanks"),
    ]


def test_an_empty_result_and_a_result_with_an_image():
    image = {"type": "image_url", "image_url": {"url": "https://example.org/x.png"}}
    made, _ = talk(USER, {"role": "tool", "tool_call_id": "a", "content": ""}, {"role": "tool", "tool_call_id": "b", "content": [image]})
    assert made.turns[1]["content"] == [
        {"type": "tool_result", "tool_use_id": "a"},
        {
            "type": "tool_result",
            "tool_use_id": "b",
            "content": [{"type": "image", "source": {"type": "url", "url": "https://example.org/x.png"}}],
        },
    ]


def test_two_rounds_of_tools_stay_two_rounds():
    one_round = [{"role": "assistant", "tool_calls": [call(1)]}, {"role": "tool", "tool_call_id": "call_1", "content": "x"}]
    made, _ = talk(USER, *one_round, *one_round)
    assert [turn["role"] for turn in made.turns] == ["user", "assistant", "user", "assistant", "user"]


def test_ids_of_other_providers_fit_and_stay_apart():
    ids = ["functions.get:0", "functions_get:0", "functions_get_0", "日本", ""]
    calls = [{**call(0), "id": name} for name in ids]
    made, _ = talk(
        USER, {"role": "assistant", "tool_calls": calls}, *({"role": "tool", "tool_call_id": name, "content": "x"} for name in ids)
    )
    sent = [block["id"] for block in made.turns[1]["content"]]
    assert len(set(sent)) == len(ids)
    assert all(name and set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") for name in sent)
    assert [block["tool_use_id"] for block in made.turns[2]["content"]] == sent


def test_an_empty_assistant_message_is_no_turn():
    made, _ = talk(USER, {"role": "assistant", "content": "  "}, {"role": "user", "content": "again"})
    assert [turn["role"] for turn in made.turns] == ["user", "user"]


def test_a_refusal_in_the_history_is_text():
    made, _ = talk(
        USER,
        {"role": "assistant", "content": None, "refusal": "No."},
        USER,
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "Never."}]},
        USER,
    )
    assert made.turns[1]["content"] == [text("No.")]
    assert made.turns[3]["content"] == [text("Never.")]


def test_signed_thinking_is_given_back_first():
    details = [
        {"type": "reasoning.text", "text": "hm", "signature": "sig", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "sealed", "format": "anthropic-claude-v1", "index": 1},
    ]
    made, noted = talk(
        USER, {"role": "assistant", "content": "x", "tool_calls": [call(1)], "reasoning_content": "hm", "reasoning_details": details}
    )
    assert noted == ()
    assert made.turns[1]["content"][:2] == [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "sealed"},
    ]
    assert not made.unsigned_calls


@pytest.mark.parametrize(
    "detail",
    [
        {"type": "reasoning.text", "text": "hm", "format": "anthropic-claude-v1"},
        {"type": "reasoning.text", "text": "hm", "signature": "sig", "format": "openai-responses-v1"},
        {"type": "reasoning.summary", "summary": "hm"},
        {"type": "reasoning.encrypted", "data": None},
    ],
)
def test_thinking_that_anthropic_did_not_sign_is_left_out_and_noted(detail):
    made, noted = talk(USER, {"role": "assistant", "content": None, "tool_calls": [call(1)], "reasoning_details": [detail]})
    assert [block["type"] for block in made.turns[1]["content"]] == ["tool_use"]
    assert noted == ("messages.reasoning_details",)
    assert made.unsigned_calls


def test_thinking_as_plain_text_and_names_are_noted():
    _, noted = talk({**USER, "name": "ann"}, {"role": "assistant", "content": "x", "reasoning_content": "hm"})
    assert noted == ("messages.name", "messages.reasoning_content")


def test_cache_control_on_parts_and_messages():
    mark = {"type": "ephemeral", "ttl": "1h"}
    made, _ = talk(
        {"role": "system", "content": "s", "cache_control": mark},
        {"role": "user", "content": [{**text("a"), "cache_control": mark}, text("b")]},
        {"role": "assistant", "tool_calls": [call(1)]},
        {"role": "tool", "tool_call_id": "call_1", "content": "x", "cache_control": mark},
    )
    assert made.system == [{**text("s"), "cache_control": mark}]
    assert made.turns[0]["content"] == [{**text("a"), "cache_control": mark}, text("b")]
    assert made.turns[2]["content"][0]["cache_control"] == mark


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ("x", "messages[0]"),
        ({"content": "x"}, "messages[0].role"),
        ({"role": "function", "name": "f", "content": "x"}, "messages[0].role"),
        ({"role": ["user"], "content": "x"}, "messages[0].role"),
        ({"role": "user", "content": ""}, "messages[0].content"),
        ({"role": "user"}, "messages[0].content"),
        ({"role": "user", "content": ["x"]}, "messages[0].content[0]"),
        ({"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}, "messages[0].content[0].type"),
        ({"role": "system", "content": [{"type": "image_url"}]}, "messages[0].content[0].type"),
        ({"role": "tool", "content": "x"}, "messages[0].tool_call_id"),
        ({"role": "assistant", "function_call": {"name": "f"}}, "messages[0].function_call"),
        ({"role": "assistant", "audio": {"id": "x"}}, "messages[0].audio"),
        ({"role": "assistant", "tool_calls": {}}, "messages[0].tool_calls"),
        ({"role": "assistant", "tool_calls": [{"type": "custom"}]}, "messages[0].tool_calls[0].type"),
        ({"role": "assistant", "tool_calls": [{"id": "a"}]}, "messages[0].tool_calls[0].function"),
        ({"role": "assistant", "tool_calls": [call(1, "[1]")]}, "messages[0].tool_calls[0].function.arguments"),
        ({"role": "assistant", "tool_calls": [call(1, "{bad")]}, "messages[0].tool_calls[0].function.arguments"),
        ({"role": "assistant", "tool_calls": [call(1, "[" * 100_000)]}, "messages[0].tool_calls[0].function.arguments"),
        ({"role": "assistant", "reasoning_details": "x"}, "messages[0].reasoning_details"),
        ({"role": "user", "content": "x", "cache_control": 1}, "messages[0].cache_control"),
    ],
)
def test_refused_with_the_path(message, field):
    assert refused(message) == field
