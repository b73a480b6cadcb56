"""Upstreams of a service account, before a simulated token endpoint and a simulated Vertex AI, on one loop and real sockets."""

import asyncio
import contextlib
import json
import time

import pytest
from tests.tools.google_account import account, key_file
from tests.unit.upstream.provider import PATIENT, reaching, resolved
from tests.unit.wire.peers import on_loop, until

from anyapi.domain.decision import OutcomeKind
from anyapi.errors import ConfigError
from anyapi.simulator import ProviderSpec, Simulation, WireName, read_fault
from anyapi.upstream.connection import UpstreamConnection
from anyapi.upstream.dialer import Dialer
from anyapi.upstream.google_token import EARLY, MARGIN, PAUSE
from anyapi.upstream.token_bearing import TokenUpstream, check_token_uri

PATH = b"/publishers/google/models/gemini:generateContent"
BODY = b'{"contents":[{"role":"user","parts":[{"text":"Hello"}]}]}'
HOUR = 3600


class Clock:
    """The gateway's clock. It begins behind the provider's, as far as that minds no assertion, and is moved on by a test."""

    def __init__(self):
        self.passed = 0.0

    def __call__(self):
        return time.time() - 3400 + self.passed


@contextlib.asynccontextmanager
async def google(lifetime=HOUR):
    """A simulation of both, an upstream of ours, and its clock."""
    known = account()[1]
    providers = [ProviderSpec("t", wire=WireName.GOOGLE_TOKENS, api_key=known), ProviderSpec("v", wire=WireName.VERTEX, api_key=known)]
    async with Simulation(providers) as simulation, reaching(1) as other:
        clock = Clock()
        upstream = TokenUpstream(other._wire, simulation["v"].base_url, key_file(f"{simulation['t'].origin}/token/{lifetime}"), clock)
        try:
            yield simulation, upstream, clock
        finally:
            upstream.close()


async def ask(upstream):
    """One request as the data plane makes it; the status, or how connecting failed."""
    connection = upstream.idle() or await upstream.connect()
    if isinstance(connection, OutcomeKind):
        return connection
    failure = await resolved(connection.send(upstream.head(PATH, b"", BODY), BODY, None, PATIENT))
    status = connection.status
    connection.release()
    return status if failure is None else failure


def exchanges(simulation):
    return simulation["t"].ledger.totals.requests


@on_loop
async def test_one_token_serves_all_and_connections_are_kept():
    async with google() as (simulation, upstream, _):
        assert await asyncio.gather(*(ask(upstream) for _ in range(20))) == [200] * 20
        assert [await ask(upstream) for _ in range(20)] == [200] * 20
        assert exchanges(simulation) == 1
        assert simulation["v"].ledger.totals.connections <= 20
        assert isinstance(upstream.idle(), UpstreamConnection)


@on_loop
async def test_in_its_last_minutes_it_is_renewed_behind_the_requests():
    async with google() as (simulation, upstream, clock):
        assert await ask(upstream) == 200
        clock.passed = HOUR - EARLY - 1
        assert await ask(upstream) == 200
        assert exchanges(simulation) == 1
        clock.passed = HOUR - EARLY + 1
        simulation["t"].script([[read_fault('{"kind":"stall","at":0,"seconds":0.2}')]])
        assert isinstance(upstream.idle(), UpstreamConnection), "nobody waits for it"
        assert await asyncio.gather(*(ask(upstream) for _ in range(20))) == [200] * 20
        await until(lambda: exchanges(simulation) == 2)
        await until(lambda: upstream._tokens._fetching is None)
        clock.passed = HOUR + 10
        assert await ask(upstream) == 200, "with the new one"
        assert exchanges(simulation) == 2


