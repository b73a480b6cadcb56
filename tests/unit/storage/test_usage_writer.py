"""Usage rows off the request path: what is written, what is given up, and what is made of it."""

import asyncio
import contextlib
import statistics
import threading
import time

import pytest
import uvloop
from tests.conformance.samples import DAY, NOON, usage_row

from anyapi.domain.call import App
from anyapi.errors import StorageError
from anyapi.storage import usage_writer
from anyapi.storage.connection import connect, database_path
from anyapi.storage.drivers import driver_for
from anyapi.storage.events import EventKind, WriterEvent
from anyapi.storage.rows import UsageGroup
from anyapi.storage.usage_sums import write
from anyapi.storage.usage_writer import UsageWriter

NEVER = 3600.0
"""Longer than any test: rows are written when a test says `flush`."""
EVERYTHING = (0.0, NOON + 1000 * DAY)


class Clock:
    def __init__(self, now=NOON):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def open_writer(tmp_path, store, events):
    with contextlib.ExitStack() as stack:

        def open_it(clock=None, **options):
            writer = UsageWriter(tmp_path, clock or Clock(), report=events.append, **{"interval": NEVER, **options})
            stack.callback(writer.close)
            return writer

        yield open_it


def put(writer, *rows):
    for row in rows:
        writer.accept()
        writer.put(row)


def run(tmp_path, *statements):
    connection = connect(database_path(tmp_path))
    for statement in statements:
        connection.execute(statement)
    connection.close()


def test_rows_are_written_by_themselves(store, tmp_path):
    seen = threading.Event()
    writer = UsageWriter(tmp_path, Clock(), interval=0.001)
    put(writer, usage_row(1))
    for _ in range(1000):
        if store.usage_rows(*EVERYTHING):
            break
        seen.wait(0.01)
    assert store.usage_rows(*EVERYTHING) == [usage_row(1)]
    writer.close()


def test_the_oldest_are_given_up_when_there_is_no_room(store, open_writer, events):
    writer = open_writer(limit=3)
    put(writer, *[usage_row(number) for number in range(5)])
    assert (writer.state.waiting, writer.state.lost) == (3, 2)
    writer.flush()
    assert [int(row.at - NOON) for row in store.usage_rows(*EVERYTHING)] == [4, 3, 2]
    assert events == [WriterEvent("usage", EventKind.LOST, "no_room", 2)]


def test_what_was_given_up_becomes_unknown_rows(store, open_writer):
    writer = open_writer(limit=3)
    put(writer, *[usage_row(number) for number in range(5)])
    writer.close()
    outcomes = sorted(row.outcome for row in store.usage_rows(*EVERYTHING))
    assert outcomes == ["success", "success", "success", "unknown", "unknown"]


def test_unknown_rows_say_nothing_that_is_not_known(store, open_writer):
    writer = open_writer()
    put(writer, usage_row(7))
    writer.accept()
    writer.close()
    (row,) = [row for row in store.usage_rows(*EVERYTHING) if row.outcome == "unknown"]
    assert (row.account, row.key, row.model, row.operation, row.source, row.status) == ("unknown",) * 5 + (0,)
    assert (row.at, len(row.decision), row.cost, row.provider) == (NOON + 7, 30, None, None)


def test_a_row_after_close_is_counted_as_lost(open_writer):
    writer = open_writer()
    writer.close()
    writer.accept()
    writer.put(usage_row(1))
    assert writer.state.lost == 1


def test_a_clean_end_leaves_no_file_and_is_noted(tmp_path, open_writer):
    open_writer(Clock(NOON + 3)).close()
    assert not list(tmp_path.glob("*.accepted"))
    connection = connect(database_path(tmp_path))
    assert connection.execute("SELECT started_at, ended_at, unknown FROM starts").fetchall() == [(NOON + 3, NOON + 3, 0)]
    connection.close()


