"""The official Node SDK, unmodified, in front of the gateway and straight at a provider: one story, told twice."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.clients.transcripts import MODEL, SEED_POLICY, UPSTREAM_MODEL, without_ids
from tests.tools.gateway import received, simulated

from anyapi.simulator import DEFAULT_PROVIDERS, ModelSpec, ProviderSpec, read_fault

pytestmark = pytest.mark.timeout(180)

HERE = Path(__file__).parent / "node"
FAULTS = {
    "limited": {"kind": "status", "status": 429},
    "overloaded": {"kind": "status", "status": 503},
    "broken-off": {"kind": "close", "at": 4, "of": "events"},
}
SPECS = (
    *DEFAULT_PROVIDERS,
    *(
        ProviderSpec(f"sim-{name}", models=(ModelSpec(f"acme/{name}", name, 1.0, 1.0),), faults=(read_fault(json.dumps(fault)),))
        for name, fault in FAULTS.items()
    ),
)


def installed() -> Path:
    """A directory with the SDK of the lock file, kept in the virtual environment. Skips the test where npm cannot install it."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("SKIPPED LOUDLY: node and npm are missing: openai-node is NOT tested")
    lock = (HERE / "package-lock.json").read_bytes()
    place = Path(sys.prefix) / "node" / hashlib.sha256(lock).hexdigest()[:16]
    if not (place / "done").exists():
        place.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(HERE / name, place / name)
        ran = subprocess.run(["npm", "ci", "--ignore-scripts"], cwd=place, capture_output=True, text=True, check=False, timeout=150)
        if ran.returncode:
            pytest.skip("SKIPPED LOUDLY: npm could not install openai-node (no network?): it is NOT tested")
        (place / "done").touch()
    shutil.copy(HERE / "run.mjs", place / "run.mjs")
    return place


def tell(place: Path, base_url: str, key: str, model: str, policy: dict[str, object]) -> dict:
    """Run the story."""
    arguments = ["node", "run.mjs", base_url, key, model, json.dumps(policy)]
    ran = subprocess.run(arguments, cwd=place, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def stories(tmp_path_factory):
    """The story through the gateway and straight at the provider that answered, and what the providers saw of the first."""
    place = installed()
    policy = {"data_policy": {**SEED_POLICY, "providers": {"only": ["sim-30d"]}}}
    with simulated(tmp_path_factory.mktemp("node") / "home", SPECS) as (gateway, simulation):
        through = tell(place, f"{gateway.url}/v1", gateway.key, MODEL, policy)
        simulation.idle()
        seen = received(simulation)
        leaked = {name: simulation.ledger(name)["leaked"] for name in seen}
        straight = tell(place, simulation.base_urls["sim-30d"], "any-key", UPSTREAM_MODEL, {})
    return through, straight, seen, leaked


def test_seed_request_is_answered_by_a_permitted_endpoint(stories):
    through, _, seen, leaked = stories
    headers = through["headers"]
    assert headers["x-anyapi-provider"] == "sim-30d"
    assert headers["x-anyapi-training-allowed"] == "false"
    assert headers["x-anyapi-retention-days"] == "30"
    assert headers["x-anyapi-decision"].startswith("dec_")
    assert "sim-30d" in through["transcript"]["plain"]["choices"][0]["message"]["content"]
    assert seen["sim-forever"] == seen["sim-free"] == seen["sim-unknown"] == seen["sim-zero"] == 0
    assert not any(leaked.values())


@pytest.mark.parametrize("part", ["plain", "stream", "tool", "toolStream", "structured", "parsed", "image", "cancelled"])
def test_transcript_is_that_of_the_provider(stories, part):
    through, straight, *_ = stories
    assert without_ids(through["transcript"][part]) == without_ids(straight["transcript"][part])
    assert through["transcript"][part]


@pytest.mark.parametrize(
    ("name", "kind", "status", "wire_type"),
    [
        ("key", "AuthenticationError", 401, "authentication_error"),
        ("model", "NotFoundError", 404, "model_not_found"),
        ("denied", "PermissionDeniedError", 403, "no_eligible_endpoint"),
        ("deniedStream", "PermissionDeniedError", 403, "no_eligible_endpoint"),
        ("limited", "RateLimitError", 429, "rate_limit"),
        ("overloaded", "InternalServerError", 503, "overloaded"),
    ],
)
def test_errors_have_the_class_that_the_sdk_knows(stories, name, kind, status, wire_type):
    failure = stories[0]["failures"][name]
    assert failure is not None, "no error was thrown"
    assert (failure["kind"], failure["status"], failure["type"]) == (kind, status, wire_type)


def test_a_refusal_lists_every_endpoint_with_its_rules(stories):
    endpoints = stories[0]["failures"]["denied"]["error"]["metadata"]["endpoints"]
    assert {f"{provider.id}/{UPSTREAM_MODEL}" for provider in DEFAULT_PROVIDERS} <= {each["endpoint"] for each in endpoints}
    assert all(each["reasons"] for each in endpoints)


def test_a_stream_that_breaks_off_throws(stories):
    assert stories[0]["failures"]["broken"]["kind"] == "APIError"


def test_the_lock_file_names_no_registry():
    """It works with any mirror, and says nothing of where it was made."""
    lock = (HERE / "package-lock.json").read_text()
    assert not re.search(r"\"resolved\"|https?:", lock)
    assert re.search(r"\"integrity\": \"sha512-", lock)
