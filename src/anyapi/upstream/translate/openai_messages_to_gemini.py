"""OpenAI's `messages` as Gemini's `systemInstruction` and `contents`.

System and developer messages become parts of `systemInstruction`; one that stands later than the first turn moves there too, which is
noted. Consecutive tool messages become one turn of function responses, in the order of the calls, because models up to 2.5 pair them
by order. Thought signatures go back where they came from: on the function call whose `extra_content`, or whose id in
`reasoning_details`, carries one. Other keys of a message (`annotations`, `id`, ...) have no counterpart and are not sent.
"""

import msgspec

from anyapi.errors import BadRequest
from anyapi.upstream.translate import openai_parts_to_gemini as parts
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.chat_reading import calls_of, spoken
from anyapi.upstream.translate.gemini_generation import Generation
from anyapi.upstream.translate.openai_tools_to_gemini import function_name
from anyapi.upstream.translate.reading import Object

FOREIGN_SIGNATURE = "skip_thought_signature_validator"
"""What Google documents for a call that no Gemini model made: without any signature the turn is refused."""


class _Details(msgspec.Struct):
    """What `reasoning_details` of one message give back."""

    thoughts: list[Object] = []
    seals: list[Object] = []
    """Signatures that stood on text."""
    calls: dict[str, str] = {}
    """Signatures by the id of their call."""


