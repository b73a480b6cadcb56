"""Every way in which a request can end, each with a request full of canaries, in front of the simulated providers of `cast`.

What ends at the gateway itself is in `outcomes_here`.
"""

import json
import socket
from collections.abc import Iterator

import msgspec

from anyapi.prove import dialects
from anyapi.prove.caller import LINGER_RESET, Caller, Ended, Outcome, ends
from anyapi.prove.cast import STATING
from anyapi.prove.outcomes_here import ended_here, in_format
from anyapi.prove.planted import Mark, chat_body, messages


def outcomes() -> Iterator[Outcome]:
    """All classes. The first word of a name says who ends it: the client, we, or the provider."""
    yield from _served()
    yield from ended_here()
    yield from _failed_by_providers()
    yield from _broken_streams()
    yield from _client_gone()
    yield from map(in_format, dialects.asked())


def _upstream(name: str, wanted: tuple[Ended, ...], *, label: str = "", stream: bool = False) -> Outcome:
    plain = {"response_format": None, "stop": None} if stream else {}
    return Outcome(label or f"provider {name}", wanted, lambda caller, mark: caller.chat(mark, f"acme/{name}", stream=stream, **plain))


def _served() -> Iterator[Outcome]:
    done = ends(200)
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
    yield Outcome("options", ends(204), lambda caller, mark: caller.post(mark, b"", method="OPTIONS"))
    yield Outcome("head", ends(200), lambda caller, mark: caller.post(mark, b"", "/", "HEAD"))
    yield Outcome("models", done, lambda caller, mark: caller.post(mark, b"", "/v1/models", "GET"))


def _native(caller: Caller, mark: Mark, *, stream: bool = False) -> Ended:
    """The Anthropic format cannot say all that ours can, so this body holds less."""
    system, user = (message for message in messages(mark) if message["role"] in {"system", "user"} and "name" in message)
    text = {"role": "user", "name": user["name"], "content": [{"type": "text", "text": mark("text part")}]}
    kept = [system, text, {"role": "user", "content": mark("prompt")}]
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


def _stored_file(caller: Caller, mark: Mark) -> Ended:
    """A file that a provider keeps, which this gateway refuses to use."""
    return caller.chat(mark, messages=[{"role": "user", "content": [{"type": "file", "file": {"file_id": mark("file id")}}]}])


def _failed_by_providers() -> Iterator[Outcome]:
    yield _upstream("bad-request", ends(400))
    yield _upstream("unprocessable", ends(400))
    yield _upstream("unauthorized", ends(502))
    yield _upstream("forbidden", ends(502))
    yield _upstream("not-found", ends(502))
    yield _upstream("limited", ends(429))
    yield _upstream("fails", ends(502))
    yield _upstream("html", ends(502))
    yield _upstream("overloaded", ends(503))
    yield _upstream("error-body", ends(502))
    yield _upstream("redirects", ends(502))
    yield _upstream("bad-json", ends(502))
    yield _upstream("half-json", ends(502))
    yield _upstream("wrong-type", ends(200, 502))
    yield _upstream("crlf", ends(200, 502))
    yield _upstream("both-lengths", ends(200, 502))
    yield _upstream("gzip", ends(200, 502))
    yield _upstream("short", ends(502))
    yield _upstream("silent", ends(504))
    yield _upstream("stalls", ends(504, 502))
    yield _upstream("resets", ends(502, 200))
    yield _upstream("resets-early", ends(502))
    yield _upstream("unreachable", ends(502))
    yield Outcome("wrong stream_options", ends(400), lambda c, m: c.chat(m, "acme/good", stream_options=[m("stream options")]))
    yield Outcome("stored file", ends(400), _stored_file)
    yield Outcome("tool that a provider runs", ends(400), lambda c, m: c.chat(m, tools=[{"type": m("tool type"), "server": m("server")}]))
    yield Outcome(
        "provider native-bad",
        ends(502),
        lambda c, m: c.post(m, json.dumps({"model": "acme/native-bad", "messages": [{"role": "user", "content": m("prompt")}]}).encode()),
    )


def _broken_streams() -> Iterator[Outcome]:
    broken = ends(200, broken=True)
    for name in ("resets", "closes", "error-event", "no-end", "stalls"):
        yield _upstream(name, broken, label=f"stream: provider {name}", stream=True)
    yield _upstream("giant", (*ends(502), *broken), label="stream: provider giant", stream=True)
    yield _upstream("bad-json", (*ends(200, 502), *broken), label="stream: provider bad-json", stream=True)
    yield _upstream("fails", ends(502), label="stream: provider fails", stream=True)
    yield _upstream("silent", ends(504), label="stream: provider silent", stream=True)


def _client_gone() -> Iterator[Outcome]:
    gone = ends(499)
    yield Outcome("client gone before the answer", gone, lambda c, m: c.leave(m, "acme/silent", "sim-silent", after=0, stream=False))
    yield Outcome("client gone in a stream", gone, lambda c, m: c.leave(m, "acme/slow", "sim-slow", after=1500, stream=True))
    yield Outcome("client gone in a second request", gone, _pipelined)


def _pipelined(caller: Caller, mark: Mark) -> Ended:
    body = msgspec.json.encode(chat_body(mark, "acme/good"))
    whole = caller.head(mark, f"Content-Length: {len(body)}") + body
    half = caller.head(mark, "Content-Length: 5000") + mark("half").encode()

    def leave(client: socket.socket) -> None:
        if client.recv(12) != b"HTTP/1.1 200":
            raise OSError("the first of two requests was not answered")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
        client.close()

    caller.raw(whole + half, leave)
    return Ended(499)
