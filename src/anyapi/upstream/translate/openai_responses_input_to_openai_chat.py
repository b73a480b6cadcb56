"""The `input` items of OpenAI's Responses API as the `messages` of a chat completion request.

Items of one assistant turn (reasoning, text, calls) become one message, because chat completions want every call in the message before
the results. `id` and `status` of an item are bookkeeping of a store that does not exist here and are not sent. Developer messages are
system messages: to OpenAI they are the same, to others the word is unknown.
"""

from collections.abc import Mapping

import msgspec

from anyapi.errors import BadRequest
from anyapi.upstream.translate import openai_responses_parts_to_openai_chat as parts
from anyapi.upstream.translate import openai_responses_reasoning as reasoning
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.hub_target import HUB, REASONING_CONTENT, REASONING_DETAILS, Target
from anyapi.upstream.translate.openai_responses_tools_to_openai_chat import joined
from anyapi.upstream.translate.reading import Object

ROLES: Mapping[str, str] = {"user": "user", "system": "system", "developer": "system", "assistant": "assistant"}

HOSTED = frozenset(
    {
        "file_search_call", "computer_call", "computer_call_output", "web_search_call", "tool_search_call", "tool_search_output",
        "additional_tools", "configuration_update", "compaction", "image_generation_call", "code_interpreter_call", "local_shell_call",
        "local_shell_call_output", "shell_call", "shell_call_output", "apply_patch_call", "apply_patch_call_output", "mcp_list_tools",
        "mcp_approval_request", "mcp_approval_response", "mcp_call", "compaction_trigger", "program", "program_output",
    }
)  # fmt: skip
"""Items that only OpenAI's own tools and models make or understand."""

_encode = msgspec.json.Encoder().encode


class _Turn:
    """The assistant's message in the making."""

    __slots__ = ("calls", "details", "parts", "spoke", "thoughts")

    def __init__(self) -> None:
        self.parts: list[Object] = []
        self.spoke = False
        self.calls: list[Object] = []
        self.thoughts: list[str] = []
        self.details: list[Object] = []

    def message(self, target: Target, notes: Adjustments) -> Object | None:
        """The message; None if there is nothing but reasoning, which no provider takes alone."""
        if not self.spoke and not self.calls:
            return None
        content: object = self.parts or (None if self.calls else "")
        if len(self.parts) == 1 and self.parts[0].keys() == {"type", "text"}:
            content = self.parts[0]["text"]
        made: Object = {"role": "assistant", "content": content}
        made |= self._reasoning(target, notes)
        if self.calls:
            made["tool_calls"] = self.calls
        return made

    def _reasoning(self, target: Target, notes: Adjustments) -> Object:
        """The message's reasoning, as far as the target understands it."""
        known: Object = {REASONING_CONTENT: "".join(self.thoughts), REASONING_DETAILS: self.details}
        given = {name: value for name, value in known.items() if value}
        if not target.extensions.issuperset(given):
            notes.note("input.reasoning")
        return {name: value for name, value in given.items() if name in target.extensions}


class Conversation:
    """Collects the messages. Call `finish` after the last `add`."""

    __slots__ = ("_notes", "_target", "_turn", "messages")

    def __init__(self, notes: Adjustments, target: Target = HUB) -> None:
        """`notes` collects what was changed; `target` says whether reasoning can be carried."""
        self._notes, self._target = notes, target
        self._turn: _Turn | None = None
        self.messages: list[Object] = []

    def add(self, value: object, where: str) -> None:
        """Translate one item, found at `where`. `BadRequest` names what is wrong or cannot be expressed."""
        item = reading.mapping(value, where)
        kind = item.get("type")
        if kind is None:
            kind = "message" if "role" in item else "item_reference"
        if kind == "message":
            self._message(item, where)
        elif kind == "function_call":
            arguments = reading.text(item.get("arguments"), f"{where}.arguments")
            self._call(item, where, arguments)
        elif kind == "custom_tool_call":
            wrapped = _encode({"input": reading.text(item.get("input"), f"{where}.input")}).decode()
            self._call(item, where, wrapped)
        elif kind in ("function_call_output", "custom_tool_call_output"):
            self._result(item, where)
        elif kind == "reasoning":
            self._reasoning(item, where)
        else:
            raise _refusal(kind, where)

    def finish(self) -> list[Object]:
        """All messages."""
        self._close()
        return self.messages

    def _message(self, item: Object, where: str) -> None:
        role = item.get("role")
        meant = ROLES.get(role) if isinstance(role, str) else None
        if meant is None:
            raise BadRequest(f"`{where}.role` must be user, assistant, system or developer.", f"{where}.role")
        if item.get("phase") is not None:
            self._notes.note("input.phase")
        if meant == "assistant":
            found = parts.listed(item.get("content"), f"{where}.content", self._notes, parts.ASSISTANT)
            turn = self._turn
            if turn is None or (turn.spoke and not turn.calls):
                turn = self._open()
            turn.spoke = True
            turn.parts += found
            return
        self._close()
        kinds = parts.USER if meant == "user" else parts.SYSTEM
        self.messages.append({"role": meant, "content": parts.content(item.get("content"), f"{where}.content", self._notes, kinds)})

    def _call(self, item: Object, where: str, arguments: str) -> None:
        caller = item.get("caller")
        if caller is not None and reading.mapping(caller, f"{where}.caller").get("type") != "direct":
            raise BadRequest(f"`{where}.caller`: calls made by a program at OpenAI cannot be given to this model.", f"{where}.caller")
        name = joined(item.get("namespace"), reading.text(item.get("name"), f"{where}.name"))
        turn = self._turn or self._open()
        identity = reading.text(item.get("call_id"), f"{where}.call_id")
        turn.calls.append({"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}})

    def _result(self, item: Object, where: str) -> None:
        identity = reading.text(item.get("call_id"), f"{where}.call_id")
        found = parts.content(item.get("output"), f"{where}.output", self._notes, parts.RESULT)
        self._close()
        self.messages.append({"role": "tool", "tool_call_id": identity, "content": found})

    def _reasoning(self, item: Object, where: str) -> None:
        thought = reasoning.read(item, where)
        turn = self._turn
        if turn is None or (turn.spoke and not turn.calls):
            turn = self._open()
        turn.thoughts.append(thought.text)
        turn.details += thought.details

    def _open(self) -> _Turn:
        self._close()
        self._turn = _Turn()
        return self._turn

    def _close(self) -> None:
        turn, self._turn = self._turn, None
        if turn is None:
            return
        message = turn.message(self._target, self._notes)
        if message is None:
            self._notes.note("input.reasoning")
        else:
            self.messages.append(message)


def _refusal(kind: object, where: str) -> BadRequest:
    if kind == "item_reference":
        return BadRequest(f"`{where}` refers to a stored item, and nothing is stored. Send the item itself.", where)
    if isinstance(kind, str) and kind in HOSTED:
        return BadRequest(f"`{where}`: an item of type {kind} cannot be given to this model. Leave it out.", where)
    return BadRequest(f"`{where}.type` is not a type of item that this model can be given.", f"{where}.type")
