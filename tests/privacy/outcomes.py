"""Every way in which a request can end, each with a request full of canaries, and providers whose answers hold canaries too."""

import contextlib
import itertools
import json
import socket
import struct
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from tests.privacy import dialects
from tests.privacy.planted import Mark, Planted, chat_body, headers, messages
from tests.tools.gateway import Answer, Gateway

from anyapi.crypto.api_keys import generate
from anyapi.simulator import ModelSpec, ProviderSpec, SimulationThread, WireName, read_fault
from anyapi.simulator.cast import ClaimedPolicy

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
{ALL_SAMPLED}"""
PATIENCE = 20.0
CREDENTIAL = "credential"
"""How the label of a provider's key begins."""
ZERO = ClaimedPolicy("never", "zero", 0, "default", "no")
LINGER_RESET = struct.pack("ii", 1, 0)


def providers(planted: Planted) -> tuple[ProviderSpec, ...]:
    """One provider for each thing that can go wrong upstream, so that no request waits for another's script; all say canaries."""
    faults = {name: [read_fault(json.dumps(fault)) for fault in each] for name, each in _faults(planted).items()}
    specs = [_provider(planted, name, tuple(each), policy=ZERO if name == "good" else ClaimedPolicy()) for name, each in faults.items()]
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
    for wire in dialects.WIRES:
        yield _provider(planted, f"wire-{wire}", (), wire=WireName(wire))
        for name, path in itertools.product(dialects.FAULTS, dialects.OVER_WIRES):
            # One for each path: two that share a failing endpoint open its circuit for each other.
            yield _provider(planted, f"wire-{wire}-{name}{dialects.suffix(path)}", _fault_of(planted, name), wire=WireName(wire))


def _vectors(planted: Planted) -> Iterator[ProviderSpec]:
    """Providers of vectors."""
    for name in ("", "-fails", "-bad-request", "-bad-json", "-short", "-gemini"):
        fault = () if name in {"", "-gemini"} else _fault_of(planted, name[1:])
        spec = _provider(planted, f"vectors{name}", fault, wire=WireName.GEMINI if name == "-gemini" else WireName.OPENAI)
        yield msgspec.structs.replace(spec, models=(ModelSpec(f"acme/vectors{name}", f"vectors{name}", 1.0, 0.0, dimensions=8),))


def _fault_of(planted: Planted, name: str) -> tuple:
    fault = dialects.FAULTS[name]
    if fault["kind"] == "status":
        fault = fault | {"message": planted.new("texts of providers")(name)}
    return (read_fault(json.dumps(fault)),)


def _provider(planted: Planted, name: str, faults: tuple, model: str = "", price: float = 1.0, **more: object) -> ProviderSpec:
    mark = planted.new(f"answers of {name}")
    key = f"sk-{planted.new(f'{CREDENTIAL} of {name}')('key')}"
    planted.secrets.append(key)
    model = model or name
    return ProviderSpec(
        f"sim-{name}", models=(ModelSpec(f"acme/{model}", model, price, price),), faults=faults, echo=mark("echo"), api_key=key, **more
    )


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


class Ended(NamedTuple):
    """How a request ended for the client: the status, and whether an error event ended a stream."""

    status: int
    broken: bool = False

    def __str__(self) -> str:
        return f"{self.status}{' with an error event' if self.broken else ''}"


