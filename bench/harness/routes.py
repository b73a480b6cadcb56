"""The formats of a phase: how the client asks and how the provider speaks. Beside chat completions over chat completions, which is the rule,
Anthropic's messages passed through, and either translated into the other."""

import json
from enum import StrEnum

from . import bodies
from .bodies import Scenario

CHAT_PATH, MESSAGES_PATH = "/v1/chat/completions", "/v1/messages"
USAGE = {"input_tokens": 318, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 97}


class Route(StrEnum):
    """Client's format, and the provider's where it is another."""

    CHAT = "chat"
    MESSAGES = "messages"
    CHAT_OVER_MESSAGES = "chat-over-messages"
    MESSAGES_OVER_CHAT = "messages-over-chat"

    @property
    def asks_messages(self) -> bool:
        """Whether the client speaks Anthropic's format."""
        return self in {Route.MESSAGES, Route.MESSAGES_OVER_CHAT}

    @property
    def answers_messages(self) -> bool:
        """Whether the provider does."""
        return self in {Route.MESSAGES, Route.CHAT_OVER_MESSAGES}

    def model(self, scenario: Scenario) -> str:
        """The part of a model's name that says which provider answers with what."""
        return f"messages-{scenario}" if self.answers_messages else scenario

    @property
    def path(self) -> str:
        """Where the client posts to."""
        return MESSAGES_PATH if self.asks_messages else CHAT_PATH


def messages_body(model: str, scenario: Scenario, *, size: int = bodies.REQUEST_BYTES) -> bytes:
    """The same letter as `bodies.request_body` writes, as Anthropic's SDK asks it."""
    chat = json.loads(bodies.request_body(model, scenario, size=size))
    system, *turns = chat["messages"]
    body = {
        "model": model,
        "max_tokens": chat["max_tokens"],
        "system": system["content"],
        "messages": turns,
        "temperature": chat["temperature"],
    }
    if scenario is not Scenario.JSON:
        body["stream"] = True
    return _compact(body)


def message() -> bytes:
    """The unstreamed answer in Anthropic's format, with the text of the other."""
    text = json.loads(bodies.completion())["choices"][0]["message"]["content"]
    return _compact(_message("msg_bench0000000000000001", [{"type": "text", "text": text}], "end_turn") | {"usage": USAGE})


def message_events() -> list[bytes]:
    """The streamed answer in Anthropic's format: the same words, and as many events with the six that frame them."""
    start = _message("msg_bench0000000000000002", [], None) | {"usage": USAGE | {"output_tokens": 1}}
    events: list[tuple[str, dict[str, object]]] = [
        ("message_start", {"message": start}),
        ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
    ]
    events += [("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": word}}) for word in words()]
    events += [
        ("content_block_stop", {"index": 0}),
        (
            "message_delta",
            {"delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": USAGE["output_tokens"]}},
        ),
        ("message_stop", {}),
    ]
    return [b"event: %b\ndata: %b\n\n" % (name.encode(), _compact({"type": name} | rest)) for name, rest in events]


def words() -> list[str]:
    """The text of the streamed answer, a piece an event."""
    found = []
    for event in bodies.events()[:-1]:
        for choice in json.loads(event[6:])["choices"]:
            if choice["delta"].get("content"):
                found.append(choice["delta"]["content"])
    return found


def _message(identity: str, content: list[dict[str, object]], stop: str | None) -> dict[str, object]:
    return {
        "id": identity,
        "type": "message",
        "role": "assistant",
        "model": "bench-2026-01-01",
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
    }


def _compact(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
