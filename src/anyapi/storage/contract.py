"""What a store must do, by role: SQLite and PostgreSQL behind the same words.

`tests/conformance` runs one suite against every implementation. Every method raises `StorageError` when the store cannot do what is
asked, and nothing else; the text never holds a row's values. Times are Unix seconds and always passed in: a store has no clock.
Nothing here decides policy, and nothing is read while a request is served: the data plane reads a Snapshot and writes to the sinks.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from anyapi.domain.evidence import Contradiction
from anyapi.domain.exposure import Recipient
from anyapi.domain.ids import AccountId, CredentialId, DecisionId, EndpointId, KeyId
from anyapi.domain.requirement import Layer, Settings
from anyapi.domain.usage import DecisionRecord, UsageRow
from anyapi.storage.rows import (
    DEFAULT_USAGE_DAYS,
    AccountRow,
    CredentialRow,
    KeyRow,
    ProjectRow,
    ProvisioningKeyRow,
    SpendingRow,
    UsageGroup,
    UsageTimes,
    UsageTotal,
)

NO_SETTINGS = Settings()


class KeyStore(Protocol):
    """Accounts, projects and API keys."""

    def add_account(self, account: AccountRow) -> None:
        """Add an account. MUST raise if the id exists. The account `default` MUST exist in a new store."""
        ...

    def accounts(self) -> list[AccountRow]:
        """Give every account, ordered by id."""
        ...

    def set_usage_days(self, account: AccountId, days: float | None) -> bool:
        """Have its usage rows kept for so many days, or as long as the default says; False if there is no such account.

        MUST be durable on return, and MUST stand in the audit log: it is noted in the same transaction.
        """
        ...

    def closing(self) -> frozenset[AccountId]:
        """Give the accounts that are being deleted: nothing of theirs may be published, whatever it says of itself."""
        ...

    def add_project(self, project: ProjectRow) -> None:
        """Add a project. MUST raise if the id exists under any account, or the account does not."""
        ...

    def projects(self) -> list[ProjectRow]:
        """Give every project, ordered by id."""
        ...

    def add_key(self, key: KeyRow, settings: Settings = NO_SETTINGS, most: int | None = None) -> None:
        """Add a key together with its own settings, or neither; both MUST be durable on return.

        MUST raise, and add nothing, if its account would have more than `most` live keys then: neither revoked nor at their end when this
        one is made. Two callers at once MUST NOT exceed it together.
        MUST raise if the id or the hash exists, the account does not or is being deleted, or the project does not belong to the account.
        """
        ...

    def keys(self, account: AccountId | None = None) -> list[KeyRow]:
        """Give the keys of one account, or of all, oldest first (then by id). Revoked and expired keys MUST be among them."""
        ...

    def key(self, key: KeyId) -> KeyRow | None:
        """Give one key, or None if there is none of that id."""
        ...

    def revoke_key(self, key: KeyId, at: float) -> KeyRow | None:
        """Revoke a key and give it as it is then; it MUST be durable on return.

        MUST be idempotent: a second call keeps the first time. MUST return None, and change nothing, if there is none of that id.
        """
        ...

    def change_key(self, key: KeyId, change: Callable[[KeyRow], KeyRow]) -> KeyRow | None:
        """Replace name, limits and `disabled_at` by `change` of what they are, and give the new row; it MUST be durable on return.

        MUST be atomic: of two changes at once the second sees the first. The limits MUST become those of every key of its lineage. MUST
        raise for a change of anything else. MUST return None, and change nothing, if there is none of that id.
        """
        ...

    def replace_key(self, key: KeyId, new: KeyRow, ends_at: float, most: int | None = None) -> KeyRow | None:
        """Add `new` in the place of a key, which then expires at `ends_at`, never later than it would, and give it; all or nothing.

        `most` as for `add_key`; a key that ends at once leaves its place to the new one.
        The new key MUST have the account, project, limits, lineage, settings and log rule of the old, and be durable on return. MUST raise
        for a key that is revoked or was replaced before. MUST return None, and change nothing, if there is none of that id.
        """
        ...

    def end_key(self, key: KeyId, at: float) -> KeyRow | None:
        """Have a key expire at `at` and give it as it is then; it MUST be durable on return.

        MUST never make its end later than it was. MUST return None, and change nothing, if there is none of that id.
        """
        ...


class SpendingStore(Protocol):
    """What keys spent, by day. The sink of usage rows adds to it: each row's cost MUST be added with the row or not at all."""

    def spending(self, account: AccountId, month: int, week: int, day: int) -> list[SpendingRow]:
        """Give what the keys of an account spent, ordered by id.

        `month`, `week` and `day` are the first days of the current periods, since 1970. A key that spent nothing MAY be left out. What
        keys of one lineage spent MUST be counted for each of them. Rows of usage that expire MUST change nothing here.
        """
        ...

    def capped_spending(self, month: int, week: int, day: int) -> dict[KeyId, float]:
        """Give what each key that a spend cap holds, of any account, spent in the current period of its cap.

        MUST leave revoked keys out, and MAY those that spent nothing.
        """
        ...

    def fold_spending(self, before: int) -> None:
        """Make one sum of the days before `before` for each lineage; what was ever spent MUST stay the same."""
        ...