def test_two_writers_do_not_count_each_other(store, open_writer):
    first = open_writer()
    first.accept()
    second = open_writer()
    assert second.unknown_at_start == 0
    second.close()
    put(first, usage_row(1))
    first.close()
    assert open_writer().unknown_at_start == 0
    assert sorted(row.outcome for row in store.usage_rows(*EVERYTHING)) == ["success", "unknown"]


def test_rows_wait_while_the_store_fails_and_go_in_when_it_works_again(tmp_path, store, open_writer, events):
    writer = open_writer(interval=0.001)
    run(tmp_path, "ALTER TABLE usage RENAME TO away")
    put(writer, *[usage_row(number) for number in range(200)])
    with pytest.raises(StorageError):
        writer.flush(0.2)
    assert writer.state.failing
    assert (writer.state.waiting, writer.state.written) == (200, 0)
    run(tmp_path, "ALTER TABLE away RENAME TO usage")
    writer.flush()
    assert not writer.state.failing
    assert len(store.usage_rows(*EVERYTHING)) == 200
    assert events == [WriterEvent("usage", EventKind.FAILED, "SQLITE_ERROR", 200), WriterEvent("usage", EventKind.RECOVERED, "ok")]


def test_close_returns_when_the_store_fails_and_the_next_start_counts(tmp_path, store, open_writer):
    writer = open_writer(interval=0.001)
    run(tmp_path, "ALTER TABLE usage RENAME TO away")
    put(writer, *[usage_row(number) for number in range(3)])
    writer.close(0.05)
    run(tmp_path, "ALTER TABLE away RENAME TO usage")
    assert open_writer().unknown_at_start == 3
    assert open_writer().unknown_at_start == 0
    assert [row.outcome for row in store.usage_rows(*EVERYTHING)] == ["unknown"] * 3


def test_a_batch_that_was_committed_but_not_counted_is_not_counted_as_missing(tmp_path, store, open_writer, monkeypatch):
    """As if killed between the commit and its count: the announced batch is found in the store."""
    monkeypatch.setattr("anyapi.storage.acceptance.AcceptedCount.written", lambda self, rows: None)
    writer = open_writer()
    put(writer, *[usage_row(number) for number in range(8)])
    writer.accept()
    writer.close()
    assert [row.outcome for row in store.usage_rows(*EVERYTHING)].count("unknown") == 1


@pytest.mark.parametrize(
    "changes",
    [{"attempts": 2**70}, {"model": "\ud800"}, {"status": [1]}, {"account": None}],
    ids=["number", "text", "type", "null"],
)
def test_a_row_that_cannot_be_stored_does_not_hold_up_the_others(store, open_writer, events, changes):
    writer = open_writer()
    rows = [usage_row(number) for number in range(9)]
    rows[4] = usage_row(4, **changes)
    put(writer, *rows)
    writer.flush()
    assert [int(row.at - NOON) for row in store.usage_rows(*EVERYTHING)] == [8, 7, 6, 5, 3, 2, 1, 0]
    assert events == [WriterEvent("usage", EventKind.LOST, "row_not_storable", 1)]
    assert (writer.state.written, writer.state.lost, writer.state.duplicates, writer.state.failing) == (8, 1, 0, False)
    writer.close()
    assert len(store.usage_rows(*EVERYTHING)) == 9


def test_an_error_nobody_foresaw_is_reported_by_type_and_survived(store, open_writer, events, monkeypatch):
    calls = []

    def broken(driver, connection, now, default_days, batch):
        calls.append(now)
        if len(calls) == 1:
            raise ZeroDivisionError
        return 0

    monkeypatch.setattr("anyapi.storage.usage_writer.purge", broken)
    writer = open_writer(interval=0.001)
    put(writer, usage_row(1))
    writer.flush()
    assert events == [WriterEvent("usage", EventKind.FAILED, "ZeroDivisionError", 0), WriterEvent("usage", EventKind.RECOVERED, "ok")]
    assert len(store.usage_rows(*EVERYTHING)) == 1


