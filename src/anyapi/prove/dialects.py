"""Requests in every format at every provider's format, full of canaries, and how each must end. Sends nothing.

Every outcome is asked for over providers of each wire, so that a body passes through, is translated, or goes by way of a chat completion
and back. What all that a chat completion can hold does at a provider of its own format is in `outcomes`.
"""

import json
from collections.abc import Callable, Iterator
from typing import NamedTuple

from anyapi.prove.planted import Mark
from anyapi.simulator import FORMATS

CHAT = "/v1/chat/completions"
MESSAGES, RESPONSES, EMBEDDINGS, COUNT = "/v1/messages", "/v1/responses", "/v1/embeddings", "/v1/messages/count_tokens"
OVER_WIRES = (CHAT, MESSAGES, RESPONSES)
"""The formats that are asked for over each wire."""
ENDS = (b"data: [DONE]", b'"message_stop"', b'"response.completed"', b'"response.incomplete"')
"""What stands at the end of a stream that is whole, in any format."""
FAULTS: dict[str, dict[str, object]] = {
    "fails": {"kind": "status", "status": 500},
    "bad-request": {"kind": "status", "status": 400},
    "bad-json": {"kind": "bad_json"},
    "error-event": {"kind": "error_event", "at": 3},
    "closes": {"kind": "close", "at": 4, "of": "events"},
    "resets": {"kind": "reset", "at": 900},
    "short": {"kind": "content_length", "add": 50, "then": "close"},
}
"""What goes wrong at a provider of each wire; those with a status say a canary too."""


def suffix(path: str) -> str:
    """What the name of a provider ends with that only requests of this path go to."""
    return path.removeprefix("/v1").replace("/", "-")


class Asked(NamedTuple):
    """One request: the name of its class, how it may end (status, and whether with an error event), where it goes and what it holds."""

    name: str
    wanted: tuple[tuple[int, bool], ...]
    path: str
    body: Callable[[Mark], bytes]


def schema_of(mark: Mark) -> dict[str, object]:
    """A schema with canaries in the name of a field, in its texts and in what a simulated answer is made of."""
    name = mark("field name")
    text = {"type": "string", "description": mark("field description"), "enum": [mark("field value")]}
    return {"type": "object", "description": mark("schema"), "properties": {name: text}, "required": [name]}


def plain_chat_body(mark: Mark, model: str, /, **over: object) -> dict[str, object]:
    """A chat completion request of what every provider's format can express. None takes a field away."""
    call = f"call_{mark('call id')}"
    used = {"name": f"t{mark('tool')}", "arguments": json.dumps({mark("argument name"): mark("argument")})}
    tool = {"name": f"t{mark('tool')}", "description": mark("tool description"), "parameters": schema_of(mark)}
    calls = [{"id": call, "type": "function", "function": used}]
    body: dict[str, object] = {
        "model": model,
        "messages": [
            {"role": "system", "content": mark("system")},
            {"role": "user", "name": mark("name"), "content": [{"type": "text", "text": f"é {mark('text part')} \u2028"}]},
            {"role": "assistant", "content": mark("said before"), "tool_calls": calls, mark("message key"): mark("message value")},
            {"role": "tool", "tool_call_id": call, "content": mark("tool result")},
            {"role": "assistant", "content": mark("second turn"), "reasoning_content": mark("thought before")},
            {"role": "user", "content": mark("prompt")},
        ],
        "tools": [{"type": "function", "function": tool}],
        "stop": [mark("stop")],
        "user": mark("user"),
        "safety_identifier": mark("safety identifier"),
        "prompt_cache_key": mark("prompt cache key"),
        "metadata": {mark("metadata key"): mark("metadata value")},
        mark("field name"): {mark("unknown key"): mark("unknown value")},
        "store": True,
    }
    return _over(body, over)


def messages_body(mark: Mark, model: str, /, **over: object) -> dict[str, object]:
    """A messages request. `tool_choice` and the like come over it; None takes a field away."""
    call = f"toolu_{mark('call id')}"
    said = [{"type": "text", "text": mark("said before")}]
    used = {"type": "tool_use", "id": call, "name": f"t{mark('tool')}", "input": {mark("argument name"): mark("argument")}}
    body: dict[str, object] = {
        "model": model,
        "max_tokens": 200,
        "system": [{"type": "text", "text": mark("system")}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": f"é {mark('text block')} \u2028"}]},
            {"role": "assistant", "content": [*said, used]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call, "content": mark("tool result")}]},
            {"role": "assistant", "content": mark("second turn")},
            {"role": "user", "content": mark("prompt")},
        ],
        "tools": [{"name": f"t{mark('tool')}", "description": mark("tool description"), "input_schema": schema_of(mark)}],
        "stop_sequences": [mark("stop")],
        "metadata": {"user_id": mark("user id"), mark("metadata key"): mark("metadata value")},
        "store": True,
    }
    return _over(body, over)


