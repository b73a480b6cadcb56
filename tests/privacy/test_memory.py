"""Prompts and answers are gone from the gateway's memory five seconds after their last byte (reliability test T02).

64 clients at a time on connections that stay open, texts of 40 B to 60 KB, half of the answers streamed, plain and with TLS on both sides.
One request at a time would hide nearly everything. Reads `/proc/PID/mem`, so it needs root.
"""

import contextlib
import http.client
import json
import os
import random
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme
from tests.conftest import LONG
from tests.privacy.outcomes import one_round
from tests.privacy.sinks import Room, simulated_in
from tests.tools.gateway import Gateway, running_gateway, simulated

from anyapi.prove.caller import Caller
from anyapi.prove.cast import ALL_SAMPLED, CREDENTIAL, SERVER, providers
from anyapi.prove.planted import Planted
from anyapi.prove.scanner import Hit, Mint, Scanner
from anyapi.simulator import ModelSpec, ProviderSpec, SimulationOptions, SimulationThread, demo_config_toml, read_fault

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        os.geteuid() != 0, reason="SKIPPED LOUDLY: needs root to read /proc/PID/mem: the promise about memory is NOT checked"
    ),
]

CLIENTS = 64
NEVER_STREAM = 16
REQUESTS = 200 if LONG else 100
"""Each plants a prompt and an answer."""
FURTHER = 300
SECONDS = 5.0
"""After the last byte: what the promise says."""
LONG_TEXT = 512
"""Bytes from which not one may be left."""
SIZES = (40, 100, 200, 400, 512, 800, 1_500, 4_000, 10_000, 30_000, 60_000)
PATIENCE = 30.0


NAMES = frozenset({"unknown field", "metadata key", "unknown", "key", "policy key", "provider key", "models"})
"""Canaries that stand in the place of a field's name."""


