"""T12 over three workers on one PostgreSQL: together they keep to what a key may spend and how often it may ask."""

import contextlib
import http.client
import json
import threading
import time

import msgspec
import pytest
from tests.conftest import LONG
from tests.integration.lab import until
from tests.tools import postgres
from tests.tools.cluster import cluster
from tests.tools.limited import Limited, price_of_one

from anyapi.domain.limits import CapPeriod
from anyapi.simulator.faults import read_fault
from anyapi.storage.drivers import in_force_everywhere

LEASE = 2


@pytest.fixture(scope="module")
def trio(tmp_path_factory):
    """Three workers."""
    with postgres.run().database() as url, cluster(tmp_path_factory.mktemp("trio"), url, LEASE) as opened:
        for _ in range(3):
            opened.start()
        yield opened


@contextlib.contextmanager
def stalling(members, seconds):
    """Every provider waits so long before it answers."""
    fault = [read_fault(json.dumps({"kind": "stall", "seconds": seconds}))]
    for provider in members.simulation.base_urls:
        members.simulation.script(provider, [fault] * 200)
    yield
    for provider in members.simulation.base_urls:
        members.simulation.script(provider, [])


def test_two_hundred_at_once_over_three_workers_against_a_budget_for_ten(trio):
    key = Limited(trio, 3, spend_cap=10 * price_of_one(trio), period=CapPeriod.DAY)
    with stalling(trio, 2.5):  # all are under way at once, and settle nothing meanwhile
        statuses = key.at_once(200)
    assert statuses[200] == 10
    assert set(statuses) <= {200, 402, 429}
    cap = key.shown(trio.workers[0])["spend_cap"]
    until(lambda: key.leased() == [], "what was leased is given back, once it is written down what was spent of it", 6.0)
    assert 0 < key.spent() <= cap
    while key.ask().status == 200:
        assert key.spent() <= cap
    assert key.spent() <= cap
    for worker in trio.workers[:3]:
        time.sleep(0.3)  # until it is asked again
        assert key.shown(worker)["spent"] == pytest.approx(key.spent())


def test_what_is_left_for_one_request_is_found_by_whichever_worker_is_asked(trio):
    """Each kept a part that was too little, and refused for good with 429 what the parts together pay for."""
    price = price_of_one(trio)
    key = Limited(trio, 3, spend_cap=4.5 * price)
    until(lambda: key.ask().status == 402, "what is left pays for no request more", 20.0)
    shown = key.shown(trio.workers[0])
    assert shown["spend_cap"] - price < shown["spent"] <= shown["spend_cap"]


def test_a_hundred_at_once_over_three_workers_against_twelve_a_minute(trio):
    key = Limited(trio, 3, requests_per_minute=12)
    assert key.at_once(100) == {200: 12, 429: 88}
    refused = key.ask()
    assert (refused.status, refused.headers["x-ratelimit-limit-requests"]) == (429, "12")
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    # A worker that was refused for what another had leased and not told yet says that it may be soon.
    until(lambda: {50 <= int(key.ask(worker).headers["retry-after"]) <= 61 for worker in trio.workers[:3]} == {True}, "all know", 3.0)
    assert [key.shown(worker)["requests_left"] for worker in trio.workers[:3]] == [0, 0, 0]


def test_a_key_without_limits_asks_the_database_for_nothing(trio):
    key = Limited(trio, 3)
    assert {key.ask().status for _ in range(9)} == {200}
    assert key.rows("SELECT * FROM recent_requests WHERE lineage = ?") == key.leased() == []


def test_one_worker_alone_is_not_held_back_by_what_others_do_not_use(trio):
    key = Limited(trio, 3, spend_cap=64 * price_of_one(trio), requests_per_minute=3000)
    assert [key.ask(worker).status for worker in trio.workers[:3]] == [200] * 3
    assert len(key.leased()) == 3
    until(lambda: key.leased() == [], "what is unused goes back", 4.0)
    answers = [key.ask(trio.workers[0]) for _ in range(20)]
    assert [answer.status for answer in answers] == [200] * 20
    assert answers[-1].headers["x-ratelimit-remaining-requests"] == str(3000 - 23)


def test_a_lower_cap_holds_for_what_was_leased_before(trio):
    key = Limited(trio, 3, spend_cap=1000.0)
    assert [key.ask().status for _ in range(3)] == [200] * 3
    trio.store.change_key(key.id, lambda row: msgspec.structs.replace(row, spend_cap=0.0))
    in_force_everywhere(trio.driver._url)
    assert [key.ask().status for _ in range(3)] == [402] * 3


def test_of_a_killed_worker_what_was_leased_is_free_again_within_a_minute(trio):
    doomed = trio.start()
    key = Limited(trio, 3, spend_cap=2 * price_of_one(trio))
    with stalling(trio, 60.0):
        asking = threading.Thread(target=_lost, args=(key, doomed))
        asking.start()
        until(lambda: key.leased() != [], "a hold")
        doomed.process.kill()
        asking.join()
    killed = time.monotonic()
    assert key.ask().status == 200
    assert key.ask().status == 429  # the killed worker's part
    if LONG:
        until(lambda: key.ask().status == 200, "the rest may be spent", 60.0)
        assert time.monotonic() - killed < 60
        assert key.spent() <= 2 * price_of_one(trio)


def _lost(key, worker):
    with contextlib.suppress(OSError, http.client.HTTPException):
        key.ask(worker)
