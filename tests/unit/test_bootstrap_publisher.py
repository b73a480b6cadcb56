"""Snapshots are built beside the event loop, one at a time, and what happens on the loop meanwhile is not lost."""

import asyncio
import datetime as dt
import gc
import threading
import time
import weakref

import pytest
from tests.unit.wire.peers import on_loop

from anyapi.bootstrap_cluster import Alone
from anyapi.bootstrap_publisher import Publisher
from anyapi.config import load_config
from anyapi.domain.evidence import Contradiction, EvidenceCode
from anyapi.errors import StorageError
from anyapi.storage.sqlite import SqliteStore

NOW = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
CODES = list(EvidenceCode)[:2]


def found(code):
    return Contradiction("openai/x", "mine", code, "dec_1", 1.0)


class Upstreams:
    """Notes on which thread it is asked."""

    def __init__(self):
        self.threads = []

    def keep(self, _wanted):
        self.threads.append(threading.current_thread())
        return {}


class Ring:
    """May refer to itself."""


@pytest.fixture
def store(tmp_path):
    with SqliteStore(tmp_path, NOW.timestamp) as opened:
        yield opened


@pytest.fixture
def publisher(tmp_path, store):
    """One whose reading of the store takes 0.2 s; `reading` is what runs then, in the thread that reads."""
    made = Publisher(load_config(None, {"HOME": str(tmp_path)}, NOW), store, Upstreams())
    made.published, made.threads, made.reading, keys = [], [], [], store.keys
    made.publish = made.published.append

    def slow():
        made.threads.append(threading.current_thread())
        time.sleep(0.2)
        for each in made.reading:
            each()
        return keys()

    store.keys = slow
    return made


@on_loop
async def test_the_loop_goes_on_while_a_snapshot_is_built(publisher):
    turns = 0
    building = asyncio.ensure_future(publisher.reload())
    while not building.done():
        turns += 1
        await asyncio.sleep(0.005)
    assert turns > 10
    assert [one.version for one in publisher.published] == [building.result()] == [1]
    assert threading.main_thread() not in publisher.threads
    assert publisher._upstreams.threads == [threading.main_thread()], "connections belong to the loop"


@on_loop
async def test_the_first_is_built_before_anybody_is_answered_and_beside_no_other(publisher):
    early = asyncio.ensure_future(publisher.reload())
    await asyncio.sleep(0.05)
    first = await publisher.begin()
    assert (await early, first.version) == (1, 2)
    assert publisher.threads[1] is threading.main_thread()
    assert len(publisher.published) == 1, "the first is for the data plane to take"


@on_loop
async def test_garbage_does_not_stay_because_a_snapshot_is_put_in_force(publisher):
    """It may hold content, and what is left out of collections is never freed."""
    gc.disable()
    try:
        ring = Ring()
        ring.itself, gone = ring, weakref.ref(ring)
        del ring
        await publisher.reload()
        assert gone() is None
    finally:
        gc.enable()


@on_loop
async def test_what_is_contradicted_while_a_snapshot_is_built_is_in_it(publisher):
    publisher.note(found(CODES[0]))  # of before: it waits to be written, or is stored, and is read there
    loop = asyncio.get_running_loop()
    publisher.reading.append(lambda: loop.call_soon_threadsafe(publisher.note, found(CODES[1])))
    await publisher.reload()
    publisher.reading.clear()
    await publisher.reload()
    contradicted = [one.context.contradicted for one in publisher.published]
    assert contradicted == [{"openai/x": {"mine": {CODES[1]}}}, {}]


@on_loop
async def test_whoever_asked_may_leave_and_nothing_is_built_beside_what_runs(publisher):
    running = []

    def alone():
        running.append(len(running))
        time.sleep(0.05)
        assert len(running) == len(publisher.published) + 1

    publisher.reading.append(alone)
    asked = asyncio.ensure_future(publisher.reload())
    await asyncio.sleep(0.05)
    asked.cancel()
    assert await publisher.reload() == 2
    assert [one.version for one in publisher.published] == [1, 2]


@on_loop
async def test_a_store_that_cannot_be_read_leaves_what_is_in_force(publisher):
    def broken():
        raise StorageError("could not read the keys")

    publisher.reading.append(broken)
    with pytest.raises(StorageError):
        await publisher.reload()
    assert publisher.published == []
    publisher.reading.clear()
    assert await publisher.reload() == 2


@on_loop
async def test_the_store_is_closed_after_what_is_being_built(publisher):
    group = Alone(publisher, lambda: None)
    asked = asyncio.ensure_future(group.in_force())
    await asyncio.sleep(0.05)
    await group.close()
    assert len(publisher.published) == 1
    assert await asked == 1
    await group.close()


def test_without_a_loop_it_is_built_where_it_is_asked_for(publisher):
    assert publisher.build().version == 1
    assert publisher._upstreams.threads == [threading.main_thread()]
