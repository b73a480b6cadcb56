"""Requests full of canaries: one in every place where a client can put a text. Sends nothing.

All canaries of one request begin with the same 16 hex digits, its `mark`; 8 more digits say which field it was. A scan looks for the marks,
so it takes as long for forty fields as for one, and still tells afterwards which field leaked.
"""

import base64
import hashlib
import itertools
import secrets
from collections.abc import Iterable

from anyapi.prove.scanner import PREFIX, Scanner

DIGESTS = ("sha256", "sha1", "md5", "blake2b", "sha512")


class Mark:
    """The canaries of one request: `mark("user")` gives the one of a field."""

    def __init__(self, prefix: str, label: str) -> None:
        """`label` says which kind of request it is, for the report of a leak."""
        self.label = label
        self.text = prefix + secrets.token_hex(8)[: 16 - PREFIX]
        self.fields: dict[str, str] = {}

    def __call__(self, field: str) -> str:
        """The canary of a field: 24 hex digits, the same for the same field."""
        if field not in self.fields:
            self.fields[field] = f"{self.text}{len(self.fields):08x}"
        return self.fields[field]

    def base64(self, field: str) -> str:
        """The canary of a field, as files and pictures travel."""
        return base64.b64encode(self(field).encode()).decode()

    def __repr__(self) -> str:
        return f"<Mark {self.label}>"


class Planted:
    """Every canary of a test."""

    def __init__(self) -> None:
        """Nothing planted yet."""
        self.prefix = secrets.token_hex(PREFIX // 2)
        self.marks: dict[str, Mark] = {}
        self.secrets: list[str] = []
        """API keys and provider credentials, whole."""
        self._count = itertools.count()

    def new(self, label: str) -> Mark:
        """The mark of one more request."""
        mark = Mark(self.prefix, label)
        self.marks[mark.text] = mark
        return mark

    def scanner(self, digests_of: Iterable[str] = ()) -> Scanner:
        """A scanner for all of them, and for the usual digests, raw and as hex, of the given texts."""
        scanner = Scanner([*self.marks, *self.secrets])
        for text in digests_of:
            for name in DIGESTS:
                digest = hashlib.new(name, text.encode())
                scanner.watch(text, name, digest.digest())
                scanner.watch(text, name, digest.hexdigest().encode())
        return scanner

    def label_of(self, canary: str) -> str:
        """What a found canary belongs to."""
        mark = self.marks.get(canary[:16])
        return "a key or a credential" if mark is None else mark.label


def chat_body(mark: Mark, model: str, **over: object) -> dict[str, object]:
    """A chat completion with a canary in every string that the format has, in keys of objects and in fields that nobody knows."""
    schema = {
        "type": "object",
        "title": mark("schema title"),
        "description": mark("schema description"),
        "properties": {mark("schema property"): {"type": "string", "const": mark("schema const"), "description": mark("property text")}},
        "required": [mark("schema property")],
    }
    body: dict[str, object] = {
        "model": model,
        "messages": messages(mark),
        "tools": [
            {
                "type": "function",
                "function": {"name": mark("tool"), "description": mark("tool description"), "parameters": schema},
            },
        ],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": mark("format"), "description": mark("format description"), "schema": schema},
        },
        "user": mark("user"),
        "stop": [mark("stop")],
        "metadata": {"trace": mark("metadata value"), mark("metadata key"): "x", "prompt": [mark("metadata list")]},
        "prediction": {"type": "content", "content": mark("prediction")},
        "safety_identifier": mark("safety identifier"),
        "prompt_cache_key": mark("prompt cache key"),
        "service_tier": mark("service tier"),
        "logit_bias": {mark("logit bias"): 1},
        "modalities": [mark("modality")],
        "audio": {"voice": mark("voice"), "format": mark("audio format")},
        mark("unknown field"): {mark("unknown key"): [mark("unknown value")]},
        "store": True,
    }
    body.update(over)
    return {name: value for name, value in body.items() if value is not None}


def messages(mark: Mark) -> list[dict[str, object]]:
    """A conversation with every kind of message and part. The last one is the canary alone, so that a hash of it would be known."""
    return [
        {"role": "system", "content": f"be {mark('system')} brief", "name": mark("system name")},
        {"role": "developer", "content": [{"type": "text", "text": mark("developer")}]},
        {
            "role": "user",
            "name": mark("user name"),
            "content": [
                {"type": "text", "text": f"é {mark('text part')} \u2028"},
                {"type": "image_url", "image_url": {"url": f"https://{mark('image host')}.example/{mark('image path')}", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{mark.base64('image data')}"}},
                {"type": "input_audio", "input_audio": {"data": mark.base64("audio"), "format": "wav"}},
                {"type": "file", "file": {"filename": mark("file name"), "file_data": mark.base64("file")}},
                {"type": mark("part type"), mark("part key"): mark("part value")},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "refusal": mark("refusal"),
            "reasoning_content": mark("reasoning"),
            "tool_calls": [
                {
                    "id": mark("call id"),
                    "type": "function",
                    "function": {"name": mark("call name"), "arguments": f'{{"{mark("argument name")}":"{mark("argument")}"}}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": mark("answered id"), "content": mark("tool result")},
        {"role": "user", "content": mark("prompt")},
    ]


def headers(mark: Mark) -> dict[str, str]:
    """Headers that clients and proxies send, each with a canary."""
    return {
        "X-Request-ID": mark("request id"),
        "User-Agent": mark("user agent"),
        "Cookie": f"session={mark('cookie')}",
        "Referer": f"https://{mark('referer host')}.example/{mark('referer path')}",
        "Origin": f"https://{mark('origin')}.example",
        "Accept-Language": mark("language"),
        "X-Forwarded-For": mark("forwarded for"),
        "Forwarded": f"for={mark('forwarded')}",
        "Traceparent": mark("traceparent"),
        "Tracestate": f"{mark('tracestate key')}={mark('tracestate')}",
        "Baggage": f"{mark('baggage key')}={mark('baggage')}",
        "OpenAI-Organization": mark("organization"),
        "HTTP-Referer": mark("http-referer"),
        "X-Title": mark("title"),
        f"X-{mark('header name')}": mark("header value"),
        "Content-Language": mark("content language"),
        "Anthropic-Beta": mark("beta"),
    }
