"""What a PostgreSQL database is, seen from this release; and what its tables need besides what the revisions make: `postgres.sql`."""

from pathlib import Path

import psycopg
from psycopg.rows import TupleRow

from anyapi.storage.driver import SchemaState
from anyapi.storage.schema import of_revisions
from anyapi.storage.tenant import EVERYBODY

WRITERS = 0x616E79617069
"""The advisory lock that units which write, and migrations, take one after the other. The word `anyapi` in ASCII."""

EXTENDING = WRITERS + 1
"""The advisory lock of whoever extends the audit log."""


def state(raw: psycopg.Connection[TupleRow]) -> SchemaState:
    """Say what the database is. Raises `psycopg.Error`."""
    ((ours, accounts),) = raw.execute("SELECT to_regclass('alembic_version') IS NOT NULL, to_regclass('accounts') IS NOT NULL").fetchall()
    if not ours:
        return SchemaState.FOREIGN if accounts else SchemaState.EMPTY
    return of_revisions([revision for (revision,) in raw.execute("SELECT version_num FROM alembic_version").fetchall()])


def above_the_wall(raw: psycopg.Connection[TupleRow]) -> bool:
    """Whether row-level security does not hold for the role: nobody would notice that it is not there. Raises `psycopg.Error`."""
    found = raw.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user").fetchone()
    return found != (False,)


def begin(raw: psycopg.Connection[TupleRow]) -> None:
    """Before the revisions: wait for other processes, and see the rows of all accounts."""
    raw.execute("SET LOCAL lock_timeout = '60s'")
    raw.execute("SELECT pg_advisory_xact_lock(%s)", (WRITERS,))
    raw.execute("SELECT set_config('anyapi.account', %s, TRUE)", (EVERYBODY,))


def finish(raw: psycopg.Connection[TupleRow]) -> None:
    """After them. May be done again and again."""
    raw.execute(Path(__file__).with_name("postgres.sql").read_bytes())
