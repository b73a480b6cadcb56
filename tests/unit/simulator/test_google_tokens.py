"""Google's token endpoint: what it takes, what its tokens are good for, and what is refused."""

import base64
import json
import time
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from tests.tools.google_account import account
from tests.unit.simulator.raw_client import ask

from anyapi.simulator import ProviderSpec, SimulationThread, WireName
from anyapi.simulator.google_tokens import GRANT, SCOPE, is_good, minted

PEM, KNOWN = account()
EMAIL = KNOWN.partition(":")[0]
FORM = ("content-type: application/x-www-form-urlencoded",)


@pytest.fixture(scope="module")
def port():
    with SimulationThread([ProviderSpec("t", wire=WireName.GOOGLE_TOKENS, api_key=KNOWN)]) as running:
        yield running.simulation["t"].port


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")


def assertion(*, path="/token", alg="RS256", pem=PEM, **changes):
    now = int(time.time())
    claims = {"iss": EMAIL, "scope": SCOPE, "aud": f"http://simulator{path}", "iat": now, "exp": now + 3600} | changes
    signed = part({"alg": alg, "typ": "JWT"}) + b"." + part(claims)
    key = serialization.load_pem_private_key(pem.encode(), None)
    return (signed + b"." + base64.urlsafe_b64encode(key.sign(signed, padding.PKCS1v15(), hashes.SHA256())).rstrip(b"=")).decode()


def exchange(port, text, path="/token", grant=GRANT, headers=FORM):
    return ask(port, urlencode({"grant_type": grant, "assertion": text}).encode(), path, headers)


def test_a_token_and_how_long_it_is_good(port):
    answer = exchange(port, assertion())
    assert answer.status == 200
    assert (answer.json["expires_in"], answer.json["token_type"]) == (3600, "Bearer")
    assert is_good(answer.json["access_token"], KNOWN)
    assert not is_good(answer.json["access_token"], "other@example.com:ff")
    short = exchange(port, assertion(path="/token/5"), "/token/5").json
    assert short["expires_in"] == 5
    assert exchange(port, assertion(), "/token/5").status == 400, "the assertion is for another address"


def test_a_token_ends_and_cannot_be_made_up():
    assert is_good(minted(EMAIL, time.time() + 5), KNOWN)
    assert not is_good(minted(EMAIL, time.time() - 1), KNOWN)
    token = minted(EMAIL, time.time() + 5)
    for bad in (None, "", "ya29", token[:-1], token + "0", token.replace("ya29", "ya28"), "ya29.a.99999999999.0", KNOWN):
        assert not is_good(bad, KNOWN)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "other@example.com"},
        {"aud": "https://oauth2.googleapis.com/token"},
        {"scope": "https://www.googleapis.com/auth/drive"},
        {"iat": int(time.time()) + 4000, "exp": int(time.time()) + 7000},
        {"exp": int(time.time()) - 10, "iat": int(time.time()) - 20},
        {"exp": int(time.time()) + 8000},
        {"alg": "none"},
        {"pem": account("stranger@example.com")[0]},
    ],
)
def test_an_assertion_that_is_refused(port, changes):
    answer = exchange(port, assertion(**changes))
    assert (answer.status, answer.json["error"]) == (400, "invalid_grant")


def test_a_changed_assertion_is_refused(port):
    text = assertion()
    assert exchange(port, text[:-8] + "AAAAAAAA").status == 400
    for bad in ("", "a.b", "a.b.c", text + ".x", "." + text):
        assert exchange(port, bad).status == 400
    assert exchange(port, text, grant="client_credentials").status == 400
    assert exchange(port, text, headers=("content-type: application/json",)).status == 400
