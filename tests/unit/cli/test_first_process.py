"""A gateway that is the first process of a container ends when it is told to, also while it starts."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from anyapi.cli import first_process

APART = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]


def may_be_first():
    return subprocess.run([*APART, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("command", ["serve", "control"])
def test_the_first_process_ends_at_sigterm_while_it_starts(tmp_path, command):
    if not may_be_first():
        pytest.skip("SKIPPED LOUDLY: this machine lets nobody make a space of processes: the first process is NOT checked")
    held = tmp_path / "anyapi.toml"
    os.mkfifo(held)
    with subprocess.Popen([*APART, sys.executable, "-m", "anyapi", command, "--config", held]) as apart:
        writer = opened_by_a_reader(held)  # which starts, and waits for its configuration
        (first,) = Path(f"/proc/{apart.pid}/task/{apart.pid}/children").read_text().split()
        try:
            os.kill(int(first), signal.SIGTERM)
            assert apart.wait(10) == 128 + signal.SIGTERM
        finally:
            apart.kill()
            os.close(writer)


def opened_by_a_reader(path):
    deadline = time.monotonic() + 20
    while True:
        try:
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            assert time.monotonic() < deadline, "nobody reads it"
            time.sleep(0.01)


def test_any_other_process_is_left_as_it_is():
    before = signal.getsignal(signal.SIGTERM)
    first_process.end_when_told()
    assert signal.getsignal(signal.SIGTERM) is before
