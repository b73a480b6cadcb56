"""Every client format over every provider format, whole and streamed, through a real gateway: the answer arrives in the client's format.

Only formats are checked here: which endpoint may answer is decided before a format matters, and tested elsewhere.
"""

import contextlib
import http.client
import json
import time

import pytest
from tests.tools.gateway import simulated

from anyapi.simulator import FORMATS, ModelSpec, ProviderSpec, WireName, key_variable, read_fault

WORDS = "The lamp is replaced free of charge."
SAY = read_fault(json.dumps({"kind": "say", "text": WORDS}))
WIRES = {str(wire): wire for wire in FORMATS}


def provider(name, wire, fault=None):
    models = (ModelSpec(f"acme/{name}", "claude-sonnet-4-5", 1.0, 1.0),)
    return ProviderSpec(f"sim-{name}", wire=wire, api_key=f"key-of-{name}", models=models, faults=(fault,) if fault else ())


SPECS = (
    *(provider(name, wire, SAY) for name, wire in WIRES.items()),
    *(provider(f"{name}-broken", wire, read_fault('{"kind":"status","status":500}')) for name, wire in WIRES.items()),
    provider("rows", WireName.OPENAI, SAY),
    ProviderSpec("sim-named", models=(ModelSpec("acme/named", "vendors-own-name", 1.0, 1.0),)),
    ProviderSpec("sim-vectors", models=(ModelSpec("acme/vectors", "vectors", 1.0, 0.0, dimensions=8),)),
)
PROMPT = "What about my lamp?"
BODIES = {
    "chat/completions": {"messages": [{"role": "user", "content": PROMPT}]},
    "messages": {"messages": [{"role": "user", "content": PROMPT}], "max_tokens": 500},
    "responses": {"input": PROMPT},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    keys = {key_variable(spec.id): spec.api_key for spec in SPECS if spec.api_key}
    with simulated(tmp_path_factory.mktemp("dialects") / "home", SPECS, environment=keys) as (gateway, simulation):
        yield gateway, simulation


def post(gateway, path, body):
    """One request with the gateway's key."""
    return gateway.request("POST", f"/v1/{path}", body)


def post_as(gateway, path, body, headers):
    """Status and body of a request with these headers and no other credential."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    with contextlib.closing(connection):
        connection.request("POST", f"/v1/{path}", json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def text_of(path, body):
    """The words of a whole answer."""
    if path == "chat/completions":
        return body["choices"][0]["message"]["content"]
    parts = (
        body["content"]
        if path == "messages"
        else [part for item in body["output"] if item["type"] == "message" for part in item["content"]]
    )
    return "".join(part["text"] for part in parts if part["type"] in {"text", "output_text"})


def streamed_text(path, events):
    """The words of a stream, and whether its own terminal event came."""
    datas = [json.loads(data) for data in events if data != "[DONE]"]
    if path == "chat/completions":
        return "".join(choice["delta"].get("content") or "" for data in datas for choice in data["choices"]), events[-1] == "[DONE]"
    if path == "messages":
        deltas = [data["delta"] for data in datas if data["type"] == "content_block_delta"]
        return "".join(delta.get("text", "") for delta in deltas), datas[-1]["type"] == "message_stop"
    deltas = [data["delta"] for data in datas if data["type"] == "response.output_text.delta"]
    return "".join(deltas), datas[-1]["type"] == "response.completed"


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("path", BODIES)
def test_whole(place, path, wire):
    gateway, _ = place
    answer = post(gateway, path, {"model": f"acme/{wire}", **BODIES[path]})
    assert answer.status == 200, answer.body
    assert text_of(path, answer.json()) == WORDS
    usage = answer.json()["usage"]
    assert sum(value for name, value in usage.items() if name in {"prompt_tokens", "input_tokens"}) > 0
    assert answer.headers["x-anyapi-endpoint"] == f"sim-{wire}/claude-sonnet-4-5"


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("path", BODIES)
def test_streamed(place, path, wire):
    gateway, _ = place
    answer = post(gateway, path, {"model": f"acme/{wire}", **BODIES[path], "stream": True})
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert streamed_text(path, answer.events()) == (WORDS, True)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("path", BODIES)
def test_a_failing_provider_is_told_in_the_clients_envelope(place, path, wire):
    gateway, _ = place
    answer = post(gateway, path, {"model": f"acme/{wire}-broken", **BODIES[path]})
    assert answer.status == 502
    body = answer.json()
    if path == "messages":
        assert (body["type"], body["error"]["type"], body["error"]["details"]["error_code"]) == ("error", "api_error", "upstream_error")
    else:
        assert (body["error"]["code"], body["error"]["type"]) == (502, "upstream_error")


@pytest.mark.parametrize("path", BODIES)
def test_policy_holds_in_every_format(place, path):
    gateway, _ = place
    body = {"model": "acme/openai", **BODIES[path], "data_policy": {"certifications": ["hipaa"]}}
    answer = post(gateway, path, body)
    assert answer.status == 403
    assert answer.json()["error"]["metadata"]["endpoints"]


def test_the_usage_rows_name_the_operation(place):
    gateway, _ = place
    for path, body in BODIES.items():
        post(gateway, path, {"model": "acme/rows", **body})

    def operations():
        return [row.operation for row in gateway.usage() if row.model == "acme/rows"]

    deadline = time.monotonic() + 5
    while len(operations()) < len(BODIES) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert operations() == ["chat_completions", "messages", "responses"]


BARE = "vendors-own-name"


@pytest.mark.parametrize("path", [*BODIES, "embeddings"])
def test_a_providers_own_name_means_its_model(place, path):
    """Unchanged clients send it. It is recorded as the model of the catalogue, and what the model does counts."""
    gateway, simulation = place
    before = simulation.ledger("sim-named")["requests"]
    answer = post(gateway, path, {"model": BARE, **(BODIES.get(path) or {"input": "one"})})
    assert answer.status == (404 if path == "embeddings" else 200), answer.body
    assert simulation.ledger("sim-named")["requests"] == before + (answer.status == 200)
    shown = gateway.request("GET", f"/v1/models/{BARE}").json()
    assert shown["id"] == "acme/named"
    explained = post(gateway, "explain", {"model": BARE}).json()
    assert ([model["model"] for model in explained["models"]], explained["unknown_models"]) == (["acme/named"], 0)
    assert post(gateway, path, {"model": BARE.upper(), **(BODIES.get(path) or {"input": "one"})}).status == 404


def test_a_providers_own_name_widens_nothing(place):
    gateway, simulation = place
    before = simulation.ledger("sim-named")["requests"]
    denied = post(gateway, "messages", {"model": BARE, **BODIES["messages"], "data_policy": {"retention_days": 0}})
    assert (denied.status, denied.json()["error"]["metadata"]["endpoints"][0]["endpoint"]) == (403, f"sim-named/{BARE}")
    several = {"models": [BARE, "acme/named", "acme/unknown"], **BODIES["chat/completions"]}
    assert post(gateway, "chat/completions", several).status == 200
    assert simulation.ledger("sim-named")["requests"] == before + 1
    deadline = time.monotonic() + 5
    while not any(row.status == 403 and row.model == "acme/named" for row in gateway.usage()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert BARE not in {row.model for row in gateway.usage()}


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings(place, encoding):
    gateway, _ = place
    answer = post(gateway, "embeddings", {"model": "acme/vectors", "input": ["one", "two"], "encoding_format": encoding})
    assert answer.status == 200, answer.body
    data = answer.json()["data"]
    assert len(data) == 2
    assert isinstance(data[0]["embedding"], str if encoding == "base64" else list)
    refused = post(gateway, "embeddings", {"model": "acme/openai", "input": "one"})
    assert refused.status == 404


def test_counting_tokens_asks_no_provider(place):
    gateway, simulation = place
    before = simulation.ledger("sim-anthropic")
    answer = post(gateway, "messages/count_tokens", {"model": "acme/anthropic", **BODIES["messages"]})
    assert answer.status == 200
    assert 3 < answer.json()["input_tokens"] < 30
    assert simulation.ledger("sim-anthropic") == before


def test_counting_tokens_of_no_model_is_refused_like_a_message(place):
    gateway, _ = place
    counted, asked = (
        post(gateway, path, {"model": "acme/nothing", **BODIES["messages"]}) for path in ("messages/count_tokens", "messages")
    )
    assert counted.status == asked.status == 404
    assert counted.json()["error"] == asked.json()["error"]
    assert counted.json()["error"]["type"] == "not_found_error"


def test_both_headers_carry_the_key(place):
    gateway, _ = place
    body = {"model": "acme/anthropic", **BODIES["messages"]}
    assert post_as(gateway, "messages", body, {"x-api-key": gateway.key})[0] == 200
    status, missing = post_as(gateway, "messages", body, {})
    assert (status, missing["error"]["type"]) == (401, "authentication_error")
