"""No content and no secret is left anywhere, however a request ends: over a hundred ways, each with canaries in every field.

Reliability test T01 for the data plane. What the search can find is shown in `test_planted_leaks.py`.
"""

import contextlib
import hashlib
import http.client
import json
import os
import re
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.conftest import LONG
from tests.privacy.outcomes import one_round, rounds
from tests.privacy.sinks import Room, RoomGateway, Search, simulated_in
from tests.tools import postgres
from tests.tools.gateway import add_key

from anyapi.crypto.secret import Secret
from anyapi.prove.caller import PATIENCE, Caller
from anyapi.prove.cast import ONE_HOST, SERVER, STATING, providers
from anyapi.prove.outcomes import outcomes
from anyapi.prove.planted import Mark, Planted, chat_body
from anyapi.storage.drivers import driver_for
from anyapi.storage.sql_store import SqlStore

pytestmark = pytest.mark.timeout(1800 if LONG else 120)

ROUNDS = 21 if LONG else 2
"""`test_prove.py` makes one more on a gateway of its own."""
ALL = tuple(outcomes())
HASHED = {"success": "prompt", "no endpoint permitted": "prompt", "bad JSON": "user", "success, streamed": "tool result"}
"""Kinds of requests, and the field of each that a hash is searched for: a text that stands alone in its field."""
STREAM = {"stream": True, "response_format": None, "stop": None}


def report(search: Search, planted: Planted) -> str:
    """What leaked where, without the texts."""
    return "\n".join(f"{planted.label_of(hit.canary)} as {hit.form} in {hit.sink} at {hit.offset}" for hit in search.hits[:20])


def complete(search: Search, planted: Planted) -> None:
    """Nothing was found, and something was searched in each sink."""
    assert not search.hits, f"{len(search.hits)} leaks:\n{report(search, planted)}"
    silent = {"temporary", "home", "work", "shared temporary files"}
    empty = [sink for sink, size in search.seen.items() if not size and sink not in silent]
    assert not empty, f"nothing was read from {empty}"


@contextlib.contextmanager
def running_stream(caller: Caller, mark: Mark):
    """A stream that has begun and goes on."""
    body = json.dumps(chat_body(mark, "acme/slow", **STREAM)).encode()
    with socket.create_connection(("127.0.0.1", caller.gateway.port), PATIENCE) as client:
        client.sendall(caller.head(mark, f"Content-Length: {len(body)}") + body)
        assert client.recv(12) == b"HTTP/1.1 200"
        yield client


def rest_of(client: socket.socket) -> bytes:
    """All that still comes."""
    got = b""
    with contextlib.suppress(ConnectionError):
        while part := client.recv(65536):
            got += part
    return got


def test_there_are_enough_classes_of_outcomes():
    assert len({outcome.name for outcome in ALL}) >= 100
    statuses = {end.status for outcome in ALL for end in outcome.wanted}
    assert statuses >= {200, 400, 401, 403, 404, 405, 408, 413, 417, 429, 431, 502, 503, 504, 499}


def test_no_outcome_leaves_content_or_a_secret_anywhere(tmp_path):
    room, planted = Room(tmp_path / "room"), Planted()
    requests = 0
    with simulated_in(room, providers(planted), server=SERVER, extra=ONE_HOST) as (gateway, simulation):
        planted.secrets.append(gateway.key)
        caller = Caller(gateway, simulation, planted)
        for _ in range(ROUNDS - 1):
            one_round(caller)
            # Each round ends with SIGTERM in the middle of a stream; the next one begins on what the last one left.
            with running_stream(caller, planted.new("SIGTERM in a stream")) as client:
                assert gateway.stop() == 0
                assert b'"error"' in rest_of(client)
            requests += len(ALL) + 1
            gateway.start()
        one_round(caller)
        requests += len(ALL)
        hashed = [mark.fields[field] for label, field in HASHED.items() for mark in planted.marks.values() if mark.label == label][-40:]
        search = Search(planted.scanner(hashed))
        # With the -wal and -shm of a running gateway, and first: what takes long gives it time to empty the -wal.
        assert (room.data / "anyapi.db-wal").stat().st_size > 0
        search.files(room)
        search.running(gateway)
        search.commands(gateway)
        kinds = {(row.outcome, row.status) for row in gateway.usage()}
        stated = {(row.provider, row.evidence, row.host) for row in gateway.usage() if row.evidence}
        assert gateway.stop() == 0
        search.files(room)
        complete(search, planted)
        key_is_only_a_hash(room, gateway.key)
    assert {provider for provider, _, _ in stated} == set(STATING), "what each of them stated was read and written down"
    assert ("openrouter", "other_host", "unrecognised") in stated
    assert requests >= (5000 if LONG else 500)
    assert len(kinds) >= 11, kinds
    fields = sum(len(mark.fields) for mark in planted.marks.values())
    print(f"{requests} requests, {len(ALL) + 1} classes, {fields} canaries, {len(kinds)} kinds of rows, {len(search.seen)} sinks, 0 hits")


