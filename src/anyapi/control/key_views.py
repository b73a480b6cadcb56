"""API keys as the control API shows them, with their limits and what they spent; and the limits that may be asked for."""

import math

import msgspec

from anyapi.control.services import Services
from anyapi.domain.ids import AccountId, KeyId, ProjectId
from anyapi.domain.limits import LARGEST_CAP, MOST_A_MINUTE, CapPeriod
from anyapi.domain.requirement import Settings
from anyapi.errors import BadRequest
from anyapi.policy.as_fields import data_policy
from anyapi.policy.periods import begins_anew, day_of, first_days
from anyapi.storage.rows import KeyRow, SpendingRow


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a key may use: US dollars in each period, and requests a minute. Null is no limit."""

    spend_cap: float | None = None
    period: CapPeriod = CapPeriod.TOTAL
    requests_per_minute: int | None = None

    def check(self) -> None:
        """Raise `BadRequest` for what cannot be meant."""
        if self.spend_cap is not None and not (math.isfinite(self.spend_cap) and 0 <= self.spend_cap <= LARGEST_CAP):
            raise BadRequest(f"spend_cap must be 0 to {LARGEST_CAP:.0f} US dollars.", "spend_cap")
        if self.requests_per_minute is not None and not 1 <= self.requests_per_minute <= MOST_A_MINUTE:
            raise BadRequest(f"requests_per_minute must be 1 to {MOST_A_MINUTE}.", "requests_per_minute")


class Spent(msgspec.Struct, frozen=True):
    """US dollars that a key and those it replaced have spent: ever, and in the current UTC month, week and day."""

    total: float = 0.0
    month: float = 0.0
    week: float = 0.0
    day: float = 0.0


class ShownKey(msgspec.Struct, frozen=True):
    """What may be shown of a key: not its hash, which is what the gateway recognises it by."""

    id: KeyId
    prefix: str
    name: str
    project: ProjectId | None
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    state: str
    """`active`, `disabled`, `expired` or `revoked`."""
    data_policy: dict[str, object]
    lineage: KeyId
    """The first key of its chain of rotations; those of one chain share their limits."""
    limits: Limits
    spent: Spent
    left: float | None
    """US dollars of the cap that are not spent; null without one."""
    begins_anew_at: float | None
    """When the cap does, in Unix seconds; null for never."""


def shown(row: KeyRow, settings: Settings, spent: SpendingRow | None, now: float) -> ShownKey:
    """A key as it is shown. `spent` None: nothing."""
    within = 0.0 if spent is None else spent.within(row.period)
    return ShownKey(
        row.id,
        row.prefix,
        row.name,
        row.project,
        row.created_at,
        row.expires_at,
        row.revoked_at,
        row.state(now),
        data_policy(settings),
        row.lineage,
        limits_of(row),
        Spent() if spent is None else Spent(spent.total, spent.month, spent.week, spent.day),
        None if row.spend_cap is None else max(0.0, row.spend_cap - within),
        None if row.spend_cap is None else begins_anew(row.period, day_of(now)),
    )


def limits_of(row: KeyRow) -> Limits:
    """The limits of a key, as they are shown and asked for."""
    return Limits(row.spend_cap, row.period, row.requests_per_minute)


def spending_of(services: Services, account: AccountId) -> dict[KeyId, SpendingRow]:
    """What the keys of an account spent, those that spent anything."""
    return {row.key: row for row in services.store.spending(account, *first_days(day_of(services.clock())))}
