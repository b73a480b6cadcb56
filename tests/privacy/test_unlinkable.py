"""Who was sampled for the ranking cannot be told from what is stored and released (reliability test T20).

The attacker has the full usage table, every table before and after each release with the places of its rows, and knows of half of the
requests what they were about. For every account it guesses the cell that the account was counted in. The same guess without the releases
is the prior; a store that kept samples in the order in which they came is the control that such an attack finds something.
"""

import asyncio
import math
import random
import shutil
from collections import Counter
from typing import NamedTuple

import pytest
from tests.conformance.samples import usage_row
from tests.conformance.stores import BACKENDS
from tests.conftest import LONG

from anyapi.bootstrap_ranking import Weekly
from anyapi.gateway.sampling import Sampling
from anyapi.ranking.release import draw
from anyapi.ranking.topics import DOMAIN
from anyapi.storage.rows import AccountRow

WEEKS = 30 if LONG else 5
FIRST_WEEK = 20_773
ACCOUNTS, REQUESTS, SHARE = 400, 10, 0.5
MODELS = ("a/one", "b/two", "c/three")
TOPICS = range(len(DOMAIN))
NOW = 1_800_000_000.0


class Request(NamedTuple):
    """One request of the week: its usage row, and what only some know."""

    account: str
    model: str
    topic: int
    known: bool
    at: float


class World:
    """A week of traffic: accounts have favourites, as people have."""

    def __init__(self, seed):
        chance = random.Random(seed)
        self.requests = []
        for number in range(ACCOUNTS):
            models = [MODELS[0]] * chance.randint(1, 6) + [MODELS[1]] * chance.randint(0, 3) + [MODELS[2]]
            topics = [chance.choice((0, 0, 0, 1, 1, 3, 7))] * chance.randint(1, 8) + [chance.choice(TOPICS), 0]
            for _ in range(REQUESTS):
                known, at = chance.random() < 0.5, NOW + chance.random() * 600_000
                self.requests.append(Request(f"account-{number}", chance.choice(models), chance.choice(topics), known, at))
        self.requests.sort(key=lambda request: request.at)
        self.rows = [
            usage_row(place, account=each.account, model=each.model, at=each.at, outcome="success")
            for place, each in enumerate(self.requests)
        ]


def weights(world, accounts):
    """For each account that was counted the cells in which it may have been, by what the attacker knows without a release."""
    known = Counter((each.model, each.topic) for each in world.requests if each.known)
    models = Counter(each.model for each in world.requests if each.known)
    found = {account: Counter() for account in accounts}
    for each in world.requests:
        if each.account not in found:
            continue  # in some weeks one is not drawn at all
        if each.known:
            found[each.account][each.model, each.topic] += 1.0
        else:
            for topic in TOPICS:
                found[each.account][each.model, topic] += known[each.model, topic] / models[each.model]
    return found


def refined(found, released, rounds):
    """The same, fitted to the released counts (iterative proportional fitting), a little or as far as it goes."""
    current = {account: dict(cells) for account, cells in found.items()}
    for _ in range(rounds):
        for cells in current.values():
            whole = sum(cells.values())
            for cell in cells:
                cells[cell] /= whole
        for cell, count in released.items():
            whole = sum(cells.get(cell, 0.0) for cells in current.values())
            if whole:
                for cells in current.values():
                    if cell in cells:
                        cells[cell] *= count / whole
    return current


def right(guesses, truth):
    return sum(max(guesses[account], key=guesses[account].get) == cell for account, cell in truth.items())


def sampled_week(world, share=SHARE):
    """Count the week as the gateway does; gives what samples, and the truth."""
    chance = random.Random(world.requests[0].at)
    sampling = Sampling(share)
    for request, row in zip(world.requests, world.rows, strict=True):
        if chance.random() < share:
            sampling.count(row, request.topic)
    chosen = sampling._sampler._chosen
    truth = {}
    for account in {request.account for request in world.requests}:
        found = chosen.get(sampling._tokens.of(account))
        if found is not None:
            truth[account] = (found.model, found.topic)
    return sampling, truth


def releasing(store, backend, sampling, noise=draw):
    async def in_force():
        return 1

    return Weekly(sampling, SHARE, store, lambda: backend.store(NOW), lambda: MODELS, in_force, lambda: NOW, noise)


def test_guessing_is_no_better_with_the_releases_than_without(tmp_path):
    """A guess for every account and week: at most three standard deviations better than the prior."""
    prior = guesses = shown = 0
    posterior = Counter()
    with BACKENDS[0](tmp_path) as backend, backend.ranking() as store:
        for number in range(WEEKS):
            world = World(number)
            sampling, truth = sampled_week(world)
            assert asyncio.run(releasing(store, backend, sampling).release(FIRST_WEEK + 7 * number, sampling.turn()))
            released = {(cell.model, DOMAIN.index(cell.topic)): cell.count for cell in store.releases()[0].cells}
            before = weights(world, truth)
            guesses += len(truth)
            shown += len(released)
            prior += right(before, truth)
            for rounds in (1, 3, 20):
                posterior[rounds] += right(refined(before, released, rounds), truth)
    expected = prior / guesses
    sigma = math.sqrt(expected * (1 - expected) / guesses)
    best = max(posterior.values()) / guesses
    print(f"prior {expected:.4f}, with {WEEKS} releases of {shown} cells at best {best:.4f}, sigma {sigma:.4f}, {guesses} guesses")
    assert shown >= 2 * WEEKS  # otherwise there was nothing to attack with
    assert best <= expected + 3 * sigma


