"""What an account is told: the list, how many of them a person has not seen, and how they went out. Changes nothing but what was seen."""

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from anyapi.control.notices import Notice, decode, headline, lines
from anyapi.control.permissions import SignedIn
from anyapi.control.services import Services
from anyapi.control.threads import in_thread
from anyapi.domain.ids import AccountId
from anyapi.domain.people import Permission

READ = {"permission": Permission.READ}
MOST = 200


class Notification(msgspec.Struct, frozen=True):
    """One of them, in sentences and as values."""

    id: str
    at: float
    kind: str
    headline: str
    lines: tuple[str, ...]
    seen: bool
    detail: Notice


class Notifications(msgspec.Struct, frozen=True):
    """A page of them, newest first; `unseen` counts all that came since the person looked."""

    unseen: int
    rows: tuple[Notification, ...]


class Way(msgspec.Struct, frozen=True):
    """One notification on its way by e-mail or webhook. `code` says how the last attempt ended: `sent`, or what stood in the way."""

    notification: str
    channel: str
    attempts: int
    next_at: float
    ended_at: float | None
    code: str | None


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Up to when (Unix seconds) the person has seen them: the time of the newest on the page."""

    until: float


@get("/api/accounts/{account:str}/notifications", opt=READ)
@in_thread
def list_notifications(
    services: NamedDependency[Services],
    signed_in: NamedDependency[SignedIn],
    account: FromPath[AccountId],
    before: FromQuery[float | None] = None,
    limit: FromQuery[int] = 50,
) -> Notifications:
    """The notifications of an account, newest first; `before` (Unix seconds) gives the next page."""
    rows = services.review.notifications(account, services.clock() + 1 if before is None else before, max(1, min(limit, MOST)))
    until, catalogue = services.review.seen_until(account, signed_in.person.id), services.in_force().context.catalogue
    found = []
    for row in rows:
        notice = decode(row.body)
        found.append(Notification(row.id, row.at, row.kind, headline(notice), lines(notice, catalogue), row.at <= until, notice))
    return Notifications(services.review.unseen(account, signed_in.person.id), tuple(found))


@post("/api/accounts/{account:str}/notifications/seen", opt=READ, status_code=200)
@in_thread
def mark_seen(
    services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId], data: JSONBody[Seen]
) -> Notifications:
    """Note that the caller has seen them; for the caller alone."""
    services.review.see(account, signed_in.person.id, min(data.until, services.clock()))
    return Notifications(services.review.unseen(account, signed_in.person.id), ())


@get("/api/accounts/{account:str}/deliveries", opt=READ)
@in_thread
def list_deliveries(services: NamedDependency[Services], account: FromPath[AccountId]) -> list[Way]:
    """How the last notifications went out."""
    rows = services.review.deliveries(account)
    return [Way(row.notification, row.channel.value, row.attempts, row.next_at, row.ended_at, row.code) for row in rows]
