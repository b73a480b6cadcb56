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


def test_the_root_is_no_working_directory_to_search():
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], cwd="/", stdin=subprocess.PIPE) as process:
        assert working(process.pid) is None
        process.communicate()
    assert working(process.pid) is None
