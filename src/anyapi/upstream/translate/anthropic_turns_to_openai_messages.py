"""Anthropic's `system` and `messages` as OpenAI messages.

A user's turn may hold tool results and more: the results become tool messages, in their order, and the rest a user's message behind them,
because OpenAI wants every result right after the calls. In an assistant's turn text, thinking and calls come apart, as OpenAI has them.
"""

from collections.abc import Mapping

import msgspec

from anyapi.errors import BadRequest
from anyapi.upstream.translate import anthropic_blocks_to_openai_parts as parts
from anyapi.upstream.translate import carried_reasoning, hub_target, raw_reading, reading
from anyapi.upstream.translate.hub_target import Carrier
from anyapi.upstream.translate.raw_reading import Fields, present
from anyapi.upstream.translate.reading import Object

MESSAGE = frozenset({"role", "content"})
DIRECT = {"type": "direct"}
"""Who makes a call as all do here: the model, and not a program of it."""
TOOL_USE = frozenset({"type", "id", "name", "input", "cache_control", "caller", "toolset_name"})
TOOL_RESULT = frozenset({"type", "tool_use_id", "content", "is_error", "cache_control", "toolset_name"})
SIGNED = frozenset({"signature", "data"})
MOVED = b'"What tool call %b returned:"'
"""Said before images and files that cannot stand in a tool's message; the call's id is a JSON string's inside."""


class Turns:
    """Collects the messages. Read `out` after the last `add`."""

    __slots__ = ("_carrier", "out")

    def __init__(self, carrier: Carrier) -> None:
        """`carrier` knows the target and collects what was changed."""
        self._carrier = carrier
        self.out: list[Object] = []

    def add_system(self, content: msgspec.Raw, where: str) -> None:
        """Translate system text (a string or blocks), found at `where`. Nothing comes of nothing."""
        found = self._content(content, where, parts.TEXT)
        if found:
            self.out.append({"role": "system", "content": parts.as_content(found)})

    def add(self, raw: msgspec.Raw, where: str) -> None:
        """Translate one turn, found at `where`. `BadRequest` names what is wrong or cannot be expressed."""
        message = raw_reading.mapping(raw, where)
        self._carrier.note_rest(message, MESSAGE, "messages")
        role = raw_reading.text(message.get("role"), f"{where}.role")
        content = message.get("content")
        if content is None:
            raise BadRequest(f"`{where}.content` is missing.", f"{where}.content")
        at = f"{where}.content"
        if role == "user":
            self._user(content, at)
        elif role == "assistant":
            assistant = _AssistantTurn(self._carrier)
            for number, block in enumerate(_blocks(content, at)):
                assistant.add(block, at if raw_reading.is_text(content) else f"{at}[{number}]")
            self.out.append(assistant.message())
        elif role == "system":
            self.add_system(content, at)
        else:
            raise BadRequest(f"`{where}.role` must be user, assistant or system.", f"{where}.role")

    def _content(self, content: msgspec.Raw, at: str, kinds: Mapping[str, parts.BlockReader]) -> list[Object]:
        found: list[Object] = []
        for number, block in enumerate(_blocks(content, at)):
            where = at if raw_reading.is_text(content) else f"{at}[{number}]"
            found += parts.parts_of(block, where, self._carrier, kinds)
        return found

    def _user(self, content: msgspec.Raw, at: str) -> None:
        blocks = _blocks(content, at)
        if not blocks:
            raise BadRequest(f"`{at}` is empty, which Anthropic does not accept.", at)
        said: list[Object] = []
        moved: list[Object] = []
        for number, block in enumerate(blocks):
            where = at if raw_reading.is_text(content) else f"{at}[{number}]"
            if raw_reading.kind_of(block, where) == "tool_result":
                if said:
                    self._carrier.notes.note("messages.order")
                moved += self._tool_result(block, where)
            else:
                said += parts.parts_of(block, where, self._carrier, parts.USER)
        if moved or said:
            self.out.append({"role": "user", "content": parts.as_content(moved + said)})

    def _tool_result(self, block: Fields, where: str) -> list[Object]:
        """Add a tool's message; give back what of the result must stand in a user's message, with a line that says of which call."""
        carrier = self._carrier
        carrier.note_rest(block, TOOL_RESULT, "messages")
        call = raw_reading.raw_text(block.get("tool_use_id"), f"{where}.tool_use_id")
        inside: list[Object] = []
        moved: list[Object] = []
        content = present(block, "content")
        if content is not None:
            for number, item in enumerate(_blocks(content, f"{where}.content")):
                at = f"{where}.content" if raw_reading.is_text(content) else f"{where}.content[{number}]"
                for part in self._result_parts(item, at):
                    (inside if self._stays(part) else moved).append(part)
        message: Object = {"role": "tool", "tool_call_id": call, "content": parts.as_content(inside)}
        if raw_reading.flag(present(block, "is_error"), f"{where}.is_error"):
            if carrier.keeps(hub_target.IS_ERROR):
                message["is_error"] = True
            else:
                carrier.notes.note("messages.tool_result.is_error")
        carrier.cache(block, message)
        self.out.append(message)
        if not moved:
            return []
        carrier.notes.note("messages.tool_result.content")
        return [parts.text_part(msgspec.Raw(MOVED % bytes(memoryview(call)[1:-1]))), *moved]

    def _result_parts(self, item: Fields, at: str) -> list[Object]:
        """The parts of one block of a result; a reference to a tool is its name, since all tools are sent anyway."""
        if raw_reading.kind_of(item, at) == "tool_reference":
            self._carrier.notes.note("messages.tool_reference")
            return [parts.text_part(raw_reading.raw_text(item.get("tool_name"), f"{at}.tool_name"))]
        return parts.parts_of(item, at, self._carrier, parts.USER)

    def _stays(self, part: Object) -> bool:
        return part["type"] == "text" or (part["type"] == "image_url" and self._carrier.keeps(hub_target.TOOL_IMAGES))


