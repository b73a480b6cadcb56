"""From a notification to a real mailbox and a real web server, again after a failure, and never to where it must not go."""

import json

import msgspec
import pytest
from tests.tools.catalogue_site import Site
from tests.unit.control.conftest import ROOT_KEYS
from tests.unit.control.test_telling import update
from tests.unit.delivery.test_mail import Box, mail_server
from tests.unit.delivery.test_webhook import by_openssl

from anyapi.config_values import Smtp, SmtpSecurity
from anyapi.control.delivering import RETRY_SECONDS, Ways, deliver
from anyapi.control.telling import tell_updates
from anyapi.crypto.root_keys import RootKeys
from anyapi.upstream.dialer import Dialer

HOOK = "/api/accounts/default/review/webhook"
ANY = Dialer(["127.0.0.0/8"]).allows


def ways(smtp=None, hooks=ANY, keys=ROOT_KEYS):
    return Ways(smtp, ANY, hooks, keys, "https://gate.example")


@pytest.fixture
def site():
    site = Site()
    yield site
    site.close()


@pytest.fixture
def hooked(staffed, site):
    """An account with a webhook, and an update that it was told of."""
    owner = staffed.browser("owner@x.org")
    answer = owner.send("PUT", HOOK, {"url": f"{site.url}/hook?t=1"})
    assert answer.status_code == 200
    update(staffed)
    tell_updates(staffed.services)
    return staffed, answer.json()["secret"]


def last(control):
    return control.review.deliveries("default")[0]


def test_a_webhook_arrives_signed_with_metadata_alone(hooked, site):
    control, secret = hooked
    assert deliver(control.services, ways()) == 1
    ((path, headers, body),) = site.received
    assert path == "/hook?t=1"
    assert headers["webhook-signature"] == by_openssl(secret, headers, body)
    assert headers["webhook-timestamp"] == str(int(control.now))
    told = json.loads(body)
    assert (told["type"], told["data"]["account"], told["timestamp"]) == ("review.catalogue", "default", "2026-11-27T12:00:00Z")
    assert told["data"]["detail"]["changed_providers"] == ["cohere"]
    assert "Changed: " in told["data"]["lines"][0]
    assert (last(control).code, last(control).attempts, last(control).ended_at) == ("sent", 1, control.now)
    assert deliver(control.services, ways()) == 0


def test_what_fails_is_tried_again_ever_later_and_then_given_up(hooked, site):
    control, _ = hooked
    site.statuses = [500] * (len(RETRY_SECONDS) + 1)
    waits = []
    while last(control).ended_at is None:
        assert deliver(control.services, ways()) == 1
        assert deliver(control.services, ways()) == 0, "not before its time"
        waits.append(last(control).next_at - control.now)
        control.now = last(control).next_at
    assert waits == [*RETRY_SECONDS, 0.0]
    identities = {headers["webhook-id"] for _, headers, _ in site.received}
    assert (len(site.received), len(identities)) == (len(RETRY_SECONDS) + 1, 1)
    assert last(control).code == "not_taken"


def test_one_that_is_gone_is_not_tried_again(hooked, site):
    control, _ = hooked
    site.statuses = [410]
    deliver(control.services, ways())
    assert (last(control).code, last(control).ended_at) == ("gone", control.now)


def test_an_address_is_refused_that_the_operator_allows_for_providers_alone(hooked, site):
    control, _ = hooked
    deliver(control.services, ways(hooks=Dialer().allows))  # open to what the operator configured, not to accounts
    assert (last(control).code, site.received) == ("address_refused", [])


def test_without_the_root_key_nothing_is_signed(hooked, site):
    control, _ = hooked
    deliver(control.services, ways(keys=RootKeys()))
    assert (last(control).code, site.received) == ("no_root_key", [])


def test_a_seal_of_another_account_does_not_open(hooked, site):
    control, _ = hooked
    mine = control.review.review_settings("default")
    control.review.change_review_settings("other", lambda before: msgspec.structs.replace(mine, account="other"), by="", at=1.0)
    update(control, control.config.base)
    tell_updates(control.services)
    deliver(control.services, ways())
    assert {row.code for row in control.review.deliveries("other")} == {"damaged"}


def test_a_webhook_that_was_removed_gets_nothing(hooked, site):
    control, _ = hooked
    assert control.browser("owner@x.org").send("DELETE", HOOK).status_code == 200
    deliver(control.services, ways())
    assert (last(control).code, site.received) == ("not_wanted", [])
    assert control.review.review_settings("default").ciphertext == b""


def test_mail_arrives_at_owners_and_admins_until_they_leave(staffed):
    staffed.services = msgspec.structs.replace(staffed.services, updating=msgspec.structs.replace(staffed.services.updating, mails=True))
    staffed.review.change_review_settings("default", lambda row: msgspec.structs.replace(row, email=True), by="", at=1.0)
    update(staffed)
    tell_updates(staffed.services)
    leaver = staffed.people.person_by_email("admin@x.org")
    staffed.people.remove_member("default", leaver.id)
    box = Box()
    with mail_server(box) as port:
        smtp = Smtp("127.0.0.1", port, SmtpSecurity.NONE, "gate@example.org")
        assert deliver(staffed.services, ways(smtp)) == 2
    ((_, recipients, content, _, _),) = box.mails
    assert recipients == ["owner@x.org"]
    text = content.decode()
    assert "Changed: " in text
    assert "https://gate.example/a/default/review" in text
    assert {row.person == leaver.id: row.code for row in staffed.review.deliveries("default")} == {True: "not_wanted", False: "sent"}
