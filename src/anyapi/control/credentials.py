"""Providers' keys that an account brings, and what it has signed for them: added, listed without the secret, replaced, revoked.

The operator's own are shown beside them, to look at. A secret goes one way: it is sealed at once and is in no answer.
"""

import asyncio
import datetime as dt
from collections.abc import Callable

import msgspec
from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from anyapi.control.history import note, refuse_overtaken
from anyapi.control.names import check_name
from anyapi.control.permissions import SignedIn
from anyapi.control.services import Services
from anyapi.control.threads import in_thread
from anyapi.domain.ids import AccountId, CredentialId, ProviderId
from anyapi.domain.people import Permission
from anyapi.domain.snapshot import Agreement, Tier
from anyapi.errors import BadRequest, NotFound
from anyapi.storage.rows import CredentialRow, Declared

MOST_AGREEMENTS = 20
READ, WRITE = {"permission": Permission.READ}, {"permission": Permission.WRITE_SETTINGS}


class NewCredential(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A provider's key that the account brings. `agreements` in the words of `anyapi.toml`, without `provider`."""

    provider: ProviderId
    secret: str
    tier: Tier = Tier.UNDECLARED
    name: str = ""
    region: str | None = None
    variables: dict[str, str] = {}
    deployments: dict[str, str] = {}
    """The provider's names of models, each with the name that the account deployed it under; with any, no other model is used."""
    agreements: list[dict[str, object]] = []

    def __repr__(self) -> str:
        """Never the secret."""
        return "<NewCredential>"


class NewSecret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the provider gave instead of the key before."""

    secret: str

    def __repr__(self) -> str:
        """Never the secret."""
        return "<NewSecret>"


class Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that is signed for a credential from now on, in the words of `anyapi.toml`; an empty list ends what was."""

    agreements: list[dict[str, object]]
    instead_of: list[dict[str, object]] | None = None
    """What was signed when it was read. If somebody changed that meanwhile, nothing is saved (409). None: whatever stands there."""


class ShownAgreement(msgspec.Struct, frozen=True):
    """An agreement and whether it counts today. The last day in force is the one before `valid_until`."""

    agreement: Agreement
    state: str
    """`in_force`, `not_yet` or `ended`."""


class ShownCredential(msgspec.Struct, frozen=True):
    """What may be shown of a credential: neither the secret nor its seal."""

    id: CredentialId
    provider: ProviderId
    tier: Tier
    name: str
    region: str | None
    variables: dict[str, str]
    deployments: dict[str, str]
    agreements: list[ShownAgreement]
    own: bool
    """The account's; else the operator's, which serves every account."""
    created_at: float | None
    revoked_at: float | None
    state: str
    """`active`, `revoked`, or why the gateway cannot use it (`no_root_key`, `damaged`, `secret_unusable`, ...)."""
    times_replaced: int


class Taker(msgspec.Struct, frozen=True):
    """A provider that a key can be brought for, and what its address needs besides the key."""

    id: ProviderId
    name: str
    variables: tuple[str, ...]


class Credentials(msgspec.Struct, frozen=True):
    """The account's own credentials, newest first, then the operator's; and for whom more can be brought."""

    credentials: list[ShownCredential]
    takers: list[Taker]


class Kept(msgspec.Struct, frozen=True):
    """A credential after a change, and the snapshot version by which that holds on every worker."""

    credential: ShownCredential
    snapshot: int


@get("/api/accounts/{account:str}/credentials", opt=READ)
@in_thread
def list_credentials(services: NamedDependency[Services], account: FromPath[AccountId]) -> Credentials:
    """Every credential that serves the account, revoked ones too; never a secret."""
    context = services.in_force().context
    rows = sorted(services.store.credentials(account), key=lambda row: row.created_at, reverse=True)
    keeper = services.keeper()
    takers = [
        Taker(provider.id, provider.name, asked)
        for provider in context.catalogue.providers.values()
        if provider.api.protocol in context.served_protocols and (asked := keeper.asked_of(provider)) is not None
    ]
    return Credentials([*(_shown(services, row) for row in rows), *_operators(services, account)], takers)


@post("/api/accounts/{account:str}/credentials", opt=WRITE)
async def add_credential(
    services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId], data: JSONBody[NewCredential]
) -> Kept:
    """Bring a provider's key. The account's requests use it before the operator's when this returns; nobody else's ever do."""
    check_name(data.name)

    def store() -> CredentialRow:
        keeper = services.keeper()
        agreements = _agreements(services, signed_in, data.agreements, data.provider)
        draft = CredentialRow(
            id=keeper.new_id(),
            account=account,
            provider=data.provider,
            tier=data.tier,
            name=data.name.strip(),
            declared=Declared(region=data.region, variables=data.variables, agreements=agreements, deployments=data.deployments),
            key_id="",
            wrapped=b"",
            ciphertext=b"",
            version=0,
            created_at=services.clock(),
        )
        row = keeper.sealed(draft, data.secret)
        services.store.add_credential(row)
        told = {"provider": row.provider, "tier": row.tier, "name": row.name, "agreements": [one.id for one in agreements]}
        note(services, signed_in, account, "credential_added", row.id, after=told)
        return row

    return await _in_force(services, store)