class Text(NamedTuple):
    """A canary and how much text is made of it."""

    canary: str
    size: int

    @property
    def whole(self) -> str:
        """The canary over and over: any piece that is left anywhere is found."""
        return f"{self.canary} " * max(1, self.size // (len(self.canary) + 1))


@dataclass
class Left:
    """What a look into memory found."""

    hits: list[Hit]
    texts: dict[str, Text]
    seconds: float = 0.0
    long: set[str] = field(default_factory=set)
    short: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for hit in self.hits:
            (self.long if self.texts[hit.canary].size >= LONG_TEXT else self.short).add(hit.canary)

    def __str__(self) -> str:
        return f"{len(self.long)} long and {len(self.short)} short of {len(self.texts)} texts"


class InOnePiece(http.client.HTTPConnection):
    """Writes head and body together, as most clients do, but Python's."""

    head = b""

    def send(self, data: bytes) -> None:  # type: ignore[override]
        if not self.head and data.startswith(b"POST "):
            self.head = data
            return
        whole, self.head = self.head + data, b""
        super().send(whole)


class Plain(InOnePiece):
    """Without TLS."""


class Secured(InOnePiece, http.client.HTTPSConnection):
    """With TLS."""


class Load:
    """Clients that keep their connections, and what they said and were told."""

    def __init__(self, gateway: Gateway, simulation: SimulationThread, trust: ssl.SSLContext | None) -> None:
        """`trust` is for a gateway that listens with TLS."""
        self.gateway, self.simulation, self.trust = gateway, simulation, trust
        self.mint = Mint()
        self.connections = [self._connection() for _ in range(CLIENTS)]
        self.texts: dict[str, Text] = {}
        self.problems: list[str] = []

    def _connection(self) -> http.client.HTTPConnection:
        if self.trust is None:
            return Plain("127.0.0.1", self.gateway.port, timeout=PATIENCE)
        return Secured("127.0.0.1", self.gateway.port, timeout=PATIENCE, context=self.trust)

    def close(self) -> None:
        """Close the connections."""
        for connection in self.connections:
            connection.close()

    def run(self, count: int) -> dict[str, Text]:
        """So many requests, all clients at once, and what was planted: half in prompts, half in answers."""
        sizes = [SIZES[number % len(SIZES)] for number in range(count)]
        random.Random(7).shuffle(sizes)
        prompts = [Text(self.mint.new(), size) for size in sizes]
        answers = [Text(self.mint.new(), size) for size in sizes]
        self.simulation.script("sim-talks", [read_fault(json.dumps({"kind": "say", "text": text.whole})) for text in answers])
        turns = iter(prompts)
        lock, together = threading.Lock(), threading.Barrier(CLIENTS)

        def work(connection: http.client.HTTPConnection) -> None:
            together.wait(PATIENCE)
            while True:
                with lock:
                    text = next(turns, None)
                if text is None:
                    return
                self._ask(connection, text)

        threads = [threading.Thread(target=work, args=(connection,)) for connection in self.connections]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not self.problems, self.problems[:3]
        return {text.canary: text for text in (*prompts, *answers)}

    def _ask(self, connection: http.client.HTTPConnection, text: Text) -> None:
        stream = text.size % 3 != 1 and connection not in self.connections[:NEVER_STREAM]  # whose heads are known again (gateway/heads.py)
        body = {"model": "acme/talks", "messages": [{"role": "user", "content": text.whole}], "stream": stream}
        headers = {"Authorization": f"Bearer {self.gateway.key}", "Content-Type": "application/json"}
        try:
            connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            answer = connection.getresponse()
            read = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.problems.append(repr(error))
            return
        if answer.status != 200 or (stream and not read.endswith(b"data: [DONE]\n\n")):
            self.problems.append(f"{answer.status} {read[-300:]!r}")


@contextlib.contextmanager
def loaded(home: Path, *, tls: bool = False, scrub: bool = True) -> Iterator[Load]:
    """A gateway before a provider that says what the test wants, and 64 clients."""
    authority, trust, options, environment, server = trustme.CA(), None, SimulationOptions(), {}, ""
    home.mkdir()
    if tls:
        authority.cert_pem.write_to_path(home / "authority.pem")
        own = authority.issue_cert("127.0.0.1")
        own.private_key_and_cert_chain_pem.write_to_path(home / "server.pem")
        server = f'[server.tls]\ncertificate = "{home / "server.pem"}"\nkey = "{home / "server.pem"}"\n'
        environment["SSL_CERT_FILE"] = str(home / "authority.pem")
        trust = ssl.create_default_context(cafile=str(home / "authority.pem"))
        provider = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(provider)
        options = SimulationOptions(ssl_context=provider)
    spec = ProviderSpec("sim-talks", models=(ModelSpec("acme/talks", "talks", 1.0, 1.0),), api_key=f"sk-{Mint().new()}")
    if not scrub:
        environment["ANYAPI_SCRUB"] = "false"
    (home / spec.id).write_text(spec.api_key)
    with SimulationThread([spec], options) as simulation:
        toml = demo_config_toml(simulation.simulation.ports, [spec], keys=home)
        toml = (toml.replace("http://127.0.0.1", "https://127.0.0.1") if tls else toml) + ALL_SAMPLED
        with running_gateway(home / "data", toml, server, environment) as gateway:
            load = Load(gateway, simulation, trust)
            try:
                yield load
            finally:
                load.close()


def look(load: Load, texts: dict[str, Text]) -> Left:
    """Read the gateway's memory while the clients' connections are open."""
    begun = time.monotonic()
    scanner = Scanner(texts)
    hits = [hit for hit in scanner.scan_process(load.gateway.pid) if hit.sink.startswith("memory")]
    assert sum(scanner.scanned.values()) > 30_000_000, "too little memory was read to say anything"
    return Left(hits, texts, time.monotonic() - begun)


def few_short(left: Left) -> int:
    """One in a hundred of the short texts may be left, rounded up: the C stack keeps the last few hundred bytes that were put together."""
    return -(-sum(text.size < LONG_TEXT for text in left.texts.values()) // 100)


def check(load: Load, name: str) -> None:
    """The promise: nothing after five seconds, and still nothing after more traffic."""
    texts = load.run(REQUESTS)
    time.sleep(SECONDS)  # the span that the promise names, not a wait for something
    first = look(load, texts)
    load.run(FURTHER)
    second = look(load, texts)
    print(f"{name}: after {SECONDS:g} s {first}; after {FURTHER} further requests {second}; a look takes {first.seconds:.1f} s")
    where = {(hit.sink.rsplit(" ", 1)[-1], hit.form) for hit in first.hits}
    assert not first.long, f"{first} are left in memory after {SECONDS:g} s: {where}"
    assert len(first.short) <= few_short(first), f"{first} are left in memory after {SECONDS:g} s: {where}"
    assert not second.hits, f"{second} are left in memory after {FURTHER} further requests"


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_prompts_and_answers_are_gone_after_five_seconds(tmp_path, tls):
    with loaded(tmp_path / "home", tls=tls) as load:
        check(load, "tls" if tls else "plain")
        keys_are_few(load)


def test_large_requests_are_gone_too(tmp_path):
    """They are read and translated in threads, whose memory is the allocator's as well. A dozen, each of blocks with a text of its own."""
    with loaded(tmp_path / "home") as load:
        texts = {text.canary: text for text in (Text(load.mint.new(), size) for size in (600, 2_000, 60_000) for _ in range(4))}
        for text in texts.values():
            content = [{"type": "text", "text": f"base64 {text.whole}"}] * (2_000_000 // (text.size + 60))
            body = json.dumps({"model": "acme/talks", "max_tokens": 5, "messages": [{"role": "user", "content": content}]})
            assert load.gateway.request("POST", "/v1/messages", body.encode()).status == 200
        time.sleep(SECONDS)
        left = look(load, texts)
    print(f"large: after {SECONDS:g} s {left}")
    assert not left.hits, {(hit.sink.rsplit(" ", 1)[-1], hit.form) for hit in left.hits}


def keys_are_few(load: Load) -> None:
    """The callers' key is gone as well; the provider's, which is needed, is there in few copies."""
    secret = load.simulation.simulation["sim-talks"].spec.api_key
    scanner = Scanner([secret, load.gateway.key])
    hits = [hit for hit in scanner.scan_process(load.gateway.pid) if hit.sink.startswith("memory")]
    provider = {hit.offset for hit in hits if hit.canary == secret and hit.form == "plain"}
    caller = [hit for hit in hits if hit.canary == load.gateway.key]
    print(f"provider credential: {len(provider)} copies; caller's key: {len(caller)}")
    assert not caller
    assert 1 <= len(provider) <= MOST_COPIES


MOST_COPIES = 4
"""Of a provider's credential: as it was read, as a header line, and in the two heads that are kept for each path."""


def test_without_scrubbing_they_are_found(tmp_path):
    """The control: the same load in front of the same look, with scrubbing off."""
    with loaded(tmp_path / "home", scrub=False) as load:
        texts = load.run(REQUESTS)
        time.sleep(SECONDS)
        left = look(load, texts)
    print(f"without scrubbing: {left} after {SECONDS:g} s")
    assert len(left.long) >= 5, "without scrubbing nothing is found: the test above cannot fail"


@pytest.fixture(scope="module")
def left_of_all_outcomes(tmp_path_factory):
    """Label, field and place of every canary that is in memory five seconds after one request of each kind."""
    room, planted = Room(tmp_path_factory.mktemp("outcomes") / "room"), Planted()
    with simulated_in(room, providers(planted), server=SERVER) as (gateway, simulation):
        one_round(Caller(gateway, simulation, planted))
        time.sleep(SECONDS)
        content = [mark for mark in planted.marks.values() if not mark.label.startswith(CREDENTIAL)]
        places = {canary: (mark.label, field) for mark in content for field, canary in mark.fields.items()}
        hits = [hit for hit in Scanner(places).scan_process(gateway.pid) if hit.sink.startswith("memory")]
    print(
        f"{len(content)} requests of all kinds, {len(places)} canaries: {len({hit.canary for hit in hits})} in memory after {SECONDS:g} s"
    )
    return len(content), [places[hit.canary] for hit in hits]


def test_every_outcome_is_gone_from_memory(left_of_all_outcomes):
    """Errors keep what they touched for longer than successes do: in tracebacks, in cycles, in tables of what was seen.

    Every canary here is short. One request in a hundred may leave one: the C stack keeps the last few hundred bytes that were put together.
    """
    requests, found = left_of_all_outcomes
    left = Counter(label for label, field in found if field not in NAMES)
    assert len(left) <= requests // 100, found


def test_names_that_callers_make_up_are_gone_from_memory(left_of_all_outcomes):
    """A JSON decoder may keep the names of fields that it saw, to save time with the next object."""
    requests, found = left_of_all_outcomes
    left = Counter(field for _, field in found if field in NAMES)
    assert len(left) <= requests // 100, f"names of fields stay in memory: {left}"


def test_a_policy_is_not_remembered_with_what_else_it_holds(tmp_path):
    """Merged policies are remembered, by their text: a caller's text of any size must not stay in that table."""
    size, count = 200_000, 300
    mint = Mint()
    with simulated(tmp_path / "home") as (gateway, _):
        gateway.chat()
        before = resident(gateway.pid)
        texts = [Text(mint.new(), size) for _ in range(count)]
        for text in texts:
            assert gateway.chat(providerOptions={"acme": {text.canary: "x" * text.size}}).status == 200
        time.sleep(SECONDS)
        hits = Scanner(text.canary for text in texts).scan_process(gateway.pid)
        grown = resident(gateway.pid) - before
    assert grown < size * count / 3, f"{grown >> 20} MB more for {size * count >> 20} MB of policies: a caller can fill the memory"
    assert not {hit.canary for hit in hits}, "what callers wrote beside a policy is still in memory"


def resident(pid: int) -> int:
    """Bytes of a process that are in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.long
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_they_are_gone_under_load_too(tmp_path, tls):
    with loaded(tmp_path / "home", tls=tls) as load:
        for _ in range(5):
            texts = load.run(REQUESTS)
            busy = threading.Event()
            other = threading.Thread(target=lambda: [load.run(FURTHER) for _ in range(50) if not busy.is_set()])
            other.start()
            time.sleep(SECONDS)
            left = look(load, texts)
            busy.set()
            other.join()
            print(f"under load: {left} after {SECONDS:g} s")
            assert not left.long
            assert len(left.short) <= few_short(left)
