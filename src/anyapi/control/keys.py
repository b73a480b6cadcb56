"""API keys: made, listed, limited, rotated with an overlap, revoked. A secret is in one answer, once; the store has its hash alone."""

import asyncio
from collections.abc import Callable

import msgspec
from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from anyapi.control.history import note, note_by
from anyapi.control.key_views import Limits, ShownKey, limits_of, shown, spending_of
from anyapi.control.layers import has_project, key_of
from anyapi.control.names import check_name
from anyapi.control.permissions import SignedIn
from anyapi.control.rotation import LONGEST_OVERLAP, rotate
from anyapi.control.services import Services
from anyapi.control.threads import in_thread
from anyapi.crypto.api_keys import generate
from anyapi.domain.ids import AccountId, KeyId, ProjectId
from anyapi.domain.people import Permission
from anyapi.domain.requirement import Layer, Settings
from anyapi.errors import BadRequest, NotFound
from anyapi.policy.as_fields import data_policy
from anyapi.policy.parse import parse_data_policy
from anyapi.storage.rows import KeyRow

LONGEST_DAYS = 3650.0


class NewKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key to be made. `expires_days` from now, None for no end; `data_policy` in the form of a request's."""

    name: str = ""
    project: str | None = None
    expires_days: float | None = None
    data_policy: dict[str, object] = {}
    limits: Limits = Limits()


class ChangedKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What shall change of a key; what is left out stays. Its limits are those of every key that shares them, and change together."""

    name: str | UnsetType = UNSET
    limits: Limits | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    """Refused until somebody takes that back."""

    def of(self, row: KeyRow, now: float) -> KeyRow:
        """The key with the changes. One that is disabled already stays so since then."""
        found: dict[str, object] = {} if self.limits is UNSET else msgspec.structs.asdict(self.limits)
        if self.name is not UNSET:
            found["name"] = self.name.strip()
        if self.disabled is not UNSET:
            found["disabled_at"] = (row.disabled_at or now) if self.disabled else None
        return msgspec.structs.replace(row, **found)


class MadeKey(msgspec.Struct, frozen=True):
    """A new key with its secret, which is shown this once, and the snapshot version by which it works."""

    key: ShownKey
    secret: str
    snapshot: int

    def __repr__(self) -> str:
        """Never the secret."""
        return "<MadeKey>"


class Rotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long the old key works beside the new one, in seconds."""

    overlap: float = 86400.0


class KeyInForce(msgspec.Struct, frozen=True):
    """A key as it is now on every worker, and the snapshot version that says so."""

    key: ShownKey
    snapshot: int


@get("/api/accounts/{account:str}/keys", opt={"permission": Permission.READ})
@in_thread
def list_keys(services: NamedDependency[Services], account: FromPath[AccountId]) -> list[ShownKey]:
    """The keys of an account, newest first, revoked and expired ones too."""
    settings, spent = services.store.all_settings(), spending_of(services, account)
    rows = sorted(services.store.keys(account), key=lambda row: row.created_at, reverse=True)
    return [shown(row, settings.get((Layer.KEY, row.id), Settings()), spent.get(row.id), services.clock()) for row in rows]


@post("/api/accounts/{account:str}/keys", opt={"permission": Permission.WRITE_KEYS})
async def make_key(
    services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId], data: JSONBody[NewKey]
) -> MadeKey:
    """Make a key. It works when this returns."""
    settings = parse_data_policy(data.data_policy, services.known) if data.data_policy else Settings()
    check_name(data.name)
    data.limits.check()
    if data.expires_days is not None and not 0 < data.expires_days <= LONGEST_DAYS:
        raise BadRequest(f"expires_days must be above 0 and at most {LONGEST_DAYS:g}.", "expires_days")

    def store() -> tuple[KeyRow, str]:
        project = _project(services, account, data.project)
        parts, now = generate(), services.clock()
        ends = None if data.expires_days is None else now + data.expires_days * 86400
        row = KeyRow(
            parts.id, parts.prefix, parts.sha256, account, now, project, data.name.strip(), ends, **msgspec.structs.asdict(data.limits)
        )
        services.store.add_key(row, settings, services.keys_per_account)
        values = {"name": row.name, "data_policy": data_policy(settings), "limits": data.limits}
        note(services, signed_in, account, "key_made", row.id, after=values)
        return row, parts.secret

    row, secret = await asyncio.to_thread(store)
    return MadeKey(shown(row, settings, None, services.clock()), secret, await services.reload())


