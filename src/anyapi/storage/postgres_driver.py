"""The driver of PostgreSQL: psycopg, statements in autocommit mode, units of work written out. Imported only where a URL is configured.

Row-level security (docs/adr/0015) shows a connection nothing until a tenant is set; a unit sets it for its transaction.
"""

import contextlib
import importlib
import select
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar, cast

import msgspec
import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from anyapi.crypto.secret import Secret
from anyapi.errors import StorageError
from anyapi.storage.driver import Conflict, Connection, Cursor, NotStorable, Progress, Row, SchemaState, Value, Values
from anyapi.storage.postgres_refusals import UNREACHABLE, refusal_of
from anyapi.storage.postgres_schema import EXTENDING, WRITERS, above_the_wall, state
from anyapi.storage.postgres_statements import of_json, rewritten
from anyapi.storage.schema import no_progress
from anyapi.storage.tenant import EVERYBODY, tenant

CONNECT_SECONDS = 5
_LAST_WORDS = 3
"""So often something is read of a connection that should be silent, before that counts as its end."""
_T = TypeVar("_T")
_TENANT = "; SELECT set_config('anyapi.account', {}, TRUE)"
_BEGIN_READING = sql.SQL("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" + _TENANT)
_BEGIN_WRITING = sql.SQL(f"BEGIN{_TENANT}; SELECT pg_advisory_xact_lock({WRITERS})")
_SESSION = """
SET statement_timeout = '30s'; SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '10s'; SET timezone = 'UTC'
"""
_ADVICE = {
    "57": "it is stopping, starting or cancelled the statement: try again",
    "53": "it is out of disk space, memory or connections: free some",
    "28": "it does not let this role in: check user and password of the URL",
    "3D": "there is no database of that name: create it, or correct the URL",
    "42": "the role lacks a privilege, or the tables are not those of this release: the role must own them",
    "25": "it only reads: it is a standby, or in recovery",
    "23": "a row of that id exists already, or names an account or project that does not exist",
    "22": "a value cannot be stored",
}


class PostgresConnection:
    """A connection that is opened again by the next unit after it broke."""

    def __init__(self, url: Secret, *, durable: bool) -> None:
        """Connect. Raises `psycopg.Error`."""
        self._url, self._durable = url, durable
        self._raw = self._opened()

    def execute(self, statement: str, values: Values = ()) -> Cursor:
        """Run a statement written for SQLite."""
        # Without values psycopg would not read `%%`, and with an empty tuple it does.
        return cast("Cursor", self._raw.execute(rewritten(statement).encode(), values))

    def begin(self, *, writes: bool) -> None:
        """Open a transaction for the tenant in force; on a fresh connection if the old one broke meanwhile."""
        # In one message: each would be a way to the server and back.
        opening = (_BEGIN_WRITING if writes else _BEGIN_READING).format(sql.Literal(tenant()))
        self._begun(lambda: self._raw.execute(opening))

    def read(self, statement: str, values: Values) -> list[Row]:
        """A statement in a transaction for the tenant in force, in one message; on a fresh connection if the old one broke."""
        return self._begun(lambda: self._piped(statement, values)).fetchall()

    def _piped(self, statement: str, values: Values) -> Cursor:
        with self._raw.pipeline():
            self._raw.execute("BEGIN READ ONLY")
            self._raw.execute("SELECT set_config('anyapi.account', %s, TRUE)", (tenant(),))
            found = self.execute(statement, values)
            self._raw.execute("COMMIT")
        return found

    def _begun(self, begin: Callable[[], _T]) -> _T:
        """What begins a transaction; once more on a fresh connection if the old one broke. One that fails, or waits too long, is ended."""
        try:
            return self._tried(begin)
        except psycopg.OperationalError:
            if not self._raw.broken and not self._raw.closed:
                raise
            self.close()
            self._raw = self._opened()
            return self._tried(begin)

    def _tried(self, begin: Callable[[], _T]) -> _T:
        if self._raw.closed:
            raise psycopg.OperationalError
        done = False
        try:
            found = begin()
            done = True
        finally:
            if not done:
                self.end(commit=False)
        return found

    def end(self, *, commit: bool) -> None:
        """Close the transaction. One that cannot be rolled back has broken with its connection."""
        if commit:
            self._raw.execute("COMMIT")
        else:
            with contextlib.suppress(psycopg.Error):
                self._raw.execute("ROLLBACK")

    @property
    def hung_up(self) -> bool:
        """Whether the other side has ended it since it was last used."""
        return hung_up(self._raw)

    def close(self) -> None:
        """Close it."""
        with contextlib.suppress(psycopg.Error):
            self._raw.close()

    def _opened(self) -> psycopg.Connection[TupleRow]:
        raw = opened(self._url)
        if not self._durable:
            raw.execute("SET synchronous_commit = off")
        return raw


