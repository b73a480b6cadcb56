"""`[audit]` and the key that the environment holds."""

import datetime as dt

import pytest

from anyapi.audit.notes import SigningKey
from anyapi.config import load_config
from anyapi.config_audit import key_file_of
from anyapi.errors import ConfigError

NOW = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
KEY = SigningKey("a/b", bytes(range(32)))


def load(tmp_path, text="", **environment):
    (tmp_path / "anyapi.toml").write_text(text)
    return load_config(tmp_path / "anyapi.toml", {"HOME": str(tmp_path), **environment}, NOW)


def test_without_anything_all_is_recorded_under_a_key_in_the_data_directory(tmp_path):
    config = load(tmp_path)
    assert config.audit.unrecorded == frozenset()
    assert config.audit_key is None
    assert key_file_of(config.audit, config.data_dir) == config.data_dir / "audit.key"


def test_classes_that_are_left_out(tmp_path):
    assert load(tmp_path, "[audit]\nrecord_public = false\n").audit.unrecorded == {"public", None}
    assert load(tmp_path, "[audit]\nrecord_internal = false\n").audit.unrecorded == {"internal"}
    with pytest.raises(ConfigError, match="record_confidential"):
        load(tmp_path, "[audit]\nrecord_confidential = false\n")
    with pytest.raises(ConfigError, match="record_public"):
        load(tmp_path, "[audit]\nrecord_public = 'no'\n")


def test_where_the_key_is(tmp_path):
    config = load(tmp_path, "[audit]\nkey_file = 'keys/log'\n")
    assert key_file_of(config.audit, config.data_dir) == tmp_path / "keys/log"
    named = load(tmp_path, "[audit]\nkey_file = 'keys/log'\n", ANYAPI_AUDIT_KEY_FILE="/elsewhere")
    assert str(key_file_of(named.audit, named.data_dir)) == "/elsewhere"
    assert load(tmp_path, ANYAPI_AUDIT_KEY=KEY.reveal()).audit_key.public.raw == KEY.public.raw


def test_a_key_that_is_none_is_refused_without_repeating_it(tmp_path):
    secret = KEY.reveal()[:-3]
    with pytest.raises(ConfigError, match="ANYAPI_AUDIT_KEY") as caught:
        load(tmp_path, ANYAPI_AUDIT_KEY=secret)
    assert secret[-20:] not in str(caught.value)
    with pytest.raises(ConfigError, match="keep one of them"):
        load(tmp_path, ANYAPI_AUDIT_KEY=KEY.reveal(), ANYAPI_AUDIT_KEY_FILE="/elsewhere")


def test_a_configuration_does_not_print_the_key(tmp_path):
    assert KEY.reveal()[-44:] not in repr(load(tmp_path, ANYAPI_AUDIT_KEY=KEY.reveal()))
