"""Readers of bytes that come from anybody: server-sent events, AWS event streams, JSON, policy fields and headers, keys, addresses, evidence.

Each is held against a judge that was written here from the standard, slowly and plainly, and shares nothing with the product.
"""

import hashlib
import ipaddress
import json
import re
import string
import struct
import zlib
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from tests.fuzz.pair_targets import check_refusal, no_constant

from anyapi.crypto.api_keys import PREFIX, PROVISIONING_PREFIX, digest
from anyapi.delivery.checked_http import usable_url
from anyapi.domain.ids import ProviderId
from anyapi.domain.requirement import Layer, Settings
from anyapi.errors import BadRequest
from anyapi.gateway.call import Call, read_head
from anyapi.gateway.formats import anthropic_messages, openai_chat, openai_embeddings, openai_responses
from anyapi.gateway.formats.anthropic_count import count_tokens
from anyapi.gateway.formats.strict_json import outer_fields, policy_value
from anyapi.policy.merge import DEFAULT_PRESETS, merge
from anyapi.policy.parse import (
    Known,
    parse_app,
    parse_app_headers,
    parse_data_policy,
    parse_policy_headers,
    parse_provider,
    parse_provider_options,
)
from anyapi.upstream import sse
from anyapi.upstream.dialer import Dialer
from anyapi.upstream.event_stream import LIMIT, Decoder
from anyapi.upstream.evidence import Evidence, FirstEvent, from_body, from_headers, keep

SIZES = (1, 2, 7, 64)
KNOWN = Known(frozenset({ProviderId("openai"), ProviderId("sim-30d"), ProviderId("sim-zero")}), frozenset({"soc2", "iso27001"}))


def split(data: bytes, size: int) -> Iterator[bytes]:
    """In pieces of `size` bytes."""
    return (data[at : at + size] for at in range(0, len(data), size))


# --- server-sent events


def server_sent_events(data: bytes) -> None:
    """Nothing is lost, added or cut inside an event, and what is read is what the standard says."""
    size, stream = SIZES[data[0] % 4] if data else 1, data[1:]
    splitter, out, tail = sse.Splitter(), [], b"\n"  # the beginning of a stream is that of a line
    for piece in split(stream, size):
        part = splitter.feed(piece)
        tail = (tail + part)[-4:]
        assert not part or BORDER.search(tail), "cut inside an event"
        out.append(part)
    whole = b"".join(out)
    rest = stream.removeprefix(b"\xef\xbb\xbf") if whole else stream
    assert rest.startswith(whole), "bytes were lost or made up"
    assert splitter.holding == (len(whole) < len(rest)) or splitter.overflow
    at_once = sse.Splitter().feed(stream)
    assert at_once == whole, "it depends on how the bytes arrive"
    told = list(events_by_the_standard(stream[: len(stream) - len(rest) + len(whole)]))
    assert list(sse.events(at_once)) == told
    assert [event for part in out for event in sse.events(part)] == told


BORDER = re.compile(rb"(\r\n|\n|\r(?!\n))(\r\n|\n|\r)\Z")
"""Two line ends; after a CR an LF may be to come."""


