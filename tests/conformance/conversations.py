"""Conversations in all three client formats, drawn by hypothesis, in which every text and number can be told from every other.

Everything that `docs/translation.md` says is carried across formats can be in one: system prompts, text in several parts, images, documents,
calls in parallel and their results, tools with schemas, a choice among them, structured output, limits, sampling, stop sequences, reasoning.
Two things may not stand together at some provider, and are not drawn together: see `settings`.
"""

import base64
import itertools
import json
from dataclasses import dataclass, field

from hypothesis import strategies as st

from anyapi.upstream.adapter import Dialect

WORDS = st.sampled_from(
    ["Zürich", "東京 🙂", 'say "no"', "back\\slash", "<b>&amp;</b>", "line\nfeed", "tab\t", "\u2028", "{", "data: x", "null"]
)
"""Put beside a mark, so that texts hold what formats stumble over."""


@dataclass
class Conversation:
    """What is said and asked, in no format."""

    system: list[str] = field(default_factory=list)
    turns: list[tuple] = field(default_factory=list)
    """("user", parts), ("assistant", text or None, calls) and ("results", [(call id, text)]). A part is (kind, text)."""
    tools: list[dict] = field(default_factory=list)
    choice: str | None = None
    """`auto`, `required`, or the name of a tool."""
    settings: dict[str, object] = field(default_factory=dict)
    schema: dict | None = None
    """Of the answer."""
    marks: list[str] = field(default_factory=list)
    """Every text that must arrive, as a piece of some string."""


def _schema(draw, mark) -> dict:
    """An object with a field or two, each of which has an answer that the simulator gives."""
    names = [mark("field") for _ in range(draw(st.integers(1, 2)))]
    kinds = {
        "text": lambda: {"type": "string", "enum": [mark("value")]},
        "number": lambda: {"type": "integer", "minimum": 3},
        "list": lambda: {"type": "array", "items": {"type": "string"}},
    }
    properties = {name: {"description": mark("description"), **kinds[draw(st.sampled_from(sorted(kinds)))]()} for name in names}
    return {"type": "object", "properties": properties, "required": names, "additionalProperties": False}


@st.composite
def conversations(draw, attachments=("image", "document")) -> Conversation:
    """A conversation that is valid at every provider that takes these kinds of parts beside text."""
    numbers = itertools.count(1)
    made = Conversation()

    def mark(kind: str) -> str:
        made.marks.append(f"{kind.replace(' ', '_')}_{next(numbers):04}q")
        return made.marks[-1]

    def text(kind: str) -> str:
        return f"{mark(kind)} {draw(WORDS)}"

    def part(kind: str) -> tuple[str, str]:
        if kind == "text":
            return kind, text("part")
        data = base64.b64encode(f"{kind}{next(numbers):09}".encode()).decode()
        made.marks.append(data)
        return kind, data

    made.system = [text("system") for _ in range(draw(st.integers(0, 2)))]
    made.tools = [
        {"name": mark("tool"), "description": text("about"), "parameters": _schema(draw, mark)} for _ in range(draw(st.integers(0, 2)))
    ]
    for _ in range(draw(st.integers(0, 2))):
        made.turns.append(("user", [("text", text("user"))]))
        calls = []
        if made.tools and draw(st.booleans()):
            names = draw(st.lists(st.sampled_from([tool["name"] for tool in made.tools]), min_size=1, max_size=2))
            calls = [
                (
                    mark("call"),
                    name,
                    {mark("argument"): draw(st.sampled_from([17, [True, None], {"é": ""}])), mark("argument"): text("given")},
                )
                for name in names
            ]
        said = text("assistant") if not calls or draw(st.booleans()) else None
        made.turns.append(("assistant", said, calls))
        if calls:
            made.turns.append(("results", [(call[0], text("result")) for call in calls]))
            made.turns.append(("assistant", text("then"), []))
    kinds = draw(st.lists(st.sampled_from(["text", *attachments]), max_size=2))
    made.turns.append(("user", [part(kind) for kind in ["text", *kinds]]))
    _settings(draw, made, text)
    if made.tools:
        made.choice = draw(st.sampled_from([None, "auto", "required", made.tools[0]["name"]]))
    elif draw(st.booleans()):
        made.schema = _schema(draw, mark)
    return made


def _settings(draw, made: Conversation, text) -> None:
    """Limits and sampling. Reasoning is not drawn together with sampling, which a provider that thinks does not take."""
    made.settings["max_tokens"] = draw(st.integers(6000, 8000))
    how = draw(st.sampled_from(["reasoning", "temperature", "top_p", "none"]))
    if how == "reasoning":
        made.settings["effort"] = draw(st.sampled_from(["low", "medium", "high"]))
    elif how != "none":
        made.settings[how] = draw(st.sampled_from([0.125, 0.25, 0.625]))
    if draw(st.booleans()):
        made.settings["stop"] = [text("stop")]
    made.settings["stream"] = draw(st.booleans())


def written(made: Conversation, dialect: Dialect, model: str = "acme/m") -> dict[str, object]:
    """The conversation as a request in a client format."""
    return {Dialect.CHAT_COMPLETIONS: _chat, Dialect.MESSAGES: _messages, Dialect.RESPONSES: _responses}[dialect](made, model)


