"""Notes what is to be entered into the audit log, where no trigger of the database does: in the transaction of the change itself."""

import secrets
import time
from collections.abc import Mapping

import msgspec

from anyapi.storage.audit_statements import ADD_WAITING
from anyapi.storage.driver import Connection


def note_for_audit(connection: Connection, kind: str, values: Mapping[str, str | int], at: int | None = None) -> None:
    """Note a change by its ids and values, no free text; `at` in Unix milliseconds, else now. Raises the driver's own errors.

    `account`, `key`, `project`, `person`, and the `subject` of a `layer`, are replaced by random ids where it is entered.
    """
    now = time.time_ns() // 1_000_000 if at is None else at
    connection.execute(ADD_WAITING, (secrets.token_hex(12), now, kind, msgspec.json.encode(values).decode()))
