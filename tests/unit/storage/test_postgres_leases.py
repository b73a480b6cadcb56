"""Publication, confirmation and the wait for them, on a real server."""

import contextlib
import threading
import time

import psycopg
import pytest
from tests.conformance.samples import NOON, contradiction, key_row
from tests.tools import postgres

from anyapi.crypto.secret import Secret
from anyapi.domain.requirement import Layer, Settings
from anyapi.errors import StorageError
from anyapi.storage.postgres_leases import Leases, Onlooker, in_force
from anyapi.storage.rows import ProjectRow


@pytest.fixture
def store(backend):
    with backend.store(NOON) as opened:
        yield opened


@pytest.fixture
def joined(backend):
    """Makes workers, and has them leave at the end."""
    with contextlib.ExitStack() as stack:

        def join(name, seconds=5.0):
            leases = Leases(Secret(backend.url), name, seconds)
            stack.callback(leases.leave)
            return leases

        yield join


def change(store, days=1.0):
    store.change_settings(Layer.GATEWAY, "", lambda _: Settings(retention_days=days), NOON)


def test_every_change_of_what_a_snapshot_holds_makes_a_new_version(backend, store, joined):
    leases, versions = joined("a"), []
    evidence = backend.contradiction_sink()

    def put(found):
        evidence.put(found)
        evidence.flush()

    for step in (
        lambda: change(store),
        lambda: store.add_key(key_row(1)),
        lambda: store.revoke_key("key_1", NOON),
        lambda: store.add_project(ProjectRow("p", "default", "P", NOON)),
        lambda: put(contradiction(1)),
        lambda: store.clear_contradictions("xai/grok-1", None, NOON),
    ):
        before = leases.newest()
        step()
        versions.append(leases.newest() > before)
    evidence.close()
    assert versions == [True] * 6
    before = leases.newest()
    with backend.people() as people:
        people.end_session(b"x")
    assert leases.newest() == before


def test_a_change_that_is_taken_back_is_no_change(store, joined):
    leases = joined("a")
    before = leases.newest()

    def refuse(_settings):
        raise StorageError("no")

    with pytest.raises(StorageError):
        store.change_settings(Layer.GATEWAY, "", refuse, NOON)
    assert leases.newest() == before


def test_who_goes_by_an_old_version_is_told_the_newest_and_is_not_renewed(backend, store, joined):
    leases = joined("a")
    first = leases.newest()
    assert leases.confirm(first) == first
    with psycopg.connect(backend.url, autocommit=True) as raw:
        entry = raw.execute("SELECT * FROM workers").fetchall()
        change(store)
        newest = leases.confirm(first)
        assert newest > first
        assert raw.execute("SELECT * FROM workers").fetchall() == entry
        assert leases.confirm(newest) == newest
        assert raw.execute("SELECT version FROM workers").fetchall() == [(newest,)]


def test_a_change_is_signalled_also_while_the_worker_is_busy(store, joined):
    leases = joined("a")
    assert not leases.signalled(0.01)
    change(store)
    leases.newest()  # a statement takes the signal off the wire
    assert leases.signalled(5.0)
    assert not leases.signalled(0.01)


def test_a_change_that_is_not_committed_holds_confirmations_up_and_then_they_see_it(backend, store, joined):
    leases = joined("a")
    first = leases.newest()
    seen = []
    with psycopg.connect(backend.url) as raw:
        raw.execute("SELECT set_config('anyapi.account', '*', TRUE)")
        raw.execute("INSERT INTO projects VALUES ('p', 'default', 'P', 0)")
        confirming = threading.Thread(target=lambda: seen.append(leases.confirm(first)))
        confirming.start()
        confirming.join(0.3)
        assert seen == []
        raw.commit()
        confirming.join(10)
    assert seen == [first + 1]


def test_without_workers_nobody_is_waited_for(backend, store):
    change(store)
    assert in_force(Secret(backend.url))[1] == 0


def test_it_waits_for_each_worker_and_returns_when_the_last_has_confirmed(backend, store, joined):
    workers = [joined("a"), joined("b")]
    for worker in workers:
        worker.confirm(worker.newest())
    change(store)
    done = []
    waiting = threading.Thread(target=lambda: done.append(in_force(Secret(backend.url))))
    waiting.start()
    newest = workers[0].newest()
    workers[0].confirm(newest)
    waiting.join(0.3)
    assert done == []
    workers[1].confirm(newest)
    waiting.join(10)
    assert done == [(newest, 2)]


def test_it_waits_no_longer_than_the_lease_of_a_worker_that_is_gone(backend, store, joined):
    gone = joined("gone", 1.0)
    began = time.monotonic()
    gone.confirm(gone.newest())
    change(store)
    assert in_force(Secret(backend.url))[1] == 0
    assert 1.0 <= time.monotonic() - began < 3.0


def test_who_waits_again_does_so_on_the_same_connection_or_on_another_if_that_broke(backend, store, joined):
    worker = joined("a")
    with contextlib.closing(Onlooker(Secret(backend.url))) as onlooker, psycopg.connect(backend.url, autocommit=True) as raw:

        def ours():
            return raw.execute("SELECT pid, query FROM pg_stat_activity WHERE query = 'UNLISTEN *' ORDER BY pid").fetchall()

        worker.confirm(worker.newest())
        assert onlooker.in_force()[1] == 1
        (first,) = ours()
        change(store)
        waiting = threading.Thread(target=onlooker.in_force)
        waiting.start()
        waiting.join(0.1)
        assert waiting.is_alive()
        assert worker.confirm(worker.newest()) == worker.newest()
        waiting.join(10)
        assert ours() == [first]
        raw.execute("SELECT pg_terminate_backend(%s)", (first[0],))
        assert onlooker.in_force()[1] == 1
        (second,) = ours()
        assert second != first
    with psycopg.connect(backend.url, autocommit=True) as raw:
        deadline = time.monotonic() + 10
        while ours():
            assert time.monotonic() < deadline


def test_who_left_is_not_waited_for(backend, store, joined):
    left = joined("left")
    left.confirm(left.newest())
    left.leave()
    change(store)
    assert in_force(Secret(backend.url))[1] == 0


def test_a_connection_that_broke_is_opened_again(backend, joined):
    leases = joined("a")
    version = leases.newest()
    with psycopg.connect(backend.url, autocommit=True) as raw:
        postgres.end_others(raw)
    with pytest.raises(StorageError, match="SQLSTATE"):
        leases.confirm(version)
    assert leases.confirm(version) == version


def test_a_server_that_is_not_there_is_a_storage_error_without_the_url(joined):
    url = "postgresql://somebody:hunter2@127.0.0.1:9/none"
    for ask in (Leases(Secret(url), "a", 5.0).newest, lambda: in_force(Secret(url))):
        with pytest.raises(StorageError, match="cannot be reached") as caught:
            ask()
        assert "hunter2" not in str(caught.value) + str(caught.value.metadata)
