"""T07: hostile and odd requests on raw sockets, at the gateway itself and behind real nginx and haproxy.

For every case: an allowed answer in strict HTTP/1.1, no 5xx, and providers that saw exactly as many requests as were served, never two
from one. After each group the gateway serves a good request, and over the whole run its memory rises by at most 64 MiB.
"""

import pytest
from tests.hostile.fronts import DECIDES, FRONTS, MENDS, front_of
from tests.hostile.watch import MIB, Memory
from tests.tools import hostile_bodies, hostile_requests
from tests.tools.gateway import received, simulated
from tests.tools.hostile_requests import Case, case, post
from tests.tools.hostile_run import CLOSE_WITHIN, judge, run

GROUPS = {group.__name__: tuple(group()) for group in (*hostile_requests.GROUPS, *hostile_bodies.GROUPS)}
GOOD = case("good-request-after", post(), 200)
MOST_RISE = 64 * MIB
BEHIND_A_FRONT = 0.2
"""Seconds in which a second answer would come, where the connection is the front's to close."""
SERVER = "[server.limits]\nheader_timeout = 5\nbody_timeout = 5"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with simulated(tmp_path_factory.mktemp("hostile") / "gateway", server=SERVER) as (gateway, simulation):
        assert gateway.chat().status == 200
        yield gateway, simulation


@pytest.fixture(scope="module", params=["direct", *FRONTS])
def entrance(request, running, tmp_path_factory):
    """How clients reach the gateway: name, address, and its memory watched from the first case on."""
    gateway, _ = running
    memory = Memory(gateway.pid)
    if request.param == "direct":
        yield "direct", ("127.0.0.1", gateway.port), memory
        return
    with front_of(request.param, tmp_path_factory.mktemp(request.param), gateway.port) as address:
        yield request.param, address, memory


def disagreements(one: Case, running, entrance) -> list[str]:
    """Run one case and judge it, with the simulators' ledgers for what reached a provider."""
    gateway, simulation = running
    name, address, _ = entrance
    front = name != "direct"
    before = sum(received(simulation).values())
    try:
        seen = run(one, address, gateway.key, f"{address[0]}:{address[1]}", close_within=BEHIND_A_FRONT if front else CLOSE_WITHIN)
    except TimeoutError:
        if one.name not in DECIDES.get(name, ()):
            return [f"{one.name}: no answer in time"]
    simulation.idle()
    upstream = sum(received(simulation).values()) - before
    if one.name in DECIDES.get(name, ()):
        return [] if upstream == 0 else [f"{one.name}: a provider saw it"]
    if one.name in MENDS.get(name, ()):
        one = one._replace(statuses=one.statuses | {200}, upstream=1)
    return [f"{one.name}: {problem}" for problem in judge(one, seen, upstream, behind_proxy=front)]


@pytest.mark.parametrize("group", GROUPS)
def test_only_allowed_answers_and_one_upstream_request_at_most(group, running, entrance):
    found = [problem for one in (*GROUPS[group], GOOD) for problem in disagreements(one, running, entrance)]
    assert found == [], "\n".join(found)


def test_memory_stays(entrance):
    """Comes after all groups of an entrance, since pytest keeps a module fixture's tests together and in order."""
    name, _, memory = entrance
    print(f"\n{name}: peak rise {memory.rise / MIB:.1f} MiB, kept {memory.kept / MIB:.1f} MiB")
    assert memory.rise <= MOST_RISE


def test_what_a_front_mends_or_decides_is_a_case():
    names = {one.name for cases in GROUPS.values() for one in cases}
    assert names >= {name for table in (*MENDS.values(), *DECIDES.values()) for name in table}
