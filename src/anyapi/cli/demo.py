"""`anyapi demo`: simulated providers, a gateway and its dashboard, an API key, a link, and three requests to try. Nothing of it is kept."""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn

import click

from anyapi.cli.demo_traffic import send_sample_traffic
from anyapi.cli.people import first_run_link
from anyapi.cli.workers import end_with_parent
from anyapi.config_root_keys import KEY, KEY_FILE
from anyapi.crypto.api_keys import generate
from anyapi.crypto.root_keys import LENGTH
from anyapi.domain.ids import AccountId
from anyapi.simulator import SimulationThread, demo_config_toml
from anyapi.storage.connection import database_path
from anyapi.storage.drivers import driver_for
from anyapi.storage.rows import KeyRow
from anyapi.storage.schema import prepare
from anyapi.storage.sqlite import SqliteStore

PORT, CONTROL_PORT = 8080, 8081
PATIENCE = 30.0
"""Seconds that the gateway may take to answer for the first time."""
LOCAL_SERVERS = {"ollama": 11434, "vllm": 8000, "llama-cpp": 8081, "lm-studio": 1234}
"""Local servers that are offered when they answer on loopback. llama.cpp's own default, 8080, is ours, 8081 unless it is there."""


@click.command()
@click.option("--port", default=PORT, show_default=True, help="Port of the gateway; another free one is taken when it is busy.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line when ready, and nothing else.")
def demo(port: int, as_json: bool) -> None:
    """Run simulated providers, a gateway and its dashboard, and print what to try."""
    signal.signal(signal.SIGTERM, _stop)
    with (
        contextlib.suppress(KeyboardInterrupt),
        tempfile.TemporaryDirectory(prefix="anyapi-demo-") as folder,
        SimulationThread() as simulation,
    ):
        home = Path(folder)
        prepare(database_path(home))
        secret, sample = _make_key(home, "demo"), _make_key(home, "sample traffic")
        config = home / "anyapi.toml"
        local = [name for name, number in LOCAL_SERVERS.items() if _answers(number)]
        ports = {name: int(url.split(":")[2].split("/")[0]) for name, url in simulation.base_urls.items()}
        control = free_port(CONTROL_PORT if port else 0)
        config.write_text(config_text(free_port(port), home, ports, local, control), encoding="utf-8")
        with _gateway(config, home) as url:
            dashboard = f"http://127.0.0.1:{control}"
            _wait(f"{dashboard}/api/healthz")
            print_ready(url, secret, simulation.base_urls, first_run_link(driver_for(home), dashboard), as_json=as_json)
            if not as_json:
                send_sample_traffic(url, sample)
            while True:  # a signal that comes just before a wait is only seen after it, so no wait is long
                time.sleep(0.2)


def config_text(port: int, home: Path, ports: dict[str, int], local: list[str], control: int = CONTROL_PORT) -> str:
    """The demo's `anyapi.toml`: where to listen and store, the simulated providers, and local servers that were found."""
    listen = f'[server]\nlisten = "127.0.0.1:{port}"\n\n[control]\nlisten = "127.0.0.1:{control}"\n\n'
    own = f"{listen}[storage]\ndata_dir = {json.dumps(str(home))}\n\n"
    found = "".join(f"[providers.{name}]\n\n" for name in local)
    return own + demo_config_toml(ports).replace('"127.0.0.1/32"', '"127.0.0.1/32", "::1/128"') + found


