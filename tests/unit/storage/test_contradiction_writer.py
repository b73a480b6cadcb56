"""Contradictions: soon on the disk, known until then, tried again while the store fails."""

import contextlib

import pytest
from tests.conformance.samples import contradiction
from tests.integration.lab import until

from anyapi.errors import StorageError
from anyapi.storage.connection import connect, database_path
from anyapi.storage.contradiction_writer import ContradictionWriter
from anyapi.storage.events import EventKind


@pytest.fixture
def writer(tmp_path, store, events):
    opened = ContradictionWriter(tmp_path, report=events.append)
    yield opened
    opened.close()


@contextlib.contextmanager
def hidden(path):
    """The table is away: every write fails."""
    connection = connect(path)
    connection.execute("ALTER TABLE contradictions RENAME TO hidden")
    yield
    connection.execute("ALTER TABLE hidden RENAME TO contradictions")
    connection.close()


def test_written_soon_and_then_waiting_no_more(writer, store):
    writer.put(contradiction(1))
    writer.flush()
    assert store.contradictions() == [contradiction(1)]
    assert (writer.waiting(), writer.state.written, writer.state.failing) == ((), 1, False)


def test_it_waits_in_memory_while_the_store_fails_and_is_written_then(tmp_path, writer, store, events):
    with hidden(database_path(tmp_path)):
        writer.put(contradiction(1))
        until(lambda: writer.state.failing, "the failure")
        assert writer.waiting() == (contradiction(1),)
        with pytest.raises(StorageError):
            writer.flush(0.1)
    writer.flush()
    assert store.contradictions() == [contradiction(1)]
    assert [event.kind for event in events] == [EventKind.FAILED, EventKind.RECOVERED]
    assert not writer.state.failing


def test_a_store_that_cannot_be_opened_is_reported_by_sqlite_s_name(tmp_path, writer, store, events):
    path = database_path(tmp_path)
    away = path.rename(path.with_suffix(".away"))
    writer.put(contradiction(1))
    until(lambda: writer.state.failing, "the failure")
    away.rename(path)
    writer.flush()
    assert [(event.kind, event.code) for event in events] == [(EventKind.FAILED, "SQLITE_CANTOPEN"), (EventKind.RECOVERED, "ok")]
    assert store.contradictions() == [contradiction(1)]


def test_one_that_cannot_be_stored_does_not_keep_the_others_waiting(writer, store, events):
    writer.put(contradiction(1, code="agreed"))
    writer.put(contradiction(2))
    writer.flush()
    assert store.contradictions() == [contradiction(2)]
    assert [(event.kind, event.code) for event in events] == [(EventKind.LOST, "row_not_storable")]


def test_closing_writes_what_waits_and_a_missing_store_does_not_hang(tmp_path, writer, store):
    writer.put(contradiction(1))
    writer.close()
    writer.close()
    assert store.contradictions() == [contradiction(1)]
    with hidden(database_path(tmp_path)):
        again = ContradictionWriter(tmp_path)
        again.put(contradiction(2))
        again.close(0.1)
    assert again.waiting() == (contradiction(2),)