def test_expired_rows_go_in_small_batches_as_time_passes(store, open_writer):
    clock = Clock()
    writer = open_writer(clock, default_days=1.0)
    put(writer, *[usage_row(number) for number in range(1200)])
    writer.flush()
    clock.now = NOON + DAY + 5000.0
    left = []
    for _ in range(4):
        writer.flush()
        left.append(len(store.usage_rows(*EVERYTHING, limit=5000)))
    assert left == [700, 200, 0, 0]


def test_a_clock_that_was_ahead_and_is_put_right_holds_up_neither_expiry_nor_sums(tmp_path, store, open_writer):
    """A machine that starts with a wrong clock: what expires later must not wait until that time has come."""
    clock = Clock()
    writer = open_writer(clock, default_days=1.0)
    clock.now = NOON + 4000 * DAY
    put(writer, usage_row(1))
    writer.flush()
    clock.now = NOON
    put(writer, *[usage_row(number) for number in range(2, 5)])
    writer.flush()
    assert added(tmp_path) == len(store.usage_rows(*EVERYTHING)) == 3
    clock.now = NOON + DAY + 5000.0
    writer.flush()
    assert store.usage_rows(*EVERYTHING) == []


def found(tmp_path, text):
    return [name for name in ("anyapi.db", "anyapi.db-wal") if text in (tmp_path / name).read_bytes()]


def test_what_expired_is_in_no_file_of_the_database_though_nothing_else_is_written(tmp_path, store, open_writer):
    """A gateway with little traffic never fills the write-ahead log: what was deleted would stay there, and in the file, for days."""
    clock = Clock()
    writer = open_writer(clock, default_days=1.0)
    put(writer, usage_row(1, app=App(user_id="canary-of-a-user")))
    writer.flush()
    assert found(tmp_path, b"canary-of-a-user") == ["anyapi.db-wal"]
    run(tmp_path, "PRAGMA wal_checkpoint(TRUNCATE)")
    put(writer, usage_row(2, app=App(user_id="canary-of-another")))
    writer.flush()
    assert found(tmp_path, b"canary-of-a-user")[:1] == ["anyapi.db"]
    clock.now = NOON + DAY + 5000.0
    writer.flush()
    assert store.usage_rows(*EVERYTHING) == []
    assert found(tmp_path, b"canary-of-a") == []


def test_what_expired_while_somebody_reads_is_wiped_half_a_minute_later(tmp_path, store, open_writer):
    clock = Clock()
    writer = open_writer(clock, default_days=1.0)
    put(writer, usage_row(1, app=App(user_id="canary-of-a-user")))
    writer.flush()
    reader = connect(database_path(tmp_path))
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM usage").fetchall()
    clock.now, began = NOON + DAY + 5000.0, time.monotonic()
    writer.flush()
    assert time.monotonic() - began < 2  # while it waited, no decision record could be written
    assert found(tmp_path, b"canary-of-a-user")
    reader.close()
    clock.now += 31.0
    writer.flush()
    assert found(tmp_path, b"canary-of-a-user") == []


def test_the_wal_is_moved_into_the_database(tmp_path, store, open_writer):
    writer = open_writer()
    wal, database = tmp_path / "anyapi.db-wal", tmp_path / "anyapi.db"
    moved = []
    for start in range(0, 40_000, 2000):
        put(writer, *[usage_row(number) for number in range(start, start + 2000)])
        writer.flush()
        assert wal.stat().st_size < 10 * 1024 * 1024
        moved.append(database.stat().st_size)
    # Not at every batch: each time costs an fsync.
    assert 1 <= len(set(moved)) - 1 <= 5
    assert moved[-1] > 6 * 1024 * 1024


def test_no_tables_no_writer(tmp_path):
    with pytest.raises(StorageError):
        UsageWriter(tmp_path, Clock())


ROUNDS, SECONDS, RATE, GULP = 8, 1.0, 5000, 25


async def round_trips(reader, stream, writer, first):
    """How many a loop makes over loopback in `SECONDS` with one that echoes; with a `writer`, besides 5,000 rows a second."""
    began, done, fed = time.perf_counter(), 0, 0
    while (passed := time.perf_counter() - began) < SECONDS:
        stream.write(b"x" * 1400)
        await reader.readexactly(1400)
        done += 1
        if writer is not None and fed + GULP <= passed * RATE:
            put(writer, *[usage_row(first + fed + number, model=f"m/{number % 9}", key=f"k{number % 5}") for number in range(GULP)])
            fed += GULP
    return done


