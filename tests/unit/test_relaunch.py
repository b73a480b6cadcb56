"""Each case starts a real interpreter: `execute_again` replaces the process that calls it."""

import json
import os
import platform
import subprocess
import sys

import pytest

from anyapi.relaunch import SETTINGS, configured, execute_again

PROGRAM = """
import json, os, sys
from anyapi.relaunch import configured, execute_again

def entry(stage):
    return {
        "stage": stage, "pid": os.getpid(), "argv": sys.argv[1:], "orig_argv": sys.orig_argv[1:], "cwd": os.getcwd(),
        "flags": [sys.flags.utf8_mode, sys.flags.dev_mode, sys.flags.no_site], "warnings": sys.warnoptions, "configured": configured(os.environ),
        "env": {name: os.environ.get(name) for name in ("GLIBC_TUNABLES", "PYTHONMALLOC", "KEPT")},
    }

def note(stage):
    with open(os.environ["NOTES"], "a", encoding="utf-8") as file:
        file.write(json.dumps(entry(stage)) + chr(10))

note("start")
sys.stdout.write("out,")
sys.stderr.write("err,")
execute_again(os.environ)
note("end")
"""


@pytest.fixture
def started(tmp_path):
    """Runs the program with options and arguments of the caller; gives back what each start and end of it noted."""
    program, notes = tmp_path / "a program.py", tmp_path / "notes"
    program.write_text(PROGRAM, encoding="utf-8")

    own = {*SETTINGS, "PYTHONUNBUFFERED", "PYTHONUTF8", "PYTHONDEVMODE", "PYTHONWARNINGS"}  # what the machine sets must not decide a case

    def start(*options, arguments=(), run=(str(program),), **env):
        whole = {name: value for name, value in os.environ.items() if name not in own} | {"NOTES": str(notes), **env}
        command = [sys.executable, *options, *run, *arguments]
        done = subprocess.run(command, env=whole, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
        return [json.loads(line) for line in notes.read_text(encoding="utf-8").splitlines()], done

    return start


def test_it_executes_itself_once_and_goes_on_with_the_settings(started):
    notes, _ = started()
    assert [note["stage"] for note in notes] == ["start", "start", "end"]
    assert [note["configured"] for note in notes] == [False, True, True]
    assert len({note["pid"] for note in notes}) == 1  # a supervisor keeps its child
    for note in notes[1:]:
        assert {name: note["env"][name] for name in SETTINGS} == SETTINGS


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the tunables are those of glibc")
def test_freed_memory_is_overwritten_from_then_on():
    program = "import os, sys\nfrom anyapi import relaunch, scrubbing\nprint(scrubbing.works())\nrelaunch.execute_again(os.environ)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={name: value for name, value in os.environ.items() if name not in SETTINGS},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == ["False", "True"]


def test_with_the_settings_in_force_it_goes_on_at_once(started):
    notes, _ = started(**SETTINGS)
    assert [note["stage"] for note in notes] == ["start", "end"]


@pytest.mark.parametrize(
    "given",
    [
        {"PYTHONMALLOC": "malloc"},
        {"GLIBC_TUNABLES": SETTINGS["GLIBC_TUNABLES"]},
        {**SETTINGS, "PYTHONMALLOC": "pymalloc"},
        {**SETTINGS, "GLIBC_TUNABLES": "glibc.malloc.perturb=0"},
    ],
)
def test_half_of_the_settings_is_not_enough(started, given):
    notes, _ = started(**given)
    assert [note["configured"] for note in notes] == [False, True, True]


def test_arguments_options_directory_and_environment_are_kept(started, tmp_path):
    arguments = ["--config", "a b.toml", "", "*", "--quiet", "ü"]
    notes, _ = started("-X", "utf8", "-X", "dev", "-W", "ignore::DeprecationWarning", arguments=arguments, KEPT="a=b c")
    before, after, _ = notes
    assert after["argv"] == arguments
    for name in ("argv", "orig_argv", "cwd", "flags", "warnings"):
        assert after[name] == before[name]
    assert (after["flags"][:2], after["env"]["KEPT"], os.path.samefile(after["cwd"], tmp_path)) == ([1, True], "a=b c", True)


@pytest.mark.parametrize("run", [("-m", "amodule"), ("-c", PROGRAM)], ids=["module", "text"])
def test_a_module_or_a_text_is_run_again_as_such(started, tmp_path, run):
    (tmp_path / "amodule.py").write_text(PROGRAM, encoding="utf-8")
    notes, _ = started(run=run, arguments=["serve", "--quiet"])
    assert [note["argv"] for note in notes] == [["serve", "--quiet"]] * 3
    assert [note["stage"] for note in notes] == ["start", "start", "end"]


def test_what_was_printed_before_is_not_lost(started):
    _, done = started()
    assert (done.stdout, done.stderr) == ("out,out,", "err,err,")


def test_nothing_happens_here_when_the_settings_are_in_force():
    assert execute_again({"OTHER": "1", **SETTINGS}) is None
    assert configured({"OTHER": "1", **SETTINGS})
    assert not configured({})


def test_it_imports_nothing_that_would_be_imported_twice():
    code = (
        "import sys, anyapi.relaunch\nprint(sorted(m for m in sys.modules if m.split('.')[0] in ('anyapi', 'msgspec', 'click', 'asyncio')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "['anyapi', 'anyapi.relaunch']"
