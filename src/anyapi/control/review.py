"""An account's review: what waits to be accepted and what it would admit, who accepted what, how the account reviews and is told."""

import asyncio
import ipaddress

import msgspec
from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from anyapi.catalogue.subjects import ENDPOINT, PROVIDER, Subject, read, records_of, renewal
from anyapi.control.delivering import binding_of
from anyapi.control.history import names_of, note
from anyapi.control.layers import requirement_of
from anyapi.control.notices import day_of
from anyapi.control.permissions import SignedIn
from anyapi.control.sentences import sentences, title
from anyapi.control.services import Services
from anyapi.control.telling import providers_of
from anyapi.control.threads import in_thread
from anyapi.crypto.envelope import seal
from anyapi.delivery.checked_http import usable_url
from anyapi.delivery.webhook import new_secret
from anyapi.domain.ids import AccountId, EndpointId, ProviderId
from anyapi.domain.people import Permission
from anyapi.errors import BadRequest
from anyapi.policy.review import ByModel, expiring, withheld
from anyapi.storage.review_rows import HoldRow, ReviewSettings

READ = {"permission": Permission.READ}
WRITE = {"permission": Permission.WRITE_SETTINGS}
MOST_DAYS = 3660.0
NO_PEOPLE = {"cli": "the command line", "": "nobody"}
"""Who accepts without being a person."""
RENEWED = "Only the dates changed from which the record counts."


class Waiting(msgspec.Struct, frozen=True):
    """One record that an update loosened or added: what changed, and the endpoints that stay denied for it."""

    subject: Subject
    title: str
    changes: tuple[str, ...]
    since: float
    update: int
    renewal: bool
    """Nothing but its dates changed."""
    withheld: tuple[EndpointId, ...]


class Accepted(msgspec.Struct, frozen=True):
    """One record that somebody accepted."""

    subject: Subject
    title: str
    update: int
    at: float
    by: str
    by_name: str


class Expiring(msgspec.Struct, frozen=True):
    """A record of a provider that the account may use, and the first day (UTC) on which it is good no longer."""

    provider: ProviderId
    name: str
    day: str
    expired: bool


class Told(msgspec.Struct, frozen=True):
    """How the account reviews and is told."""

    review_first: bool
    remind_days: float | None
    email: bool
    email_possible: bool
    """The operator has configured a mail server."""
    webhook_url: str | None
    """None too for those who may not change it: such an address is often a secret in itself."""
    webhook_possible: bool
    """There is a root key to seal the webhook's secret with."""
    reviewed_at: float | None


class Review(msgspec.Struct, frozen=True):
    """The page. `update` goes with what is accepted: it says what was looked at."""

    update: int
    settings: Told
    waiting: tuple[Waiting, ...]
    withheld: ByModel
    expiring: tuple[Expiring, ...]
    accepted: tuple[Accepted, ...]


class Acceptance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to accept: subjects, or None for all that was shown."""

    update: int
    subjects: list[Subject] | None = None


class Done(msgspec.Struct, frozen=True):
    """How many were accepted, and the snapshot by which they count on every worker."""

    accepted: int
    snapshot: int


class Wishes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the account is to review and to be told from now on. What is left out stays."""

    review_first: bool | UnsetType = UNSET
    remind_days: float | UnsetType | None = UNSET
    email: bool | UnsetType = UNSET

    def of(self, before: ReviewSettings, now: float) -> ReviewSettings:
        """The settings with the wishes. A reminder that is new counts from now."""
        wished = {name: wish for name, wish in msgspec.structs.asdict(self).items() if wish is not UNSET}
        after = msgspec.structs.replace(before, **wished)
        begins = before.remind_days is None and after.remind_days is not None
        return msgspec.structs.replace(after, reminded_at=now) if begins else after


