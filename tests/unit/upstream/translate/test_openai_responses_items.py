"""Complete items."""

import pytest

from anyapi.upstream.translate import openai_responses_items as items
from anyapi.upstream.translate.openai_responses_echo import Echo
from anyapi.upstream.translate.openai_responses_reasoning import PREFIX, Gathered
from anyapi.upstream.translate.openai_responses_tools_to_openai_chat import Name


def gathered(text="", **detail):
    made = Gathered()
    if detail:
        made.add(detail)
    if text:
        made.say(text)
    return made


def test_reasoning_is_text_or_summary_as_asked():
    plain = items.reasoning("rs_1", "completed", gathered("t"), Echo())
    assert plain["content"] == [{"type": "reasoning_text", "text": "t"}]
    assert (plain["summary"], "encrypted_content" in plain) == ([], False)
    summary = items.reasoning("rs_1", "completed", gathered("t"), Echo(summary=True, sealed=True))
    assert summary["summary"] == [{"type": "summary_text", "text": "t"}]
    assert "content" not in summary
    assert summary["encrypted_content"].startswith(PREFIX)


def test_sealed_reasoning_needs_no_text():
    item = items.reasoning("rs_1", "completed", gathered(type="reasoning.encrypted", data="d"), Echo())
    assert (item["summary"], "content" in item) == ([], False)
    assert item["encrypted_content"].startswith(PREFIX)


def test_calls():
    assert items.call("fc_1", "completed", "c", Name("f", "ns"), "{}") == {
        "type": "function_call",
        "id": "fc_1",
        "status": "completed",
        "call_id": "c",
        "name": "f",
        "namespace": "ns",
        "arguments": "{}",
    }
    custom = items.call("fc_1", "completed", "c", Name("f", custom=True), '{"input":"x"}')
    assert (custom["type"], custom["input"], "arguments" in custom) == ("custom_tool_call", "x", False)


@pytest.mark.parametrize("given", ["", "x", "5", "{}", '{"input":5}', '{"input":"', "[" * 5000])
def test_what_was_not_wrapped_is_the_input_itself(given):
    assert items.unwrapped(given) == given


def test_messages():
    message = items.message("msg_1", "completed", [items.text_part("t")])
    assert message["content"] == [{"type": "output_text", "text": "t", "annotations": (), "logprobs": ()}]