class _AssistantTurn:
    """Gathers the blocks of one turn by kind."""

    __slots__ = ("_calls", "_carrier", "_control", "_details", "_extras", "_said")

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._said: list[Object] = []
        self._details: list[Object] = []
        self._calls: list[Object] = []
        self._extras: dict[str, object] = {}
        self._control: msgspec.Raw | None = None
        """The cache mark of the last block, if that is a call: on the message it means the last block."""

    def add(self, block: Fields, where: str) -> None:
        if self._control is not None:
            self._carrier.notes.note(hub_target.CACHE_CONTROL)
            self._control = None
        kind = raw_reading.kind_of(block, where)
        if kind == "tool_use":
            self._calls.append(self._call(block, where))
        elif kind in ("thinking", "redacted_thinking"):
            if self._said or self._calls:
                self._carrier.notes.note("messages.order")
            self._think(block, where)
        elif kind == "text":
            if self._calls:
                self._carrier.notes.note("messages.order")
            self._said += parts.parts_of(block, where, self._carrier, parts.TEXT)
        else:
            known = "text, thinking, redacted_thinking or tool_use"
            raise raw_reading.refuse_other_kind(where, known, "what Anthropic's server tools left cannot be sent to another provider.")

    def message(self) -> Object:
        """The whole message."""
        made: Object = {"role": "assistant", "content": parts.as_content(self._said) if self._said or not self._calls else None}
        if self._calls:
            for call in self._calls:
                extra = self._extras.get(_plain(call["id"]))
                if extra is not None:
                    call["extra_content"] = extra
            made["tool_calls"] = self._calls
        self._add_thinking(made)
        if self._control is not None:
            self._carrier.cache({"cache_control": self._control}, made)
        return made

    def _call(self, block: Fields, where: str) -> Object:
        carrier = self._carrier
        carrier.note_rest(block, TOOL_USE, "messages")
        for name in ("caller", "toolset_name"):
            value = present(block, name)
            if value is not None and reading.decode(value, f"{where}.{name}") != DIRECT:
                carrier.notes.note(f"messages.tool_use.{name}")
        self._control = present(block, "cache_control")
        arguments = bytes(raw_reading.raw_mapping(block.get("input"), f"{where}.input")).decode()
        named = raw_reading.raw_text(block.get("name"), f"{where}.name")
        call = raw_reading.raw_text(block.get("id"), f"{where}.id")
        return {"id": call, "type": "function", "function": {"name": named, "arguments": arguments}}

    def _think(self, block: Fields, where: str) -> None:
        detail = carried_reasoning.detail_of(block, where, len(self._details))
        if detail is None:
            self._carrier.notes.note("messages.thinking")
        elif detail.get("type") != carried_reasoning.TOOL_CALL:
            self._details.append(detail)
        elif self._carrier.keeps(hub_target.EXTRA_CONTENT):
            self._extras[str(detail.get("id"))] = detail.get("extra_content")
        else:
            self._carrier.notes.note("messages.thinking")

    def _add_thinking(self, made: Object) -> None:
        """Signed and sealed thinking as details; what nobody signed also as plain text, which some providers want back."""
        if not self._details:
            return
        carrier = self._carrier
        plain = [carried_reasoning.words_of(detail) or "" for detail in self._details if not SIGNED & detail.keys()]
        if any(plain) and carrier.keeps(hub_target.REASONING_CONTENT):
            made["reasoning_content"] = "".join(plain)
        if carrier.keeps(hub_target.REASONING_DETAILS):
            made["reasoning_details"] = self._details
        elif len(plain) < len(self._details) or "reasoning_content" not in made:
            carrier.notes.note("messages.thinking")


def _blocks(content: msgspec.Raw, at: str) -> list[Fields]:
    """The blocks of a content; a string is one block of text."""
    if raw_reading.is_text(content):
        return [{"type": msgspec.Raw(b'"text"'), "text": content}]
    return [raw_reading.mapping(raw, f"{at}[{number}]") for number, raw in enumerate(raw_reading.sequence(content, at))]


def _plain(call: object) -> str:
    return raw_reading.text(call, "messages.tool_calls.id") if isinstance(call, msgspec.Raw) else ""
