"""T15: PostgreSQL stops, halts, or is slow. Callers get a 503 with Retry-After, never a 401 or 402; what runs finishes; all is well soon after."""

import contextlib
import http.client
import json
import re
import threading
import time
import urllib.error
import urllib.request

import psycopg
import pytest
from tests.integration.lab import until
from tests.tools import postgres
from tests.tools.cluster import cluster
from tests.tools.limited import Limited, price_of_one

from anyapi.crypto.secret import Secret
from anyapi.domain.limits import CapPeriod
from anyapi.simulator.faults import read_fault
from anyapi.storage.postgres_driver import PostgresDriver

LEASE = 1
RECOVERY = 10.0


@pytest.fixture(scope="module")
def server():
    postgres.require()
    with contextlib.closing(postgres.PostgresServer()) as opened:
        with contextlib.closing(opened.as_superuser()) as raw:
            raw.execute("CREATE DATABASE anyapi OWNER anyapi")
        PostgresDriver(Secret(opened.url("anyapi"))).prepare()
        yield opened


@pytest.fixture(scope="module")
def members(server, tmp_path_factory):
    with cluster(tmp_path_factory.mktemp("members"), server.url("anyapi"), LEASE) as opened:
        yield opened


@pytest.fixture(scope="module")
def worker(members):
    return members.start()


@contextlib.contextmanager
def asking(worker):
    """Ask again and again, in a class whose decisions must be durable and in none; collects what came."""
    seen, stop = [], threading.Event()

    def ask(**what):
        while not stop.wait(0.02):
            answer = worker.chat(**what)
            seen.append((answer.status, answer.headers.get("retry-after")))

    askers = [threading.Thread(target=ask, kwargs=what) for what in ({}, {"data_policy": {"data_class": "confidential"}})]
    for asker in askers:
        asker.start()
    try:
        yield seen
    finally:
        stop.set()
        for asker in askers:
            asker.join()


def check(seen):
    assert {status for status, _ in seen} == {200, 503}
    assert all(after is not None for status, after in seen if status == 503)


def recovered(worker, began):
    until(lambda: worker.chat(data_policy={"data_class": "confidential"}).status == 200, "it serves again", RECOVERY)
    until(lambda: worker.request("GET", "/readyz").status == 200, "it is ready again", RECOVERY)
    assert time.monotonic() - began < RECOVERY


def test_a_server_that_stops_and_starts(server, worker):
    with asking(worker) as seen:
        until(lambda: len(seen) > 4, "requests are answered")
        server.stop()
        until(lambda: [status for status, _ in seen[-8:]] == [503] * 8, "all are refused", LEASE + 3.0)
        server.start()
        began = time.monotonic()
        recovered(worker, began)
    check(seen)


