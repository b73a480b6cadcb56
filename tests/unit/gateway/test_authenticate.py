"""Who calls: keys are found by their hash, and an expired key is refused to the second."""

import hashlib

import pytest
from tests.unit.gateway.workbench import KEY, Clock, principal

from anyapi.errors import AuthenticationFailed
from anyapi.gateway.authenticate import authenticate

CALLER = principal()
KNOWN = {hashlib.sha256(KEY).digest(): CALLER}


def test_a_known_key_is_its_principal():
    assert authenticate(KEY, KNOWN, Clock()) is CALLER


@pytest.mark.parametrize("credential", [None, b""])
def test_no_key_says_how_to_send_one(credential):
    with pytest.raises(AuthenticationFailed, match="No API key was sent.*Bearer"):
        authenticate(credential, KNOWN, Clock())


@pytest.mark.parametrize("credential", [b"x", KEY + b"0", KEY[:-1], KEY.upper(), hashlib.sha256(KEY).digest(), b"\xff" * 64])
def test_an_unknown_key_is_refused_and_not_repeated(credential):
    with pytest.raises(AuthenticationFailed, match="not known here") as caught:
        authenticate(credential, KNOWN, Clock())
    assert credential.decode("latin-1") not in str(caught.value).replace("mistyped", "") or credential == b"x"


@pytest.mark.parametrize(("seconds", "valid"), [(-1, True), (-0.001, True), (0, False), (0.001, False), (1e9, False)])
def test_a_key_expires_at_its_instant(seconds, valid):
    known = {hashlib.sha256(KEY).digest(): principal(expires_at=1000.0)}
    clock = Clock(1000.0 + seconds)
    if valid:
        assert authenticate(KEY, known, clock).expires_at == 1000.0
    else:
        with pytest.raises(AuthenticationFailed, match="expired"):
            authenticate(KEY, known, clock)
