"""A request without its content, as `POST /v1/explain` takes it: wire to typed. Its fields may be those of any client format.

What the facts of a request are read from is read here too, so that the answer is about the request that would be sent: web search, a
stream, tools, and whatever else `require_parameters` and `anyapi/auto` go by. Whether some format takes the request, nobody looks.
"""

import msgspec

from anyapi.domain.catalogue import Operation
from anyapi.gateway.formats import abilities, anthropic_messages, beyond, openai_responses
from anyapi.gateway.formats.extent import refuse_many
from anyapi.gateway.formats.openai_chat import ChatRequest, read_question
from anyapi.gateway.formats.strict_json import NULL, Fields, flag
from anyapi.gateway.formats.tool_lists import tools_in

NONE, NO_MESSAGES, NO_INPUT = msgspec.Raw(NULL), msgspec.Raw(b"[]"), msgspec.Raw(b'""')
MOST_DEPTH = 3
"""Namespaces in namespaces of tools that are looked into."""
LONGEST_ANSWER, IN_RESPONSES = "max_completion_tokens", "max_output_tokens"


class QuestionRequest(ChatRequest):
    """A question. Holds what it was given of content: never printed, never stored."""

    def __repr__(self) -> str:
        """Never the content."""
        return "<QuestionRequest>"

    def abilities(self) -> frozenset[str]:
        """Abilities that its fields need, in whatever format; embeddings need none."""
        if self.facts.operation is not Operation.CHAT_COMPLETIONS:
            return frozenset()
        return (
            abilities.needed_abilities(self.fields)
            | anthropic_messages.needed_abilities({"messages": NO_MESSAGES, **self.fields})
            | openai_responses.needed_abilities({"input": NO_INPUT, **self.fields})
        )


_decode_text = msgspec.json.Decoder(str | None).decode
_decode_items = msgspec.json.Decoder(list[Fields]).decode


def read(body: bytes) -> QuestionRequest:
    """Read a question. Raises `BadRequest` naming the field."""
    question = read_question(body, QuestionRequest)
    fields = question.fields
    question.stream = flag(fields, "stream")
    if IN_RESPONSES in fields:  # under one name, by which the choice of a model goes
        fields.setdefault(LONGEST_ANSWER, fields.pop(IN_RESPONSES))
    question.facts = beyond.seen(question.facts, fields, searches_by_tool=_looks_up(fields))
    if len(body) > abilities.BIG:
        question.facts = msgspec.structs.replace(question.facts, least_tokens=abilities.least_tokens(body))
    return question


def _looks_up(fields: Fields) -> bool:
    """Whether a tool sends something beyond the provider, be it one that comes as an item. What is no list of items holds none."""
    tools, given = fields.get("tools", NONE), fields.get("input", NO_INPUT)
    refuse_many(given, "input", openai_responses.MOST_INPUT)
    if _one_looks_up(tools):
        return True
    try:
        return any(_one_looks_up(item["tools"]) for item in _decode_items(given) if "tools" in item)
    except (msgspec.DecodeError, RecursionError):
        return False


def _one_looks_up(tools: msgspec.Raw, deeper: int = MOST_DEPTH) -> bool:
    """The same of a list of tools, and of those in its namespaces. What is no list of tools counts as one that does."""
    if bytes(tools) == NULL:
        return False
    found = tools_in(tools)
    if found is None or any(map(_searches, found)):
        return True
    return any(not deeper or _one_looks_up(tool["tools"], deeper - 1) for tool in found if bytes(tool.get("tools", NONE)) != NULL)


def _searches(tool: Fields) -> bool:
    """Whether its type says so. One that is no text may mean anything."""
    try:
        return (_decode_text(tool.get("type", NONE)) or "").startswith(anthropic_messages.LOOKS_UP)
    except msgspec.DecodeError:
        return True
