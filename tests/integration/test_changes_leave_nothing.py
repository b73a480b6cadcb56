"""Changes of settings, one after the other with requests in between, leave nothing in memory: each has decisions of its own."""

from tests.conftest import LONG
from tests.hostile.watch import MIB, Memory
from tests.tools.gateway import simulated

from anyapi.control.channel import SOCKET_NAME, ask_reload

WARM, CHANGES = (5000, 10_000) if LONG else (100, 400)
"""Before the first that count, SQLite's page caches fill up."""
MOST_KEPT = 4 * MIB
"""Of one change 15 KB would be too much in a short run, and 0.5 KB in a long one."""


def change_and_ask(gateway, number: int) -> None:
    assert ask_reload(gateway.home / SOCKET_NAME, "settings") is not None
    policy = {"retention_days": 30 + number % 7}
    assert gateway.chat(data_policy=policy).status == 200


def test_no_snapshot_and_no_decision_stays(tmp_path):
    with simulated(tmp_path / "gateway") as (gateway, simulation):
        for number in range(WARM):
            change_and_ask(gateway, number)
            if number % 100 == 0:
                simulation.reset()
        memory = Memory(gateway.pid)
        for number in range(CHANGES):
            change_and_ask(gateway, number)
            if number % 100 == 0:
                simulation.reset()
        kept = memory.kept
        print(f"\n{CHANGES} changes with a request each keep {kept / MIB:.1f} MiB")
        assert kept <= MOST_KEPT
