"""Which of the two proofs is used, and what is said when neither can be."""

import pytest

from anyapi.errors import ConfigError
from anyapi.upstream.bedrock_credential import authentication
from anyapi.upstream.sigv4 import Signer

KEY = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "very/secret", "region": "eu-central-1"}


def test_a_bedrock_key_is_a_bearer_token_and_wins():
    assert authentication("bedrock-api-key-1", KEY) == b"authorization: Bearer bedrock-api-key-1\r\n"


def test_an_access_key_signs():
    made = authentication("", {**KEY, "session_token": "tok"}, clock=lambda: 0.0)
    assert isinstance(made, Signer)
    lines = made.sign(b"h", b"/p", b"{}")
    assert b"Credential=AKIDEXAMPLE/19700101/eu-central-1/bedrock/aws4_request," in lines
    assert b"x-amz-security-token: tok\r\n" in lines


@pytest.mark.parametrize("name", sorted(KEY))
@pytest.mark.parametrize("value", [None, ""])
def test_what_is_missing_is_named(name, value):
    variables = {**KEY, name: value} if value is not None else {key: text for key, text in KEY.items() if key != name}
    with pytest.raises(ConfigError) as caught:
        authentication("", variables)
    assert name in str(caught.value)
    assert "very/secret" not in str(caught.value)


@pytest.mark.parametrize("region", ["EU", "eu central", "eu-central-1.evil.example", "eu-central-1/", "eu", "-"])
def test_a_region_is_a_name(region):
    with pytest.raises(ConfigError):
        authentication("", {**KEY, "region": region})