class Hook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a webhook is to be sent."""

    url: str


class HookMade(msgspec.Struct, frozen=True):
    """The secret that it is signed with; shown this once."""

    url: str
    secret: str

    def __repr__(self) -> str:
        """Not the secret."""
        return "<HookMade>"


@get("/api/accounts/{account:str}/review", opt=READ)
@in_thread
def show_review(services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId]) -> Review:
    """What waits for the account, what expires soon, and who accepted what."""
    context, now = services.in_force().context, services.clock()
    requirement, newest = requirement_of(services, account), services.review.last_adopted()
    denied = withheld(requirement, context, account, now)
    mine = providers_of(requirement, context, account, now) | context.seen_by(account).credentials.keys()
    soon = [each for each in expiring(context, now) if each.provider in mine]
    return Review(
        update=0 if newest is None else newest.number,
        settings=_told(services, services.review.review_settings(account), hook=signed_in.may(Permission.WRITE_SETTINGS, account)),
        waiting=tuple(_waiting(services, services.review.pending_holds(account), denied)),
        withheld=denied,
        expiring=tuple(
            Expiring(each.provider, context.catalogue.providers[each.provider].name, day_of(each.ends), each.ends <= now) for each in soon
        ),
        accepted=tuple(_accepted(services, services.review.accepted_holds(account))),
    )


def _waiting(services: Services, rows: list[HoldRow], denied: ByModel) -> list[Waiting]:
    """One entry a subject: from the state that is not accepted yet to today's."""
    catalogue = services.in_force().context.catalogue
    records = records_of(catalogue)
    first: dict[Subject, HoldRow] = {}
    for row in rows:
        first.setdefault(row.subject, row)
    endpoints = [endpoint for each in denied.values() for endpoint in each]
    found = []
    for subject, row in first.items():
        before, after = read(subject, row.before), records.get(subject)
        words = sentences(before, after) or ((RENEWED,) if renewal(before, after) else ("What was known before cannot be read any more.",))
        mine = tuple(endpoint for endpoint in endpoints if _concerns(subject, endpoint))
        found.append(Waiting(subject, title(subject, catalogue), words, row.since, row.number, renewal(before, after), mine))
    return found


def _concerns(subject: Subject, endpoint: EndpointId) -> bool:
    if subject.startswith(PROVIDER):
        return endpoint.partition("/")[0] == subject.removeprefix(PROVIDER)
    return endpoint == subject.removeprefix(ENDPOINT)


def _accepted(services: Services, rows: list[HoldRow]) -> list[Accepted]:
    catalogue = services.in_force().context.catalogue
    names = NO_PEOPLE | names_of(services, (row.accepted_by for row in rows if row.accepted_by and row.accepted_by not in NO_PEOPLE))
    found = []
    for row in rows:
        by = row.accepted_by or ""
        found.append(Accepted(row.subject, title(row.subject, catalogue), row.number, row.accepted_at or 0.0, by, names.get(by, by)))
    return found


def _told(services: Services, settings: ReviewSettings, *, hook: bool = True) -> Told:
    return Told(
        settings.review_first,
        settings.remind_days,
        settings.email,
        services.updating.mails,
        settings.webhook_url if hook else None,
        bool(services.updating.root_keys),
        settings.reviewed_at,
    )


@post("/api/accounts/{account:str}/review/accept", opt=WRITE, status_code=200)
async def accept_changes(
    services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId], data: JSONBody[Acceptance]
) -> Done:
    """Accept changes: they count for the account on every worker when this returns. Raises `BadRequest` if an update came in between."""
    if data.subjects is not None and not 0 < len(data.subjects) <= 10_000:
        raise BadRequest("subjects must name 1 to 10,000 changes, or be left out for all.", "subjects")

    def store() -> int:
        now, by = services.clock(), signed_in.person.id
        done = services.review.accept(account, data.subjects, data.update, by=by, at=now)
        if done is None:
            raise BadRequest("The catalogue was updated since you looked: load the page again, and look at what changed.", "update")
        if done:
            note(services, signed_in, account, "review_accepted", f"update {data.update}", after={"accepted": data.subjects or "all"})
        return done

    done = await asyncio.to_thread(store)
    return Done(done, await services.reload())


