"""Which process serves an address, and where it writes: asked of real processes."""

import os
import socket
import subprocess
import sys

import pytest
from tests.tools.gateway import simulated

from anyapi.prove.serving_processes import listening, outputs, temporary, working

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="SKIPPED LOUDLY: needs root to look into other processes: this is NOT checked")


def test_a_gateway_is_found_by_its_port(tmp_path):
    with simulated(tmp_path / "home", environment={"TMPDIR": str(tmp_path)}) as (gateway, _):
        assert listening(gateway.port) == (gateway.pid,)
        files, elsewhere = outputs(gateway.pid)
        assert files == [gateway.home / "gateway.log"]
        assert elsewhere, "its standard output is a pipe of this test"
        seen = temporary(gateway.pid)
        assert any(path.samefile(tmp_path) for path in seen)
        assert any(path.samefile("/tmp") for path in seen)
        assert working(gateway.pid).samefile(".")


def test_a_gateway_is_found_by_its_socket(tmp_path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        assert listening(None, str(tmp_path / "s")) == (os.getpid(),)
        assert listening(None, str(tmp_path / "t")) == ()


def test_a_port_that_nobody_listens_on():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        assert listening(probe.getsockname()[1]) == ()


def test_what_is_mounted_read_only_is_no_place_to_search(tmp_path):
    """As in a container whose root file system is read-only: nothing gets there, and nothing can be planted there."""
    for name in ("sealed", "open"):
        (tmp_path / name).mkdir()
    says = "import sys; print(flush=True); sys.stdin.read()"
    shut = f'mount --bind -o ro "$1" "$1" && cd "$1" && exec "$2" -c "{says}"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", shut, "sh"]
    found = {}
    for name, arguments in {"sealed": command, "open": ["sh", "-c", shut.partition("&&")[2], "sh"]}.items():
        where = str(tmp_path / name)
        environment = {**os.environ, "TMPDIR": where}
        with subprocess.Popen(
            [*arguments, where, sys.executable], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        ) as process:
            if not process.stdout.readline():
                pytest.skip("SKIPPED LOUDLY: this machine lets nobody mount anything: read-only places are NOT checked")
            found[name] = working(process.pid), any(path.samefile(where) for path in temporary(process.pid))
            process.communicate()
    assert found == {"sealed": (None, False), "open": (tmp_path / "open", True)}


def test_the_root_is_no_working_directory_to_search():
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], cwd="/", stdin=subprocess.PIPE) as process:
        assert working(process.pid) is None
        process.communicate()
    assert working(process.pid) is None
