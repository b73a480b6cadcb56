"""Embeddings for Gemini: each text its own request, and what Gemini cannot be asked."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.policy.samples import endpoint

from anyapi.errors import BadRequest
from anyapi.upstream.translate.openai_embeddings_to_gemini import LEFT_OUT, MOST_INPUTS, translate

ENDPOINT = endpoint("google-ai-studio", upstream_model="gemini-embedding-001")


def fields(**values):
    return {name: msgspec.Raw(json.dumps(value).encode()) for name, value in {"model": "google/x", "input": "a", **values}.items()}


def batch(**values):
    request = translate(fields(**values), ENDPOINT)
    return request.body["requests"], request.adjusted


def refused(field, **values):
    with pytest.raises(BadRequest) as caught:
        translate(fields(**values), ENDPOINT)
    assert caught.value.field == field
    assert "s3cret" not in str(caught.value)
    return str(caught.value)


def test_one_text():
    assert batch(encoding_format="base64", dimensions=256) == (
        [{"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "a"}]}, "outputDimensionality": 256}],
        (),
    )


def test_each_text_is_a_request_of_its_own():
    requests, _ = batch(input=["a", "b", ""])
    assert [request["content"] for request in requests] == [{"parts": [{"text": text}]} for text in ("a", "b", "")]
    assert {request["model"] for request in requests} == {"models/gemini-embedding-001"}
    assert all("outputDimensionality" not in request for request in requests)


def test_what_is_null_is_absent():
    assert batch(dimensions=None, encoding_format=None, output_dtype=None, title=None)[1] == ()


@pytest.mark.parametrize("name", sorted(LEFT_OUT))
def test_fields_of_others_are_left_out_and_named(name):
    assert batch(**{name: "s3cret"})[1] == (name,)


def test_a_name_that_is_not_ours_is_not_repeated():
    assert batch(s3cret=1, more=2)[1] == ("other",)


def test_what_the_row_drops_is_named():
    request = translate(fields(dimensions=5), ENDPOINT, drops=frozenset({"dimensions", "absent"}))
    assert (request.adjusted, "outputDimensionality" in request.body["requests"][0]) == (("dimensions",), False)


@pytest.mark.parametrize("value", [[1, 2], [[1], [2]], ["a", 1], [True]])
def test_tokens_are_of_another_vocabulary(value):
    assert "tokens" in refused("input", input=value)


@pytest.mark.parametrize(
    ("value", "field"), [(None, "input"), ([], "input"), (5, "input"), ({}, "input"), ([None], "input[0]"), (["a", {}], "input[1]")]
)
def test_what_is_no_input(value, field):
    refused(field, input=value)


def test_a_batch_has_a_size():
    assert len(batch(input=["a"] * MOST_INPUTS)[0]) == MOST_INPUTS
    assert "100" in refused("input", input=["s3cret"] * (MOST_INPUTS + 1))


@pytest.mark.parametrize("value", [0, -1, 1.5, "256", True, {}])
def test_impossible_dimensions(value):
    refused("dimensions", dimensions=value)


def test_vectors_are_floats():
    assert batch(output_dtype="float")[1] == ()
    refused("output_dtype", output_dtype="int8")
    refused("output_dtype", output_dtype=["s3cret"])


def test_the_request_is_not_changed_and_not_printed():
    given_fields = fields(input="s3cret", title="t", dimensions=3)
    before = dict(given_fields)
    request = translate(given_fields, ENDPOINT, drops=frozenset({"dimensions"}))
    assert given_fields == before
    assert repr(request) == "<Request>"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.fixed_dictionaries(
        {"input": values | st.lists(st.text(max_size=5), min_size=1, max_size=4)}, optional={"dimensions": values, "x": values}
    )
)
def test_any_fields_are_translated_or_refused(given_fields):
    try:
        requests, _ = batch(**given_fields)
    except BadRequest:
        return
    texts = [given_fields["input"]] if isinstance(given_fields["input"], str) else given_fields["input"]
    assert [request["content"]["parts"][0]["text"] for request in requests] == texts
    assert [request.get("outputDimensionality") for request in requests] == [given_fields.get("dimensions")] * len(texts)
