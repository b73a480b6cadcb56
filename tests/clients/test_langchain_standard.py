"""LangChain's own standard tests of chat models and embeddings (`langchain-tests`): the same results through the gateway as straight."""

import json
import subprocess
from xml.etree import ElementTree as ET

import pytest
from tests.clients.matrix import POLICY, PROVIDER_KEY, QUIET, ROOT, python_of
from tests.tools.gateway import simulated

from anyapi.simulator import ClaimedPolicy, ModelSpec, ProviderSpec, WireName, read_fault
from anyapi.simulator.demo_config import key_variable

pytestmark = [pytest.mark.clients, pytest.mark.timeout(400)]

REHEARSED = {
    "usual": (),
    "magic": {"kind": "call", "arguments": {"input": 3}},
    "customer": {"kind": "call", "arguments": {"customer_name": "\u4f60\u597d \u3053\u3093\u306b\u3061\u306f", "description": "A company"}},
    "weather": {"kind": "call", "tool": "get_weather", "arguments": {"location": "San Francisco, CA"}},
    "joke": {"kind": "say", "text": json.dumps({"setup": "Why?", "punchline": "Therefore."})},
}
"""What the models of a place say; the standard tests look for what their prompts ask for."""
WIRES = {"chat": WireName.OPENAI, "responses": WireName.OPENAI, "messages": WireName.ANTHROPIC}


def provider(wire, place):
    """The provider of a wire format at a place. Its second model has the same name there and here, as the tests want it back."""
    fault = REHEARSED[place]
    models = [ModelSpec(f"acme/{place}-{wire}", f"{place}-{wire}-1"), ModelSpec(f"acme/{place}-{wire}-other", f"acme/{place}-{wire}-other")]
    if wire is WireName.OPENAI:
        models.append(ModelSpec(f"acme/{place}-vectors", "vectors-1", dimensions=8))
    return ProviderSpec(
        f"sim-{wire}-{place}",
        wire=wire,
        models=tuple(models),
        policy=ClaimedPolicy("never", "limited", 30),
        api_key=PROVIDER_KEY,
        faults=(read_fault(json.dumps(fault)),) if fault else (),
    )


SPECS = tuple(provider(wire, place) for place in REHEARSED for wire in sorted(set(WIRES.values())))


def models(place, *, direct):
    """The names of models at a place."""
    names = {flavour: f"{place}-{wire}-1" if direct else f"acme/{place}-{wire}" for flavour, wire in WIRES.items()}
    others = {f"other-{flavour}": f"acme/{place}-{wire}-other" for flavour, wire in WIRES.items()}
    return {**names, **others, "vectors": "vectors-1" if direct else f"acme/{place}-vectors"}


def straight_places(simulation):
    """Where to go straight at the providers."""
    urls = simulation.base_urls
    return {
        place: {
            "openai": urls[f"sim-openai-{place}"],
            "anthropic": urls[f"sim-anthropic-{place}"],
            "key": PROVIDER_KEY,
            "models": models(place, direct=True),
            "headers": {},
        }
        for place in REHEARSED
    }


def gateway_places(gateway):
    """Where to go through the gateway."""
    where = {"openai": f"{gateway.url}/v1", "anthropic": gateway.url, "key": gateway.key, "headers": POLICY}
    return {place: {**where, "models": models(place, direct=False)} for place in REHEARSED}


def results(python, home, places):
    """The outcome of each standard test, and what pytest said."""
    home.mkdir()
    report = home / "report.xml"
    drivers = ROOT / "tests/clients/drivers"
    arguments = [
        "-m",
        "pytest",
        "-p",
        "tests.clients.drivers.scaffold",
        "-c",
        str(drivers / "langchain_standard.ini"),
        f"--rootdir={ROOT}",
        f"--confcutdir={drivers}",
    ]
    ran = subprocess.run(
        [python, *arguments, f"--junitxml={report}", str(drivers / "langchain_standard.py")],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**QUIET, "HOME": str(home), "TMPDIR": str(home), "ANYAPI_TEST_PLACES": json.dumps(places)},
        timeout=180,
    )
    assert ran.returncode in {0, 1}, ran.stdout[-3000:] + ran.stderr[-3000:]
    found = {}
    for case in ET.parse(report).iter("testcase"):
        kinds = {child.tag for child in case}
        outcome = "skipped" if "skipped" in kinds else "failed" if kinds & {"failure", "error"} else "passed"
        found[f"{case.get('classname').rsplit('.', 1)[-1]}.{case.get('name')}"] = outcome
    return found, ran.stdout


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The results straight at the providers and through the gateway."""
    python = python_of("openai-3")
    home = tmp_path_factory.mktemp("standard")
    environment = {key_variable(spec.id): PROVIDER_KEY for spec in SPECS}
    with simulated(home / "gateway", SPECS, environment=environment) as (gateway, simulation):
        return (
            results(python, home / "straight", straight_places(simulation)),
            results(python, home / "through", gateway_places(gateway)),
        )


def test_results_are_those_of_the_provider(both):
    (straight, _), (through, output) = both
    assert through == straight, output[-8000:]


def test_all_pass(both):
    _, (through, output) = both
    assert {name for name, outcome in through.items() if outcome == "failed"} == set(), output[-8000:]
    assert sum(outcome == "passed" for outcome in through.values()) > 100
