"""Every way in which a request ends at the gateway itself, each full of canaries: refused, malformed, too slow, too large, half sent.

No provider takes part in any of them.
"""

import json
import socket
from collections.abc import Callable, Iterator

from anyapi.crypto.api_keys import generate
from anyapi.domain.call import Tag
from anyapi.prove import dialects
from anyapi.prove.caller import Caller, Ended, Outcome, ends
from anyapi.prove.planted import Mark, chat_body

REFUSED = ends(403, 404)
"""No endpoint permitted; or none could be asked anyway, which is said first."""
NO_TAGS = "no endpoint for tags"
UNTAGGED = "acme/wire-anthropic"
"""A model that is asked for every ability there is, and has not all of them anywhere."""
EVERY_ABILITY = tuple(f"chat_completions:{tag.value}" for tag in Tag)


def ended_here() -> Iterator[Outcome]:
    """All of them."""
    yield from _refused_by_us()
    yield from _malformed()
    yield from _slow_or_large()
    yield Outcome("client gone in its request", ends(0), _half_and_gone)
    yield from map(in_format, dialects.refused())


def in_format(one: dialects.Asked) -> Outcome:
    """A request in another format as a class of outcomes."""
    wanted = tuple(Ended(status, broken) for status, broken in one.wanted)
    return Outcome(one.name, wanted, lambda caller, mark: caller.post(mark, one.body(mark), one.path))


def _refused_by_us() -> Iterator[Outcome]:
    yield Outcome("no key", ends(401), lambda caller, mark: caller.post(mark, _body(mark), Authorization=""))
    yield Outcome("wrong key", ends(401), lambda caller, mark: caller.post(mark, _body(mark), Authorization=f"Bearer {mark('key')}"))
    yield Outcome("wrong key with right checksum", ends(401), _lookalike)
    yield Outcome(
        "other scheme", ends(401), lambda caller, mark: caller.post(mark, _body(mark), Authorization=f"Basic {mark.base64('basic')}")
    )
    yield Outcome("two keys", ends(400), lambda caller, mark: caller.post(mark, _body(mark), **{"x-api-key": mark("second key")}))
    yield Outcome(dialects.UNPERMITTED, ends(403), lambda c, m: c.chat(m, data_policy=dialects.DENIED))
    yield Outcome("unknown model", ends(404), lambda caller, mark: caller.chat(mark, f"acme/{mark('model')}"))
    yield Outcome("unknown model, odd name", ends(404), lambda caller, mark: caller.chat(mark, f"é\n{mark('model')}\u2028"))
    yield Outcome("unknown models", ends(404), lambda c, m: c.chat(m, m("model"), models=[m("second model"), m("third model")]))
    yield Outcome("unknown path", ends(404), lambda caller, mark: caller.post(mark, _body(mark), f"/v1/{mark('path')}"))
    yield Outcome("planned path", ends(404), lambda caller, mark: caller.post(mark, _body(mark), f"/v1/responses/{mark('path')}"))
    yield Outcome("unknown model page", ends(404), lambda c, m: c.post(m, b"", f"/v1/models/{m('author')}/{m('slug')}/endpoints", "GET"))
    yield Outcome("wrong method", ends(405), lambda caller, mark: caller.post(mark, _body(mark), method="PUT"))
    yield Outcome(NO_TAGS, ends(503), lambda c, m: c.chat(m, UNTAGGED, tags=list(EVERY_ABILITY)))
    yield from (_with_wrong(field, value) for field, value in _wrong_values())
    yield Outcome("wrong policy header", ends(400), lambda c, m: c.post(m, _body(m), **{"X-AnyAPI-Data-Class": m("class")}))
    yield Outcome("unknown policy header", ends(400), lambda c, m: c.post(m, _body(m), **{f"X-AnyAPI-{m('name')}": m("value")}))
    yield Outcome("wrong app header", ends(400), lambda c, m: c.post(m, _body(m), **{"X-AnyAPI-App-Name": f"<{m('app')}>"}))


def _with_wrong(field: str, value: Callable[[Mark], object]) -> Outcome:
    return Outcome(f"wrong {field}", ends(400), lambda caller, mark: caller.chat(mark, "acme/good", **{field: value(mark)}))


