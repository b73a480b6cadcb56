import datetime as dt
import subprocess
import sys
from pathlib import Path

import pytest

from anyapi.config import load_config
from anyapi.config_early import keep_data_dir, wants_scrubbing
from anyapi.errors import ConfigError

OFF, ON = "[scrub]\nenabled = false\n", "[scrub]\nenabled = true\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "own name.toml"

    def write(content):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("content", "env", "wanted"),
    [
        (OFF, {}, False),
        (ON, {}, True),
        ("", {}, True),
        ("[server]\nport = 1\n", {}, True),
        (OFF, {"ANYAPI_SCRUB": "true"}, True),
        (ON, {"ANYAPI_SCRUB": "false"}, False),
        (OFF, {"ANYAPI_SCRUB": ""}, False),  # container files pass on variables that are not set
        (ON, {"ANYAPI_SCRUB": ""}, True),
    ],
)
def test_the_environment_goes_before_the_file_and_without_both_memory_is_scrubbed(file, content, env, wanted):
    assert wants_scrubbing(file(content), env) is wanted


@pytest.mark.parametrize(
    "content",
    [
        "[scrub\nenabled = false",
        "scrub = false\n",
        "[[scrub]]\nenabled = false\n",
        "[scrub]\nenabled = 0\n",
        '[scrub]\nenabled = "false"\n',
        "[scrub]\nEnabled = false\n",
        b"[scrub]\nenabled = false # \xff\n",
    ],
)
def test_what_is_not_sound_never_switches_scrubbing_off(file, content):
    path = file(content)
    assert wants_scrubbing(path, {}) is True
    assert wants_scrubbing(path, {"ANYAPI_SCRUB": "no"}) is True


def test_a_file_that_cannot_be_read_is_no_reason_to_stop(tmp_path):
    assert wants_scrubbing(tmp_path / "missing.toml", {}) is True
    assert wants_scrubbing(tmp_path, {}) is True


def test_the_file_is_the_named_one_else_that_of_the_environment_else_the_one_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "on.toml").write_text(ON)
    (tmp_path / "off.toml").write_text(OFF)
    assert wants_scrubbing(None, {}) is True
    (tmp_path / "anyapi.toml").write_text(OFF)
    assert wants_scrubbing(None, {}) is False
    assert wants_scrubbing(None, {"ANYAPI_CONFIG": "on.toml"}) is True
    assert wants_scrubbing(None, {"ANYAPI_CONFIG": ""}) is False
    assert wants_scrubbing(tmp_path / "off.toml", {"ANYAPI_CONFIG": "on.toml"}) is False


@pytest.mark.parametrize("content", ["", ON, OFF, "[scrub]\n"])
@pytest.mark.parametrize("said", [None, "", "true", "false"])
def test_the_full_reading_agrees(file, tmp_path, content, said):
    path = file(content)
    env = {"ANYAPI_DATA_DIR": str(tmp_path)} | ({} if said is None else {"ANYAPI_SCRUB": said})
    assert load_config(path, env, dt.datetime(2026, 11, 24, tzinfo=dt.UTC)).scrub is wants_scrubbing(path, env)


@pytest.mark.parametrize(("content", "env"), [("[scrub]\nenabled = 0\n", {}), ("", {"ANYAPI_SCRUB": "no"}), ("[scrub", {})])
def test_what_is_passed_over_here_is_refused_by_the_full_reading(file, content, env):
    with pytest.raises(ConfigError):
        load_config(file(content), env, dt.datetime(2026, 11, 24, tzinfo=dt.UTC))


def test_it_imports_nothing_that_would_be_imported_twice():
    code = "import sys, anyapi.config_early\nprint(sorted(m for m in sys.modules if m.split('.')[0] in ('anyapi', 'msgspec', 'yaml', 'click')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "['anyapi', 'anyapi.config_early']"


def test_the_data_directory_of_the_command_line_goes_before_all(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    env = {"ANYAPI_DATA_DIR": "elsewhere"}
    keep_data_dir(None, env)
    assert env == {"ANYAPI_DATA_DIR": "elsewhere"}
    keep_data_dir(Path("here"), env)
    assert env == {"ANYAPI_DATA_DIR": str(tmp_path / "here")}
