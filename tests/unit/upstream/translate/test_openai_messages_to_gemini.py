"""Conversations: turns, results in the order of the calls, thoughts and signatures that go back where they came from."""

import pytest

from anyapi.errors import BadRequest
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.gemini_generation import generation_of
from anyapi.upstream.translate.openai_messages_to_gemini import FOREIGN_SIGNATURE, Conversation

OLD, NEW = "gemini-2.5-flash", "gemini-3.8-flash"
FORMAT = "google-gemini-v1"


def made(*messages, model=NEW):
    notes = Adjustments()
    talk = Conversation(generation_of(model), notes)
    for number, message in enumerate(messages):
        talk.add(message, f"messages[{number}]")
    talk.finish()
    return talk, notes.names


def turns(*messages, model=NEW):
    return made(*messages, model=model)[0].turns


def refused(*messages, model=NEW):
    with pytest.raises(BadRequest) as caught:
        made(*messages, model=model)
    assert "SECRET" not in caught.value.message
    return caught.value.field


def user(content="Hi"):
    return {"role": "user", "content": content}


def call(id_="c1", name="f", arguments='{"a":1}', **more):
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}, **more}


def calls(*found, **more):
    return {"role": "assistant", "content": None, "tool_calls": list(found), **more}


def result(id_="c1", content="4", **more):
    return {"role": "tool", "tool_call_id": id_, "content": content, **more}


def signed(signature):
    return {"extra_content": {"google": {"thought_signature": signature}}}


def test_roles():
    talk, noted = made(
        {"role": "system", "content": "A"}, {"role": "developer", "content": "B"}, user(), {"role": "assistant", "content": "C"}
    )
    assert talk.system == [{"text": "A"}, {"text": "B"}]
    assert talk.turns == [("user", [{"text": "Hi"}]), ("model", [{"text": "C"}])]
    assert noted == ()


def test_a_late_system_message_moves_and_is_noted():
    talk, noted = made(user(), {"role": "system", "content": "A"})
    assert talk.system == [{"text": "A"}]
    assert noted == ("messages.system",)


def test_names_and_cache_control_are_noted():
    assert set(made({**user(), "name": "n", "cache_control": {}})[1]) == {"messages.name", "cache_control"}


def test_a_tool_loop_of_the_new_models():
    found = turns(user(), calls(call(**signed("S")), call("c2", "g", "")), result("c1"), result("c2", "5"))
    assert found[1] == (
        "model",
        [
            {"functionCall": {"name": "f", "args": {"a": 1}, "id": "c1"}, "thoughtSignature": "S"},
            {"functionCall": {"name": "g", "args": {}, "id": "c2"}},
        ],
    )
    assert found[2] == (
        "user",
        [
            {"functionResponse": {"name": "f", "response": {"output": "4"}, "id": "c1"}},
            {"functionResponse": {"name": "g", "response": {"output": "5"}, "id": "c2"}},
        ],
    )


def test_old_models_have_no_ids_and_pair_by_order():
    found = turns(user(), calls(call("a"), call("b"), call("c")), result("c", "3"), result("a", "1"), result("b", "2"), model=OLD)
    assert all("id" not in part["functionCall"] and "thoughtSignature" not in part for part in found[1][1])
    assert [part["functionResponse"] for part in found[2][1]] == [{"name": "f", "response": {"output": text}} for text in "123"]


def test_results_and_the_users_words_are_turns_of_their_own():
    found = turns(user(), calls(call(**signed("S"))), result(), user("More"), model=OLD)
    assert [role for role, _ in found] == ["user", "model", "user", "user"]


def test_a_failed_tool():
    found = turns(user(), calls(call()), result(is_error=True), model=OLD)
    assert found[2][1][0]["functionResponse"]["response"] == {"error": "4"}
    assert refused(user(), calls(call()), result(is_error="x")) == "messages[2].is_error"


def test_a_result_for_a_call_that_is_not_there():
    assert refused(user(), result("SECRET")) == "messages[1].tool_call_id"
    found = turns(user(), result("x", name="f"), model=OLD)
    assert found[1][1][0]["functionResponse"]["name"] == "f"
    assert refused(user(), result("x", name="f g")) == "messages[1].name"


def test_images_in_results():
    content = [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
        {"type": "text", "text": "b"},
    ]
    response = turns(user(), calls(call(**signed("S"))), result(content=content))[2][1][0]["functionResponse"]
    assert response["response"] == {"output": "ab"}
    assert response["parts"] == [{"inlineData": {"mimeType": "image/png", "data": "AA"}}]
    assert refused(user(), calls(call()), result(content=content), model=OLD) == "messages[2].content"


def test_thoughts_and_seals_go_back_in_order():
    details = [
        {"type": "reasoning.text", "text": "hm", "format": FORMAT, "index": 0},
        {"type": "reasoning.text", "text": "ha", "signature": "T", "format": FORMAT, "index": 1},
        {"type": "reasoning.encrypted", "data": "onWords", "format": FORMAT, "index": 2},
        {"type": "reasoning.encrypted", "data": "onCall", "format": FORMAT, "id": "c2", "index": 3},
    ]
    talk, noted = made(user(), {**calls(call("c2")), "content": "So.", "reasoning_details": details, "reasoning_content": "hmha"})
    assert talk.turns[1][1] == [
        {"text": "hm", "thought": True},
        {"text": "ha", "thought": True, "thoughtSignature": "T"},
        {"text": "So."},
        {"text": "", "thoughtSignature": "onWords"},
        {"functionCall": {"name": "f", "args": {"a": 1}, "id": "c2"}, "thoughtSignature": "onCall"},
    ]
    assert noted == ()


