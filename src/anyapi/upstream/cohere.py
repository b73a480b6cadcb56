"""Cohere's chat API, version 2, whole: pure functions for request, answer and stream, and the adapter that puts them together.

Opens no connection and knows no credential; the base URL ends in the version (`/v2`). docs/translation.md lists what becomes what.
Sources: Cohere's OpenAPI description of August 2026; its guides to reasoning, tools, structured outputs and images; its list of errors.
"""

import re
from collections.abc import Mapping
from typing import Annotated, TypeAlias, TypeVar

import msgspec

from anyapi.domain.catalogue import Endpoint
from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.domain.usage import TokenCount
from anyapi.errors import BadRequest
from anyapi.upstream.adapter import Answer, OutboundChat, Prepared, ProviderRow, Translating
from anyapi.upstream.classify import classify_openai, kind_of_status
from anyapi.upstream.translate import chat_chunks, chat_completion_wire, chat_reading, openai_reasoning_to_gemini, reading
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.carried_reasoning import unsigned_words
from anyapi.upstream.translate.chat_fields import COMMON, HINTS, UNSAID, ChatFields, Rules, hides_reasoning
from anyapi.upstream.translate.openai_parts_to_gemini import note_cache_control
from anyapi.upstream.translate.reading import Object

RULES = Rules("Cohere", COMMON | {"seed", "logprobs", "frequency_penalty", "presence_penalty"}, UNSAID, HINTS | {"cache_control"})
PARTS = {**dict.fromkeys(("system", "developer", "tool"), ("text",)), "user": ("text", "image_url"), "assistant": ("text", "refusal")}
NOTED = {"cache_control": "cache_control", "name": "messages.name", "is_error": "messages.tool_result.is_error"}
DETAILS, TOOL_NAME = ("auto", "low", "high"), re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
BUDGETS: Mapping[str, int] = {"minimal": 1024, "low": 2048, "medium": 8192}
"""Tokens of thinking, before the cap by `max_tokens`. From `high` on none is set, which is Cohere's advice."""
MOST_STOPS, MOST_TOP_K, LARGEST_SEED, TOP_P = 5, 500, 2**64 - 1, (0.01, 0.99)
FINISH: Mapping[str, str] = {"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls"}
FAILED: Mapping[str, OutcomeKind] = {"ERROR": OutcomeKind.SERVER_ERROR, "TIMEOUT": OutcomeKind.TIMED_OUT}  # no answer
STATUSES: Mapping[int, OutcomeKind] = {498: OutcomeKind.CONTENT_REFUSED, 499: OutcomeKind.SERVER_ERROR, 501: OutcomeKind.BAD_RESPONSE}
"""A word on Cohere's list was asked or answered; cancelled, but not by us; this model cannot do it, another may."""
T = TypeVar("T")
Number: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1_000_000_000)]


class _Piece(msgspec.Struct):
    text: str = ""
    thinking: str = ""
    logprobs: list[float] = []


class _Frame(msgspec.Struct):
    """An answer, its message, its usage, an event, or what that adds. Where a message has a list, an event has one of its members."""

    type: str = ""
    index: int = 0
    id: str | None = None
    delta: "_Frame | None" = None
    message: "_Frame | None" = None
    content: _Piece | list[_Piece] | None = None
    tool_plan: str = ""
    tool_calls: chat_completion_wire.ToolCall | list[chat_completion_wire.ToolCall] | None = None
    logprobs: _Piece | list[_Piece] | None = None
    finish_reason: str | None = None
    error: str | None = None
    usage: msgspec.Raw = chat_completion_wire.NULL
    billed_units: dict[str, Number | None] | None = None
    tokens: dict[str, Number | None] | None = None
    cached_tokens: Number | None = None


_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(_Frame).decode


