"""One level of JSON at a time: what is taken, what is refused with its path, and never with its value."""

import msgspec
import pytest
from tests.unit.upstream.translate.anthropic_events import raw

from anyapi.errors import BadRequest
from anyapi.upstream.translate import raw_reading


def test_values_stay_as_they_stand():
    fields = raw_reading.mapping(b'{"a":1.50,"b":"\\u00e9","a":{"x":[ 1 ]}}', "f")
    assert {name: bytes(value) for name, value in fields.items()} == {"a": b'{"x":[ 1 ]}', "b": b'"\\u00e9"'}
    assert [bytes(value) for value in raw_reading.sequence(msgspec.Raw(b'[1.0, "x"]'), "f")] == [b"1.0", b'"x"']
    assert bytes(raw_reading.raw_text(msgspec.Raw(b'"\\u00e9"'), "f")) == b'"\\u00e9"'
    assert bytes(raw_reading.raw_mapping(raw({"a": 1}), "f")) == b'{"a":1}'
    assert raw_reading.text(msgspec.Raw(b'"\\u00e9"'), "f") == "é"
    assert bytes(raw_reading.joined(b"data:", msgspec.Raw(b'"x"'))) == b'"data:x"'


@pytest.mark.parametrize("value", [None, 1, "s3cret", [], {}, True])
def test_null_and_absent_are_one(value):
    present = raw_reading.present({"a": raw(value)}, "a")
    assert (present is None) == (value is None)
    assert raw_reading.present({}, "a") is None


READERS = {
    "mapping": (raw_reading.mapping, {"a": 1}),
    "sequence": (raw_reading.sequence, [1]),
    "text": (raw_reading.text, "x"),
    "raw_text": (raw_reading.raw_text, "x"),
    "raw_mapping": (raw_reading.raw_mapping, {"a": 1}),
    "flag": (raw_reading.flag, True),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("value", [{"s3cret": 1}, ["s3cret"], "s3cret", True, 5, None])
def test_the_wrong_type_is_named_by_its_path(name, value):
    read, good = READERS[name]
    if type(value) is type(good):
        read(raw(value), "a.b")
        return
    with pytest.raises(BadRequest) as caught:
        read(raw(value), "a.b")
    assert caught.value.field == "a.b"
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("name", sorted(READERS.keys() - {"flag"}))
def test_absent_is_the_wrong_type(name):
    with pytest.raises(BadRequest):
        READERS[name][0](None, "a")


def test_an_absent_flag_is_false():
    assert raw_reading.flag(None, "a") is False


def test_the_type_of_an_object():
    assert raw_reading.kind_of({"type": raw("text")}, "a") == "text"
    for fields in ({}, {"type": raw(5)}):
        with pytest.raises(BadRequest) as caught:
            raw_reading.kind_of(fields, "a")
        assert caught.value.field == "a.type"
    assert raw_reading.refuse_other_kind("a", "x or y", "because.").field == "a.type"


def test_deep_nesting_is_refused():
    deep = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with pytest.raises(BadRequest):
        raw_reading.mapping(deep, "a")
