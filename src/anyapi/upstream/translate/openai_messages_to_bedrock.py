"""OpenAI's `messages` as Converse's `system` and `messages`.

System and developer messages become `system` blocks, in their order; one that stands later than the first turn moves there too, which
is noted. Bedrock wants the turns of user and assistant to alternate, so neighbours of one role become one turn; results of tools belong to
the user. Other keys of a message (`annotations`, `id`, ...) have no counterpart and are not sent.
"""

import re

from anyapi.errors import BadRequest
from anyapi.upstream.translate import openai_parts_to_bedrock as parts
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.bedrock_family import Family
from anyapi.upstream.translate.bedrock_wire import FORMAT
from anyapi.upstream.translate.chat_reading import calls_of, spoken
from anyapi.upstream.translate.reading import Object

ID = re.compile(r"[^A-Za-z0-9_.:-]")
"""What may not stand in a tool call's id at Bedrock; ids that other providers made may hold it."""

LONGEST_ID = 64


class Conversation:
    """Collects the turns. Read `system`, `turns` and `called` after the last `add`."""

    __slots__ = ("_family", "_ids", "_parts", "_taken", "called", "system", "turns", "unsigned_calls")

    def __init__(self, family: Family, made: parts.Parts) -> None:
        """`family` of the model decides whose reasoning may go back; `made` translates parts and collects what was changed."""
        self._family, self._parts = family, made
        self._ids: dict[str, str] = {}
        self._taken: set[str] = set()
        self.system: list[Object] = []
        self.turns: list[Object] = []
        self.called: dict[str, None] = {}
        """Names of the tools that the conversation holds calls of, in order."""
        self.unsigned_calls = False
        """The last assistant turn calls tools and carries no signed thinking: thinking with a budget cannot be resumed after it."""

    def add(self, value: object, where: str) -> None:
        """Translate one message, found at `where`. `BadRequest` names what is wrong or cannot be expressed."""
        message = reading.mapping(value, where)
        role = message.get("role")
        if message.get("name") is not None:
            self._parts.notes.note("messages.name")
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

    def append_to_last(self, blocks: list[Object]) -> None:
        """Put blocks at the end of the last turn."""
        if self.turns and blocks:
            self._append(str(self.turns[-1]["role"]), blocks)

    def _append(self, role: str, blocks: list[Object]) -> None:
        if self.turns and self.turns[-1]["role"] == role:
            content = self.turns[-1]["content"]
            if isinstance(content, list):
                content += blocks
        else:
            self.turns.append({"role": role, "content": blocks})

    def _system(self, message: Object, where: str) -> None:
        if self.turns:
            self._parts.notes.note("messages.system")
        found = self._parts.blocks(message.get("content"), f"{where}.content", parts.TEXT)
        self.system += self._cached(message, found, where)

    def _user(self, message: Object, where: str) -> None:
        found = self._parts.blocks(message.get("content"), f"{where}.content", parts.USER)
        if not found:
            raise BadRequest(f"`{where}.content` is empty, which Bedrock does not accept.", f"{where}.content")
        if any("document" in block for block in found) and not any("text" in block for block in found):
            raise BadRequest(f"`{where}.content` holds a file and no text, which Bedrock does not accept. Add a text.", f"{where}.content")
        self._append("user", self._cached(message, found, where))

    def _tool(self, message: Object, where: str) -> None:
        call = reading.text(message.get("tool_call_id"), f"{where}.tool_call_id")
        found = self._parts.blocks(message.get("content"), f"{where}.content", parts.TOOL)
        points = [block for block in found if "cachePoint" in block][-1:]  # not taken inside a result: it follows
        content = [block for block in found if "cachePoint" not in block]
        result: Object = {"toolResult": {"toolUseId": self._id(call), "content": content}}
        self._append("user", self._cached(message, [result, *points], where))

    def _assistant(self, message: Object, where: str) -> None:
        said = spoken(message, where, "Bedrock")
        thinking = self._thinking(message, where)
        found = self._parts.blocks(*said, parts.ASSISTANT) if said else []
        calls = self._calls(message.get("tool_calls"), f"{where}.tool_calls")
        self.unsigned_calls = bool(calls) and not thinking
        found = thinking + found + calls
        if found:  # an empty answer in the history is no turn: Bedrock refuses it
            self._append("assistant", self._cached(message, found, where))

    def _calls(self, value: object, where: str) -> list[Object]:
        """Translate `tool_calls`."""
        found: list[Object] = []
        for call in calls_of(value, where, "Bedrock"):
            self.called[call.name] = None
            found.append({"toolUse": {"toolUseId": self._id(call.id), "name": call.name, "input": call.arguments}})
        return found

    def _thinking(self, message: Object, where: str) -> list[Object]:
        """Give back the reasoning that `reasoning_details` carry, where this model can take it. The rest is left out, noted."""
        notes = self._parts.notes
        details = message.get("reasoning_details")
        if details is None:
            if any(message.get(name) for name in ("reasoning_content", "reasoning")):
                notes.note("messages.reasoning_content")
            return []
        found: list[Object] = []
        at = f"{where}.reasoning_details"
        for number, value in enumerate(reading.sequence(details, at)):
            block = _reasoning_block(reading.mapping(value, f"{at}[{number}]"), self._family)
            if block is None:
                notes.note("messages.reasoning_details")
            else:
                found.append({"reasoningContent": block})
        return found

    def _id(self, theirs: str) -> str:
        """A tool call's id in Bedrock's alphabet and length, the same for a call and its result, and different for different calls."""
        known = self._ids.get(theirs)
        if known is None:
            plain, number = ID.sub("_", theirs) or "_", len(self._taken)
            known = plain[:LONGEST_ID]
            while known in self._taken:
                known = f"{plain[: LONGEST_ID - 10]}_{number}"
                number += 1
            self._ids[theirs] = known
            self._taken.add(known)
        return known

    def _cached(self, message: Object, found: list[Object], where: str) -> list[Object]:
        """A `cache_control` on the message means its last block."""
        if found and "cachePoint" not in found[-1]:
            return found + self._parts.cache_point(message, where)
        return found


def _reasoning_block(detail: Object, family: Family) -> Object | None:
    """One block of reasoning, None if this model did not make it or does not take it back."""
    made_by, kind = detail.get("format"), detail.get("type")
    if not _takes_back(family, made_by):
        return None
    if kind == "reasoning.text":
        text, signature = _text(detail, "text"), _text(detail, "signature")
        if signature:
            return {"reasoningText": {"text": text, "signature": signature}}
        return None if family is Family.CLAUDE else {"reasoningText": {"text": text}}
    if kind == "reasoning.encrypted" and made_by == FORMAT and _text(detail, "data"):
        return {"redactedContent": detail["data"]}  # what Anthropic itself sealed is not written as Bedrock writes it
    return None


def _text(detail: Object, name: str) -> str:
    value = detail.get(name)
    return value if isinstance(value, str) else ""


def _takes_back(family: Family, made_by: object) -> bool:
    """Whether a model may see reasoning of that format. Claude's signatures hold wherever Claude runs."""
    if family is Family.CLAUDE:
        return made_by is None or (isinstance(made_by, str) and (made_by == FORMAT or made_by.startswith("anthropic")))
    return made_by == FORMAT and family is not Family.DEEPSEEK  # which refuses reasoning in the history
