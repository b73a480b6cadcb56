"""Every wire format, asked for the same: a question in words, a question for tools. Nothing here knows how answers are written."""

import json
import struct
import zlib
from dataclasses import dataclass

from tests.unit.simulator.raw_client import Received, ask

SCHEMA = {"type": "object", "required": ["q"], "properties": {"q": {"type": "string"}}}
NAMES = ("look_up", "write_down")


@dataclass(frozen=True)
class Format:
    name: str
    provider: str
    path: str
    stream_path: str | None = None
    headers: tuple[str, ...] = ()

    def body(self, text="Hello there.", stream=False, tools=False, model="claude-3.5-sonnet", thinking=False) -> dict:
        """What a client sends."""
        return BODIES[self.name](text, tools, model, thinking) | ({"stream": True} if stream and self.stream_path is None else {})

    def ask(self, sim, text="Hello there.", stream=False, tools=False, model="claude-3.5-sonnet", thinking=False) -> Received:
        path = (self.stream_path if stream and self.stream_path else self.path).replace("MODEL", model)
        body = self.body(text, stream, tools, model, thinking)
        return ask(sim.simulation[self.provider].port, body, path, self.headers)

    def events(self, received: Received) -> list:
        """The events of a stream, whatever its framing."""
        return [payload for _, payload in frames(received.content)] if self.name == "bedrock" else received.events


def frames(data: bytes) -> list[tuple[dict[str, str], dict]]:
    """Read an event stream of Amazon's as its specification says; both checksums must be right."""
    found = []
    while data:
        total, length = struct.unpack(">II", data[:8])
        if len(data) < total:
            break
        assert struct.unpack(">I", data[8:12])[0] == zlib.crc32(data[:8])
        assert struct.unpack(">I", data[total - 4 : total])[0] == zlib.crc32(data[: total - 4])
        rest, headers = data[12 : 12 + length], {}
        while rest:
            name, kind, size = rest[1 : 1 + rest[0]].decode(), rest[1 + rest[0]], rest[2 + rest[0] :][:2]
            assert kind == 7
            start = 4 + rest[0]
            headers[name] = rest[start : start + int.from_bytes(size, "big")].decode()
            rest = rest[start + int.from_bytes(size, "big") :]
        found.append((headers, json.loads(data[12 + length : total - 4])))
        data = data[total:]
    return found


def _chat(text, tools, model, thinking):
    body = {"model": model, "messages": [{"role": "user", "content": text}], "stream_options": {"include_usage": True}}
    if tools:
        body["tools"] = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in NAMES]
    return body | ({"reasoning_effort": "low"} if thinking else {})


def _responses(text, tools, model, thinking):
    body = {"model": model, "input": text}
    if tools:
        body["tools"] = [{"type": "function", "name": name, "parameters": SCHEMA} for name in NAMES]
    return body | ({"reasoning": {"effort": "low", "summary": "auto"}} if thinking else {})


def _messages(text, tools, model, thinking):
    body = {"model": model, "max_tokens": 4096, "messages": [{"role": "user", "content": text}]}
    if tools:
        body["tools"] = [{"name": name, "input_schema": SCHEMA} for name in NAMES]
    return body | ({"thinking": {"type": "enabled", "budget_tokens": 1024}} if thinking else {})


def _contents(text, tools, model, thinking):
    del model
    body = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    if tools:
        body["tools"] = [{"functionDeclarations": [{"name": name, "parameters": SCHEMA} for name in NAMES]}]
    return body | ({"generationConfig": {"thinkingConfig": {"includeThoughts": True}}} if thinking else {})


def _converse(text, tools, model, thinking):
    del model
    body = {"messages": [{"role": "user", "content": [{"text": text}]}]}
    if tools:
        body["toolConfig"] = {"tools": [{"toolSpec": {"name": name, "inputSchema": {"json": SCHEMA}}} for name in NAMES]}
    return body | ({"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}}} if thinking else {})


def _cohere(text, tools, model, thinking):
    body = {"model": model, "messages": [{"role": "user", "content": [{"type": "text", "text": text}]}]}
    if tools:
        body["tools"] = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in NAMES]
    return body | ({"thinking": {"type": "enabled", "token_budget": 1024}} if thinking else {})


BODIES = {
    "chat": _chat,
    "responses": _responses,
    "messages": _messages,
    "gemini": _contents,
    "vertex": _contents,
    "bedrock": _converse,
    "cohere": _cohere,
}
VERTEX = "/v1/projects/p/locations/eu/publishers/google/models/MODEL"
FORMATS = (
    Format("chat", "sim-zero", "/v1/chat/completions"),
    Format("responses", "sim-zero", "/v1/responses"),
    Format("messages", "sim-claude", "/v1/messages", headers=("anthropic-version: 2023-06-01",)),
    Format("gemini", "sim-gemini", "/v1beta/models/MODEL:generateContent", "/v1beta/models/MODEL:streamGenerateContent?alt=sse"),
    Format("vertex", "sim-gemini", f"{VERTEX}:generateContent", f"{VERTEX}:streamGenerateContent?alt=sse"),
    Format("bedrock", "sim-bedrock", "/model/MODEL/converse", "/model/MODEL/converse-stream"),
    Format("cohere", "sim-cohere", "/v2/chat"),
)
BY_NAME = {form.name: form for form in FORMATS}