async def compared(writer):
    """Round trips without rows and with them, in turn; and by how much making the rows and handing them over slows the loop by itself."""

    async def echo(reader, stream):
        with contextlib.suppress(asyncio.IncompleteReadError), contextlib.closing(stream):
            while True:
                stream.write(await reader.readexactly(1400))

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, stream = await asyncio.open_connection(*server.sockets[0].getsockname())
    nobody = Discarding()
    found = [[await round_trips(reader, stream, each, place * 10**6) for each in (None, nobody, writer)] for place in range(ROUNDS)]
    stream.close()
    server.close()
    return [statistics.median(column) for column in zip(*found, strict=True)]


class Discarding:
    """Takes rows and does nothing with them: what is left is what making them costs in this test."""

    def accept(self):
        pass

    def put(self, row):
        pass


@pytest.mark.long
def test_five_thousand_rows_a_second_slow_a_busy_loop_by_less_than_15_percent(open_writer):
    """The loop has no pause at all, so each millisecond that writing takes of the interpreter or of its core is missing to it."""
    writer = open_writer(interval=0.05)
    free, made, written = uvloop.run(compared(writer))
    writer.flush()
    slower = 1 - written / made
    print(
        f"{free:,.0f} round trips a second alone, {made:,.0f} beside rows that are made, {written:,.0f} beside rows that are written: {slower:.1%}"
    )
    assert writer.state.written > 0.85 * ROUNDS * SECONDS * RATE
    assert slower < 0.15


def added(tmp_path):
    """How many rows stand in the sums."""
    with contextlib.closing(connect(database_path(tmp_path))) as opened:
        return opened.execute("SELECT coalesce(sum(requests), 0) FROM usage_hours WHERE dimension = 'all'").fetchone()[0]


def test_sums_are_brought_up_to_date_at_first_now_and_then_and_at_the_end(tmp_path, store, open_writer):
    driver = driver_for(tmp_path)
    with contextlib.closing(driver.connect()) as left:
        write(driver, left, [usage_row(number) for number in range(3)])  # by a process that was killed then
    clock, found = Clock(), []
    writer = open_writer(clock)
    found.append(added(tmp_path))
    for number, now in ((3, 0.0), (4, 29.0), (5, 31.0), (6, 32.0)):
        clock.now = NOON + now
        put(writer, usage_row(number))
        writer.flush()
        found.append(added(tmp_path))
    writer.close()
    assert [*found, added(tmp_path)] == [0, 4, 4, 6, 6, 7]
    assert store.usage_totals(UsageGroup.ACCOUNT, *EVERYTHING)[0].requests == 7


def test_one_run_writes_what_waited_and_what_comes_meanwhile_waits_for_the_next(store, open_writer, monkeypatch):
    """Under load there is always more: without an end to a run each of a few rows would be a transaction of its own."""
    writer, sizes = open_writer(), []

    def written(driver, connection, rows):
        sizes.append(len(rows))
        put(writer, usage_row(1000 + len(sizes)))
        write(driver, connection, rows)

    monkeypatch.setattr(usage_writer, "write", written)
    put(writer, *map(usage_row, range(107)))
    writer.flush()
    assert sizes == [64, 32, 11]
    writer.flush()
    assert sizes == [64, 32, 11, 3]
    assert writer.state.written == 110


def test_rows_that_are_given_up_while_a_run_begins_are_not_waited_for(store, open_writer, monkeypatch, events):
    writer = open_writer()
    put(writer, *map(usage_row, range(3)))

    def portion(waiting, _most):
        writer._rows.clear()  # as `put` does, one by one, where there is no room
        return waiting

    monkeypatch.setattr(writer._driver, "portion", portion)
    writer.flush()
    assert (writer.state.written, writer.state.failing, events) == (0, False, [])
