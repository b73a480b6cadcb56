"""What Google serves under one key, at the Gemini API's paths and at Vertex AI's."""

import pytest
from tests.unit.simulator.raw_client import ask, get

from anyapi.simulator import ModelSpec, ProviderSpec, SimulationThread, WireName

KEY = "key-simulated"
CHAT, VECTORS = ModelSpec("own/chat", "chat"), ModelSpec("own/vectors", "vectors", dimensions=8)
BODY = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
BATCH = {"requests": [{"model": "models/vectors", "content": {"parts": [{"text": "Hello"}]}}]}
VERTEX = "/v1/projects/p/locations/l/publishers/google/models/chat:generateContent"


@pytest.fixture(scope="module")
def google():
    with SimulationThread([ProviderSpec("google", wire=WireName.GEMINI, models=(CHAT, VECTORS), api_key=KEY)]) as running:
        yield running.simulation["google"].port


@pytest.mark.parametrize("path", ["/v1beta/models/chat:generateContent", VERTEX])
def test_both_paths_want_the_key(google, path):
    for header in (f"x-goog-api-key: {KEY}", f"authorization: Bearer {KEY}"):
        assert ask(google, BODY, path, (header,)).status == 200
    assert ask(google, BODY, path, ("x-goog-api-key: wrong",)).status == (401 if "publishers" in path else 400)


def test_a_model_does_what_it_is_for(google):
    header, embed = (f"x-goog-api-key: {KEY}",), "/v1beta/models/%s:batchEmbedContents"
    assert len(ask(google, BATCH, embed % "vectors", header).json["embeddings"][0]["values"]) == 8
    other = {"requests": [BATCH["requests"][0] | {"model": "models/chat"}]}
    assert ask(google, other, embed % "chat", header).status == 400
    assert ask(google, BODY, "/v1beta/models/vectors:generateContent", header).status == 400


def test_models_are_listed(google):
    listed = get(google, "/v1beta/models", (f"x-goog-api-key: {KEY}",)).json["models"]
    assert [row["name"] for row in listed] == ["models/chat", "models/vectors"]
