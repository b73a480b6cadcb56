"""What tests of Anthropic's format share: raw fields, chunks of OpenAI's streams, and events joined as Anthropic's SDK joins them."""

import json

import msgspec

from anyapi.upstream import sse


def raw(value):
    return msgspec.Raw(msgspec.json.encode(value))


def raws(fields):
    """The outer object as the intake gives it."""
    return {name: raw(value) for name, value in fields.items()}


def plain(fields):
    """And decoded again."""
    return {name: json.loads(bytes(value)) for name, value in fields.items()}


def resolved(value):
    """A value that holds raw parts, decoded."""
    return json.loads(msgspec.json.encode(value))


def chunk(delta=None, finish=None, **more):
    """One event of a chat completion stream."""
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    whole = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}
    return b"data: %b\n\n" % json.dumps(whole).encode()


def call(index, call_id=None, name=None, arguments="", **more):
    """A piece of a tool call, as a delta."""
    function = {"name": name, "arguments": arguments} if name else {"arguments": arguments}
    return {"tool_calls": [{"index": index, **({"id": call_id, "type": "function"} if call_id else {}), "function": function, **more}]}


DONE = b"data: [DONE]\n\n"
USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
    "completion_tokens_details": {"reasoning_tokens": 5},
}
USED = {
    "input_tokens": 30,
    "cache_creation_input_tokens": 10,
    "cache_read_input_tokens": 60,
    "output_tokens": 20,
    "output_tokens_details": {"thinking_tokens": 5},
}
"""The same in Anthropic's terms."""


def events_of(released):
    """Events, each checked: its name is its type. Only whole ones may have been released."""
    assert released == b"" or released.endswith(b"\n\n")
    found = []
    for name, data in sse.events(released):
        event = json.loads(data)
        assert event["type"] == name.decode()
        found.append(event)
    return found


def joined(released):
    """The message, and whether it has ended. Fails where a block is open beside another, or the order is not Anthropic's."""
    message, open_index, texts, ended = None, None, {}, False
    for event in events_of(released):
        assert not ended
        kind = event["type"]
        if kind == "message_start":
            assert message is None
            message = event["message"]
            continue
        assert message is not None
        if kind == "content_block_start":
            assert open_index is None
            assert event["index"] == len(message["content"])
            open_index = event["index"]
            message["content"].append(event["content_block"])
        elif kind == "content_block_delta":
            assert event["index"] == open_index
            _add(message["content"][open_index], event["delta"], texts.setdefault(open_index, []))
        elif kind == "content_block_stop":
            assert event["index"] == open_index
            block = message["content"][open_index]
            if block["type"] == "tool_use":
                block["input"] = _input("".join(texts.get(open_index, [])) or "{}")
            open_index = None
        elif kind == "message_delta":
            assert open_index is None
            message.update(event["delta"])
            message["usage"] = {**message["usage"], **event["usage"]}
        elif kind == "message_stop":
            ended = True
    return message, ended


def _input(text):
    try:
        return json.loads(text)
    except ValueError:
        return text  # what is no JSON: the SDK would raise on it


def _add(block, delta, texts):
    kinds = {"text_delta": ("text", "text"), "thinking_delta": ("thinking", "thinking"), "signature_delta": ("thinking", "signature")}
    if delta["type"] == "input_json_delta":
        assert block["type"] == "tool_use"
        texts.append(delta["partial_json"])
    else:
        kind, name = kinds[delta["type"]]
        assert block["type"] == kind
        block[name] += delta[name]
