"""Readers of JSON values: right types pass, wrong ones name the field and never the value."""

import pytest

from anyapi.errors import BadRequest
from anyapi.upstream.translate import reading


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (reading.mapping, ["SECRET"]),
        (reading.sequence, {"SECRET": 1}),
        (reading.text, ["SECRET"]),
        (reading.flag, "SECRET"),
        (reading.flag, 1),
        (lambda value, field: reading.number(value, field, 0, 1), "SECRET"),
        (lambda value, field: reading.number(value, field, 0, 1), 1.01),
        (lambda value, field: reading.number(value, field, 0, 1), True),
        (lambda value, field: reading.integer(value, field, 1), "SECRET"),
        (lambda value, field: reading.integer(value, field, 1), 0),
        (lambda value, field: reading.integer(value, field, 1), 1.5),
        (lambda value, field: reading.integer(value, field, 0), False),
        (reading.decode, b'"SECRET'),
        (reading.decode, b"\xff SECRET"),
    ],
)
def test_wrong(read, value):
    with pytest.raises(BadRequest) as caught:
        read(value, "a.b")
    assert caught.value.field == "a.b"
    assert "SECRET" not in caught.value.message
    assert caught.value.__context__ is None


def test_right():
    assert reading.mapping({"a": 1}, "f") == {"a": 1}
    assert reading.sequence([1], "f") == [1]
    assert reading.text("x", "f") == "x"
    assert reading.flag(False, "f") is False
    assert reading.number(0.5, "f", 0, 1) == 0.5
    assert reading.integer(8.0, "f", 1) == 8
    assert reading.decode(b'{"a":1,"a":2}', "f") == {"a": 2}