def test_samples_in_the_order_in_which_they_came_would_be_linked():
    """The control: what the sampler holds in memory, written down as it lies there, gives nearly everybody away."""
    world = World(0)
    sampling, truth = sampled_week(world, share=1.0)
    leaked = [(found.model, found.topic) for found in sampling._sampler._chosen.values()]
    order = list(dict.fromkeys(row.account for row in sorted(world.rows, key=lambda row: row.at)))
    guessed = sum(truth[account] == cell for account, cell in zip(order, leaked, strict=True)) / len(order)
    expected = right(weights(world, truth), truth) / len(truth)
    assert guessed > expected + 3 * math.sqrt(expected * (1 - expected) / len(order))
    assert guessed > 0.99


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.__name__)
def place(request, tmp_path):
    """A way to make a store of this kind, as often as is asked."""

    def opened(name):
        return request.param(tmp_path / name)

    return opened


def everything(backend, *, places=True):
    """Every row of every table in the order in which they lie there; with `places` where PostgreSQL has put each."""
    connection = backend.driver.connect(everybody=True)
    try:
        if backend.url is None:
            tables, asked = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall(), "*"
        else:
            query = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
            tables, asked = connection.execute(query).fetchall(), "ctid::text, *" if places else "*"
        names = sorted({name for (name,) in tables} - {"alembic_version", "published"})
        return {table: connection.execute(f"SELECT {asked} FROM {table}").fetchall() for table in names}
    finally:
        connection.close()


def filled(backend, accounts=()):
    with backend.store(NOW) as store:
        for account in accounts:
            store.add_account(AccountRow(account, account, NOW))


def test_a_release_changes_two_tables_by_one_row_each(place):
    """And sampling none at all: with the full usage table before and after, nothing else differs, in no place."""
    world = World(1)
    with place("data") as backend:
        filled(backend)
        sink = backend.usage_sink(NOW)
        for row in world.rows[:500]:
            sink.accept()
            sink.put(row)
        sink.close()
        with backend.ranking() as store:
            before = everything(backend)
            sampling, _truth = sampled_week(world)
            assert everything(backend) == before
            work = releasing(store, backend, sampling)
            work.usage = lambda: backend.store(NOW)
            assert asyncio.run(work.release(FIRST_WEEK, sampling.turn()))
            after = everything(backend)
        changed = {table for table in after if after[table] != before[table]}
        assert changed == {"ranking_ledger", "ranking_releases"}
        assert all(len(after[table]) == len(before[table]) + 1 for table in changed)
        added = repr([after[table] for table in changed])
        assert "account-" not in added
        assert not [token for token in map(sampling._tokens.of, ("account-1",)) if token.hex() in added]


async def fixed(counts):
    """The same draw of noise for everybody."""
    return {place: count + place % 3 for place, count in enumerate(counts) if count + place % 3 >= 34}


def sent_by(sender, backend):
    """Forty others and the sender are sampled, and the week is released; gives the tables that differ from before, as they are then."""
    with backend.ranking() as store:
        before = everything(backend, places=False)  # databases of the tests' server are used again, so places differ
        sampling = Sampling(1.0)
        for number in range(40):
            sampling.count(usage_row(number, account=f"other-{number}", model=MODELS[0], outcome="success"), 3)
        sampling.count(usage_row(99, account=sender, model=MODELS[0], outcome="success"), 3)
        assert asyncio.run(releasing(store, backend, sampling, fixed).release(FIRST_WEEK, sampling.turn()))
        assert store.releases()[0].cells[0].count >= 41
        after = everything(backend, places=False)
    return {table: rows for table, rows in after.items() if rows != before[table]}


def test_the_tables_are_the_same_whichever_of_two_accounts_sent_a_request(place):
    """With the same draw of noise. What the usage table says of a request is another matter: that names its account."""
    found = []
    for sender in ("left", "right"):
        with place(sender) as backend:
            filled(backend, ("left", "right"))
            found.append(sent_by(sender, backend))
    assert found[0] == found[1]
    assert found[0].keys() == {"ranking_ledger", "ranking_releases"}


def test_the_files_are_the_same_byte_for_byte(tmp_path):
    """Two copies of one store."""
    files = []
    with BACKENDS[0](tmp_path / "both") as backend:
        filled(backend, ("left", "right"))
    for sender in ("left", "right"):
        shutil.copytree(tmp_path / "both", tmp_path / sender)
        with BACKENDS[0](tmp_path / sender) as backend:
            assert sent_by(sender, backend)
        files.append({path.name: path.read_bytes() for path in backend.files()})
    assert files[0] == files[1]
    assert sum(map(len, files[0].values())) > 100_000


def test_that_comparison_sees_a_difference(place):
    """A name that stands anywhere is found by it."""
    states = []
    for sender in ("left", "right"):
        with place(sender) as backend:
            filled(backend, ("left", "right"))
            with backend.ranking() as store:
                before = everything(backend, places=False)
                store.take_part(sender, part=False)
                after = everything(backend, places=False)
            states.append({table: rows for table, rows in after.items() if rows != before[table]})
    assert states[0].keys() == {"ranking_opt_outs", "audit_pending"}  # and what the audit log takes of the change
    assert all(states[0][table] != states[1][table] for table in states[0])