def request_of(fields: Mapping[str, msgspec.Raw], endpoint: Endpoint, drops: frozenset[str]) -> tuple[Object, tuple[str, ...]]:
    """The body for one endpoint, and the names of what was changed or left out. `fields` is not changed. Raises `BadRequest` alone."""
    source, able = ChatFields(fields, drops, Adjustments()), endpoint.capabilities
    source.settle_rest(RULES)
    messages = reading.sequence(source.get("messages"), "messages")
    turns = [_turn(value, f"messages[{at}]", source.notes, thinks=able.reasoning) for at, value in enumerate(messages)]
    if not any(turns):
        raise BadRequest("`messages` must hold at least one message with content.", "messages")
    limit, schema = source.max_tokens(endpoint.max_output_tokens), source.json_format(able=able.structured_outputs, mixes=False)
    form = None if schema is None else {"type": "json_object", **({"json_schema": schema} if schema else {})}
    body: Object = {"model": endpoint.upstream_model, "messages": [turn for turn in turns if turn], "max_tokens": limit}
    body |= _tools(source, endpoint) | _sampling(source)
    body |= {"thinking": _thinking(source, limit, able=able.reasoning), "response_format": form}
    return {name: value for name, value in body.items() if value is not None}, source.notes.names


def _turn(value: object, where: str, notes: Adjustments, *, thinks: bool) -> Object | None:
    """One message; None for one of the system's or the assistant's that says nothing."""
    message = reading.mapping(value, where)
    role = message.get("role")
    if not isinstance(role, str) or role not in PARTS:
        raise BadRequest(f"`{where}.role` must be system, developer, user, assistant or tool.", f"{where}.role")
    notes.note_held(message, NOTED)
    if role == "assistant":
        return _assistant(message, where, notes, thinks=thinks)
    content = _parts(message.get("content"), f"{where}.content", role, notes)
    if role == "tool":
        return {"role": role, "tool_call_id": reading.text(message.get("tool_call_id"), f"{where}.tool_call_id"), "content": content or ""}
    if role == "user" and not content:
        raise BadRequest(f"`{where}.content` is empty, which Cohere does not accept.", f"{where}.content")
    return {"role": "system" if role == "developer" else role, "content": content} if content else None


def _assistant(message: Object, where: str, notes: Adjustments, *, thinks: bool) -> Object | None:
    """Text beside calls is their `tool_plan`, Cohere's name for what is said before a call. Thinking goes back that nobody signed."""
    spoken = chat_reading.spoken(message, where, "Cohere")
    said = _parts(*spoken, "assistant", notes) if spoken else []
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": chat_reading.written(call.arguments).decode()}}
        for call in chat_reading.calls_of(message.get("tool_calls"), f"{where}.tool_calls", "Cohere")
    ]
    thoughts: list[Object] = [{"type": "thinking", "thinking": words} for words in unsigned_words(message, notes, able=thinks)]
    made: Object = {"role": "assistant", "content": thoughts + said}
    if calls:
        made |= {"content": thoughts, "tool_plan": "".join(str(part["text"]) for part in said), "tool_calls": calls}
    return {name: value for name, value in made.items() if value} if calls or said else None


def _parts(content: object, where: str, role: str, notes: Adjustments) -> list[Object]:
    """Text and images; empty text gives no part."""
    found: list[Object] = []
    for kind, part, at in chat_reading.parts_of(content, where, PARTS[role], "Cohere"):
        note_cache_control(part, notes)
        if kind == "image_url":
            url, detail = chat_reading.image_of(part, at, DETAILS, notes)
            found.append({"type": kind, kind: {"url": url, **({"detail": detail} if detail else {})}})
        elif text := reading.text(part.get(kind), f"{at}.{kind}"):
            found.append({"type": "text", "text": text})
    return found


def _tools(source: ChatFields, endpoint: Endpoint) -> Object:
    """Tools, and which is called. A named one is offered alone and required, because Cohere has no other words for that."""
    tools, notes = list(chat_reading.tools_of(source.get("tools"), "Cohere")), source.notes
    mode, named = chat_reading.choice_of(source.get("tool_choice"), tools, "Cohere")
    if not tools:
        return {}
    if source.flag("parallel_tool_calls") is False:
        notes.note("parallel_tool_calls")
    if mode != "auto" and f"{endpoint.upstream_model}-".startswith("command-r-"):
        raise BadRequest("`tool_choice` must be auto: this model of Cohere's came before there was a choice.", "tool_choice")
    offered = [_tool(tool, notes) for tool in tools if named in (None, tool.name)]
    if not offered:
        raise BadRequest("`tool_choice` names a function that `tools` does not hold.", "tool_choice")
    if len(offered) < len(tools):
        notes.note("tools")
    return {"tools": offered, "tool_choice": None if mode == "auto" else mode.upper(), "strict_tools": _strict(tools, endpoint, notes)}


