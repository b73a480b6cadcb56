"""OpenAI's `messages` as Anthropic's `system` and `messages`.

System and developer messages become `system` blocks, in their order; one that stands later than the first turn moves there too, which
is noted. Consecutive tool messages, and the user message after them, become one user turn, because Anthropic wants every result in the
turn that follows the calls. Other keys of a message (`annotations`, `id`, ...) have no counterpart and are not sent.
"""

import re

from anyapi.errors import BadRequest
from anyapi.upstream.translate import openai_parts_to_anthropic as parts
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.chat_reading import calls_of, spoken
from anyapi.upstream.translate.reading import Object

ID = re.compile(r"[^A-Za-z0-9_-]")
"""What may not stand in a tool call's id at Anthropic; ids that other providers made may hold it."""


class Conversation:
    """Collects the turns. Read `system` and `turns` after the last `add`."""

    __slots__ = ("_ids", "_notes", "_results", "_taken", "system", "turns", "unsigned_calls")

    def __init__(self, notes: Adjustments) -> None:
        """`notes` collects what was changed."""
        self._notes = notes
        self._ids: dict[str, str] = {}
        self._taken: set[str] = set()
        self._results: list[Object] | None = None
        self.system: list[Object] = []
        self.turns: list[Object] = []
        self.unsigned_calls = False
        """The last assistant turn calls tools and carries no signed thinking: thinking with a budget cannot be resumed after it."""

    def add(self, value: object, where: str) -> None:
        """Translate one message, found at `where`. `BadRequest` names what is wrong or cannot be expressed."""
        message = reading.mapping(value, where)
        role = message.get("role")
        if message.get("name") is not None:
            self._notes.note("messages.name")
        if role == "user":
            self._user(message, where)
        elif role == "assistant":
            self._assistant(message, where)
        elif role == "tool":
            self._tool(message, where)
        elif role in ("system", "developer"):
            self._system(message, where)
        else:
            raise BadRequest(f"`{where}.role` must be system, developer, user, assistant or tool.", f"{where}.role")

    @property
    def ends_with_assistant(self) -> bool:
        """Whether the last turn is the assistant's."""
        return bool(self.turns) and self.turns[-1]["role"] == "assistant"

    def _system(self, message: Object, where: str) -> None:
        if self.turns:
            self._notes.note("messages.system")
        found = parts.blocks(message.get("content"), f"{where}.content", self._notes, parts.TEXT)
        self._cache_last(message, found, where)
        self.system += found

    def _user(self, message: Object, where: str) -> None:
        found = parts.blocks(message.get("content"), f"{where}.content", self._notes, parts.USER)
        if not found:
            raise BadRequest(f"`{where}.content` is empty, which Anthropic does not accept.", f"{where}.content")
        self._cache_last(message, found, where)
        if self._results is not None:
            self._results += found
            self._results = None
        else:
            self.turns.append({"role": "user", "content": found})

    def _tool(self, message: Object, where: str) -> None:
        call = reading.text(message.get("tool_call_id"), f"{where}.tool_call_id")
        result: Object = {"type": "tool_result", "tool_use_id": self._id(call)}
        found = parts.blocks(message.get("content"), f"{where}.content", self._notes, parts.TOOL)
        if found:
            result["content"] = found
        if message.get("is_error") is not None:  # not OpenAI's: what a request in Anthropic's format said
            result["is_error"] = reading.flag(message["is_error"], f"{where}.is_error")
        parts.keep_cache_control(message, result, where)
        if self._results is None:
            self._results = []
            self.turns.append({"role": "user", "content": self._results})
        self._results.append(result)

    def _assistant(self, message: Object, where: str) -> None:
        said = spoken(message, where, "Anthropic")
        thinking = self._thinking(message, where)
        found = parts.blocks(*said, self._notes, parts.ASSISTANT) if said else []
        calls = self._calls(message.get("tool_calls"), f"{where}.tool_calls")
        self.unsigned_calls = bool(calls) and not thinking
        found = thinking + found + calls
        if not found:
            return  # an empty answer in the history: Anthropic refuses an empty turn, and joins its neighbours
        self._cache_last(message, found, where)
        self._results = None
        self.turns.append({"role": "assistant", "content": found})

    def _calls(self, value: object, where: str) -> list[Object]:
        """Translate `tool_calls`."""
        return [
            {"type": "tool_use", "id": self._id(call.id), "name": call.name, "input": call.arguments}
            for call in calls_of(value, where, "Anthropic")
        ]

    def _thinking(self, message: Object, where: str) -> list[Object]:
        """Give back the thinking that `reasoning_details` carry: signed text, or what the provider sealed. The rest is left out, noted."""
        details = message.get("reasoning_details")
        if details is None:
            if any(message.get(name) for name in ("reasoning_content", "reasoning")):
                self._notes.note("messages.reasoning_content")
            return []
        found: list[Object] = []
        at = f"{where}.reasoning_details"
        for number, value in enumerate(reading.sequence(details, at)):
            block = _thinking_block(reading.mapping(value, f"{at}[{number}]"))
            if block is None:
                self._notes.note("messages.reasoning_details")
            else:
                found.append(block)
        return found

    def _id(self, theirs: str) -> str:
        """A tool call's id in Anthropic's alphabet, the same for a call and its result, and different for different calls."""
        known = self._ids.get(theirs)
        if known is None:
            known = plain = ID.sub("_", theirs) or "_"
            while known in self._taken:
                known = f"{plain}_{len(self._taken)}"
            self._ids[theirs] = known
            self._taken.add(known)
        return known

    @staticmethod
    def _cache_last(message: Object, found: list[Object], where: str) -> None:
        """A `cache_control` on the message means its last block."""
        if found and "cache_control" not in found[-1]:
            parts.keep_cache_control(message, found[-1], where)


def _thinking_block(detail: Object) -> Object | None:
    """One thinking block, None if Anthropic did not make or sign it."""
    made_by = detail.get("format")
    if isinstance(made_by, str) and not made_by.startswith("anthropic"):
        return None
    text, signature, data = detail.get("text"), detail.get("signature"), detail.get("data")
    if detail.get("type") == "reasoning.text" and isinstance(signature, str) and signature:
        return {"type": "thinking", "thinking": text if isinstance(text, str) else "", "signature": signature}
    if detail.get("type") == "reasoning.encrypted" and isinstance(data, str) and data:
        return {"type": "redacted_thinking", "data": data}
    return None
