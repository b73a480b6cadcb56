"""Webhooks: signed as Standard Webhooks has it, which openssl checks here, and never with an empty secret."""

import base64
import subprocess

import pytest
from tests.tools.catalogue_site import Site

from anyapi.crypto.secret import Secret
from anyapi.delivery.checked_http import NotReached
from anyapi.delivery.webhook import new_secret, post, signature
from anyapi.upstream.dialer import Dialer

ANY = Dialer(["127.0.0.0/8"]).allows


def by_openssl(secret, headers, body):
    """The signature that the headers should carry, by another program."""
    key = base64.b64decode(secret.removeprefix("whsec_")).hex()
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    command = ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{key}", "-binary"]
    return "v1," + base64.b64encode(subprocess.run(command, input=signed, capture_output=True, check=True).stdout).decode()


@pytest.fixture
def site():
    site = Site()
    yield site
    site.close()


def test_another_program_verifies_the_signature(site):
    secret = new_secret()
    post(f"{site.url}/hook", secret, "ntc_1", 1_795_000_000.9, b'{"a": 1}', ANY)
    ((path, headers, body),) = site.received
    assert (path, body, headers["webhook-id"], headers["webhook-timestamp"]) == ("/hook", b'{"a": 1}', "ntc_1", "1795000000")
    assert headers["content-type"] == "application/json"
    assert headers["webhook-signature"] == by_openssl(secret.reveal(), headers, body)


def test_the_example_of_the_specification():
    """Standard Webhooks, its libraries' own test vector."""
    secret = Secret("whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode())
    headers = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330"}
    body = b'{"test": 2432232314}'
    assert signature(secret, headers["webhook-id"], 1614265330, body) == by_openssl(secret.reveal(), headers, body)


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_AAAA", "AAAA" * 12, "whsec_not base64", "whsec_" + "=" * 44])
def test_what_is_no_secret_signs_nothing(site, text):
    with pytest.raises(NotReached) as caught:
        post(f"{site.url}/hook", Secret(text), "ntc_1", 1.0, b"{}", ANY)
    assert (caught.value.code, site.received) == ("secret_unusable", [])


def test_every_secret_is_another():
    secrets = {new_secret().reveal() for _ in range(20)}
    assert len(secrets) == 20
    assert all(len(base64.b64decode(text.removeprefix("whsec_"))) == 32 for text in secrets)


@pytest.mark.parametrize(("status", "code"), [(410, "gone"), (500, "not_taken"), (302, "not_taken"), (404, "not_taken")])
def test_only_a_success_is_one(site, status, code):
    site.statuses = [status]
    with pytest.raises(NotReached) as caught:
        post(f"{site.url}/hook", new_secret(), "ntc_1", 1.0, b"{}", ANY)
    assert caught.value.code == code