def test_who_asks_first_when_the_server_has_ended_idle_connections_is_served(server, members, worker):
    """A restart at night, `idle_session_timeout`: by the morning all was well, and the first request of each kind was refused."""
    key, confidential = Limited(members, 1, spend_cap=1.0), {"data_policy": {"data_class": "confidential"}}
    assert [worker.chat(**confidential).status, key.ask(worker).status] == [200, 200]
    until(lambda: key.leased() == [], "what was leased is given back", 6.0)
    with contextlib.closing(server.as_superuser("anyapi")) as raw:
        ended = {pid for (pid,) in raw.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'anyapi'").fetchall()}
        assert len(ended) >= 5
        postgres.end_others(raw)
        until(lambda: not ended & {pid for (pid,) in raw.execute("SELECT pid FROM pg_stat_activity").fetchall()}, "they have ended")
    until(lambda: worker.request("GET", "/readyz").status == 200, "it is ready")
    assert [worker.chat(**confidential).status, key.ask(worker).status] == [200, 200]


def test_what_the_process_of_the_dashboard_logs_of_it_is_told_once_and_in_events_alone(server, members):
    """Its loop looks into the store every two seconds, and psycopg has warnings of its own that Python would print."""
    gateway = members.start(control=True)
    page = gateway.control_url()
    try:
        server.stop()
        until(lambda: "event=writer_failed writer=attendant code=SQLSTATE_" in gateway.log(), "the attendant says so")
        with pytest.raises(urllib.error.HTTPError, match="503"):
            urllib.request.urlopen(f"{page}/api/session", timeout=30)
        time.sleep(4.5)
    finally:
        server.start()
    until(lambda: "event=writer_recovered writer=attendant" in gateway.log(), "it goes on", RECOVERY)
    lines = gateway.log().splitlines()
    assert [line for line in lines if not re.fullmatch(r"\S{20} event=[a-z_]+( [a-z]+=\S+)*", line)] == []
    assert [line for line in lines if "internal_error" in line] == []
    assert sum("event=writer_failed writer=attendant" in line for line in lines) == 1
    assert sum("event=store_failed code=SQLSTATE_" in line for line in lines) == 1
    gateway.stop()


def test_a_control_plane_that_cannot_start_for_want_of_the_store_does_when_that_is_back(server, members):
    """It was given up for good, while the process went on: nobody would have noticed before they opened the dashboard."""
    with psycopg.connect(server.url("anyapi"), autocommit=True) as raw:
        raw.execute("ALTER TABLE people RENAME TO hidden")
        try:
            gateway = members.start(control=True)
            until(lambda: "event=store_failed code=SQLSTATE_42P01" in gateway.log(), "it says what it waits for", 20)
            assert gateway.chat().status == 200
        finally:
            raw.execute("ALTER TABLE hidden RENAME TO people")
    with urllib.request.urlopen(f"{gateway.control_url()}/api/healthz", timeout=30) as answer:
        assert answer.status == 200
    assert gateway.log().count("event=control_started") == gateway.log().count("event=store_failed") == 1
    assert gateway.stop() == 0


def test_a_server_that_is_halted_and_goes_on(server, worker):
    with asking(worker) as seen:
        until(lambda: len(seen) > 4, "requests are answered")
        server.halt()
        halted = time.monotonic()
        try:
            until(lambda: [status for status, _ in seen[-8:]] == [503] * 8, "all are refused", LEASE + 3.0)
            assert time.monotonic() - halted < LEASE + 2
        finally:
            server.go_on()
        recovered(worker, time.monotonic())
    check(seen)


def test_statements_that_take_longer_than_the_lease(server, worker):
    with asking(worker) as seen, psycopg.connect(server.url("anyapi")) as slow:
        until(lambda: len(seen) > 4, "requests are answered")
        slow.execute("LOCK TABLE published, decision_records IN ACCESS EXCLUSIVE MODE")
        until(lambda: [status for status, _ in seen[-8:]] == [503] * 8, "all are refused", LEASE + 3.0)
        slow.rollback()
        recovered(worker, time.monotonic())
    check(seen)


def test_a_spend_cap_and_a_rate_hold_while_the_server_stops_and_starts(server, members, worker):
    """T12: what was leased before it stopped is used no longer than the lease, and in the end nothing is left set aside."""
    capped = Limited(members, 1, spend_cap=30 * price_of_one(members), period=CapPeriod.DAY)
    rated = Limited(members, 1, requests_per_minute=60)
    assert [key.ask().status for key in (capped, rated)] == [200, 200]
    server.stop()
    try:
        until(lambda: {key.ask().status for key in (capped, rated)} == {503}, "both are refused", LEASE + 3.0)
    finally:
        server.start()
    recovered(worker, time.monotonic())
    answers = [rated.at_once(80), capped.at_once(60)]
    assert answers[0][200] <= 59
    assert all(set(each) <= {200, 402, 429} for each in answers)
    until(lambda: capped.leased() == rated.leased() == [], "nothing is left set aside", 5.0)
    assert 0 < capped.spent() <= capped.shown(worker)["spend_cap"]


def test_a_stream_that_runs_finishes_without_the_database(server, members, worker):
    for provider in members.simulation.base_urls:
        members.simulation.script(provider, [read_fault('{"kind":"drip","seconds":0.3}')])
    body = {"model": "anthropic/claude-3.5-sonnet", "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", worker.port, timeout=30)) as connection:
        connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Authorization": f"Bearer {worker.key}"})
        answer = connection.getresponse()
        assert answer.status == 200
        server.halt()
        try:
            until(lambda: worker.chat().status == 503, "new ones are refused", LEASE + 3.0)
            assert answer.read().endswith(b"data: [DONE]\n\n")
        finally:
            server.go_on()
    recovered(worker, time.monotonic())
