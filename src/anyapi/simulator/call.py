"""A request as the simulator understands it, whichever wire format it came in, and the ways to refuse one. Values only."""

import json
import re
from collections.abc import Sequence
from typing import Protocol, TypeVar

import msgspec

from anyapi.simulator.jsontype import Json

POLICY_FIELDS = ("data_policy", "provider", "providerOptions", "models", "tags")
"""Body fields of the gateway's own API: a provider must never see them."""
POLICY_HEADER_PREFIX = "x-anyapi-"
NAMED = re.compile(r"use the tool (\S+) with (?=\{)", re.IGNORECASE)
"""In front of a JSON object: which tool the user wants called, with which arguments."""
REDACT = "ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING"
"""In the last message of the user it makes reasoning come sealed, with Anthropic and Bedrock."""


class Rejected(Exception):
    """The request cannot be served; carries the HTTP status and the text for the caller."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Quiet(msgspec.Struct, frozen=True):
    """A value that holds content: it never prints it."""

    def __repr__(self) -> str:
        """Only the type's name."""
        return f"<{type(self).__name__}>"


class Parts(msgspec.Struct, frozen=True):
    """What a prompt holds besides text; numbers only."""

    images: int = 0
    documents: int = 0
    tool_results: int = 0
    cache_marks: int = 0


class Cache(msgspec.Struct, frozen=True):
    """Bytes of the prompt's text that come from the cache, and that go into it, from the start of the prompt."""

    read: int = 0
    written: int = 0
    lifetime: str = "5m"


class Embedding(Quiet, frozen=True):
    """A request for vectors."""

    inputs: tuple[bytes, ...]
    dimensions: int | None = None
    """None where the model decides."""
    base64: bool = False


class Tool(Quiet, frozen=True):
    """A tool the caller offers, with the JSON Schema of its arguments."""

    name: str
    schema: Json
    arguments: Json = None
    """Those that the user asks for; None leaves them to the schema."""


class Call(Quiet, frozen=True):
    """One request for a completion."""

    model: str
    """As the client wrote it, including a fault suffix."""
    prompt_bytes: int
    """UTF-8 bytes of all message text; see `tokens`."""
    stream: bool = False
    include_usage: bool = False
    """OpenAI streams only tell the usage when asked to."""
    uses: tuple[Tool, ...] = ()
    """The tools that the answer has to call, in order."""
    schema: Json = None
    """JSON Schema of a structured output; None for free text."""
    json_object: bool = False
    max_tokens: int | None = None
    stops: tuple[str, ...] = ()
    choices: int = 1
    logprobs: int | None = None
    """Alternatives a token; None when no log probabilities are asked for."""
    reasoning: bool = False
    hide_reasoning: bool = False
    """Reasoning is asked for, and counts, but the caller does not want to read it."""
    seal_reasoning: bool = False
    """Reasoning comes as data that only the provider can read."""
    parts: Parts = Parts()
    cache: Cache = Cache()
    echo: dict[str, msgspec.Raw] = {}
    """Fields of the request that the answer repeats."""
    embedding: Embedding | None = None
    store: bool | str | None = None
    """True, False, None for an explicit null; `absent`, or `other` for any other value."""
    leaked: tuple[str, ...] = ()
    """Policy fields in the body that should not have reached a provider."""


class Said(Protocol):
    """A message of any format, or another item."""

    @property
    def role(self) -> str | None:
        """Who says it; None for what nobody says."""
        ...


S = TypeVar("S", bound=Said)


def said_last(messages: Sequence[S]) -> S | None:
    """The last message that is no instruction: those may stand behind the user's last words."""
    return next((message for message in reversed(messages) if message.role not in {"system", "developer"}), None)


def tools_to_use(tools: tuple[Tool, ...], choice: str | None, last_user_text: str | None, *, parallel: bool = True) -> tuple[Tool, ...]:
    """Decide which tools the answer calls.

    `choice` is `auto`, `none`, `any` or `=NAME`; `last_user_text` is the text of the last message if that is the user's, else None (so
    that an agent which hands back a tool's result gets an answer in words). "use the tool" calls the first tool, "use the tools" all, and
    "use the tool NAME with {...}", as often as it is said, that tool with those arguments, if it is offered.
    """
    if not tools or choice == "none":
        return ()
    if choice is not None and choice.startswith("="):
        return _named(tools, choice[1:])
    chosen = _asked_for(tools, last_user_text or "") or (tools[:1] if choice == "any" else ())
    return chosen if parallel else chosen[:1]


def _asked_for(tools: tuple[Tool, ...], said: str) -> tuple[Tool, ...]:
    """The tools that the user wants called. One that is named with arguments is never another."""
    wanted = _wanted(said)
    if wanted:
        offered = {tool.name: tool for tool in tools}
        return tuple(msgspec.structs.replace(offered[name], arguments=arguments) for name, arguments in wanted if name in offered)
    if "use the tools" in said.lower():
        return tools
    return tools[:1] if "use the tool" in said.lower() else ()


def _wanted(said: str) -> list[tuple[str, Json]]:
    """The tools that a text names with arguments, in its order. What is no JSON is no request."""
    found: list[tuple[str, Json]] = []
    for match in NAMED.finditer(said):
        try:
            arguments, _ = _OBJECT.raw_decode(said, match.end())
        except (ValueError, RecursionError):
            continue
        found.append((match[1], arguments))
    return found


_OBJECT = json.JSONDecoder()


def _named(tools: tuple[Tool, ...], name: str) -> tuple[Tool, ...]:
    named = tuple(tool for tool in tools if tool.name == name)
    if not named:
        raise Rejected(400, "tool_choice names a tool that is not in tools.")
    return named
