"""Coding agents as they are: installed from lock files, run without a terminal by the lines of their page, with nowhere to go but loopback.

A run happens twice, through the gateway and straight at the provider, in the same directories, so that what the agent writes into its
prompts is the same. What the provider received is compared then, and what the agent printed.
"""

import base64
import contextlib
import functools
import json
import os
import re
import shlex
import shutil
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.tools.gateway import Gateway, simulated

from anyapi.simulator import FORMATS, ClaimedPolicy, ModelSpec, ProviderSpec, SimulationOptions, SimulationThread, WireName, read_fault

ROOT = Path(__file__).parents[2]
PATIENCE = 150.0
ADDRESS, KEY = "http://127.0.0.1:8080", "anyapi_sk_..."
"""As every page writes them."""
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NOTES = "notes.txt"
NOTE = "The lamp is in the third drawer."
SAYS = "At sim-agents nothing is kept."
REFUSED = 400
DAY = (r"\b\d{4}-\d\d-\d\d\b", "DAY")
UUID = (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID")
"""For `settled`: today, and ids of sessions and the like."""
OPENAI_MODEL, ANTHROPIC_MODEL = "gpt-5.2", "claude-opus-4-8"
"""By their makers' names, as agents have them built in; the catalogue knows them as `openai/gpt-5.2` and `anthropic/claude-opus-4.8`."""


def provider(name: str, wire: WireName, *models: ModelSpec, fault: Mapping[str, object] | None = None) -> ProviderSpec:
    """A simulated provider that keeps nothing."""
    faults = (read_fault(json.dumps(fault)),) if fault else ()
    return ProviderSpec(name, sentence=SAYS, wire=wire, models=models, policy=ClaimedPolicy("never", "zero", 0), faults=faults)


def translated(wire: WireName) -> list[WireName]:
    """The formats that are not the agent's own. There is one provider of each."""
    return [other for other in FORMATS if other is not wire]


def providers(identity: str, upstream: str, wire: WireName) -> tuple[ProviderSpec, ...]:
    """One that speaks the agent's own format; one of every other format under `acme/WIRE`; one that refuses, of `acme/picky`."""
    return (
        provider("sim-agents", wire, ModelSpec(identity, upstream, 1.0, 1.0)),
        *(provider(f"sim-{other}", other, ModelSpec(f"acme/{other}", f"model-{other}", 1.0, 1.0)) for other in translated(wire)),
        provider("sim-picky", wire, ModelSpec("acme/picky", "picky", 1.0, 1.0), fault={"kind": "status", "status": REFUSED}),
    )


@functools.cache
def installed(kind: str) -> Path:
    """The directory of `npm`, `aider` or `llm`. Skips the test, saying why, where it cannot be had."""
    environment = {**os.environ, "UV": str(Path(sys.executable).with_name("uv"))}
    arguments = ["bash", "scripts/install_agents.sh", kind]
    ran = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600)
    if ran.returncode == 3:
        pytest.skip(f"SKIPPED LOUDLY: {ran.stderr.strip().splitlines()[-1]}")
    assert ran.returncode == 0, ran.stderr
    return Path(ran.stdout.strip())


def program(kind: str, pattern: str) -> Path:
    """The one file of what is installed that the pattern finds."""
    found = sorted(installed(kind).glob(pattern))
    if not found:
        pytest.skip(f"SKIPPED LOUDLY: {pattern} is not made for this machine: it is NOT tested")
    return found[0]


def page(name: str) -> str:
    """A page of docs/clients."""
    return (ROOT / "docs" / "clients" / f"{name}.md").read_text()


def blocks(name: str, language: str) -> list[str]:
    """The code blocks of a page in a language."""
    return [body for found, body in FENCE.findall(page(name)) if found == language]


def lines_of(name: str) -> tuple[str, str]:
    """The lines of a page's first block for a shell: those that set the agent up, and the last one, which runs it."""
    setup, _, plain = blocks(name, "sh")[0].rstrip().rpartition("\n")
    return setup, plain


@dataclass(frozen=True)
class Target:
    """Where an agent is sent: the page's lines are filled with it. `address` is without /v1."""

    address: str
    key: str

    def fill(self, lines: str) -> str:
        assert ADDRESS in lines or KEY in lines or "export" not in lines, "the page's lines name neither address nor key"
        return lines.replace(ADDRESS, self.address).replace(KEY, self.key)


