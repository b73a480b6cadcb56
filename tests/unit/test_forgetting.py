"""Writers forget accounts that are being deleted, and are waited for, on a real store."""

import pytest
from tests.conformance.samples import NOON, usage_row
from tests.conformance.stores import Backend

from anyapi.errors import StorageError
from anyapi.forgetting import Forgetting
from anyapi.storage.rows import AccountRow


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
