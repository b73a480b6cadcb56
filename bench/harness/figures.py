"""From samples to figures: the formula, the bar and the verdict of each. Pure: takes samples, returns values."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .load import Phase, Sample

Key = tuple[str, Phase]
"""A target's name and a phase."""

DIRECT = "direct"
NGINX = "nginx"
ANYAPI = "anyapi"
UNSCRUBBED = "anyapi-unscrubbed"
UNRECORDED = "anyapi-unrecorded"
"""With `[audit]` leaving out of the log what names no data class, as all of the load does."""
MANY_KEYS = "anyapi-many-keys"


class Verdict(StrEnum):
    """What a figure says."""

    HELD = "held"
    MISSED = "MISSED"
    VOID = "VOID"
    """More than 0.1 % of the answers were errors: the figure says nothing."""
    NOISY = "noisy"
    """Within the bar, but others kept the machine busy: to be measured again."""
    NOT_MEASURED = "not measured"
    NO_BAR = "-"


@dataclass(frozen=True)
class Figure:
    """One line of the report. `formula` gets the values of `needs`, in order and from the same run."""

    name: str
    unit: str
    meaning: str
    needs: tuple[Key, ...]
    formula: Callable[..., float]
    bar: float | None = None


@dataclass(frozen=True)
class Result:
    """A figure with what was measured: one value a run, those of quiet runs alone when there were enough of them."""

    figure: Figure
    values: tuple[float, ...]
    verdict: Verdict
    noisy: bool
    failed: int = 0
    """Errors among the answers of all its samples."""

    @property
    def median(self) -> float | None:
        """The figure's value; None when it was not measured."""
        return statistics.median(self.values) if self.values else None


def _ratio(ours: float, yardstick: float) -> float:
    return ours / yardstick


def _added_ratio(ours: float, yardstick: float, direct: float) -> float:
    return (ours - direct) / (yardstick - direct)


def _added_ms(ours: float, plain: float, disk: float) -> float:
    return (ours - plain - disk) / 1000


def _itself(value: float) -> float:
    return value


def _cpu(name: str, target: str, phase: Phase, meaning: str, bar: float | None = None) -> Figure:
    yardstick = Phase.REQUEST if phase is Phase.POLICY else phase  # nginx knows no policy
    return Figure(name, "x nginx", meaning, ((target, phase), (NGINX, yardstick)), _ratio, bar)


def _latency(name: str, target: str, meaning: str, bar: float | None = None) -> Figure:
    needs = ((target, Phase.LATENCY), (NGINX, Phase.LATENCY), (DIRECT, Phase.LATENCY))
    return Figure(name, "x nginx", meaning, needs, _added_ratio, bar)


def _formats(name: str, ours: Key, yardstick: Key, meaning: str, bar: float | None = None) -> Figure:
    return Figure(name, "x", meaning, (ours, yardstick), _ratio, bar)


def _plain(name: str, unit: str, key: Key, meaning: str, bar: float | None = None) -> Figure:
    return Figure(name, unit, meaning, (key,), _itself, bar)