def opened(url: Secret) -> psycopg.Connection[TupleRow]:
    """A connection in autocommit mode that notices within seconds when the other side is gone. Raises `psycopg.Error`."""
    raw = psycopg.connect(
        url.reveal(),
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        application_name="anyapi",
        client_encoding="UTF8",
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        tcp_user_timeout=10_000,
    )
    try:
        raw.execute(_SESSION)
    except psycopg.Error:
        raw.close()
        raise
    return raw


def hung_up(raw: psycopg.Connection[TupleRow]) -> bool:
    """Whether the other side has ended a connection since it was last used. Not for one that listens: it would miss what it listens for.

    A server that ends a connection (a restart, `idle_session_timeout`, a firewall) says so when nobody reads. Whoever sends something
    then cannot know whether it was done; who looks before opens another connection, and nothing has happened yet.
    """
    waiting = select.poll()
    try:
        waiting.register(raw.fileno(), select.POLLIN)
        for _ in range(_LAST_WORDS):
            if not waiting.poll(0):
                return False
            raw.pgconn.consume_input()
    except psycopg.Error:
        pass
    return True


class PostgresDriver:
    """One database of a PostgreSQL server."""

    shared = True
    padding = b""

    def __init__(self, url: Secret) -> None:
        """`url` as libpq takes it."""
        self._url = url

    def state(self) -> SchemaState:
        """What the database is."""
        with self.translated("read the database's version"), contextlib.closing(opened(self._url)) as raw:
            return state(raw)

    def prepare(self, progress: Progress = no_progress) -> None:
        """Make or update the tables, in one transaction that other processes wait for."""
        with self.translated("read the database's version"), contextlib.closing(opened(self._url)) as raw:
            found, unwalled = state(raw), above_the_wall(raw)
            encoding = raw.info.parameter_status("server_encoding")
        if unwalled:
            raise StorageError(
                "the role of the URL is a superuser, or has BYPASSRLS: row-level security would not keep accounts apart. "
                "Make one without either that owns the database (createuser --pwprompt NAME), and name it in the URL"
            )
        if found is SchemaState.EMPTY and encoding != "UTF8":  # `createdb` makes SQL_ASCII where the server was set up without a locale
            raise StorageError(
                f"the database's encoding is {encoding}, which cannot hold every text. Make it anew in UTF8: "
                "createdb --encoding=UTF8 --template=template0 --owner=ROLE DATABASE"
            )
        if found is SchemaState.FOREIGN:
            raise StorageError("the database was written by a newer AnyAPI, or by something else: update AnyAPI, or use another database")
        if found is not SchemaState.CURRENT:
            with self.translated("bring the database up to date"), contextlib.closing(opened(self._url)) as raw:
                importlib.import_module("anyapi.storage.migrate").upgrade_postgres(raw, progress)

    def connect(self, *, durable: bool = True, everybody: bool = False) -> Connection:
        """Open a connection."""
        with self.translated("open the database"):
            connection = PostgresConnection(self._url, durable=durable)
            if everybody:
                connection.execute("SELECT set_config('anyapi.account', ?, FALSE)", (EVERYBODY,))
        return connection

    @contextlib.contextmanager
    def unit(self, connection: Connection, *, writes: bool, several: bool = False) -> Iterator[None]:  # noqa: ARG002 it is a transaction anyhow
        """A transaction; those that write wait for each other."""
        ours = cast("PostgresConnection", connection)
        ours.begin(writes=writes)
        done = False
        try:
            yield
            done = True
        finally:
            ours.end(commit=done)

    def read(self, connection: Connection, statement: str, values: Values = ()) -> list[Row]:
        """A transaction in one message."""
        return cast("PostgresConnection", connection).read(statement, values)

    @contextlib.contextmanager
    def alone(self, connection: Connection) -> Iterator[None]:
        """A transaction under a lock of its own; of one that its holder lets hang the server frees it (`_SESSION`)."""
        ours, done = cast("PostgresConnection", connection), False
        ours.execute("BEGIN")
        try:
            ours.execute(f"SELECT pg_advisory_xact_lock({EXTENDING})")
            yield
            done = True
        finally:
            ours.end(commit=done)

    def hung_up(self, connection: Connection) -> bool:
        """Whether the server has."""
        return cast("PostgresConnection", connection).hung_up

    def insert(self, connection: Connection, statement: Callable[[int], str], rows: Sequence[Sequence[Value]]) -> int:
        """Bind all rows as one value: 3 us a row of this process's time instead of 49, and three times the rows a second (measured)."""
        text, columns = of_json(statement(1))
        if any(isinstance(value, bytes) for value in rows[0]):
            rows = [[f"\\x{value.hex()}" if isinstance(value, bytes) else value for value in row] for row in rows]
        values = msgspec.json.encode([dict(zip(columns, row, strict=True)) for row in rows]).decode()
        return connection.execute(text, (values,)).rowcount

    def portion(self, waiting: int, most: int) -> int:
        """All: the statement is the same for every number."""
        return min(waiting, most)

    @contextlib.contextmanager
    def translated(self, doing: str) -> Iterator[None]:
        """Turn what goes wrong into `StorageError`. The server's own text is left out: it may hold values."""
        try:
            yield
        except psycopg.IntegrityError as error:
            raise Conflict(*_told(error, doing)) from None
        except (psycopg.DataError, UnicodeError, OverflowError) as error:
            raise NotStorable(*_told(error, doing)) from None
        except psycopg.Error as error:
            raise StorageError(*_told(error, doing)) from None

    def empty_wal(self, connection: Connection, *, waits: bool) -> None:
        """There is none of that kind: what is deleted is not overwritten in the server's."""

    def file_bytes(self) -> None:
        """There is none that could be rewritten."""

    def tidy(self, connection: Connection, *, failing: bool) -> None:
        """Nothing: the server looks after its WAL itself."""


