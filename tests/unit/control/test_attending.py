"""What the control plane does by itself: told and sent in a thread, on through failures, ended when asked."""

import re
import threading

import msgspec
from tests.integration.lab import until
from tests.unit.control.test_delivering import ways
from tests.unit.control.test_telling import notices, update
from tests.unit.delivery.test_mail import Box, mail_server

from anyapi.config_values import Privacy, PrivacyHook, Smtp, SmtpSecurity
from anyapi.control import attending
from anyapi.control.attending import Attendant, attend_once
from anyapi.control.request_mail import Later
from anyapi.delivery.webhook import new_secret
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


def test_the_operator_hears_once_of_a_mail_server_and_a_webhook_of_theirs_that_do_not_take_it(staffed, capsys):
    """The privacy team would not know that somebody asked, and nothing else says so. Of accounts' webhooks their own page tells."""
    staffed.services = msgspec.structs.replace(staffed.services, privacy=Privacy(contact="privacy@gate.example"))
    member, box = staffed.browser("member@x.org"), Box(refuse="recipient")
    with mail_server(box) as port:
        smtp = Smtp("127.0.0.1", port, SmtpSecurity.NONE, "gate@example.org")
        hooked = msgspec.structs.replace(ways(smtp), hook=PrivacyHook("http://127.0.0.1:1/hook", new_secret()))
        assert member.post("/api/accounts/default/requests", {"kind": "question", "words": "my own words"}).status_code == 201
        attendant = Attendant(staffed.services, hooked, pause=0.01)
        until(lambda: attendant._later._tried, "it was tried")
        box.refuse = ""
        staffed.now += 61
        until(lambda: box.mails, "the mail arrives")
        until(lambda: not attendant._ways.mailing.failing, "that is seen")
        attendant.close()
    assert re.findall("event=(.*)", capsys.readouterr().err) == [
        "writer_failed writer=privacy_webhook code=refused",
        "writer_failed writer=mail code=mail_recipient_refused",
        "writer_recovered writer=mail code=ok",
    ]
