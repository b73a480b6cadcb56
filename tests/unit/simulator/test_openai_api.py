"""What OpenAI serves under one key, at its own paths and at Azure's."""

import pytest
from tests.unit.simulator.raw_client import ask, chat, get

from anyapi.simulator import ModelSpec, ProviderSpec, SimulationThread, WireName

KEY = "sk-simulated"
CHAT = ModelSpec("own/chat", "chat")
VECTORS = ModelSpec("own/vectors", "vectors", dimensions=8)


@pytest.fixture(scope="module")
def azure():
    with SimulationThread([ProviderSpec("azure", models=(CHAT, VECTORS), api_key=KEY)]) as running:
        yield running.simulation["azure"].port


@pytest.mark.parametrize("header", [f"api-key: {KEY}", f"authorization: Bearer {KEY}"])
@pytest.mark.parametrize("path", ["/openai/v1/chat/completions", "/openai/deployments/chat/chat/completions?api-version=2024-10-21"])
def test_azures_paths_and_header(azure, header, path):
    assert ask(azure, chat(model="chat"), path, (header,)).status == 200
    assert ask(azure, chat(model="chat"), path, ("api-key: wrong",)).status == 401


def test_a_deployment_in_the_path_is_the_model(azure):
    path = "/openai/deployments/%s/chat/completions?api-version=2024-10-21"
    assert ask(azure, chat(model="whatever"), path % "chat", (f"api-key: {KEY}",)).json["model"] == "chat"
    assert ask(azure, chat(model="chat"), path % "other", (f"api-key: {KEY}",)).status == 404


def test_responses_and_embeddings_of_azure(azure):
    header = (f"api-key: {KEY}",)
    assert ask(azure, {"model": "chat", "input": "x"}, "/openai/v1/responses", header).json["object"] == "response"
    assert len(ask(azure, {"model": "vectors", "input": "x"}, "/openai/v1/embeddings", header).json["data"][0]["embedding"]) == 8
    assert [row["id"] for row in get(azure, "/openai/v1/models", header).json["data"]] == ["chat", "vectors"]


def test_azures_older_api_wants_its_version_and_knows_no_store(azure):
    header, path = (f"api-key: {KEY}",), "/openai/deployments/%s/%s"
    version = "?api-version=2024-10-21"
    vector = ask(azure, {"model": "whatever", "input": "x"}, path % ("vectors", "embeddings") + version, header)
    assert (vector.status, vector.json["model"]) == (200, "vectors")
    assert ask(azure, {"model": "chat", "input": "x"}, "/openai/responses" + version, header).status == 200
    for name, operation in (("chat", "chat/completions"), ("vectors", "embeddings")):
        assert ask(azure, chat(model="chat"), path % (name, operation), header).status == 404
    assert ask(azure, {"model": "chat", "input": "x"}, "/openai/responses", header).status == 404
    refused = ask(azure, chat(model="chat") | {"store": False}, path % ("chat", "chat/completions") + version, header)
    assert "store" in refused.json["error"]["message"]


def test_a_resource_of_azure_serves_its_own_paths_by_its_own_header():
    with SimulationThread([ProviderSpec("azure", wire=WireName.AZURE, models=(CHAT,), api_key=KEY)]) as running:
        port = running.simulation["azure"].port
        path = "/openai/v1/chat/completions"
        assert ask(port, chat(model="chat"), path, (f"api-key: {KEY}",)).status == 200
        assert ask(port, chat(model="chat"), path, (f"authorization: Bearer {KEY}",)).status == 401
        assert ask(port, chat(model="chat"), "/v1/chat/completions", (f"api-key: {KEY}",)).status == 401


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/embeddings", {"model": "chat", "input": "x"}),
        ("/v1/chat/completions", chat(model="vectors")),
        ("/v1/responses", {"model": "vectors", "input": "x"}),
    ],
)
def test_a_model_does_one_thing(azure, path, body):
    answer = ask(azure, body, path, (f"api-key: {KEY}",))
    assert answer.status == 400
    assert "does not do" in answer.json["error"]["message"]
