"""The key of the audit log at a start: made for the first worker of a database, and asked of all others."""

import contextlib

import pytest
from tests.conformance.samples import NOON
from tests.conformance.stores import BACKENDS
from tests.integration.lab import until
from tests.unit.test_config_audit import load

from anyapi.audit.notes import SigningKey
from anyapi.bootstrap_audit import Entered, open_audit, started
from anyapi.crypto.log_keys import put_in_place, replace_key
from anyapi.errors import ConfigError
from anyapi.forgetting import Forgetting
from anyapi.storage.audit_log import AppendedLog
from anyapi.storage.audit_reader import AuditReader
from anyapi.storage.events import no_report
from anyapi.storage.postgres_leases import Leases
from anyapi.storage.rows import AccountRow

OTHER = SigningKey("other/log", bytes(range(32)))


def begun(backend, config):
    """Open the log and enter something; the keys that it names then."""
    with contextlib.ExitStack() as stack:
        open_audit(config, stack, no_report, backend.driver).flush()
    with AuditReader(backend.driver) as reader:
        return len(reader.key_entries())


@pytest.mark.parametrize("kind", BACKENDS, ids=lambda each: each.__name__)
def test_a_worker_makes_no_second_key_for_a_log_that_others_share(kind, tmp_path):
    with kind(tmp_path / "first") as backend, backend.store(NOON):
        first, second = ({"ANYAPI_DATA_DIR": str(tmp_path / name)} for name in ("first", "second"))
        config, other = load(tmp_path, **first), load(tmp_path, **second)
        assert begun(backend, config) == begun(backend, config) == 1
        if backend.driver.shared:
            with pytest.raises(ConfigError, match="ANYAPI_AUDIT_KEY"):
                begun(backend, other)
            assert not (tmp_path / "second" / "audit.key").exists()
            (tmp_path / "second").mkdir()
            (tmp_path / "first" / "audit.key").rename(tmp_path / "second" / "audit.key")
            assert begun(backend, other) == 1
        assert begun(backend, load(tmp_path, **second, ANYAPI_AUDIT_KEY=OTHER.reveal())) == 2


def test_a_worker_with_a_key_of_its_own_does_not_start_beside_others_and_one_that_follows_a_rotation_does(tmp_path):
    """Somebody made a key on each machine: each would sign what the others' key does not verify."""
    with BACKENDS[-1](tmp_path / "first") as backend, backend.store(NOON), contextlib.ExitStack() as stack:
        where = {"ANYAPI_DATABASE_URL": backend.url}
        first = load(tmp_path, **where, ANYAPI_DATA_DIR=str(tmp_path / "first"))
        other = load(tmp_path, **where, ANYAPI_DATA_DIR=str(tmp_path / "second"), ANYAPI_AUDIT_KEY=OTHER.reveal())
        assert begun(backend, first) == 1
        leases = Leases(first.database_url, "first", 5.0)
        stack.callback(leases.leave)
        leases.confirm(leases.newest())
        with pytest.raises(ConfigError, match="sign the audit log with another key"):
            begun(backend, other)
        assert begun(backend, first) == 1, "nothing of the other is in the log"

        old, new = replace_key(tmp_path / "first" / "audit.key")  # what `anyapi audit rotate` does
        with contextlib.closing(backend.driver.connect(everybody=True)) as connection:
            AppendedLog(backend.driver, connection).announce(new.public, 0)
        put_in_place(tmp_path / "first" / "audit.key")
        assert begun(backend, load(tmp_path, **where, ANYAPI_DATA_DIR=str(tmp_path / "old"), ANYAPI_AUDIT_KEY=old.reveal())) == 2
        assert begun(backend, first) == 2
        leases.leave()
        assert begun(backend, other) == 3, "with nobody beside it, it takes over"


@pytest.mark.parametrize("kind", BACKENDS, ids=lambda each: each.__name__)
def test_of_an_account_that_goes_what_waits_is_entered_before_a_file_is_rewritten(kind, tmp_path):
    with kind(tmp_path / "data") as backend, contextlib.ExitStack() as stack, backend.store(NOON) as store, backend.holdings() as holdings:
        store.add_account(AccountRow("goes", "Goes", NOON))
        config = load(tmp_path, ANYAPI_DATA_DIR=str(tmp_path / "data"))
        forgetting = Forgetting([Entered(open_audit(config, stack, no_report, backend.driver))])
        forgetting.look(store)
        for step in (lambda: holdings.begin_closing("goes", NOON), lambda: holdings.delete_account("goes", "deleted:x")):
            step()
            forgetting.look(store)
            forgetting.settle()
            with AuditReader(backend.driver) as reader:
                if backend.driver.shared:  # a moment later: no file is rewritten there
                    until(lambda reader=reader: reader.waiting() == 0, "what waits is entered")
                assert reader.waiting() == 0


def test_a_start_says_what_is_in_force(tmp_path):
    said = started(load(tmp_path, "[audit]\nrecord_internal = false\n"))
    assert said["not_recorded"] == '["internal"]'
    assert set(said) == {"agreements", "catalogue", "classes", "credentials", "floor", "not_recorded", "version"}
