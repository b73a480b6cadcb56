"""Canaries: each field has its own, all of a request begin alike, and a scan finds what was planted."""

import hashlib
import json

from anyapi.prove.planted import Planted, chat_body, headers


def test_a_field_keeps_its_canary_and_no_two_share_one():
    mark = Planted().new("a request")
    assert mark("user") == mark("user")
    assert len({mark(str(number)) for number in range(100)}) == 100
    assert all(canary.startswith(mark.text) and len(canary) == 24 for canary in mark.fields.values())
    assert mark.text not in repr(mark)


def test_every_string_of_a_body_is_found_by_its_mark():
    planted = Planted()
    mark, other = planted.new("one"), planted.new("another")
    body = json.dumps(chat_body(mark, "acme/good")).encode() + json.dumps(headers(mark)).encode()
    hits = planted.scanner().scan_bytes(body)
    assert {planted.label_of(hit.canary) for hit in hits} == {"one"}
    assert len(hits) >= len(mark.fields)
    assert other.fields == {}


def test_digests_are_watched_for_where_they_are_asked_for():
    planted = Planted()
    text = planted.new("one")("prompt")
    digest = hashlib.sha256(text.encode()).digest()
    assert [hit.form for hit in planted.scanner([text]).scan_bytes(digest)] == ["sha256"]
    assert planted.scanner().scan_bytes(digest) == []
    assert planted.label_of("0" * 24) == "a key or a credential"


def test_a_field_may_be_taken_out():
    assert "stop" not in chat_body(Planted().new("one"), "m", stop=None)
