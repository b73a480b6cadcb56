"""The key of the audit log: made once, the owner's alone, read again when it was rotated, and never in a text."""

import os
import stat
import subprocess
import sys

import pytest

from anyapi.audit.notes import SigningKey
from anyapi.crypto.log_keys import LogKeys, make_key, parse_key, put_in_place, read_key, replace_key
from anyapi.errors import ConfigError

SEED = bytes(range(32))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "data" / "audit.key"


def test_made_once_and_the_owners_alone(file):
    key = make_key(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert make_key(file).public.raw == key.public.raw == read_key(file).public.raw
    assert [each.name for each in file.parent.iterdir()] == ["audit.key"]
    assert key.public.name.startswith("anyapi/")


def test_of_many_processes_that_start_at_once_one_key_stays(file):
    code = "import sys, pathlib; from anyapi.crypto.log_keys import make_key; print(make_key(pathlib.Path(sys.argv[1])).public)"
    running = [subprocess.Popen([sys.executable, "-c", code, str(file)], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert {process.communicate()[0].strip() for process in running} == {str(make_key(file, "another/name").public)}


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_key_that_others_can_read_is_refused(file, mode):
    make_key(file)
    file.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_key(file)
    with pytest.raises(ConfigError):
        make_key(file)


@pytest.mark.parametrize("text", ["", "nonsense", "PRIVATE+KEY+a+00000000+AAAA", "\u00e9"])
def test_what_is_no_key_is_refused_without_repeating_it(file, text):
    file.parent.mkdir()
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        read_key(file)
    assert not text or text not in str(caught.value)


def test_nothing_there(file, tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        LogKeys(file)()
    with pytest.raises(ConfigError, match="no key"):
        LogKeys(None)()
    (tmp_path / "plain").write_text("")
    with pytest.raises(ConfigError, match="cannot be"):
        make_key(tmp_path / "plain" / "audit.key")


def test_a_given_key_goes_before_the_file(file):
    given = parse_key(SigningKey("a/b", SEED).reveal(), "environment")
    assert LogKeys(file, given)() is given


def test_a_rotated_key_signs_from_then_on(file, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("anyapi.crypto.log_keys.time.monotonic", lambda: clock[0])
    first = make_key(file)
    keys = LogKeys(file)
    assert keys().public.raw == first.public.raw
    old, new = replace_key(file)
    assert old.public.raw == first.public.raw
    assert new.public.name == first.public.name
    assert keys().public.raw == first.public.raw
    put_in_place(file)
    clock[0] += 1.5
    assert keys().public.raw == new.public.raw
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(file.parent) == ["audit.key"]
    with pytest.raises(ConfigError, match="put in place"):
        put_in_place(file)
