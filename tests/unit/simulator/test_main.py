import json
import os
import signal
import subprocess
import sys

import pytest
import trustme
from tests.unit.simulator.raw_client import ask, chat, get

from anyapi.simulator.__main__ import BadArgument, _parser, chosen_providers, main
from anyapi.simulator.cast import WireName
from anyapi.simulator.faults import BadFault


def chosen(*arguments):
    return chosen_providers(_parser().parse_args(arguments))


def test_the_default_cast():
    assert [spec.id for spec in chosen()] == ["sim-forever", "sim-30d", "sim-zero", "sim-free", "sim-unknown"]


def test_options_go_where_they_are_told():
    arguments = ["--provider", "sim-zero", "--provider", "own", "--wire", "own=anthropic", "--echo", "e", "--words", "9", "--api-key", "k"]
    zero, own = chosen(*arguments, "--fault", '{"kind":"empty"}', "--fault", 'own={"kind":"say","text":"a=b"}', "--chunk-delay", "0.5")
    assert (zero.wire, own.wire) == (WireName.OPENAI, WireName.ANTHROPIC)
    assert [fault.kind for fault in own.faults] == ["empty", "say"]
    assert [fault.kind for fault in zero.faults] == ["empty"]
    assert (own.echo, own.words, own.api_key, own.chunk_delay) == ("e", 9, "k", 0.5)
    assert own.models == ()


def test_what_cannot_be_done():
    with pytest.raises(BadArgument, match="own"):
        chosen("--provider", "sim-zero", "--wire", "own=anthropic")
    with pytest.raises(BadArgument, match="anthropic"):
        chosen("--wire", "grpc")
    with pytest.raises(BadFault):
        chosen("--fault", '{"kind":"nonsense"}')
    with pytest.raises(SystemExit) as caught:
        main(["--wire", "grpc"])
    assert caught.value.code == 2


def start(*arguments):
    command = [sys.executable, "-m", "anyapi.simulator", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": ""})


def test_the_program():
    with start("--provider", "sim-zero", "--provider", "sim-30d", "--record-bodies") as program:
        try:
            ready = json.loads(program.stdout.readline())
            assert [row["id"] for row in ready["providers"]] == ["sim-zero", "sim-30d"]
            port = int(ready["providers"][0]["origin"].rpartition(":")[2])
            assert ready["providers"][0]["base_url"] == f"http://127.0.0.1:{port}/v1"
            assert ask(port, chat()).status == 200
            assert len(get(port, "/ledger/bodies").json) == 1
            with start("--port", str(port), "--provider", "sim-zero") as second:
                assert second.wait(20) == 2
                assert b"--port" in second.stderr.read()
        finally:
            program.send_signal(signal.SIGTERM)
        assert program.wait(20) == 0
        assert program.stderr.read() == b""
        assert program.stdout.read() == b""


def test_the_program_with_tls(tmp_path):
    certificate = trustme.CA().issue_cert("localhost")
    file = tmp_path / "server.pem"
    file.write_bytes(certificate.private_key_and_cert_chain_pem.bytes())
    with start("--provider", "sim-zero", "--tls-cert", str(file)) as program:
        try:
            assert json.loads(program.stdout.readline())["providers"][0]["base_url"].startswith("https://127.0.0.1:")
        finally:
            program.terminate()
        assert program.wait(20) == 0
    assert main_code("--tls-cert", str(tmp_path / "missing.pem")) == 2


def main_code(*arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    return caught.value.code
