"""`anyapi demo`: simulated providers, a gateway and its dashboard, an API key, a link, and three requests to try. Nothing of it is kept."""

import contextlib
import functools
import json
import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from anyapi.cli.demo_traffic import REQUESTS, send_sample_traffic
from anyapi.cli.people import first_run_link
from anyapi.cli.workers import end_with_parent
from anyapi.config import ENVIRONMENT
from anyapi.crypto.api_keys import generate
from anyapi.crypto.root_keys import LENGTH
from anyapi.domain.ids import AccountId
from anyapi.simulator import DEFAULT_PROVIDERS, SimulationThread, demo_config_toml
from anyapi.simulator.cast import ClaimedPolicy
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
LAST_LINES = 20
"""Of the gateway's log, where it ended by itself."""
CONFIG, ROOT_KEY = "anyapi.toml", "root.key"
KEPT = {"ANYAPI_PYTHON", "ANYAPI_SCRUB"}
"""Variables of ours that a demo heeds; the others say where somebody's own gateway listens, stores and keeps its keys."""
TRAINING = {"never": "never trains", "by_default": "trains by default", "unknown": "training unknown"}
KEEPING = {"zero": "keeps nothing", "indefinite": "keeps without end", "unknown": "retention unknown"}


BUILT = Path(__file__).resolve().parents[1] / "dashboard/index.html"
"""The dashboard's page, where it was built."""
NOT_BUILT = "not built, for want of npm: the page there says how"


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    help="Port of the gateway; another free one is taken when it is busy.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line when ready, and nothing else.")
def demo(port: int, as_json: bool) -> None:
    """Run simulated providers, a gateway and its dashboard, and print what to try."""
    with (
        contextlib.suppress(KeyboardInterrupt),
        _told_to_stop(),
        tempfile.TemporaryDirectory(prefix="anyapi-demo-") as folder,
        SimulationThread() as simulation,
    ):
        home = Path(folder)
        prepare(database_path(home))
        secret, sample = _make_key(home, "demo"), _make_key(home, "sample traffic")
        config = home / CONFIG
        local = [name for name, number in LOCAL_SERVERS.items() if _answers(number)]
        ports = {name: int(url.split(":")[2].split("/")[0]) for name, url in simulation.base_urls.items()}
        control = free_port(CONTROL_PORT if port else 0)
        (home / ROOT_KEY).write_text(secrets.token_hex(LENGTH))
        config.write_text(config_text(free_port(port), home, ports, local, control), encoding="utf-8")
        with _gateway(config, home) as (url, alive):
            dashboard = f"http://127.0.0.1:{control}"
            _wait(f"{dashboard}/api/healthz", alive)
            link = first_run_link(driver_for(home), dashboard)
            if not as_json and port and not url.endswith(f":{port}"):
                click.echo(f"Port {port} is in use by another program, so this gateway is at another one than the documents say.", err=True)
            print_ready(url, secret, simulation.base_urls, link, config=config, as_json=as_json)
            if not as_json:
                send_sample_traffic(url, sample)
            while True:  # a signal that comes just before a wait is only seen after it, so no wait is long
                alive()
                time.sleep(0.2)


def config_text(port: int, home: Path, ports: dict[str, int], local: list[str], control: int = CONTROL_PORT) -> str:
    """The demo's `anyapi.toml`: where to listen and store, the simulated providers, and local servers that were found."""
    listen = f'[server]\nlisten = "127.0.0.1:{port}"\n\n[control]\nlisten = "127.0.0.1:{control}"\n\n'
    own = f"{listen}[storage]\ndata_dir = {json.dumps(str(home))}\n\n[encryption]\nroot_key_file = {json.dumps(str(home / ROOT_KEY))}\n\n"
    found = "".join(f"[providers.{name}]\n\n" for name in local)
    return own + demo_config_toml(ports).replace('"127.0.0.1/32"', '"127.0.0.1/32", "::1/128"') + found


