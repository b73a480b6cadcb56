"""Carries a plan out: starts targets, measures, ends them, tells how it goes. The only module that knows the order of everything."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from . import even, held, processes
from .bodies import Scenario
from .certificates import make as make_certificates
from .configuration import Provider
from .figures import DIRECT, MANY_KEYS, NGINX
from .gateway import AnyApi
from .load import Load, Phase, Sample, send_some, unit_of
from .machine import Cores, Watch
from .nginx import Nginx
from .plan import HELD_PHASES, Plan
from .processes import Processes
from .targets import Target
from .tools import Tools

PATIENCE_S = 150.0
"""What a whole run may spend on waiting for a quiet machine and on repeating disturbed phases."""
QUICK_PATIENCE_S = 15.0
IDLE_AFTER_S = 3.0
"""Between the first answer and the look at idle memory: what is loaded after the first answer has been loaded by then."""


class Session:
    """One invocation. `say` gets the progress lines."""

    def __init__(self, tools: Tools, cores: Cores, running: Processes, work: Path, *, quick: bool, say: Callable[[str], None]) -> None:
        self._processes = running
        self._quick = quick
        self._say = say
        self.watch = Watch(cores, running.cpu_seconds, QUICK_PATIENCE_S if quick else PATIENCE_S)
        self.load = Load(tools, cores, self.watch, work, quick=quick)
        authority = make_certificates(tools, work)
        self._nginx = Nginx(tools, running, cores, work)
        self._anyapi = AnyApi(running, cores, work, Provider(self._nginx.http_port, self._nginx.tls_port, authority))
        self._mock: Target | None = None
        self.samples: list[Sample] = []

    def measure(self, plan: Plan) -> list[Sample]:
        """Everything in the plan. Samples that were taken are in `samples` even if this is interrupted."""
        self.prepare(many_keys=plan.uses(MANY_KEYS))
        if plan.start_steps():
            for run in range(1, plan.runs + 1):
                self._starts(plan, run)
        for run in range(1, plan.runs + 1):
            self._alternate(plan, run)
        for run in range(1, plan.runs + 1):
            self._evenly(plan, run)
        for run in range(1, plan.runs + 1):
            self._held(plan, run)
        return self.samples

    def prepare(self, *, many_keys: bool) -> None:
        """The mock and the databases."""
        self._say("preparing the mock provider and a database with one key")
        self._mock = self._nginx.start_mock()
        self._anyapi.prepare(many_keys=False)
        if many_keys:
            self._say("preparing a database with many keys: every key is made durable, which takes a while on a slow disk")
            self._anyapi.prepare(many_keys=True)

    def start(self, name: str) -> Target:
        """A target, fresh; for `direct` the mock that runs anyway."""
        if name == DIRECT and self._mock is not None:
            return self._mock
        if name == NGINX:
            return self._nginx.start_proxy()
        return self._anyapi.start(name)[0]

    def stop(self, target: Target) -> None:
        """Ends a target and throws its data away. The mock stays."""
        if target is self._mock:
            return
        self._processes.stop(target.process)
        if target.data_dir is not None:
            shutil.rmtree(target.data_dir, ignore_errors=True)

    def _starts(self, plan: Plan, run: int) -> None:
        for name in plan.start_steps():
            before = self.watch.wait()
            self.watch.start()
            target, seconds = self._anyapi.start(name)
            during = self.watch.share()
            self._keep(Sample(run, name, Phase.STARTUP, seconds, 1, foreign_before=before, foreign_during=during))
            time.sleep(IDLE_AFTER_S)
            self._keep(Sample(run, name, Phase.RESIDENT, processes.resident_kb(target.process.pid) / 1024, 1))
            self.stop(target)

    def _alternate(self, plan: Plan, run: int) -> None:
        steps = plan.load_steps(run)
        targets: dict[str, Target] = {}
        for name, _ in steps:
            if name not in targets:
                targets[name] = self.start(name)
                send_some(targets[name].plain, targets[name].keys[0], Scenario.BURST, 1)
        for name, phase in steps:
            self._keep(self.load.measure(targets[name], phase, run))
        for target in targets.values():
            self.stop(target)

    def _evenly(self, plan: Plan, run: int) -> None:
        targets: dict[str, Target] = {}
        for name, phase in plan.even_steps(run):
            if name not in targets:
                targets[name] = self.start(name)
            self._keep(even.measure(targets[name], phase, run, self.watch, quick=self._quick))
        for target in targets.values():
            self.stop(target)

    def _held(self, plan: Plan, run: int) -> None:
        for name, phase in plan.held_steps(run):
            target = self.start(name)
            self._keep(held.measure(target, phase, run, self.watch, quick=self._quick))
            self.stop(target)

    def _keep(self, sample: Sample) -> None:
        self.samples.append(sample)
        self._say(describe(sample))


def describe(sample: Sample) -> str:
    """One progress line."""
    unit = unit_of(sample.phase)
    line = f"run {sample.run}  {sample.phase:<9} {sample.target:<18} {sample.value:>9.2f} {unit:<6}"
    if sample.per_second:
        line += f"  {sample.per_second:>8,.0f}/s  p50 {sample.p50_us:,.0f} us"
    if sample.failed:
        line += f"  {sample.failed} of {sample.answers} FAILED"
    if not sample.quiet:
        line += f"  noisy: others used {max(sample.foreign_before, sample.foreign_during):.2f} cores"
    elif sample.phase in HELD_PHASES:
        line += f"  {sample.answers} streams"
    return line
