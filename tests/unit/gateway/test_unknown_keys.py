"""Whose key it seems to be is told, and nothing of it is repeated."""

import pytest

from anyapi.gateway.unknown_keys import refusal_of


@pytest.mark.parametrize(
    ("credential", "said"),
    [
        (None, "No API key was sent"),
        (b"", "No API key was sent"),
        (b"anyapi_sk_secret", "it is mistyped, revoked, disabled"),
        (b"anyapi_pk_secret", "a provisioning key"),
        (b"sk-proj-secret", "a provider's key is not for callers to send"),
        (b"Basic secret", "begin with anyapi_sk_"),
        (b"\xffsecret", "begin with anyapi_sk_"),
    ],
)
def test_each_kind(credential, said):
    message = refusal_of(credential).message
    assert said in message
    assert "secret" not in message
