import pytest
from tests.unit.simulator.raw_client import ask

from anyapi.simulator.embeddings_wire import DIMENSIONS, LONGEST, vector

PATH = "/v1beta/models/e:batchEmbedContents"


def one(text="Hello", **more):
    return {"model": "models/e", "content": {"parts": [{"text": text}]}, **more}


@pytest.fixture
def embed(sim):
    return lambda *requests, path=PATH: ask(sim.simulation["sim-gemini"].port, {"requests": list(requests)}, path)


def test_there_is_a_vector_for_each_content(sim, embed):
    body = embed(one("abcd"), one("efgh")).json
    assert [each["values"] for each in body["embeddings"]] == [list(vector("e", text, DIMENSIONS)) for text in (b"abcd", b"efgh")]
    assert body["usageMetadata"] == {"promptTokenCount": 2}
    entry = sim.ledger("sim-gemini")["entries"][0]
    assert (entry["prompt_tokens"], entry["completion_tokens"], entry["outcome"]) == (2, 0, "answered")


def test_the_length_is_what_is_asked_for(embed):
    assert [len(each["values"]) for each in embed(one(outputDimensionality=5), one("x", outputDimensionality=5)).json["embeddings"]] == [
        5,
        5,
    ]


@pytest.mark.parametrize(
    "requests",
    [
        [],
        [one()] * 101,
        [one() | {"model": "models/other"}],
        [one(outputDimensionality=0)],
        [one(outputDimensionality=LONGEST + 1)],
        [one(outputDimensionality=3), one()],
        [one("")],
        [one(unknown=1)],
        [{"model": "models/e"}],
    ],
)
def test_what_google_would_refuse_is_a_400(embed, requests):
    answer = embed(*requests)
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_other_methods_are_not_here(embed):
    assert embed(one(), path="/v1beta/models/e:embedContent").status == 404