def test_no_outcome_leaves_content_or_a_secret_in_postgresql(tmp_path):
    """What the server has on its disk is searched: tables and indexes, the write-ahead log, its log."""
    postgres.require()
    room, planted = Room(tmp_path / "room"), Planted()
    with contextlib.closing(postgres.PostgresServer()) as server:
        with contextlib.closing(server.as_superuser()) as raw:
            raw.execute("CREATE DATABASE anyapi OWNER anyapi")
        driver = driver_for(tmp_path, Secret(server.url("anyapi")))
        with contextlib.closing(SqlStore(driver)) as store:
            key, _ = add_key(store)
        environment = room.environment() | {"ANYAPI_DATABASE_URL": server.url("anyapi")}
        with simulated_in(room, providers(planted), environment, SERVER, ONE_HOST) as (gateway, simulation):
            gateway.key = key
            planted.secrets.append(key)
            caller = Caller(gateway, simulation, planted)
            rounds(caller, ROUNDS if LONG else 1)
            search = Search(planted.scanner())
            search.running(gateway)
            search.commands(gateway)
            if LONG:
                search.folder("PostgreSQL while it runs", server.home)
            assert gateway.stop() == 0
        with contextlib.closing(driver.connect(everybody=True)) as connection:
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            for (table,) in tables:  # long values are compressed in the files
                read = connection.execute(f"SELECT row_to_json({table})::text FROM {table}").fetchall()
                search.text("rows of PostgreSQL", "\n".join(row for (row,) in read).encode())
            ((rows, entries),) = connection.execute("SELECT (SELECT count(*) FROM usage), (SELECT count(*) FROM audit_entries)").fetchall()
        server.stop()
        search.files(room)
        search.folder("PostgreSQL", server.home)
        logged = sum(path.stat().st_size for path in (server.home / "data" / "pg_wal").iterdir() if path.is_file())
        written = b"".join(path.read_bytes() for path in (server.home / "data" / "base").rglob("*") if path.is_file())
        complete(search, planted)
    assert rows > 90
    assert entries > rows
    assert logged > 0
    # The search looks into the tables: what is to be there is found, and the key only as its hash.
    assert hashlib.sha256(key.encode()).digest() in written
    assert key.encode() not in written


def key_is_only_a_hash(room: Room, key: str) -> None:
    """The right key is in the database as its SHA-256, once, which also shows that the search looks into the database."""
    with contextlib.closing(sqlite3.connect(room.data / "anyapi.db")) as database:
        rows = database.execute("SELECT prefix, sha256 FROM keys").fetchall()
    assert rows == [(key[:14], hashlib.sha256(key.encode()).digest())]