@put("/api/accounts/{account:str}/credentials/{credential:str}/secret", opt=WRITE)
async def replace_secret(
    services: NamedDependency[Services],
    signed_in: NamedDependency[SignedIn],
    account: FromPath[AccountId],
    credential: FromPath[CredentialId],
    data: JSONBody[NewSecret],
) -> Kept:
    """Put a new key in the place of an old one. When this returns no request begins with the old one; its seal is gone from the store."""

    def store() -> CredentialRow:
        _own(services, account, credential)
        keeper = services.keeper()
        row = _changed(services, credential, lambda now: keeper.sealed(now, data.secret))
        note(services, signed_in, account, "credential_replaced", credential, after={"version": row.version})
        return row

    return await _in_force(services, store)


@put("/api/accounts/{account:str}/credentials/{credential:str}/agreements", opt=WRITE)
async def sign(
    services: NamedDependency[Services],
    signed_in: NamedDependency[SignedIn],
    account: FromPath[AccountId],
    credential: FromPath[CredentialId],
    data: JSONBody[Signed],
) -> Kept:
    """Replace what the account attests to have signed for a credential. It holds on every worker when this returns."""

    def store() -> CredentialRow:
        before = _own(services, account, credential)
        signed = _agreements(services, signed_in, data.agreements, before.provider)

        def change(row: CredentialRow) -> CredentialRow:
            refuse_overtaken(row.declared.agreements, data.instead_of)
            return msgspec.structs.replace(row, declared=msgspec.structs.replace(row.declared, agreements=signed))

        row = _changed(services, credential, change)
        note(services, signed_in, account, "agreements", credential, before=before.declared.agreements, after=signed)
        return row

    return await _in_force(services, store)


@delete("/api/accounts/{account:str}/credentials/{credential:str}", opt=WRITE, status_code=200)
async def revoke_credential(
    services: NamedDependency[Services],
    signed_in: NamedDependency[SignedIn],
    account: FromPath[AccountId],
    credential: FromPath[CredentialId],
) -> Kept:
    """Revoke a credential: its sealed secret is deleted, and no request begins with it when this returns. Again changes nothing."""

    def store() -> CredentialRow:
        before = _own(services, account, credential)
        row = services.store.revoke_credential(credential, services.clock()) or before
        if before.disabled_at is None:
            note(services, signed_in, account, "credential_revoked", credential, before={"provider": before.provider, "name": before.name})
        return row

    return await _in_force(services, store)


async def _in_force(services: Services, store: Callable[[], CredentialRow]) -> Kept:
    """Commit a change in a thread, have every worker go by it, and show what came of it."""
    row = await asyncio.to_thread(store)
    version = await services.reload()
    return Kept(_shown(services, row), version)


def _own(services: Services, account: AccountId, credential: CredentialId) -> CredentialRow:
    row = services.store.credential(credential)
    if row is None or row.account != account:
        raise NotFound("There is no such credential in this account.")
    return row


def _changed(services: Services, credential: CredentialId, change: Callable[[CredentialRow], CredentialRow]) -> CredentialRow:
    def unless_revoked(row: CredentialRow) -> CredentialRow:
        if row.disabled_at is not None:
            raise BadRequest("This credential is revoked: add a new one.", "credential")
        return change(row)

    row = services.store.change_credential(credential, unless_revoked)
    if row is None:
        raise NotFound("There is no such credential in this account.")
    return row


def _agreements(services: Services, by: SignedIn, stated: list[dict[str, object]], provider: ProviderId) -> tuple[Agreement, ...]:
    """What was signed, checked. Without a name of its own an agreement gets one; without one who attests, it is whoever is signed in."""
    if len(stated) > MOST_AGREEMENTS:
        raise BadRequest(f"A credential has at most {MOST_AGREEMENTS} agreements.", "agreements")
    defaults = {"attested_by": by.person.name}
    named = [{"id": f"agreement-{place + 1}", **defaults, **one} for place, one in enumerate(stated)]
    return services.keeper().agreements(named, provider)


def _operators(services: Services, account: AccountId) -> list[ShownCredential]:
    """The operator's credentials with what the operator signed for them, as far as it covers the account."""
    context, today = services.in_force().context, _today(services)
    return [
        ShownCredential(
            id=one.id,
            provider=one.provider,
            tier=one.tier,
            name="",
            region=one.region,
            variables={},
            deployments=one.deployments,
            agreements=[
                _counted(agreement, today)
                for agreement in context.agreements
                if agreement.provider == one.provider
                and (not agreement.credentials or one.id in agreement.credentials)
                and (not agreement.accounts or account in agreement.accounts)
            ],
            own=False,
            created_at=None,
            revoked_at=None,
            state="active",
            times_replaced=0,
        )
        for credentials in context.credentials.values()
        for one in credentials
    ]


def _shown(services: Services, row: CredentialRow) -> ShownCredential:
    state = "revoked" if row.disabled_at is not None else services.unusable().get(row.id, "active")
    return ShownCredential(
        id=row.id,
        provider=row.provider,
        tier=row.tier,
        name=row.name,
        region=row.declared.region,
        variables=row.declared.variables,
        deployments=row.declared.deployments,
        agreements=[_counted(one, _today(services)) for one in row.declared.agreements],
        own=True,
        created_at=row.created_at,
        revoked_at=row.disabled_at,
        state=state,
        times_replaced=row.version - 1,
    )


def _counted(agreement: Agreement, today: dt.date) -> ShownAgreement:
    """An agreement of other accounts too names them to the operator alone."""
    state = "not_yet" if today < agreement.valid_from else "ended" if today >= agreement.valid_until else "in_force"
    return ShownAgreement(msgspec.structs.replace(agreement, accounts=frozenset()), state)


def _today(services: Services) -> dt.date:
    return dt.datetime.fromtimestamp(services.clock(), dt.UTC).date()
