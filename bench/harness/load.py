"""Load phases: wrk drives a target, and the CPU time of the target's whole process tree is divided by the answers it gave."""

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from . import processes
from .answers import ask, check
from .bodies import Scenario
from .machine import QUIET_BEFORE, QUIET_DURING, CannotRun, Cores, Watch
from .processes import on_core
from .routes import Route
from .targets import Address, Target
from .tools import Tools

ERROR_LIMIT = 0.001
"""Share of answers that may be errors before the figure is void."""
SHORT_ANSWER = 0.98
"""wrk does not look into answers; fewer bytes than this share of a checked answer mean that answers were cut or replaced."""
ATTEMPTS = 3
SETTLE_S = 0.4
"""After the load: what the gateway writes in batches belongs to the requests."""
SCRIPT = Path(__file__).resolve().parent.parent / "templates" / "load.lua"


class Phase(StrEnum):
    """What can be measured of a target; the value of a sample is named behind each."""

    REQUEST = "request"  # CPU us a request
    POLICY = "policy"  # CPU us a request that states a data policy
    STREAM = "stream"  # CPU us a stream
    PACED = "paced"  # CPU us a stream whose events come apart
    LARGE = "large"  # CPU us a request of 100 KB
    LATENCY = "latency"  # median us at one connection
    MESSAGES = "messages"  # CPU us a request in Anthropic's format to a provider that speaks it
    MESSAGES_STREAM = "messages_stream"  # CPU us a stream, likewise
    TO_MESSAGES = "to_messages"  # CPU us a chat completion stream translated from Anthropic's format
    TO_CHAT = "to_chat"  # CPU us a stream in Anthropic's format translated from chat completions
    EVEN = "even"  # 99th percentile in us, 500 requests a second
    DURABLE = "durable"  # the same, with a decision record on the disk before anything is sent
    DISK = "disk"  # 99th percentile in us of the flush of one page
    HELD = "held"  # KB a held stream
    HELD_TLS = "held_tls"  # KB a held stream, TLS to the provider
    STARTUP = "startup"  # s from exec to the first right answer
    RESIDENT = "resident"  # MB of the idle process tree


EVEN_PHASES = (Phase.DISK, Phase.EVEN, Phase.DURABLE)
_UNITS = {phase: "us" for phase in (Phase.LATENCY, *EVEN_PHASES)} | {
    Phase.HELD: "KB",
    Phase.HELD_TLS: "KB",
    Phase.STARTUP: "s",
    Phase.RESIDENT: "MB",
}


def unit_of(phase: Phase) -> str:
    """The unit of a sample's value."""
    return _UNITS.get(phase, "us CPU")


@dataclass(frozen=True)
class Shape:
    """How a load phase is driven. Seconds in a whole run and in a quick one."""

    scenario: Scenario
    connections: int
    seconds: int
    quick_seconds: int
    large: bool = False
    with_policy: bool = False
    route: Route = Route.CHAT

    def body(self, address: Address) -> bytes:
        """What is sent to an address."""
        return address.body(self.scenario, route=self.route, large=self.large, with_policy=self.with_policy)


SHAPES = {
    Phase.REQUEST: Shape(Scenario.JSON, 32, 5, 2),
    Phase.POLICY: Shape(Scenario.JSON, 32, 5, 2, with_policy=True),
    Phase.STREAM: Shape(Scenario.BURST, 8, 4, 2),
    Phase.PACED: Shape(Scenario.PACED, 32, 4, 2),
    Phase.LARGE: Shape(Scenario.JSON, 8, 4, 2, large=True),
    Phase.LATENCY: Shape(Scenario.JSON, 1, 3, 2),
    Phase.MESSAGES: Shape(Scenario.JSON, 32, 5, 2, route=Route.MESSAGES),
    Phase.MESSAGES_STREAM: Shape(Scenario.BURST, 8, 4, 2, route=Route.MESSAGES),
    Phase.TO_MESSAGES: Shape(Scenario.BURST, 8, 4, 2, route=Route.CHAT_OVER_MESSAGES),
    Phase.TO_CHAT: Shape(Scenario.BURST, 8, 4, 2, route=Route.MESSAGES_OVER_CHAT),
}


