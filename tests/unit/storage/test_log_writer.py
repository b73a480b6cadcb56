"""The writer of sealed logs when things go wrong. What it does when they go right, tests/conformance/test_logs.py says for each database."""

import contextlib
import time

import pytest
from tests.conformance.samples import NOON, kept
from tests.conformance.stores import Backend

from anyapi.errors import SealBroken, StorageError
from anyapi.sealing.sealer import Sealer
from anyapi.storage.events import EventKind
from anyapi.storage.log_writer import BATCH, TICK, TRIES, LogWriter

ALL = (1e18, "")


class Failing(Sealer):
    """A seal that fails so many times, with an error of a kind, after some pieces."""

    def __init__(self, error, times, pieces=2):
        super().__init__()
        self.error, self.times, self.pieces, self.rested = error, times, pieces, 0

    def seal(self, kept, take):
        if self.times:
            self.times -= 1
            if self.is_large(kept):
                for _ in range(self.pieces):
                    take(b"half")
            raise self.error("no")
        super().seal(kept, take)

    def rest(self):
        self.rested += 1
        super().rest()


@pytest.fixture
def backend(tmp_path):
    made = Backend(tmp_path)
    with made.store(NOON):
        yield made


def put(writer, *entries):
    for one in entries:
        assert writer.hold(one.size)
        writer.put(one, one.size)


def stored(backend):
    with backend.logs() as logs, contextlib.closing(backend.driver.connect()) as connection:
        pieces = connection.execute("SELECT count(*) FROM sealed_pieces").fetchone()[0]
        rows = connection.execute("SELECT count(*) FROM sealed_logs").fetchone()[0]
        return len(logs.log_entries("default", ALL, 1000)), rows, pieces


def test_nothing_is_made_until_something_comes(backend):
    made = []
    writer = LogWriter(backend.driver, lambda: NOON, lambda: made.append(Sealer()) or made[0])
    writer.flush()
    assert made == []
    put(writer, kept(1), kept(2))
    writer.flush()
    assert len(made) == 1
    writer.close()


def test_what_expired_while_somebody_reads_is_wiped_at_the_next_tick_and_nobody_waits(tmp_path, backend):
    """While it waited for the reader, no decision record could be written, and no `confidential` request be sent."""
    now, wal = [NOON], tmp_path / "anyapi.db-wal"
    writer = LogWriter(backend.driver, lambda: now[0], Sealer)
    put(writer, kept(1))
    writer.flush()
    assert stored(backend)[1] == 1
    with contextlib.closing(backend.driver.connect()) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sealed_logs").fetchall()
        now[0], began = kept(1).entry.expires_at + 1.0, time.monotonic()
        writer.flush()
        assert time.monotonic() - began < 2
        assert stored(backend) == (0, 0, 0)
        assert wal.stat().st_size
    now[0] += TICK
    writer.flush()
    assert not wal.stat().st_size
    writer.close()


def test_a_clock_that_was_ahead_and_is_put_right_holds_no_expiry_up(backend):
    now = [NOON - 1000.0]
    writer = LogWriter(backend.driver, lambda: now[0], Sealer)
    now[0] += 1e8
    writer.flush()
    now[0] = NOON
    put(writer, kept(1))
    writer.flush()
    assert stored(backend)[1] == 1
    now[0] = kept(1).entry.expires_at + 1.0
    writer.flush()
    assert stored(backend) == (0, 0, 0)
    writer.close()


@pytest.mark.parametrize(("times", "whole"), [(1, 1), (TRIES - 1, 1), (TRIES, 0)])
def test_a_large_one_is_tried_again_and_then_given_up_without_a_trace(backend, times, whole):
    writer = LogWriter(backend.driver, lambda: NOON, lambda: Failing(StorageError, times))
    put(writer, kept(1, prompt=b'"' + b"x" * 300_000 + b'"'), kept(2))
    writer.flush()
    assert stored(backend)[0] == whole + 1
    assert stored(backend)[1] == whole + 1, "no part of one that was given up"
    assert (writer.state.lost, writer.held) == (1 - whole, 0)
    writer.close()


def test_what_can_never_be_sealed_is_given_up_at_once(backend):
    events = []
    seal = Failing(SealBroken, 2)
    writer = LogWriter(backend.driver, lambda: NOON, lambda: seal, report=events.append)
    put(writer, kept(1), kept(2, prompt=b'"' + b"x" * 300_000 + b'"'), kept(3))
    writer.flush()
    assert stored(backend)[:2] == (1, 1)
    assert [(event.kind, event.count) for event in events] == [(EventKind.LOST, 2)]
    writer.close()


def test_while_the_store_fails_what_waits_stays_in_memory(backend):
    events = []
    writer = LogWriter(backend.driver, lambda: NOON, Sealer, report=events.append)
    whole = backend.driver.connect

    def failing(**_options):
        raise StorageError("could not open the database", {"code": "SQLITE_FULL"})

    backend.driver.connect = failing
    put(writer, *[kept(number) for number in range(BATCH + 5)])
    with pytest.raises(StorageError):
        writer.flush(0.3)
    assert (writer.state.failing, writer.state.waiting) == (True, BATCH + 5)
    backend.driver.connect = whole
    writer.flush()
    assert stored(backend)[0] == BATCH + 5
    assert [event.kind for event in events] == [EventKind.FAILED, EventKind.RECOVERED]
    assert (writer.state.failing, writer.held) == (False, 0)
    writer.close()


def test_the_other_process_rests_when_nothing_comes(backend):
    seal = Failing(StorageError, 0)
    writer = LogWriter(backend.driver, lambda: NOON, lambda: seal)
    put(writer, kept(1))
    writer.flush()
    assert seal.rested == 0
    writer.flush()  # as after a tick
    assert seal.rested == 1
    writer.close()


def test_what_comes_after_the_end_is_lost_and_counted(backend):
    writer = LogWriter(backend.driver, lambda: NOON, Sealer)
    put(writer, kept(1))
    writer.close()
    put(writer, kept(2))
    writer.flush()
    assert stored(backend)[0] == 1
    assert (writer.state.lost, writer.held) == (1, 0)


def test_nothing_of_content_is_in_its_texts(backend):
    writer = LogWriter(backend.driver, lambda: NOON, Sealer)
    assert "prompt" not in repr(kept(1, prompt=b"the secret prompt"))
    writer.close()
