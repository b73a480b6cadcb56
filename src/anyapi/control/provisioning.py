"""`/api/v1/keys`: API keys managed by a program that holds a provisioning key, in the form that OpenRouter's users know.

Source: OpenRouter's reference, "API key management": names of fields and paths. `hash` names a key there; here it is the key's public id,
since the real hash is what the gateway recognises the key by. A provisioning key reaches the keys of its own account alone.
"""

import asyncio
import datetime as dt
from enum import StrEnum

import msgspec
from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import UNSET, UnsetType

from anyapi.control.history import note_by
from anyapi.control.key_views import Limits, spending_of
from anyapi.control.keys import ChangedKey, changed
from anyapi.control.layers import key_of
from anyapi.control.names import check_name
from anyapi.control.services import Services
from anyapi.control.tenants import for_the_provisioner
from anyapi.control.threads import in_thread
from anyapi.crypto.api_keys import generate
from anyapi.domain.ids import KeyId
from anyapi.domain.limits import CapPeriod
from anyapi.domain.people import Permission
from anyapi.errors import BadRequest, NotFound
from anyapi.storage.rows import KeyRow, ProvisioningKeyRow, SpendingRow

PAGE = 100
PROVISION = {"permission": Permission.PROVISION}


class Reset(StrEnum):
    """How often a limit begins anew, UTC."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


PERIODS = {Reset.DAILY: CapPeriod.DAY, Reset.WEEKLY: CapPeriod.WEEK, Reset.MONTHLY: CapPeriod.MONTH, None: CapPeriod.TOTAL}
RESETS = {period: reset for reset, period in PERIODS.items()}


class ProvisionedKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key to be made. `limit` in US dollars, null for none; `limit_reset` null for one that never begins anew."""

    name: str
    limit: float | None = None
    limit_reset: Reset | None = None
    requests_per_minute: int | None = None
    """Not a field of OpenRouter's."""
    expires_at: dt.datetime | None = None
    include_byok_in_limit: bool = True
    """Taken and not looked at: what an account's own provider credentials serve always counts."""


class KeyChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What shall be changed of a key; what is left out stays."""

    name: str | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    limit: float | UnsetType | None = UNSET
    limit_reset: Reset | UnsetType | None = UNSET
    requests_per_minute: int | UnsetType | None = UNSET
    include_byok_in_limit: bool | UnsetType = UNSET


class KeyData(msgspec.Struct, frozen=True):
    """A key. Money in US dollars, from catalogue prices."""

    hash: KeyId
    name: str
    label: str
    """Its first characters."""
    disabled: bool
    limit: float | None
    limit_remaining: float | None
    limit_reset: Reset | None
    requests_per_minute: int | None
    usage: float
    usage_daily: float
    usage_weekly: float
    usage_monthly: float
    created_at: str
    expires_at: str | None
    include_byok_in_limit: bool = True


class OneKey(msgspec.Struct, frozen=True):
    """One key."""

    data: KeyData


class SeveralKeys(msgspec.Struct, frozen=True):
    """A page of keys, newest first."""

    data: list[KeyData]


class NewlyMade(msgspec.Struct, frozen=True):
    """A new key with its secret, which is shown this once."""

    data: KeyData
    key: str

    def __repr__(self) -> str:
        """Never the secret."""
        return "<NewlyMade>"


class Deleted(msgspec.Struct, frozen=True):
    """No worker takes the key any more."""

    deleted: bool = True


@get("/api/v1/keys", opt=PROVISION)
@for_the_provisioner
@in_thread
def list_provisioned(
    services: NamedDependency[Services],
    provisioner: NamedDependency[ProvisioningKeyRow],
    offset: FromQuery[int] = 0,
    include_disabled: FromQuery[bool] = False,  # noqa: FBT002 a query parameter
) -> SeveralKeys:
    """At most 100 keys of the account from `offset` on, newest first; disabled and expired ones only if asked for."""
    if offset < 0:
        raise BadRequest("offset must be 0 or more.", "offset")
    now, spent = services.clock(), spending_of(services, provisioner.account)
    rows = [row for row in services.store.keys(provisioner.account) if row.revoked_at is None]
    wanted = [row for row in reversed(rows) if include_disabled or row.state(now) == "active"]
    return SeveralKeys([_data(row, spent.get(row.id)) for row in wanted[offset : offset + PAGE]])


@post("/api/v1/keys", opt=PROVISION)
@for_the_provisioner
async def make_provisioned(
    services: NamedDependency[Services], provisioner: NamedDependency[ProvisioningKeyRow], data: JSONBody[ProvisionedKey]
) -> NewlyMade:
    """Make a key. It works when this returns."""
    check_name(data.name)
    limits = _limits(data.limit, data.limit_reset, data.requests_per_minute)
    now, parts = services.clock(), generate()
    ends = None if data.expires_at is None else _instant(data.expires_at, now)
    row = KeyRow(
        parts.id, parts.prefix, parts.sha256, provisioner.account, now, None, data.name.strip(), ends, **msgspec.structs.asdict(limits)
    )

    def store() -> None:
        services.store.add_key(row, most=services.keys_per_account)
        note_by(services, provisioner.id, row.account, "key_made", row.id, (None, {"name": row.name, "limits": limits}))

    await asyncio.to_thread(store)
    await services.reload()
    return NewlyMade(_data(row, None), parts.secret)


@get("/api/v1/keys/{key:str}", opt=PROVISION)
@for_the_provisioner
@in_thread
def show_provisioned(services: NamedDependency[Services], provisioner: NamedDependency[ProvisioningKeyRow], key: FromPath[KeyId]) -> OneKey:
    """One key."""
    return OneKey(_with_spending(services, _own(services, provisioner, key)))


@patch("/api/v1/keys/{key:str}", opt=PROVISION)
@for_the_provisioner
async def change_provisioned(
    services: NamedDependency[Services],
    provisioner: NamedDependency[ProvisioningKeyRow],
    key: FromPath[KeyId],
    data: JSONBody[KeyChanges],
) -> OneKey:
    """Change a key: what is left out stays. In force when this returns."""
    if data.name is not UNSET:
        check_name(data.name)

    def change(row: KeyRow) -> KeyRow:
        limits = _limits(
            row.spend_cap if data.limit is UNSET else data.limit,
            RESETS[row.period] if data.limit_reset is UNSET else data.limit_reset,
            row.requests_per_minute if data.requests_per_minute is UNSET else data.requests_per_minute,
        )
        return ChangedKey(data.name, limits, data.disabled).of(row, services.clock())

    def store() -> KeyData:
        return _with_spending(services, changed(services, provisioner.id, _own(services, provisioner, key), change))

    found = await asyncio.to_thread(store)
    await services.reload()
    return OneKey(found)


@delete("/api/v1/keys/{key:str}", opt=PROVISION, status_code=200)
@for_the_provisioner
async def delete_provisioned(
    services: NamedDependency[Services], provisioner: NamedDependency[ProvisioningKeyRow], key: FromPath[KeyId]
) -> Deleted:
    """Revoke a key: no request with it is accepted any more when this returns. Its name stays beside what it used."""

    def store() -> None:
        row = _own(services, provisioner, key)
        services.store.revoke_key(row.id, services.clock())
        note_by(services, provisioner.id, row.account, "key_revoked", row.id)

    await asyncio.to_thread(store)
    await services.reload()
    return Deleted()


def _own(services: Services, provisioner: ProvisioningKeyRow, key: KeyId) -> KeyRow:
    row = key_of(services, provisioner.account, key)
    if row is None or row.revoked_at is not None:
        raise NotFound("There is no such key in this account.")
    return row


def _limits(limit: float | None, reset: Reset | None, requests_per_minute: int | None) -> Limits:
    """The limits as ours. Raises `BadRequest` naming the field as it is called here."""
    limits = Limits(limit, PERIODS[reset], requests_per_minute)
    try:
        limits.check()
    except BadRequest as error:
        raise BadRequest(error.message.replace("spend_cap", "limit"), "limit" if error.field == "spend_cap" else error.field) from None
    return limits


def _instant(at: dt.datetime, now: float) -> float:
    instant = (at if at.tzinfo is not None else at.replace(tzinfo=dt.UTC)).timestamp()
    if instant <= now:
        raise BadRequest("expires_at lies in the past.", "expires_at")
    return instant


def _with_spending(services: Services, row: KeyRow) -> KeyData:
    return _data(row, spending_of(services, row.account).get(row.id))


def _data(row: KeyRow, spent: SpendingRow | None) -> KeyData:
    spent = spent or SpendingRow(row.id, 0.0, 0.0, 0.0, 0.0)
    return KeyData(
        row.id,
        row.name,
        f"{row.prefix}...",
        row.disabled_at is not None,
        row.spend_cap,
        None if row.spend_cap is None else max(0.0, row.spend_cap - spent.within(row.period)),
        RESETS[row.period],
        row.requests_per_minute,
        spent.total,
        spent.day,
        spent.week,
        spent.month,
        _text(row.created_at),
        None if row.expires_at is None else _text(row.expires_at),
    )


def _text(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).isoformat()
