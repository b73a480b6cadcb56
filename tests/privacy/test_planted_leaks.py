"""The search of `test_canary.py` finds a leak in each of its sinks: here real ones are made, most of them by the gateway itself."""

import contextlib
import hashlib
import os
import sqlite3
import time

import msgspec
import pytest
from tests.privacy.sinks import Room, Search, simulated_in

from anyapi.prove.caller import Caller
from anyapi.prove.cast import SERVER, providers
from anyapi.prove.planted import Planted
from anyapi.prove.scanner import Hit
from anyapi.simulator import ModelSpec

PARSE, ASK, DECIDE = (
    "anyapi.gateway.formats.openai_chat:parse=print",
    "anyapi.gateway.plane:DataPlane.ask=write",
    "anyapi.gateway.plane:DataPlane.decide=spawn",
)


@pytest.fixture(scope="module")
def leaking(tmp_path_factory):
    """A gateway that prints, writes and passes on what it was asked; a store, pages and lists with canaries; and what a search finds."""
    room, planted = Room(tmp_path_factory.mktemp("leaks") / "room"), Planted()
    mark = planted.new("a leaking request")
    stored = {name: planted.new(name) for name in ("row", "page", "shm", "digest", "list", "metric")}
    extra = f'\n[privacy]\ncontact = "{stored["page"]("contact")}@example.com"\n'
    named = ModelSpec(f"acme/{stored['metric']('model')}", "named")  # a label of the metrics and of spans, as the operator wrote it
    first, *others = providers(planted)
    cast = [msgspec.structs.replace(first, models=(*first.models, named)), *others]
    environment = room.environment([PARSE, ASK, DECIDE])
    with simulated_in(room, cast, environment, SERVER, extra) as (gateway, simulation):
        caller = Caller(gateway, simulation, planted)
        for place in (PARSE, ASK, DECIDE):
            room.arm(place, mark.text)
        assert caller.chat(mark).status == 200
        assert caller.chat(planted.new("a request for that model"), named.id).status == 200
        gateway.usage(2)
        time.sleep(1.0)  # spans go out twice a second
        with contextlib.closing(sqlite3.connect(room.data / "anyapi.db")) as database:
            with database:
                database.execute("UPDATE usage SET app_name = ?", (stored["row"]("app"),))
                database.execute("UPDATE keys SET name = ?", (stored["list"]("name"),))
            with (room.data / "anyapi.db-shm").open("ab") as shm:
                shm.write(stored["shm"]("shm").encode())
            (room.work / "cache").write_bytes(hashlib.sha256(stored["digest"]("prompt").encode()).digest())
            search = Search(planted.scanner([stored["digest"]("prompt")]))
            search.running(gateway)
            search.commands(gateway)
            search.files(room)
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            search.files(room)
        pid = gateway.pid
        gateway.stop()
    leak = f"/tmp/leak-{pid}"
    yield room, search.hits, {**stored, "request": mark}
    os.unlink(leak)


def found(hits: list[Hit], mark: object, sink: str, form: str = "plain") -> list[Hit]:
    """Hits of a mark's canaries in a sink."""
    return [hit for hit in hits if hit.canary.startswith(mark.text) and sink in hit.sink and form in hit.form]


@pytest.mark.parametrize(
    ("what", "sink"),
    [
        ("request", "/room/output"),
        ("request", "/room/data/gateway.log"),
        ("request", "/room/work/leak-"),
        ("request", "/room/temporary/leak-"),
        ("request", "/room/home/leak-"),
        ("request", "/tmp/leak-"),
        ("request", "cmdline of processes"),
        ("request", "environ of processes"),
        ("row", "/room/data/anyapi.db-wal"),
        ("row", "/room/data/anyapi.db: table usage"),
        ("row", "/room/data/anyapi.db"),
        ("shm", "/room/data/anyapi.db-shm"),
        ("page", "answer of /v1/privacy"),
        ("page", "answer of /.well-known/anyapi-privacy.json"),
        ("metric", "metrics"),
        ("metric", "/room/spans"),
        ("list", "anyapi keys list"),
        ("list", "anyapi keys list --json"),
    ],
)
def test_a_leak_is_found(leaking, what, sink):
    _, hits, marks = leaking
    assert found(hits, marks[what], sink), f"the leak in {sink} was not found"


def test_a_leak_in_the_database_file_itself_is_found(leaking):
    _, hits, marks = leaking
    assert any(hit.sink.endswith("/anyapi.db") for hit in found(hits, marks["row"], "anyapi.db"))


def test_a_hash_of_a_prompt_is_found(leaking):
    _, hits, marks = leaking
    assert found(hits, marks["digest"], "/room/work/cache", "sha256")


def test_the_field_that_leaked_can_be_told(leaking):
    """A leak names its request; its field stands behind the mark, eight digits further."""
    room, hits, marks = leaking
    mark = marks["request"]
    text = (room.folder / "output").read_bytes()
    fields = {text[hit.offset : hit.offset + 24].decode() for hit in found(hits, mark, "/room/output") if hit.form == "plain"}
    assert mark.fields["prompt"] in fields
    assert fields <= set(mark.fields.values())
