"""Expiry beyond the contract: an account's later change of mind, and that little is looked at."""

import contextlib

from tests.conformance.samples import DAY, NOON, usage_row

from anyapi.storage.connection import connect
from anyapi.storage.sqlite_rollups import purge
from anyapi.storage.rows import AccountRow
from anyapi.storage.sqlite import SqliteStore
from anyapi.storage.usage_writer import UsageWriter


def test_the_edge_is_exact_and_an_account_may_keep_longer_than_the_default(tmp_path):
    with SqliteStore(tmp_path, lambda: NOON) as store, contextlib.closing(connect(store.path)) as connection:
        store.add_account(AccountRow("keeps", "Keeps", NOON, 10.0))
        writer = UsageWriter(tmp_path, lambda: NOON)
        for number, account, at in ((1, "default", NOON), (2, "keeps", NOON), (3, "default", NOON + 1)):
            writer.accept()
            writer.put(usage_row(number, account=account, at=at))
        writer.close()
        counts = [purge(connection, at, 1.0, 100) for at in (NOON + DAY, NOON + DAY + 0.5, NOON + DAY + 1.5, NOON + 10 * DAY + 0.5)]
        assert counts == [0, 1, 1, 1]


def test_no_rows_no_write_lock(tmp_path):
    with SqliteStore(tmp_path, lambda: NOON) as store, contextlib.closing(connect(store.path)) as connection:
        other = connect(store.path)
        other.execute("BEGIN IMMEDIATE")
        assert purge(connection, NOON, 1.0, 100) == 0
        other.execute("ROLLBACK")
        other.close()