FIGURES = (
    _cpu("cpu_per_request_ratio", ANYAPI, Phase.REQUEST, "CPU of a request: 1.4 KB body, 842 B answer, 32 connections", 2.0),
    _cpu("cpu_per_stream_ratio", ANYAPI, Phase.STREAM, "CPU of a streamed answer of 100 events in one burst, 8 connections", 1.4),
    _latency("added_latency_ratio", ANYAPI, "median latency added to the direct way, one connection", 1.5),
    _cpu("cpu_per_100kb_request_ratio", ANYAPI, Phase.LARGE, "CPU of a request with a 100 KB body, 8 connections", 3.5),
    _plain("kb_per_idle_stream", "KB", (ANYAPI, Phase.HELD), "memory of a held stream, 500 at once", 8.0),
    _plain("kb_per_idle_stream_tls", "KB", (ANYAPI, Phase.HELD_TLS), "the same, TLS to the provider", 48.0),
    _plain("startup_s", "s", (ANYAPI, Phase.STARTUP), "from exec of `anyapi serve` to the first right answer", 0.5),
    _plain("rss_mb_all", "MB", (ANYAPI, Phase.RESIDENT), "resident memory of the idle process tree, full catalogue", 60.0),
    Figure(
        "growth_ratio",
        "x one key",
        "CPU of a request with 10,000 keys and 1,000 accounts against one key",
        ((MANY_KEYS, Phase.REQUEST), (ANYAPI, Phase.REQUEST)),
        _ratio,
        1.15,
    ),
    Figure(
        "audit_ratio",
        "x",
        "CPU of a request with its entry in the audit log against one without",
        ((ANYAPI, Phase.REQUEST), (UNRECORDED, Phase.REQUEST)),
        _ratio,
        1.2,
    ),
    Figure(
        "durable_added_ms",
        "ms",
        "what a decision record on the disk before sending adds to the p99 at 500 requests a second, less the disk's own p99",
        ((ANYAPI, Phase.DURABLE), (ANYAPI, Phase.EVEN), (ANYAPI, Phase.DISK)),
        _added_ms,
        3.0,
    ),
    _plain("disk_flush_p99_us", "us", (ANYAPI, Phase.DISK), "p99 of one page written and flushed (fdatasync) where the database is"),
    _formats(
        "messages_ratio", (ANYAPI, Phase.MESSAGES), (ANYAPI, Phase.REQUEST), "CPU of a request in Anthropic's format, passed through", 1.15
    ),
    _formats("messages_stream_ratio", (ANYAPI, Phase.MESSAGES_STREAM), (ANYAPI, Phase.STREAM), "CPU of a stream, likewise"),
    _formats(
        "translated_stream_ratio", (ANYAPI, Phase.TO_MESSAGES), (ANYAPI, Phase.STREAM), "CPU of a chat stream by way of Anthropic's", 3.0
    ),
    _formats(
        "translated_messages_stream_ratio",
        (ANYAPI, Phase.TO_CHAT),
        (ANYAPI, Phase.MESSAGES_STREAM),
        "CPU of an Anthropic stream by way of chat completions",
        3.0,
    ),
    _cpu("cpu_per_request_ratio_with_policy", ANYAPI, Phase.POLICY, "CPU of a request that states a data policy"),
    _cpu("cpu_per_paced_stream_ratio", ANYAPI, Phase.PACED, "CPU of a streamed answer whose 100 events come 2 ms apart"),
    _cpu("cpu_per_request_ratio_unscrubbed", UNSCRUBBED, Phase.REQUEST, "cpu_per_request_ratio without scrubbing"),
    _cpu("cpu_per_stream_ratio_unscrubbed", UNSCRUBBED, Phase.STREAM, "cpu_per_stream_ratio without scrubbing"),
    _latency("added_latency_ratio_unscrubbed", UNSCRUBBED, "added_latency_ratio without scrubbing"),
    _cpu("cpu_per_100kb_request_ratio_unscrubbed", UNSCRUBBED, Phase.LARGE, "cpu_per_100kb_request_ratio without scrubbing"),
    _plain("kb_per_idle_stream_unscrubbed", "KB", (UNSCRUBBED, Phase.HELD), "kb_per_idle_stream without scrubbing"),
    _plain("kb_per_idle_stream_tls_unscrubbed", "KB", (UNSCRUBBED, Phase.HELD_TLS), "kb_per_idle_stream_tls without scrubbing"),
    _plain("startup_s_unscrubbed", "s", (UNSCRUBBED, Phase.STARTUP), "startup_s without scrubbing"),
    _plain("rss_mb_all_unscrubbed", "MB", (UNSCRUBBED, Phase.RESIDENT), "rss_mb_all without scrubbing"),
    _plain("kb_per_idle_stream_nginx", "KB", (NGINX, Phase.HELD), "kb_per_idle_stream of nginx"),
    _plain("kb_per_idle_stream_tls_nginx", "KB", (NGINX, Phase.HELD_TLS), "kb_per_idle_stream_tls of nginx"),
)


def judge(figure: Figure, samples: Iterable[Sample]) -> Result:
    """The figure's values, one a run in which all that it needs was measured, and its verdict."""
    by_run: dict[int, dict[Key, Sample]] = {}
    for sample in samples:
        if (sample.target, sample.phase) in figure.needs:
            by_run.setdefault(sample.run, {})[(sample.target, sample.phase)] = sample
    runs = [[found[key] for key in figure.needs] for _, found in sorted(by_run.items()) if all(key in found for key in figure.needs)]
    if not runs:
        return Result(figure, (), Verdict.NOT_MEASURED, noisy=False)
    failed = sum(sample.failed for run in runs for sample in run)
    if any(sample.void for run in runs for sample in run):
        return Result(figure, (), Verdict.VOID, noisy=False, failed=failed)
    quiet = [run for run in runs if all(sample.quiet for sample in run)]
    noisy = len(quiet) * 2 <= len(runs)  # the median of the quiet runs alone would rest on too few
    values = _values(figure, runs if noisy else quiet)
    if not values:
        return Result(figure, (), Verdict.VOID, noisy=noisy, failed=failed)
    return Result(figure, values, _verdict(figure, values, noisy=noisy), noisy=noisy, failed=failed)


def _values(figure: Figure, runs: Sequence[Sequence[Sample]]) -> tuple[float, ...]:
    values = []
    for run in runs:
        try:
            values.append(figure.formula(*(sample.value for sample in run)))
        except ZeroDivisionError:  # the yardstick added or used nothing that the clock could tell
            continue
    return tuple(values)


def _verdict(figure: Figure, values: tuple[float, ...], *, noisy: bool) -> Verdict:
    if figure.bar is None:
        return Verdict.NO_BAR
    if statistics.median(values) > figure.bar:
        return Verdict.MISSED
    compared = len(figure.needs) > 1  # noise may slow the yardstick more than us; without one it can only speak against us
    return Verdict.NOISY if noisy and compared else Verdict.HELD


def exit_status(results: Iterable[Result]) -> int:
    """0: every bar held. 1: one missed, or a figure with a bar is void or was not measured. 3: held, but on a noisy machine."""
    verdicts = {result.verdict for result in results if result.figure.bar is not None}
    if verdicts & {Verdict.MISSED, Verdict.VOID, Verdict.NOT_MEASURED}:
        return 1
    return 3 if Verdict.NOISY in verdicts else 0


def choose(names: str | None) -> tuple[Figure, ...]:
    """The figures of a comma-separated list, all without one. Raises ValueError that names an unknown one and lists the known."""
    if names is None:
        return FIGURES
    known = {figure.name: figure for figure in FIGURES}
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in known]
    if unknown or not wanted:
        raise ValueError(f"no figure is called {', '.join(unknown) or 'nothing'}; the figures are: {', '.join(known)}")
    return tuple(known[name] for name in known if name in wanted)