@dataclass
class Caller:
    """Makes requests full of canaries against one gateway."""

    gateway: Gateway
    simulation: SimulationThread
    planted: Planted

    def chat(self, mark: Mark, model: str = "acme/good", **over: object) -> Ended:
        """A chat completion with canaries everywhere, also in headers and query."""
        return self.post(mark, json.dumps(chat_body(mark, model, **over)).encode())

    def post(self, mark: Mark, body: bytes, path: str = "/v1/chat/completions", method: str = "POST", **more: str) -> Ended:
        """Any request with canaries in its headers and query."""
        return ended(self.gateway.request(method, f"{path}?q={mark('query')}", body, headers(mark) | more, PATIENCE))

    def raw(self, data: bytes, then: Callable[[socket.socket], None] | None = None) -> Ended:
        """Bytes as they are; `then` may do more on the socket before the answer is read to its end."""
        with socket.create_connection(("127.0.0.1", self.gateway.port), PATIENCE) as client:
            client.sendall(data)
            if then is not None:
                then(client)
            answer = b""
            with contextlib.suppress(OSError):
                while part := client.recv(65536):
                    answer += part
        return Ended(int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0)

    def head(self, mark: Mark, *lines: str, method: str = "POST", path: str = "/v1/chat/completions") -> bytes:
        """A request head with canaries; `lines` are more header lines."""
        own = [f"{name}: {value}" for name, value in headers(mark).items()]
        start = [f"{method} {path}?q={mark('query')} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self.gateway.key}"]
        return ("\r\n".join([*start, *own, *lines]) + "\r\n\r\n").encode()

    def leave(self, mark: Mark, model: str, provider: str, *, after: int, stream: bool) -> Ended:
        """Ask, read so many bytes, and go away with a reset."""
        body = json.dumps(chat_body(mark, model, stream=stream, response_format=None, stop=None)).encode()
        with socket.create_connection(("127.0.0.1", self.gateway.port), PATIENCE) as client:
            client.sendall(self.head(mark, f"Content-Length: {len(body)}") + body)
            read = 0
            while read < after:
                read += len(client.recv(4096))
            if not after:
                self._wait_until_asked(provider)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
        return Ended(499)

    def _wait_until_asked(self, provider: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not self.simulation.ledger(provider)["in_flight"]:
            time.sleep(0.005)


def ended(answer: Answer) -> Ended:
    """What a client makes of an answer."""
    broken = answer.headers.get("content-type", "").startswith("text/event-stream") and not any(end in answer.body for end in dialects.ENDS)
    return Ended(answer.status, broken)


class Outcome(NamedTuple):
    """A class of outcomes: a name, how it must end, and the request that ends so."""

    name: str
    wanted: tuple[Ended, ...]
    call: Callable[[Caller, Mark], Ended]


def _is(status: int, *others: int, broken: bool = False) -> tuple[Ended, ...]:
    return tuple(Ended(each, broken) for each in (status, *others))


def _upstream(name: str, wanted: tuple[Ended, ...], *, label: str = "", stream: bool = False) -> Outcome:
    plain = {"response_format": None, "stop": None} if stream else {}
    return Outcome(label or f"provider {name}", wanted, lambda caller, mark: caller.chat(mark, f"acme/{name}", stream=stream, **plain))


def outcomes() -> Iterator[Outcome]:
    """All classes. The first word of a name says who ends it: the client, we, or the provider."""
    yield from _served()
    yield from _refused_by_us()
    yield from _malformed()
    yield from _slow_or_large()
    yield from _failed_by_providers()
    yield from _broken_streams()
    yield from _client_gone()
    yield from _other_formats()


def one_round(caller: Caller) -> None:
    """Every class once, sixteen at a time. Raises `AssertionError` naming those that ended otherwise than they should."""
    every = list(outcomes())
    with ThreadPoolExecutor(16) as threads:
        ends = threads.map(lambda outcome: outcome.call(caller, caller.planted.new(outcome.name)), every)
        odd = [(outcome.name, str(end)) for outcome, end in zip(every, ends, strict=True) if end not in outcome.wanted]
    assert not odd, f"these ended otherwise than they should: {odd}"


def _served() -> Iterator[Outcome]:
    done = _is(200)
    yield _upstream("good", done, label="success")
    yield _upstream("good", done, label="success, streamed", stream=True)
    yield _upstream("says", done, label="success, long answer")
    yield _upstream("says", done, label="success, long stream", stream=True)
    yield _upstream("thinks", done, label="success with reasoning")
    yield _upstream("thinks", done, label="success with reasoning, streamed", stream=True)
    yield Outcome("success with tool call", done, lambda caller, mark: caller.chat(mark, tool_choice="required"))
    yield Outcome("success with tool call, streamed", done, lambda caller, mark: caller.chat(mark, tool_choice="required", stream=True))
    yield Outcome("success, other wire format", done, _native)
    yield Outcome("success, other wire format, streamed", done, lambda caller, mark: _native(caller, mark, stream=True))
    yield _upstream("failover", done, label="failover")
    yield _upstream("failover", done, label="failover, streamed", stream=True)
    yield _upstream("empty", done, label="empty completion")
    yield _upstream("no-usage", done, label="success without usage")
    yield _upstream("refuses", done, label="content refusal")
    yield _upstream("declines", done, label="content refusal in words")
    yield _upstream("comments", done, label="stream with comments", stream=True)
    for name in STATING:
        yield _upstream(f"states-{name}", done)
        yield _upstream(f"states-{name}", done, label=f"provider states-{name}, streamed", stream=True)
    yield Outcome("confidential success", done, lambda c, m: c.chat(m, data_policy={"data_class": "confidential"}))
    yield Outcome("others' options", done, lambda c, m: c.chat(m, providerOptions={"acme": {m("option"): m("value")}}))
    yield Outcome("explain", done, _explain)
    yield Outcome("options", _is(204), lambda caller, mark: caller.post(mark, b"", method="OPTIONS"))
    yield Outcome("head", _is(200), lambda caller, mark: caller.post(mark, b"", "/", "HEAD"))
    yield Outcome("models", done, lambda caller, mark: caller.post(mark, b"", "/v1/models", "GET"))


def _native(caller: Caller, mark: Mark, *, stream: bool = False) -> Ended:
    """The Anthropic format cannot say all that ours can, so this body holds less."""
    kept = [message for message in messages(mark) if message["role"] in {"system", "user"}]
    kept[1]["content"] = [kept[1]["content"][0]]
    body = {
        "model": "acme/native",
        "messages": kept,
        "user": mark("user"),
        "stop": [mark("stop")],
        "stream": stream,
        "max_tokens": 100,
        "metadata": {mark("metadata key"): mark("metadata value")},
    }
    return caller.post(mark, json.dumps(body).encode())


def _explain(caller: Caller, mark: Mark) -> Ended:
    body = {"model": "acme/good", "messages": messages(mark), mark("unknown"): mark("value"), "metadata": {"trace": mark("metadata")}}
    return caller.post(mark, json.dumps(body).encode(), "/v1/explain")


def _refused_by_us() -> Iterator[Outcome]:
    yield Outcome("no key", _is(401), lambda caller, mark: caller.post(mark, _body(mark), Authorization=""))
    yield Outcome("wrong key", _is(401), lambda caller, mark: caller.post(mark, _body(mark), Authorization=f"Bearer {mark('key')}"))
    yield Outcome("wrong key with right checksum", _is(401), _lookalike)
    yield Outcome(
        "other scheme", _is(401), lambda caller, mark: caller.post(mark, _body(mark), Authorization=f"Basic {mark.base64('basic')}")
    )
    yield Outcome("two keys", _is(400), lambda caller, mark: caller.post(mark, _body(mark), **{"x-api-key": mark("second key")}))
    yield Outcome("no endpoint permitted", _is(403), lambda c, m: c.chat(m, "acme/says", data_policy={"training_allowed": False}))
    yield Outcome("unknown model", _is(404), lambda caller, mark: caller.chat(mark, f"acme/{mark('model')}"))
    yield Outcome("unknown model, odd name", _is(404), lambda caller, mark: caller.chat(mark, f"é\n{mark('model')}\u2028"))
    yield Outcome("unknown models", _is(404), lambda c, m: c.chat(m, m("model"), models=[m("second model"), m("third model")]))
    yield Outcome("unknown path", _is(404), lambda caller, mark: caller.post(mark, _body(mark), f"/v1/{mark('path')}"))
    yield Outcome("planned path", _is(404), lambda caller, mark: caller.post(mark, _body(mark), f"/v1/responses/{mark('path')}"))
    yield Outcome("unknown model page", _is(404), lambda c, m: c.post(m, b"", f"/v1/models/{m('author')}/{m('slug')}/endpoints", "GET"))
    yield Outcome("wrong method", _is(405), lambda caller, mark: caller.post(mark, _body(mark), method="PUT"))
    yield Outcome("no endpoint for tags", _is(503), lambda c, m: c.chat(m, tags=["chat_completions:computer_use"]))
    for field, value in _wrong_values():
        yield Outcome(f"wrong {field}", _is(400), lambda c, m, f=field, v=value: c.chat(m, **{f: v(m)}))
    yield Outcome("wrong policy header", _is(400), lambda c, m: c.post(m, _body(m), **{"X-AnyAPI-Data-Class": m("class")}))
    yield Outcome("unknown policy header", _is(400), lambda c, m: c.post(m, _body(m), **{f"X-AnyAPI-{m('name')}": m("value")}))
    yield Outcome("wrong app header", _is(400), lambda c, m: c.post(m, _body(m), **{"X-AnyAPI-App-Name": f"<{m('app')}>"}))


def _wrong_values() -> Iterator[tuple[str, Callable[[Mark], object]]]:
    yield "data_policy", lambda mark: {mark("policy key"): mark("policy value")}
    yield "data_policy", lambda mark: {"providers": {"only": [mark("provider")]}}
    yield "data_policy", lambda mark: {"certifications": [mark("certification")], "regions": [mark("region")]}
    yield "provider", lambda mark: {mark("provider key"): True}
    yield "providerOptions", lambda mark: {"gateway": {mark("option"): mark("value")}}
    yield "tags", lambda mark: [mark("tag")]
    yield "models", lambda mark: {mark("models"): 1}
    yield "stream", lambda mark: mark("stream")
    yield "stream_options", lambda mark: [mark("stream options")]
    yield "metadata", lambda mark: {"app_id": f"<{mark('app id')}>", "app_name": f"<{mark('app name')}>", "id": f"<{mark('id')}>"}
    yield "previous_response_id", lambda mark: mark("previous response")
    yield "store", lambda mark: mark("store")
    yield "messages", lambda mark: mark("messages")


def _lookalike(caller: Caller, mark: Mark) -> Ended:
    secret = generate().secret
    caller.planted.secrets.append(secret)
    return caller.post(mark, _body(mark), Authorization=f"Bearer {secret}")


def _body(mark: Mark) -> bytes:
    return json.dumps(chat_body(mark, "acme/good")).encode()


def _malformed() -> Iterator[Outcome]:
    def sent(data: Callable[[Mark], bytes]) -> Callable[[Caller, Mark], Ended]:
        return lambda caller, mark: caller.post(mark, data(mark))

    yield Outcome("bad JSON", _is(400), sent(lambda mark: _body(mark)[:-20]))
    yield Outcome("no object", _is(400), sent(lambda mark: json.dumps([mark("item")]).encode()))
    yield Outcome("bad UTF-8", _is(400), sent(lambda mark: b'{"model":"m","messages":["' + mark("text").encode() + b'\xff"]}'))
    yield Outcome("doubled key", _is(400), sent(lambda m: b'{"model":"%b","model":"acme/good","messages":[]}' % m("first").encode()))
    yield Outcome("doubled policy key", _is(400), sent(_doubled_policy))
    yield Outcome("deep nesting", _is(400), sent(lambda m: b'{"%b":%b' % (m("key").encode(), b"[" * 100_000)))
    yield Outcome("lone surrogate", _is(400, 404), sent(lambda m: b'{"model":"\\ud800%b","messages":[]}' % m("model").encode()))
    yield Outcome("hostile HTTP: not HTTP", _is(400), lambda c, m: c.raw(m("line").encode() + b" \x00\r\n\r\n"))
    yield Outcome("hostile HTTP: two lengths", _is(400), lambda c, m: c.raw(c.head(m, "Content-Length: 3", "Content-Length: 5") + b"abcde"))
    yield Outcome("hostile HTTP: bad chunk", _is(400), lambda c, m: c.raw(c.head(m, "Transfer-Encoding: chunked") + m("chunk").encode()))
    yield Outcome("hostile HTTP: NUL in header", _is(400), lambda c, m: c.raw(c.head(m, f"X-A: a\0{m('nul')}")))
    yield Outcome("hostile HTTP: bad host", _is(400), _bad_host)
    yield Outcome("hostile HTTP: bad request id", _is(400), lambda c, m: c.post(m, _body(m), **{"X-Request-ID": f"<{m('id')}>"}))
    yield Outcome("failed expectation", _is(417), lambda c, m: c.raw(c.head(m, f"Expect: {m('expectation')}", "Content-Length: 0")))


def _bad_host(caller: Caller, mark: Mark) -> Ended:
    return caller.raw(f"GET /v1/models HTTP/1.1\r\nHost: <{mark('host')}>\r\nX-A: {mark('header')}\r\n\r\n".encode())


def _doubled_policy(mark: Mark) -> bytes:
    twice = b'{"model":"acme/good","messages":[],"data_policy":{"%b":1,"%b":2}}'
    return twice % ((mark("policy key").encode(),) * 2)


def _slow_or_large() -> Iterator[Outcome]:
    yield Outcome("slow head", _is(408), lambda c, m: c.raw(c.head(m)[:-2]))
    yield Outcome("slow body", _is(408), lambda c, m: c.raw(c.head(m, "Content-Length: 5000") + m("half a body").encode()))
    yield Outcome("large body", _is(413), lambda c, m: c.raw(c.head(m, "Content-Length: 400000") + m("start").encode()))
    yield Outcome("large body in chunks", _is(413), _large_chunks)
    yield Outcome("large body without key", _is(401), _large_without_key)
    yield Outcome("large head", _is(431), lambda c, m: c.raw(c.head(m, f"X-Large: {m('large header') * 2000}")[:-2]))
    yield Outcome("many headers", _is(431), lambda c, m: c.raw(c.head(m, *(f"X-{m('many')}-{number}: 1" for number in range(120)))))


def _large_chunks(caller: Caller, mark: Mark) -> Ended:
    piece = mark("chunk").encode() * 1000
    return caller.raw(caller.head(mark, "Transfer-Encoding: chunked") + (b"%x\r\n%b\r\n" % (len(piece), piece)) * 13)


def _large_without_key(caller: Caller, mark: Mark) -> Ended:
    start = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {mark('key')}\r\nContent-Length: 100000\r\n\r\n"
    return caller.raw(start.encode() + mark("start").encode())


def _failed_by_providers() -> Iterator[Outcome]:
    yield _upstream("bad-request", _is(400))
    yield _upstream("unprocessable", _is(400))
    yield _upstream("unauthorized", _is(502))
    yield _upstream("forbidden", _is(502))
    yield _upstream("not-found", _is(502))
    yield _upstream("limited", _is(429))
    yield _upstream("fails", _is(502))
    yield _upstream("html", _is(502))
    yield _upstream("overloaded", _is(503))
    yield _upstream("error-body", _is(502))
    yield _upstream("redirects", _is(502))
    yield _upstream("bad-json", _is(502))
    yield _upstream("half-json", _is(502))
    yield _upstream("wrong-type", _is(200, 502))
    yield _upstream("crlf", _is(200, 502))
    yield _upstream("both-lengths", _is(200, 502))
    yield _upstream("gzip", _is(200, 502))
    yield _upstream("short", _is(502))
    yield _upstream("silent", _is(504))
    yield _upstream("stalls", _is(504, 502))
    yield _upstream("resets", _is(502, 200))
    yield _upstream("resets-early", _is(502))
    yield _upstream("unreachable", _is(502))
    yield Outcome(
        "provider native-bad",
        _is(502),
        lambda c, m: c.post(m, json.dumps({"model": "acme/native-bad", "messages": [{"role": "user", "content": m("prompt")}]}).encode()),
    )


def _broken_streams() -> Iterator[Outcome]:
    broken = _is(200, broken=True)
    for name in ("resets", "closes", "error-event", "no-end", "stalls"):
        yield _upstream(name, broken, label=f"stream: provider {name}", stream=True)
    yield _upstream("giant", (*_is(502), *broken), label="stream: provider giant", stream=True)
    yield _upstream("bad-json", (*_is(200, 502), *broken), label="stream: provider bad-json", stream=True)
    yield _upstream("fails", _is(502), label="stream: provider fails", stream=True)
    yield _upstream("silent", _is(504), label="stream: provider silent", stream=True)


def _other_formats() -> Iterator[Outcome]:
    for one in dialects.asked():
        wanted = tuple(Ended(status, broken) for status, broken in one.wanted)
        yield Outcome(one.name, wanted, lambda caller, mark, one=one: caller.post(mark, one.body(mark), one.path))


def _client_gone() -> Iterator[Outcome]:
    gone = _is(499)
    yield Outcome("client gone before the answer", gone, lambda c, m: c.leave(m, "acme/silent", "sim-silent", after=0, stream=False))
    yield Outcome("client gone in a stream", gone, lambda c, m: c.leave(m, "acme/slow", "sim-slow", after=1500, stream=True))
    yield Outcome("client gone in its request", _is(0), _half_and_gone)
    yield Outcome("client gone in a second request", gone, _pipelined)


def _half_and_gone(caller: Caller, mark: Mark) -> Ended:
    return caller.raw(caller.head(mark, "Content-Length: 5000") + mark("half").encode(), lambda client: client.shutdown(socket.SHUT_WR))


def _pipelined(caller: Caller, mark: Mark) -> Ended:
    body = msgspec.json.encode(chat_body(mark, "acme/good"))
    whole = caller.head(mark, f"Content-Length: {len(body)}") + body
    half = caller.head(mark, "Content-Length: 5000") + mark("half").encode()

    def leave(client: socket.socket) -> None:
        assert client.recv(12) == b"HTTP/1.1 200"
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
        client.close()

    caller.raw(whole + half, leave)
    return Ended(499)