def _wrong_values() -> Iterator[tuple[str, Callable[[Mark], object]]]:
    yield "data_policy", lambda mark: {mark("policy key"): mark("policy value")}
    yield "data_policy", lambda mark: {"providers": {"only": [mark("provider")]}}
    yield "data_policy", lambda mark: {"certifications": [mark("certification")], "regions": [mark("region")]}
    yield "provider", lambda mark: {mark("provider key"): True}
    yield "providerOptions", lambda mark: {"gateway": {mark("option"): mark("value")}}
    yield "tags", lambda mark: [mark("tag")]
    yield "models", lambda mark: {mark("models"): 1}
    yield "stream", lambda mark: mark("stream")
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

    yield Outcome("bad JSON", ends(400), sent(lambda mark: _body(mark)[:-20]))
    yield Outcome("no object", ends(400), sent(lambda mark: json.dumps([mark("item")]).encode()))
    yield Outcome("bad UTF-8", ends(400), sent(lambda mark: b'{"model":"m","messages":["' + mark("text").encode() + b'\xff"]}'))
    yield Outcome("doubled key", ends(400), sent(lambda m: b'{"model":"%b","model":"acme/good","messages":[]}' % m("first").encode()))
    yield Outcome("doubled policy key", ends(400), sent(_doubled_policy))
    yield Outcome("deep nesting", ends(400), sent(lambda m: b'{"%b":%b' % (m("key").encode(), b"[" * 100_000)))
    yield Outcome("lone surrogate", ends(400, 404), sent(lambda m: b'{"model":"\\ud800%b","messages":[]}' % m("model").encode()))
    yield Outcome("hostile HTTP: not HTTP", ends(400), lambda c, m: c.raw(m("line").encode() + b" \x00\r\n\r\n"))
    yield Outcome(
        "hostile HTTP: two lengths", ends(400), lambda c, m: c.raw(c.head(m, "Content-Length: 3", "Content-Length: 5") + b"abcde")
    )
    yield Outcome("hostile HTTP: bad chunk", ends(400), lambda c, m: c.raw(c.head(m, "Transfer-Encoding: chunked") + m("chunk").encode()))
    yield Outcome("hostile HTTP: NUL in header", ends(400), lambda c, m: c.raw(c.head(m, f"X-A: a\0{m('nul')}")))
    yield Outcome("hostile HTTP: bad host", ends(400), _bad_host)
    yield Outcome("hostile HTTP: bad request id", ends(400), lambda c, m: c.post(m, _body(m), **{"X-Request-ID": f"<{m('id')}>"}))
    yield Outcome("failed expectation", ends(417), lambda c, m: c.raw(c.head(m, f"Expect: {m('expectation')}", "Content-Length: 0")))


def _bad_host(caller: Caller, mark: Mark) -> Ended:
    return caller.raw(f"GET /v1/models HTTP/1.1\r\nHost: <{mark('host')}>\r\nX-A: {mark('header')}\r\n\r\n".encode())


def _doubled_policy(mark: Mark) -> bytes:
    twice = b'{"model":"acme/good","messages":[],"data_policy":{"%b":1,"%b":2}}'
    return twice % ((mark("policy key").encode(),) * 2)


def _slow_or_large() -> Iterator[Outcome]:
    yield Outcome("slow head", ends(408), lambda c, m: c.raw(c.head(m)[:-2]))
    yield Outcome("slow body", ends(408), lambda c, m: c.raw(c.head(m, "Content-Length: 5000") + m("half a body").encode()))
    yield Outcome("large body", ends(413), lambda c, m: c.raw(c.head(m, "Content-Length: 400000") + m("start").encode()))
    yield Outcome("large body in chunks", ends(413), _large_chunks)
    yield Outcome("large body without key", ends(401), _large_without_key)
    yield Outcome("large head", ends(431), lambda c, m: c.raw(c.head(m, f"X-Large: {m('large header') * 2000}")[:-2]))
    yield Outcome("many headers", ends(431), lambda c, m: c.raw(c.head(m, *(f"X-{m('many')}-{number}: 1" for number in range(120)))))


def _large_chunks(caller: Caller, mark: Mark) -> Ended:
    piece = mark("chunk").encode() * 1000
    return caller.raw(caller.head(mark, "Transfer-Encoding: chunked") + (b"%x\r\n%b\r\n" % (len(piece), piece)) * 13)


def _large_without_key(caller: Caller, mark: Mark) -> Ended:
    start = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {mark('key')}\r\nContent-Length: 100000\r\n\r\n"
    return caller.raw(start.encode() + mark("start").encode())


def _half_and_gone(caller: Caller, mark: Mark) -> Ended:
    return caller.raw(caller.head(mark, "Content-Length: 5000") + mark("half").encode(), lambda client: client.shutdown(socket.SHUT_WR))
