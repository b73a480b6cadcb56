"""Upstreams: what a credential's header is, where it may go, and which connection serves next."""

import asyncio
import ssl

import pytest
from tests.unit.upstream.provider import SECRET, answer, playing, post, provider, reaching, silent, upstream_seen
from tests.unit.wire.peers import authority, listening, on_loop, server_context, until

from anyapi.domain.catalogue import Auth
from anyapi.domain.decision import OutcomeKind
from anyapi.errors import ConfigError
from anyapi.upstream import pool
from anyapi.upstream.connection import UpstreamConnection
from anyapi.upstream.pool import Upstream, header_of
from anyapi.wire import deadlines


@pytest.fixture(autouse=True)
def quick_sweep(monkeypatch):
    monkeypatch.setattr(deadlines, "PERIOD", 0.01)


@pytest.fixture
def trusted(monkeypatch, tmp_path):
    """Have the system's trust store be the tests' authority."""
    file = tmp_path / "authority.pem"
    authority().cert_pem.write_to_path(file)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))


async def opened(upstream):
    connection = await upstream.connect()
    assert isinstance(connection, UpstreamConnection)
    return connection


# --- the credential


@pytest.mark.parametrize(
    ("auth", "line"),
    [
        (Auth.BEARER, b"authorization: Bearer k-1\r\n"),
        (Auth.API_KEY, b"api-key: k-1\r\n"),
        (Auth.X_API_KEY, b"x-api-key: k-1\r\n"),
        (Auth.X_GOOG_API_KEY, b"x-goog-api-key: k-1\r\n"),
        (Auth.SIGV4, b"authorization: Bearer k-1\r\n"),
        (Auth.NONE, b""),
    ],
)
def test_the_header_of_a_scheme(auth, line):
    assert header_of(auth, "k-1") == line
    assert header_of(auth, "") == b""


@pytest.mark.parametrize("auth", sorted(set(Auth) - {Auth.NONE, Auth.SERVICE_ACCOUNT}))
def test_every_scheme_with_a_fixed_header_is_served(auth):
    assert b"k-1" in header_of(auth, "k-1")


@pytest.mark.parametrize("secret", ["a b", "a\r\nx-evil: 1", "a\n", "a\x00", "schlüssel", "a\tb", "\x7f"])
def test_a_secret_that_no_header_can_carry_is_refused_without_being_told(secret):
    with pytest.raises(ConfigError) as caught:
        header_of(Auth.BEARER, secret)
    assert secret not in str(caught.value)


@on_loop
async def test_the_secret_is_in_no_text_of_an_upstream():
    async with provider(answer()) as upstream:
        connection = await opened(upstream)
        await post(connection, upstream)
        for value in (upstream, connection, upstream._wire, [upstream]):
            assert SECRET not in repr(value)
            assert SECRET not in str(value)
        assert repr(upstream) == f"<Upstream 127.0.0.1:{upstream.port}>"
        assert SECRET.encode() in upstream_seen[upstream.port][0].field("authorization")


# --- where


@pytest.mark.parametrize(
    ("url", "host", "port", "row", "target"),
    [
        ("https://api.example.com/v1", "api.example.com", 443, b"host: api.example.com\r\n", b"/v1/x"),
        ("https://api.example.com/v1/", "api.example.com", 443, b"host: api.example.com\r\n", b"/v1/x"),
        ("https://api.example.com", "api.example.com", 443, b"host: api.example.com\r\n", b"/x"),
        ("http://api.example.com", "api.example.com", 80, b"host: api.example.com\r\n", b"/x"),
        ("http://127.0.0.1:8000/a/b", "127.0.0.1", 8000, b"host: 127.0.0.1:8000\r\n", b"/a/b/x"),
        ("https://[::1]:8443/v1", "::1", 8443, b"host: [::1]:8443\r\n", b"/v1/x"),
        ("https://[::1]/v1", "::1", 443, b"host: [::1]\r\n", b"/v1/x"),
    ],
)
@on_loop
async def test_host_port_and_path_of_a_base_url(url, host, port, row, target):
    async with reaching(1) as other:
        upstream = Upstream(other._wire, url, b"x-api-key: k\r\n")
        assert (upstream.host, upstream.port) == (host, port)
        head = upstream.head(b"/x", b"anthropic-beta: b\r\n", b"x" * 12)
        assert head.startswith(b"POST %b HTTP/1.1\r\n" % target)
        assert row in head
        assert head.endswith(b"x-api-key: k\r\nanthropic-beta: b\r\ncontent-length: 12\r\n\r\n")
        assert b"accept-encoding: identity\r\n" in head
        assert b"content-type: application/json\r\n" in head
        assert b"content-type: text/plain\r\n" in Upstream(other._wire, url, b"", b"text/plain").head(b"/x", b"", b"")
        assert upstream.head(b"/x", b"", b"abc") == head.replace(b"anthropic-beta: b\r\ncontent-length: 12", b"content-length: 3")
        assert upstream.head(b"/y", b"", b"abc").startswith(b"POST %by HTTP/1.1\r\n" % target[:-1])


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/v1",
        "//host/v1",
        "host/v1",
        "https:///v1",
        "https://user@host/v1",
        "https://user:pass@host/v1",
        "https://host/v1?key=1",
        "https://host/v1#here",
        "",
    ],
)
@on_loop
async def test_other_urls_are_refused(url):
    async with reaching(1) as other:
        with pytest.raises(ConfigError, match="base_url") as caught:
            Upstream(other._wire, url, b"")
        assert "pass" not in str(caught.value).replace("nothing else", "")


# --- which connection


@on_loop
async def test_the_connection_used_last_is_used_next():
    async with listening(playing(answer(), answer(), answer(), then=silent)) as port, reaching(port) as upstream:
        one, two = await opened(upstream), await opened(upstream)
        assert upstream.idle() is None, "a connection that is in use serves nobody else"
        for connection in (one, two):
            await post(connection, upstream)
        two.release()
        one.release()
        assert upstream.idle() is one
        assert upstream.idle() is two
        assert upstream.idle() is None


@on_loop
async def test_an_idle_connection_gets_too_old(monkeypatch):
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.02)
    async with provider(answer()) as upstream:
        connection = await opened(upstream)
        await post(connection, upstream)
        connection.release()
        await until(lambda: not connection.usable)
        assert upstream.idle() is None
        await until(lambda: not upstream._connections)
        assert len(upstream._wire.sweep) == 0


@on_loop
async def test_a_connection_in_use_does_not_get_too_old(monkeypatch):
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.001)
    async with provider(answer(), answer()) as upstream:
        connection = await opened(upstream)
        await post(connection, upstream)
        connection.release()
        assert upstream.idle() is connection
        assert await post(connection, upstream) is None
        assert connection.deadline == deadlines.NEVER


@on_loop
async def test_only_so_many_wait(monkeypatch):
    monkeypatch.setattr(pool, "MAX_IDLE", 2)
    async with listening(playing(answer(), then=silent)) as port, reaching(port) as upstream:
        connections = [await opened(upstream) for _ in range(4)]
        for connection in connections:
            await post(connection, upstream)
            connection.release()
        await until(lambda: len(upstream._connections) == 2)
        assert [upstream.idle(), upstream.idle(), upstream.idle()] == [connections[1], connections[0], None]


@on_loop
async def test_a_connection_that_is_closing_is_passed_over():
    async with listening(playing(answer(), then=silent)) as port, reaching(port) as upstream:
        one, two = await opened(upstream), await opened(upstream)
        for connection in (one, two):
            await post(connection, upstream)
            connection.release()
        two._transport.close()  # its end is not yet heard of
        assert upstream.idle() is one
        assert upstream.idle() is None


@on_loop
async def test_closing_closes_all():
    async with listening(playing(answer(), then=silent)) as port, reaching(port) as upstream:
        idle, busy = await opened(upstream), await opened(upstream)
        await post(idle, upstream)
        idle.release()
        upstream.close()
        await until(lambda: not upstream._connections)
        assert not idle.usable
        assert not busy.usable
        assert upstream.idle() is None


# --- connecting


@on_loop
async def test_nobody_there_is_a_failed_connection():
    async with listening(silent) as port:
        pass
    async with reaching(port) as upstream:
        assert await upstream.connect() is OutcomeKind.CONNECT_FAILED


@on_loop
async def test_a_private_address_that_is_not_listed_is_a_failed_connection():
    async with listening(silent) as port, reaching(port, host="127.0.0.2") as upstream:
        assert await upstream.connect() is OutcomeKind.CONNECT_FAILED


@on_loop
async def test_over_tls(trusted):
    async with (
        listening(playing(answer(b"secret"), answer(b"again"), then=silent), tls=server_context()) as port,
        reaching(port, scheme="https", host="localhost") as upstream,
    ):
        connection = await opened(upstream)
        assert await post(connection, upstream) is None
        assert connection.body == b"secret"
        connection.release()
        assert upstream.idle() is connection
        assert await post(connection, upstream, b"z" * 200_000) is None
        assert connection.body == b"again"


@on_loop
async def test_an_unknown_authority_is_a_failed_connection():
    async with listening(silent, tls=server_context()) as port, reaching(port, scheme="https", host="localhost") as upstream:
        assert await upstream.connect() is OutcomeKind.CONNECT_FAILED
        assert not upstream._connections


@on_loop
async def test_the_wrong_name_is_a_failed_connection(trusted):
    async with listening(silent, tls=server_context("other.example")) as port, reaching(port, scheme="https", host="localhost") as upstream:
        assert await upstream.connect() is OutcomeKind.CONNECT_FAILED


@on_loop
async def test_a_handshake_that_never_ends_is_given_up_and_leaves_no_socket(trusted):
    left = asyncio.Event()

    async def mute(reader, writer):
        await silent(reader, writer)
        left.set()

    async with listening(mute) as port, reaching(port, scheme="https", host="localhost", timeout=0.05) as upstream:
        assert await upstream.connect() is OutcomeKind.TIMED_OUT
        await left.wait()
        assert not upstream._connections


@on_loop
async def test_trust_is_read_once_and_verifies(trusted):
    async with reaching(1) as upstream:
        context = upstream._wire.trust()
        assert context is upstream._wire.trust()
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname


@on_loop
async def test_a_credential_that_is_given_up_is_held_by_nothing():
    async with provider(answer(b"{}")) as upstream:
        connection = await upstream.connect()
        await post(connection, upstream)
        connection.release()
        upstream.close()
        await until(lambda: not upstream._connections)
        assert upstream.callbacks.reading is None
