"""T16: the clock of a running gateway is put forward and back, by an hour, a day and eleven years, in the middle of streams and of limits.

What is measured in seconds goes by a clock that only goes forward; what has a date goes by the date, and comes to no harm when that was wrong
for a while: nothing is spent twice, no session comes back, nobody is kept out, and the audit log stays in one order.
"""

import os
import threading
import time
from pathlib import Path

import pytest
from tests.integration.lab import until
from tests.tools.control_page import PASSWORD, first_person
from tests.tools.gateway import add_key, simulated

from anyapi.audit.fsck import check
from anyapi.control.channel import request_reload
from anyapi.control.passwords import FREE_ATTEMPTS
from anyapi.crypto.log_keys import read_key
from anyapi.domain.limits import CapPeriod
from anyapi.simulator.faults import read_fault
from anyapi.storage.audit_reader import AuditReader
from anyapi.storage.sqlite_driver import SqliteDriver

HOUR, DAY, YEARS = 3600.0, 86400.0, 4000 * 86400.0
STEPS = (HOUR, -HOUR, DAY, -DAY, YEARS, 0.0)
"""Seconds by which the clock is wrong, one after the other. Far ahead all records of the catalogue are out of date, and so is the last."""
CONFIDENTIAL = {"data_class": "confidential"}


class Stepped:
    """A running gateway and its clock."""

    def __init__(self, gateway, simulation, place: Path) -> None:
        self.gateway, self.simulation, self._place = gateway, simulation, place

    def step(self, seconds: float) -> None:
        """Put the clock so far from the right time."""
        fresh = self._place.with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.rename(self._place)

    def key(self, **limits: object) -> dict[str, str]:
        """The header of a new key with limits, in force."""
        with self.gateway.store() as store:
            secret, _ = add_key(store, **limits)
        assert request_reload(self.gateway.home / "control.sock", "keys")
        return {"Authorization": f"Bearer {secret}"}

    def limits(self, header: dict[str, str]) -> dict:
        return self.gateway.request("GET", "/v1/key", headers=header).json()["limits"]


@pytest.fixture
def stepped(tmp_path):
    place = tmp_path / "clock"
    place.write_text("0")
    plugin = Path(__file__).with_name("stepped")
    path = os.pathsep.join([str(plugin), *filter(None, [os.environ.get("PYTHONPATH")])])
    with simulated(tmp_path / "home", environment={"PYTHONPATH": path, "ANYAPI_TEST_CLOCK": str(place)}, control=True) as (
        gateway,
        simulation,
    ):
        yield Stepped(gateway, simulation, place)


def day_told(gateway) -> str:
    return gateway.request("GET", "/healthz").headers["date"][:16]


def test_the_clock_is_stepped(stepped):
    """The control of the other tests."""
    today = day_told(stepped.gateway)
    stepped.step(YEARS)
    assert day_told(stepped.gateway) != today
    assert "2037" in day_told(stepped.gateway) or "2038" in day_told(stepped.gateway)


def test_streams_limits_and_the_audit_log_come_to_no_harm(stepped):
    gateway = stepped.gateway
    capped, rated = stepped.key(spend_cap=1.0, period=CapPeriod.DAY), stepped.key(requests_per_minute=5)
    assert [gateway.chat(capped, max_tokens=50).status for _ in range(3)] == [200] * 3
    spent = stepped.limits(capped)["spent"]
    assert [gateway.chat(rated).status for _ in range(6)] == [200] * 5 + [429]
    for provider in stepped.simulation.base_urls:
        stepped.simulation.script(provider, [read_fault('{"kind":"drip","seconds":0.2}')])
    streams: list = []
    asking = threading.Thread(target=lambda: streams.append(gateway.chat(stream=True)))
    asking.start()
    until(lambda: sum(stepped.simulation.ledger(name)["in_flight"] for name in stepped.simulation.base_urls) == 1, "a stream")
    for seconds in STEPS:
        stepped.step(seconds)
        served = 403 if seconds == YEARS else 200
        assert gateway.chat().status == served
        assert gateway.chat(data_policy=CONFIDENTIAL).status == served
        assert gateway.request("GET", "/readyz").status == 200
        again = gateway.chat(rated)
        assert (again.status, int(again.headers["retry-after"]) <= 60) == (429, True), "the last minute is one of a clock that goes forward"
        assert stepped.limits(capped)["spent"] == pytest.approx(0.0 if abs(seconds) >= DAY else spent)
    asking.join()
    assert (streams[0].status, streams[0].body.endswith(b"data: [DONE]\n\n")) == (200, True)
    assert gateway.stop() == 0
    with AuditReader(SqliteDriver(gateway.home)) as log:
        checked = check(log, read_key(gateway.home / "audit.key").public)
    assert checked.problems == ()
    assert checked.sealed == checked.size > 20
    gateway.start()  # what is written down is added up by the day: the higher of both counts is gone by
    assert stepped.limits(capped)["spent"] == pytest.approx(spent)


def test_no_session_comes_back_and_nobody_is_kept_out(stepped):
    page = first_person(stepped.gateway)
    assert page.send("GET", "/api/session")[1]["signed_in"]
    stepped.step(YEARS)
    for _ in range(FREE_ATTEMPTS + 1):
        status, told = page.send("POST", "/api/session", {"email": "ada@x.org", "password": "not her passphrase"})
    assert (status, "Try again in" in told["error"]["message"]) == (429, True)
    assert page.send("GET", "/api/accounts")[0] == 401
    stepped.step(0.0)
    assert page.send("GET", "/api/accounts")[0] == 401, "it had ended"
    deadline = time.monotonic() + 20
    while page.send("POST", "/api/session", {"email": "ada@x.org", "password": PASSWORD})[0] != 200:
        assert time.monotonic() < deadline, "who failed while the clock was ahead waits until that time has come"
        time.sleep(0.2)