def events_by_the_standard(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    """WHATWG HTML 9.2.6, line by line; names and data as bytes."""
    name, data = b"", []
    for line in re.split(rb"\r\n|\r|\n", text.removeprefix(b"\xef\xbb\xbf")):
        if not line:
            if data:
                yield name or b"message", b"\n".join(data)
            name, data = b"", []
            continue
        field, _, value = line.partition(b":")
        value = value[1:] if value[:1] == b" " else value
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
    if data:
        yield name or b"message", b"\n".join(data)


# --- AWS event streams


def event_stream(data: bytes) -> None:
    """Messages only where both checksums fit, whole and in any pieces. The second byte asks for checksums to be mended first."""
    size, mended, rest = SIZES[data[0] % 4] if data else 1, len(data) > 1 and data[1] % 4 != 0, data[2:]
    rest = with_checksums(rest) if mended else rest
    decoder = Decoder()
    pieces = [message for piece in split(rest, size) for message in decoder.feed(piece)]
    other = Decoder()
    whole = other.feed(rest)
    assert [(message.headers, message.payload) for message in pieces] == [(message.headers, message.payload) for message in whole]
    assert decoder.broken == other.broken
    assert [message.payload for message in whole] == list(payloads(rest))[: len(whole)]


def with_checksums(data: bytes) -> bytes:
    """The same with the checksums that its lengths ask for, as far as there are whole messages."""
    out, at = bytearray(data), 0
    while at + 16 <= len(out):
        total = struct.unpack_from(">I", out, at)[0]
        struct.pack_into(">I", out, at + 8, zlib.crc32(out[at : at + 8]))
        if not 16 <= total <= len(out) - at:
            break
        struct.pack_into(">I", out, at + total - 4, zlib.crc32(out[at : at + total - 4]))
        at += total
    return bytes(out)


def payloads(data: bytes) -> Iterator[bytes]:
    """The payloads of whole messages with good checksums, headers not looked into."""
    at = 0
    while at + 16 <= len(data):
        total, headers, stated = struct.unpack_from(">III", data, at)
        if zlib.crc32(data[at : at + 8]) != stated or not 16 + headers <= total <= LIMIT or at + total > len(data):
            return
        if zlib.crc32(data[at : at + total - 4]) != struct.unpack_from(">I", data, at + total - 4)[0]:
            return
        yield data[at + 12 + headers : at + total - 4]
        at += total


# --- JSON


PARSERS: tuple[Callable[[bytes], object], ...] = (
    openai_chat.parse,
    anthropic_messages.parse,
    openai_responses.parse,
    openai_embeddings.parse,
    openai_chat.read_question,
    lambda body: count_tokens(anthropic_messages.parse(body)),
)


def json_intake(data: bytes) -> None:
    """Every operation's reader: a request or a `BadRequest`. The outer object is what Python's own parser sees."""
    which, body = data[0] if data else 0, data[1:]
    try:
        PARSERS[which % len(PARSERS)](body)
    except BadRequest as refusal:
        check_refusal(refusal)
    try:
        fields = outer_fields(body)
    except BadRequest:
        return
    pairs = json.loads(body.decode(), object_pairs_hook=list, parse_int=str, parse_float=str, parse_constant=no_constant)
    assert [key for key, _ in pairs] == list(fields), "another reader sees other keys"
    for key, value in pairs:
        raw = bytes(fields[key]).decode()
        assert json.loads(raw, object_pairs_hook=list, parse_int=str, parse_float=str) == value, "another reader sees another value"


# --- policy


READERS: tuple[Callable[[object], object], ...] = (
    lambda value: parse_data_policy(value, KNOWN),
    lambda value: parse_provider(value, KNOWN)[0],
    parse_provider_options,
    parse_app,
)
FLOOR = Settings(training_allowed=False, retention_days=7.0, human_review_allowed=False, providers_only=frozenset({ProviderId("sim-zero")}))


def policy_intake(data: bytes) -> None:
    """Policy fields and headers: settings or a `BadRequest`; met with a floor, they never loosen it."""
    which, rest = data[0] % 5 if data else 0, data[1:]
    try:
        if which == 4:
            pairs = [
                (name.strip().lower(), value) for name, _, value in (line.partition(":") for line in rest.decode("latin-1").split("\n"))
            ]
            parse_app_headers(pairs)
            settings = parse_policy_headers(pairs, KNOWN)
        else:
            settings = READERS[which](policy_value(_raw(rest), "data_policy"))
    except BadRequest as refusal:
        check_refusal(refusal)
        return
    if isinstance(settings, Settings):
        met = merge([(Layer.ACCOUNT, FLOOR), (Layer.REQUEST, settings)], DEFAULT_PRESETS)
        assert not met.training_allowed
        assert met.retention_days is not None
        assert 0 <= met.retention_days <= 7
        assert not met.human_review_allowed
        assert met.providers_only is not None
        assert met.providers_only <= FLOOR.providers_only


def _raw(data: bytes) -> bytes:
    """What stands in a field: its reader has seen to it that it is UTF-8."""
    return data.decode(errors="replace").encode()


# --- keys and heads


BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
KEY = re.compile(rb"anyapi_([ps])k_[0-9A-Za-z]{36}")


def api_key(data: bytes) -> None:
    """A key has a digest exactly when its form and its checksum fit; any head is read or refused."""
    for prefix in (PREFIX, PROVISIONING_PREFIX):
        found = digest(data, prefix.encode())
        good = KEY.fullmatch(data) is not None and data.startswith(prefix.encode()) and data[-6:] == checksum(data[:-6])
        assert found == (hashlib.sha256(data).digest() if good else None)
    call = Call(path=b"/v1/models", headers={}, policy=[])
    try:
        for line in data.split(b"\n"):
            name, _, value = line.partition(b":")
            call.take(name, value)
        assert read_head(call) >= 0
        call.policy_headers()
    except BadRequest as refusal:
        check_refusal(refusal)


def checksum(checked: bytes) -> bytes:
    """CRC-32 in six base62 digits."""
    number, digits = zlib.crc32(checked), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return digits.encode()


# --- addresses


INSIDE = [
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/29 192.0.2.0/24 192.168.0.0/16 "
        "198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 ::/127 fc00::/7 fe80::/10 fec0::/10 ff00::/8 2001:db8::/32"
    ).split()
]
"""Where nothing may be sent that the operator did not list: RFC 6890 and what came after it."""
DIALER, OPEN_DIALER = Dialer(), Dialer(("10.0.0.0/8",))
HOST = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+(%25[^\]]*)?\]")


