"""The seed request with curl, as the documentation prints it: whole, streamed, refused."""

import json
import shutil
import subprocess

import pytest
from tests.clients.transcripts import DENIED, MESSAGES, MODEL, SEED_POLICY
from tests.tools.gateway import received, simulated

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="SKIPPED LOUDLY: curl is missing: it is NOT tested")

SEED = {"model": MODEL, "data_policy": SEED_POLICY, "messages": MESSAGES}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A gateway and simulated providers."""
    with simulated(tmp_path_factory.mktemp("curl") / "home") as (gateway, simulation):
        yield gateway, simulation


def curl(gateway, body: object, *more: str, path: str = "/v1/chat/completions") -> tuple[int, str, str]:
    """Status, head and body of what curl gets."""
    arguments = ["curl", "-sS", "-N", "-D", "/dev/stderr", "--max-time", "20", "-H", f"Authorization: Bearer {gateway.key}"]
    arguments += ["-H", "Content-Type: application/json", "--data-binary", "@-", *more, f"{gateway.url}{path}"]
    ran = subprocess.run(arguments, input=json.dumps(body), capture_output=True, text=True, check=True)
    final = ran.stderr.rstrip().split("\n\n")[-1]
    return int(final.split()[1]), final.lower(), ran.stdout


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/v1/chat/completions"])
def test_whole(place, path):
    status, head, body = curl(place[0], SEED, path=path)
    assert status == 200
    assert "x-anyapi-retention-days: 30" in head
    assert "content-type: application/json" in head
    assert json.loads(body)["choices"][0]["message"]["content"].startswith("This is claude-3.5-sonnet.")


@pytest.mark.parametrize("version", ["--http1.1", "--http1.0"])
def test_streamed(place, version):
    status, head, body = curl(place[0], {**SEED, "stream": True}, version)
    assert status == 200
    assert "content-type: text/event-stream" in head
    events = [line.removeprefix("data: ") for line in body.splitlines() if line]
    assert events[-1] == "[DONE]"
    text = "".join(json.loads(event)["choices"][0]["delta"].get("content") or "" for event in events[:-1])
    assert text.startswith("This is claude-3.5-sonnet.")


def test_refused(place):
    gateway, simulation = place
    before = received(simulation)
    status, _, body = curl(gateway, {**SEED, **DENIED})
    assert status == 403
    assert json.loads(body)["error"]["type"] == "no_eligible_endpoint"
    assert received(simulation) == before


def test_large_body_with_expectation(place):
    """curl asks before it sends a large body."""
    messages = [{"role": "user", "content": "word " * 300_000}]
    status, _, body = curl(place[0], {**SEED, "messages": messages, "max_tokens": 5}, "-H", "Expect: 100-continue")
    assert status == 200, body[:500]


def test_explained(place):
    gateway, simulation = place
    before = received(simulation)
    status, _, body = curl(gateway, {"model": MODEL, "data_policy": SEED_POLICY}, path="/v1/explain")
    assert status == 200
    assert "sim-30d" in body
    assert received(simulation) == before


@pytest.mark.parametrize(
    ("path", "fields", "ending"),
    [
        ("/v1/messages", {"messages": MESSAGES, "max_tokens": 100}, "message_stop"),
        ("/v1/responses", {"input": "Hello"}, "response.completed"),
    ],
)
def test_the_other_formats(place, path, fields, ending):
    """As docs/clients/curl.md prints them."""
    asked = {"model": MODEL, "data_policy": SEED_POLICY, **fields}
    status, head, body = curl(place[0], asked, path=path)
    assert status == 200
    assert "x-anyapi-retention-days: 30" in head
    assert "This is claude-3.5-sonnet." in body
    status, _, body = curl(place[0], {**asked, "stream": True}, path=path)
    assert status == 200
    assert [line for line in body.splitlines() if line.startswith("event: ")][-1] == f"event: {ending}"
    status, _, _ = curl(place[0], {**asked, **DENIED}, path=path)
    assert status == 403


def test_embeddings_and_counting(place):
    """Counting asks no provider; no model of the demo makes vectors, and the answer says so."""
    status, _, body = curl(place[0], {"model": MODEL, "messages": MESSAGES}, path="/v1/messages/count_tokens")
    assert status == 200
    assert json.loads(body)["input_tokens"] > 0
    status, _, _ = curl(place[0], {"model": MODEL, "input": "Hello"}, path="/v1/embeddings")
    assert status == 404


def test_api_key_header(place):
    gateway, _ = place
    status, _, _ = curl(gateway, SEED, "-H", "Authorization:", "-H", f"x-api-key: {gateway.key}")
    assert status == 200