class ProvisioningStore(Protocol):
    """Keys that manage keys."""

    def add_provisioning_key(self, key: ProvisioningKeyRow) -> None:
        """Add one; it MUST be durable on return. MUST raise if the id or the hash exists or the account does not."""
        ...

    def provisioning_keys(self, account: AccountId) -> list[ProvisioningKeyRow]:
        """Give those of an account, oldest first (then by id), revoked ones too."""
        ...

    def provisioning_key(self, sha256: bytes) -> ProvisioningKeyRow | None:
        """Give the one of a hash, or None if there is none or it is revoked."""
        ...

    def revoke_provisioning_key(self, account: AccountId, key: KeyId, at: float) -> bool:
        """Revoke one of an account; False, and nothing changed, if it has none of that id in force. MUST be durable on return."""
        ...


class CredentialStore(Protocol):
    """Provider credentials that accounts brought, their secrets sealed by somebody else."""

    def add_credential(self, credential: CredentialRow) -> None:
        """Add a credential; it MUST be durable on return. MUST raise if the id exists or the account does not.

        What it declares to be signed, and each change of that, MUST stand in the audit log, without names and free text.
        """
        ...

    def credentials(self, account: AccountId | None = None) -> list[CredentialRow]:
        """Give the credentials of one account, or of all, oldest first (then by id). Revoked ones MUST be among them.

        MUST raise if what one of them declares cannot be read in full: what is not understood may limit an agreement.
        """
        ...

    def credential(self, credential: CredentialId) -> CredentialRow | None:
        """Give one credential, or None if there is none of that id."""
        ...

    def change_credential(self, credential: CredentialId, change: Callable[[CredentialRow], CredentialRow]) -> CredentialRow | None:
        """Replace tier, name, declaration and seal by `change` of what they are, and give the new row; it MUST be durable on return.

        MUST be atomic: of two changes at once the second sees the first. What `change` raises is passed on and MUST leave everything as it
        was. MUST raise for a change of id, account, provider or times, or of one that is revoked. MUST return None for an unknown id.
        """
        ...

    def revoke_credential(self, credential: CredentialId, at: float) -> CredentialRow | None:
        """Revoke a credential and give it as it is then; it MUST be durable on return.

        The sealed secret and what was declared MUST be gone from the store, also where that cannot be read. MUST be idempotent: a second
        call keeps the first time. MUST return None, and change nothing, if there is none of that id.
        """
        ...


class SettingsStore(Protocol):
    """What the four stored layers ask. The subject is an account, project or key id; for the gateway it is the empty string."""

    def settings(self, layer: Layer, subject: str) -> Settings:
        """Give one layer's settings. MUST give `Settings()` (nothing asked) if none were put."""
        ...

    def all_settings(self) -> dict[tuple[Layer, str], Settings]:
        """Give all that were put.

        MUST raise if one of them cannot be read in full: a setting that is not understood may be a restriction, so none is skipped.
        """
        ...

    def change_settings(self, layer: Layer, subject: str, change: Callable[[Settings], Settings], at: float) -> Settings:
        """Replace one layer's settings by `change` of what they are, and give the new ones; they MUST be durable on return.

        MUST be atomic: of two changes at once the second sees the first, so that no tightening is lost. What `change` raises is passed
        on and MUST leave everything as it was. MUST raise for the request layer and for an unknown subject.
        """
        ...


class UsageStore(Protocol):
    """Reading usage rows, and letting them expire."""

    def usage_rows(
        self, since: float, until: float, account: AccountId | None = None, limit: int = 1000, before: str = ""
    ) -> list[UsageRow]:
        """Give rows with `since <= at < until`, newest first (then by decision, last first), at most `limit`; of one account, or of all.

        The next page has the last row's time as `until` and its decision as `before`: rows at `until` whose decision is less than `before`
        MUST be given too, so that no page misses a row or has one twice.
        """
        ...

    def usage_totals(self, by: UsageGroup, since: float, until: float, account: AccountId | None = None) -> list[UsageTotal]:
        """Give sums over rows with `since <= at < until`, one for each label, ordered by label. No rows: an empty list.

        A row without a value for the label (a refusal has no provider) MUST be counted under the label `-`. MUST be what the rows
        themselves add up to at that instant, whatever the span; whole hours SHOULD be read from sums that are kept with the rows. Of an
        account's apps in an hour those beyond the first `MOST_APPS` MAY be counted together under the label `OTHER_APPS`.
        """
        ...

    def usage_times(self, by: UsageGroup, since: float, until: float, account: AccountId | None = None) -> list[UsageTimes]:
        """Count answered requests with `since <= at < until` by label and bucket, ordered by label, as `usage_totals` does.

        A label without an answered request MUST be left out.
        """
        ...

    def usage_version(self, account: AccountId) -> str:
        """Give a text that MUST change when rows of the account are written or deleted. MUST be cheap: it is asked often.

        As many rows that come as go within the same hour may cancel out.
        """
        ...

    def purge_usage(self, now: float, default_days: float = DEFAULT_USAGE_DAYS, batch: int = 500) -> int:
        """Delete rows older than their account's `usage_days`, at most `batch` of them, and say how many went.

        What is kept of them in sums MUST go with them, in the same transaction.
        MUST use `default_days` for accounts that set nothing or are not in the store. 0 means that nothing expired is left.
        """
        ...