class WorkersConnection:
    """A connection for what one worker says of itself, one thread at a time: opened when it has to be, and again after a failure."""

    first = ""
    """The statement that a fresh connection begins with."""
    listens = False
    """Whether it is for signals, too."""

    def __init__(self, url: Secret, worker: str, seconds: float) -> None:
        """`worker` names this process among all; what it says holds for so many seconds."""
        self._url, self._worker, self._seconds = url, worker, seconds
        self._driver = PostgresDriver(url)
        self._raw: psycopg.Connection[TupleRow] | None = None

    @contextlib.contextmanager
    def _connection(self, doing: str) -> Iterator[psycopg.Connection[TupleRow]]:
        with self._driver.translated(doing):
            try:
                if self._raw is not None and not self.listens and hung_up(self._raw):
                    self._disconnect()
                if self._raw is None:
                    self._raw = opened(self._url)
                    self._raw.execute(self.first.encode())
                yield self._raw
            except psycopg.Error:
                self._disconnect()
                raise

    def _disconnect(self) -> None:
        if self._raw is not None:
            with contextlib.suppress(psycopg.Error):
                self._raw.close()
            self._raw = None


def _told(error: Exception, doing: str) -> tuple[str, dict[str, object]]:
    state_code, advice = _meaning(error)
    code = f"SQLSTATE_{state_code}"
    return f"could not {doing} ({code}): {advice}", {"code": code}


def _meaning(error: Exception) -> tuple[str, str]:
    """The SQLSTATE and what to do. What has none is a connection that was not opened, or a fault that psycopg found itself."""
    found: str | None = getattr(error, "sqlstate", None)
    if found is None or found.startswith("08"):
        refusal = refusal_of(str(error))
        if isinstance(error, psycopg.OperationalError) or refusal is not UNREACHABLE:
            return refusal
        found = "22000"
    return found, _ADVICE.get(found[:2], "look at the server's log")
