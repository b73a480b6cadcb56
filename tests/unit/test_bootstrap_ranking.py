"""The weekly release, on either database: once, with noise, and nothing of what was counted before it or besides it."""

import asyncio
import contextlib

import msgspec
import pytest
from tests.conformance.samples import usage_row
from tests.conformance.stores import BACKENDS
from tests.unit.wire.peers import on_loop

from anyapi import bootstrap_ranking
from anyapi.bootstrap_ranking import Weekly, ends_at, median, sampling_for, week_name, week_of, weekly
from anyapi.config_values import Ranking
from anyapi.domain.ranking import Cell, Measured
from anyapi.errors import ConfigError, StorageError
from anyapi.gateway.sampling import Sampling
from anyapi.ranking.release import NoiseFailed
from anyapi.ranking.topics import DOMAIN
from anyapi.storage.rows import AccountRow

MONDAY = 20_773
"""2026-11-16, in days since 1970."""
SOMETIME = MONDAY * 86_400 + 3 * 86_400 + 17.0
MODELS = ("a/one", "b/two")
LAW = DOMAIN.index("law")


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.__name__)
def backend(request, tmp_path):
    with request.param(tmp_path / "data") as opened:
        yield opened


class Clock:
    def __init__(self, now=SOMETIME):
        self.now = now

    def __call__(self):
        return self.now


@contextlib.contextmanager
def releasing(backend, **fields):
    """What releases over a store, with the real noise unless it is replaced; `reloads` counts what was put in force."""
    with backend.ranking() as store:
        reloads = []

        async def in_force():
            reloads.append(store.releases())
            return len(reloads)

        given = {"noise": exact, "clock": Clock(), **fields}
        work = Weekly(Sampling(0.5), 0.5, store, lambda: backend.store(SOMETIME), lambda: MODELS, in_force, **given)
        yield work, store, reloads


async def exact(counts):
    """No noise at all: what is counted can be told from what is released."""
    return {place: count for place, count in enumerate(counts) if count >= 34}


def counting(work, accounts, model="a/one", topic=LAW):
    """So many accounts that were each sampled once."""
    for number in range(accounts):
        work.sampling.count(usage_row(number, account=f"{model}{topic}-{number}", model=model, outcome="success"), topic)


def test_a_week_is_released_once_and_put_in_force(backend):
    with releasing(backend) as (work, store, reloads):
        counting(work, 50)
        counting(work, 33, "b/two")
        assert asyncio.run(work.release(MONDAY, work.sampling.turn())) is True
        (found,) = store.releases()
        assert (found.week, found.epsilon, found.delta, found.shown_from, found.share) == ("2026-11-16", 1.0, 1e-6, 34, 0.5)
        assert found.cells == (Cell("a/one", "law", 50),)
        assert reloads == [(found,)]
        counting(work, 90)
        assert asyncio.run(work.release(MONDAY, work.sampling.turn())) is False
        assert store.releases() == (found,)
        assert len(reloads) == 1


def test_of_two_processes_one_releases(backend):
    with releasing(backend) as (one, store, _), releasing(backend) as (other, _store, _reloads):
        counting(one, 40)
        counting(other, 60)

        async def both():
            return await asyncio.gather(one.release(MONDAY, one.sampling.turn()), other.release(MONDAY, other.sampling.turn()))

        assert sorted(asyncio.run(both())) == [False, True]
        assert store.releases()[0].cells[0].count in {40, 60}


@pytest.mark.parametrize("error", [NoiseFailed(), StorageError("away"), OSError()])
def test_a_week_whose_noise_fails_is_spent(backend, error, capsys):
    async def fails(_counts):
        raise error

    with releasing(backend, noise=fails) as (work, store, reloads):
        counting(work, 50)
        counted = work.sampling.turn()
        assert asyncio.run(work.release(MONDAY, counted)) is False
        work.noise = exact
        assert asyncio.run(work.release(MONDAY, counted)) is False
        assert (store.releases(), reloads) == ((), [])
    assert "event=ranking_failed week=2026-11-16" in capsys.readouterr().err


def test_noise_is_drawn_after_the_ledger_has_the_week(backend):
    with releasing(backend) as (work, store, _):
        seen = []

        async def noted(_counts):
            seen.append(store.spend("2026-11-16", 1.0, 1e-6))
            return {}

        work.noise = noted
        assert asyncio.run(work.release(MONDAY, work.sampling.turn())) is True
        assert seen == [False]


def test_the_whole_domain_gets_noise_whoever_was_counted(backend):
    """Also a week without a single sample, and models that nobody asked: what is not drawn for would say so."""
    with releasing(backend) as (work, _store, _):
        asked = []

        async def seen(counts):
            asked.append(list(counts))
            return {}

        work.noise = seen
        asyncio.run(work.release(MONDAY, work.sampling.turn()))
        counting(work, 2)
        asyncio.run(work.release(MONDAY + 7, work.sampling.turn()))
        assert [len(counts) for counts in asked] == [len(MODELS) * len(DOMAIN)] * 2
        assert (sum(asked[0]), sum(asked[1])) == (0, 2)


