"""The official SDKs' own test suites against a gateway in front of simulated providers: every test of a route that is served passes.

What is different from the suites as they are shipped stands in `sdk_suites/*.toml`, with reasons, and nothing there may be stale: a test
that is said to fail has to fail, an argument that is taken out has to be refused, a pattern has to fit something, and every file of tests
that talk to a server is either run or said not to be served.
"""

import fnmatch
import hashlib
import time

import pytest
from tests.clients.sdk_suite import STILL, bring, edit, files, read_plan, run, unpack
from tests.tools.gateway import simulated

from anyapi.domain.ids import AccountId, KeyId
from anyapi.simulator import ModelSpec, ProviderSpec, WireName
from anyapi.storage.rows import KeyRow

pytestmark = pytest.mark.clients

SDKS = ("openai", "anthropic")
SPECS = (
    ProviderSpec(
        "sim-openai",
        models=(
            ModelSpec("openai/gpt-6-astra", "gpt-6-astra", 1.0, 1.0),
            ModelSpec("openai/text-embedding-3-small", "text-embedding-3-small", 1.0, 1.0, dimensions=1536),
        ),
    ),
    ProviderSpec("sim-anthropic", wire=WireName.ANTHROPIC, models=(ModelSpec("anthropic/claude-opus-5-5", "claude-opus-5-5", 1.0, 1.0),)),
)
PASSING = {"openai": 226, "anthropic": 210}
"""How many tests pass of the locked versions: fewer, and something was left out."""


@pytest.fixture(scope="session")
def packages():
    """The Python that runs the suites, and the folder of the SDKs' source packages."""
    return bring()


@pytest.fixture
def suite(request, packages, tmp_path):
    """The plan of an SDK, and its suite as it is shipped."""
    plan = read_plan(request.param)
    (sdist,) = packages[1].glob(f"{plan.package}-*.tar.gz")
    return plan, unpack(sdist, tmp_path / "suite")


def admit(gateway, key: str) -> None:
    """Have the gateway know the key that a suite sends."""
    gateway.stop()
    digest = hashlib.sha256(key.encode()).digest()
    with gateway.store() as store:
        store.add_key(KeyRow(id=KeyId("key_suite"), prefix="suite", sha256=digest, account=AccountId("default"), created_at=time.time()))
    gateway.start()


@pytest.mark.parametrize("suite", SDKS, indirect=True)
def test_every_file_of_the_suite_is_run_or_said_not_to_be_served(suite):
    plan, root = suite
    found = files(root)
    assert set(plan.served) <= found
    assert not {path for path in found if (path in plan.served) == (plan.reason(path) is not None)}
    assert not [pattern for pattern in plan.not_served if not fnmatch.filter(found, pattern)]


@pytest.mark.timeout(700)
@pytest.mark.parametrize("suite", SDKS, indirect=True)
def test_the_suite_passes(suite, packages, tmp_path):
    plan, root = suite
    used = edit(root, plan)
    assert used == {(name, word) for name, words in plan.without.items() for word in words} | {(name, "") for name in plan.added}
    with simulated(tmp_path / "home", SPECS) as (gateway, _):
        admit(gateway, plan.key)
        outcomes = run(packages[0], root, plan, gateway.url)
    expected = {one.name: STILL in one.name or plan.expected_failure(one.name) is not None for one in outcomes}
    wrong = [f"{one.state} {one.name}\n{one.text}" for one in outcomes if (one.state != "passed") != expected[one.name]]
    assert not wrong, "\n\n".join(wrong)[:20_000]
    assert not [one.name for one in outcomes if one.state == "skipped"]
    assert {plan.expected_failure(name) for name in expected} >= set(plan.fails), "a pattern that fits no test"
    assert sum(one.state == "passed" for one in outcomes) == PASSING[plan.package]


@pytest.mark.parametrize("suite", ["openai"], indirect=True)
def test_strict_embeddings_fail_straight_at_the_provider_too(suite, packages, tmp_path):
    """The only tests of a served route that are said to fail for a reason of the SDK's own."""
    plan, root = suite
    plan = plan.only("test_embeddings.py")
    with simulated(tmp_path / "home", SPECS) as (_, simulation):
        outcomes = run(packages[0], root, plan, simulation.base_urls["sim-openai"].removesuffix("/v1"))
    failed = {one.name for one in outcomes if one.state == "failed"}
    assert failed == {one.name for one in outcomes if plan.expected_failure(one.name)}
    assert len(failed) == 9
