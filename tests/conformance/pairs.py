"""Every client format over every provider format, without a gateway: bytes of a client in, bytes for the provider out, and back.

A `Pair` does what the request path does between client and provider: the format's reader, then the adapter. Nothing is sent here but to
simulated providers.
"""

import http.client
import json
from dataclasses import dataclass, field

from anyapi.domain.catalogue import Auth, Capabilities, Endpoint, ProviderApi
from anyapi.gateway.formats import anthropic_messages, openai_chat, openai_responses
from anyapi.simulator import ModelSpec, ProviderSpec, WireName
from anyapi.upstream.adapter import Adapter, Dialect, OutboundChat, Prepared, ProviderRow
from anyapi.upstream.adapters import adapter_for
from anyapi.upstream.translate.hub_target import EXTENSIONS

PARSERS = {
    Dialect.CHAT_COMPLETIONS: openai_chat.parse,
    Dialect.MESSAGES: anthropic_messages.parse,
    Dialect.RESPONSES: openai_responses.parse,
}
APIS = {
    WireName.OPENAI: ("openai-chat", "/v1"),
    WireName.ANTHROPIC: ("anthropic-messages", ""),
    WireName.GEMINI: ("gemini", "/v1beta"),
    WireName.BEDROCK: ("bedrock", ""),
    WireName.COHERE: ("cohere", "/v2"),
}
"""Protocol of each wire, and the path of its base URL."""
MODELS = {
    WireName.OPENAI: "gpt-5.2",
    WireName.ANTHROPIC: "claude-sonnet-4-5",
    WireName.GEMINI: "gemini-3-pro",
    WireName.BEDROCK: "anthropic.claude-sonnet-4-5",
    WireName.COHERE: "command-a-plus-05-2026",
}
ABLE = Capabilities(vision=True, tools=True, structured_outputs=True, reasoning=True, pdf_input=True)
SPECS = tuple(ProviderSpec(f"sim-{wire}", wire=wire, models=(ModelSpec(f"acme/{wire}", name),)) for wire, name in MODELS.items())

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string", "default": "Zürich 🙂"}}, "required": ["city"]}
QUESTION = {"role": "user", "content": "use the tool"}
ASKED = {
    Dialect.CHAT_COMPLETIONS: {
        "messages": [QUESTION],
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}],
        "reasoning_effort": "low",
        "stream_options": {"include_usage": True},
    },
    Dialect.MESSAGES: {
        "messages": [QUESTION],
        "max_tokens": 4000,
        "tools": [{"name": "weather", "input_schema": PARAMETERS}],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    },
    Dialect.RESPONSES: {
        "input": [QUESTION],
        "store": False,
        "tools": [{"type": "function", "name": "weather", "parameters": PARAMETERS, "strict": False}],
        "reasoning": {"effort": "low", "summary": "auto"},
    },
}
"""Requests for reasoning and a call."""
BEYOND_WORDS = {"tools", "reasoning_effort", "thinking", "reasoning"}
"""Fields without which one asks for words alone."""


def asked(dialect: Dialect, *, stream: bool = True, words: bool = False) -> dict[str, object]:
    """A request for reasoning and a call, or for `words` alone."""
    left_out = (BEYOND_WORDS if words else set()) | (set() if stream else {"stream_options"})
    return {"model": "acme/m", "stream": stream} | {name: value for name, value in ASKED[dialect].items() if name not in left_out}


@dataclass(frozen=True)
class Pair:
    """A client format at a provider. `own`: a provider of OpenAI's format serves responses too."""

    dialect: Dialect
    wire: WireName
    own: bool = False
    adapter: Adapter = field(init=False, compare=False)

    def __post_init__(self) -> None:
        protocol, _ = APIS[self.wire]
        api = ProviderApi("http://localhost", protocol, Auth.NONE, also_speaks=("openai-responses",) if self.own else ())
        object.__setattr__(self, "adapter", adapter_for(self.dialect, api))

    def __str__(self) -> str:
        return f"{self.dialect} to {self.wire}{' (own)' if self.own else ''}"

    @property
    def translated(self) -> bool:
        """Whether the provider speaks another format than the client."""
        return not self.own and (self.dialect, self.wire) not in {
            (Dialect.CHAT_COMPLETIONS, WireName.OPENAI),
            (Dialect.MESSAGES, WireName.ANTHROPIC),
        }

    @property
    def attachments(self) -> tuple[str, ...]:
        """What a user's message may hold beside text. Cohere takes no files."""
        return ("image",) if self.wire is WireName.COHERE else ("image", "document")

    def prepare(self, body: bytes) -> tuple[OutboundChat, Prepared]:
        """The request as it was read, and what goes to the provider. Raises `BadRequest`."""
        request = PARSERS[self.dialect](body)
        model = MODELS[self.wire]
        endpoint = Endpoint(f"p/{model}", "acme/m", "p", model, context_length=200_000, max_output_tokens=8192, capabilities=ABLE)
        return request, self.adapter.prepare(request, endpoint, ProviderRow(accepts_store=True, extensions=EXTENSIONS))

    def ask(self, simulation, prepared: Prepared) -> tuple[int, bytes]:
        """Send it to the simulated provider: status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", simulation.simulation.ports[f"sim-{self.wire}"], timeout=20)
        try:
            path = APIS[self.wire][1] + prepared.path.decode()
            connection.request("POST", path, prepared.body, {"Content-Type": "application/json", **headers_of(prepared)})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def headers_of(prepared: Prepared) -> dict[str, str]:
    """The extra headers of a request."""
    lines = prepared.headers.decode("latin-1").split("\r\n")
    return dict(line.split(": ", 1) for line in lines if line)


PAIRS = (
    *(Pair(dialect, wire) for dialect in PARSERS for wire in APIS),
    Pair(Dialect.RESPONSES, WireName.OPENAI, own=True),
)


def leaves(value: object) -> set[object]:
    """Every string, number and key in decoded JSON; JSON inside strings counts too, because arguments travel as text."""
    found: set[object] = set()
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting += [*part.keys(), *part.values()]
        elif isinstance(part, list):
            waiting += part
        elif not isinstance(part, bool) and part is not None:
            found.add(part)
            if isinstance(part, str) and part[:1] in {"{", "["}:
                try:
                    waiting.append(json.loads(part))
                except ValueError:
                    pass  # a text that only begins like JSON
    return found
