"""Turns become messages: results first, calls last, thinking beside; what is moved or left out is noted."""

import msgspec
import pytest
from tests.unit.upstream.translate.anthropic_events import raw, resolved

from anyapi.errors import BadRequest
from anyapi.upstream.translate import carried_reasoning
from anyapi.upstream.translate.anthropic_turns_to_openai_messages import Turns
from anyapi.upstream.translate.hub_target import CACHE_CONTROL, HUB, REASONING_CONTENT, STRICT, Carrier, Target

MARK = {"type": "ephemeral"}
IMAGE = {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}}
PART = {"type": "image_url", "image_url": {"url": "https://a/b.png"}}
DOCUMENT = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}}


def text(words):
    return {"type": "text", "text": words}


def use(call="t1", **more):
    return {"type": "tool_use", "id": call, "name": "f", "input": {"a": 1}, **more}


def called(call="t1", **more):
    return {"id": call, "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}, **more}


def result(content=None, call="t1", **more):
    return {"type": "tool_result", "tool_use_id": call, **({} if content is None else {"content": content}), **more}


def made(*turns, target=HUB):
    carrier = Carrier(target)
    found = Turns(carrier)
    for number, turn in enumerate(turns):
        found.add(raw(turn), f"messages[{number}]")
    return resolved(found.out), carrier.notes.names


def user(content):
    return {"role": "user", "content": content}


def assistant(content):
    return {"role": "assistant", "content": content}


def refused(*turns):
    with pytest.raises(BadRequest) as caught:
        made(*turns)
    assert "s3cret" not in str(caught.value)
    return caught.value.field


def test_plain_turns():
    turns = [user("a"), assistant("b"), {"role": "system", "content": "c"}, user([text("d")]), assistant([text("e"), text("f")])]
    assert made(*turns) == ([*turns[:3], user("d"), turns[4]], ())


def test_system_text():
    turns = Turns(Carrier(HUB))
    turns.add_system(raw("a"), "system")
    turns.add_system(raw([{**text("b"), "cache_control": MARK}, text("c")]), "system")
    turns.add_system(raw([]), "system")
    blocks = [{**text("b"), "cache_control": MARK}, text("c")]
    assert resolved(turns.out) == [{"role": "system", "content": "a"}, {"role": "system", "content": blocks}]
    with pytest.raises(BadRequest) as caught:
        turns.add_system(raw([IMAGE]), "system")
    assert caught.value.field == "system[0].type"


def test_results_come_first_then_the_rest_of_the_turn():
    turn = user([result("r1", "t1"), result([text("r2")], "t2"), text("go"), IMAGE])
    tools = [{"role": "tool", "tool_call_id": "t1", "content": "r1"}, {"role": "tool", "tool_call_id": "t2", "content": "r2"}]
    assert made(turn) == ([*tools, user([text("go"), PART])], ())
    assert made(user([result("r1"), result("r2", "t2")])) == (tools, ())
    assert made(user([text("go"), result("r1")])) == ([tools[0], user("go")], ("messages.order",))


def test_a_result_of_nothing():
    expected = [{"role": "tool", "tool_call_id": "t1", "content": ""}]
    assert made(user([result()])) == made(user([result([])])) == made(user([result("")])) == (expected, ())


def test_failed_results():
    tool = {"role": "tool", "tool_call_id": "t1", "content": "r"}
    assert made(user([result("r", is_error=True)])) == ([{**tool, "is_error": True}], ())
    assert made(user([result("r", is_error=True)]), target=STRICT) == ([tool], ("messages.tool_result.is_error",))
    assert made(user([result("r", is_error=False)]), target=STRICT) == ([tool], ())


def test_images_of_a_result_stay_or_move():
    turn = user([result([text("r"), IMAGE], cache_control=MARK), text("go")])
    kept = {"role": "tool", "tool_call_id": "t1", "content": [text("r"), PART], "cache_control": MARK}
    assert made(turn) == ([kept, user("go")], ())
    moved = [{"role": "tool", "tool_call_id": "t1", "content": "r"}, user([text("What tool call t1 returned:"), PART, text("go")])]
    assert made(turn, target=STRICT) == (moved, ("cache_control", "messages.tool_result.content"))


def test_documents_of_a_result_move():
    found, notes = made(user([result([DOCUMENT])]))
    assert [message["role"] for message in found] == ["tool", "user"]
    assert found[1]["content"][1]["type"] == "file"
    assert notes == ("messages.tool_result.content",)


def test_a_reference_to_a_tool_is_its_name():
    found, notes = made(user([result([{"type": "tool_reference", "tool_name": "f"}])]))
    assert (found[0]["content"], notes) == ("f", ("messages.tool_reference",))


def test_calls():
    assert made(assistant([text("a"), use(), use("t2")])) == ([{**assistant("a"), "tool_calls": [called(), called("t2")]}], ())
    assert made(assistant([use()])) == ([{**assistant(None), "tool_calls": [called()]}], ())
    assert made(assistant([use(caller={"type": "direct"})])) == ([{**assistant(None), "tool_calls": [called()]}], ())
    assert made(assistant([use(caller=msgspec.Raw(b'{ "type" : "direct" }'))]))[1] == ()
    assert made(assistant([use(caller={"type": "x"}, toolset_name="y")]))[1] == (
        "messages.tool_use.caller",
        "messages.tool_use.toolset_name",
    )
    assert made(assistant([use(), text("a")])) == ([{**assistant("a"), "tool_calls": [called()]}], ("messages.order",))


def test_the_input_of_a_call_is_the_clients_own_text():
    turn = b'{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"a": 1.50,"b":12345678901234567890123}}]}'
    turns = Turns(Carrier(HUB))
    turns.add(msgspec.Raw(turn), "m")
    assert turns.out[0]["tool_calls"][0]["function"]["arguments"] == '{"a": 1.50,"b":12345678901234567890123}'


def test_a_cache_mark_on_a_call():
    last = assistant([text("a"), use(), use("t2", cache_control=MARK)])
    assert made(last) == ([{**assistant("a"), "tool_calls": [called(), called("t2")], "cache_control": MARK}], ())
    assert made(last, target=STRICT)[1] == ("cache_control",)
    found, notes = made(assistant([use(cache_control=MARK), use("t2")]))
    assert ("cache_control" in found[0], notes) == (False, ("cache_control",))


def thinking(words="hm", signature="SIG"):
    return {"type": "thinking", "thinking": words, "signature": signature}


SIGNED = {"type": "reasoning.text", "text": "hm", "signature": "SIG", "format": "anthropic-claude-v1", "index": 0}
SEALED = {"type": "reasoning.encrypted", "data": "D", "format": "anthropic-claude-v1", "index": 1}


def test_signed_thinking():
    turn = assistant([thinking(), {"type": "redacted_thinking", "data": "D"}, text("a")])
    assert made(turn) == ([{**assistant("a"), "reasoning_details": [SIGNED, SEALED]}], ())
    assert made(turn, target=STRICT) == ([assistant("a")], ("messages.thinking",))
    assert made(assistant([text("a"), thinking()]))[1] == ("messages.order",)
    assert made(assistant([thinking()])) == ([{**assistant(""), "reasoning_details": [SIGNED]}], ())


def test_unsigned_thinking_comes_back_as_plain_text_too():
    turn = assistant([thinking("hm", carried_reasoning.MARK), thinking("ok", ""), text("a")])
    details = [{"type": "reasoning.text", "text": "hm", "index": 0}, {"type": "reasoning.text", "text": "ok", "index": 1}]
    assert made(turn) == ([{**assistant("a"), "reasoning_content": "hmok", "reasoning_details": details}], ())
    only = Target(extensions=frozenset({REASONING_CONTENT}))
    assert made(turn, target=only) == ([{**assistant("a"), "reasoning_content": "hmok"}], ())
    assert made(turn, target=STRICT) == ([assistant("a")], ("messages.thinking",))
    signed = assistant([thinking(), thinking("ok", ""), text("a")])
    assert made(signed, target=only) == ([{**assistant("a"), "reasoning_content": "ok"}], ("messages.thinking",))


def test_what_was_hung_on_a_call_goes_back_to_it():
    extra = resolved(carried_reasoning.extra_block("t2", {"google": {"thought_signature": "S"}}))
    found, notes = made(assistant([extra, use(), use("t2")]))
    assert found[0]["tool_calls"] == [called(), called("t2", extra_content={"google": {"thought_signature": "S"}})]
    assert ("reasoning_details" in found[0], notes) == (False, ())
    assert made(assistant([extra, use("t2")]), target=Target(extensions=frozenset({CACHE_CONTROL})))[1] == ("messages.thinking",)


def test_thinking_that_cannot_be_unpacked_is_noted():
    turn = assistant([{"type": "redacted_thinking", "data": carried_reasoning.MARK + "!"}, text("a")])
    assert made(turn) == ([assistant("a")], ("messages.thinking",))


@pytest.mark.parametrize(
    ("turns", "field"),
    [
        ([5], "messages[0]"),
        ([{}], "messages[0].role"),
        ([{"role": "s3cret", "content": "a"}], "messages[0].role"),
        ([{"role": "user"}], "messages[0].content"),
        ([user([])], "messages[0].content"),
        ([user({"s3cret": 1})], "messages[0].content"),
        ([user(["s3cret"])], "messages[0].content[0]"),
        ([user("a"), user([text("a"), {"type": "s3cret"}])], "messages[1].content[1].type"),
        ([user([use()])], "messages[0].content[0].type"),
        ([user([{"type": "tool_result"}])], "messages[0].content[0].tool_use_id"),
        ([user([result("a", is_error="s3cret")])], "messages[0].content[0].is_error"),
        ([user([result([{"type": "s3cret"}])])], "messages[0].content[0].content[0].type"),
        ([user([result(5)])], "messages[0].content[0].content"),
        ([assistant([IMAGE])], "messages[0].content[0].type"),
        ([assistant([{"type": "server_tool_use"}])], "messages[0].content[0].type"),
        ([assistant([{**use(), "input": "s3cret"}])], "messages[0].content[0].input"),
        ([assistant([{"type": "tool_use", "id": "a", "input": {}}])], "messages[0].content[0].name"),
        ([assistant([{"type": "tool_use", "name": "a", "input": {}}])], "messages[0].content[0].id"),
        ([assistant([{"type": "thinking"}])], "messages[0].content[0].thinking"),
    ],
)
def test_what_cannot_be_expressed_is_named(turns, field):
    assert refused(*turns) == field


def test_unknown_keys_are_noted_and_not_repeated():
    assert made({**user("a"), "s3cret": 1})[1] == ("messages.other",)
    assert made(assistant([use(s3cret=1)]))[1] == ("messages.other",)
