"""`make bench`: AnyAPI and plain nginx against the same mock provider, in turn, in one run. See docs/benchmark.md.

Exit status: 0 every bar held, 1 one was missed (or could not be measured), 2 the benchmark could not run, 3 held on a noisy machine,
130 interrupted.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from harness import figures, plan, profiling, report, tools
from harness.machine import CannotRun, describe, pick_cores, raise_open_files
from harness.processes import Processes
from harness.session import Session

HERE = Path(__file__).resolve().parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; the return value is the exit status."""
    options = _options(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    work = Path(tempfile.mkdtemp(prefix="anyapi-bench-"))
    try:
        return _run(options, work)
    except CannotRun as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: everything that was started has been ended, no results were written", file=sys.stderr)
        return 130
    finally:
        if options.keep:
            print(f"kept: {work}")
        else:
            shutil.rmtree(work, ignore_errors=True)


def _run(options: argparse.Namespace, work: Path) -> int:
    found = tools.find()
    cores = pick_cores()
    raise_open_files()
    if not os.access(HERE, os.W_OK):
        raise CannotRun(f"The results could not be written: {HERE} is not writable for this user.")
    os.sched_setaffinity(0, {cores.load})
    began = time.monotonic()
    (work / "logs").mkdir()
    with Processes(work / "logs") as running:
        session = Session(found, cores, running, work, quick=options.quick, say=_progress(began))
        if options.profile:
            for written in profiling.record(session, HERE / "profile", quick=options.quick):
                print(f"wrote {written}")
            return 0
        intended = plan.make(options.only, quick=options.quick)
        samples = session.measure(intended)
    results = [figures.judge(figure, samples) for figure in options.only]
    partial = options.quick or options.only != figures.FIGURES
    versions = tools.versions(found, HERE.parent)
    date = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    at = report.Circumstances(date, time.monotonic() - began, intended.runs, partial, describe(cores), versions)
    page = report.write(HERE, results, samples, at)
    print()
    for result in results:
        print(report.line(result))
    print(f"\nwrote {page} and {page.with_suffix('.json').name}")
    return figures.exit_status(results)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/run.py", description="Measures AnyAPI against nginx; writes bench/results.md and .json.")
    parser.add_argument("--quick", action="store_true", help="short phases and 3 runs: shows that everything works, proves nothing")
    parser.add_argument(
        "--only", type=_chosen, default=figures.FIGURES, metavar="NAMES", help="measure these figures alone (comma-separated)"
    )
    parser.add_argument("--profile", action="store_true", help="no figures: record AnyAPI under load with py-spy into bench/profile")
    parser.add_argument("--keep", action="store_true", help="keep the directory with configurations, databases and logs")
    return parser.parse_args(arguments)


def _chosen(names: str) -> tuple[figures.Figure, ...]:
    try:
        return figures.choose(names)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _progress(began: float) -> Callable[[str], None]:
    def say(line: str) -> None:
        elapsed = int(time.monotonic() - began)
        print(f"{elapsed // 60:>3}:{elapsed % 60:02}  {line}", flush=True)

    return say


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
