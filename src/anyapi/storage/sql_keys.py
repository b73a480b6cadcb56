"""API keys in either database: made, changed, replaced, ended; what they spent; and the keys that manage them. Part of `SqlStore`."""

from collections.abc import Callable

import msgspec

from anyapi.domain.ids import AccountId, KeyId
from anyapi.domain.requirement import Layer, Settings
from anyapi.errors import StorageError
from anyapi.storage import key_statements, log_statements, spending, statements
from anyapi.storage.audit_notes import note_for_audit
from anyapi.storage.contract import NO_SETTINGS
from anyapi.storage.database import Database, one_of, rows_of
from anyapi.storage.driver import Connection
from anyapi.storage.holdings import IS_CLOSING
from anyapi.storage.rows import KeyRow, ProvisioningKeyRow, SpendingRow, body_of
from anyapi.storage.tenant import EVERYBODY, only
from anyapi.storage.usage_sums import add_missing

_CHANGEABLE = {"name", "spend_cap", "period", "requests_per_minute", "disabled_at"}
_FIXED = tuple(name for name in KeyRow.__struct_fields__ if name not in _CHANGEABLE)


class SqlKeys(Database):
    """`KeyStore` but for accounts and projects, `SpendingStore` and `ProvisioningStore`."""

    def add_key(self, key: KeyRow, settings: Settings = NO_SETTINGS, most: int | None = None) -> None:
        """Add an API key together with its own settings, unless its account has `most` live ones; durable on return."""
        with self._transaction("add the key") as connection:
            if connection.execute(IS_CLOSING, {"account": key.account}).fetchone() is not None:
                raise StorageError("this account is being deleted, so no key of it would work: finish that", {"code": "closing"})
            connection.execute(statements.ADD_KEY, _values(key))
            if settings != NO_SETTINGS:
                connection.execute(statements.PUT_SETTINGS, (Layer.KEY.value, key.id, body_of(settings), key.created_at))
            _keep_to(connection, key, most)

    def keys(self, account: AccountId | None = None) -> list[KeyRow]:
        """Give the keys of one account or of all, oldest first, revoked and expired ones too."""
        if account is None:
            return rows_of(KeyRow, self._read("read the keys", statements.KEYS))
        return rows_of(KeyRow, self._read("read the keys", statements.KEYS_OF_ACCOUNT, (account,)))

    def key(self, key: KeyId) -> KeyRow | None:
        """Give one key, or None."""
        return one_of(KeyRow, self._read("read the key", statements.ONE_KEY, (key,)))

    def revoke_key(self, key: KeyId, at: float) -> KeyRow | None:
        """Revoke a key and give it as it is then; None if there is none of that id."""
        self._write("revoke the key", statements.REVOKE_KEY, (at, key))
        return self.key(key)

    def end_key(self, key: KeyId, at: float) -> KeyRow | None:
        """Have a key expire, never later than it would anyway, and give it as it is then; None if there is none of that id."""
        self._write("end the key", statements.END_KEY, {"at": at, "id": key})
        return self.key(key)

    def change_key(self, key: KeyId, change: Callable[[KeyRow], KeyRow]) -> KeyRow | None:
        """Replace name, limits and whether it is disabled, atomically; the limits are those of all keys of its lineage."""
        with self._transaction("change the key") as connection:
            before = one_of(KeyRow, connection.execute(statements.ONE_KEY, (key,)).fetchall())
            if before is None:
                return None
            after = change(before)
            if any(getattr(before, name) != getattr(after, name) for name in _FIXED):
                raise StorageError("only the name of a key, its limits and whether it is disabled can be changed")
            connection.execute(key_statements.CHANGE_KEY, (after.name, after.disabled_at, key))
            limits = (after.spend_cap, after.period.value, after.requests_per_minute)
            connection.execute(key_statements.CHANGE_LIMITS, (*limits, after.lineage))
        return after

    def replace_key(self, key: KeyId, new: KeyRow, ends_at: float, most: int | None = None) -> KeyRow | None:
        """Add a key in the place of another, with all that it has, and let the other end; all or nothing."""
        with self._transaction("replace the key") as connection:
            old = one_of(KeyRow, connection.execute(statements.ONE_KEY, (key,)).fetchall())
            if old is None:
                return None
            newest = connection.execute(key_statements.KEYS_OF_LINEAGE, (old.lineage,)).fetchone()
            if old.revoked_at is not None or newest != (key,):
                raise StorageError("a key that is revoked or was replaced before cannot be replaced", {"code": "replaced"})
            inherited = ("account", "project", "spend_cap", "period", "requests_per_minute", "disabled_at", "lineage")
            made = msgspec.structs.replace(new, **{name: getattr(old, name) for name in inherited})
            connection.execute(statements.ADD_KEY, _values(made))
            connection.execute(key_statements.COPY_SETTINGS, (made.id, made.created_at, key))
            _copy_log_rule(connection, key, made)
            connection.execute(statements.END_KEY, {"at": ends_at, "id": key})
            _keep_to(connection, made, most)
        return made

    def spending(self, account: AccountId, month: int, week: int, day: int) -> list[SpendingRow]:
        """Give what the keys of an account spent."""
        with self._reading("read what keys spent") as read:
            return spending.spending(read, account, month, week, day)

    def capped_spending(self, month: int, week: int, day: int) -> dict[KeyId, float]:
        """Give what each key that a spend cap holds has spent in the current period of its cap."""
        with self._reading("read what keys spent") as read:
            return spending.capped_spending(read, month, week, day)

    def fold_spending(self, before: int) -> None:
        """Make one sum of the days before `before` for each lineage."""
        if self._read("look for old spending", key_statements.OLD_SPENDING, {"before": before}):
            with only(EVERYBODY), self._transaction("sum up old spending") as connection:
                add_missing(connection)
                connection.execute(key_statements.FOLD_SPENDING, (before,))
                connection.execute(key_statements.DELETE_FOLDED, (before,))

    def add_provisioning_key(self, key: ProvisioningKeyRow) -> None:
        """Add a provisioning key."""
        self._write("add the provisioning key", key_statements.ADD_PROVISIONING, msgspec.structs.astuple(key))

    def provisioning_keys(self, account: AccountId) -> list[ProvisioningKeyRow]:
        """Give those of an account, oldest first, revoked ones too."""
        return rows_of(ProvisioningKeyRow, self._read("read the keys", key_statements.PROVISIONING_OF_ACCOUNT, (account,)))

    def provisioning_key(self, sha256: bytes) -> ProvisioningKeyRow | None:
        """Give the one of a hash that is in force, or None."""
        found = self._read("read the provisioning key", key_statements.PROVISIONING_BY_HASH, (sha256,))
        return one_of(ProvisioningKeyRow, found)

    def revoke_provisioning_key(self, account: AccountId, key: KeyId, at: float) -> bool:
        """Revoke one of an account; False if it has none of that id in force."""
        return self._write("revoke the provisioning key", key_statements.REVOKE_PROVISIONING, (at, key, account)) > 0


