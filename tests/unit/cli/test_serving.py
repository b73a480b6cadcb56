"""The second half of `anyapi serve`: what it says when it is ready, and that it refuses what is wrong."""

import datetime as dt
import json
import signal
import subprocess
import sys
import time
import urllib.request

import msgspec
import pytest
import trustme
from tests.tools.gateway import simulated

from anyapi.bootstrap import Publisher
from anyapi.cli import serving
from anyapi.cli.serving import SWAPPED, serve_until_stopped
from anyapi.config import load_config
from anyapi.crypto.secret import Secret
from anyapi.errors import ConfigError, StorageError
from anyapi.hygiene import Swap
from anyapi.storage.sqlite import SqliteStore


def test_it_says_where_it_is_and_stops_in_good_order(tmp_path):
    with simulated(tmp_path / "home") as (gateway, _):
        assert gateway.request("GET", "/healthz").status == 200
        assert gateway.stop() == 0
        assert "event=started" in gateway.log()
        assert "event=stopped" in gateway.log()


def test_it_serves_where_nobody_reads_what_it_prints(bare):
    """`/dev/full` takes no byte, like a disk that is full or a terminal that is gone."""
    (bare / "anyapi.toml").write_text(
        f'[storage]\ndata_dir = {json.dumps(str(bare / "data"))}\n\n[server]\nlisten = "127.0.0.1:0"\n\n[control]\nlisten = "127.0.0.1:0"\n'
    )
    command = [sys.executable, "-m", "anyapi", "serve", "--config", str(bare / "anyapi.toml")]
    with open("/dev/full", "w") as full, subprocess.Popen(command, stdout=full, stderr=subprocess.PIPE, text=True) as process:
        try:
            said = [
                next(line for line in process.stderr if "event=started" in line),
                next(line for line in process.stderr if "event=control_started" in line),
            ]
            address = said[0].partition("listen=")[2].split()[0]
            time.sleep(0.2)  # by now all that it prints has failed
            with urllib.request.urlopen(f"{address}/healthz", timeout=10) as answer:
                assert answer.read() == b"ok\n"
        finally:
            process.send_signal(signal.SIGTERM)
            rest = process.stderr.read()
    assert process.returncode == 0
    assert "Traceback" not in rest


def test_without_room_for_the_first_link_it_is_said_how_to_get_one(bare, monkeypatch, capsys):
    (bare / "anyapi.toml").write_text(f"[storage]\ndata_dir = {json.dumps(str(bare / 'data'))}\n")
    monkeypatch.setattr(serving, "run", lambda _config, _ready, control_ready: control_ready("http://127.0.0.1:8081", True))

    def full(_driver, _address):
        raise StorageError("could not add the link: the disk is full")

    monkeypatch.setattr(serving, "first_run_link", full)
    serve_until_stopped(None, quiet=False)
    assert "the disk is full. Then run: anyapi people first-run" in capsys.readouterr().out


@pytest.mark.parametrize("section", ["server", "control"])
@pytest.mark.parametrize(("days", "said"), [(-1, "and callers refuse it"), (5, "ends on"), (90, "")])
def test_a_certificate_that_has_ended_or_will_soon_is_warned_of(bare, monkeypatch, capsys, section, days, said):
    """It is read at the start alone: whoever restarts is told in time, and whoever forgot learns why nobody comes."""
    issued = trustme.CA().issue_cert("localhost", not_after=dt.datetime.now(dt.UTC) + dt.timedelta(days=days))
    issued.private_key_and_cert_chain_pem.write_to_path(bare / "both.pem")
    toml = f"[storage]\ndata_dir = {json.dumps(str(bare / 'data'))}\n[{section}.tls]\ncertificate = 'both.pem'\nkey = 'both.pem'\n"
    (bare / "anyapi.toml").write_text(toml)
    monkeypatch.setattr(serving, "run", lambda *_: None)
    serve_until_stopped(None, quiet=True)
    warned = capsys.readouterr().err
    assert ("Warning: the certificate in " in warned, said in warned) == (bool(said), True)
    serve_until_stopped(None, quiet=True, number=1)
    assert capsys.readouterr().err == ""