def test_a_week_of_one_account_shows_nothing(backend):
    """With the real noise, however much it sent (T20)."""
    with releasing(backend, noise=bootstrap_ranking.draw) as (work, store, _):
        for number in range(2000):
            work.sampling.count(usage_row(number, account="alone", model="a/one", outcome="success"), LAW)
        assert asyncio.run(work.release(MONDAY, work.sampling.turn())) is True
        (found,) = store.releases()
        assert (found.cells, found.measured) == ((), ())


def test_how_models_did_is_told_of_those_that_are_shown(backend):
    with backend.store(SOMETIME) as store:
        store.add_account(AccountRow("acme", "Acme", 0.0))
    sink = backend.usage_sink(SOMETIME)
    until = ends_at(MONDAY)
    rows = [
        usage_row(number, model="a/one", at=SOMETIME + number, account="acme", outcome="success", duration=0.4, first_token=0.15)
        for number in range(7)
    ]
    rows += [usage_row(10, model="a/one", at=SOMETIME, outcome="upstream_error", first_token=None)]
    rows += [
        usage_row(11, model="a/one", at=SOMETIME, outcome="client_gone"),
        usage_row(12, model="a/one", at=SOMETIME, outcome="no_eligible_endpoint", attempts=0),
    ]
    rows += [
        usage_row(13, model="a/one", at=until + 1.0, outcome="upstream_error"),
        usage_row(14, model="b/two", at=SOMETIME, outcome="success"),
    ]
    for row in rows:
        sink.accept()
        sink.put(row)
    sink.close()
    with releasing(backend) as (work, store, _):
        counting(work, 40)
        assert asyncio.run(work.release(MONDAY, work.sampling.turn())) is True
        assert store.releases()[0].measured == (Measured("a/one", 0.88, 0.5, 0.2),)


@on_loop
async def test_it_releases_when_the_week_is_over_and_begins_anew(monkeypatch, tmp_path):
    monkeypatch.setattr(bootstrap_ranking, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(bootstrap_ranking, "LATER_SECONDS", 0.0)
    with BACKENDS[0](tmp_path) as backend, releasing(backend) as (work, store, reloads):
        async with weekly(work):
            counting(work, 40)
            await asyncio.sleep(0.2)
            assert store.releases() == ()
            work.clock.now = ends_at(MONDAY) - 0.5
            await asyncio.sleep(0.1)
            assert store.releases() == ()
            work.clock.now = ends_at(MONDAY) + 1.0
            await until(lambda: len(reloads) == 1)
            counting(work, 35, "b/two")
            work.clock.now += 7 * 86_400
            await until(lambda: len(reloads) == 2)
            work.clock.now = SOMETIME  # the clock was set back
            await asyncio.sleep(0.2)
        assert [(found.week, found.cells) for found in store.releases()] == [
            ("2026-11-23", (Cell("b/two", "law", 35),)),
            ("2026-11-16", (Cell("a/one", "law", 40),)),
        ]


@on_loop
async def test_what_ends_it_unforeseen_is_told(monkeypatch, tmp_path, capsys):
    def broken():
        raise ValueError("not a model of topics")

    monkeypatch.setattr(bootstrap_ranking, "packaged", broken)
    with BACKENDS[0](tmp_path) as backend, releasing(backend) as (work, _store, _reloads):
        async with weekly(work):
            async with asyncio.timeout(5):
                while "ranking_failed" not in capsys.readouterr().err:
                    await asyncio.sleep(0.01)


async def until(done, seconds=10.0):
    async with asyncio.timeout(seconds):
        while not done():
            await asyncio.sleep(0.01)


def test_sampling_is_on_where_opendp_is_and_nobody_says_otherwise(monkeypatch):
    assert sampling_for(Ranking()) is not None
    assert sampling_for(Ranking(enabled=False)) is None
    monkeypatch.setattr(bootstrap_ranking, "available", lambda: False)
    assert sampling_for(Ranking()) is None
    with pytest.raises(ConfigError, match="anyapi\\[ranking\\]"):
        sampling_for(Ranking(enabled=True))


def test_weeks_begin_on_mondays():
    assert week_of(SOMETIME) == MONDAY
    assert week_name(MONDAY) == "2026-11-16"
    assert week_of(ends_at(MONDAY)) == MONDAY + 7
    assert week_of(ends_at(MONDAY) - 0.001) == MONDAY


def test_the_median_is_a_bucket():
    assert median([0] * 23) is None
    assert median([1, *[0] * 22]) == 0.005
    assert median([1, 0, 3, *[0] * 20]) == 0.02
    assert median([0] * 22 + [5]) is None


def test_a_release_names_no_account_key_or_time():
    names = (
        {field.name for field in msgspec.structs.fields(bootstrap_ranking.Release)}
        | set(Cell.__struct_fields__)
        | set(Measured.__struct_fields__)
    )
    assert names == {
        "week",
        "epsilon",
        "delta",
        "shown_from",
        "share",
        "cells",
        "measured",
        "model",
        "topic",
        "count",
        "success",
        "duration",
        "first_token",
    }
