"""The contract of sealed prompt logs, MUST by MUST, against every implementation; and what is left of them in the files of SQLite."""

import contextlib
import os
import random

import pyrage
import pytest
from tests.conformance.samples import DAY, NOON, RECIPIENT, kept
from tests.conformance.stores import Backend, entered
from tests.conftest import LONG

from anyapi.domain.prompt_log import MOST_RECIPIENTS, Keeps, LogRule
from anyapi.domain.requirement import Layer
from anyapi.errors import StorageError
from anyapi.storage.contract_logs import KeptSums, RecipientRow
from anyapi.storage.log_writer import MOST_HELD
from anyapi.storage.rows import AccountRow
from anyapi.storage.tenant import only

ALL = (1e18, "")
WINDOW = 16
"""Bytes of ciphertext that stand nowhere by chance."""
MANY = 150 if LONG else 40
COMMON = len(b"age-encryption.org/v1\n-> X25519 ")
"""How all age files begin, those that stay among them."""


@pytest.fixture
def logs(acme):
    with acme.logs() as opened:
        yield opened


def put(backend, *all_kept, now=NOON):
    """Have entries sealed and written."""
    sink = backend.log_sink(now)
    for one in all_kept:
        assert sink.hold(one.size)
        sink.put(one, one.size)
    sink.flush()
    assert sink.held == 0
    sink.close()
    return sink.state


def decisions(logs, account="acme", before=ALL, limit=100, key=None):
    return [int(entry.decision[4:]) for entry in logs.log_entries(account, before, limit, key)]


def pieces(logs, entry):
    found = []
    while (piece := logs.log_piece(entry.account, entry.decision, len(found))) is not None:
        found.append(piece)
    return found


def test_rules_come_back_and_are_of_one_account(acme):
    with acme.store(NOON) as store:
        store.put_log_rule("acme", Layer.ACCOUNT, "acme", LogRule(Keeps.PROMPTS, 0.25, 7.5), NOON)
        store.put_log_rule("acme", Layer.ACCOUNT, "acme", LogRule(Keeps.BOTH, 0.5, 1.0), NOON)
        store.put_log_rule("default", Layer.ACCOUNT, "default", LogRule(Keeps.NOTHING), NOON)
        assert store.log_rules("acme") == {("acme", Layer.ACCOUNT, "acme"): LogRule(Keeps.BOTH, 0.5, 1.0)}
        assert len(store.log_rules()) == 2
        for layer, subject in ((Layer.ACCOUNT, "default"), (Layer.KEY, "key_none"), (Layer.GATEWAY, ""), (Layer.PROJECT, "acme")):
            with pytest.raises(StorageError):
                store.put_log_rule("acme", layer, subject, LogRule(Keeps.BOTH), NOON)
        assert store.drop_log_rule("default", Layer.ACCOUNT, "acme") is False
        assert store.drop_log_rule("acme", Layer.ACCOUNT, "acme") is True
        assert store.log_rules("acme") == {}


def test_who_may_read_what_stands_in_the_audit_log(acme):
    with acme.store(NOON) as store:
        store.add_log_recipient(RecipientRow("rcp_1", "acme", RECIPIENT, "Ann", NOON))
        store.put_log_rule("acme", Layer.ACCOUNT, "acme", LogRule(Keeps.PROMPTS, 0.25, 7.5), NOON)
        for _ in range(2):
            store.drop_log_rule("acme", Layer.ACCOUNT, "acme")
            store.drop_log_recipient("acme", "rcp_1")
    whole = {"account": "acme", "layer": "account"}
    assert entered(acme.driver, "log_recipient", "log_rule", "log_rule_dropped", "log_recipient_removed") == [
        {"kind": "log_recipient", "account": "acme", "recipient": "rcp_1"},
        {"kind": "log_rule", **whole, "keeps": "prompts", "share": "0.25", "ttl_days": "7.5"},
        {"kind": "log_rule_dropped", **whole},
        {"kind": "log_recipient_removed", "account": "acme", "recipient": "rcp_1"},
    ]


def test_recipients_are_few_and_each_is_there_once(acme):
    with acme.store(NOON) as store:
        store.add_log_recipient(RecipientRow("rcp_1", "acme", RECIPIENT, "Ann", NOON))
        with pytest.raises(StorageError):
            store.add_log_recipient(RecipientRow("rcp_2", "acme", RECIPIENT, "again", NOON))
        store.add_log_recipient(RecipientRow("rcp_3", "default", RECIPIENT, "Ann too", NOON))
        for number in range(1, MOST_RECIPIENTS):
            store.add_log_recipient(RecipientRow(f"rcp_1{number}", "acme", f"age1{number}", "", NOON + number))
        with pytest.raises(StorageError, match="at most"):
            store.add_log_recipient(RecipientRow("rcp_99", "acme", "age1x", "", NOON))
        assert [row.id for row in store.log_recipients("acme")][0] == "rcp_1"
        assert len(store.log_recipients()) == MOST_RECIPIENTS + 1
        assert store.drop_log_recipient("default", "rcp_1") is False
        assert store.drop_log_recipient("acme", "rcp_1") is True
        assert len(store.log_recipients("acme")) == MOST_RECIPIENTS - 1


