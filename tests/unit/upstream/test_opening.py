"""From a credential to the upstream that it is used by."""

import subprocess
import sys

import pytest
from tests.tools.google_account import key_file
from tests.unit.upstream.provider import reaching
from tests.unit.wire.peers import on_loop

from anyapi.crypto.secret import Secret
from anyapi.domain.catalogue import Auth
from anyapi.errors import ConfigError
from anyapi.upstream.bedrock_credential import SignedUpstream
from anyapi.upstream.opening import Access, open_upstream
from anyapi.upstream.pool import Upstream
from anyapi.upstream.token_bearing import TokenUpstream

URL = "https://api.example.com/v1"
REGION = {"region": "us-east-1"}
FILE = key_file("https://oauth2.googleapis.com/token")


@pytest.mark.parametrize(
    ("auth", "variables", "secret", "kind", "line"),
    [
        (Auth.BEARER, {}, "sk-1", Upstream, b"authorization: Bearer sk-1\r\n"),
        (Auth.API_KEY, {}, "sk-1", Upstream, b"api-key: sk-1\r\n"),
        (Auth.NONE, {}, None, Upstream, b""),
        (Auth.SIGV4, {}, "bedrock-key", Upstream, b"authorization: Bearer bedrock-key\r\n"),
        (Auth.SIGV4, REGION, "AKID:secret", SignedUpstream, b"authorization: AWS4-HMAC-SHA256 Credential=AKID/"),
        (Auth.SERVICE_ACCOUNT, {}, FILE, TokenUpstream, b""),
    ],
)
@on_loop
async def test_each_kind(auth, variables, secret, kind, line):
    async with reaching(1) as other:
        upstream = open_upstream(other._wire, Access(URL, auth, variables), None if secret is None else Secret(secret))
        assert type(upstream) is kind
        assert line in upstream.head(b"/x", b"", b"{}")
        assert repr(upstream) == "<Upstream api.example.com:443>"


@pytest.mark.parametrize(
    ("auth", "secret"),
    [
        (Auth.SIGV4, "AKID:SECRET"),
        (Auth.SIGV4, "AKID:"),
        (Auth.SERVICE_ACCOUNT, "SECRET"),
        (Auth.SERVICE_ACCOUNT, None),
        (Auth.BEARER, "SEC RET"),
    ],
)
@on_loop
async def test_what_cannot_be_used_is_refused_without_its_words(auth, secret):
    async with reaching(1) as other:
        with pytest.raises(ConfigError) as caught:
            open_upstream(other._wire, Access(URL, auth), None if secret is None else Secret(secret))
        assert "SEC" not in str(caught.value).replace("ID:SECRET", "")


def test_rsa_is_loaded_with_the_first_service_account_only():
    code = "import sys, anyapi.upstream.opening; print('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
