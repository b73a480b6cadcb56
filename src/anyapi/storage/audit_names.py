"""The names behind the audit log's random ids. They stand in a table apart, and go with the account."""

import secrets

from anyapi.errors import StorageError
from anyapi.storage import audit_statements as statements
from anyapi.storage.driver import Connection

_MOST_KNOWN = 50_000
_MOST_APPS = 1000
"""Apps of one account that get an id of their own; callers name apps as they like, so there has to be an end."""
MANY_APPS = "more"


class LogIds:
    """Gives random ids, the same one for the same thing. One connection, one thread."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._known: dict[tuple[str, str, str], str] = {}
        self._apps: dict[str, int] = {}
        self.connection: Connection | None = None

    def forget(self) -> None:
        """Look everything up again: an account may be gone."""
        self._known.clear()
        self._apps.clear()

    def __call__(self, kind: str, account: str, subject: str) -> str:
        """The id of a thing, made where it has none. That of something that is gone is new each time it is asked for anew."""
        found = self._known.get((kind, account, subject))
        if found is not None:
            return found
        if kind == "app":
            subject = self._within(account, subject)
        made = self._stored(kind, account, subject)
        if len(self._known) >= _MOST_KNOWN:
            self.forget()
        self._known[kind, account, subject] = made
        return made

    def _within(self, account: str, app: str) -> str:
        count = self._apps.get(account, 0)
        self._apps[account] = count + 1
        return app if count < _MOST_APPS else MANY_APPS

    def _stored(self, kind: str, account: str, subject: str) -> str:
        if self.connection is None:
            raise StorageError("the audit log is not open")
        values = (kind, account, subject)
        found = self.connection.execute(statements.NAME, values).fetchone()
        if found is None:
            made = f"log_{secrets.token_hex(12)}"
            self.connection.execute(statements.ADD_NAME, {"log_id": made, "kind": kind, "account": account, "subject": subject})
            found = self.connection.execute(statements.NAME, values).fetchone() or (made,)
        return str(found[0])