@put("/api/accounts/{account:str}/keys/{key:str}", opt={"permission": Permission.WRITE_KEYS})
async def change_key(
    services: NamedDependency[Services],
    signed_in: NamedDependency[SignedIn],
    account: FromPath[AccountId],
    key: FromPath[KeyId],
    data: JSONBody[ChangedKey],
) -> KeyInForce:
    """Change a key's name and limits, disable it or take that back. In force when this returns."""
    if data.name is not UNSET:
        check_name(data.name)
    if data.limits is not UNSET:
        data.limits.check()

    def store() -> ShownKey:
        row = changed(services, signed_in.person.id, _own(services, account, key), lambda row: data.of(row, services.clock()))
        return _as_stored(services, row)

    return KeyInForce(await asyncio.to_thread(store), await services.reload())


@post("/api/accounts/{account:str}/keys/{key:str}/rotation", opt={"permission": Permission.WRITE_KEYS})
async def rotate_key(
    services: NamedDependency[Services],
    signed_in: NamedDependency[SignedIn],
    account: FromPath[AccountId],
    key: FromPath[KeyId],
    data: JSONBody[Rotation],
) -> MadeKey:
    """Make a key like this one, and end this one after the overlap. Its end can only come earlier by this, never later."""
    if not 0 <= data.overlap <= LONGEST_OVERLAP:
        raise BadRequest(f"overlap must be 0 to {LONGEST_OVERLAP:.0f} seconds ({LONGEST_OVERLAP / 86400:.0f} days).", "overlap")

    def store() -> tuple[ShownKey, str]:
        row, secret = rotate(services.store, _own(services, account, key), services.clock(), data.overlap, services.keys_per_account)
        note(services, signed_in, account, "key_rotated", key, after={"new": row.id, "overlap": data.overlap})
        return _as_stored(services, row), secret

    new, secret = await asyncio.to_thread(store)
    return MadeKey(new, secret, await services.reload())


@delete("/api/accounts/{account:str}/keys/{key:str}", opt={"permission": Permission.WRITE_KEYS}, status_code=200)
async def revoke_key(
    services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId], key: FromPath[KeyId]
) -> KeyInForce:
    """Revoke a key. No request with it is accepted any more when this returns; doing it again changes nothing."""

    def store() -> ShownKey:
        before = _own(services, account, key)
        row = services.store.revoke_key(key, services.clock()) or before
        if before.revoked_at is None:
            note(services, signed_in, account, "key_revoked", key)
        return _as_stored(services, row)

    return KeyInForce(await asyncio.to_thread(store), await services.reload())


def changed(services: Services, who: str, row: KeyRow, change: Callable[[KeyRow], KeyRow]) -> KeyRow:
    """Have the store change a key as it stands by then, write that down, and give it as it is afterwards."""
    found = [row]

    def noted(stands: KeyRow) -> KeyRow:
        found[0] = stands
        return change(stands)

    after = services.store.change_key(row.id, noted) or row
    before = found[0]
    was, now = ({"name": one.name, "disabled": one.disabled_at is not None, "limits": limits_of(one)} for one in (before, after))
    note_by(services, who, after.account, "key_changed", after.id, (was, now))
    return after


def _own(services: Services, account: AccountId, key: KeyId) -> KeyRow:
    row = key_of(services, account, key)
    if row is None:
        raise NotFound("There is no such key in this account.")
    return row


def _project(services: Services, account: AccountId, name: str | None) -> ProjectId | None:
    if name is None:
        return None
    if not has_project(services, account, name):
        raise BadRequest("There is no such project in this account.", "project")
    return ProjectId(name)


def _as_stored(services: Services, row: KeyRow) -> ShownKey:
    settings = services.store.settings(Layer.KEY, row.id)
    return shown(row, settings, spending_of(services, row.account).get(row.id), services.clock())
