"""What the control plane does by itself: told and sent in a thread, on through failures, ended when asked."""

import re
import threading

from tests.integration.lab import until
from tests.unit.control.test_delivering import ways
from tests.unit.control.test_telling import notices, update

from anyapi.control import attending
from anyapi.control.attending import Attendant, attend_once
from anyapi.control.request_mail import Later
from anyapi.errors import StorageError


def test_a_round_tells_and_looks_at_the_calendar_once_an_hour(staffed, monkeypatch):
    looked = []
    monkeypatch.setattr(attending, "tell_what_is_due", lambda services: looked.append(services.clock()))
    update(staffed)
    at = attend_once(staffed.services, ways(), float("-inf"), Later())
    assert at == staffed.now
    assert len(notices(staffed, "default")) == 1
    for seconds in (10, 3589, 1):
        staffed.now += seconds
        at = attend_once(staffed.services, ways(), at, Later())
    assert looked == [at - 3600, at]


def test_a_clock_that_was_ahead_and_is_put_right_does_not_keep_it_from_the_calendar(staffed, monkeypatch):
    looked = []
    monkeypatch.setattr(attending, "tell_what_is_due", lambda services: looked.append(services.clock()))
    staffed.now += 1e8
    at = attend_once(staffed.services, ways(), float("-inf"), Later())
    staffed.now -= 1e8
    assert attend_once(staffed.services, ways(), at, Later()) == staffed.now
    assert looked == [at, staffed.now]


def test_it_goes_on_after_a_failure_and_ends_when_told(staffed, monkeypatch, capsys):
    rounds, failed = [], threading.Event()

    def fail_once(services):
        rounds.append(1)
        if len(rounds) > 2:
            failed.set()
        else:
            raise StorageError("the disk is full")

    monkeypatch.setattr(attending, "tell_updates", fail_once)
    attendant = Attendant(staffed.services, ways(), pause=0.01)
    until(lambda: failed.is_set() and len(rounds) > 4, "more rounds")
    attendant.close()
    assert not attendant._thread.is_alive()
    assert re.findall("event=(.*)", capsys.readouterr().err) == [
        "writer_failed writer=attendant code=StorageError",
        "writer_recovered writer=attendant code=ok",
    ]