def test_entries_come_back_newest_first_page_by_page_and_of_one_account(acme, logs):
    put(acme, *[kept(number, "acme", key="key_2" if number == 3 else "key_1") for number in range(5)], kept(9, "default"))
    assert decisions(logs) == [4, 3, 2, 1, 0]
    assert decisions(logs, limit=2) == [4, 3]
    assert decisions(logs, before=(NOON + 3, f"dec_{3:026d}"), limit=2) == [2, 1]
    assert decisions(logs, key="key_2") == [3]
    assert decisions(logs, "default") == [9]
    entry = logs.log_entry("acme", f"dec_{1:026d}")
    assert (entry.recipients, entry.keeps, entry.bytes) == ((RECIPIENT,), Keeps.BOTH, sum(map(len, pieces(logs, entry))))
    assert logs.log_entry("default", f"dec_{1:026d}") is None
    assert logs.log_piece("default", f"dec_{1:026d}", 0) is None
    sums = logs.kept_sums("acme")
    assert (sums.entries, sums.oldest_at) == (5, NOON)
    assert sums.bytes == sum(one.bytes for one in logs.log_entries("acme", ALL, 100))
    assert logs.kept_sums("nowhere") == KeptSums(0, 0, None)


def test_an_identity_opens_small_and_large_ones(acme, logs):
    mine = pyrage.x25519.Identity.generate()
    to = {"recipients": (str(mine.to_public()),)}
    large = b'"' + random.Random(1).randbytes(600_000).hex().encode() + b'"'
    put(acme, kept(1, "acme", **to), kept(2, "acme", large, **to), kept(3, "acme", None, **to), kept(4, "acme", b"{}", None, **to))
    assert decisions(logs) == [4, 3, 2, 1]
    opened = [pyrage.decrypt(b"".join(pieces(logs, entry)), [mine]) for entry in logs.log_entries("acme", ALL, 9)[::-1]]
    assert b'"prompt":{"p":1},"response":{"r":1}}' in opened[0]
    assert large in opened[1]
    assert b'"prompt":null,"response":{"r":1}}' in opened[2]
    assert b'"prompt":{},"response":null}' in opened[3]
    assert max(map(len, pieces(logs, logs.log_entry("acme", f"dec_{2:026d}")))) < 300_000


def test_one_that_cannot_be_stored_or_sealed_takes_no_other_with_it(acme, logs):
    bad = [kept(2, "nowhere"), kept(3, "acme", recipients=("age1nonsense",)), kept(1, "acme"), kept(5, "nowhere", b"1" * 300_000)]
    state = put(acme, kept(1, "acme"), *bad, kept(4, "acme"))
    assert decisions(logs) == [4, 1]
    assert (state.written, state.lost, state.waiting, state.failing) == (2, 4, 0, False)


def test_deleting_one_takes_that_one(acme, logs):
    put(acme, *[kept(number, "acme") for number in range(3)])
    assert logs.delete_log("default", f"dec_{1:026d}") is False
    assert logs.delete_log("acme", f"dec_{1:026d}") is True
    assert logs.delete_log("acme", f"dec_{1:026d}") is False
    assert decisions(logs) == [2, 0]
    assert logs.log_piece("acme", f"dec_{1:026d}", 0) is None


def test_clearing_takes_what_is_still_on_its_way_too(acme, logs):
    put(acme, *[kept(number, "acme") for number in range(450)], kept(500, "default"))
    assert logs.clear_logs("acme", NOON + 600) == 450
    put(acme, kept(600, "acme"), kept(601, "acme"), kept(602, "acme", b"1" * 300_000), kept(599, "acme", b"1" * 300_000))
    assert decisions(logs) == [602, 601]
    assert logs.clear_logs("acme", NOON) == 0, "an earlier instant takes nothing back"
    put(acme, kept(598, "acme"))
    assert decisions(logs) == [602, 601]
    assert decisions(logs, "default") == [500]


def test_what_has_expired_is_deleted_by_the_writer(acme, logs):
    put(acme, *[kept(number, "acme", expires_at=NOON + DAY + number) for number in range(200)])
    put(acme, kept(300, "acme"), now=NOON + DAY + 149)
    assert decisions(logs, limit=1000) == [300, *range(199, 149, -1)]


def test_what_is_of_an_account_that_is_deleted_is_dropped(acme, logs):
    sink = acme.log_sink(NOON)
    sink.forget(frozenset({"acme"}))
    for one in (kept(1, "acme"), kept(2, "default"), kept(3, "acme", b"1" * 300_000)):
        sink.hold(one.size)
        sink.put(one, one.size)
    sink.flush()
    sink.close()
    assert (decisions(logs), decisions(logs, "default"), sink.held) == ([], [2], 0)