@on_loop
async def test_renewal_that_fails_is_tried_again_after_a_while_and_the_old_one_serves_till_its_end():
    async with google() as (simulation, upstream, clock):
        assert await ask(upstream) == 200
        simulation["t"].script([[read_fault('{"kind":"status","status":500}')]] * 50)
        clock.passed = HOUR - EARLY + 1
        for number in range(1, 4):
            assert [await ask(upstream) for _ in range(5)] == [200] * 5
            await until(lambda number=number: exchanges(simulation) == 1 + number and upstream._tokens._fetching is None)
            clock.passed += PAUSE
        clock.passed = HOUR - MARGIN + 1
        assert await ask(upstream) == 200, "in its last minute too"
        clock.passed = HOUR + 1
        assert await ask(upstream) is OutcomeKind.SERVER_ERROR


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "refuse", "mode": "closed", "seconds": None}, OutcomeKind.CONNECT_FAILED),
        ({"kind": "refuse", "mode": "reset"}, OutcomeKind.CONNECT_FAILED),
        ({"kind": "reset", "at": 20}, OutcomeKind.CONNECT_FAILED),
        ({"kind": "status", "status": 400}, OutcomeKind.UNAUTHORIZED),
        ({"kind": "status", "status": 401}, OutcomeKind.UNAUTHORIZED),
        ({"kind": "status", "status": 503}, OutcomeKind.OVERLOADED),
        ({"kind": "redirect", "location": "http://127.0.0.1:9/", "status": 302}, OutcomeKind.BAD_RESPONSE),
        ({"kind": "bad_json"}, OutcomeKind.BAD_RESPONSE),
    ],
)
@on_loop
async def test_without_a_token_nothing_is_sent(fault, kind):
    async with google() as (simulation, upstream, _):
        simulation["t"].script([[read_fault(json.dumps(fault))]])
        assert await ask(upstream) is kind
        assert simulation["v"].ledger.totals.connections == 0
        await simulation["t"].listen()
        simulation["t"].script([])
        assert await ask(upstream) == 200


@on_loop
async def test_a_token_that_is_refused_is_given_up_but_not_at_once():
    async with google() as (simulation, upstream, clock):
        refused = [[read_fault('{"kind":"status","status":401}')]]
        simulation["v"].script(refused * 2)
        assert [await ask(upstream), await ask(upstream)] == [401, 401]
        assert exchanges(simulation) == 1, "an account that may not use the model does not make every request fetch a token"
        clock.passed = PAUSE + 1
        simulation["v"].script(refused)
        assert [await ask(upstream), await ask(upstream)] == [401, 200]
        assert exchanges(simulation) == 2


@on_loop
async def test_nothing_of_it_is_printed():
    async with google() as (_, upstream, _clock):
        await ask(upstream)
        assert b"ya29." in upstream.head(PATH, b"", BODY)
        for one in (upstream, upstream._tokens, upstream._endpoint.upstream, upstream.idle()):
            for text in (repr(one), str(one)):
                assert "ya29" not in text
                assert "PRIVATE" not in text
        assert upstream._endpoint.upstream.host == "127.0.0.1"


@on_loop
async def test_closing_closes_the_way_to_the_tokens_too():
    async with google() as (_, upstream, _clock):
        await ask(upstream)
        tokens = upstream._endpoint.upstream
        assert tokens._connections
        upstream.close_idle()
        await until(lambda: not tokens._connections and not upstream._connections)


@pytest.mark.parametrize(
    ("uri", "good"),
    [
        ("https://oauth2.googleapis.com/token", True),
        ("http://127.0.0.1:1/token", True),
        ("http://[::1]:1/token", True),
        ("https://10.0.0.1/token", False),
        ("https://8.8.8.8/token", False),
        ("https://169.254.169.254/token", False),
        ("https://googleapis.com.evil.example/token", False),
        ("https://evilgoogleapis.com/token", False),
        ("https://evil.example/oauth2.googleapis.com", False),
        ("https://oauth2.googleapis.com@evil.example/", False),
        ("https:///token", False),
    ],
)
def test_where_tokens_may_be_asked_for(uri, good):
    dialer = Dialer(["127.0.0.1/32", "::1/128"])
    if good:
        check_token_uri(uri, dialer)
    else:
        with pytest.raises(ConfigError, match="token_uri") as caught:
            check_token_uri(uri, dialer)
        assert "evil" not in str(caught.value)