def print_ready(url: str, secret: str, providers: dict[str, str], link: str, *, as_json: bool) -> None:
    """Print where everything is; the URL of the gateway comes first. `link` makes the first person of the dashboard."""
    dashboard = link.partition("/join#")[0]
    if as_json:
        rows = [{"id": name, "base_url": base} for name, base in providers.items()]
        click.echo(json.dumps({"base_url": f"{url}/v1", "control_url": dashboard, "first_run": link, "api_key": secret, "providers": rows}))
        sys.stdout.flush()
        return
    start = f"curl -s {url}/v1/chat/completions -H 'Authorization: Bearer {secret}' -H 'Content-Type: application/json'"
    body = '{"model": "anthropic/claude-3.5-sonnet", "data_policy": {"training_allowed": false, "retention_days": 30}, '
    message = '"messages": [{"role": "user", "content": "Hello"}]}'
    refused = '{"model": "anthropic/claude-3.5-sonnet", "data_policy": {"retention_days": 0, "providers": {"only": ["sim-30d"]}}, '
    question = '{"model": "anthropic/claude-3.5-sonnet", "data_policy": {"data_class": "internal"}}'
    lines = (
        f"AnyAPI is at {url}  (base_url for SDKs: {url}/v1)",
        f"API key: {secret}",
        f"Dashboard: {dashboard}  (this link lets the first person in, once: {link} )",
        "",
        "Simulated providers, what each says it does, and what each received (open its /ledger):",
        *(f"  {name:12} {base.removesuffix('/v1')}/ledger" for name, base in providers.items()),
        "",
        "# served: no training, at most 30 days of retention",
        f"{start} -d '{body}{message}'",
        "",
        "# refused, with every reason: zero retention, at a provider that keeps 30 days",
        f"{start} -d '{refused}{message}'",
        "",
        "# explained, and nothing is sent anywhere",
        f"curl -s {url}/v1/explain -H 'Authorization: Bearer {secret}' -d '{question}'",
        "",
        "Stop with Ctrl-C. Everything the demo wrote goes with it.",
    )
    click.echo("\n".join(lines))
    sys.stdout.flush()


def free_port(wanted: int) -> int:
    """The wanted port if nobody listens there, else one that is free."""
    for number in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", number))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise click.ClickException("no port is free on 127.0.0.1")


def _make_key(home: Path, name: str) -> str:
    parts = generate()
    with SqliteStore(home, time.time) as store:
        store.add_key(
            KeyRow(id=parts.id, prefix=parts.prefix, sha256=parts.sha256, account=AccountId("default"), created_at=time.time(), name=name)
        )
    return parts.secret


@contextlib.contextmanager
def _gateway(config: Path, home: Path) -> Iterator[str]:
    """Run `anyapi serve` beside us until the block ends; give its URL."""
    log = home / "gateway.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "anyapi", "serve", "--quiet", "--config", str(config)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=_of_a_demo(os.environ),
            preexec_fn=end_with_parent,  # noqa: PLW1509
        )
    try:
        line = process.stdout.readline() if process.stdout is not None else ""
        if not line.startswith("AnyAPI is at "):
            raise click.ClickException(f"the gateway did not start:\n{log.read_text(errors='replace').strip()}")
        url = line.removeprefix("AnyAPI is at ").strip()
        _wait(f"{url}/readyz")
        yield url
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _of_a_demo(env: Mapping[str, str]) -> dict[str, str]:
    """The environment with a root key that nobody keeps, unless it has one, and no database: a demo leaves nothing behind anywhere."""
    kept = {name: value for name, value in env.items() if name != "ANYAPI_DATABASE_URL"}
    return kept if kept.get(KEY) or kept.get(KEY_FILE) else {**kept, KEY: secrets.token_hex(LENGTH)}


def _wait(url: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 our own loopback URL
            if answer.status == 200:
                return
        time.sleep(0.02)
    raise click.ClickException(f"{url} did not answer in {PATIENCE:.0f} s")


def _answers(port: int) -> bool:
    """Whether a server with OpenAI's list of models answers on loopback."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=0.3) as answer:
            found = json.loads(answer.read(1_000_000))
    except (OSError, ValueError, urllib.error.URLError):
        return False
    # A gateway of our own shows eligibility on its rows: offering it to itself would go round in circles.
    rows = found.get("data") if isinstance(found, dict) else None
    return isinstance(rows, list) and not any(isinstance(row, dict) and "eligible" in row for row in rows)


def _stop(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt
