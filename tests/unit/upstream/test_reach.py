"""Why a provider cannot be reached is said once, and that it can be again; by real failures and an injected clock."""

import socket
import ssl

import pytest
from tests.unit.upstream.provider import reaching, silent
from tests.unit.wire.peers import listening, on_loop, server_context

from anyapi.upstream.dialer import AddressRefused
from anyapi.upstream.reach import QUIET_SECONDS, Reach, reason_of


def unverified(code):
    error = ssl.SSLCertVerificationError(1, "certificate verify failed: canary.example")
    error.verify_code = code
    return error


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (AddressRefused("canary"), "address_not_allowed"),
        (socket.gaierror(-2, "canary"), "unknown_host"),
        (ConnectionRefusedError(111, "canary"), "refused"),
        (TimeoutError("canary"), "timed_out"),
        (unverified(10), "certificate_expired"),
        (unverified(62), "certificate_of_another_name"),
        (unverified(64), "certificate_of_another_name"),
        (unverified(18), "certificate_not_trusted"),
        (unverified(20), "certificate_not_trusted"),
        (ssl.SSLError(1, "canary"), "tls"),
        (OSError(113, "canary"), "network"),
    ],
)
def test_each_failure_has_a_word(error, word):
    assert reason_of(error) == word


def test_it_is_told_when_it_changes_and_once_a_minute_at_most():
    told, now = [], [100.0]
    reach = Reach(told.append, lambda: now[0])
    reach.succeeded()
    assert told == [], "that all is well is no news"
    for _ in range(3):
        reach.failed(ConnectionRefusedError())
    reach.succeeded()
    reach.succeeded()
    assert told == ["refused", None]
    reach.failed(ConnectionRefusedError())
    reach.succeeded()
    assert told == ["refused", None], "it comes and goes"
    now[0] += QUIET_SECONDS
    reach.failed(TimeoutError())
    now[0] += QUIET_SECONDS
    reach.failed(ConnectionRefusedError())
    reach.failed(ConnectionRefusedError())
    assert told == ["refused", None, "timed_out", "refused"]


@on_loop
async def test_the_connections_of_an_upstream_tell_it():
    async with listening(silent, tls=server_context()) as untrusted, listening(silent) as port:
        async with listening(silent) as nobody:
            pass
        for scheme, host, where, word in (
            ("http", "127.0.0.1", nobody, "refused"),
            ("http", "127.0.0.2", port, "address_not_allowed"),
            ("https", "localhost", untrusted, "certificate_not_trusted"),
            ("http", "127.0.0.1", port, None),
        ):
            told = []
            async with reaching(where, scheme=scheme, host=host) as upstream:
                upstream.reach = Reach(told.append)
                await upstream.connect()
            assert told == ([] if word is None else [word])


@on_loop
async def test_one_that_is_back_is_told():
    told = []
    async with listening(silent) as port, reaching(port) as upstream:
        upstream.reach = Reach(told.append)
        upstream.reach.failed(ConnectionRefusedError())
        await upstream.connect()
    assert told == ["refused", None]
