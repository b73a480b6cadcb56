"""Simulated providers full of canaries: one for each thing that can go wrong. Opens nothing."""

import itertools
import json
from collections.abc import Iterator, Sequence

import msgspec

from anyapi.prove import dialects
from anyapi.prove.planted import Planted
from anyapi.simulator import FORMATS, ModelSpec, ProviderSpec, WireName, read_fault
from anyapi.simulator.cast import ClaimedPolicy
from anyapi.simulator.faults import AnyFault, Turn

ALL_SAMPLED = """
[ranking]
enabled = true
share = 1.0
"""
"""Every request is looked at for the ranking of models, but those that may not be."""
SERVER = f"""
[server.limits]
header_timeout = 2.0
body_timeout = 2.0
drain_timeout = 0.5
max_body_bytes = 300000

[server.upstream]
first_byte_timeout = 2.0
stream_idle_timeout = 2.0
answer_timeout = 2.0
{ALL_SAMPLED}"""
CREDENTIAL = "credential"
"""How the label of a provider's key begins."""
ZERO = ClaimedPolicy("never", "zero", 0, "default", "no")


def providers(planted: Planted) -> tuple[ProviderSpec, ...]:
    """One provider for each thing that can go wrong upstream, so that no request waits for another's script; all say canaries."""
    faults = {name: [read_fault(json.dumps(fault)) for fault in each] for name, each in _faults(planted).items()}
    specs = [_provider(planted, name, each, policy=ZERO if name == "good" else ClaimedPolicy()) for name, each in faults.items()]
    specs.append(_provider(planted, "slow", (), chunk_delay=0.05, words=200))
    specs.append(_provider(planted, "thinks", (), reasoning=True))
    specs.append(_provider(planted, "native", (), wire=WireName.ANTHROPIC))
    specs.append(_provider(planted, "native-bad", (read_fault('{"kind": "bad_json"}'),), wire=WireName.ANTHROPIC))
    specs += [_provider(planted, "first-fails", faults["fails"], "failover", 0.1), _provider(planted, "then-works", (), "failover", 5.0)]
    return (*specs, *_wires(planted), *_vectors(planted), *_stating(planted))


STATING = ("xai", "openrouter", "vercel", "huggingface", "openai")
"""Providers whose statements are read (`upstream/registry`)."""
ONE_HOST = """
[[providers.openrouter.policy_exceptions]]
applies_to = { models = ["acme/states-openrouter"] }
override = { same_as_provider = "anthropic" }
"""
"""More configuration: a router whose endpoint promises one host, so that what it names contradicts the promise and is written down."""


def _stating(planted: Planted) -> Iterator[ProviderSpec]:
    """Providers that state, wherever statements are read, a canary, or what contradicts their promise with a canary beside it."""
    for name in STATING:
        say = planted.new("texts of providers")
        headers = {"x-zero-data-retention": f"false, {say('zero')}", "x-inference-provider": say("host header")}
        routing = {"gateway": {"routing": {"finalProvider": say("final provider")}}}
        fields = {"provider": say("provider"), "store": True, say("key"): say("value")}
        fields |= {"providerMetadata": routing} if name == "vercel" else {}
        fault = read_fault(json.dumps({"kind": "states", "headers": headers, "fields": fields}))
        yield msgspec.structs.replace(_provider(planted, f"states-{name}", (fault,), policy=ZERO), id=name)


def _wires(planted: Planted) -> Iterator[ProviderSpec]:
    """Providers of each wire for the other formats: one that answers, and one for each fault."""
    for wire in FORMATS:
        yield _provider(planted, f"wire-{wire}", (), wire=wire)
        for name, path in itertools.product(dialects.FAULTS, dialects.OVER_WIRES):
            # One for each path: two that share a failing endpoint open its circuit for each other.
            yield _provider(planted, f"wire-{wire}-{name}{dialects.suffix(path)}", _fault_of(planted, name), wire=wire)


