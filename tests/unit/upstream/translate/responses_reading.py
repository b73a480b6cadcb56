"""Reads what the translators write as the OpenAI SDK reads it when it validates strictly, and as Open Responses demands it."""

import msgspec
from openai._models import validate_type
from openai.types.responses import Response, ResponseStreamEvent

from anyapi.upstream import sse
from anyapi.upstream.translate.openai_responses_to_openai_chat import translate

REQUIRED = (
    "id object created_at completed_at status incomplete_details model previous_response_id instructions output error tools tool_choice "
    "truncation parallel_tool_calls text top_p presence_penalty frequency_penalty top_logprobs temperature reasoning usage "
    "max_output_tokens max_tool_calls store background service_tier metadata safety_identifier prompt_cache_key"
).split()
NOT_NULL = (
    "id object created_at status model output tools tool_choice truncation parallel_tool_calls text top_p presence_penalty "
    "frequency_penalty top_logprobs temperature store background service_tier metadata"
).split()
ITEM_FIELDS = {
    "message": {"type", "id", "status", "role", "content"},
    "reasoning": {"type", "id", "summary", "status"},
    "function_call": {"type", "id", "call_id", "name", "arguments", "status"},
    "custom_tool_call": {"type", "id", "call_id", "name", "input", "status"},
}


def raw(**fields):
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}


def asked(**fields):
    """The translation of a request."""
    return translate(raw(**{"model": "acme/one", "input": "Hi", **fields}))


def sent(translated):
    """The chat request, decoded."""
    return {name: msgspec.json.decode(value) for name, value in translated.fields.items()}


def strict_response(value):
    """A response object, validated."""
    assert set(REQUIRED) <= value.keys()
    assert all(value[name] is not None for name in NOT_NULL)
    for item in value["output"]:
        assert ITEM_FIELDS[item["type"]] <= item.keys()
        assert item.get("encrypted_content", "") is not None
    for tool in value["tools"]:
        assert tool["type"] != "function" or {"name", "description", "parameters", "strict"} <= tool.keys()
    return validate_type(type_=Response, value=value)


def strict_events(released):
    """The events of a stream, validated, as plain values; only whole events may have been released."""
    assert released == b"" or released.endswith(b"\n\n")
    found = []
    for name, data in sse.events(released):
        value = msgspec.json.decode(data)
        assert value["type"] == name.decode()
        validate_type(type_=ResponseStreamEvent, value=value)
        if "response" in value:
            strict_response(value["response"])
        found.append(value)
    assert released.count(b"\n\n") == len(found)
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


def replayed(events):
    """Build the output from the deltas alone, and check that every closing event repeats what was told."""
    items = {}
    for event in events:
        kind, at = event["type"], event.get("output_index")
        if kind == "response.output_item.added":
            assert at == len(items)
            assert event["item"]["status"] == "in_progress" or event["item"]["type"] == "custom_tool_call"
            items[at] = {"item": event["item"], "parts": [], "said": ""}
        elif kind.endswith(("content_part.added", "summary_part.added")):
            assert event.get("content_index", event.get("summary_index")) == len(items[at]["parts"])
            items[at]["parts"].append("")
        elif kind.endswith(".delta"):
            assert event["item_id"] == items[at]["item"]["id"]
            if "content_index" in event or "summary_index" in event:
                items[at]["parts"][-1] += event["delta"]
            else:
                items[at]["said"] += event["delta"]
        elif kind.endswith("_text.done"):
            assert event["text"] == items[at]["parts"][-1]
        elif kind == "response.refusal.done":
            assert event["refusal"] == items[at]["parts"][-1]
        elif kind == "response.function_call_arguments.done":
            assert event["arguments"] == items[at]["said"]
        elif kind == "response.custom_tool_call_input.done":
            assert event["input"] == items[at]["said"]
        elif kind == "response.output_item.done":
            done = items[at]["done"] = event["item"]
            assert done["id"] == items[at]["item"]["id"]
            parts = [*done.get("summary", []), *(done.get("content") or [])]
            assert [part.get("text", part.get("refusal")) for part in parts] == items[at]["parts"]
    last = events[-1]
    if last["type"] in ("response.completed", "response.incomplete"):
        assert last["response"]["output"] == [items[at]["done"] for at in sorted(items)]
    return last
