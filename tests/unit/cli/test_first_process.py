"""A gateway that is the first process of a container ends when it is told to, also while it starts."""

import os
import signal
import socket
import subprocess
import sys
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
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(20)
        url = f"postgresql://gateway:not-asked@127.0.0.1:{silent.getsockname()[1]}/gateway"
        environment = {**os.environ, "ANYAPI_DATABASE_URL": url, "ANYAPI_DATA_DIR": str(tmp_path)}
        with subprocess.Popen([*APART, sys.executable, "-m", "anyapi", command], env=environment, cwd=tmp_path) as apart:
            try:
                connection, _ = silent.accept()  # it starts, and waits for a database that says nothing
                (first,) = Path(f"/proc/{apart.pid}/task/{apart.pid}/children").read_text().split()
                os.kill(int(first), signal.SIGTERM)
                assert apart.wait(10) == 128 + signal.SIGTERM
                connection.close()
            finally:
                apart.kill()


def test_any_other_process_is_left_as_it_is():
    before = signal.getsignal(signal.SIGTERM)
    first_process.end_when_told()
    assert signal.getsignal(signal.SIGTERM) is before
