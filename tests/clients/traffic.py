"""What a gateway answers in every format: each form of request over each provider's wire, whole and streamed, and when something goes wrong."""

import json
from collections.abc import Iterator
from typing import NamedTuple

from tests.clients import test_anthropic_python, test_openai_python, test_openai_python_responses
from tests.clients.transcripts import MESSAGES

from anyapi.simulator import ModelSpec, ProviderSpec, WireName, read_fault

NAMES = test_openai_python_responses.NAMES
CHAT, RESPONSES, ANTHROPIC = "/v1/chat/completions", "/v1/responses", "/v1/messages"
BASES = {
    CHAT: {"messages": MESSAGES, "stream_options": {"include_usage": True}},
    RESPONSES: {"input": "Hello"},
    ANTHROPIC: {"messages": MESSAGES, "max_tokens": 500},
}
FORMS = {CHAT: test_openai_python.FORMS, RESPONSES: test_openai_python_responses.FORMS, ANTHROPIC: test_anthropic_python.FORMS}
PASSED = {
    WireName.OPENAI: (CHAT, RESPONSES),
    WireName.ANTHROPIC: (ANTHROPIC,),
    WireName.GEMINI: (),
    WireName.BEDROCK: (),
    WireName.COHERE: (),
}
"""Formats that a provider of each wire speaks itself."""
REFUSED = {
    *((CHAT, wire, form) for wire in ("anthropic", "bedrock") for form in ("several choices", "logprobs", "JSON")),
    *((CHAT, "cohere", form) for form in ("several choices", "logprobs")),
}
"""What cannot be expressed at a provider: a 400, as docs/translation.md says."""
FAULTS = {
    "refuses": {"kind": "refusal", "style": "content_filter"},
    "says no": {"kind": "refusal", "style": "field"},
    "empty": {"kind": "empty"},
    "no usage": {"kind": "usage", "mode": "missing"},
    "cut": {"kind": "close", "at": 6, "of": "events"},
}
"""What goes otherwise than usual at a provider of each wire."""
DECLINED = {("cohere", "refuses"), ("cohere", "says no")}
"""A refusal that is an error with a status of its own, and so a 400 here."""


def _provider(wire: WireName, fault: str = "") -> ProviderSpec:
    name = f"{wire}-{fault}".replace(" ", "-").rstrip("-")
    faults = (read_fault(json.dumps(FAULTS[fault])),) if fault else ()
    return ProviderSpec(f"sim-{name}", wire=wire, models=(ModelSpec(f"acme/{name}", NAMES[wire], 1.0, 1.0),), faults=faults)


SPECS = (
    *(_provider(wire, fault) for wire in NAMES for fault in ("", *FAULTS)),
    ProviderSpec("sim-vectors", models=(ModelSpec("acme/vectors", "vectors", 1.0, 0.0, dimensions=8),)),
)


class Value(NamedTuple):
    """One answer, or one event of a stream."""

    asked: str
    path: str
    method: str
    streamed: bool
    value: dict[str, object]


def traffic(gateway) -> Iterator[Value]:
    """Every answer and every event."""
    for path, forms in FORMS.items():
        for wire in NAMES:
            for form, fields in forms.items():
                yield from _both(gateway, path, f"acme/{wire}", form, fields, refused=(path, str(wire), form) in REFUSED)
            for fault in FAULTS:
                if fault == "no usage" and path in PASSED[wire]:
                    continue  # the provider's own answer, which lacks what the format demands, passes whole
                declined = (str(wire), fault) in DECLINED
                yield from _both(gateway, path, f"acme/{wire}-{fault.replace(' ', '-')}", fault, {}, refused=declined)
    for fields in ({}, {"encoding_format": "base64", "dimensions": 4}, {"input": ["a", "b"]}, {"input": [1, 2, 3]}):
        answer = gateway.request("POST", "/v1/embeddings", {"model": "acme/vectors", "input": "a", **fields})
        yield Value(f"embeddings {fields}", "/v1/embeddings", "post", False, answer.json())
    count = {"model": "acme/openai", "messages": MESSAGES}
    yield Value("count", "/v1/messages/count_tokens", "post", False, gateway.request("POST", "/v1/messages/count_tokens", count).json())
    yield Value("models", "/v1/models", "get", False, gateway.request("GET", "/v1/models").json())
    yield Value("model", "/v1/models/{model}", "get", False, gateway.request("GET", "/v1/models/acme%2Fopenai").json())


def _both(gateway, path: str, model: str, form: str, fields: dict, *, refused: bool = False) -> Iterator[Value]:
    for stream in (False, True):
        body = {**BASES[path], **fields, "model": model, **({"stream": True} if stream else {})}
        if not stream:
            body.pop("stream_options", None)
        answer = gateway.request("POST", path, body)
        asked = f"{form} {'streamed' if stream else 'whole'} at {model}"
        assert answer.status == (400 if refused else 200), (asked, answer.body)
        if answer.status != 200:
            continue
        datas = [json.loads(data) for data in answer.events() if data != "[DONE]"] if stream else [answer.json()]
        assert datas, asked
        for value in datas:
            yield Value(asked, path, "post", stream, value)
