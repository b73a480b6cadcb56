"""The adapter for embeddings at Gemini: path and body out, OpenAI's list back."""

import json

import msgspec
import pytest
from tests.unit.policy.samples import endpoint

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.domain.usage import TokenCount
from anyapi.errors import BadRequest
from anyapi.upstream.adapter import Adapter, OutboundChat, ProviderRow, StreamReader
from anyapi.upstream.gemini_embeddings import GeminiEmbeddings

ADAPTER: Adapter = GeminiEmbeddings()
ENDPOINT = endpoint("google-ai-studio", upstream_model="gemini-embedding-001")
BAD = Outcome(OutcomeKind.BAD_RESPONSE)
BODY = b'{"embeddings":[{"values":[1.0]},{"values":[2.0]}],"usageMetadata":{"promptTokenCount":4}}'


def call(**fields):
    body = {"model": "google/gemini-embedding-001", "input": ["a", "b"], **fields}
    return OutboundChat({name: msgspec.Raw(json.dumps(value).encode()) for name, value in body.items()})


def test_the_request():
    prepared = ADAPTER.prepare(call(dimensions=8, title="t"), ENDPOINT, ProviderRow())
    assert prepared.path == b"/models/gemini-embedding-001:batchEmbedContents"
    assert (prepared.headers, prepared.adjusted) == (b"", ("title",))
    assert json.loads(prepared.body) == {
        "requests": [
            {"model": "models/gemini-embedding-001", "content": {"parts": [{"text": text}]}, "outputDimensionality": 8} for text in "ab"
        ]
    }


def test_a_models_name_stays_inside_the_path():
    odd = endpoint("google-ai-studio", upstream_model="a/b:c@d")
    assert ADAPTER.prepare(call(), odd, ProviderRow()).path == b"/models/a%2Fb%3Ac%40d:batchEmbedContents"


def test_what_cannot_be_asked_names_its_field():
    with pytest.raises(BadRequest) as caught:
        ADAPTER.prepare(call(input=[1]), ENDPOINT, ProviderRow())
    assert caught.value.field == "input"


def test_the_answer_is_in_the_form_that_was_asked_for():
    found = ADAPTER.read_answer(BODY, call())
    assert [item["embedding"] for item in json.loads(found.body)["data"]] == [[1.0], [2.0]]
    assert (found.tokens, json.loads(found.body)["model"]) == (TokenCount(4, 0), "google/gemini-embedding-001")
    found = ADAPTER.read_answer(BODY, call(encoding_format="base64"))
    assert [item["embedding"] for item in json.loads(found.body)["data"]] == ["AACAPw==", "AAAAQA=="]


def test_there_is_a_vector_for_each_input():
    assert ADAPTER.read_answer(BODY, call(input="a")) == BAD
    assert ADAPTER.read_answer(BODY, call(input=None)) == BAD


def test_there_is_no_stream():
    reader: StreamReader = ADAPTER.open_stream(call())
    assert (reader.feed(b"data: {}\n\n"), reader.complete, reader.failure) == (b"", False, BAD)


def test_errors_are_those_of_google():
    found = ADAPTER.classify(400, None, b'{"error":{"status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}')
    assert found.kind is OutcomeKind.UNAUTHORIZED
