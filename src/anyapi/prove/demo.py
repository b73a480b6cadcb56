"""A gateway to prove in a directory of its own, before simulated providers that fail in every way and say canaries themselves."""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from anyapi.errors import ConfigError
from anyapi.prove.caller import Caller
from anyapi.prove.cast import ONE_HOST, SERVER, providers
from anyapi.prove.collector import collecting
from anyapi.prove.planted import Planted
from anyapi.prove.running import new_key
from anyapi.prove.serving_processes import TEMPORARY
from anyapi.prove.sinks import OF_DEMOS, Installation
from anyapi.prove.target import Target
from anyapi.simulator import SimulationThread, demo_config_toml
from anyapi.storage.connection import database_path
from anyapi.storage.drivers import driver_for
from anyapi.storage.rows import DEFAULT_ACCOUNT
from anyapi.storage.schema import prepare
from anyapi.storage.sqlite import SqliteStore

START = 30.0
"""Seconds that it may take to start."""
MODEL = "acme/good"
_METRICS = re.compile(r"event=metrics_started listen=(http://\S+)/metrics\n")


@contextlib.contextmanager
def demo(env: Mapping[str, str]) -> Iterator[tuple[Caller, Installation]]:
    """Run one in this environment, less what that says of AnyAPI; give who asks it, and where it writes. Raises `ConfigError`."""
    kept = {name: value for name, value in env.items() if not name.startswith("ANYAPI_") or name == "ANYAPI_PYTHON"}
    planted = Planted()
    cast = providers(planted)
    with contextlib.ExitStack() as stack:
        home, simulation = (
            Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=OF_DEMOS))),
            stack.enter_context(SimulationThread(cast)),
        )
        spans = stack.enter_context(collecting(home / "spans"))
        data, work, temporary, keys = (home / name for name in ("data", "work", "temporary", "credentials"))
        for part in (data, work, temporary, keys):
            part.mkdir(mode=0o700)
        secret, row = new_key(DEFAULT_ACCOUNT)
        planted.secrets.append(secret)
        prepare(database_path(data))
        with SqliteStore(data, time.time) as store:
            store.add_key(row)
        for spec in cast:
            (keys / spec.id).write_text(spec.api_key or "")
        toml = demo_config_toml(simulation.simulation.ports, cast, keys=keys) + ONE_HOST
        listen = 'listen = "127.0.0.1:0"\n'
        head = f"[server]\n{listen}{SERVER}\n[control]\n{listen}\n[metrics]\n{listen}{spans.toml}\n"
        own = f"{head}[storage]\ndata_dir = {json.dumps(str(data))}\n\n"
        (home / "anyapi.toml").write_text(own + toml)
        began = time.time()
        with _running(home, {**kept, "HOME": str(home), "TMPDIR": str(temporary)}) as (url, pid):
            target = Target(url, secret)
            logs = (home / "output", home / "errors")
            shared = [path for path in map(Path, TEMPORARY) if path.is_dir()]
            metrics = Target(_metrics(home / "errors"), "")
            driver, lie = driver_for(data), (temporary, *shared)
            place = Installation(target, driver, data, MODEL, (pid,), logs, lie, (work,), since=began, metrics=metrics, spans=spans.files)
            yield Caller(target, simulation, planted), place


@contextlib.contextmanager
def _running(home: Path, environment: dict[str, str]) -> Iterator[tuple[str, int]]:
    """`anyapi serve` until the block ends: its URL and its process."""
    command = [sys.executable, "-m", "anyapi", "serve", "--of-parent", str(os.getpid()), "--config", str(home / "anyapi.toml")]
    with (home / "output").open("wb") as output, (home / "errors").open("wb") as errors:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, cwd=home / "work", env=environment)  # noqa: S603
    try:
        yield _url(home / "output", process), process.pid
    finally:
        process.terminate()
        try:
            process.wait(START)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _url(output: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and process.poll() is None:
        line, end, _ = output.read_text(errors="replace").partition("\n")
        if end and line.startswith("AnyAPI is at "):
            return line.removeprefix("AnyAPI is at ").strip()
        time.sleep(0.02)
    raise ConfigError("the gateway that was to be proven did not start")


def _metrics(errors: Path) -> str:
    """Where the page of metrics is, as the log says a moment after the gateway answers."""
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        found = _METRICS.search(errors.read_text(errors="replace"))
        if found is not None:
            return found[1]
        time.sleep(0.02)
    raise ConfigError("the gateway that was to be proven has no page of metrics")
