"""T19: requests of every kind of end, over and over: files, memory and threads come back to what they were, and nothing is left unheard.

At full size memory is held to a slope once it is warm: SQLite's page caches fill up within some 100,000 requests.
"""

import asyncio
import os
import random
import re

import pytest
from tests.conftest import LONG
from tests.integration.lab import laboratory, resident
from tests.integration.test_ledger import BY_MODEL, ask_all, specs

ROUNDS, REQUESTS = (60, 3000) if LONG else (6, 300)
WARM = 36 if LONG else 3
"""Rounds before the first that is compared."""
FILES = 5
"""By so many descriptors a round may differ, sockets apart."""
SOCKETS = 15
"""The same for connections to providers, of which as many wait to be used again as were needed at once."""
MEMORY = 2.0 if LONG else 8.0
"""MB that the rounds after the warm ones may add: at full size 72,000 requests, which took one."""


def descriptors(pid: int) -> dict[str, int]:
    """Open files of a process by kind."""
    found: dict[str, int] = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            kind = re.sub(r"\[.*|.*/", "", os.readlink(f"/proc/{pid}/fd/{name}"))
        except FileNotFoundError:
            continue
        found[kind] = found.get(kind, 0) + 1
    return found


def one_round(lab, chance: random.Random) -> None:
    wanted = []
    for _ in range(REQUESTS):
        name, kind = chance.choice(list(BY_MODEL.items()))
        wanted.append((name, chance.random() < 0.5 if kind.stream is None else kind.stream, kind))
    asyncio.run(ask_all(lab, wanted))
    lab.simulation.idle()


@pytest.mark.timeout(900 if LONG else 120)
def test_what_requests_take_is_given_back(tmp_path):
    with laboratory(tmp_path / "home", specs()) as lab:
        pid, chance, seen = lab.gateway.pid, random.Random(19), []
        for _ in range(ROUNDS):
            one_round(lab, chance)
            seen.append((descriptors(pid), resident(pid), len(os.listdir(f"/proc/{pid}/task"))))
        files = [{kind: count for kind, count in one.items() if kind != "socket:"} for one, _, _ in seen]
        print(
            f"\n{ROUNDS} x {REQUESTS} requests: {[round(memory) for _, memory, _ in seen]} MB, threads {seen[-1][2]}, sockets at last {seen[-1][0]}"
        )
        assert all(abs(sum(one.values()) - sum(files[WARM - 1].values())) <= FILES for one in files[WARM:])
        assert seen[-1][1] - seen[WARM - 1][1] <= MEMORY
        assert seen[-1][2] == seen[WARM - 1][2]
        sockets = [one["socket:"] for one, _, _ in seen]
        assert max(sockets[WARM:]) <= max(sockets[:WARM]) + SOCKETS, sockets
        assert "event=internal_error" not in lab.gateway.log()
        assert not re.search("never (retrieved|awaited)|Traceback|ResourceWarning", lab.gateway.log())
