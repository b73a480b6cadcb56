"""What OpenAI serves under one key, at its own paths and at Azure's."""

import pytest
from tests.unit.simulator.raw_client import ask, chat, get

from anyapi.simulator import ModelSpec, ProviderSpec, SimulationThread

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