def print_ready(url: str, secret: str, providers: dict[str, str], link: str, *, config: Path, as_json: bool) -> None:
    """Print where everything is; the URL of the gateway comes first. `link` makes the first person, `config` is what commands go by."""
    dashboard = link.partition("/join#")[0]
    if as_json:
        rows = [{"id": name, "base_url": base} for name, base in providers.items()]
        where = {"base_url": f"{url}/v1", "control_url": dashboard, "first_run": link, "config": str(config)}
        click.echo(json.dumps({**where, "api_key": secret, "providers": rows}))
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
        f"Dashboard: {dashboard}  ({f'this link lets the first person in, once: {link} ' if BUILT.exists() else NOT_BUILT})",
        "",
        "Simulated providers, what each says it does, and what each received (open its /ledger):",
        *(f"  {name:12} {base.removesuffix('/v1')}/ledger  {_says(name)}" for name, base in providers.items()),
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
        f"{REQUESTS} sample requests are sent to the gateway now, under the key `sample traffic`, so that Activity is not empty.",
        f"anyapi commands for this demo, in another terminal: {_for_commands(config, os.environ)}",
        "Stop with Ctrl-C. Everything the demo wrote goes with it.",
    )
    click.echo("\n".join(lines))
    sys.stdout.flush()


def _says(provider: str) -> str:
    """What a simulated provider says it does, in a few words."""
    spec = next((spec for spec in DEFAULT_PROVIDERS if spec.id == provider), None)
    policy = ClaimedPolicy() if spec is None else spec.policy
    keeping = f"keeps {policy.retention_days:g} days" if policy.retention == "limited" else KEEPING[policy.retention]
    read = ("people may read it",) if policy.human_review == "yes" else ()
    return ", ".join((TRAINING[policy.training], keeping, *read, *(("free",) if policy.free else ()), *policy.regions))


def _for_commands(config: Path, env: Mapping[str, str]) -> str:
    """What a shell like ours is to run, so that commands work on this demo: what goes before the file is unset."""
    set_here = [name for name in ENVIRONMENT if env.get(name) and name not in {"ANYAPI_CONFIG", *KEPT}]
    return f"export ANYAPI_CONFIG={shlex.quote(str(config))}" + (f"; unset {' '.join(set_here)}" if set_here else "")


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
def _gateway(config: Path, home: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """Run `anyapi serve` beside us until the block ends; give its URL, and what raises `click.ClickException` once it has ended."""
    with _log(home).open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "anyapi", "serve", "--quiet", "--config", str(config)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=_of_a_demo(os.environ),
            preexec_fn=functools.partial(end_with_parent, os.getpid()),  # noqa: PLW1509
        )
    try:
        line = process.stdout.readline() if process.stdout is not None else ""
        if not line.startswith("AnyAPI is at "):
            raise click.ClickException(f"the gateway did not start:\n{_log(home).read_text(errors='replace').strip()}")
        url, alive = line.removeprefix("AnyAPI is at ").strip(), functools.partial(_refuse_ended, process, home)
        _wait(f"{url}/readyz", alive)
        yield url, alive
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _log(home: Path) -> Path:
    return home / "gateway.log"


def _refuse_ended(process: subprocess.Popen[str], home: Path) -> None:
    """Raise `click.ClickException` if the gateway has ended, with what it said last: its log goes with the demo."""
    status = process.poll()
    if status is None:
        return
    how = f"by signal {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
    said = "\n".join(_log(home).read_text(errors="replace").splitlines()[-LAST_LINES:])
    raise click.ClickException(
        f"the demo's gateway ended {how}, so the demo ends too. Nothing of it is kept: start it again for a new one. "
        f"The last lines of the gateway's log:\n{said or '(it is empty)'}"
    )


def _of_a_demo(env: Mapping[str, str]) -> dict[str, str]:
    """The environment, less what it says of somebody's own gateway: a demo leaves nothing behind anywhere."""
    return {name: value for name, value in env.items() if not name.startswith("ANYAPI_") or name in KEPT}


def _wait(url: str, alive: Callable[[], None] = lambda: None) -> None:
    """Until it answers. `alive` raises where waiting is in vain."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 our own loopback URL
            if answer.status == 200:
                return
        alive()
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


@contextlib.contextmanager
def _told_to_stop() -> Iterator[None]:
    """Have signals end the block. SIGINT too where a shell had us ignore it, in the background: the gateway does not ignore it either."""
    numbers = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, _stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