def responses_body(mark: Mark, model: str, /, **over: object) -> dict[str, object]:
    """A responses request."""
    call = f"call_{mark('call id')}"
    arguments = json.dumps({mark("argument name"): mark("argument")})
    body: dict[str, object] = {
        "model": model,
        "instructions": mark("instructions"),
        "input": [
            {"role": "developer", "content": mark("developer")},
            {"role": "user", "content": [{"type": "input_text", "text": f"é {mark('text part')} \u2028"}]},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": mark("said before"), "annotations": []}]},
            {"type": "function_call", "call_id": call, "name": f"t{mark('tool')}", "arguments": arguments},
            {"type": "function_call_output", "call_id": call, "output": mark("tool result")},
            {"role": "user", "content": mark("prompt")},
        ],
        "tools": [
            {"type": "function", "name": f"t{mark('tool')}", "description": mark("tool description"), "parameters": schema_of(mark)},
        ],
        "user": mark("user"),
        "safety_identifier": mark("safety identifier"),
        "prompt_cache_key": mark("prompt cache key"),
        "metadata": {mark("metadata key"): mark("metadata value")},
        "store": True,
    }
    return _over(body, over)


def embeddings_body(mark: Mark, model: str, /, **over: object) -> dict[str, object]:
    """An embeddings request."""
    body: dict[str, object] = {
        "model": model,
        "input": [mark("prompt"), f"é {mark('second input')} \u2028"],
        "user": mark("user"),
        "metadata": {mark("metadata key"): mark("metadata value")},
        mark("field name"): {mark("unknown key"): mark("unknown value")},
        "store": True,
    }
    return _over(body, over)


def _over(body: dict[str, object], over: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in (body | over).items() if value is not None}


BODIES: dict[str, Callable[..., dict[str, object]]] = {
    CHAT: plain_chat_body,
    MESSAGES: messages_body,
    RESPONSES: responses_body,
    EMBEDDINGS: embeddings_body,
}
DENIED: dict[str, object] = {"certifications": ["fedramp", "irap", "ismap", "secnumcloud"]}
"""A policy that no endpoint of any catalogue satisfies."""
UNPERMITTED = "no endpoint permitted"
"""What the class of requests is called, in each format, that this policy denies everything."""
TRANSLATED = "acme/wire-openai"
"""A model whose providers speak another format than Anthropic's, so that a request in that is translated."""
TRANSLATED_CLASSES = (f"{MESSAGES}: wrong role", f"{MESSAGES}: unknown block")
"""What is found wrong in a request only where it is translated; a provider of Anthropic's format would be sent it."""
FORCED: dict[str, object] = {CHAT: "required", MESSAGES: {"type": "any"}, RESPONSES: "required"}
DONE, BROKEN = ((200, False),), ((200, True),)
FAILED, REFUSED = ((502, False),), ((400, False),)


def asked() -> Iterator[Asked]:
    """Those that a provider takes part in."""
    for path in OVER_WIRES:
        for wire in FORMATS:
            yield from _over_wire(path, wire)
    yield from _embedded()


def refused() -> Iterator[Asked]:
    """Those that end at the gateway; of chat completions they are in `outcomes_here`."""
    for path in (MESSAGES, RESPONSES, EMBEDDINGS):
        yield from _refused(path)
        yield from _malformed(path)
    yield Asked("count_tokens", DONE, COUNT, _encoded(MESSAGES, "acme/wire-anthropic", max_tokens=None))
    yield Asked("count_tokens, bad JSON", REFUSED, COUNT, lambda mark: _encoded(MESSAGES, "acme/wire-anthropic")(mark)[:-20])
    yield Asked("count_tokens, unknown model", ((404, False),), COUNT, lambda mark: _encoded(MESSAGES, f"acme/{mark('model')}")(mark))


def _encoded(path: str, model: str, **over: object) -> Callable[[Mark], bytes]:
    return lambda mark: json.dumps(BODIES[path](mark, model, **over)).encode()


def _over_wire(path: str, wire: str) -> Iterator[Asked]:
    def one(name: str, wanted: tuple[tuple[int, bool], ...], fault: str = "", **over: object) -> Asked:
        model = f"acme/wire-{wire}{fault}{suffix(path) if fault else ''}"
        return Asked(f"{path} over {wire}: {name}", wanted, path, _encoded(path, model, **over))

    yield one("success", DONE)
    yield one("success, streamed", DONE, stream=True)
    yield one("tool call", DONE, tool_choice=FORCED[path])
    yield one("tool call, streamed", DONE, tool_choice=FORCED[path], stream=True)
    yield one("provider fails", FAILED, "-fails")
    yield one("stream: provider fails", FAILED, "-fails", stream=True)
    yield one("provider refuses the body", REFUSED, "-bad-request")
    yield one("provider answers no JSON", FAILED, "-bad-json")
    yield one("stream: provider says an error", (*BROKEN, *FAILED, (503, False)), "-error-event", stream=True)
    yield one("stream: provider closes", (*BROKEN, *FAILED), "-closes", stream=True)
    yield one("stream: provider resets", (*BROKEN, *FAILED), "-resets", stream=True)


