"""Reading what providers state: only words that are known come out, whatever stands there and however long it is."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyapi.domain.evidence import Statement
from anyapi.upstream.evidence import FIRST_EVENT, HEADERS, LONGEST, Evidence, FirstEvent, from_body, from_headers, keep, together
from anyapi.upstream.registry import ROWS

XAI = Evidence(zero_retention=b"x-zero-data-retention")
NAMES = Evidence(host_header=b"x-inference-provider")
BOTH = Evidence(store=True, host=True)
KNOWN = {"DeepSeek": "deepseek", "bedrock": "amazon-bedrock"}


def name_of(name):
    return KNOWN.get(name, "unrecognised")


def zero(*values):
    kept = None
    for value in values:
        kept = keep(kept, b"x-zero-data-retention", value)
    return from_headers(XAI, kept, name_of)


@pytest.mark.parametrize(
    ("values", "stated"),
    [
        ((), Statement()),
        ((b"true",), Statement(zero_retention=True)),
        ((b" TRUE ",), Statement(zero_retention=True)),
        ((b"false",), Statement(zero_retention=False)),
        ((b"true", b"false"), Statement(zero_retention=False)),
        ((b"true", b"true"), Statement(zero_retention=True)),
        ((b"true, maybe",), Statement(unreadable=True)),
        ((b"",), Statement(unreadable=True)),
        ((b"\xff\x00",), Statement(unreadable=True)),
        ((b"true" + b" " * LONGEST,), Statement(unreadable=True)),
        ((b"x" * 60_000,), Statement(unreadable=True)),
    ],
)
def test_zero_retention(values, stated):
    assert zero(*values) == stated


@pytest.mark.parametrize(
    ("value", "host"),
    [
        (b"DeepSeek", "deepseek"),
        (b"canary text", "unrecognised"),
        (b"", "unrecognised"),
        (b"D" * 65, "unrecognised"),
        (b"\xff", "unrecognised"),
    ],
)
def test_a_host_in_a_header(value, host):
    assert from_headers(NAMES, {b"x-inference-provider": value}, name_of) == Statement(host=host)


def test_what_the_row_does_not_name_is_not_read():
    kept = {name: b"false" for name in HEADERS}
    assert from_headers(BOTH, kept, name_of) == Statement()
    assert from_body(XAI, b'{"store":true,"provider":"DeepSeek"}', name_of) == Statement()


VERCEL = {"gateway": {"routing": {"finalProvider": "bedrock", "resolvedProvider": "DeepSeek"}}}


@pytest.mark.parametrize(
    ("body", "stated"),
    [
        ({}, Statement()),
        ({"store": False}, Statement(stored=False)),
        ({"store": True}, Statement(stored=True)),
        ({"store": None}, Statement()),
        ({"store": "yes"}, Statement(unreadable=True)),
        ({"store": {"a": []}}, Statement(unreadable=True)),
        ({"response": {"store": True}}, Statement(stored=True)),
        ({"store": False, "response": {"store": True}}, Statement(stored=True)),
        ({"provider": "DeepSeek"}, Statement(host="deepseek")),
        ({"response": {"provider": "DeepSeek"}}, Statement(host="deepseek")),
        ({"provider": "canary"}, Statement(host="unrecognised")),
        ({"provider": None}, Statement()),
        ({"provider": ["DeepSeek"]}, Statement(host="unrecognised")),
        ({"provider": "D" * 64}, Statement(host="unrecognised")),
        ({"providerMetadata": VERCEL}, Statement(host="amazon-bedrock")),
        ({"choices": [{"message": {"provider_metadata": VERCEL}}]}, Statement(host="amazon-bedrock")),
        ({"providerMetadata": {"gateway": {"routing": {"resolvedProvider": "DeepSeek"}}}}, Statement(host="deepseek")),
        ({"providerMetadata": {"gateway": None}, "provider": "DeepSeek"}, Statement(host="deepseek")),
        ({"providerMetadata": "text"}, Statement(unreadable=True)),
        ({"choices": "provider", "provider": "x"}, Statement(unreadable=True)),
    ],
)
def test_fields_of_an_answer(body, stated):
    assert from_body(BOTH, json.dumps(body).encode(), name_of) == stated


@pytest.mark.parametrize(
    "body",
    [
        b'{"store"',
        b'"store" true',
        b'{"store":' + b"[" * 100_000,
        b'{"provider":' + b'{"a":' * 100_000,
        b'{"store":true}' * 2,
        b'\xff"store"',
    ],
)
def test_what_is_no_json_is_unreadable(body):
    assert from_body(BOTH, body, name_of) == Statement(unreadable=True)


def test_the_word_in_what_is_said_is_no_statement():
    said = json.dumps({"choices": [{"message": {"content": 'it is called "store": true, "provider": "DeepSeek"'}}]}).encode()
    assert from_body(BOTH, said, name_of) == Statement()


@given(st.binary(max_size=200))
def test_nothing_else_ever_comes_out(text):
    allowed = {None, "unrecognised", *KNOWN.values()}
    kept = {b"x-inference-provider": text, b"x-zero-data-retention": text}
    assert from_headers(Evidence(b"x-zero-data-retention", b"x-inference-provider"), kept, name_of).host in allowed
    for body in (text, b'{"store":%b,"provider":%b}' % (text, text), msgspec.json.encode({"provider": text.decode("latin-1")})):
        assert from_body(BOTH, body, name_of).host in allowed


@pytest.mark.parametrize(
    ("a", "b", "both"),
    [
        (Statement(zero_retention=True), Statement(), Statement(zero_retention=True)),
        (Statement(zero_retention=True), Statement(zero_retention=False), Statement(zero_retention=False)),
        (Statement(stored=False), Statement(stored=True), Statement(stored=True)),
        (Statement(host="a"), Statement(host="a"), Statement(host="a")),
        (Statement(host="a"), Statement(host="b"), Statement(host="unrecognised")),
        (Statement(host="a"), Statement(stored=False, unreadable=True), Statement(None, False, "a", unreadable=True)),
    ],
)
def test_two_places_of_one_answer(a, b, both):
    assert together(a, b) == together(b, a) == both


EVENT = b'event: response.created\r\ndata: {"a":\r\ndata: 1}\r\n\r\n'


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_the_first_event_is_found_however_it_comes(size):
    stream = b": a comment\r\n\r\nevent: ping\r\n\r\n" + EVENT + b"data: two\r\n\r\n"
    first = FirstEvent()
    found = [first.feed(stream[at : at + size]) for at in range(0, len(stream), size)]
    assert [event for event in found if event is not None] == [b'{"a":\n1}']
    assert first.done
    assert first.feed(EVENT) is None


@pytest.mark.parametrize("piece", [b"x" * 1000, b": comment\n\n" * 100, b"data: " + b"x" * 994])
def test_it_gives_up_on_what_is_too_long(piece):
    first = FirstEvent()
    for _ in range(FIRST_EVENT // len(piece) + 1):
        assert first.feed(piece) is None
    assert first.done


def test_rows_declare_headers_that_a_connection_keeps():
    declared = {name for row in ROWS.values() if row.evidence for name in (row.evidence.zero_retention, row.evidence.host_header) if name}
    assert declared == HEADERS
    assert all(row.evidence is not None for row in ROWS.values() if row.router is not None), "the words are given where evidence is read"
