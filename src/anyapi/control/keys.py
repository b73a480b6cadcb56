"""API keys: made, listed, rotated with an overlap, revoked. A secret is in one answer, once; the store has its hash alone."""

import asyncio

import msgspec
from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from anyapi.control.history import note
from anyapi.control.layers import has_project, key_of
from anyapi.control.permissions import SignedIn
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

LONGEST_NAME = 100
LONGEST_DAYS = 3650.0
LONGEST_OVERLAP = 30 * 86400.0


class NewKey(msgspec.Struct, frozen=True):
    """A key to be made. `expires_days` from now, None for no end; `data_policy` in the form of a request's."""

    name: str = ""
    project: str | None = None
    expires_days: float | None = None
    data_policy: dict[str, object] = {}


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
    """`active`, `expired` or `revoked`."""
    data_policy: dict[str, object]


class MadeKey(msgspec.Struct, frozen=True):
    """A new key with its secret, which is shown this once, and the snapshot version by which it works."""

    key: ShownKey
    secret: str
    snapshot: int

    def __repr__(self) -> str:
        """Never the secret."""
        return "<MadeKey>"


class Rotation(msgspec.Struct, frozen=True):
    """How long the old key works beside the new one, in seconds."""

    overlap: float = 86400.0


class RevokedKey(msgspec.Struct, frozen=True):
    """A key that no worker takes any more, and the snapshot version that says so."""

    key: ShownKey
    snapshot: int


@get("/api/accounts/{account:str}/keys", opt={"permission": Permission.READ})
@in_thread
def list_keys(services: NamedDependency[Services], account: FromPath[AccountId]) -> list[ShownKey]:
    """The keys of an account, newest first, revoked and expired ones too."""
    settings = services.store.all_settings()
    rows = sorted(services.store.keys(account), key=lambda row: row.created_at, reverse=True)
    return [_shown(row, settings.get((Layer.KEY, row.id), Settings()), services.clock()) for row in rows]


@post("/api/accounts/{account:str}/keys", opt={"permission": Permission.WRITE_KEYS})
async def make_key(
    services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId], data: JSONBody[NewKey]
) -> MadeKey:
    """Make a key. It works when this returns."""
    settings = parse_data_policy(data.data_policy, services.known) if data.data_policy else Settings()
    if len(data.name) > LONGEST_NAME:
        raise BadRequest(f"A name has at most {LONGEST_NAME} characters.", "name")
    if data.expires_days is not None and not 0 < data.expires_days <= LONGEST_DAYS:
        raise BadRequest(f"expires_days must be above 0 and at most {LONGEST_DAYS:g}.", "expires_days")

    def store() -> tuple[KeyRow, str]:
        project = _project(services, account, data.project)
        parts, now = generate(), services.clock()
        ends = None if data.expires_days is None else now + data.expires_days * 86400
        row = KeyRow(parts.id, parts.prefix, parts.sha256, account, now, project, data.name.strip(), ends)
        services.store.add_key(row, settings)
        note(services, signed_in, account, "key_made", row.id, after={"name": row.name, "data_policy": data_policy(settings)})
        return row, parts.secret

    row, secret = await asyncio.to_thread(store)
    return MadeKey(_shown(row, settings, services.clock()), secret, await services.reload())


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
        raise BadRequest(f"overlap must be 0 to {LONGEST_OVERLAP:g} seconds.", "overlap")

    def store() -> tuple[KeyRow, Settings, str]:
        old, now = _own(services, account, key), services.clock()
        if old.revoked_at is not None:
            raise BadRequest("This key is revoked: make a new one.", "key")
        settings, parts = services.store.settings(Layer.KEY, key), generate()
        row = KeyRow(parts.id, parts.prefix, parts.sha256, account, now, old.project, old.name, None)
        services.store.add_key(row, settings)
        services.store.end_key(key, now + data.overlap)
        note(services, signed_in, account, "key_rotated", key, after={"new": row.id, "overlap": data.overlap})
        return row, settings, parts.secret

    row, settings, secret = await asyncio.to_thread(store)
    return MadeKey(_shown(row, settings, services.clock()), secret, await services.reload())


@delete("/api/accounts/{account:str}/keys/{key:str}", opt={"permission": Permission.WRITE_KEYS}, status_code=200)
async def revoke_key(
    services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId], key: FromPath[KeyId]
) -> RevokedKey:
    """Revoke a key. No request with it is accepted any more when this returns; doing it again changes nothing."""

    def store() -> KeyRow:
        before = _own(services, account, key)
        row = services.store.revoke_key(key, services.clock()) or before
        if before.revoked_at is None:
            note(services, signed_in, account, "key_revoked", key)
        return row

    row = await asyncio.to_thread(store)
    settings = await asyncio.to_thread(services.store.settings, Layer.KEY, key)
    return RevokedKey(_shown(row, settings, services.clock()), await services.reload())


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


def _shown(row: KeyRow, settings: Settings, now: float) -> ShownKey:
    ended = row.expires_at is not None and row.expires_at <= now
    state = "revoked" if row.revoked_at is not None else "expired" if ended else "active"
    return ShownKey(row.id, row.prefix, row.name, row.project, row.created_at, row.expires_at, row.revoked_at, state, data_policy(settings))