@dataclass(frozen=True)
class Sample:
    """One measurement of one target in one run. `value` is in the unit that its phase names; shares are in cores."""

    run: int
    target: str
    phase: Phase
    value: float
    answers: int = 0
    failed: int = 0
    per_second: float = 0.0
    p50_us: float = 0.0
    p99_us: float = 0.0
    foreign_before: float = 0.0
    foreign_during: float = 0.0

    @property
    def quiet(self) -> bool:
        """Whether others left the machine alone."""
        return self.foreign_before <= QUIET_BEFORE and self.foreign_during <= QUIET_DURING

    @property
    def void(self) -> bool:
        """Whether too many answers were errors, or none came."""
        return self.answers == 0 or self.failed > self.answers * ERROR_LIMIT


class Load:
    """Drives load phases and accounts for them."""

    def __init__(self, tools: Tools, cores: Cores, watch: Watch, work: Path, *, quick: bool) -> None:
        self._wrk = tools.wrk
        self._core = cores.load
        self._watch = watch
        self._work = work
        self._quick = quick

    def measure(self, target: Target, phase: Phase, run: int) -> Sample:
        """One phase against one target. Repeated while others disturb it and there is patience left; the quietest attempt counts."""
        shape = SHAPES[phase]
        answer = ask(target.plain, target.keys[0], shape.body(target.plain), path=shape.route.path)
        check(answer, shape.scenario, shape.route)
        drive = self._driver(target, shape)
        best: Sample | None = None
        for attempt in range(ATTEMPTS):
            began = time.monotonic()
            sample = self._attempt(target, phase, drive, len(answer))
            if best is None or sample.foreign_during < best.foreign_during:
                best = sample
            if attempt:
                self._watch.spend(time.monotonic() - began)
            if best.quiet or self._watch.patience <= 0:
                break
        if best is None:
            raise CannotRun("No attempt was made to measure; this is a mistake in the benchmark.")
        return replace(best, run=run)

    def drive_for(self, target: Target, phase: Phase, seconds: int) -> None:
        """Only load, without accounts: for a profiler to look at."""
        shape = SHAPES[phase]
        self._driver(target, shape)(f"{seconds}s")

    def _attempt(self, target: Target, phase: Phase, drive: Callable[[str], dict[str, float]], answer_bytes: int) -> Sample:
        shape = SHAPES[phase]
        drive("1s")  # warm-up: connections to the provider, caches, memo
        before = self._watch.wait()
        cpu = processes.cpu_seconds(target.process.pid)
        self._watch.start()
        result = drive(f"{shape.quick_seconds if self._quick else shape.seconds}s")
        during = self._watch.share()
        time.sleep(SETTLE_S)
        cpu = processes.cpu_seconds(target.process.pid) - cpu
        answers, failed = int(result["answers"]), int(result["failed"])
        if result["bytes"] < answers * answer_bytes * SHORT_ANSWER:
            failed = answers
        return Sample(
            run=0,
            target=target.name,
            phase=phase,
            value=result["p50_us"] if phase is Phase.LATENCY else cpu * 1e6 / max(answers, 1),
            answers=answers,
            failed=failed,
            per_second=answers / result["seconds"],
            p50_us=result["p50_us"],
            p99_us=result["p99_us"],
            foreign_before=before,
            foreign_during=during,
        )

    def _driver(self, target: Target, shape: Shape) -> Callable[[str], dict[str, float]]:
        body_file = self._work / "load-body.json"
        keys_file = self._work / "load-keys.txt"
        body_file.write_bytes(shape.body(target.plain))
        keys_file.write_text("".join(f"{key}\n" for key in target.keys))
        environment = {"PATH": "/usr/bin:/bin", "BENCH_BODY": str(body_file), "BENCH_KEYS": str(keys_file)}
        command = [self._wrk, "-t1", f"-c{shape.connections}", "--timeout", "30s", "-s", str(SCRIPT)]
        url = f"http://127.0.0.1:{target.plain.port}{shape.route.path}"

        def drive(duration: str) -> dict[str, float]:
            with on_core(self._core):
                done = subprocess.run([*command, "-d", duration, url], env=environment, capture_output=True, text=True, check=False)
            for line in done.stdout.splitlines():
                if line.startswith("RESULT "):
                    return dict(json.loads(line.removeprefix("RESULT ")))
            raise CannotRun(f"wrk gave no result: {(done.stdout + done.stderr).strip()[-400:]}")

        return drive


def send_some(address: Address, key: str, scenario: Scenario, count: int) -> None:
    """A few checked requests one after the other, so that a fresh process has touched what it needs to answer."""
    body = address.body(scenario)
    for _ in range(count):
        check(ask(address, key, body), scenario)
