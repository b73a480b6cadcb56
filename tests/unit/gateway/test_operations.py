"""The other formats: each reads its own body and goes the same path as a chat completion."""

import json

import pytest
from tests.unit.gateway.test_exchange import completion
from tests.unit.gateway.workbench import gateway
from tests.unit.policy.samples import MODEL
from tests.unit.upstream.provider import answer, playing, silent
from tests.unit.wire.peers import on_loop

JSON = b"content-type: application/json"
BODIES = {
    "messages": {"model": MODEL, "max_tokens": 5, "messages": [{"role": "user", "content": "hello"}]},
    "responses": {"model": MODEL, "input": "hello"},
}


@pytest.mark.parametrize("name", BODIES)
@on_loop
async def test_a_request_is_answered_in_its_own_format(name):
    async with gateway(playing(answer(completion(), JSON), then=silent)) as running:
        response = await running.post(BODIES[name], path=f"/v1/{name}".encode())
        assert response.status == 200
        body = json.loads(response.body)
        assert body["type" if name == "messages" else "object"] == {"messages": "message", "responses": "response"}[name]
        (row,) = running.rows
        assert (row.operation, row.outcome) == (name, "success")


@pytest.mark.parametrize("name", [*BODIES, "embeddings"])
@on_loop
async def test_what_is_missing_is_named(name):
    async with gateway(silent) as running:
        response = await running.post({"model": MODEL}, path=f"/v1/{name}".encode())
        assert response.status == 400
        assert json.loads(response.body)["error"]["param"] == {"messages": "messages", "responses": "input", "embeddings": "input"}[name]
        assert running.rows == []


@on_loop
async def test_a_chat_model_makes_no_vectors():
    async with gateway(silent) as running:
        response = await running.post({"model": MODEL, "input": "hello"}, path=b"/v1/embeddings")
        assert response.status in {403, 404}