@dataclass(frozen=True)
class Ran:
    """What came of a run."""

    out: str
    err: str
    status: int
    asked: tuple[str, ...]
    """Hosts beyond loopback that the agent wanted to reach."""
    received: tuple[dict[str, object], ...] = ()
    """What the provider received, in order: `headers` and `body`."""

    @property
    def bodies(self) -> list[dict]:
        return [one["body"] for one in self.received]


@dataclass
class Desk:
    """Where an agent works: a home and a working directory, empty before each run but for one file."""

    root: Path
    tools: Mapping[str, Path]
    """Programs by the name under which the page calls them."""
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def work(self) -> Path:
        return self.root / "work"

    def clear(self) -> None:
        """Begin anew."""
        for place in (self.home, self.work, self.root / "bin"):
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
        (self.work / NOTES).write_text(NOTE)
        for name, path in self.tools.items():
            (self.root / "bin" / name).symlink_to(path)

    def run(self, script: str, stdin: str = "") -> Ran:
        """Run shell lines in the working directory, in an environment of nothing but what is needed."""
        with dead_end() as (port, asked):
            nowhere = f"http://127.0.0.1:{port}"
            environment = {
                "HOME": str(self.home),
                "PATH": f"{self.root / 'bin'}:/usr/bin:/bin",
                "TERM": "dumb",
                "LANG": "C.UTF-8",
                **{name: nowhere for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy")},
                **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1"),
                **self.environment,
            }
            ran = subprocess.run(
                ["bash", "-euc", script],
                cwd=self.work,
                env=environment,
                input=stdin,
                capture_output=True,
                text=True,
                check=False,
                timeout=PATIENCE,
            )
        return Ran(ran.stdout, ran.stderr, ran.returncode, tuple(sorted(set(asked))))


@contextlib.contextmanager
def seated(
    home: Path, name: str, path: Path, specs: Sequence[ProviderSpec]
) -> Iterator[tuple[Desk, SimulationThread, Target, Target, Gateway]]:
    """A desk for the agent `name`, simulated providers, the way through a gateway and the one straight to its provider, the gateway."""
    with simulated(home / "gateway", specs, SimulationOptions(record_bodies=True)) as (gateway, simulation):
        straight = Target(simulation.base_urls["sim-agents"].removesuffix("/v1"), "any-key")
        yield Desk(home / "desk", {name: path}), simulation, Target(gateway.url, gateway.key), straight, gateway


class _Hangs(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        words = self.rfile.readline(1000).decode("latin-1").split()
        self.server.asked.append(words[1].removesuffix(":443") if len(words) > 1 else "?")


@contextlib.contextmanager
def dead_end() -> Iterator[tuple[int, list[str]]]:
    """A proxy that notes which hosts are wanted and serves none: its port, and the hosts so far."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Hangs) as server:
        server.daemon_threads, server.asked = True, []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1], server.asked
        finally:
            server.shutdown()
            thread.join()


def watched(simulation: SimulationThread, name: str, run, *arguments: object, **more: object) -> Ran:
    """Run, and add what the provider received meanwhile."""
    ledger = simulation.simulation[name].ledger
    before = len(simulation.call(ledger.bodies_as_json))
    ran = run(*arguments, **more)
    simulation.idle()
    new = simulation.call(ledger.bodies_as_json)[before:]
    received = tuple({"headers": dict(one["headers"]), "body": json.loads(base64.b64decode(one["body"]))} for one in new)
    return Ran(ran.out, ran.err, ran.status, ran.asked, received)


def settled(value: object, volatile: Sequence[tuple[str, str]]) -> object:
    """The same JSON, with every match of a pattern in its text replaced; in a fixed order of lines where an agent asks at the same time."""
    text = json.dumps(value, sort_keys=True)
    for pattern, instead in volatile:
        text = re.sub(pattern, instead, text)
    return json.loads(text)


def key_of(gateway: Gateway, *rules: str) -> str:
    """A key made while the gateway runs, as the page says."""
    arguments = [sys.executable, "-m", "anyapi", "keys", "create", *rules, "--json", "--config", str(gateway.home / "anyapi.toml")]
    return json.loads(subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=60).stdout)["api_key"]


def quoted(**arguments: object) -> str:
    """Arguments of a tool as one word of a shell."""
    return shlex.quote(json.dumps(arguments))