class ExposureStore(Protocol):
    """Reading who was sent what."""

    def recipients(self, account: AccountId | None, cuts: Sequence[float]) -> list[Recipient]:
        """Give what was sent to each endpoint, as far as rows are kept: of one account, or of all.

        MUST count every time a request was written to an endpoint, attempts that failed among them. None of them MAY lie over a UTC
        midnight, or over one of `cuts` (Unix seconds, in order): the facts in force are the same for all of it.
        """
        ...


class ContradictionStore(Protocol):
    """Reading and clearing contradictions. None is ever deleted or changed otherwise; the store itself refuses it."""

    def contradictions(self) -> list[Contradiction]:
        """Give every one, oldest first, cleared ones among them. MUST raise if one cannot be read: none may be forgotten."""
        ...

    def clear_contradictions(self, endpoint: EndpointId, credential: CredentialId | None, at: float) -> int:
        """Clear those of an endpoint that are in force, of one credential or of all, and say how many; MUST be durable on return."""
        ...


class DecisionStore(Protocol):
    """Reading decision records. They are append-only: there MUST be no way to change or delete one, and the store itself refuses it."""

    def decision(self, decision: DecisionId) -> DecisionRecord | None:
        """Give one record, or None if there is none of that id."""
        ...

    def decision_count(self) -> int:
        """Say how many records there are."""
        ...


class UsageSink(Protocol):
    """Takes usage rows from the request path. `accept` and `put` MUST return in O(1), without a system call that may wait."""

    def accept(self) -> None:
        """Count a request as accepted, before any work is done for it.

        After a crash every accepted request MUST have exactly one row: its own, or one of outcome `unknown`, written at the next start.
        """
        ...

    def put(self, row: UsageRow) -> None:
        """Take the row of an accepted request; it is written within 100 ms, in one transaction with what it adds to sums.

        MUST NOT raise. A second row of the same decision MUST be ignored and counted. When more rows wait than fit, the oldest MUST be
        counted as lost and reported; it becomes an `unknown` row at the next start.
        """
        ...

    def forget(self, accounts: frozenset[AccountId]) -> None:
        """From now on write rows of these accounts without account, key, project, app and own credential; of no others any more.

        For accounts that are being deleted or were: what of theirs is still under way must leave no trace of them.
        """
        ...

    def flush(self, timeout: float = 10.0) -> None:
        """Return when every row put before is written; MUST raise if that takes longer than `timeout` seconds."""
        ...

    def close(self, timeout: float = 10.0) -> None:
        """Write what waits and stop. MUST be idempotent, and MUST return even if the store cannot take the rows."""
        ...


class ContradictionSink(Protocol):
    """Takes contradictions from the request path."""

    def put(self, found: Contradiction) -> None:
        """Take one; it is written soon. MUST NOT raise and MUST NOT block.

        One of the same endpoint, credential and code as one that is in force MUST be ignored. MUST be tried again while the store fails.
        """
        ...

    def waiting(self) -> tuple[Contradiction, ...]:
        """Give those that are not durable yet. Who reads this and then the store MUST see every one that was put."""
        ...

    def flush(self, timeout: float = 10.0) -> None:
        """Return when every one put before is durable; MUST raise if that takes longer than `timeout` seconds."""
        ...

    def close(self, timeout: float = 10.0) -> None:
        """Write what waits and stop. MUST be idempotent."""
        ...


class DecisionSink(Protocol):
    """Takes decision records from the request path."""

    def record(self, record: DecisionRecord) -> Awaitable[None]:
        """Give an awaitable that completes when the record is durable: it survives the loss of the machine's power.

        MUST be called on a running event loop and MUST NOT block it. Records that wait together SHOULD share one commit. The awaitable
        MUST fail with `StorageError` if the record is not durable, and later records MUST be tried again without hand-work.
        """
        ...

    def put(self, record: DecisionRecord) -> None:
        """Take a record that nobody waits for; it is written within 100 ms. MUST NOT raise; a lost record MUST be counted and reported."""
        ...

    def forget(self, accounts: frozenset[AccountId]) -> None:
        """From now on write records of these accounts without account and key; of no others any more. See `UsageSink.forget`."""
        ...

    def flush(self, timeout: float = 10.0) -> None:
        """Return when every record taken before is written or has failed and the store works.

        MUST raise if that takes longer than `timeout` seconds.
        """
        ...

    def close(self, timeout: float = 10.0) -> None:
        """Write what waits and stop; MUST be idempotent. Records given later MUST fail with `StorageError`."""
        ...
