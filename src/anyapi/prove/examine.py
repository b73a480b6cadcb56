"""Plants, waits, searches, and plants leaks to see whether the search would have found one. Gives the report; signs and prints nothing."""

import datetime as dt
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

import msgspec

from anyapi import __version__
from anyapi.prove.caller import Caller, Ended, Outcome, all_at_once, ends
from anyapi.prove.cast import CREDENTIAL
from anyapi.prove.dialects import DENIED
from anyapi.prove.outcomes_here import REFUSED
from anyapi.prove.planted import Mark, Planted
from anyapi.prove.report import NO_TRACES, Report
from anyapi.prove.scanner import Hit, Mint, Scanner
from anyapi.prove.search import Search
from anyapi.prove.sinks import MEMORY, TRACES, Sink

LONG = "long prompt"
SIZES = (512, 800, 1_500, 4_000, 10_000, 30_000, 60_000)
SHOWN = 20
TRIES = 3
"""Times that a leak is planted before its sink counts as one whose search finds nothing."""
Say = Callable[[str], None]


class Looked(msgspec.Struct):
    """What was found, and what could not be looked at."""

    searched: dict[str, int] = {}
    unsearched: dict[str, str] = {}
    hits: dict[str, list[Hit]] = {}
    missed: list[str] = []

    @property
    def absent(self) -> tuple[str, ...]:
        """What there is none of."""
        return () if TRACES in {**self.searched, **self.unsearched} else (NO_TRACES,)


def long_prompts(*, sent: bool, times: int) -> Iterable[Outcome]:
    """Requests whose prompt is a canary over and over, 512 bytes to 60 KB; those that are not `sent` are refused by policy."""
    for number in range(times):
        size = SIZES[number % len(SIZES)]

        def ask(caller: Caller, mark: Mark, size: int = size) -> Ended:
            words = f"{mark('long prompt')} " * (size // 25 + 1)
            over: dict[str, object] = {} if sent else {"data_policy": DENIED}
            return caller.chat(mark, "acme/good", messages=[{"role": "user", "content": words}], **over)

        yield Outcome(f"{LONG} of {size} bytes", ends(200) if sent else REFUSED, ask)


def prove(
    caller: Caller,
    classes: Sequence[Outcome],
    sinks: Iterable[Sink],
    wait: float,
    say: Say,
    untried: Mapping[str, str] = MappingProxyType({}),
) -> Report:
    """Everything, in order; `wait` in seconds. `sinks` are taken once everything was asked. `untried`: what is left out here, and why."""
    say(f"planting canaries in {len(classes)} kinds of requests")
    ended = all_at_once(caller, classes)
    say(f"waiting {wait:g} s")
    time.sleep(wait)
    looked = look(caller.planted, sinks, say)
    return msgspec.structs.replace(_report(caller, ended, looked, wait), untried=dict(untried))


def look(planted: Planted, sinks: Iterable[Sink], say: Say) -> Looked:
    """Search each sink, and then again with a leak in it."""
    looked = Looked()
    for sink in sinks:
        # The gateway needs its providers' keys, and holds them.
        search = Search(Scanner(planted.marks) if sink.name == MEMORY else planted.scanner())
        say(f"searching {sink.name}")
        try:
            sink.look(search)
        except PermissionError as error:
            looked.unsearched[sink.name] = error.strerror or str(error)
            continue
        looked.searched[sink.name] = sum(search.seen.values())
        looked.hits[sink.name] = search.hits
        if not any(finds(sink) for _ in range(TRIES)):
            looked.missed.append(sink.name)
    return looked


def finds(sink: Sink) -> bool:
    """Whether the search of a sink finds a leak that is planted there."""
    canary = Mint().new()
    search = Search(Scanner([canary]))
    search.since = time.time()
    with sink.plant(canary):
        sink.look(search)
    return bool(search.hits)


class Counted(msgspec.Struct, frozen=True):
    """What was found, counted."""

    leaks: list[Hit]
    long: int
    kept_long: list[str]
    short: int
    kept_short: int


def _counted(planted: Planted, looked: Looked) -> Counted:
    asked = [mark for mark in planted.marks.values() if not mark.label.startswith(CREDENTIAL)]
    in_memory = {hit.canary[:16] for hit in looked.hits.get(MEMORY, ())}
    long = [mark for mark in asked if mark.label.startswith(LONG)]
    kept_long = sorted(mark.label for mark in long if mark.text in in_memory)
    kept = sum(mark.text in in_memory for mark in asked)
    leaks = [hit for name, hits in looked.hits.items() if name != MEMORY for hit in hits]
    return Counted(leaks, len(long), kept_long, len(asked) - len(long), kept - len(kept_long))


def _report(caller: Caller, ended: Sequence[tuple[Outcome, Ended]], looked: Looked, wait: float) -> Report:
    planted = caller.planted
    counted = _counted(planted, looked)
    found = [f"{planted.label_of(hit.canary)} as {hit.form} in {hit.sink}" for hit in counted.leaks[:SHOWN]]
    odd = tuple(f"{outcome.name}: {end}" for outcome, end in ended if end not in outcome.wanted)
    hits = len(counted.leaks) + len(counted.kept_long)
    return Report(
        made_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        version=__version__,
        gateway=getattr(caller.gateway, "url", ""),
        requests=len(ended),
        outcome_classes=len({outcome.name for outcome, end in ended if end in outcome.wanted}),
        ended_otherwise=odd,
        canaries=sum(len(mark.fields) for mark in planted.marks.values()),
        sinks=len(looked.searched),
        searched=looked.searched,
        unsearched=looked.unsearched,
        absent=looked.absent,
        hits=hits,
        found=(*found, *(f"{label} in memory" for label in counted.kept_long)),
        planted_leaks=len(looked.searched),
        planted_leaks_found=len(looked.searched) - len(looked.missed),
        missed=tuple(looked.missed),
        waited=wait,
        long_texts=counted.long,
        short_texts=counted.short,
        short_left=counted.kept_short,
        proven=not (hits or odd or looked.unsearched or looked.missed) and counted.kept_short <= -(-counted.short // 100),
    )
