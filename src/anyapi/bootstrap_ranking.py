"""Puts sampling for the ranking of models together, and has a week's counts released once when it is over.

INVARIANT: a week's release is noted in the ledger before its noise is drawn. Whatever fails afterwards, that week has no other release:
counts that were drawn upon once are gone. What a process counted before it ended is lost; several processes on one database count each
for itself, and one of them releases.
"""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AbstractContextManager

import msgspec

from anyapi.config_values import Ranking
from anyapi.domain.ids import ModelId
from anyapi.domain.limits import CapPeriod
from anyapi.domain.ranking import Cell, Measured, Release
from anyapi.domain.usage import LATENCY_BOUNDS
from anyapi.errors import ConfigError, StorageError
from anyapi.gateway.sampling import Sampling
from anyapi.policy.periods import SECONDS_A_DAY, day_of, first_day
from anyapi.ranking.release import NoiseFailed, available, draw
from anyapi.ranking.sampler import Sampler
from anyapi.ranking.terms import DELTA, EPSILON, SHOWN_FROM
from anyapi.ranking.topics import DOMAIN, packaged
from anyapi.storage.contract_ranking import RankingStore
from anyapi.storage.rows import UsageGroup
from anyapi.storage.sql_ranking import SqlRanking
from anyapi.storage.sql_store import SqlStore
from anyapi.telemetry.log import Event, log

LOOK_SECONDS = 60.0
"""How often it is looked whether a new week began: clocks are set, and machines sleep."""
LATER_SECONDS = 30.0
"""How much later a process that did not see the whole week begins to release it: one that did goes first."""


class Weekly(msgspec.Struct):
    """What the release needs. `run` is its clock."""

    sampling: Sampling
    share: float
    store: RankingStore
    usage: Callable[[], AbstractContextManager[SqlStore]]
    """Opens a connection of its own: reading a week's usage must keep nobody waiting."""
    models: Callable[[], Collection[ModelId]]
    """The catalogue's: with the topics they are the fixed domain of what can be counted."""
    in_force: Callable[[], Awaitable[int]]
    """Has the data plane read the store."""
    clock: Callable[[], float]
    """Unix seconds."""
    noise: Callable[[Sequence[int]], Awaitable[dict[int, int]]] = draw

    async def run(self) -> None:
        """Sample from now on, and release each week that ends; until cancelled."""
        topics = await asyncio.to_thread(packaged)
        self.sampling.begin(topics.classify)
        week, later = week_of(self.clock()), LATER_SECONDS
        while True:
            await asyncio.sleep(min(LOOK_SECONDS, max(0.1, ends_at(week) - self.clock())))
            now = week_of(self.clock())
            if now == week:
                continue
            counted = self.sampling.turn()
            if now > week:  # else the clock was set back: those counts are of no week that is over
                await asyncio.sleep(later)
                await self.release(week, counted)
                later = 0.0
            week = now

    async def release(self, week: int, counted: Sampler) -> bool:
        """Release the counts of a week (its first day since 1970), unless that was done; says whether it was now. Raises nothing."""
        name = week_name(week)
        try:
            if not await asyncio.to_thread(self.store.spend, name, EPSILON, DELTA):
                return False
            models = sorted(self.models())
            noisy = await self.noise(counted.counts(models, len(DOMAIN)))
            cells = [Cell(models[place // len(DOMAIN)], DOMAIN[place % len(DOMAIN)], noisy[place]) for place in sorted(noisy)]
            measured = await asyncio.to_thread(self._measured, {cell.model for cell in cells}, week)
            release = Release(name, EPSILON, DELTA, SHOWN_FROM, self.share, tuple(cells), measured)
            await asyncio.to_thread(self.store.add_release, release)
        except (NoiseFailed, StorageError, OSError) as error:
            log(Event.RANKING_FAILED, week=name, kind=type(error).__name__)
            return False
        log(Event.RANKING_RELEASED, week=name)
        with contextlib.suppress(StorageError):  # the next snapshot has it in any case
            await self.in_force()
        return True

    def _measured(self, models: Collection[ModelId], week: int) -> tuple[Measured, ...]:
        """How these models did in that week, over all accounts."""
        since, until = float(week * SECONDS_A_DAY), ends_at(week)
        if not models:
            return ()
        with self.usage() as usage:
            answered = SqlRanking(usage).answered(since, until)
            times = {each.label: each for each in usage.usage_times(UsageGroup.MODEL, since, until)}
        found = []
        for model in sorted(models):
            sent, succeeded = answered.get(model, (0, 0))
            took = times.get(model)
            if sent and took is not None:
                found.append(Measured(model, round(succeeded / sent, 2), median(took.duration), median(took.first_token)))
        return tuple(found)


def sampling_for(ranking: Ranking) -> Sampling | None:
    """What samples, as configured; None where nothing does. Raises `ConfigError` if it is asked for and OpenDP is missing."""
    if ranking.enabled is False:
        return None
    if not available():
        if ranking.enabled:
            raise ConfigError("needs OpenDP, which is not installed: install `anyapi[ranking]`", field="ranking.enabled")
        return None
    return Sampling(ranking.share)


@contextlib.asynccontextmanager
async def weekly(work: Weekly | None) -> AsyncIterator[None]:
    """Run it beside the block."""
    task = None if work is None else asyncio.create_task(work.run())
    if task is not None:
        task.add_done_callback(_ended)
    try:
        yield
    finally:
        if task is not None:
            task.cancel()
            await asyncio.wait([task])


def _ended(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log(Event.RANKING_FAILED, kind=type(task.exception()).__name__)


def week_of(at: float) -> int:
    """The first day of the week of an instant, in days since 1970 (UTC): a Monday."""
    return first_day(CapPeriod.WEEK, day_of(at))


def ends_at(week: int) -> float:
    """The Unix second at which the next week begins."""
    return float((week + 7) * SECONDS_A_DAY)


def week_name(week: int) -> str:
    """A week as it is named: its Monday."""
    return dt.datetime.fromtimestamp(week * SECONDS_A_DAY, dt.UTC).date().isoformat()


def median(counts: Sequence[int]) -> float | None:
    """The upper bound of the bucket that holds the median; None for the last bucket, and for no counts at all."""
    whole, below = sum(counts), 0
    if not whole:
        return None
    for bound, count in zip(LATENCY_BOUNDS, counts, strict=False):
        below += count
        if 2 * below >= whole:
            return bound
    return None