FAULTS = {
    "anyapi.gateway.authenticate:authenticate": {},
    "anyapi.gateway.formats.openai_chat:parse": {},
    "anyapi.gateway.plane:DataPlane.ask": {},
    "anyapi.gateway.plane:DataPlane.decide": {},
    "anyapi.gateway.plane:DataPlane.rank": {},
    "anyapi.gateway.durable:make_durable": {"data_policy": {"data_class": "confidential"}},
    "anyapi.gateway.dispatch:finish": {"model": "acme/refuses"},
    "anyapi.gateway.exchange:ProviderExchange.begin": {},
    "anyapi.gateway.exchange:ProviderExchange.end": {},
    "anyapi.gateway.exchange:ProviderExchange.deliver": {},
    "anyapi.gateway.client:Connection.send": {},
    "anyapi.gateway.client:Connection.send_part": STREAM,
    "anyapi.gateway.client:Connection.on_body": {},
    "anyapi.gateway.render:render_error": {"model": "acme/nothing"},
    "anyapi.upstream.openai_chat:OpenAIChat.prepare": {},
    "anyapi.upstream.openai_chat:OpenAIChat.read_answer": {},
    "anyapi.upstream.openai_chat:OpenAIChat.classify": {"model": "acme/bad-request"},
    "anyapi.upstream.openai_chat:ChatStream.feed": STREAM,
    "anyapi.upstream.connection:UpstreamConnection.on_body": {},
    "anyapi.upstream.anthropic:AnthropicAdapter.prepare": {"model": "acme/native"},
    "anyapi.upstream.gemini:GeminiAdapter.prepare": {"model": "acme/wire-gemini"},
    "anyapi.upstream.bedrock:BedrockAdapter.prepare": {"model": "acme/wire-bedrock"},
    "anyapi.upstream.cohere:CohereAdapter.prepare": {"model": "acme/wire-cohere"},
    "anyapi.upstream.cohere:CohereAdapter.read_answer": {"model": "acme/wire-cohere"},
}
"""Where an exception that nobody foresaw is thrown, with the request and the answer in its text, and what the request needs to get there."""
NOISY = {"PYTHONASYNCIODEBUG": "1", "PYTHONFAULTHANDLER": "1", "PYTHONWARNINGS": "always", "ANYAPI_TEST_LOG": "debug"}
"""Debugging that an operator may switch on from outside."""


def ask_with_fault(caller: Caller, room: Room, place: str, mark: Mark, over: dict[str, object]) -> int | None:
    """A request while a fault is armed: its status, None if the connection was cut."""
    armed = room.arm(f"{place}=raise", mark.text)
    body = {"model": "acme/good", **over}
    if body["model"].startswith(("acme/native", "acme/wire-")):  # their formats cannot say all that this body holds
        body |= {"messages": [{"role": "user", "content": mark("prompt")}]}
        body |= dict.fromkeys(("tools", "response_format", "prediction", "audio", "modalities", "logit_bias"))
    try:
        return caller.chat(mark, **body).status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        armed.unlink()


def fault_name(place: str) -> str:
    """What the plugin calls the fault of raising in this function."""
    return f"{place.replace(':', '.')}.raise"


def test_an_exception_nobody_foresaw_says_nothing_of_what_it_held(tmp_path):
    room, planted = Room(tmp_path / "room"), Planted()
    environment = room.environment([f"{place}=raise" for place in FAULTS]) | NOISY
    with simulated_in(room, providers(planted), environment, SERVER) as (gateway, simulation):
        planted.secrets.append(gateway.key)
        caller = Caller(gateway, simulation, planted)
        ends = {}
        for place, over in FAULTS.items():
            ends[place] = ask_with_fault(caller, room, place, planted.new(f"exception in {place}"), over)
            assert caller.chat(planted.new("after an exception")).status == 200, f"{place} took more with it than its own request"
        missing = [place for place in FAULTS if (room.armed / f"{fault_name(place)}.missing").exists()]
        assert not missing, f"there is no {missing} any more: name other places in FAULTS"
        idle = {place: room.fired(fault_name(place)) for place in FAULTS if room.fired(fault_name(place)) != "content"}
        assert not idle, f"these were not called, or held no content, so they show nothing: {idle}"
        search = Search(planted.scanner())
        search.running(gateway)
        search.files(room)
        log = gateway.log()
        assert gateway.stop() == 0
        search.file("traces", room.spans)  # again: the last spans are sent at the end, and on a quick machine all of them
        complete(search, planted)
    served = [place for place, status in ends.items() if status == 200 and not FAULTS[place].get("stream")]
    assert not served, f"answered as if nothing had happened: {served}"
    assert log.count("event=internal_error kind=") >= len(FAULTS) * 2 // 3, log[-2000:]
    assert "Traceback" not in log, "a traceback was printed: its last line is the text of the exception"


