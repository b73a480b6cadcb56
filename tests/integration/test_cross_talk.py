"""T29: fifty accounts on connections that they share, callers that leave at any byte, and every answer is the caller's own.

A proxy in front of the gateway sends many callers' requests over few connections, pipelined. Each request holds a canary, which the provider
of this file says back, in small pieces; so an answer that is somebody else's, or a piece of one, is seen by its canary. The provider notes
which key came with which canary: some accounts bring their own.
"""

import asyncio
import collections
import contextlib
import json
import random
import re
import threading

import pytest
from click.testing import CliRunner
from tests.conftest import LONG
from tests.integration.lab import until
from tests.tools.gateway import make_key, running_gateway
from tests.tools.raw_http import split_responses

from anyapi.cli import main
from anyapi.storage.rows import AccountRow

TENANTS = 50
REQUESTS = 20_000 if LONG else 1_500
CONNECTIONS = 24
MOST_AT_ONCE = 3
"""Requests that are on a connection before the first of them is answered."""
LEAVING = 0.3
"""The share of batches whose caller is gone before all is answered."""
ROOT = bytes(range(32)).hex()
OPERATORS, MODEL = "sk-of-the-operator-0123456789", "echo/says-it"
CANARY = re.compile(rb"cn[0-9]{2}x[0-9a-f]{16}")
PATIENCE = 60.0
FAILS = "fail-first"
"""Words in a prompt that have the first of the two providers answer 500."""


class Echo:
    """Two providers of OpenAI's chat format that say the canary of each request back, on a loop of their own; `mixed` plants the fault."""

    def __init__(self, *, mixed: bool = False) -> None:
        self.seen: list[tuple[str, bytes]] = []
        """The key and the canary of each request, one entry for each canary that its body holds."""
        self.left = 0
        """Answers that nobody wanted to the end."""
        self.mixed, self._before, self._chance = mixed, b"", random.Random(29)
        self.ports: list[int] = []

    async def answer(self, reader, writer, *, first: bool) -> None:
        """Requests of one connection, one after the other."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                body = await reader.readexactly(int(re.search(r"content-length: (\d+)", head)[1]))
                key = re.search(r"authorization: bearer (\S+)", head)[1]
                found = CANARY.findall(body)
                self.seen += [(key, one) for one in found]
                said, self._before = (self._before or found[0]) if self.mixed else found[0], found[0]
                fails = first and FAILS.encode() in body
                try:
                    await self.say(writer, said.decode(), streamed=b'"stream":true' in body.replace(b" ", b""), fails=fails)
                except ConnectionError:
                    self.left += 1
                    raise
        writer.close()

    async def say(self, writer, canary: str, *, streamed: bool, fails: bool) -> None:
        """One answer: the canary a few times, with pauses in which the others go on."""
        if fails:
            writer.write(_whole(500, json.dumps({"error": {"message": canary}})))
            return await writer.drain()
        usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
        base = {"id": "chatcmpl-1", "created": 1, "model": "says-it"}
        if not streamed:
            await self._pause()
            message = {"role": "assistant", "content": f"{canary} " * 4}
            choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
            writer.write(_whole(200, json.dumps({**base, "object": "chat.completion", "choices": choices, "usage": usage})))
            return await writer.drain()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for number in range(self._chance.randrange(1, 9)):
            delta = {"content": f"{canary} "} if number else {"role": "assistant", "content": f"{canary} "}
            await self._event(writer, {**base, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]})
        end = [{"index": 0, "delta": {}, "finish_reason": "stop"}]
        await self._event(writer, {**base, "object": "chat.completion.chunk", "choices": end})
        await self._event(writer, {**base, "object": "chat.completion.chunk", "choices": [], "usage": usage})
        writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
        return await writer.drain()

    async def _event(self, writer, event: dict) -> None:
        await self._pause()
        data = b"data: %b\n\n" % json.dumps(event).encode()
        writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        await writer.drain()

    async def _pause(self) -> None:
        await asyncio.sleep(self._chance.choice((0, 0, 0.001, 0.004)))


def _whole(status: int, text: str) -> bytes:
    return f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(text)}\r\n\r\n{text}".encode()


@contextlib.contextmanager
def echoing(echo: Echo):
    """Run the providers."""
    loop = asyncio.new_event_loop()

    async def serve(first: bool) -> asyncio.Server:
        return await asyncio.start_server(lambda reader, writer: echo.answer(reader, writer, first=first), "127.0.0.1", 0)

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    servers = [asyncio.run_coroutine_threadsafe(serve(first), loop).result() for first in (True, False)]
    echo.ports = [server.sockets[0].getsockname()[1] for server in servers]
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(_end(servers), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(servers: list[asyncio.Server]) -> None:
    for server in servers:
        server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def configuration(ports: list[int]) -> str:
    """Both providers, with a key of the operator's, and the one model that both serve."""
    parts = ['[network]\nprivate_addresses = ["127.0.0.1/32"]', f'[[models]]\nid = "{MODEL}"']
    for name, port in zip(("echo-a", "echo-b"), ports, strict=True):
        price = 1 if name == "echo-a" else 2
        parts.append(
            f'[[models.endpoints]]\nprovider = "{name}"\nmodel = "says-it"\ncontext_length = 100000\nmax_output_tokens = 4096\n'
            f"price = {{ input = {price}, output = {price} }}\ncapabilities = {{ streaming = true }}"
        )
    for name, port in zip(("echo-a", "echo-b"), ports, strict=True):
        parts.append(
            f'[providers.{name}]\nkind = "host"\napi = {{ base_url = "http://127.0.0.1:{port}/v1", protocol = "openai-chat", auth = "bearer" }}\n'
            f'[providers.{name}.policy]\ntraining = "never"\nretention = {{ kind = "zero" }}'
        )
        parts.append(f'[[credentials]]\nid = "{name}"\nprovider = "{name}"\nenv = "ECHO_KEY"')
    return "\n\n".join(parts) + "\n"


