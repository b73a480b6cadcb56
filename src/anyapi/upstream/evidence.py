"""Where providers state what they did with a request, and reading it: a header, or fields of a whole answer or of a stream's first event.

Answers of providers whose row declares none are not looked at. Only words that we know come out of here: `true`, `false`, the id of a
host; whatever else stands there is `unreadable`, however long it is.
"""

from collections.abc import Callable, Mapping

import msgspec

from anyapi.domain.evidence import UNRECOGNISED, Statement
from anyapi.domain.ids import ProviderId
from anyapi.upstream import sse

LONGEST = 64
"""Bytes of a header or of a host's name that are read at most."""
FIRST_EVENT = 256 * 1024
"""Bytes until the end of a stream's first event that are looked at most. The first event of responses repeats instructions and tools."""
STORE, HOSTS = b'"store"', (b'"provider"', b'"providerMetadata"', b'"provider_metadata"')
FLAGS: Mapping[bytes, bool | None] = {b"true": True, b"false": False, b"null": None}

NameOf = Callable[[str], ProviderId]
"""The catalogue's id of a host by the name it was given, or `unrecognised`."""


class Evidence(msgspec.Struct, frozen=True):
    """Where one provider states what it did, as its own documentation says."""

    zero_retention: bytes | None = None
    """A header that is `true` or `false`."""
    host_header: bytes | None = None
    """A header that names the host which answered."""
    store: bool = False
    """The answer repeats `store`."""
    host: bool = False
    """The answer names the host: OpenRouter's `provider`, or the routing metadata of Vercel's gateway."""


HEADERS = frozenset({b"x-zero-data-retention", b"x-inference-provider"})
"""Those that a connection keeps for us."""


class _Routing(msgspec.Struct):
    finalProvider: msgspec.Raw = msgspec.Raw(b"null")  # noqa: N815 their name
    resolvedProvider: msgspec.Raw = msgspec.Raw(b"null")  # noqa: N815 their name


class _Gateway(msgspec.Struct):
    routing: _Routing | None = None


class _Metadata(msgspec.Struct):
    gateway: _Gateway | None = None


class _Inner(msgspec.Struct):
    """The response within the first event of a stream of responses."""

    store: msgspec.Raw = msgspec.Raw(b"null")
    provider: msgspec.Raw = msgspec.Raw(b"null")


class _Message(msgspec.Struct):
    provider_metadata: _Metadata | None = None


class _Choice(msgspec.Struct):
    message: _Message | None = None


class _Outer(msgspec.Struct):
    store: msgspec.Raw = msgspec.Raw(b"null")
    provider: msgspec.Raw = msgspec.Raw(b"null")
    response: _Inner | None = None
    providerMetadata: _Metadata | None = None  # noqa: N815 their name
    choices: list[_Choice] | None = None


_decode = msgspec.json.Decoder(_Outer).decode
_decode_text = msgspec.json.Decoder(str).decode


def keep(kept: dict[bytes, bytes] | None, name: bytes, value: bytes) -> dict[bytes, bytes]:
    """One more header of an answer; one that comes again is joined to what it said before, as RFC 9110 (5.3) has it."""
    kept = kept or {}
    kept[name] = b"%b,%b" % (kept[name], value) if name in kept else value
    return kept


def from_headers(evidence: Evidence, kept: Mapping[bytes, bytes] | None, name_of: NameOf) -> Statement:
    """What the headers say that the connection kept."""
    if kept is None:
        return Statement()
    words = kept.get(evidence.zero_retention or b"")
    named = kept.get(evidence.host_header or b"")
    zero = None if words is None else _all_true(words)
    host = None if named is None else _host(named.decode("latin-1").strip(), name_of)
    return Statement(zero, None, host, unreadable=words is not None and zero is None)


def _all_true(words: bytes) -> bool | None:
    """A header that came several times holds only if each of them says so; None for what cannot be read."""
    if len(words) > LONGEST:
        return None
    stated = {word.strip().lower() for word in words.split(b",")}
    if b"false" in stated:
        return False
    return True if stated == {b"true"} else None


def from_body(evidence: Evidence, body: bytes, name_of: NameOf) -> Statement:
    """What a whole answer says, or the data of a stream's first event."""
    if not (evidence.store and STORE in body) and not (evidence.host and any(field in body for field in HOSTS)):
        return Statement()
    try:
        outer = _decode(body)
    except (ValueError, RecursionError):
        return Statement(unreadable=True)
    host = _named(outer) if evidence.host else None
    named = None if host is None else _host(_text(host), name_of)
    return _with_stored(Statement(host=named), outer) if evidence.store else Statement(host=named)


def _with_stored(stated: Statement, outer: _Outer) -> Statement:
    raw = bytes(outer.store if outer.response is None else outer.response.store)
    return msgspec.structs.replace(stated, stored=FLAGS.get(raw), unreadable=raw not in FLAGS)


def _named(outer: _Outer) -> msgspec.Raw | None:
    """The host's name, wherever the routers put it; None if it is nowhere."""
    stated = [outer.provider if outer.response is None else outer.response.provider]
    first = outer.choices[0].message if outer.choices else None
    for metadata in (outer.providerMetadata, None if first is None else first.provider_metadata):
        if metadata is not None and metadata.gateway is not None and metadata.gateway.routing is not None:
            stated[:0] = [metadata.gateway.routing.finalProvider, metadata.gateway.routing.resolvedProvider]
    return next((raw for raw in stated if bytes(raw) != b"null"), None)


def _text(raw: msgspec.Raw) -> str:
    """A short text; an empty one for anything else."""
    try:
        return _decode_text(raw) if len(raw) <= LONGEST else ""
    except (ValueError, RecursionError):
        return ""


def _host(name: str, name_of: NameOf) -> ProviderId:
    return name_of(name) if 0 < len(name) <= LONGEST else ProviderId(UNRECOGNISED)


def together(a: Statement, b: Statement) -> Statement:
    """What two places of one answer say; where both speak of the same, the worse counts, and of two hosts neither is known."""
    host = b.host if a.host in {None, b.host} else a.host if b.host is None else ProviderId(UNRECOGNISED)
    zero = _worse({a.zero_retention, b.zero_retention}, worst=False)
    return Statement(zero, _worse({a.stored, b.stored}, worst=True), host, a.unreadable or b.unreadable)


def _worse(values: set[bool | None], *, worst: bool) -> bool | None:
    return worst if worst in values else next((value for value in values if value is not None), None)


class FirstEvent:
    """Finds the first event of a stream while it passes by. Holds it until it is whole, then nothing any more."""

    __slots__ = ("_size", "_splitter", "done")

    def __init__(self) -> None:
        """Nothing has come yet."""
        self._splitter = sse.Splitter(FIRST_EVENT)
        self._size = 0
        self.done = False
        """Whether there is nothing left to look for."""

    def feed(self, data: bytes) -> bytes | None:
        """Take what came; gives the data of the first event that has any, once. None before and after, and where it is too long."""
        if self.done:
            return None
        self._size += len(data)
        found = next((event for _name, event in sse.events(self._splitter.feed(data)) if event), None)
        if found is not None or self._splitter.overflow or self._size > FIRST_EVENT:
            self.done, self._splitter = True, sse.Splitter()
        return found
