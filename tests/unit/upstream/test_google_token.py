"""Access tokens, exchanged with a real server on the loopback that checks the assertion."""

import asyncio
import base64
import contextlib
import copy
import pickle
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from anyapi.crypto.secret import Secret
from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.errors import ConfigError
from anyapi.upstream.google_token import CONTENT_TYPE, GRANT, PAUSE, SCOPE, GoogleTokens, ServiceAccount

KEY = rsa.generate_private_key(65537, 2048)
EMAIL = "gateway@project-1.iam.gserviceaccount.com"


def pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


PEM = pem(KEY)


def file(**changes):
    fields = {
        "type": "service_account",
        "project_id": "project-1",
        "private_key_id": "kid-1",
        "private_key": PEM,
        "client_email": EMAIL,
        "client_id": "1",
        "token_uri": "https://oauth2.example/token",
    }
    return msgspec.json.encode({name: value for name, value in {**fields, **changes}.items() if value is not None})


async def post(url, body, content_type):
    """What the gateway's dialer will do, in few words."""
    at = urlsplit(url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    try:
        head = (
            f"POST {at.path} HTTP/1.1\r\nhost: {at.netloc}\r\ncontent-type: {content_type.decode()}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        head, _, answer = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
        await writer.wait_closed()
    if not head:
        raise ConnectionResetError
    return int(head.split()[1]), answer


class TokenServer:
    """Answers each exchange with a new token, after checking it as Google does. `answers` overrule, one a request."""

    def __init__(self, clock):
        self.clock = clock
        self.claims = []
        self.answers = []
        self.expires_in = 3599
        self.gate = None
        self.reached = asyncio.Event()

    @contextlib.asynccontextmanager
    async def serve(self):
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.uri = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/token"
        try:
            yield self
        finally:
            server.close()
            await server.wait_closed()

    async def _answer(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        form = parse_qs((await reader.readexactly(length)).decode(), strict_parsing=True)
        assert CONTENT_TYPE in head
        assert form["grant_type"] == [GRANT]
        self.claims.append(self.check(form["assertion"][0]))
        self.reached.set()
        if self.gate is not None:
            await self.gate.wait()
        granted = {"access_token": f"ya29.token-{len(self.claims)}...", "expires_in": self.expires_in, "token_type": "Bearer"}
        status, body = self.answers.pop(0) if self.answers else (200, msgspec.json.encode(granted))
        if status:
            writer.write(b"HTTP/1.1 %d x\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (status, len(body), body))
        writer.close()

    def check(self, assertion):
        header, claims, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in assertion.split("."))
        signed = assertion.rpartition(".")[0].encode()
        KEY.public_key().verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        assert msgspec.json.decode(header) == {"alg": "RS256", "typ": "JWT", "kid": "kid-1"}
        return msgspec.json.decode(claims)


class Clock:
    def __init__(self):
        self.now = 1_800_000_000.5

    def __call__(self):
        return self.now


def run(scenario):
    """Run a scenario of server, tokens and clock."""

    async def whole():
        clock = Clock()
        async with TokenServer(clock).serve() as server, asyncio.timeout(20):
            await scenario(server, GoogleTokens(ServiceAccount(file(token_uri=server.uri)), post, clock=clock), clock)

    asyncio.run(whole())


def test_an_exchange():
    async def scenario(server, tokens, clock):
        token = await tokens.get()
        assert isinstance(token, Secret)
        assert token.reveal() == "ya29.token-1..."
        assert server.claims == [
            {"iss": EMAIL, "scope": SCOPE, "aud": server.uri, "iat": 1_800_000_000, "exp": 1_800_003_600},
        ]

    run(scenario)


def test_it_is_kept_until_a_minute_before_its_end():
    async def scenario(server, tokens, clock):
        first = await tokens.get()
        clock.now += 3599 - 61
        assert await tokens.get() is first
        assert len(server.claims) == 1
        clock.now += 1
        assert (await tokens.get()).reveal() == "ya29.token-2..."
        assert len(server.claims) == 2

    run(scenario)


def test_many_callers_share_one_exchange_and_one_may_leave():
    async def scenario(server, tokens, clock):
        server.gate = asyncio.Event()
        callers = [asyncio.create_task(tokens.get()) for _ in range(50)]
        await server.reached.wait()
        callers[0].cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await callers[0]
        server.gate.set()
        found = await asyncio.gather(*callers[1:])
        assert {token.reveal() for token in found} == {"ya29.token-1..."}
        assert len(server.claims) == 1

    run(scenario)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b'{"error":"invalid_grant","error_description":"SECRET"}', OutcomeKind.UNAUTHORIZED),
        (401, b'{"error":"invalid_client"}', OutcomeKind.UNAUTHORIZED),
        (429, b"", OutcomeKind.RATE_LIMITED),
        (500, b"", OutcomeKind.SERVER_ERROR),
        (503, b"", OutcomeKind.OVERLOADED),
        (302, b"", OutcomeKind.BAD_RESPONSE),
        (200, b"SECRET", OutcomeKind.BAD_RESPONSE),
        (200, b"[" * 100_000, OutcomeKind.BAD_RESPONSE),
        (200, b'{"access_token":"SECRET"}', OutcomeKind.BAD_RESPONSE),
        (200, b'{"access_token":"a b","expires_in":60}', OutcomeKind.BAD_RESPONSE),
        (200, b'{"access_token":"a\\r\\nb: c","expires_in":60}', OutcomeKind.BAD_RESPONSE),
        (200, b'{"access_token":"","expires_in":60}', OutcomeKind.BAD_RESPONSE),
        (200, b'{"access_token":"a","expires_in":0}', OutcomeKind.BAD_RESPONSE),
        (0, b"", OutcomeKind.CONNECT_FAILED),
    ],
)
def test_a_failure_says_its_kind_and_is_not_kept(status, body, kind):
    async def scenario(server, tokens, clock):
        server.answers.append((status, body))
        failed = await tokens.get()
        assert isinstance(failed, Outcome)
        assert failed.kind is kind
        assert (await tokens.get()).reveal() == "ya29.token-2..."

    run(scenario)


def test_nobody_answers():
    async def refused(url, body, content_type):
        raise ConnectionRefusedError

    async def late(url, body, content_type):
        raise TimeoutError

    for failing, kind in ((refused, OutcomeKind.CONNECT_FAILED), (late, OutcomeKind.TIMED_OUT)):
        tokens = GoogleTokens(ServiceAccount(file()), failing, clock=Clock())
        assert asyncio.run(tokens.get()) == Outcome(kind)


def test_a_token_in_its_last_minute_serves_while_there_is_no_new_one():
    async def scenario(server, tokens, clock):
        first = await tokens.get()
        clock.now += 3599 - 30
        server.answers += [(503, b""), (503, b"")]
        assert await tokens.get() is first
        clock.now += 30
        assert (await tokens.get()).kind is OutcomeKind.OVERLOADED

    run(scenario)


def test_a_forgotten_token_is_fetched_again():
    async def scenario(server, tokens, clock):
        assert not tokens.forget(), "there is none"
        await tokens.get()
        assert not tokens.forget(), "it is new: another would be refused as well"
        clock.now += PAUSE
        assert tokens.forget()
        assert not tokens.fresh()
        assert (await tokens.get()).reveal() == "ya29.token-2..."

    run(scenario)


def test_a_token_of_a_clock_that_was_ahead_is_fetched_again_when_that_is_put_right():
    """It has run out long before that time, and would be sent and refused until then."""

    async def scenario(server, tokens, clock):
        clock.now += 7200.0
        await tokens.get()
        clock.now -= 7200.0
        assert not tokens.fresh()
        assert (await tokens.get()).reveal() == "ya29.token-2..."
        clock.now -= PAUSE
        assert tokens.forget()

    run(scenario)


def test_a_token_is_trusted_for_an_hour_at_most():
    async def scenario(server, tokens, clock):
        server.expires_in = 10**9
        await tokens.get()
        clock.now += 3600 - 60
        assert (await tokens.get()).reveal() == "ya29.token-2..."

    run(scenario)


def test_what_the_account_tells():
    account = ServiceAccount(file())
    assert (account.email, account.project, account.key_id, account.token_uri) == (
        EMAIL,
        "project-1",
        "kid-1",
        "https://oauth2.example/token",
    )
    no_kid = ServiceAccount(file(private_key_id=None)).assertion(1, "s").split(".")[0]
    assert msgspec.json.decode(base64.urlsafe_b64decode(no_kid + "==")) == {"alg": "RS256", "typ": "JWT"}


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"SECRET",
        b"[" * 100_000,
        b"{}",
        file(type="authorized_user"),
        file(client_email=""),
        file(private_key=None),
        file(private_key="SECRET"),
        file(private_key=PEM.replace("A", "B")),
        file(private_key="-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n"),
        file(private_key=pem(ec.generate_private_key(ec.SECP256R1()))),
        file(private_key=pem(rsa.generate_private_key(65537, 1024))),
        file(token_uri=None),
        file(token_uri="http://oauth2.example/SECRET"),
        file(token_uri="https://"),
        file(token_uri="https://[SECRET"),
        file(token_uri="file:///SECRET"),
    ],
)
def test_a_bad_file_is_refused_without_its_words(bad):
    with pytest.raises(ConfigError) as caught:
        ServiceAccount(bad)
    error = caught.value
    assert "SECRET" not in str(error)
    assert error.__cause__ is None
    assert error.__context__ is None


def test_nothing_is_printed_or_pickled():
    async def scenario(server, tokens, clock):
        token = await tokens.get()
        account = ServiceAccount(file())
        for one in (tokens, account, token):
            for text in (repr(one), str(one), f"{one}"):
                assert "ya29" not in text
                assert "PRIVATE" not in text
                assert EMAIL not in text
        for copied in (pickle.dumps, copy.copy):
            with pytest.raises(TypeError):
                copied(account)

    run(scenario)