class Tenant:
    """An account with a key of ours, and perhaps one of the provider's."""

    def __init__(self, number: int, key: str, identity: str) -> None:
        self.number, self.key, self.identity = number, key, identity
        self.upstream_keys = {f"sk-own-of-{number:02}-0123456789"} if number % 2 else {OPERATORS}

    @property
    def account(self) -> str:
        return f"acct{self.number:02}"


@contextlib.contextmanager
def gateway_of_tenants(home, echo: Echo):
    """A gateway in front of the echoes, and fifty tenants."""
    environment = {"ECHO_KEY": OPERATORS, "ANYAPI_ROOT_KEY": ROOT}
    with echoing(echo), running_gateway(home, configuration(echo.ports), environment=environment) as gateway:
        assert gateway.stop() == 0
        with gateway.store() as store:
            for number in range(TENANTS):
                store.add_account(AccountRow(f"acct{number:02}", f"acct{number:02}", 0.0))
        tenants = [Tenant(number, *make_key(home, account=f"acct{number:02}")) for number in range(TENANTS)]
        for tenant in tenants:
            for provider in ("echo-a", "echo-b") if tenant.number % 2 else ():
                words = ["credentials", "add", "--account", tenant.account, "--provider", provider, "--config", str(home / "anyapi.toml")]
                (secret,) = tenant.upstream_keys
                done = CliRunner().invoke(main, words, input=secret, env=environment)
                assert done.exit_code == 0, done.output
        gateway.start()
        yield gateway, tenants


class Asked:
    """One request: its bytes, and what must come back."""

    def __init__(self, chance: random.Random, tenants: list[Tenant]) -> None:
        self.tenant = chance.choice(tenants)
        self.canary = b"cn%02dx%016x" % (self.tenant.number, chance.getrandbits(64))
        self.kind = chance.choice(("chat", "chat", "chat", "messages", "responses", "key", "refused"))
        prompt = f"{self.canary.decode()} {FAILS if chance.random() < 0.05 else ''}"
        body: dict[str, object] = {"model": MODEL, "stream": chance.random() < 0.5}
        if self.kind == "responses":
            body |= {"input": prompt, "store": False}
        else:
            body |= {"messages": [{"role": "user", "content": prompt}]} | ({"max_tokens": 50} if self.kind == "messages" else {})
        if self.kind == "refused":
            body["data_policy"] = {"providers": {"only": ["nobody-of-this-name"]}}
        path = {"messages": "messages", "responses": "responses"}.get(self.kind, "chat/completions")
        self.method = "GET" if self.kind == "key" else "POST"
        line = "GET /v1/key" if self.kind == "key" else f"POST /v1/{path}"
        data = b"" if self.kind == "key" else json.dumps(body).encode()
        auth = f"x-api-key: {self.tenant.key}" if chance.random() < 0.2 else f"authorization: Bearer {self.tenant.key}"
        length = "" if self.kind == "key" else f"content-type: application/json\r\ncontent-length: {len(data)}\r\n"
        self.data = f"{line} HTTP/1.1\r\nhost: gateway\r\n{auth}\r\n{length}\r\n".encode() + data
        self.decision: str | None = None

    def wrong(self, status: int, body: bytes, *, whole: bool) -> str | None:
        """What is wrong with an answer, or with as much of one as came."""
        foreign = set(CANARY.findall(body)) - {self.canary}
        if foreign:
            return f"{self.kind} of {self.canary.decode()} was told {foreign}"
        if not whole:
            return None
        if self.kind == "key":
            return None if json.loads(body)["key"] == self.tenant.identity else f"the page of a key names another: {body[:200]!r}"
        if self.kind == "refused":
            return None if status in (400, 403) else f"not refused: {status}"
        if status != 200 or self.canary not in body:
            return f"{self.kind}: {status} {body[:200]!r}"
        return None


