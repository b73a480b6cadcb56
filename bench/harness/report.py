"""Writes what was found: a table for people, JSON for programs. Judges nothing."""

import dataclasses
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .figures import Key, Result, Verdict
from .load import EVEN_PHASES, SHAPES, Phase, Sample, unit_of


@dataclass(frozen=True)
class Circumstances:
    """Under what a run was made."""

    date: str
    seconds: float
    runs: int
    partial: bool
    """Quick, or only some figures: not to be published."""
    machine: dict[str, str | int]
    versions: dict[str, str]


def as_json(results: Sequence[Result], samples: Sequence[Sample], at: Circumstances) -> str:
    """Each figure's median by its name, then the same in detail, then every sample."""
    document: dict[str, object] = {result.figure.name: _rounded(result.median) for result in results}
    document |= {
        "date": at.date,
        "seconds": round(at.seconds),
        "repeats": at.runs,
        "partial": at.partial,
        "machine": at.machine,
        "versions": at.versions,
        "figures": {result.figure.name: _detail(result) for result in results},
        "samples": [_rounded_sample(sample) for sample in samples],
    }
    return json.dumps(document, indent=1) + "\n"


def as_markdown(results: Sequence[Result], samples: Sequence[Sample], at: Circumstances) -> str:
    """The page that people read."""
    lines = ["# Benchmark results", "", "Written by `make bench`; [docs/benchmark.md](../docs/benchmark.md) says what each figure is.", ""]
    if at.partial:
        lines += ["**Partial: a quick run, or only some of the figures. Not to be quoted.**", ""]
    lines += _circumstances(at)
    lines += ["", "## Figures", "", "| figure | median | min | max | repeats | bar | verdict | what |", "|---|--:|--:|--:|--:|--:|---|---|"]
    lines += [_figure_row(result) for result in results]
    lines += ["", "`x nginx`: against nginx `proxy_pass` in the same run. Figures without a bar are for information."]
    if any(result.verdict is Verdict.NOISY for result in results):
        lines += ["", "**noisy**: others kept the machine busy in half of the runs or more; measure again on a quiet machine."]
    lines += ["", "## What was measured", "", "Medians over all repeats. CPU time is that of the target's whole process tree.", ""]
    lines += [
        "| phase | target | value | unit | answers a second | p50 | p99 | errors | others' cores |",
        "|---|---|--:|---|--:|--:|--:|--:|--:|",
    ]
    lines += _sample_rows(samples)
    return "\n".join(lines) + "\n"


def _circumstances(at: Circumstances) -> list[str]:
    machine = at.machine
    cpu = f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_mb']} MB, Linux {machine['kernel']} {machine['architecture']}"
    versions = ", ".join(f"{name} {version}" for name, version in at.versions.items() if name != "commit")
    return [
        f"- Date: {at.date}; took {at.seconds / 60:.1f} minutes; {at.runs} alternating runs.",
        f"- Machine: {cpu}; gateway on core {machine['gateway_core']}, load and mock provider on core {machine['load_core']}.",
        f"- Versions: {versions}; commit {at.versions.get('commit', 'unknown')}.",
    ]


def _figure_row(result: Result) -> str:
    figure = result.figure
    low, high = (min(result.values), max(result.values)) if result.values else (None, None)
    cells = (
        f"`{figure.name}`",
        f"**{_number(result.median)}** {figure.unit}" if result.values else "-",
        _number(low),
        _number(high),
        str(len(result.values)),
        f"<= {figure.bar:g}" if figure.bar is not None else "",
        result.verdict.value + (f" ({result.failed} errors)" if result.failed else ""),
        figure.meaning,
    )
    return f"| {' | '.join(cells)} |"


def _sample_rows(samples: Sequence[Sample]) -> list[str]:
    groups: dict[Key, list[Sample]] = {}
    for sample in samples:
        groups.setdefault((sample.target, sample.phase), []).append(sample)
    order = list(Phase)
    rows = []
    for (target, phase), group in sorted(groups.items(), key=lambda item: order.index(item[0][1])):
        load = phase in SHAPES
        spread = load or phase in EVEN_PHASES
        cells = (
            phase.value,
            target,
            _number(statistics.median(sample.value for sample in group)),
            unit_of(phase),
            f"{statistics.median(sample.per_second for sample in group):,.0f}" if load else "",
            _time(statistics.median(sample.p50_us for sample in group)) if spread else "",
            _time(statistics.median(sample.p99_us for sample in group)) if spread else "",
            str(sum(sample.failed for sample in group)),
            f"{max(max(sample.foreign_before, sample.foreign_during) for sample in group):.2f}",
        )
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def _detail(result: Result) -> dict[str, object]:
    figure = result.figure
    return {
        "median": _rounded(result.median),
        "min": _rounded(min(result.values, default=None)),
        "max": _rounded(max(result.values, default=None)),
        "values": [_rounded(value) for value in result.values],
        "unit": figure.unit,
        "bar": figure.bar,
        "verdict": result.verdict.value,
        "noisy": result.noisy,
        "errors": result.failed,
        "meaning": figure.meaning,
    }


def _rounded_sample(sample: Sample) -> dict[str, object]:
    return {name: _rounded(value) if isinstance(value, float) else value for name, value in dataclasses.asdict(sample).items()}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def _time(microseconds: float) -> str:
    return f"{microseconds / 1000:.2f} ms" if microseconds >= 1000 else f"{microseconds:.0f} us"


def write(directory: Path, results: Sequence[Result], samples: Sequence[Sample], at: Circumstances) -> Path:
    """results.md and results.json, or results.partial.* when the run was partial. Returns the page's path."""
    stem = "results.partial" if at.partial else "results"
    (directory / f"{stem}.json").write_text(as_json(results, samples, at))
    page = directory / f"{stem}.md"
    page.write_text(as_markdown(results, samples, at))
    return page


def line(result: Result) -> str:
    """One figure for the terminal."""
    figure = result.figure
    bar = f"(bar {figure.bar:g})" if figure.bar is not None else ""
    return f"{figure.name:<40} {_number(result.median):>8} {figure.unit:<9} {bar:<10} {result.verdict}"