def _strict(tools: list[chat_reading.Tool], endpoint: Endpoint, notes: Adjustments) -> bool | None:
    able = endpoint.capabilities.structured_outputs is not False and all(tool.schema.get("required") for tool in tools)
    kept = able and all(tool.strict for tool in tools)
    notes.note_held({"strict": not kept and any(tool.strict for tool in tools)}, {"strict": "tools.function.strict"})
    return kept or None


def _tool(tool: chat_reading.Tool, notes: Adjustments) -> Object:
    if not TOOL_NAME.fullmatch(tool.name):
        field = f"{tool.where}.function.name"
        raise BadRequest(f"`{field}` must hold only letters, digits and `_`, and begin with no digit, at Cohere.", field)
    for part, _ in tool.sources:
        note_cache_control(part, notes)
    return {"type": "function", "function": {**tool.said, "parameters": tool.schema}}


def _thinking(source: ChatFields, limit: int | None, *, able: bool) -> Object | None:
    """What is asked for; where nothing is, the model decides. A fifth of the limit at least is left for the answer."""
    asked = openai_reasoning_to_gemini.read(source.get("reasoning_effort"), source.get("reasoning"), source.get("thinking"))
    if not openai_reasoning_to_gemini.is_wanted(asked, source.notes, able=able):
        return None
    if asked.off:
        return {"type": "disabled"}
    budget = asked.budget
    if budget is None and asked.effort in BUDGETS:
        budget = max(1, min(BUDGETS[asked.effort or ""], (limit or LARGEST_SEED) * 4 // 5))
    elif budget is None and asked.effort in ("xhigh", "max"):
        source.notes.note(asked.field)
    return {"type": "enabled", **({} if budget is None else {"token_budget": budget})}


def _sampling(source: ChatFields) -> Object:
    """Sampling, stop sequences, log probabilities. 400 outside of Cohere's ranges, but for `top_p`, whose usual 1 is out of them."""
    frequency, presence = (source.number(name, 0, 1) or None for name in ("frequency_penalty", "presence_penalty"))
    if frequency and presence:
        raise BadRequest("`presence_penalty` and `frequency_penalty` do not go together at Cohere. Send one of them.", "presence_penalty")
    found: Object = {"temperature": source.number("temperature", 0, 1), "p": source.nearest("top_p", (0, 1), TOP_P)}
    found |= {"k": source.integer("top_k", 0, MOST_TOP_K), "frequency_penalty": frequency, "presence_penalty": presence}
    found |= {"seed": source.seed(0, LARGEST_SEED), "stop_sequences": source.stops("Cohere", MOST_STOPS) or None}
    return {**found, "logprobs": source.flag("logprobs") or None}


def answer_of(body: bytes, created: int, model: str, *, hide_reasoning: bool) -> Answer | Outcome:
    """The body of a whole answer as a chat completion, `created` in Unix seconds; an `Outcome` where it is no answer. Never raises."""
    try:
        found = _decode(body)
        text, thinking, pieces = _said(found.message or _Frame())
        calls = [chat_chunks.call_of(call_id, name, arguments or "{}") for call_id, name, arguments in pieces]
    except (ValueError, RecursionError):
        return chat_chunks.BAD
    finish, tokens = _finish_of(found, calls=bool(calls)), _tokens_of(found.usage)
    if isinstance(finish, Outcome):
        return finish
    message, empty = chat_chunks.message_of(text, "" if hide_reasoning else thinking, (), calls), not (text or thinking or calls)
    head, usage = (found.id, created, model), chat_chunks.usage_of(tokens, thinks=False)
    return Answer(chat_chunks.completion(head, message, finish, usage, _logprobs_of(found)), tokens, empty=empty)


class ChatStream(chat_chunks.EventTranslator):
    """A `StreamReader`. Events of other types than those below, citations for example, say nothing. `message-end` alone is the end."""

    def _take(self, data: bytes) -> None:
        event = _decode(data)
        if not event.type or bool(self._head) is (event.type == "message-start"):
            raise ValueError("no event, or one out of order")
        if not self._head:
            self._head = chat_chunks.chunk_head(event.id, self.created, self._model)
        delta = event.delta or _Frame()
        text, thinking, calls = _said(delta.message or _Frame())
        if thinking:
            self._release_reasoning(b'"reasoning_content":' + _encode(thinking))
        if text:
            self._release(b'"content":' + _encode(text), _encode(_logprobs_of(event)))
        self._call(event, calls)
        if event.type == "message-end":
            self._finish(delta)

    def _call(self, event: _Frame, calls: list[tuple[str, str, str]]) -> None:
        for call_id, name, arguments in calls:
            if event.type == "tool-call-start":
                self._open_call(event.index, call_id, name)
            self._add_arguments(event.index, arguments)
        if event.type == "tool-call-end":
            self._close_call(event.index)

    def _finish(self, delta: _Frame) -> None:
        finish = _finish_of(delta, calls=self._calls > 0)
        if isinstance(finish, Outcome):
            self.failure = finish
        else:
            self.tokens = _tokens_of(delta.usage)
            self._release_end(finish, chat_chunks.usage_of(self.tokens, thinks=False))


class CohereAdapter(Translating):
    """An `Adapter`. Without state: one serves every endpoint of the protocol."""

    def prepare(self, call: OutboundChat, endpoint: Endpoint, row: ProviderRow) -> Prepared:
        """Build the request. Of the row, `drops` counts; the other fields are about OpenAI's format."""
        body, adjusted = request_of(call.fields, endpoint, row.drops)
        call.echo = endpoint.model  # Cohere's answers name none
        return Prepared(b"/chat", chat_reading.written(body | ({"stream": True} if call.stream else {})), adjusted=adjusted)

    def read_answer(self, body: bytes, call: OutboundChat) -> Answer | Outcome:
        """Read a complete 2xx answer."""
        return answer_of(body, int(self._clock()), str(call.echo or ""), hide_reasoning=hides_reasoning(call.fields))

    def open_stream(self, call: OutboundChat) -> ChatStream:
        """Start reading a 2xx event stream."""
        hidden, model = hides_reasoning(call.fields), str(call.echo or "")
        return ChatStream(created=int(self._clock()), model=model, wants_usage=call.wants_usage, hide_reasoning=hidden)

    def classify(self, status: int, retry_after: float | None, body: bytes) -> Outcome:
        """Map a non-2xx answer to an outcome. Its body holds words and no code."""
        kind = STATUSES.get(status) or kind_of_status(status)
        return Outcome(kind, retry_after, status, classify_openai(400, None, body).why if kind is OutcomeKind.REJECTED else None)


def _said(message: _Frame) -> tuple[str, str, list[tuple[str, str, str]]]:
    """The text, a plan first; the thinking; the id, name and arguments of each call, as far as they are there."""
    pieces, calls = _listed(message.content), _listed(message.tool_calls)
    text, thinking = "".join(piece.text for piece in pieces), "".join(piece.thinking for piece in pieces)
    return message.tool_plan + text, thinking, [call.said() for call in calls]


def _listed(value: T | list[T] | None) -> list[T]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _finish_of(frame: _Frame, *, calls: bool) -> str | Outcome:
    if not frame.finish_reason:
        return chat_chunks.BAD
    failed = FAILED.get(frame.finish_reason.partition("_")[0])
    if failed or frame.error:
        return Outcome(failed or OutcomeKind.SERVER_ERROR)
    return "length" if FINISH.get(frame.finish_reason) == "length" else "tool_calls" if calls else "stop"


def _tokens_of(raw: msgspec.Raw) -> TokenCount | None:
    """What is billed; what was used where that is not stated. None for anything else: an answer is not worth less for it."""
    try:
        usage = _decode(raw)
        counts = usage.billed_units or usage.tokens or {}
        prompt, completed = (int(counts[name] or 0) for name in ("input_tokens", "output_tokens"))
    except (ValueError, KeyError, RecursionError):
        return None
    return TokenCount(prompt, completed, min(int(usage.cached_tokens or 0), prompt))


def _logprobs_of(frame: _Frame) -> Object | None:
    return chat_chunks.logprobs_of([(one.text, max(-9999.0, sum(one.logprobs)), ()) for one in _listed(frame.logprobs)])
