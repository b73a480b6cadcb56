"""Gemini's vectors as OpenAI's list: in both forms, with and without usage, and what is no answer."""

import base64
import json
import struct

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.domain.usage import TokenCount
from anyapi.upstream.adapter import Answer
from anyapi.upstream.translate.embedding_vectors import Form
from anyapi.upstream.translate.gemini_to_openai_embeddings import translate

BAD = Outcome(OutcomeKind.BAD_RESPONSE)
MODEL = msgspec.Raw(b'"google/x"')


def batch(*vectors, **more):
    return json.dumps({"embeddings": [{"values": vector} for vector in vectors], **more}).encode()


def read(body, inputs=2, form=Form.NUMBERS):
    return translate(body, model=MODEL, inputs=inputs, form=form)


def packed(numbers):
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def test_an_answer():
    found = read(batch([0.1, -2], [3e-5], usageMetadata={"promptTokenCount": 7, "promptTokenDetails": [{}]}, metadata={}))
    assert json.loads(found.body) == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.1, -2]},
            {"object": "embedding", "index": 1, "embedding": [3e-5]},
        ],
        "model": "google/x",
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    }
    assert (found.tokens, found.refused, found.empty) == (TokenCount(7, 0), False, False)


def test_numbers_keep_the_text_that_gemini_wrote():
    found = read(b'{"embeddings":[{"values":[ 0.10000,1E-2 ]}]}', 1)
    assert b"[ 0.10000,1E-2 ]" in found.body


def test_base64_is_made_here():
    found = json.loads(read(batch([0.1, 0.2], [1]), form=Form.BASE64).body)
    assert [item["embedding"] for item in found["data"]] == [packed([0.1, 0.2]), packed([1])]


@pytest.mark.parametrize(
    "usage",
    [None, {}, [], "x", {"promptTokenCount": None}, {"promptTokenCount": -1}, {"promptTokenCount": "7"}, {"promptTokenCount": 10**10}],
)
def test_usage_that_is_not_stated(usage):
    found = read(batch([0.1], [0.2], usageMetadata=usage))
    assert found.tokens is None
    assert json.loads(found.body)["usage"] == {"prompt_tokens": 0, "total_tokens": 0}, "the field is required"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{}", b"\xff", batch(), batch([0.1]), batch([0.1], [0.2], [0.3]), batch([0.1], []), batch([0.1], None),
        batch([0.1], "AACAPw=="), batch([0.1], ["a"]), batch([0.1], [None]), batch([0.1], 5), batch([0.1], {}),
        json.dumps({"embeddings": None}).encode(), json.dumps({"embeddings": [{}, {}]}).encode(), batch([0.1], [0.2])[:-2], b"[" * 100_000,
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", list(Form))
def test_what_is_no_answer(body, form):
    assert read(body, form=form) == BAD


def test_a_number_that_32_bits_do_not_hold():
    assert read(batch([1e300], [0.1]), form=Form.BASE64) == BAD


def test_an_error_that_came_as_a_success():
    found = read(json.dumps({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "s3cret"}}).encode())
    assert found.kind is OutcomeKind.RATE_LIMITED
    assert "s3cret" not in repr(found)


vectors = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=6)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(vectors, min_size=1, max_size=4), st.sampled_from(Form))
def test_no_number_is_lost(numbers, form):
    found = json.loads(read(batch(*numbers), len(numbers), form).body)
    assert [item["embedding"] for item in found["data"]] == [one if form is Form.NUMBERS else packed(one) for one in numbers]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=80) | st.integers(0, len(batch([0.1], [0.2]))).map(lambda cut: batch([0.1], [0.2])[:cut]))
def test_any_bytes_are_an_answer_or_an_outcome(body):
    assert isinstance(read(body), Answer | Outcome)
