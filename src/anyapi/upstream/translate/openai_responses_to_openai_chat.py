"""A request of OpenAI's Responses API as an OpenAI chat completion request. Pure; docs/translation.md is the list of what becomes what.

Three ends for a field: translated (or carried under the same name); refused with a `BadRequest` that names it; or left out and named in
`adjusted`. Nothing is left out silently but `id` and `status` of items, which belong to a store. `store` is never carried: the adapter
says false where the provider knows the word.
"""

from collections.abc import Mapping

import msgspec

from anyapi.errors import BadRequest
from anyapi.upstream.translate import openai_responses_tools_to_openai_chat as tools
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.hub_target import HUB, Target
from anyapi.upstream.translate.openai_responses_echo import (
    LOGPROBS,
    SEALED,
    VERBOSITIES,
    Echo,
    echo_of,
    included,
    one_of,
    reasoning_of,
    top_logprobs,
    whole,
    written,
)
from anyapi.upstream.translate.openai_responses_input_to_openai_chat import Conversation
from anyapi.upstream.translate.reading import Object

CARRIED = (
    "model", "temperature", "top_p", "user", "safety_identifier", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention",
    "service_tier", "moderation", "presence_penalty", "frequency_penalty", "top_k", "seed", "stop",
)  # fmt: skip
"""Fields that mean the same in a chat completion request and go on byte for byte."""

TRANSLATED = frozenset(
    {
        "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "text", "reasoning", "max_output_tokens", "top_logprobs",
        "include", "stream", "stream_options", "truncation", "max_tool_calls", "store", "metadata",
    }
)  # fmt: skip

REFUSED: Mapping[str, str] = {
    "previous_response_id": "refers to a stored response, and nothing is stored. Send the whole conversation as `input`.",
    "conversation": "is kept at the provider, which this gateway never asks for. Send the whole conversation as `input`.",
    "background": "needs a stored response. Send the request without it, with `stream` for a long answer.",
    "prompt": "refers to a template stored at the provider. Send its text as `instructions` or `input`.",
    "webhook_url": "needs a stored response. Send the request without it.",
    "context_management": "is done by OpenAI for its own models. Shorten `input` before sending it.",
}
"""Fields that keep state at a provider or have no counterpart, and what to do instead. `false` asks for nothing."""

LEFT_OUT = frozenset({"access_programs", "image", "client_metadata"})
"""Hints for OpenAI. Left out and named; a name that is not known here is named `other`."""

INCLUDED = frozenset({LOGPROBS, SEALED})
"""What `include` may ask for here. All else concerns tools that run at OpenAI."""

INCLUDE_USAGE = msgspec.Raw(b'{"include_usage":true}')
TRUE = msgspec.Raw(b"true")


class Translated(msgspec.Struct):
    """A chat completion request, and what was left out of it. Holds content: never printed."""

    fields: dict[str, msgspec.Raw]
    adjusted: tuple[str, ...]
    echo: Echo
    """For the translators of the answer."""

    def __repr__(self) -> str:
        """Never the content."""
        return "<Translated>"


class _Source:
    """The client's fields, decoded when asked for. `null` is absent."""

    __slots__ = ("_fields", "notes")

    def __init__(self, fields: Mapping[str, msgspec.Raw], notes: Adjustments) -> None:
        self._fields = {name: raw for name, raw in fields.items() if bytes(raw) != b"null"}
        self.notes = notes

    def get(self, name: str) -> object:
        raw = self._fields.get(name)
        return None if raw is None else reading.decode(raw, name)

    def carried(self) -> dict[str, msgspec.Raw]:
        return {name: self._fields[name] for name in CARRIED if name in self._fields}

    def settle_rest(self) -> None:
        """Refuse or note every field that has no counterpart."""
        for name in self._fields:
            if name in CARRIED or name in TRANSLATED:
                continue
            reason = REFUSED.get(name)
            if reason is None:
                self.notes.note(name if name in LEFT_OUT else "other")
            elif self.get(name) is not False:
                raise BadRequest(f"`{name}` {reason}", name)


def translate(fields: dict[str, msgspec.Raw], target: Target = HUB) -> Translated:
    """Build the chat completion request for who reads it. `fields` is not changed. Raises `BadRequest` alone."""
    notes = Adjustments()
    source = _Source(fields, notes)
    source.settle_rest()
    chosen = tools.translate(source.get("tools"), source.get("tool_choice"), source.get("parallel_tool_calls"), notes)
    echo = echo_of(source.get, chosen)
    made = source.carried()
    made["messages"] = msgspec.Raw(written(_messages(source, target)))
    _add_tools(made, chosen)
    _add_text(made, source)
    _add_reasoning(made, source)
    _add_limits(made, source)
    _add_stream(made, source)
    _note_rest(source)
    return Translated(made, notes.names, echo)


