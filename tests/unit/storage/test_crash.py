"""T13 for the store: SIGKILL at random points of a process that writes usage rows and decision records at 200 a second and faster."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.unit.storage.crash_child import MESSAGE

from anyapi.storage.connection import connect, database_path
from anyapi.storage.sqlite import SqliteStore
from anyapi.storage.usage_writer import UsageWriter

ROOT = Path(__file__).resolve().parents[3]
SPACING = 1_000_000
LONGEST_LOSS = {0.005: 1.0, 0.0: 10.0}
"""Seconds, by pace. The promise is 0.1 at 200 a second; a machine that runs other tests may keep the writer's thread waiting, and at full
speed the thread competes with a loop that never rests. The figure found is printed."""


def killed_after(messages, directory, first, pace):
    """Run the child until it has said so many things, kill it, and give all that it said."""
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "tests.unit.storage.crash_child", str(directory), str(writing), str(first), str(pace)]
    child = subprocess.Popen(command, cwd=ROOT, pass_fds=(writing,))
    os.close(writing)
    said = b""
    try:
        while len(said) < messages * MESSAGE.size:
            received = os.read(reading, 65536)
            assert received, "the child ended by itself"
            said += received
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    while received := os.read(reading, 65536):
        said += received
    os.close(reading)
    return list(MESSAGE.iter_unpack(said))


@pytest.mark.parametrize(
    ("kills", "pace", "latest", "share"),
    [
        pytest.param(8, 0.005, 400, 0, id="200 a second"),
        pytest.param(4, 0.0, 20_000, 0, id="as fast as it goes"),
        pytest.param(150, 0.005, 400, 0, id="200 a second, long", marks=pytest.mark.long),
        # Shared out: every kill has all that there is looked at, and after 150 in one store that would be millions of rows.
        *(pytest.param(25, 0.0, 60_000, share, id=f"as fast as it goes, long {share}", marks=pytest.mark.long) for share in range(1, 7)),
    ],
)
@pytest.mark.timeout(1800)
def test_sigkill_at_random_points(tmp_path, kills, pace, latest, share):
    dice = random.Random(20261124 + share)
    store = SqliteStore(tmp_path, time.time)
    accepted_before, accepted_least, accepted_most, oldest_loss, unknown_in_all = 0, 0, 0, 0.0, 0
    for kill in range(kills):
        first = 1 + kill * SPACING
        said = killed_after(dice.randrange(1, latest), tmp_path, first, pace)
        accepts = [number for kind, number, _ in said if kind == b"a"]
        puts = {number: at for kind, number, at in said if kind == b"p"}
        durable = {number for kind, number, _ in said if kind == b"d"}
        # The child may have died between its message and the count.
        accepted_least += len(accepts) - 1
        accepted_most += len(accepts)

        begun = time.monotonic()
        writer = UsageWriter(tmp_path, time.time)
        assert time.monotonic() - begun < 5
        unknown_in_all += writer.unknown_at_start
        writer.close()

        connection = connect(database_path(tmp_path))
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        stored = {int(decision[4:]) for (decision,) in connection.execute("SELECT decision FROM usage WHERE outcome = 'success'")}
        recorded = {int(decision[4:]) for (decision,) in connection.execute("SELECT decision FROM decision_records")}
        (rows,) = connection.execute("SELECT count(*) FROM usage").fetchone()
        connection.close()

        # No durable record is lost, and every accepted request has exactly one row, its own or an unknown one.
        assert durable <= recorded
        assert accepted_least <= rows <= accepted_most
        assert len(stored) + unknown_in_all == rows
        lost = puts.keys() - stored
        assert puts.keys() - lost == {number for number in puts if number in stored}
        if lost:
            oldest_loss = max(oldest_loss, said[-1][2] - puts[min(lost)])
            # What is lost are the newest rows, without gaps.
            assert lost == {number for number in puts if number >= min(lost)}
        accepted_before = accepted_most
    store.close()
    assert accepted_before >= kills
    print(f"{kills} kills, {accepted_most} requests, {unknown_in_all} unknown, oldest lost row {oldest_loss * 1000:.0f} ms old")
    assert oldest_loss < LONGEST_LOSS[pace]