def _embedded() -> Iterator[Asked]:
    def one(name: str, wanted: tuple[tuple[int, bool], ...], model: str = "acme/vectors", **over: object) -> Asked:
        return Asked(f"{EMBEDDINGS}: {name}", wanted, EMBEDDINGS, _encoded(EMBEDDINGS, model, **over))

    yield one("success", DONE)
    yield one("success, base64", DONE, encoding_format="base64")
    yield one("provider of another wire", DONE, "acme/vectors-gemini")
    yield one("provider fails", FAILED, "acme/vectors-fails")
    yield one("provider refuses the body", REFUSED, "acme/vectors-bad-request")
    yield one("provider answers no JSON", FAILED, "acme/vectors-bad-json")
    yield one("provider sends half of it", FAILED, "acme/vectors-short")
    yield one("stream", REFUSED, stream=True)
    yield one("model without vectors", ((404, False),), "acme/good")


def _refused(path: str) -> Iterator[Asked]:
    """By us, before anybody is asked."""
    model = "acme/vectors" if path == EMBEDDINGS else TRANSLATED

    def one(name: str, status: int, over: Callable[[Mark], dict[str, object]]) -> Asked:
        return Asked(f"{path}: {name}", ((status, False),), path, lambda m: json.dumps(BODIES[path](m, model, **over(m))).encode())

    yield one(UNPERMITTED, 403, lambda _: {"data_policy": DENIED})
    yield one("unknown model", 404, lambda mark: {"model": f"acme/{mark('model')}"})
    yield one("wrong policy", 400, lambda mark: {"data_policy": {mark("policy key"): mark("policy value")}})
    yield one("wrong stream", 400, lambda mark: {"stream": mark("stream")})
    yield one("wrong store", 400, lambda mark: {"store": mark("store")})
    yield one("wrong app", 400, lambda mark: {"metadata": {"app_name": f"<{mark('app')}>"}})
    if path == MESSAGES:
        yield one("wrong messages", 400, lambda mark: {"messages": mark("messages")})
        yield one("wrong limit", 400, lambda mark: {"max_tokens": mark("limit")})
        yield one("wrong role", 400, lambda mark: {"messages": [{"role": mark("role"), "content": mark("prompt")}]})
        yield one("container", 400, lambda mark: {"container": mark("container")})
        yield one("servers", 400, lambda mark: {"mcp_servers": [{"url": f"https://{mark('host')}.example", "name": mark("server")}]})
        yield one("unknown block", 400, lambda mark: {"messages": [{"role": "user", "content": [{"type": mark("block")}]}]})
    elif path == RESPONSES:
        yield one("wrong input", 400, lambda mark: {"input": {mark("input key"): mark("input")}})
        yield one("stored response", 400, lambda mark: {"previous_response_id": mark("response")})
        yield one("conversation", 400, lambda mark: {"conversation": mark("conversation")})
        yield one("remote tool", 400, lambda mark: {"tools": [{"type": "mcp", "server_url": f"https://{mark('host')}.example"}]})
        yield one("stored item", 400, lambda mark: {"input": [{"type": "item_reference", "id": mark("item")}]})
    else:
        yield one("wrong input", 400, lambda mark: {"input": {mark("input key"): mark("input")}})
        yield one("wrong form", 400, lambda mark: {"encoding_format": mark("form")})
        yield one("wrong user", 400, lambda mark: {"user": [mark("user")]})


def _malformed(path: str) -> Iterator[Asked]:
    model = "acme/vectors" if path == EMBEDDINGS else TRANSLATED
    good = _encoded(path, model)
    twice = b'{"model":"%b","data_policy":{"%b":1,"%b":2},'
    yield Asked(f"{path}: bad JSON", REFUSED, path, lambda mark: good(mark)[:-20])
    yield Asked(f"{path}: no object", REFUSED, path, lambda mark: json.dumps([mark("item")]).encode())
    yield Asked(
        f"{path}: bad UTF-8", REFUSED, path, lambda mark: good(mark).replace(mark("prompt").encode(), mark("prompt").encode() + b"\xff")
    )
    yield Asked(f"{path}: doubled key", REFUSED, path, lambda m: b'{"model":"%b",' % m("first model").encode() + good(m)[1:])
    yield Asked(
        f"{path}: doubled policy key", REFUSED, path, lambda m: twice % (model.encode(), *[m("policy key").encode()] * 2) + good(m)[1:]
    )
    yield Asked(f"{path}: deep nesting", REFUSED, path, lambda m: b'{"%b":%b' % (m("key").encode(), b"[" * 100_000))
