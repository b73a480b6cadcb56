import asyncio

import pytest
import uvloop

from anyapi.simulator import DEFAULT_PROVIDERS, ProviderSpec, SimulationOptions, SimulationThread, WireName

CLAUDE = ProviderSpec("sim-claude", sentence="I speak messages.", wire=WireName.ANTHROPIC)
GEMINI = ProviderSpec("sim-gemini", sentence="I speak contents.", wire=WireName.GEMINI)
OPEN = ProviderSpec("sim-open", sentence="I serve any model.")
COHERE = ProviderSpec("sim-cohere", sentence="I speak of plans.", wire=WireName.COHERE)
BEDROCK = ProviderSpec("sim-bedrock", sentence="I converse.", wire=WireName.BEDROCK)
LOOPS = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


@pytest.fixture(scope="package", params=list(LOOPS))
def shared(request):
    """All default providers and one of each other API; on both kinds of loop. Bodies are recorded."""
    options = SimulationOptions(record_bodies=True)
    with SimulationThread((*DEFAULT_PROVIDERS, CLAUDE, GEMINI, BEDROCK, COHERE, OPEN), options, LOOPS[request.param]) as running:
        yield running


@pytest.fixture
def sim(shared):
    for identity in shared.simulation.providers:
        shared.script(identity, [])
    shared.reset()
    return shared


@pytest.fixture
def port(sim) -> int:
    return sim.simulation["sim-zero"].port


@pytest.fixture
def claude(sim) -> int:
    return sim.simulation["sim-claude"].port


@pytest.fixture
def gemini(sim) -> int:
    return sim.simulation["sim-gemini"].port


@pytest.fixture
def bedrock(sim) -> int:
    return sim.simulation["sim-bedrock"].port


@pytest.fixture
def cohere(sim) -> int:
    return sim.simulation["sim-cohere"].port
