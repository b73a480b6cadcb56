"""Rounds are made in a thread: rows are written first, what fails is told, and everything is given back at the end; on a real PostgreSQL."""

import asyncio

import psycopg
import pytest
from tests.conformance.samples import NOON, key_row
from tests.conformance.stores import postgresql
from tests.tools import postgres
from tests.unit.wire.peers import on_loop

from anyapi.bootstrap_slices import SliceThread
from anyapi.crypto.secret import Secret
from anyapi.domain.limits import KeyLimits
from anyapi.domain.slices import Ask
from anyapi.errors import StorageError
from anyapi.storage import postgres_driver
from anyapi.storage.postgres_slices import SliceStore


@pytest.fixture
def url(tmp_path):
    with postgresql(tmp_path) as backend:
        with backend.store(NOON) as store:
            store.add_key(key_row(1, lineage="key_1"))
        yield backend.url


class Flush:
    def __init__(self):
        self.calls, self.error = 0, None

    def __call__(self, seconds):
        self.calls += 1
        if self.error is not None:
            raise self.error


async def told(thread, *asks):
    future = asyncio.get_running_loop().create_future()
    thread._begin(asks, future.set_result)
    return await asyncio.wait_for(future, 10)


def ask(**fields):
    return Ask(limits=KeyLimits("key_1", 1.0), since=0, **fields)


def leased(url):
    with psycopg.connect(url, autocommit=True) as raw:
        raw.execute("SELECT set_config('anyapi.account', '*', FALSE)")
        return raw.execute("SELECT amount FROM slices").fetchall()


def test_rows_are_written_before_it_is_said_what_they_cost(url):
    @on_loop
    async def run():
        flush, events = Flush(), []
        thread = SliceThread(SliceStore(Secret(url), "a", 30.0), flush, 5.0, events.append)
        assert [grant.amount for grant in await told(thread, ask(wanted=5))] == [31_250_000 * 4]
        assert flush.calls == 0
        await told(thread, ask(settled=5, kept=5))
        assert flush.calls == 1
        flush.error = StorageError("no")
        assert await told(thread, ask(settled=5)) is None
        assert leased(url) == [(5,)]
        flush.error = None
        await told(thread, ask(settled=5, kept=5))
        assert [event.kind for event in events] == ["failed", "recovered"]
        await thread.close()
        assert leased(url) == []

    run()


def test_what_breaks_is_told_and_the_next_round_goes_on(url, monkeypatch):
    monkeypatch.setattr(postgres_driver, "hung_up", lambda _raw: False)  # it breaks just after the look

    @on_loop
    async def run():
        events, store = [], SliceStore(Secret(url), "a", 30.0)
        thread = SliceThread(store, Flush(), 5.0, events.append)
        await told(thread)
        with psycopg.connect(url, autocommit=True) as raw:
            postgres.end_others(raw)
        assert await told(thread, ask(wanted=1)) is None
        assert len(await told(thread, ask(wanted=1))) == 1
        store.lease = lambda _asks: 1 / 0
        assert await told(thread, ask(wanted=1)) is None
        assert [(event.writer, event.kind) for event in events] == [("slices", "failed"), ("slices", "recovered"), ("slices", "failed")]
        await thread.close()

    run()
