"""Vectors in their two forms: each way and back, and what is no vector."""

import array
import base64
import json
import struct

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyapi.upstream.translate.embedding_vectors import (
    Form,
    base64_to_numbers,
    count_inputs,
    form_of,
    numbers_to_base64,
    rewritten,
    wanted_form,
)

QUIET = settings(max_examples=300, deadline=None, derandomize=True)
floats = st.floats(width=32, allow_nan=False, allow_infinity=False)
vectors = st.lists(floats, min_size=1, max_size=20)


def raw(value):
    return msgspec.Raw(json.dumps(value).encode())


def fields(**values):
    return {name: raw(value) for name, value in values.items()}


def packed(numbers):
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def unpacked(text):
    """As an official client does it."""
    numbers = array.array("f")
    numbers.frombytes(base64.b64decode(text))
    return numbers.tolist()


@pytest.mark.parametrize(
    ("asked", "form"),
    [
        ({}, Form.NUMBERS),
        ({"encoding_format": None}, Form.NUMBERS),
        ({"encoding_format": "float"}, Form.NUMBERS),
        ({"encoding_format": "base64"}, Form.BASE64),
        ({"encoding_format": "base64", "output_dtype": "float"}, Form.BASE64),
        ({"encoding_format": "base64", "output_dtype": None}, Form.BASE64),
        ({"encoding_format": "base64", "output_dtype": "int8"}, None),
        ({"output_dtype": ["float"]}, None),
        ({"encoding_format": 5}, Form.NUMBERS),
    ],
)
def test_the_form_that_is_wanted(asked, form):
    assert wanted_form(fields(**asked)) is form


def test_the_form_may_be_written_with_escapes():
    assert wanted_form({"encoding_format": msgspec.Raw(b'"b\\u0061se64"')}) is Form.BASE64


@pytest.mark.parametrize(("value", "count"), [("a", 1), ("", 1), (["a", "b"], 2), ([1, 2], 1), ([[1], [2], [3]], 3)])
def test_how_many_vectors_are_asked_for(value, count):
    assert count_inputs(fields(input=value)) == count


@pytest.mark.parametrize("given_fields", [{}, fields(input=None), fields(input=5), fields(input={})])
def test_what_asks_for_none(given_fields):
    with pytest.raises(msgspec.DecodeError):
        count_inputs(given_fields)


@pytest.mark.parametrize(
    ("value", "form"),
    [([1.0], Form.NUMBERS), ("AACAPw==", Form.BASE64), ([], None), ("", None), (None, None), (5, None), (1.25, None), ({"a": 1}, None)],
)
def test_the_form_of_a_vector(value, form):
    assert form_of(raw(value)) is form


@QUIET
@given(vectors)
def test_numbers_as_base64_are_what_an_official_client_reads(numbers):
    text = json.loads(bytes(numbers_to_base64(raw(numbers))))
    assert unpacked(text) == numbers == unpacked(packed(numbers))


@QUIET
@given(vectors)
def test_base64_as_numbers_loses_nothing(numbers):
    assert json.loads(bytes(base64_to_numbers(raw(packed(numbers))))) == numbers


@QUIET
@given(vectors)
def test_there_and_back(numbers):
    text = raw(packed(numbers))
    assert numbers_to_base64(base64_to_numbers(text)) == text
    assert json.loads(bytes(base64_to_numbers(numbers_to_base64(raw(numbers))))) == numbers


@QUIET
@given(st.lists(st.floats(-3e38, 3e38), min_size=1, max_size=8))
def test_numbers_of_more_digits_are_rounded_to_the_nearest(numbers):
    assert unpacked(json.loads(bytes(numbers_to_base64(raw(numbers))))) == [struct.unpack("f", struct.pack("f", one))[0] for one in numbers]


def test_a_vector_in_the_wanted_form_is_left_alone():
    for value, form in (([0.10], Form.NUMBERS), ("AACAPw==", Form.BASE64)):
        text = raw(value)
        assert rewritten(text, form) is text
    assert bytes(rewritten(raw([1, 2]), Form.BASE64)) == b'"AACAPwAAAEA="'
    assert bytes(rewritten(raw("AACAPwAAAEA="), Form.NUMBERS)) == b"[1.0,2.0]"


@pytest.mark.parametrize("value", [[], ["a"], [None], [True], [[1.0]], [1e39], [1.0, -1e300], 5, None, {}, "AACAPw=="])
def test_what_is_no_array_of_floats(value):
    with pytest.raises(ValueError, match=r".") as caught:
        numbers_to_base64(raw(value))
    assert "1e+39" not in str(caught.value)


INFINITE = base64.b64encode(struct.pack("<f", float("inf"))).decode()
NOT_A_NUMBER = base64.b64encode(struct.pack("<2f", 1.0, float("nan"))).decode()


@pytest.mark.parametrize(
    "value", ["", "AAA=", "AACAPw", "AACA Pw==", "AACAPw==\n", "s3cret!", "\u00e9", INFINITE, NOT_A_NUMBER, [1.0], None, 5]
)
def test_what_is_no_base64_of_floats(value):
    with pytest.raises(ValueError, match=r".") as caught:
        base64_to_numbers(raw(value))
    assert "s3cret" not in str(caught.value)


@QUIET
@given(st.binary(max_size=40).map(base64.b64encode).map(bytes.decode) | st.text(max_size=20), st.sampled_from(Form))
def test_any_text_is_rewritten_or_refused(text, form):
    try:
        found = rewritten(raw(text), form)
    except ValueError:
        return
    assert form_of(found) is form or found == raw(text)
    json.loads(bytes(found))