def test_a_store_that_cannot_be_written_keeps_no_content(tmp_path):
    room, planted = Room(tmp_path / "room"), Planted()
    with simulated_in(room, providers(planted), server=SERVER) as (gateway, simulation):
        planted.secrets.append(gateway.key)
        caller = Caller(gateway, simulation, planted)
        for _ in range(20):
            assert caller.chat(planted.new("before"), data_policy={"data_class": "confidential"}).status == 200
        gateway.usage(20)
        deadline = time.monotonic() + PATIENCE  # what it writes while it starts is not what this is about: the link is the last of it
        while "/join#" not in room.output.read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        # From now on no write of the process may go beyond what its log needs: for the database the disk is full.
        limit = (room.data / "gateway.log").stat().st_size + 4096
        resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        refused = [caller.chat(planted.new("unwritable"), data_policy={"data_class": "confidential"}) for _ in range(10)]
        plain = [caller.chat(planted.new("unwritable, plain")) for _ in range(10)]
        search = Search(planted.scanner())
        search.running(gateway)
        resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        gateway.stop()
        search.files(room)
        complete(search, planted)
    assert {end.status for end in refused} == {503}
    assert {end.status for end in plain} <= {200, 503}
    assert "event=writer_failed" in gateway.log()


CORE = re.compile(r"core(\.\d+)?")


def cores_are_written(folder: Path) -> bool:
    """Whether this machine leaves a core file in the working directory of a program that allows it."""
    folder.mkdir()
    command = "import os, resource as r; r.setrlimit(r.RLIMIT_CORE, (r.RLIM_INFINITY,) * 2); os.abort()"
    subprocess.run([sys.executable, "-c", command], cwd=folder, check=False, env={"PATH": os.environ["PATH"]})
    return any(CORE.fullmatch(file.name) for file in folder.iterdir())


def abort_in_a_stream(room: Room, planted: Planted, environment: dict[str, str] | None = None) -> RoomGateway:
    """A gateway that is killed with SIGABRT while it relays a stream and holds a request that is not answered yet."""
    with simulated_in(room, providers(planted), environment, SERVER) as (gateway, simulation):
        planted.secrets.append(gateway.key)
        caller = Caller(gateway, simulation, planted)
        with running_stream(caller, planted.new("SIGABRT in a stream")), running_stream(caller, planted.new("SIGABRT in a stream")):
            assert gateway.stop(signal.SIGABRT) == -signal.SIGABRT
    return gateway


def test_a_crash_leaves_no_core(tmp_path):
    room, planted = Room(tmp_path / "room"), Planted()
    abort_in_a_stream(room, planted)
    search = Search(planted.scanner())
    search.files(room)
    assert search.seen.pop("traces") == 0, "of what did not end there is no span"
    complete(search, planted)
    assert not [file.name for file in room.work.iterdir()]


def test_without_the_guard_a_crash_would_leave_a_core_with_content(tmp_path):
    """The control of the test above: the same crash with the guard taken out is found."""
    if not cores_are_written(tmp_path / "probe"):
        pytest.skip(
            "SKIPPED LOUDLY: this machine writes no core files (core_pattern pipes them away, or a hard limit): nothing to compare with"
        )
    room, planted = Room(tmp_path / "room"), Planted()
    fault = "anyapi.hygiene:forbid_dumps=skip"
    environment = room.environment([fault])
    room.arm(fault)
    abort_in_a_stream(room, planted, environment)
    search = Search(planted.scanner())
    search.files(room)
    assert any(CORE.fullmatch(Path(hit.sink).name) for hit in search.hits), "a core was written, and the search found nothing in it"