def _common(made: Conversation, model: str, **names: str) -> dict[str, object]:
    """The settings that have a name in the format."""
    body: dict[str, object] = {"model": model, "stream": made.settings["stream"], names["limit"]: made.settings["max_tokens"]}
    body |= {name: made.settings[name] for name in ("temperature", "top_p") if name in made.settings}
    if "stop" in made.settings and "stop" in names:
        body[names["stop"]] = made.settings["stop"]
    return body


def _chat(made: Conversation, model: str) -> dict[str, object]:
    messages: list[dict] = [{"role": "system", "content": text} for text in made.system]
    for turn in made.turns:
        if turn[0] == "user":
            messages.append({"role": "user", "content": [_chat_part(*part) for part in turn[1]]})
        elif turn[0] == "assistant":
            message = {"role": "assistant", "content": turn[1]}
            if turn[2]:
                message["tool_calls"] = [
                    {"id": key, "type": "function", "function": {"name": name, "arguments": json.dumps(given)}}
                    for key, name, given in turn[2]
                ]
            messages.append(message)
        else:
            messages += [{"role": "tool", "tool_call_id": key, "content": text} for key, text in turn[1]]
    body = {**_common(made, model, limit="max_completion_tokens", stop="stop"), "messages": messages}
    if made.tools:
        body["tools"] = [{"type": "function", "function": tool} for tool in made.tools]
    if made.choice:
        body["tool_choice"] = (
            made.choice if made.choice in {"auto", "required"} else {"type": "function", "function": {"name": made.choice}}
        )
    if made.schema:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": made.schema, "strict": True}}
    if "effort" in made.settings:
        body["reasoning_effort"] = made.settings["effort"]
    return body


def _chat_part(kind: str, text: str) -> dict[str, object]:
    if kind == "text":
        return {"type": "text", "text": text}
    if kind == "image":
        return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{text}"}}
    return {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{text}", "filename": "paper.pdf"}}


def _messages(made: Conversation, model: str) -> dict[str, object]:
    messages: list[dict] = []
    for turn in made.turns:
        if turn[0] == "user":
            messages.append({"role": "user", "content": [_messages_part(*part) for part in turn[1]]})
        elif turn[0] == "assistant":
            said = [{"type": "text", "text": turn[1]}] if turn[1] else []
            used = [{"type": "tool_use", "id": key, "name": name, "input": given} for key, name, given in turn[2]]
            messages.append({"role": "assistant", "content": said + used})
        else:
            messages.append(
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": key, "content": text} for key, text in turn[1]]}
            )
    body = {**_common(made, model, limit="max_tokens", stop="stop_sequences"), "messages": messages}
    if made.system:
        body["system"] = [{"type": "text", "text": text} for text in made.system]
    if made.tools:
        body["tools"] = [
            {"name": tool["name"], "description": tool["description"], "input_schema": tool["parameters"]} for tool in made.tools
        ]
    if made.choice:
        body["tool_choice"] = {"auto": {"type": "auto"}, "required": {"type": "any"}}.get(
            made.choice, {"type": "tool", "name": made.choice}
        )
    output = {}
    if made.schema:
        output["format"] = {"type": "json_schema", "schema": made.schema}
    if "effort" in made.settings:
        output["effort"] = made.settings["effort"]
    if output:
        body["output_config"] = output
    return body


def _messages_part(kind: str, text: str) -> dict[str, object]:
    if kind == "text":
        return {"type": "text", "text": text}
    media = "image/png" if kind == "image" else "application/pdf"
    return {"type": kind, "source": {"type": "base64", "media_type": media, "data": text}}


def _responses(made: Conversation, model: str) -> dict[str, object]:
    items: list[dict] = [{"role": "developer", "content": text} for text in made.system[1:]]
    for turn in made.turns:
        if turn[0] == "user":
            items.append({"role": "user", "content": [_responses_part(*part) for part in turn[1]]})
        elif turn[0] == "assistant":
            items += [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": turn[1]}]}] if turn[1] else []
            items += [
                {"type": "function_call", "call_id": key, "name": name, "arguments": json.dumps(given)} for key, name, given in turn[2]
            ]
        else:
            items += [{"type": "function_call_output", "call_id": key, "output": text} for key, text in turn[1]]
    body = {**_common(made, model, limit="max_output_tokens"), "input": items, "store": False}
    if made.system:
        body["instructions"] = made.system[0]
    if made.tools:
        body["tools"] = [{"type": "function", "strict": False, **tool} for tool in made.tools]
    if made.choice:
        body["tool_choice"] = made.choice if made.choice in {"auto", "required"} else {"type": "function", "name": made.choice}
    if made.schema:
        body["text"] = {"format": {"type": "json_schema", "name": "answer", "schema": made.schema, "strict": True}}
    if "effort" in made.settings:
        body["reasoning"] = {"effort": made.settings["effort"]}
    return body


def _responses_part(kind: str, text: str) -> dict[str, object]:
    if kind == "text":
        return {"type": "input_text", "text": text}
    if kind == "image":
        return {"type": "input_image", "detail": "auto", "image_url": f"data:image/png;base64,{text}"}
    return {"type": "input_file", "filename": "paper.pdf", "file_data": f"data:application/pdf;base64,{text}"}