class Conversation:
    """Collects the turns. Read `system` and `turns` after `finish`."""

    __slots__ = ("_generation", "_names", "_notes", "_order", "_results", "system", "turns")

    def __init__(self, generation: Generation, notes: Adjustments) -> None:
        """`notes` collects what was changed."""
        self._generation = generation
        self._notes = notes
        self._names: dict[str, str] = {}
        self._order: dict[str, int] = {}
        self._results: list[tuple[int, Object]] = []
        self.system: list[Object] = []
        self.turns: list[tuple[str, list[Object]]] = []
        """Role and parts of each."""

    def add(self, value: object, where: str) -> None:
        """Translate one message, found at `where`. `BadRequest` names what is wrong or cannot be expressed."""
        message = reading.mapping(value, where)
        role = message.get("role")
        parts.note_cache_control(message, self._notes)
        if message.get("name") is not None and role != "tool":
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

    def finish(self) -> None:
        """Close the last turn, and see to it that the calls of the current turn are signed."""
        self._close_results()
        if self._generation.signs_calls:
            self._sign_current_turn()

    def _system(self, message: Object, where: str) -> None:
        if self.turns or self._results:
            self._notes.note("messages.system")
        self.system += parts.parts(message.get("content"), f"{where}.content", self._notes, parts.TEXT)

    def _user(self, message: Object, where: str) -> None:
        found = parts.parts(message.get("content"), f"{where}.content", self._notes, parts.USER)
        if not found:
            raise BadRequest(f"`{where}.content` is empty, which Gemini does not accept.", f"{where}.content")
        self._close_results()
        self.turns.append(("user", found))

    def _tool(self, message: Object, where: str) -> None:
        call = reading.text(message.get("tool_call_id"), f"{where}.tool_call_id")
        name = self._name_of(call, message, where)
        content = parts.parts(message.get("content"), f"{where}.content", self._notes, parts.TOOL)
        media = [part for part in content if "text" not in part]
        if media and not self._generation.sees_results:
            raise BadRequest(
                f"`{where}.content` holds an image or file, which this model cannot take as a tool's result.", f"{where}.content"
            )
        output = "".join(str(part["text"]) for part in content if "text" in part)
        failed = message.get("is_error") is not None and reading.flag(message["is_error"], f"{where}.is_error")
        response: Object = {"name": name, "response": {"error" if failed else "output": output}}
        if media:
            response["parts"] = media
        if self._generation.signs_calls:
            response["id"] = call
        self._results.append((self._order.get(call, len(self._order)), {"functionResponse": response}))

    def _name_of(self, call: str, message: Object, where: str) -> str:
        """The name of the function that was called, which Gemini must be told: the call's, else the message's own."""
        known, given = self._names.get(call), message.get("name")
        if known is None and given is None:
            field = f"{where}.tool_call_id"
            raise BadRequest(f"`{field}` belongs to no call in an earlier message, and Gemini must be told the function's name.", field)
        return function_name(given, f"{where}.name") if known is None else known

    def _close_results(self) -> None:
        if self._results:
            self._results.sort(key=lambda pair: pair[0])
            self.turns.append(("user", [part for _, part in self._results]))
            self._results = []

    def _assistant(self, message: Object, where: str) -> None:
        said = spoken(message, where, "Gemini")
        details = self._details(message, where)
        found = parts.parts(*said, self._notes, parts.ASSISTANT) if said else []
        self._close_results()
        calls = self._calls(message.get("tool_calls"), f"{where}.tool_calls", details.calls)
        found = details.thoughts + found + details.seals + calls
        if found:
            self.turns.append(("model", found))

    def _calls(self, value: object, where: str, signatures: dict[str, str]) -> list[Object]:
        """Translate `tool_calls`."""
        found: list[Object] = []
        if value:
            self._order = {}
        for number, call in enumerate(calls_of(value, where, "Gemini")):
            name = function_name(call.name, f"{call.where}.function.name")
            self._names[call.id] = name
            self._order.setdefault(call.id, number)
            made: Object = {"name": name, "args": call.arguments}
            if self._generation.signs_calls:
                made["id"] = call.id
            part: Object = {"functionCall": made}
            by_id = signatures.pop(call.id, None)
            signature = _signature(call.source) or by_id
            if signature:
                part["thoughtSignature"] = signature
            found.append(part)
        if signatures:
            self._notes.note("messages.reasoning_details")
        return found

    def _details(self, message: Object, where: str) -> _Details:
        """Give back thoughts and signatures that Gemini made. The rest is left out, noted."""
        made = _Details()
        details = message.get("reasoning_details")
        if details is None:
            if any(message.get(name) for name in ("reasoning_content", "reasoning")):
                self._notes.note("messages.reasoning_content")
            return made
        at = f"{where}.reasoning_details"
        for number, value in enumerate(reading.sequence(details, at)):
            if not _give_back(reading.mapping(value, f"{at}[{number}]"), made):
                self._notes.note("messages.reasoning_details")
        return made

    def _sign_current_turn(self) -> None:
        """Google wants a signature on the first call of every step since the last words of a user."""
        for role, found in reversed(self.turns):
            if role == "user":
                if any("functionResponse" not in part for part in found):
                    return
                continue
            first = next((part for part in found if "functionCall" in part), None)
            if first is not None and "thoughtSignature" not in first:
                first["thoughtSignature"] = FOREIGN_SIGNATURE
                self._notes.note("messages.tool_calls.extra_content")


def _give_back(detail: Object, made: _Details) -> bool:
    """Sort one detail in; False if Gemini did not make it."""
    if not _text(detail, "format").startswith("google"):
        return False
    if detail.get("type") == "reasoning.text":
        return _give_thought_back(_text(detail, "text"), _text(detail, "signature"), made)
    data, id_ = _text(detail, "data"), _text(detail, "id")
    if detail.get("type") != "reasoning.encrypted" or not data:
        return False
    if id_:
        made.calls[id_] = data
    else:
        made.seals.append({"text": "", "thoughtSignature": data})
    return True


def _give_thought_back(text: str, signature: str, made: _Details) -> bool:
    signed: Object = {"thoughtSignature": signature} if signature else {}
    if not text and not signed:
        return False
    made.thoughts.append({"text": text, "thought": True, **signed})
    return True


def _text(detail: Object, name: str) -> str:
    """A string of a detail, empty if it is none: what a client did not keep whole is as good as lost."""
    found = detail.get(name)
    return found if isinstance(found, str) else ""


def _signature(call: Object) -> str | None:
    """The signature that Google's own OpenAI endpoint puts on a call, and that clients send back."""
    found: object = call
    for name in ("extra_content", "google", "thought_signature"):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) and found else None