def test_what_stands_on_the_call_wins():
    details = [{"type": "reasoning.encrypted", "data": "other", "format": FORMAT, "id": "c1"}]
    part = turns(user(), calls(call(**signed("own")), reasoning_details=details))[1][1][0]
    assert part["thoughtSignature"] == "own"


@pytest.mark.parametrize(
    "detail",
    [
        {"type": "reasoning.text", "text": "hm", "signature": "s", "format": "anthropic-claude-v1"},
        {"type": "reasoning.text", "text": "hm", "signature": "s"},
        {"type": "reasoning.text", "format": FORMAT},
        {"type": "reasoning.text", "text": "", "signature": "", "format": FORMAT},
        {"type": "reasoning.summary", "summary": "s", "format": FORMAT},
        {"type": "reasoning.encrypted", "format": FORMAT},
        {"type": "reasoning.encrypted", "data": "d", "format": FORMAT, "id": "none such"},
        {"format": 5},
        {},
    ],
)
def test_what_gemini_did_not_make_is_left_out_and_noted(detail):
    talk, noted = made(user(), {"role": "assistant", "content": "So.", "reasoning_details": [detail]})
    assert talk.turns[1][1] == [{"text": "So."}]
    assert noted == ("messages.reasoning_details",)


def test_bare_reasoning_is_noted():
    assert made(user(), {"role": "assistant", "content": "So.", "reasoning_content": "hm"})[1] == ("messages.reasoning_content",)


def test_foreign_calls_of_the_current_turn_are_marked():
    """Only the first call of a step, only since the last words of the user, and only for models that check."""
    history = [user(), calls(call("a")), result("a"), {"role": "assistant", "content": "Done."}, user("Again")]
    loop = [calls(call("b"), call("c")), result("b"), result("c"), calls(call("d", **signed("S"))), result("d"), calls(call("e"))]
    talk, noted = made(*history, *loop)
    signatures = {
        part["functionCall"]["id"]: part.get("thoughtSignature") for _, found in talk.turns for part in found if "functionCall" in part
    }
    assert signatures == {"a": None, "b": FOREIGN_SIGNATURE, "c": None, "d": "S", "e": FOREIGN_SIGNATURE}
    assert noted == ("messages.tool_calls.extra_content",)
    talk, noted = made(*history, *loop, model=OLD)
    assert noted == ()
    assert FOREIGN_SIGNATURE not in str(talk.turns)


def test_an_empty_answer_in_the_history_is_no_turn():
    assert [role for role, _ in turns(user(), {"role": "assistant", "content": ""}, user())] == ["user", "user"]


def test_refusals_of_the_assistant_are_text():
    assert turns(user(), {"role": "assistant", "content": None, "refusal": "No."})[1] == ("model", [{"text": "No."}])


@pytest.mark.parametrize("odd", [None, 5, [], {"google": 5}, {"google": {"thought_signature": 5}}, {"other": {}}])
def test_other_extra_content_is_no_signature(odd):
    assert turns(user(), calls(call(extra_content=odd)))[1][1][0]["thoughtSignature"] == FOREIGN_SIGNATURE


@pytest.mark.parametrize(
    ("messages", "field"),
    [
        (["x"], "messages[0]"),
        ([{"role": "function", "content": "x"}], "messages[0].role"),
        ([{"content": "x"}], "messages[0].role"),
        ([user("")], "messages[0].content"),
        ([user(None)], "messages[0].content"),
        ([{"role": "assistant", "audio": {"id": "SECRET"}}], "messages[0].audio"),
        ([{"role": "assistant", "function_call": {}}], "messages[0].function_call"),
        ([calls(call(arguments="SECRET"))], "messages[0].tool_calls[0].function.arguments"),
        ([calls(call(arguments="[1]"))], "messages[0].tool_calls[0].function.arguments"),
        ([calls(call(type="custom"))], "messages[0].tool_calls[0].type"),
        ([calls(call(name="SECRET x"))], "messages[0].tool_calls[0].function.name"),
        ([calls({"function": {"name": "f", "arguments": ""}})], "messages[0].tool_calls[0].id"),
        ([calls(5)], "messages[0].tool_calls[0]"),
        ([{"role": "assistant", "tool_calls": {}}], "messages[0].tool_calls"),
        ([{"role": "assistant", "reasoning_details": {}}], "messages[0].reasoning_details"),
        ([{"role": "assistant", "reasoning_details": [5]}], "messages[0].reasoning_details[0]"),
        ([{"role": "assistant", "refusal": 5}], "messages[0].refusal"),
        ([{"role": "tool", "content": "x"}], "messages[0].tool_call_id"),
    ],
)
def test_refusals(messages, field):
    assert refused(*messages) == field


def test_many_results_take_no_square_of_time():
    many = [call(str(number)) for number in range(5000)]
    found = turns(user(), calls(*many), *(result(str(number)) for number in reversed(range(5000))), model=OLD)
    assert len(found[2][1]) == 5000
