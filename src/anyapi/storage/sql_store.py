"""The store of either database: accounts, keys, credentials, settings; reading of usage and decisions, which writers beside it write.

Constant SQL only.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from anyapi.domain.evidence import Contradiction
from anyapi.domain.exposure import Recipient
from anyapi.domain.ids import AccountId, CredentialId, DecisionId, EndpointId
from anyapi.domain.requirement import Layer, Settings
from anyapi.domain.snapshot import Agreement
from anyapi.domain.usage import DecisionRecord, UsageRow
from anyapi.errors import StorageError
from anyapi.storage import exposure_reading, statements, usage_reading, usage_statements
from anyapi.storage.audit_notes import note_for_audit
from anyapi.storage.database import rows_of
from anyapi.storage.decision_columns import from_columns
from anyapi.storage.driver import Connection, Driver, Row, Value
from anyapi.storage.rows import (
    DEFAULT_ACCOUNT,
    DEFAULT_USAGE_DAYS,
    STORED_LAYERS,
    AccountRow,
    CredentialRow,
    Declared,
    ProjectRow,
    UsageGroup,
    UsageTimes,
    UsageTotal,
    body_of,
)
from anyapi.storage.sql_keys import SqlKeys
from anyapi.storage.sql_log_rules import SqlLogRules
from anyapi.storage.usage_sums import purge

_SETTINGS_FIELDS = frozenset(Settings.__struct_fields__)
_DECLARED_FIELDS = frozenset(Declared.__struct_fields__)
_AGREEMENT_FIELDS = frozenset(Agreement.__struct_fields__)
_FIXED = ("id", "account", "provider", "created_at", "disabled_at")
"""What no change of a credential may touch."""


class SqlStore(SqlKeys, SqlLogRules):
    """The stores of `storage/contract.py`, but for the sinks. Every method raises `StorageError` and nothing else."""

    def __init__(self, place: Path | Driver, clock: Callable[[], float] = time.time) -> None:
        """Open the store, making tables and the account `default` where they are missing; a path is a data directory with SQLite.

        `clock` in Unix seconds dates that account; nothing else here asks the time.
        """
        super().__init__(place)
        if not self._read("open the database", statements.HAS_ACCOUNT, (DEFAULT_ACCOUNT,)):
            self._write("make the default account", statements.ENSURE_ACCOUNT, (DEFAULT_ACCOUNT, "Default account", clock(), None))

    def add_account(self, account: AccountRow) -> None:
        """Add an account."""
        self._write("add the account", statements.ADD_ACCOUNT, msgspec.structs.astuple(account))

    def accounts(self) -> list[AccountRow]:
        """Give every account, ordered by id."""
        return rows_of(AccountRow, self._read("read the accounts", statements.ACCOUNTS))

    def set_usage_days(self, account: AccountId, days: float | None) -> bool:
        """Say how long an account's usage rows are kept."""
        with self._transaction("say how long usage rows are kept") as connection:
            found = connection.execute(statements.SET_USAGE_DAYS, (days, account)).rowcount > 0
            if found:  # entries hold no fractions
                note_for_audit(connection, "usage_days", {"account": account, "days": "default" if days is None else str(days)})
        return found

    def closing(self) -> frozenset[AccountId]:
        """Give the accounts that are being deleted."""
        return frozenset(AccountId(str(account)) for (account,) in self._read("read the accounts being deleted", statements.CLOSING))

    def add_project(self, project: ProjectRow) -> None:
        """Add a project of an account."""
        self._write("add the project", statements.ADD_PROJECT, msgspec.structs.astuple(project))

    def projects(self) -> list[ProjectRow]:
        """Give every project, ordered by id."""
        return rows_of(ProjectRow, self._read("read the projects", statements.PROJECTS))

    def add_credential(self, credential: CredentialRow) -> None:
        """Add a credential that an account brought; durable on return."""
        values = {**msgspec.structs.asdict(credential), "tier": credential.tier.value, "declared": body_of(credential.declared)}
        with self._transaction("add the credential") as connection:
            connection.execute(statements.ADD_CREDENTIAL, tuple(values.values()))
            if credential.declared.agreements:
                _note_agreements(connection, credential)

    def credentials(self, account: AccountId | None = None) -> list[CredentialRow]:
        """Give the credentials of one account or of all, oldest first, revoked ones too; raises if one cannot be read in full."""
        if account is None:
            return [_credential(row) for row in self._read("read the credentials", statements.CREDENTIALS)]
        return [_credential(row) for row in self._read("read the credentials", statements.CREDENTIALS_OF_ACCOUNT, (account,))]

    def credential(self, credential: CredentialId) -> CredentialRow | None:
        """Give one credential, or None."""
        return next((_credential(row) for row in self._read("read the credential", statements.ONE_CREDENTIAL, (credential,))), None)

    def change_credential(self, credential: CredentialId, change: Callable[[CredentialRow], CredentialRow]) -> CredentialRow | None:
        """Replace a credential by `change` of what it is, atomically, and give it as it is then; None if there is none of that id.

        Raises for a revoked one and for a change of what is fixed; what `change` raises is passed on and changes nothing.
        """
        with self._transaction("change the credential") as connection:
            found = connection.execute(statements.ONE_CREDENTIAL, (credential,)).fetchone()
            if found is None:
                return None
            before = _credential(found)
            after = change(before)
            if before.disabled_at is not None or any(getattr(before, name) != getattr(after, name) for name in _FIXED):
                raise StorageError("a revoked credential, and the owner and provider of any, cannot be changed: add a new one")
            sealed = (after.key_id, after.wrapped, after.ciphertext, after.version)
            connection.execute(statements.CHANGE_CREDENTIAL, (after.tier.value, after.name, body_of(after.declared), *sealed, credential))
            if before.declared.agreements != after.declared.agreements:
                _note_agreements(connection, after)
        return after

    def revoke_credential(self, credential: CredentialId, at: float) -> CredentialRow | None:
        """Revoke a credential, forget its sealed secret, and give it as it is then; None if there is none of that id."""
        self._write("revoke the credential", statements.REVOKE_CREDENTIAL, {"at": at, "id": credential, "nothing": b""})
        return self.credential(credential)

    def settings(self, layer: Layer, subject: str) -> Settings:
        """Give one layer's settings; `Settings()` if none were put."""
        found = self._read("read the settings", statements.SETTINGS, (layer.value, subject))
        return _settings(layer.value, subject, found[0][0]) if found else Settings()

    def all_settings(self) -> dict[tuple[Layer, str], Settings]:
        """Give all settings that were put; raises if one of them cannot be read in full."""
        rows = self._read("read the settings", statements.ALL_SETTINGS)
        return {(Layer(str(layer)), str(subject)): _settings(str(layer), str(subject), body) for layer, subject, body in rows}

    def change_settings(self, layer: Layer, subject: str, change: Callable[[Settings], Settings], at: float) -> Settings:
        """Replace one layer's settings by `change` of what they are, atomically, and give the new ones; durable on return.

        Raises for the request layer and for an unknown subject; what `change` raises is passed on and changes nothing.
        """
        with self._transaction("change the settings") as connection:
            values = {"layer": layer.value, "subject": subject}
            if layer not in STORED_LAYERS or connection.execute(statements.SUBJECT_EXISTS, values).fetchone() != (1,):
                raise StorageError(f"there is no {layer} of that id to hold settings: look at the id, or create the {layer} first")
            found = connection.execute(statements.SETTINGS, (layer.value, subject)).fetchone()
            changed = change(_settings(layer.value, subject, found[0]) if found else Settings())
            connection.execute(statements.PUT_SETTINGS, (layer.value, subject, body_of(changed), at))
        return changed

    def usage_rows(
        self, since: float, until: float, account: AccountId | None = None, limit: int = 1000, before: str = ""
    ) -> list[UsageRow]:
        """Give a page of rows, newest first: `since <= at < until`, and at `until` those whose decision is less than `before`."""
        with self._reading("read the usage") as read:
            return usage_reading.rows(read, usage_reading.Page(since, until, limit, before), account)

    def usage_totals(self, by: UsageGroup, since: float, until: float, account: AccountId | None = None) -> list[UsageTotal]:
        """Give sums over rows with `since <= at < until`, one for each label, ordered by label."""
        with self._reading("total the usage") as read:
            return usage_reading.totals(read, by, since, until, account)

    def usage_times(self, by: UsageGroup, since: float, until: float, account: AccountId | None = None) -> list[UsageTimes]:
        """Count answered requests by label and bucket of response time and of time to first token, ordered by label."""
        with self._reading("count response times") as read:
            return usage_reading.times(read, by, since, until, account)

    def usage_version(self, account: AccountId) -> str:
        """Give a text that changes when rows of the account come or go."""
        return "-".join(str(value) for value in self._read("read the usage", usage_statements.USAGE_VERSION, {"account": account})[0])

    def recipients(self, account: AccountId | None, cuts: Sequence[float]) -> list[Recipient]:
        """Give what was sent to each endpoint, none of it over a UTC midnight or one of `cuts`."""
        with self._reading("read what was sent") as read:
            return exposure_reading.recipients(read, account, cuts)

    def purge_usage(self, now: float, default_days: float = DEFAULT_USAGE_DAYS, batch: int = 500) -> int:
        """Delete at most `batch` expired rows and say how many went."""
        with self._lock, self._driver.translated("delete expired usage"):
            return purge(self._driver, self._connection, now, default_days, batch)

    def contradictions(self) -> list[Contradiction]:
        """Give every contradiction, oldest first, cleared ones too; raises if one cannot be read."""
        found = self._read("read the contradictions", statements.CONTRADICTIONS)
        try:
            return [msgspec.convert(dict(zip(statements.CONTRADICTION_COLUMNS, row, strict=True)), Contradiction) for row in found]
        except msgspec.ValidationError:
            raise StorageError("a stored contradiction cannot be read: update AnyAPI") from None

    def clear_contradictions(self, endpoint: EndpointId, credential: CredentialId | None, at: float) -> int:
        """Have the contradictions of an endpoint (and one credential) count no more; says how many there were. Durable on return."""
        values: dict[str, Value] = {"endpoint": endpoint, "credential": credential, "at": at}
        return self._write("clear the contradictions", statements.CLEAR_CONTRADICTIONS, values)

    def decision(self, decision: DecisionId) -> DecisionRecord | None:
        """Give one decision record, or None: where it waits to be entered into the audit log, or from there."""
        # In this order: one that is entered meanwhile is found there.
        found = self._read("read the decision record", statements.ONE_DECISION, (decision,))
        if found:
            return from_columns(found[0])
        entered = self._read("read the decision record", statements.ENTERED_DECISION, (f"d:{decision}",))
        return self._entered(bytes(entered[0][0])) if entered else None  # type: ignore[arg-type]

    def _entered(self, entry: bytes) -> DecisionRecord:
        """A decision record as the audit log has it, with the names behind its random ids, where they are not forgotten."""
        values = msgspec.json.decode(entry, type=dict[str, object])
        for name in ("account", "key"):
            known = self._read("read the decision record", statements.ONE_NAME, (str(values[name]),))
            values[name] = known[0][0] if known else values[name]
        return msgspec.convert({**values, "at": values["at"] / 1000}, DecisionRecord)  # type: ignore[operator]

    def decision_count(self) -> int:
        """Say how many decision records there are."""
        (count,) = self._read("count the decision records", statements.DECISION_COUNT)[0]
        return msgspec.convert(count, int)


