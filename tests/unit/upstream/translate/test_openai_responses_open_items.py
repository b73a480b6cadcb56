"""Items in a stream: the events of each, and the bound on what is kept."""

import msgspec
import pytest
from tests.unit.upstream.translate.responses_reading import replayed, strict_events

from anyapi.upstream.translate import openai_responses_open_items as open_items
from anyapi.upstream.translate.openai_responses_echo import Echo
from anyapi.upstream.translate.openai_responses_open_items import LIMIT, Events, OpenCall, OpenMessage, OpenReasoning, TooLong
from anyapi.upstream.translate.openai_responses_tools_to_openai_chat import Name

CHANCE = {"token": "a", "bytes": [97], "logprob": -1.0, "top_logprobs": []}


def told(events):
    found = strict_events(b"".join(events.out))
    replayed(found)
    return [event["type"].removeprefix("response.") for event in found], found


def test_a_message():
    events = Events()
    message = OpenMessage(events, "msg_1", 0)
    message.text('a"', [CHANCE])
    message.text("é", [])
    message.annotate({"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1})
    message.refusal("no")
    item = msgspec.json.decode(message.close("incomplete"))
    kinds, found = told(events)
    assert kinds == [
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.annotation.added",
        "output_text.done",
        "content_part.done",
        "content_part.added",
        "refusal.delta",
        "refusal.done",
        "content_part.done",
        "output_item.done",
    ]
    assert item == found[-1]["item"]
    assert item["status"] == "incomplete"
    assert [part.get("text", part.get("refusal")) for part in item["content"]] == ['a"é', "no"]
    assert item["content"][0]["logprobs"] == [CHANCE]
    assert found[2]["logprobs"] == [CHANCE]


@pytest.mark.parametrize("summary", [True, False])
def test_reasoning(summary):
    events = Events()
    reasoning = OpenReasoning(events, "rs_1", 0, Echo(summary=summary))
    reasoning.add({"type": "reasoning.text", "text": "a"})
    reasoning.say("b")
    reasoning.add({"type": "reasoning.text", "signature": "s"})
    item = msgspec.json.decode(reasoning.close("completed"))
    kinds, _ = told(events)
    part, text = ("reasoning_summary_part", "reasoning_summary_text") if summary else ("content_part", "reasoning_text")
    assert kinds == [
        "output_item.added",
        f"{part}.added",
        f"{text}.delta",
        f"{text}.delta",
        f"{text}.done",
        f"{part}.done",
        "output_item.done",
    ]
    assert item["encrypted_content"]


def test_sealed_reasoning_alone_has_no_part():
    events = Events()
    reasoning = OpenReasoning(events, "rs_1", 0, Echo())
    reasoning.add({"type": "reasoning.encrypted", "data": "d"})
    reasoning.close("completed")
    assert told(events)[0] == ["output_item.added", "output_item.done"]


def test_a_call_waits_for_its_name():
    events = Events()
    call = OpenCall(events, Echo())
    call.add('{"a"')
    assert (events.out, call.is_whole()) == ([], False)
    with pytest.raises(ValueError, match="not opened"):
        call.close("completed")
    call.name = "f"
    call.open("fc_1", 0)
    call.add(":1}")
    assert call.is_whole()
    item = msgspec.json.decode(call.close("completed"))
    assert told(events)[0] == [
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
    ]
    assert (item["call_id"], item["arguments"]) == ("call_fc_1", '{"a":1}')
    before = len(events.out)
    call.add(" \n")
    assert len(events.out) == before
    with pytest.raises(ValueError, match="had ended"):
        call.add("{}")


@pytest.mark.parametrize("sent", [(), ("",), (" ", "\n")])
@pytest.mark.parametrize("opened", ["before", "after"])
def test_a_call_without_arguments_has_an_empty_object(sent, opened):
    events = Events()
    call = OpenCall(events, Echo())
    call.name = "f"
    if opened == "before":
        call.open("fc_1", 0)
    for piece in sent:
        call.add(piece)
    if opened == "after":
        call.open("fc_1", 0)
    item = msgspec.json.decode(call.close("completed"))
    _, found = told(events)
    deltas = "".join(event["delta"] for event in found if event["type"].endswith("arguments.delta"))
    assert deltas == item["arguments"] == "".join(sent) + "{}"
    assert found[-2]["arguments"] == item["arguments"]


def test_a_custom_call_without_input_has_none():
    events = Events()
    call = OpenCall(events, Echo(names={"p": Name("p", custom=True)}))
    call.name = "p"
    call.open("fc_1", 0)
    assert msgspec.json.decode(call.close("completed"))["input"] == ""


def test_a_custom_call_is_given_out_whole():
    events = Events()
    call = OpenCall(events, Echo(names={"ns__f": Name("f", "ns", custom=True)}))
    call.call_id, call.name = "c", "ns__f"
    call.open("fc_1", 0)
    call.add('{"input":"a\\n')
    call.add('b"}')
    item = msgspec.json.decode(call.close("completed"))
    assert told(events)[0] == ["output_item.added", "custom_tool_call_input.delta", "custom_tool_call_input.done", "output_item.done"]
    assert (item["input"], item["name"], item["namespace"]) == ("a\nb", "f", "ns")


def test_what_is_kept_is_bounded():
    events = Events()
    message = OpenMessage(events, "msg_1", 0)
    for _ in range(LIMIT // 1002):
        message.text("x" * 1000, [])
    with pytest.raises(TooLong):
        message.text("x" * 1000, [])


def test_log_probabilities_beyond_their_share_stand_in_the_deltas_alone(monkeypatch):
    monkeypatch.setattr(open_items, "LOGPROBS_LIMIT", 200)
    events = Events()
    message = OpenMessage(events, "msg_1", 0)
    for _ in range(5):
        message.text("a", [CHANCE])
    item = msgspec.json.decode(message.close("completed"))
    assert item["content"][0]["logprobs"] == []
    assert all(event["logprobs"] == [CHANCE] for event in told(events)[1] if event["type"].endswith("output_text.delta"))