def _messages(source: _Source, target: Target) -> list[Object]:
    talk = Conversation(source.notes, target)
    instructions = source.get("instructions")
    if instructions is not None:
        talk.messages.append({"role": "system", "content": reading.text(instructions, "instructions")})
    given = source.get("input")
    if isinstance(given, str):
        talk.add({"role": "user", "content": given}, "input")
    elif isinstance(given, list):
        for number, item in enumerate(given):
            talk.add(item, f"input[{number}]")
    else:
        raise reading.wrong("input", "a string or an array of items")
    messages = talk.finish()
    if not messages:
        raise BadRequest("`input` holds nothing that a model could answer.", "input")
    return messages


def _add_tools(made: dict[str, msgspec.Raw], chosen: tools.Tools) -> None:
    for name, value in (("tools", chosen.tools), ("tool_choice", chosen.choice), ("parallel_tool_calls", chosen.parallel)):
        if value is not None:
            made[name] = msgspec.Raw(written(value))


def _add_text(made: dict[str, msgspec.Raw], source: _Source) -> None:
    """`text.format` and `text.verbosity`."""
    value = source.get("text")
    if value is None:
        return
    asked = reading.mapping(value, "text")
    verbosity = one_of(asked.get("verbosity"), "text.verbosity", VERBOSITIES)
    if verbosity is not None:
        made["verbosity"] = msgspec.Raw(written(verbosity))
    if asked.get("format") is None:
        return
    form = reading.mapping(asked["format"], "text.format")
    kind = form.get("type")
    if kind == "json_object":
        made["response_format"] = msgspec.Raw(b'{"type":"json_object"}')
    elif kind == "json_schema":
        made["response_format"] = msgspec.Raw(written({"type": "json_schema", "json_schema": _schema(form)}))
    elif kind != "text":
        raise BadRequest("`text.format.type` must be text, json_schema or json_object.", "text.format.type")


def _schema(form: Object) -> Object:
    where = "text.format"
    made: Object = {
        "name": reading.text(form.get("name"), f"{where}.name"),
        "schema": reading.mapping(form.get("schema"), f"{where}.schema"),
    }
    if form.get("description") is not None:
        made["description"] = reading.text(form["description"], f"{where}.description")
    if form.get("strict") is not None:
        made["strict"] = reading.flag(form["strict"], f"{where}.strict")
    return made


def _add_reasoning(made: dict[str, msgspec.Raw], source: _Source) -> None:
    """A summary cannot be asked for; what is shown of the reasoning is given as one (see `Echo.summary`)."""
    asked = reasoning_of(source.get)
    if asked.effort is not None:
        made["reasoning_effort"] = msgspec.Raw(written(asked.effort))
    if asked.summary is not None:
        source.notes.note("reasoning.summary")
    for name in asked.others:
        source.notes.note(name)


def _add_limits(made: dict[str, msgspec.Raw], source: _Source) -> None:
    """The limit on output, and log probabilities, which chat completions want asked for in a field of their own."""
    limit = whole(source.get, "max_output_tokens")
    if limit is not None:
        made["max_completion_tokens"] = msgspec.Raw(written(limit))
    include = included(source.get)
    if include - INCLUDED:
        source.notes.note("include")
    most = top_logprobs(source.get)
    if LOGPROBS in include or most:
        made["logprobs"] = TRUE
        if most is not None:
            made["top_logprobs"] = msgspec.Raw(written(most))


def _add_stream(made: dict[str, msgspec.Raw], source: _Source) -> None:
    """The response object states usage, so a stream always needs the usage chunk."""
    asked = source.get("stream")
    if asked is not None and reading.flag(asked, "stream"):
        made["stream"] = TRUE
        made["stream_options"] = INCLUDE_USAGE


def _note_rest(source: _Source) -> None:
    """What asks for something that is not given. `max_tool_calls` counts calls of OpenAI's own tools, of which there are none."""
    store = source.get("store")
    if store is not None and reading.flag(store, "store"):
        source.notes.note("store")
    if source.get("metadata") is not None:
        source.notes.note("metadata")
    if source.get("truncation") == "auto":
        source.notes.note("truncation")
    if source.get("max_tool_calls") is not None:
        source.notes.note("max_tool_calls")
    options = source.get("stream_options")
    if options is not None and reading.mapping(options, "stream_options").get("include_obfuscation"):
        source.notes.note("stream_options.include_obfuscation")