def _settings(layer: str, subject: str, body: Value) -> Settings:
    """Read stored settings in full. A field that this release does not know may be a restriction: refuse."""
    try:
        held = msgspec.json.decode(str(body), type=dict[str, msgspec.Raw])
        unknown = sorted(held.keys() - _SETTINGS_FIELDS)
        if not unknown:
            return msgspec.json.decode(str(body), type=Settings)
        why = f"unknown setting {unknown[0]}"
    except msgspec.DecodeError:
        why = "not valid"
    raise StorageError(
        f"settings stored for {layer} {subject or 'itself'} cannot be read ({why}): update AnyAPI, or `anyapi settings set` them again"
    )


def _note_agreements(connection: Connection, row: CredentialRow) -> None:
    """What the account says it signed, for the audit log; not who signed which document, nor its name for it, which no log forgets."""
    bare = [msgspec.structs.replace(each, id="", attested_by="", document="") for each in row.declared.agreements]
    text = msgspec.json.encode(bare, order="deterministic").decode()
    note_for_audit(connection, "agreements", {"account": row.account, "credential": row.id, "agreements": text})


def _credential(row: Row) -> CredentialRow:
    """Read a stored credential. A field that this release does not know may limit an agreement: refuse."""
    values: dict[str, object] = dict(zip(CredentialRow.__struct_fields__, row, strict=True))
    body = str(values["declared"])
    try:
        held = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        agreements = msgspec.json.decode(held.get("agreements", b"[]"), type=list[dict[str, msgspec.Raw]])
        unknown = sorted(held.keys() - _DECLARED_FIELDS) + [name for one in agreements for name in sorted(one.keys() - _AGREEMENT_FIELDS)]
        if not unknown:
            return msgspec.convert({**values, "declared": msgspec.json.decode(body, type=Declared)}, CredentialRow)
        why = f"unknown field {unknown[0]}"
    except (msgspec.DecodeError, msgspec.ValidationError):
        why = "not valid"
    raise StorageError(f"the stored credential {values['id']} cannot be read ({why}): update AnyAPI, or revoke it and add it again")