async def batch(port: int, chance: random.Random, asked: list[Asked], reader, writer) -> tuple[list[str], bool]:
    """Send some requests on a connection and read what comes; what was wrong, and whether the connection is still of use."""
    sent, methods = b"".join(one.data for one in asked), [one.method for one in asked]
    leaves = chance.random() < LEAVING
    cut = chance.randrange(len(sent) + 1) if leaves and chance.random() < 0.3 else len(sent)
    enough = chance.choice((0, 1, 200, 700, 1500, 4000)) if leaves else 1 << 30
    got, answers, rest = b"", [], b""
    writer.write(sent[:cut])
    await writer.drain()
    while len(answers) < len(asked) and len(got) < enough and cut == len(sent):
        part = await asyncio.wait_for(reader.read(chance.choice((100, 1000, 65536))), PATIENCE)
        got += part
        answers, rest = split_responses(got, methods, closed=not part)
        if not part:
            break
    problems = []
    for one, answer in zip(asked, answers, strict=False):
        one.decision = (answer.field("x-anyapi-decision") or b"").decode()
        problems.append(one.wrong(answer.status, answer.body, whole=True))
    if rest and len(answers) < len(asked):
        problems.append(asked[len(answers)].wrong(0, rest, whole=False))
    if not leaves and len(answers) < len(asked):
        problems.append(f"only {len(answers)} of {len(asked)} answers, then {got[-300:]!r}")
    return [problem for problem in problems if problem], not leaves and len(answers) == len(asked)


async def shared_connections(port: int, tenants: list[Tenant], requests: int) -> tuple[list[str], list[Asked]]:
    """All of it: what was wrong, and what was asked."""
    problems, everything = [], []

    async def one_after_the_other(seed: int) -> None:
        chance, connection = random.Random(seed), None
        while len(everything) < requests and len(problems) < 20:
            asked = [Asked(chance, tenants) for _ in range(chance.randrange(1, MOST_AT_ONCE + 1))]
            everything.extend(asked)
            connection = connection or await asyncio.open_connection("127.0.0.1", port)
            found, usable = await batch(port, chance, asked, *connection)
            problems.extend(found)
            if not usable:
                connection[1].transport.abort()
                connection = None
        if connection is not None:
            connection[1].transport.abort()

    await asyncio.gather(*(one_after_the_other(seed) for seed in range(CONNECTIONS)))
    return problems, everything


def rows_if(gateway, decisions: set[str]) -> dict:
    """All usage rows by decision, when there is one of each of these."""
    rows = {row.decision: row for row in gateway.usage()}
    return rows if decisions <= rows.keys() else {}


@pytest.mark.timeout(900 if LONG else 120)
def test_every_answer_key_and_row_is_the_callers_own(tmp_path):
    echo = Echo()
    with gateway_of_tenants(tmp_path / "home", echo) as (gateway, tenants):
        problems, asked = asyncio.run(shared_connections(gateway.port, tenants, REQUESTS))
        assert problems == []
        told = {one.decision: one for one in asked if one.decision and one.kind != "key"}
        settled = {decision for decision, one in told.items() if one.kind != "refused"}
        rows = until(lambda: rows_if(gateway, settled), "a row of each", 20.0)
        whose = {decision: (rows[decision].account, rows[decision].key) for decision in told if decision in rows}
        assert whose == {decision: (told[decision].tenant.account, told[decision].tenant.identity) for decision in whose}
        assert gateway.chat(model=MODEL, data_policy=None, messages=[{"role": "user", "content": "cn00x0123456789abcdef"}]).status == 200
    by_canary = {one.canary: one.tenant for one in asked}
    wrong = [(key, canary) for key, canary in echo.seen[:-1] if key not in by_canary[canary].upstream_keys]
    assert wrong == [], "another account's key"
    times = collections.Counter(canary for _, canary in echo.seen[:-1])
    assert max(times.values()) <= 2, "sent more often than to both providers"
    print(f"\n{len(asked)} requests, {len(told)} answered, {echo.left} left alone, {len(times)} at the provider, none was another's")
    assert len(told) > len(asked) // 2
    assert sum(one.decision is None for one in asked) > len(asked) // 20, "hardly anybody left"


def test_an_answer_that_is_somebody_elses_would_be_seen(tmp_path):
    """The control: a provider that answers each with what the one before asked."""
    with gateway_of_tenants(tmp_path / "home", Echo(mixed=True)) as (gateway, tenants):
        problems, _ = asyncio.run(shared_connections(gateway.port, tenants, 60))
    assert any("was told" in problem for problem in problems)
