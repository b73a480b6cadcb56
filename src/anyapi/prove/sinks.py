"""What one installation can write to, each with a way to search it and a way to plant a leak in it that the search has to find."""

import contextlib
import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import msgspec

from anyapi.prove.dialects import DENIED
from anyapi.prove.search import Search, Skipped
from anyapi.prove.target import Target
from anyapi.storage.connection import DATABASE_NAME
from anyapi.storage.driver import Driver

WRITTEN_SECONDS = 3.0
"""A usage row is written within 100 ms of its answer."""
HELD, HOLD_SECONDS = 4, 0.4
"""So many halves of requests at a time, and how often the oldest is replaced: a gateway may wait for the rest for two seconds alone."""
MEMORY = "process memory"
TRACES = "traces"
METRICS_PATH = "/metrics"
OF_DEMOS = "anyapi-prove-"
PREFIXES = (OF_DEMOS, "canary-")
"""How directories begin that are ours."""


class Sink(NamedTuple):
    """One kind of place. Either may raise `PermissionError`: then nothing is known of it."""

    name: str
    look: Callable[[Search], None]
    plant: Callable[[str], AbstractContextManager[object]]
    """Has a leak of this canary there within the block."""


class Installation(msgspec.Struct, frozen=True):
    """A running gateway, and where it writes."""

    target: Target
    driver: Driver
    data_dir: Path
    model: str
    """One that the gateway knows."""
    pids: tuple[int, ...] = ()
    logs: tuple[Path, ...] = ()
    temporary: tuple[Path, ...] = ()
    working: tuple[Path, ...] = ()
    server_files: Path | None = None
    """Of PostgreSQL, where it runs on this machine; None: it is asked."""
    spans: tuple[Path, ...] = ()
    """Files that its collector writes its spans to."""
    spans_elsewhere: str = ""
    """Why its spans cannot be searched, if so."""
    metrics: Target | None = None
    """Where its page for Prometheus is, if it has one."""
    unreadable: str = ""
    """Why its log cannot be searched, if so."""
    since: float = 0.0
    """Unix seconds; older files of others are not looked at."""


def sinks_of(place: Installation) -> Iterator[Sink]:
    """Each of them; the process's memory is the first, while what was asked is freshest there."""
    yield Sink(MEMORY, lambda search: _memory(place, search), lambda canary: _held(place, canary))
    if place.driver.shared:
        yield Sink("database rows", lambda search: _rows(place.driver, search), lambda canary: _row(place, canary))
        yield Sink("database files", lambda search: _server_files(place, search), lambda canary: _row(place, canary))
    else:
        yield Sink("database", lambda search: _database(place, search), lambda canary: _row(place, canary))
    yield Sink("data directory", lambda search: _data(place, search), lambda canary: _file_in(place.data_dir, canary))
    if place.logs or place.unreadable:
        yield Sink("log", lambda search: _logs(place, search), lambda canary: _logged(place.logs[0], canary))
    yield from (_new_files(name, paths, place) for name, paths in _others(place) if paths)
    yield Sink("arguments and environments", lambda search: search.processes("arguments and environments"), _child)
    if place.spans or place.spans_elsewhere:
        yield Sink(TRACES, lambda search: _spans(place, search), lambda canary: _logged(place.spans[0], canary))
    yield Sink("pages and metrics", lambda search: _pages(place, search), lambda canary: _echoed(place, canary))


def _others(place: Installation) -> Iterator[tuple[str, tuple[Path, ...]]]:
    yield "temporary files", place.temporary
    yield "working directory", place.working


def _new_files(name: str, paths: tuple[Path, ...], place: Installation) -> Sink:
    def look(search: Search) -> None:
        for path in paths:
            search.new_files(name, path, place.since, Skipped(prefixes=PREFIXES, old=True))

    return Sink(name, look, lambda canary: _file_in(paths[0], canary))


def _memory(place: Installation, search: Search) -> None:
    if not place.pids:
        raise PermissionError("the gateway's process was not found on this machine: run this there, as root")
    for pid in place.pids:
        search.memory(MEMORY, pid)