def address_guard(data: bytes) -> None:
    """An address inside a network is refused in whatever form, and a URL that is taken leads nowhere but to its host."""
    text = data.decode("utf-8", "replace")
    if DIALER.allows(text):
        address = ipaddress.ip_address(text.partition("%")[0])
        for each in embedded(address):
            assert not any(each in network for network in INSIDE if network.version == each.version), "an address inside"
    if OPEN_DIALER.allows(text) and not DIALER.allows(text):
        assert any(each in INSIDE[1] for each in embedded(ipaddress.ip_address(text.partition("%")[0])) if each.version == 4)
    parts = usable_url(text)
    if parts is not None:
        assert parts.scheme in {"http", "https"}
        authority = re.match(r"(?i)https?://([^/?#\\]*)", text)
        assert authority is not None, "another reader sees no host"
        assert "@" not in authority[1]
        assert urlsplit(f"http://{authority[1]}/").hostname == parts.hostname
        assert not set(text) & set("\r\n\t \0")


def embedded(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """The address, and the IPv4 address that some network may take it for."""
    if address.version == 4:
        return [address]
    number = int(address)
    found: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = [address]
    if number >> 32 in {0xFFFF, 0x64FF9B << 64} or (number >> 32 == 0 and number > 1):
        found = [ipaddress.IPv4Address(number & 0xFFFF_FFFF)]
    elif number >> 112 == 0x2002:
        found.append(ipaddress.IPv4Address(number >> 80 & 0xFFFF_FFFF))
    return found


# --- evidence


STATED = Evidence(b"x-zero-data-retention", b"x-inference-provider", store=True, host=True)


def evidence(data: bytes) -> None:
    """What a provider states is a statement, whatever stands there; the first event is found however it comes."""
    size, rest = SIZES[data[0] % 4] if data else 1, data[1:]
    kept = None
    for line in rest.split(b"\n")[:8]:
        name, _, value = line.partition(b":")
        if name in {STATED.zero_retention, STATED.host_header}:
            kept = keep(kept, name, value)
    statement = from_headers(STATED, kept, _named)
    assert statement.host is None or len(statement.host) <= 64
    assert "mark_" not in repr(from_body(STATED, rest, _named))
    pieces, whole = FirstEvent(), FirstEvent()
    found = [event for event in map(pieces.feed, split(rest, size)) if event is not None]
    assert found == [event for event in [whole.feed(rest)] if event is not None]


def _named(name: str) -> ProviderId:
    return ProviderId("openai") if name == "OpenAI" else ProviderId("unrecognised")


TARGETS = {
    "sse": server_sent_events,
    "event-stream": event_stream,
    "json-intake": json_intake,
    "policy-intake": policy_intake,
    "api-key": api_key,
    "address-guard": address_guard,
    "evidence": evidence,
}