def _vectors(planted: Planted) -> Iterator[ProviderSpec]:
    """Providers of vectors."""
    for name in ("", "-fails", "-bad-request", "-bad-json", "-short", "-gemini"):
        fault = () if name in {"", "-gemini"} else _fault_of(planted, name[1:])
        spec = _provider(planted, f"vectors{name}", fault, wire=WireName.GEMINI if name == "-gemini" else WireName.OPENAI)
        yield msgspec.structs.replace(spec, models=(ModelSpec(f"acme/vectors{name}", f"vectors{name}", 1.0, 0.0, dimensions=8),))


def _fault_of(planted: Planted, name: str) -> Turn:
    fault = dialects.FAULTS[name]
    if fault["kind"] == "status":
        fault = fault | {"message": planted.new("texts of providers")(name)}
    return (read_fault(json.dumps(fault)),)


def _provider(planted: Planted, name: str, faults: Sequence[AnyFault], model: str = "", price: float = 1.0, **more: object) -> ProviderSpec:
    mark = planted.new(f"answers of {name}")
    key = f"sk-{planted.new(f'{CREDENTIAL} of {name}')('key')}"
    planted.secrets.append(key)
    model = model or name
    served = (ModelSpec(f"acme/{model}", model, price, price),)
    spec = ProviderSpec(f"sim-{name}", models=served, faults=tuple(faults), echo=mark("echo"), api_key=key)
    return msgspec.structs.replace(spec, **more)


def _faults(planted: Planted) -> dict[str, list[dict[str, object]]]:
    text = planted.new("texts of providers")
    return {
        "good": [],
        "says": [{"kind": "say", "text": text("said"), "words": 40, "reasoning": text("thought")}],
        "refuses": [{"kind": "refusal", "style": "content_filter"}],
        "declines": [{"kind": "refusal", "style": "field"}],
        "empty": [{"kind": "empty"}],
        "no-usage": [{"kind": "usage", "mode": "missing"}],
        "giant": [{"kind": "giant_line", "mib": 2}],
        "bad-request": [{"kind": "status", "status": 400, "message": text("400")}],
        "unauthorized": [{"kind": "status", "status": 401, "message": text("401")}],
        "forbidden": [{"kind": "status", "status": 403, "message": text("403"), "body": "text"}],
        "not-found": [{"kind": "status", "status": 404, "message": text("404")}],
        "unprocessable": [{"kind": "status", "status": 422, "message": text("422"), "body": "cut_json"}],
        "limited": [{"kind": "status", "status": 429, "message": text("429"), "retry_after": text("retry-after")}],
        "fails": [{"kind": "status", "status": 500, "message": text("500")}],
        "html": [{"kind": "status", "status": 502, "body": "html"}],
        "overloaded": [{"kind": "status", "status": 503, "message": text("503"), "body": "text"}],
        "error-body": [{"kind": "error_body", "message": text("error body")}],
        "error-event": [{"kind": "error_event", "at": 3}],
        "redirects": [{"kind": "redirect", "location": f"http://{text('host')}.example/{text('path')}"}],
        "bad-json": [{"kind": "bad_json"}],
        "half-json": [{"kind": "bad_json", "mode": "truncated"}],
        "no-end": [{"kind": "no_done", "drop": 1}],
        "wrong-type": [{"kind": "content_type", "value": text("content type")}],
        "crlf": [{"kind": "bad_headers", "variant": "crlf"}],
        "both-lengths": [{"kind": "bad_headers", "variant": "both_lengths"}],
        "gzip": [{"kind": "gzip_lie"}],
        "comments": [{"kind": "comments", "text": text("comment")}],
        "silent": [{"kind": "stall", "at": 0}],
        "stalls": [{"kind": "stall", "at": "middle", "of": "body"}],
        "resets": [{"kind": "reset", "at": 900}],
        "resets-early": [{"kind": "reset", "at": 0}],
        "closes": [{"kind": "close", "at": 4, "of": "events"}],
        "short": [{"kind": "content_length", "add": 50, "then": "close"}],
        "unreachable": [{"kind": "refuse", "mode": "closed"}],
    }
