"""Each sink of a real installation: a leak that is planted there is found by its own search, and by no other's."""

import contextlib
import time
from pathlib import Path

import msgspec
import pytest
from tests.tools import postgres
from tests.tools.gateway import add_key, running_gateway, simulated

from anyapi.crypto.secret import Secret
from anyapi.prove.examine import finds
from anyapi.prove.scanner import Mint, Scanner
from anyapi.prove.search import Search
from anyapi.prove.sinks import MEMORY, Installation, sinks_of
from anyapi.prove.target import Target
from anyapi.simulator import DEFAULT_PROVIDERS, SimulationThread, demo_config_toml
from anyapi.storage.drivers import driver_for
from anyapi.storage.sql_store import SqlStore

NAMES = [
    MEMORY,
    "database",
    "data directory",
    "log",
    "temporary files",
    "working directory",
    "arguments and environments",
    "pages and metrics",
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    home, work, temporary = (tmp_path_factory.mktemp(name) for name in ("home", "work", "temporary"))
    with simulated(home / "data") as (gateway, _):
        target = Target(gateway.url, gateway.key)
        logs = (gateway.home / "gateway.log",)
        model = "openai/gpt-4o-mini"
        yield Installation(target, driver_for(gateway.home), gateway.home, model, (gateway.pid,), logs, (temporary,), (work,))


@pytest.fixture(scope="module")
def sinks(place):
    return {sink.name: sink for sink in sinks_of(place)}


def test_they_are_all_there(sinks):
    assert list(sinks) == NAMES


SLOW = {MEMORY, "database"}
"""What `tests/privacy/test_prove.py` shows of a demo too."""


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.long) if name in SLOW else name for name in NAMES])
def test_a_planted_leak_is_found(sinks, name):
    assert any(finds(sinks[name]) for _ in range(3))


@pytest.mark.parametrize("name", ["data directory", "temporary files", "working directory"])
def test_what_was_planted_is_gone_again_and_in_no_other_sink(sinks, name):
    canary = Mint().new()
    with sinks[name].plant(canary):
        for other in ("data directory", "temporary files", "working directory", "log"):
            search = Search(Scanner([canary]))
            sinks[other].look(search)
            assert bool(search.hits) is (other == name)
    search = Search(Scanner([canary]))
    sinks[name].look(search)
    assert search.hits == []


def test_spans_are_searched_where_the_collector_writes_a_file(place, tmp_path):
    (tmp_path / "spans").write_bytes(b"\0binary")
    told = msgspec.structs.replace(place, spans=(tmp_path / "spans",))
    (sink,) = (one for one in sinks_of(told) if one.name == "traces")
    assert finds(sink)


UNSEEN = (
    ({"pids": ()}, MEMORY, "as root"),
    ({"unreadable": "it goes to a pipe", "logs": ()}, "log", "pipe"),
    ({"spans_elsewhere": "name it with --spans"}, "traces", "--spans"),
)


def test_what_cannot_be_read_is_said(place):
    for changed, name, why in UNSEEN:
        lacking = Installation(**{field: getattr(place, field) for field in place.__struct_fields__} | changed)
        (sink,) = (one for one in sinks_of(lacking) if one.name == name)
        with pytest.raises(PermissionError, match=why):
            sink.look(Search(Scanner([Mint().new()])))


@pytest.fixture(scope="module")
def on_postgres(tmp_path_factory):
    """The same with PostgreSQL behind it."""
    home = tmp_path_factory.mktemp("clustered") / "home"
    server = postgres.run()
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(server.empty_database())
        simulation = stack.enter_context(SimulationThread(DEFAULT_PROVIDERS))
        toml = demo_config_toml(simulation.simulation.ports)
        driver = driver_for(home, Secret(url))
        driver.prepare()
        with SqlStore(driver, time.time) as store:
            key, _ = add_key(store)
        raw = stack.enter_context(contextlib.closing(server.as_superuser()))
        ((files,),) = raw.execute("SHOW data_directory").fetchall()
        gateway = stack.enter_context(running_gateway(home, toml, environment={"ANYAPI_DATABASE_URL": url}))
        yield Installation(Target(gateway.url, key), driver, home, "openai/gpt-4o-mini", (gateway.pid,), server_files=Path(files))


def one_of(place, name):
    return next(one for one in sinks_of(place) if one.name == name)


@pytest.mark.long
@pytest.mark.parametrize("name", ["database rows", "database files"])
def test_a_planted_leak_in_postgresql_is_found(on_postgres, name):
    assert finds(one_of(on_postgres, name))


@pytest.mark.long
def test_where_the_servers_files_are_may_be_hidden(on_postgres):
    hidden = Installation(on_postgres.target, on_postgres.driver, on_postgres.data_dir, on_postgres.model)
    with pytest.raises(PermissionError, match="--postgres-data"):
        one_of(hidden, "database files").look(Search(Scanner([Mint().new()])))
