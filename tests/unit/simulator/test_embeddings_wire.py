import base64
import math
import struct

import pytest
from openai import OpenAI
from tests.unit.simulator.raw_client import ask

from anyapi.simulator import read_fault
from anyapi.simulator.embeddings_wire import DIMENSIONS, LONGEST, vector


@pytest.fixture
def embed(sim):
    return lambda given="Hello", **fields: ask(sim.simulation["sim-open"].port, {"model": "e", "input": given, **fields}, "/v1/embeddings")


def test_a_vector_is_the_same_every_time_and_of_length_one(embed):
    body = embed().json
    assert (body["object"], body["model"], body["usage"]) == ("list", "e", {"prompt_tokens": 2, "total_tokens": 2})
    values = body["data"][0]["embedding"]
    assert values == embed().json["data"][0]["embedding"] == list(vector("e", b"Hello", DIMENSIONS))
    assert math.fsum(value * value for value in values) == pytest.approx(1.0, abs=1e-5)
    assert values != embed("hello").json["data"][0]["embedding"]
    assert values != embed(model="f").json["data"][0]["embedding"]


@pytest.mark.parametrize("dimensions", [1, 2, 256, LONGEST])
def test_dimensions(embed, dimensions):
    short, long = embed(dimensions=dimensions).json["data"][0]["embedding"], vector("e", b"Hello", LONGEST)
    assert len(short) == dimensions
    assert short[0] / short[-1] == pytest.approx(long[0] / long[dimensions - 1], rel=1e-4)


def test_base64_holds_the_same_numbers(embed):
    packed = base64.b64decode(embed(encoding_format="base64", dimensions=16).json["data"][0]["embedding"])
    assert list(struct.unpack("<16f", packed)) == embed(encoding_format="float", dimensions=16).json["data"][0]["embedding"]


@pytest.mark.parametrize(
    ("given", "count", "tokens"),
    [("abcde", 1, 2), (["abcd", "efgh"], 2, 2), (["日本", "x"], 2, 2), ([1, 2, 3], 1, 3), ([[1], [2, 3]], 2, 3)],
)
def test_inputs_and_their_tokens(sim, embed, given, count, tokens):
    body = embed(given).json
    assert [row["index"] for row in body["data"]] == list(range(count))
    assert body["usage"]["prompt_tokens"] == tokens
    entry = sim.ledger("sim-open")["entries"][0]
    assert (entry["path"], entry["prompt_tokens"], entry["completion_tokens"]) == ("/v1/embeddings", tokens, 0)
    assert (entry["reported_prompt_tokens"], entry["outcome"]) == (tokens, "answered")


@pytest.mark.parametrize(
    "fields",
    [
        {"input": []},
        {"input": ""},
        {"input": ["a", ""]},
        {"input": [[]]},
        {"input": [1, "a"]},
        {"input": {"a": 1}},
        {"input": ["a"] * 2049},
        {"dimensions": 0},
        {"dimensions": LONGEST + 1},
        {"encoding_format": "int8"},
    ],
)
def test_what_a_provider_would_refuse(embed, fields):
    answer = embed(**{"given": "x", **{"given" if name == "input" else name: value for name, value in fields.items()}})
    assert answer.status == 400
    assert answer.json["error"]["type"] == "invalid_request_error"


def test_faults(sim, embed):
    faults = ["status/status:429", "bad_json", "close/at:300", "usage", "giant_line/mib:0.1"]
    limited, broken, cut, silent, long = (embed(model=f"e@@{fault}") for fault in faults)
    assert limited.status == 429
    assert sim.ledger("sim-open")["outcomes"] == {"error": 1, "malformed": 1, "cut": 1, "answered": 2}
    assert broken.body == b"{'not': json,}"
    assert len(cut.raw) == 300
    assert "usage" not in silent.json
    assert len(long.body) > 100_000
    assert long.json["data"]


def test_the_official_sdk_reads_it(sim):
    sim.script("sim-open", [None, None, read_fault('{"kind":"status","status":429}')])
    settings = {"base_url": sim.base_urls["sim-open"], "api_key": "k", "max_retries": 0}
    # The SDK's strict mode looks at base64 before the SDK itself has decoded it.
    with OpenAI(**settings) as client, OpenAI(**settings, _strict_response_validation=True) as strict:
        packed = client.embeddings.create(model="e", input=["a", "b"], dimensions=4)
        plain = strict.embeddings.create(model="e", input=["a", "b"], dimensions=4, encoding_format="float")
        assert [row.embedding for row in packed.data] == [row.embedding for row in plain.data]
        with pytest.raises(Exception, match="429"):
            client.embeddings.create(model="e", input="a")
