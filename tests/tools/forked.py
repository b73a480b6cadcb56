"""Runs commands of `anyapi` in forks of one process that has imported it: a tenth of what processes that start anew take.

What a fork cannot show is how a process comes to run: that it executes itself again, what it imports. Who uses this starts some anew too.
A program with pipes and not a call, because a process with threads, such as a test's, must not be forked.
"""

import contextlib
import importlib
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from anyapi.relaunch import SETTINGS

IMPORTED = ("anyapi.cli.serve", "anyapi.cli.serving", "anyapi.bootstrap_control")
Start = Callable[[Path, list[str], dict[str, str]], subprocess.CompletedProcess]
"""Runs `anyapi` in a directory, with these words and an environment."""


@contextlib.contextmanager
def forked(folder: Path) -> Iterator[Start]:
    """Gives what runs a command; outputs are kept in `folder`. One at a time."""
    with subprocess.Popen([sys.executable, "-m", "tests.tools.forked"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:

        def start(directory: Path, words: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess:
            kept = [str(folder / name) for name in ("stdout", "stderr")]
            print(json.dumps([str(directory), words, environment, *kept]), file=parent.stdin, flush=True)
            status = int(parent.stdout.readline())
            return subprocess.CompletedProcess(words, status, *(Path(path).read_text() for path in kept))

        yield start
        parent.stdin.close()


def serve_forks() -> None:
    """Fork for each line that comes, wait for the child, and say its exit status."""
    for name in IMPORTED:
        importlib.import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _run(*json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(directory: str, words: list[str], environment: dict[str, str], out: str, err: str) -> None:
    """Be the command, as if it had executed itself again already; does not return."""
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment | SETTINGS)
    sys.argv = ["anyapi", *words]
    status = 1
    try:
        importlib.import_module("anyapi.cli").run()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else bool(ended.code)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve_forks()
