"""Deletes usage rows whose time is over, a few at a time. Decision records and everything else stay."""

import json

from anyapi.storage import statements
from anyapi.storage.driver import Connection


def purge(connection: Connection, now: float, default_days: float, batch: int) -> int:
    """Delete at most `batch` rows older than their account's `usage_days`, or `default_days`; say how many went.

    `now` in Unix seconds. Raises the driver's errors. Looking for them takes no write lock in SQLite; deleting a small batch holds it
    briefly. With its `secure_delete` the bytes are overwritten in the file.
    """
    found = connection.execute(statements.EXPIRED_USAGE, {"now": now, "default_days": default_days, "batch": batch}).fetchall()
    if not found:
        return 0
    return connection.execute(statements.DELETE_USAGE, (json.dumps([rowid for (rowid,) in found]),)).rowcount
