"""Writers forget accounts that are being deleted, and are waited for, on a real store."""

import asyncio
import datetime as dt

import psycopg
import pytest
from tests.conformance.samples import NOON, usage_row
from tests.conformance.stores import Backend, postgresql

from anyapi.bootstrap import Publisher
from anyapi.bootstrap_cluster import Member
from anyapi.config import load_config
from anyapi.errors import StorageError
from anyapi.forgetting import Forgetting
from anyapi.storage.events import no_report
from anyapi.storage.rows import AccountRow

NOW = dt.datetime.fromtimestamp(NOON, dt.UTC)


@pytest.fixture
def backend(tmp_path):
    made = Backend(tmp_path)
    with made.store(NOON) as store:
        store.add_account(AccountRow("goes", "Goes", NOON))
    return made


def put(sink, number):
    sink.accept()
    sink.put(usage_row(number, decision=f"dec_{number}", account="goes"))


def test_what_was_held_is_written_before_settle_returns_and_what_comes_later_names_nobody(backend):
    sink = backend.usage_sink(NOON)
    forgetting = Forgetting([sink])
    with backend.store(NOON) as store, backend.holdings() as holdings:
        forgetting.look(store)
        put(sink, 1)
        holdings.begin_closing("goes", NOON)
        forgetting.look(store)
        put(sink, 2)
        forgetting.settle()
        assert sink.state.waiting == 0
        assert {row.account for row in store.usage_rows(0.0, 1e12) if row.decision == "dec_2"} == {"deleted"}
        holdings.delete_usage("goes")
        holdings.delete_account("goes", "deleted:x")
        forgetting.look(store)
        put(sink, 3)
        sink.flush()
        assert {row.account for row in store.usage_rows(0.0, 1e12)} == {"deleted"}, "answers that were under way"
        store.add_account(AccountRow("goes", "Another", NOON))
        forgetting.look(store)
        put(sink, 4)
        sink.flush()
        assert {row.decision for row in store.usage_rows(0.0, 1e12, "goes")} == {"dec_4"}
    sink.close()


def test_what_could_not_be_written_is_waited_for_again(backend):
    sink = backend.usage_sink(NOON)
    flushed = []
    forgetting = Forgetting([sink, Failing(flushed)])
    with backend.store(NOON) as store, backend.holdings() as holdings:
        forgetting.settle()
        holdings.begin_closing("goes", NOON)
        forgetting.look(store)
        for _ in range(2):
            with pytest.raises(StorageError):
                forgetting.settle()
        forgetting.settle()
        forgetting.settle()
    assert flushed == [False, False, True], "nobody is waited for while nothing changed"
    sink.close()


class Failing:
    """A writer whose disk is full twice."""

    def __init__(self, flushed):
        self.flushed = flushed

    def forget(self, accounts):
        self.accounts = accounts

    def flush(self):
        self.flushed.append(len(self.flushed) == 2)
        if not self.flushed[-1]:
            raise StorageError("the disk is full")


class Looking:
    """A writer that looks, while it is waited for, by which version its worker goes and which is the newest."""

    def __init__(self, url):
        self.url, self.seen = url, []

    def forget(self, accounts):
        self.accounts = accounts

    def flush(self):
        with psycopg.connect(self.url) as raw:
            self.seen += raw.execute("SELECT workers.version, published.version FROM workers, published").fetchall()


def test_a_worker_goes_by_a_version_only_when_its_writers_are_done(tmp_path):
    with postgresql(tmp_path) as backend, backend.store(NOON) as store, backend.holdings() as holdings:
        store.add_account(AccountRow("goes", "Goes", NOON))
        config = load_config(None, {"HOME": str(tmp_path), "ANYAPI_DATABASE_URL": backend.url}, NOW)
        sink = Looking(backend.url)

        async def close():
            member = Member(config, no_report, lambda: None, lambda _seconds: None)
            publisher = Publisher(config, store, sinks=[sink])
            publisher.number = member.newest
            await member.follow(publisher, publisher.build().version)
            try:
                await asyncio.to_thread(holdings.begin_closing, "goes", NOON)
                return await member.in_force()
            finally:
                await member.close()

        in_force = asyncio.run(close())
    assert sink.accounts == {"goes"}
    ((confirmed, newest),) = sink.seen
    assert confirmed < newest == in_force
