"""A complete OpenAI chat completion as an Anthropic message. Pure; docs/translation.md is the list of what becomes what."""

from collections.abc import Mapping

import msgspec

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.upstream.translate import carried_reasoning
from anyapi.upstream.translate import chat_completion_wire as wire
from anyapi.upstream.translate.reading import Object

STOP: Mapping[str, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
"""Anthropic's `stop_reason` for OpenAI's `finish_reason`. One that is not listed is `end_turn`; OpenAI does not tell a stop sequence."""

BAD = Outcome(OutcomeKind.BAD_RESPONSE)
UNNAMED = "msg_unnamed"
"""The id of an answer that has none."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.decode


def translate(body: bytes, model: str = "") -> bytes | Outcome:
    """Translate an answer's body; an `Outcome` when it is an error or cannot be understood. Never raises.

    `model` is the name that the answer states, by default the provider's own.
    """
    try:
        completion = wire.decode(body)
        if not wire.is_empty(completion.error):
            return Outcome(OutcomeKind.SERVER_ERROR)
        choice = next((choice for choice in completion.choices or () if choice.index == 0), None)
        if choice is None or choice.message is None:
            return BAD
        said, finish = choice.message, choice.finish_reason
        content = _thinking(said) + _text(said) + _calls(said, cut=finish == "length")
        usage = wire.read_usage(completion.usage)
        return _encode(
            {
                "id": _first(completion.id, UNNAMED),
                "type": "message",
                "role": "assistant",
                "model": _first(model, completion.model),
                "content": content,
                "stop_reason": stop_reason(finish, called=bool(said.tool_calls)),
                "stop_sequence": None,
                "usage": wire.NOT_STATED if usage is None else usage.as_anthropic(),
            }
        )
    except (ValueError, RecursionError):
        return BAD


def _first(*names: str | None) -> str:
    """The first name that is one."""
    return next(filter(None, names), "")


def stop_reason(finish: str | None, *, called: bool) -> str:
    """Why it ended, in Anthropic's terms. Some providers say `stop` although tools are called."""
    reason = STOP.get(finish or "", "end_turn")
    return "tool_use" if called and reason == "end_turn" else reason


def _thinking(said: wire.Said) -> list[Object]:
    """The entries of `reasoning_details`; the plain text only where these hold no text, since providers give both."""
    details = said.details()
    found: list[Object] = []
    if not any(carried_reasoning.words_of(detail) for detail in details):
        plain = said.plain_reasoning() or wire.texts_of(said.content)[1]
        if plain:
            found.append({"type": "thinking", "thinking": plain, "signature": carried_reasoning.MARK})
    found += [carried_reasoning.block_of(detail) for detail in details]
    for call in said.tool_calls or ():
        if not wire.is_empty(call.extra_content):
            found.append(carried_reasoning.extra_block(call.id or "", call.extra_content))
    return found


def _text(said: wire.Said) -> list[Object]:
    text = wire.texts_of(said.content)[0] + (said.refusal or "")
    return [{"type": "text", "text": text}] if text else []


def _calls(said: wire.Said, *, cut: bool) -> list[Object]:
    """Raises ValueError for a call without id or name, and for arguments that are no object unless the answer was cut for its length."""
    found: list[Object] = []
    for call in said.tool_calls or ():
        function = call.function
        if function is None or not function.name or not call.id:
            raise ValueError("a tool call without id or name")
        arguments = msgspec.Raw((wire.arguments_of(function.arguments).strip() or "{}").encode())
        if not is_object(arguments):
            if not cut:
                raise ValueError("arguments are not an object")
            arguments = msgspec.Raw(b"{}")
        found.append({"type": "tool_use", "id": call.id, "name": function.name, "input": arguments})
    return found


def is_object(text: msgspec.Raw) -> bool:
    """Whether a text is a whole JSON object."""
    try:
        return isinstance(_decode(text), dict)
    except (ValueError, RecursionError):
        return False