@contextlib.contextmanager
def _held(place: Installation, canary: str) -> Iterator[None]:
    """Halves of requests, one after the other, each of which the gateway holds as long as its other half may come."""
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {place.target.key}\r\n"
    half = f"{head}Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n{canary} {canary}".encode()
    ended = threading.Event()

    def hold() -> None:
        with contextlib.ExitStack() as first:
            held = [first.enter_context(contextlib.ExitStack()) for _ in range(HELD)]
            for turn in itertools.count():
                held[turn % HELD].close()
                with contextlib.suppress(OSError):
                    client = held[turn % HELD].enter_context(place.target.connect(WRITTEN_SECONDS))
                    client.sendall(half)
                if ended.wait(HOLD_SECONDS):
                    return

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        time.sleep(2 * HOLD_SECONDS)  # the first ones are read by then
        yield
    finally:
        ended.set()
        holder.join()


def _logs(place: Installation, search: Search) -> None:
    if place.unreadable:
        raise PermissionError(place.unreadable)
    for path in place.logs:
        search.file("log", path)


def _spans(place: Installation, search: Search) -> None:
    if place.spans_elsewhere:
        raise PermissionError(place.spans_elsewhere)
    for path in place.spans:
        search.file(TRACES, path)


def _database(place: Installation, search: Search) -> None:
    for suffix in ("", "-wal", "-shm"):
        search.file("database", place.data_dir / f"{DATABASE_NAME}{suffix}")


@contextlib.contextmanager
def _row(place: Installation, canary: str) -> Iterator[None]:
    """A refused request whose app has the canary for a name: that is stored by design, in its usage row, and sent to nobody."""
    body = {"model": place.model, "messages": [{"role": "user", "content": "nothing"}], "data_policy": DENIED}
    place.target.request("POST", "/v1/chat/completions", body, {"X-AnyAPI-App-Name": canary})
    time.sleep(WRITTEN_SECONDS)
    yield


def _data(place: Installation, search: Search) -> None:
    for folder, _, files in os.walk(place.data_dir):
        for name in files:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink() and not name.startswith(DATABASE_NAME) and path not in place.logs:
                search.file("data directory", path)


@contextlib.contextmanager
def _file_in(folder: Path, canary: str) -> Iterator[None]:
    path = folder / f"anyapi-planted-{os.getpid()}"
    try:
        path.write_text(f"a leak of {canary}")
        yield
    finally:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _logged(path: Path, canary: str) -> Iterator[None]:
    """A line of its own; it stays there."""
    with path.open("ab") as log:
        log.write(f"anyapi prove: planted {canary}\n".encode())
    yield


@contextlib.contextmanager
def _child(canary: str) -> Iterator[None]:
    says = "import sys; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(  # noqa: S603 our own interpreter
        ["/usr/bin/env", f"PLANTED={canary}", sys.executable, "-c", says, canary], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        try:
            # Until it runs what it is to run, its arguments and environment may be found empty.
            if child.stdout is not None:
                child.stdout.readline()
            yield
        finally:
            child.kill()


def _pages(place: Installation, search: Search) -> None:
    search.pages(place.target, "pages and metrics")
    if place.metrics is not None:
        try:
            answer = place.metrics.request("GET", METRICS_PATH)
        except OSError:
            raise PermissionError("the page of metrics that the configuration names does not answer") from None
        search.text("pages and metrics", answer.body)


@contextlib.contextmanager
def _echoed(place: Installation, canary: str) -> Iterator[None]:
    """What a caller names its request stands in the answer's head, by design."""
    with place.target.named(canary):
        yield


def _rows(driver: Driver, search: Search) -> None:
    """Every row of every table, as text."""
    with contextlib.closing(driver.connect(everybody=True)) as connection, driver.translated("read every table"):
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            for row in connection.execute(f'SELECT * FROM "{table!s}"').fetchall():  # noqa: S608 a name out of the catalogue, quoted
                search.text("database rows", b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in row))


def _server_files(place: Installation, search: Search) -> None:
    """The server's own files, write-ahead log among them, where it runs on this machine and they may be read."""
    folder = place.server_files or _told(place.driver)
    try:
        search.folder("database files", folder)
    except NotADirectoryError:
        raise PermissionError("the server's files are not on this machine, or may not be read: run this there, as root") from None


def _told(driver: Driver) -> Path:
    with contextlib.closing(driver.connect(everybody=True)) as connection, driver.translated("find the server's files"):
        found = connection.execute("SELECT setting FROM pg_settings WHERE name = 'data_directory'").fetchall()
    if not found:
        raise PermissionError("the database's role may not see where the server's files are: name them with --postgres-data")
    return Path(str(found[0][0]))
