"""What a Bedrock credential's text means; and signatures of real requests, checked by a simulated provider with code of its own."""

import time

import pytest
from tests.unit.upstream.provider import PATIENT, reaching, resolved
from tests.unit.wire.peers import on_loop

from anyapi.domain.decision import OutcomeKind
from anyapi.errors import ConfigError
from anyapi.simulator import ProviderSpec, Simulation, WireName
from anyapi.upstream.bedrock_credential import SignedUpstream, is_access_key, signer_of
from anyapi.upstream.bedrock_errors import classify_bedrock

PLAIN, TEMPORARY = "AKIDEXAMPLE:very/secret+1", "ASIDEXAMPLE:very/secret+1:session/token+of=="
REGION = {"region": "eu-central-1"}
PATH = b"/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
BODY = b'{"messages":[{"role":"user","content":[{"text":"Hello"}]}]}'


def test_an_api_key_is_no_access_key():
    assert not is_access_key("bedrock-api-key-YmVkcm9jay5hbWF6b25hd3M=")
    assert is_access_key(PLAIN)


@pytest.mark.parametrize("text", ["AKID:", ":secret", "AKID::token", "AKID:secret:", "a:b:c:d", ":"])
def test_an_access_key_is_whole(text):
    with pytest.raises(ConfigError, match="ID:SECRET") as caught:
        signer_of(text, REGION)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("region", ["", "EU", "eu central", "eu-central-1.evil.example", "eu-central-1/", "eu", "-"])
def test_a_region_is_a_name(region):
    with pytest.raises(ConfigError, match="`region`"):
        signer_of(PLAIN, {"region": region})


async def status_of(key, simulated=None, body=BODY, sent=None, skew=0.0):
    """What a provider that knows the key answers; `sent` goes out in place of what was signed."""
    async with Simulation([ProviderSpec("a", wire=WireName.BEDROCK, api_key=simulated or key)]) as simulation, reaching(1) as other:
        clock = lambda: time.time() + skew  # noqa: E731
        upstream = SignedUpstream(other._wire, simulation["a"].origin, signer_of(key, REGION, clock))
        connection = await upstream.connect()
        head = upstream.head(PATH, b"anthropic-beta: b\r\n", body)
        assert await resolved(connection.send(head, body if sent is None else sent, None, PATIENT)) is None
        for text in (repr(upstream), repr(connection), repr(upstream._signer)):
            assert "secret" not in text
            assert "session" not in text
        assert b"very/secret" not in head
        answer = connection.status, connection.body
        upstream.close()
        return answer


@pytest.mark.parametrize("key", [PLAIN, TEMPORARY])
@on_loop
async def test_the_exact_bytes_are_signed(key):
    assert (await status_of(key))[0] == 200
    assert (await status_of(key, sent=BODY.replace(b"Hello", b"Hellp")))[0] == 403


@pytest.mark.parametrize("simulated", ["AKIDEXAMPLE:other", "AKIDOTHER:very/secret+1", TEMPORARY, PLAIN + ":session"])
@on_loop
async def test_another_key_is_refused(simulated):
    status, body = await status_of(PLAIN, simulated)
    assert classify_bedrock(status, None, body).kind is OutcomeKind.UNAUTHORIZED


@pytest.mark.parametrize(("skew", "kind"), [(-3600.0, OutcomeKind.UNAUTHORIZED), (3600.0, OutcomeKind.UNAUTHORIZED)])
@on_loop
async def test_a_wrong_clock_is_a_refused_credential_and_not_the_callers_fault(skew, kind):
    status, body = await status_of(PLAIN, skew=skew)
    assert (status, b"expired" in body) == (403, True)
    assert classify_bedrock(status, None, body).kind is kind


@on_loop
async def test_each_request_is_signed_when_it_is_sent():
    async with reaching(1) as other:
        times = iter((0.0, 86_400.0))
        upstream = SignedUpstream(
            other._wire, "https://bedrock-runtime.eu-central-1.amazonaws.com", signer_of(PLAIN, REGION, lambda: next(times))
        )
        first, second = (upstream.head(PATH, b"", BODY) for _ in range(2))
        assert b"/19700101/eu-central-1/bedrock/aws4_request" in first
        assert b"/19700102/eu-central-1/bedrock/aws4_request" in second
        assert first.count(b"authorization:") == first.count(b"x-amz-date:") == 1