def _keep_to(connection: Connection, made: KeyRow, most: int | None) -> None:
    """Raise if the account of a key that was just added has more than `most` live ones with it."""
    if most is None:
        return
    ((live,),) = connection.execute(statements.LIVE_KEYS, (made.account, made.created_at)).fetchall()
    if msgspec.convert(live, int) > most:
        raise StorageError(
            f"this account has {most} API keys in use, which is the most that one may have here: revoke those that nobody needs "
            "any more (one that is rotated with an overlap counts until it ends), or ask the operator to raise control.keys_per_account",
            {"code": "too_many_keys"},
        )


def _copy_log_rule(connection: Connection, old: KeyId, made: KeyRow) -> None:
    """What was said of the old key's prompts holds for the new one: one that is kept out of its account's log stays out."""
    rule = connection.execute(log_statements.RULE_OF_KEY, (made.account, old)).fetchone()
    if rule is None:
        return
    named = {"account": made.account, "layer": Layer.KEY.value, "subject": made.id}
    connection.execute(log_statements.PUT_RULE, (*named.values(), *rule, made.created_at))
    keeps, share, ttl_days = map(str, rule)
    note_for_audit(connection, "log_rule", {**named, "keeps": keeps, "share": share, "ttl_days": ttl_days})


def _values(key: KeyRow) -> tuple[str | float | bytes | None, ...]:
    values = {**msgspec.structs.asdict(key), "period": key.period.value}
    return tuple(values[name] for name in statements.KEY_COLUMNS)
