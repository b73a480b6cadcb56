import asyncio

import pytest
import uvloop

from anyapi.simulator import DEFAULT_PROVIDERS, ProviderSpec, SimulationOptions, SimulationThread, WireName

CLAUDE = ProviderSpec("sim-claude", sentence="I speak messages.", wire=WireName.ANTHROPIC)
LOOPS = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


@pytest.fixture(scope="package", params=list(LOOPS))
def shared(request):
    """All default providers and an Anthropic one; on both kinds of loop. Bodies are recorded."""
    options = SimulationOptions(record_bodies=True)
    with SimulationThread((*DEFAULT_PROVIDERS, CLAUDE), options, LOOPS[request.param]) as running:
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