def test_a_wrong_configuration_is_refused(tmp_path, monkeypatch):
    for name in ("ANYAPI_CONFIG", "ANYAPI_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "anyapi.toml"
    file.write_text("[serfer]\nlisten = 1\n")
    with pytest.raises(ConfigError, match="serfer"):
        serve_until_stopped(file, quiet=True)


@pytest.fixture
def started(bare, monkeypatch, capsys):
    """What is printed once the server of a configuration is ready. The server itself is `test_bootstrap`'s: here it is not run."""
    built = []
    monkeypatch.setattr(serving.hygiene, "swap", lambda: Swap.OFF)

    def start(toml="", *, quiet=False, warnings=()):
        (bare / "anyapi.toml").write_text(f"[storage]\ndata_dir = {json.dumps(str(bare / 'data'))}\n\n{toml}")

        def run(config, ready, control_ready):
            with SqliteStore(config.data_dir, time.time) as store:  # prepared by now
                snapshot = Publisher(config, store).build()
            built.append(config)
            ready(snapshot, "http://127.0.0.1:8080")

        monkeypatch.setattr(serving, "run", run)
        serve_until_stopped(None, quiet=quiet)
        captured = capsys.readouterr()
        assert captured.err.splitlines() == list(warnings)
        return captured.out.splitlines()

    return start


def test_the_address_comes_first(started):
    lines = started()
    assert lines[0] == "AnyAPI is at http://127.0.0.1:8080"
    assert any("No provider has a credential" in line for line in lines)
    assert any("There is no API key yet" in line for line in lines)


@pytest.mark.parametrize(("planes", "workers"), [(("control",), 1), (("data",), 2)])
def test_several_processes_need_one_postgresql(bare, planes, workers):
    (bare / "anyapi.toml").write_text(f"[storage]\ndata_dir = {json.dumps(str(bare / 'data'))}\n")
    with pytest.raises(ConfigError, match="ANYAPI_DATABASE_URL"):
        serve_until_stopped(None, quiet=True, planes=planes, workers=workers)


@pytest.mark.parametrize(("listen", "number", "port"), [("127.0.0.1:9464", 0, 9464), ("127.0.0.1:9464", 3, 9467), ("127.0.0.1:0", 3, 0)])
def test_each_worker_has_a_page_of_metrics_of_its_own(bare, monkeypatch, listen, number, port):
    (bare / "anyapi.toml").write_text(f'[storage]\ndata_dir = {json.dumps(str(bare / "data"))}\n\n[metrics]\nlisten = "{listen}"\n')
    built = []
    monkeypatch.setattr(serving, "run", lambda config, *_: built.append(config))
    serve_until_stopped(None, quiet=True, number=number)
    assert built[0].metrics.listen.port == port


def test_there_is_a_port_for_the_page_of_every_worker(bare, monkeypatch):
    toml = f'[storage]\ndata_dir = {json.dumps(str(bare / "data"))}\n\n[metrics]\nlisten = "127.0.0.1:65535"\n'
    (bare / "anyapi.toml").write_text(toml)
    monkeypatch.setattr(serving, "load_config", lambda *given, **named: postgres_for(load_config(*given, **named)))
    with pytest.raises(ConfigError, match=r"metrics\.listen|not so many"):
        serve_until_stopped(None, quiet=True, workers=2)


def postgres_for(config):
    return msgspec.structs.replace(config, database_url=Secret("postgresql://nobody@localhost/none"))


def test_quiet_prints_the_address_alone(started):
    assert started(quiet=True) == ["AnyAPI is at http://127.0.0.1:8080"]


@pytest.mark.parametrize("quiet", [False, True])
@pytest.mark.parametrize(
    ("listen", "local"),
    [("127.0.0.1:8080", True), ("[::1]:8080", True), ("localhost:8080", True), ("0.0.0.0:8080", False), ("[::]:8080", False)],
)
def test_plain_http_that_others_can_reach_is_warned_of(started, listen, local, quiet):
    """Once, in one line, on standard error; `quiet` does not hide it."""
    started(f'[server]\nlisten = "{listen}"\n', quiet=quiet, warnings=() if local else (serving.PLAIN,))


def test_with_tls_there_is_nothing_to_warn_of(started, bare):
    for name in ("cert", "key"):
        (bare / f"{name}.pem").write_text("read when the server starts")
    started('[server]\nlisten = "0.0.0.0:8080"\n[server.tls]\ncertificate = "cert.pem"\nkey = "key.pem"\n')


def test_keys_of_the_environment_are_named_by_their_provider(started, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    lines = started()
    assert any(line.startswith("  OpenAI: ") for line in lines)
    assert not any("secret" in line for line in lines)


def test_without_a_key_the_variable_of_an_own_provider_is_named_first(started):
    api = '{ base_url = "https://m.example/v1", protocol = "openai-chat", auth = "bearer", env = "MINE_KEY" }'
    lines = started(f'[providers.mine]\nkind = "first_party"\napi = {api}\n')
    assert any("Set one in the environment (MINE_KEY, OPENAI_API_KEY" in line for line in lines)


def test_swap_is_warned_of_unless_nobody_reads_it(started, monkeypatch):
    monkeypatch.setattr(serving.hygiene, "swap", lambda: Swap.POSSIBLE)
    started(warnings=[SWAPPED])
    started(quiet=True)
    monkeypatch.setattr(serving.hygiene, "swap", lambda: Swap.UNKNOWN)
    started()
