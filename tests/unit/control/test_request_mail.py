"""The privacy team hears of requests in a real mailbox and on a real web server; an account of the answer; nobody of the words."""

import email
import email.policy
import json

import msgspec
import pytest
from tests.tools.catalogue_site import Site
from tests.unit.control.test_delivering import ways
from tests.unit.delivery.test_mail import Box, mail_server
from tests.unit.delivery.test_webhook import by_openssl

from anyapi.config_values import Privacy, PrivacyHook, Smtp, SmtpSecurity
from anyapi.control.delivering import RETRY_SECONDS, deliver
from anyapi.control.request_mail import Later, send_request_mail
from anyapi.crypto.secret import Secret
from anyapi.delivery.webhook import new_secret

PATH = "/api/accounts/default/requests"
WORDS = "my very own words"


@pytest.fixture
def asked(staffed):
    """A control plane with a contact, and what somebody asked."""
    updating = msgspec.structs.replace(staffed.services.updating, mails=True)
    staffed.services = msgspec.structs.replace(staffed.services, privacy=Privacy(contact="privacy@gate.example"), updating=updating)
    member = staffed.browser("member@x.org")
    staffed.request = member.post(PATH, {"kind": "deletion", "words": WORDS}).json()["request"]["id"]
    return staffed


@pytest.fixture
def site():
    site = Site()
    yield site
    site.close()


def smtp(port):
    return Smtp("127.0.0.1", port, SmtpSecurity.NONE, "gate@example.org")


def text_of(content):
    """What a mail says, as whoever gets it reads it."""
    return email.message_from_bytes(content, policy=email.policy.default).get_content()


def hooked(site, mail=None):
    return msgspec.structs.replace(ways(mail), hook=PrivacyHook(f"{site.url}/hook", new_secret()))


def test_the_contact_gets_a_mail_with_a_link_and_not_the_words(asked):
    box, later = Box(), Later()
    with mail_server(box) as port:
        assert send_request_mail(asked.services, ways(smtp(port)), later) == 1
        assert send_request_mail(asked.services, ways(smtp(port)), later) == 0
    ((_, recipients, content, _, _),) = box.mails
    assert recipients == ["privacy@gate.example"]
    assert f"https://gate.example/a/default/requests/{asked.request}" in text_of(content)
    assert "deletion" in text_of(content)
    assert WORDS not in text_of(content)


def test_the_webhook_is_signed(asked, site):
    secret = new_secret()
    sent = msgspec.structs.replace(ways(), hook=PrivacyHook(f"{site.url}/hook", secret))
    assert send_request_mail(asked.services, sent, Later()) == 1
    ((path, headers, body),) = site.received
    assert path == "/hook"
    assert headers["webhook-signature"] == by_openssl(secret.reveal(), headers, body)
    told = json.loads(body)
    assert (told["type"], told["data"]["kind"], told["data"]["request"]) == ("privacy.request_opened", "deletion", asked.request)
    assert WORDS not in body.decode()


def test_what_does_not_arrive_is_tried_again_ever_later_and_no_way_twice(asked, site):
    later, sent = Later(), hooked(site, smtp(9))  # nobody listens there
    for pause in (0.0, *RETRY_SECONDS[:3]):
        asked.now += pause
        assert send_request_mail(asked.services, sent, later) == 0
        asked.now += 1
        assert send_request_mail(asked.services, sent, later) == 0
        asked.now -= 1
    assert len(site.received) == 1, "what arrived by webhook does not go there again"
    assert [row.sent_at for row in asked.requests.unsent_notices()] == [None]
    box = Box()
    with mail_server(box) as port:
        asked.now += RETRY_SECONDS[3]
        assert send_request_mail(asked.services, hooked(site, smtp(port)), later) == 1
    assert (len(site.received), len(box.mails)) == (1, 1)
    assert asked.requests.unsent_notices() == []


def test_of_two_processes_one_sends(asked, site):
    asked.requests.note_sent(asked.requests.unsent_notices()[0].id, asked.now)
    assert send_request_mail(asked.services, hooked(site), Later()) == 0
    assert site.received == []


@pytest.mark.parametrize("contact", [None, "https://gate.example/privacy"])
def test_where_there_is_nobody_to_send_it_to_it_waits_in_the_inbox(asked, contact):
    asked.services = msgspec.structs.replace(asked.services, privacy=Privacy(contact=contact))
    assert send_request_mail(asked.services, ways(smtp(9)), Later()) == 0
    assert len(asked.requests.unsent_notices()) == 1


def test_whoever_asked_gets_a_mail_when_the_team_answers(asked):
    team = asked.browser("operator@x.org")
    assert team.post(f"/api/gateway/requests/{asked.request}/replies", {"status": "answered", "words": "it is done"}).status_code == 201
    box = Box()
    with mail_server(box) as port:
        assert deliver(asked.services, ways(smtp(port))) == 1
    ((_, recipients, content, _, _),) = box.mails
    assert recipients == ["member@x.org"]
    assert f"/a/default/requests/{asked.request}" in text_of(content)
    assert "it is done" not in text_of(content)


def test_a_hook_does_not_print_its_secret():
    assert "hunter" not in repr(PrivacyHook("https://a.example", Secret("hunter")))
