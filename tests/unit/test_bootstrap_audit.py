"""The key of the audit log at a start: made for the first worker of a database, and asked of all others."""

import contextlib

import pytest
from tests.conformance.samples import NOON
from tests.conformance.stores import BACKENDS
from tests.unit.test_config_audit import load

from anyapi.audit.notes import SigningKey
from anyapi.bootstrap_audit import open_audit, started
from anyapi.errors import ConfigError
from anyapi.storage.audit_reader import AuditReader
from anyapi.storage.events import no_report

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


def test_a_start_says_what_is_in_force(tmp_path):
    said = started(load(tmp_path, "[audit]\nrecord_internal = false\n"))
    assert said["not_recorded"] == '["internal"]'
    assert set(said) == {"agreements", "catalogue", "classes", "credentials", "floor", "not_recorded", "version"}
