"""A real gateway for tests: `anyapi serve` as a process of its own, in front of simulated providers, with a store of its own.

Synchronous, so that any test can use it. Everything lives under one temporary directory, which the canary tests search afterwards.
"""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anyapi.crypto.api_keys import generate
from anyapi.domain.ids import AccountId, KeyId
from anyapi.simulator import DEFAULT_PROVIDERS, ProviderSpec, SimulationOptions, SimulationThread, demo_config_toml
from anyapi.storage.connection import database_path
from anyapi.storage.rows import KeyRow
from anyapi.storage.schema import prepare
from anyapi.storage.sql_store import SqlStore
from anyapi.storage.sqlite import SqliteStore

START = 20.0
METRICS = '\n[metrics]\nlisten = "127.0.0.1:0"\n'
"""More configuration: a page for Prometheus."""
SEED = {
    "model": "anthropic/claude-3.5-sonnet",
    "data_policy": {"training_allowed": False, "retention_days": 30},
    "messages": [{"role": "user", "content": "Hello"}],
}
"""The seed request: no training, at most 30 days of retention."""


@dataclass
class Answer:
    """An HTTP answer, read whole."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self):
        return json.loads(self.body)

    def events(self) -> list[str]:
        """The data of each event of a stream, in order."""
        return [line[6:] for line in self.body.decode().split("\n") if line.startswith("data: ")]


@dataclass
class Gateway:
    """A running gateway. `home` holds its configuration, store and logs."""

    home: Path
    key: str
    port: int = 0
    process: subprocess.Popen | None = None
    environment: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    """More words of the command."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self.process.pid

    def log(self) -> str:
        return (self.home / "gateway.log").read_text(errors="replace")

    def start(self) -> None:
        """Start (again) and wait until it answers."""
        with (self.home / "gateway.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "anyapi", "serve", "--quiet", "--config", str(self.home / "anyapi.toml"), *self.arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, **self.environment},
            )
        line = self.process.stdout.readline()
        assert line.startswith("AnyAPI is at "), f"{line!r}\n{self.log()}"
        port = line.strip().rsplit(":", 1)[1]
        self.port = int(port) if port.isdecimal() else 0  # 0 on a unix socket

    def control_url(self, patience: float = 20.0) -> str:
        """Where the control plane answers; waits until it does."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            found = re.search(r"event=control_started listen=(\S+)", self.log())
            if found:
                return found[1]
            time.sleep(0.05)
        raise AssertionError(f"the control plane did not start:\n{self.log()}")

    def metrics(self, patience: float = 10.0) -> bytes:
        """Its page for Prometheus, which has to be switched on (`METRICS`); waits until it is there."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            started = self.log().rpartition("event=started ")[2]
            found = re.search(r"event=metrics_started listen=(\S+)\n", started)
            if found:
                with urllib.request.urlopen(found[1], timeout=patience) as answer:
                    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
                    return answer.read()
            time.sleep(0.02)
        raise AssertionError(f"there is no page of metrics:\n{self.log()}")

    def stop(self, number: int = signal.SIGTERM, patience: float = 40.0) -> int:
        """End it and give its exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(number)
        status = self.process.wait(patience)
        self.process.stdout.close()
        self.process = None
        return status

    def request(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None, timeout: float = 30.0
    ) -> Answer:
        """One request on a connection of its own; `body` is sent as JSON unless it is bytes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", **(headers or {})}
        with contextlib.closing(connection):
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    def connect(self, timeout: float) -> socket.socket:
        """A new connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def chat(self, headers: Mapping[str, str] | None = None, **fields: object) -> Answer:
        """A chat completion; the fields go over those of the seed request, None removes one."""
        body = {name: value for name, value in {**SEED, **fields}.items() if value is not None}
        return self.request("POST", "/v1/chat/completions", body, headers)

    def usage(self, wanted: int | None = None, patience: float = 5.0) -> list:
        """The usage rows, oldest first; waits until there are `wanted`."""
        deadline = time.monotonic() + patience
        while True:
            with SqliteStore(self.home, time.time) as store:
                rows = store.usage_rows(0.0, time.time() + 1e6, limit=1_000_000)[::-1]
            if wanted is None or len(rows) >= wanted or time.monotonic() > deadline:
                return rows
            time.sleep(0.02)

    def store(self) -> SqliteStore:
        return SqliteStore(self.home, time.time)


def add_key(store: SqlStore, account: str = "default", **limits: object) -> tuple[str, KeyId]:
    """Put a new API key into a store."""
    parts = generate()
    store.add_key(KeyRow(parts.id, parts.prefix, parts.sha256, AccountId(account), time.time(), **limits))
    return parts.secret, parts.id


def make_key(home: Path, account: str = "default") -> tuple[str, KeyId]:
    """Put a new API key into the store of `home`; the server must not run, or be told."""
    with SqliteStore(home, time.time) as store:
        return add_key(store, account)


@contextlib.contextmanager
def running_gateway(
    home: Path, toml: str, server: str = "", environment: Mapping[str, str] | None = None, *, control: bool | str = False
) -> Iterator[Gateway]:
    """A gateway with the given configuration; `server` goes into its `[server]` section. Without `control` the data plane alone.

    A text is more of the section `[control]`.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    prepare(database_path(home))
    key, _ = make_key(home)
    plane = f'listen = "127.0.0.1:0"\n{control if isinstance(control, str) else ""}' if control else "enabled = false"
    head = f'[control]\n{plane}\n\n[server]\nlisten = "127.0.0.1:0"\n{server}\n\n[storage]\ndata_dir = {json.dumps(str(home))}\n\n'
    (home / "anyapi.toml").write_text(head + toml)
    gateway = Gateway(home, key, environment=dict(environment or {}))
    try:
        gateway.start()
        yield gateway
    finally:
        if gateway.process is not None:
            gateway.process.kill()
            gateway.process.wait()
            gateway.process.stdout.close()


@contextlib.contextmanager
def simulated(
    home: Path,
    providers: Sequence[ProviderSpec] = DEFAULT_PROVIDERS,
    options: SimulationOptions | None = None,
    server: str = "",
    extra: str = "",
    environment: Mapping[str, str] | None = None,
    *,
    control: bool | str = False,
) -> Iterator[tuple[Gateway, SimulationThread]]:
    """A gateway in front of simulated providers; `extra` is more configuration."""
    with SimulationThread(providers, options) as simulation:
        toml = demo_config_toml(simulation.simulation.ports, providers) + extra
        with running_gateway(home, toml, server, environment, control=control) as gateway:
            yield gateway, simulation


def received(simulation: SimulationThread) -> dict[str, int]:
    """How many requests each simulated provider has seen."""
    return {name: simulation.ledger(name)["requests"] for name in simulation.base_urls}