def test_what_is_held_is_bounded(acme):
    sink = acme.log_sink(NOON)
    assert sink.hold(MOST_HELD) is True
    assert sink.hold(1) is False
    sink.release(1)
    assert sink.hold(1) is True
    assert sink.state.lost == 1
    sink.close()
    sink.close()


def test_a_tenant_sees_no_others_log(acme, logs):
    """What row-level security adds on PostgreSQL; the account is in every statement besides."""
    put(acme, kept(1, "acme"))
    with only("default"):
        found = logs.log_entries("acme", ALL, 10)
    with acme.logs() as same, only("acme"):
        assert decisions(same) == [1]
    assert found == ([] if acme.url else logs.log_entries("acme", ALL, 10))


# What is left in the files.


def left(directory, ciphertexts):
    """Which files hold how many windows of ciphertext."""
    windows = {one[at : at + WINDOW] for one in ciphertexts for at in range(COMMON, len(one) - WINDOW, WINDOW)}
    found = {}
    for path in directory.iterdir():
        data = path.read_bytes()
        hits = sum(data[at : at + WINDOW] in windows for at in range(len(data) - WINDOW + 1))
        if hits:
            found[path.name] = hits
    return found


def entry_of(number, dice, account):
    """Sizes from a few bytes to several pieces, so that rows share pages, fill pages, and take many."""
    size = dice.choice((1, 40, 700, 2000, 3500, 4000, 4200, 9000, 20_000))
    return kept(number, account, b'"' + b"p" * size + b'"', expires_at=NOON + 1000 + dice.random() * 100)


@pytest.mark.parametrize("seed", range(8 if LONG else 1))
@pytest.mark.parametrize("how", ["one by one", "all at once", "by expiry", "with the account"])
def test_after_deletion_no_byte_of_ciphertext_is_in_the_files_of_sqlite(tmp_path, seed, how):
    dice, backend = random.Random(seed), Backend(tmp_path)
    with backend.store(NOON) as store:
        store.add_account(AccountRow("gone", "Gone", NOON))
    put(backend, *[entry_of(number, dice, "gone") for number in range(MANY)])
    with backend.logs() as logs, backend.holdings() as holdings:
        gone = [b"".join(pieces(logs, entry)) for entry in logs.log_entries("gone", ALL, 1000)]
        assert len(gone) == MANY
        assert sum(left(tmp_path, gone).values()) > 1000, "the search finds them while they are there"
        # Others come and go meanwhile, so that pages are shared, split and joined.
        put(backend, *[entry_of(number, dice, "default") for number in range(1000, 1000 + MANY)])
        for number in dice.sample(range(1000, 1000 + MANY), 20):
            logs.delete_log("default", f"dec_{number:026d}")
        if how == "one by one":
            for number in dice.sample(range(MANY), MANY):
                assert logs.delete_log("gone", f"dec_{number:026d}")
            assert logs.wiped()
        elif how == "all at once":
            assert logs.clear_logs("gone", NOON + 2000) == MANY
            assert logs.wiped()
        elif how == "by expiry":
            sink = backend.log_sink(NOON + 1200)
            sink.flush()
            sink.close()
        else:
            holdings.begin_closing("gone", NOON)
            holdings.delete_account("gone", "deleted:x")
            assert holdings.wipe()
        assert decisions(logs, "gone") == []
        assert left(tmp_path, gone) == {}
        assert how == "by expiry" or len(decisions(logs, "default", limit=1000)) == MANY - 20


def test_wiping_waits_for_nobody_for_ever(tmp_path):
    backend = Backend(tmp_path)
    with backend.store(NOON):
        put(backend, kept(1))
    with backend.logs() as logs:
        reader = backend.driver.connect()
        reader.execute("PRAGMA busy_timeout=1")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sealed_logs").fetchall()
        logs._connection.execute("PRAGMA busy_timeout=50")
        logs.delete_log("default", f"dec_{1:026d}")
        assert logs.wiped() is False
        reader.execute("COMMIT")
        assert logs.wiped() is True
        reader.close()
    assert os.path.getsize(tmp_path / "anyapi.db-wal") == 0 if (tmp_path / "anyapi.db-wal").exists() else True


def test_on_postgresql_a_change_of_who_reads_what_reaches_every_worker(acme):
    """What a snapshot is built from counts its version up, in the transaction of the change; entries do not."""
    if not acme.url:
        return  # SQLite has one process, which is told

    def version():
        with contextlib.closing(acme.driver.connect(everybody=True)) as connection:
            return connection.execute("SELECT version FROM published").fetchone()[0]

    with acme.store(NOON) as store:
        seen = [version()]
        store.add_log_recipient(RecipientRow("rcp_1", "acme", RECIPIENT, "", NOON))
        seen.append(version())
        store.put_log_rule("acme", Layer.ACCOUNT, "acme", LogRule(Keeps.BOTH), NOON)
        seen.append(version())
        put(acme, kept(1, "acme"))
        assert version() == seen[-1]
        store.drop_log_rule("acme", Layer.ACCOUNT, "acme")
        seen.append(version())
        store.drop_log_recipient("acme", "rcp_1")
        seen.append(version())
    assert seen == sorted(set(seen))