@post("/api/accounts/{account:str}/review/done", opt=WRITE, status_code=200)
@in_thread
def note_review(services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId]) -> Told:
    """Say that the account's settings were reviewed now; the next reminder counts from here."""
    now = services.clock()

    def reviewed(before: ReviewSettings) -> ReviewSettings:
        return msgspec.structs.replace(before, reviewed_at=now)

    after = services.review.change_review_settings(account, reviewed, by=signed_in.person.id, at=now)
    note(services, signed_in, account, "reviewed", account)
    return _told(services, after)


@put("/api/accounts/{account:str}/review/settings", opt=WRITE)
async def save_review_settings(
    services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId], data: JSONBody[Wishes]
) -> Told:
    """Say how the account reviews and is told. Switching `review_first` off accepts what waits, and says so in the history."""
    if data.remind_days is not None and data.remind_days is not UNSET and not 1 <= data.remind_days <= MOST_DAYS:
        raise BadRequest(f"remind_days must be between 1 and {MOST_DAYS:.0f}, or null for no reminder.", "remind_days")
    if data.email is True and not services.updating.mails:
        raise BadRequest("The operator has configured no mail server ([smtp]).", "email")
    now = services.clock()

    def store() -> Told:
        before = services.review.review_settings(account)
        after = services.review.change_review_settings(account, lambda row: data.of(row, now), by=signed_in.person.id, at=now)
        shown = [{name: getattr(each, name) for name in data.__struct_fields__} for each in (before, after)]
        note(services, signed_in, account, "review_settings", account, before=shown[0], after=shown[1])
        return _told(services, after)

    told = await asyncio.to_thread(store)
    await services.reload()
    return told


@put("/api/accounts/{account:str}/review/webhook", opt=WRITE)
@in_thread
def save_webhook(
    services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId], data: JSONBody[Hook]
) -> HookMade:
    """Have notifications sent to an address, signed with a new secret that is shown this once (Standard Webhooks)."""
    host = _checked_host(services, data.url)
    secret, now, keys = new_secret(), services.clock(), services.updating.root_keys
    if not keys:
        raise BadRequest("The operator has no root key to seal the webhook's secret with (ANYAPI_ROOT_KEY_FILE).", "url")

    def sealed(before: ReviewSettings) -> ReviewSettings:
        version = before.version + 1
        found = seal(secret, binding_of(account, version), keys)
        return msgspec.structs.replace(
            before, webhook_url=data.url, key_id=found.key_id, wrapped=found.wrapped, ciphertext=found.ciphertext, version=version
        )

    services.review.change_review_settings(account, sealed, by=signed_in.person.id, at=now)
    note(services, signed_in, account, "webhook", account, after={"host": host})
    return HookMade(data.url, secret.reveal())


def _checked_host(services: Services, url: str) -> str:
    """The host of a webhook's address. Raises `BadRequest` for one that cannot be asked, or not from here."""
    parts = usable_url(url)
    host = None if parts is None else parts.hostname
    if host is None or len(url) > 2000:
        raise BadRequest("url must be http or https, with a host, without user name and fragment.", "url")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host  # a name is resolved, and its addresses are checked, whenever something is sent
    if not services.updating.allows_hook(host):
        raise BadRequest("url leads into a network that the operator did not allow (network.webhook_addresses).", "url")
    return host


@delete("/api/accounts/{account:str}/review/webhook", opt=WRITE, status_code=200)
@in_thread
def remove_webhook(services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId]) -> Told:
    """Send nothing to the webhook any more, and forget its secret."""

    def removed(before: ReviewSettings) -> ReviewSettings:
        return msgspec.structs.replace(before, webhook_url=None, key_id="", wrapped=b"", ciphertext=b"")

    after = services.review.change_review_settings(account, removed, by=signed_in.person.id, at=services.clock())
    note(services, signed_in, account, "webhook_removed", account)
    return _told(services, after)
