"""Whose rows the statements of a task may see: the second wall, behind the account in every statement.

PostgreSQL's row-level security holds it; with SQLite nothing does. A thread that a task starts by `asyncio.to_thread` works for its tenant.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

EVERYBODY = "*"
"""Snapshots, writers and commands on the machine itself work for all accounts. No account has this id."""
_TENANT: ContextVar[str] = ContextVar("anyapi_tenant", default=EVERYBODY)


def tenant() -> str:
    """The account whose rows are seen, or `EVERYBODY`."""
    return _TENANT.get()


@contextlib.contextmanager
def only(account: str) -> Iterator[None]:
    """See the rows of one account alone within the block."""
    token = _TENANT.set(account)
    try:
        yield
    finally:
        _TENANT.reset(token)
