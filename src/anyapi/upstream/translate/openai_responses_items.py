"""Complete output items of a response: message, reasoning, call. How one is told in a stream is in `openai_responses_open_items`."""

from collections.abc import Sequence

import msgspec

from anyapi.upstream.translate.openai_responses_echo import Echo
from anyapi.upstream.translate.openai_responses_reasoning import Gathered
from anyapi.upstream.translate.openai_responses_tools_to_openai_chat import Name
from anyapi.upstream.translate.reading import Object


class _Wrapped(msgspec.Struct):
    """The arguments of a custom tool's call: see `openai_responses_tools_to_openai_chat`."""

    input: str


NO_ARGUMENTS = "{}"
"""What a function's call holds where the model sent no arguments: readers take them for JSON, and an empty text is none."""

_wrapped = msgspec.json.Decoder(_Wrapped).decode


def text_part(text: str, annotations: Sequence[Object] = (), logprobs: Sequence[Object] = ()) -> Object:
    """An `output_text` part."""
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": logprobs}


def message(item_id: str, status: str, content: Sequence[object]) -> Object:
    """A `message` item."""
    return {"type": "message", "id": item_id, "status": status, "role": "assistant", "content": content}


def reasoning(item_id: str, status: str, gathered: Gathered, echo: Echo) -> Object:
    """A `reasoning` item."""
    text = gathered.text
    item: Object = {"type": "reasoning", "id": item_id, "summary": []}
    if text and echo.summary:
        item["summary"] = [{"type": "summary_text", "text": text}]
    elif text:
        item["content"] = [{"type": "reasoning_text", "text": text}]
    sealed = gathered.sealed(always=echo.sealed)
    if sealed is not None:
        item["encrypted_content"] = sealed  # never null: OpenAI's reference has that, Open Responses does not
    item["status"] = status
    return item


def call(item_id: str, status: str, call_id: str, name: Name, arguments: str) -> Object:
    """A `function_call` item, or a `custom_tool_call` for a custom tool."""
    item: Object = {"type": "function_call", "id": item_id, "status": status, "call_id": call_id, "name": name.name}
    if name.namespace is not None:
        item["namespace"] = name.namespace
    if name.custom:
        item["type"], item["input"] = "custom_tool_call", unwrapped(arguments)
    else:
        item["arguments"] = arguments
    return item


def unwrapped(arguments: str) -> str:
    """The input of a custom tool; what the model did not wrap as it was told is the input itself."""
    try:
        return _wrapped(arguments).input
    except (ValueError, RecursionError):
        return arguments
