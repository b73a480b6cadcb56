"""What accounts are told, as values and in plain sentences: the same in dashboard, e-mail and webhook. Ids, numbers and dates alone."""

import datetime as dt
from collections.abc import Iterable, Iterator

import msgspec

from anyapi.catalogue.subjects import Subject
from anyapi.control.sentences import title
from anyapi.domain.catalogue import Catalogue
from anyapi.domain.ids import ProviderId
from anyapi.policy.review import ByModel
from anyapi.storage.request_rows import RequestKind, RequestStatus

MOST_MODELS = 50
MOST_NAMED = 12


class UpdateNotice(msgspec.Struct, frozen=True, tag="catalogue"):
    """The catalogue changed in a way that concerns the account."""

    update: int
    gained: ByModel
    """Endpoints that policy permits now and did not before, by model; at most 50 models."""
    lost: ByModel
    gained_endpoints: int
    lost_endpoints: int
    new_providers: tuple[ProviderId, ...]
    changed_providers: tuple[ProviderId, ...]
    """Whose records changed, of those that the account may use or might use now."""
    to_accept: tuple[Subject, ...] = ()
    """What stays denied until a person accepts it."""


class ExpiryNotice(msgspec.Struct, frozen=True, tag="expiring"):
    """Records are good until a day (UTC) and count as unknown from then on."""

    day: str
    providers: tuple[ProviderId, ...]
    expired: bool


class ReminderNotice(msgspec.Struct, frozen=True, tag="reminder"):
    """It is time to review. `reviewed` is the day of the last review."""

    reviewed: str | None
    to_accept: int


class RequestNotice(msgspec.Struct, frozen=True, tag="request"):
    """The privacy team answered a request of the account, or changed its status."""

    request: str
    kind: RequestKind
    status: RequestStatus


Notice = UpdateNotice | ExpiryNotice | ReminderNotice | RequestNotice


def encode(notice: Notice) -> str:
    """As it is stored."""
    return msgspec.json.encode(notice).decode()


def decode(body: str) -> Notice:
    """Back from the store."""
    return msgspec.json.decode(body, type=UpdateNotice | ExpiryNotice | ReminderNotice | RequestNotice)


def headline(notice: Notice) -> str:
    """One line."""
    match notice:
        case UpdateNotice():
            wait = f"; {_waiting(len(notice.to_accept))} for you" if notice.to_accept else ""
            return f"What is known about providers changed{wait}"
        case ExpiryNotice():
            return f"{_count(len(notice.providers), 'record')} {'are' if len(notice.providers) > 1 else 'is'} good until {notice.day}"
        case ReminderNotice():
            return "It is time to review your privacy settings"
        case RequestNotice():
            return f"The privacy team {'answered' if notice.status is RequestStatus.ANSWERED else 'looked at'} a request"


def lines(notice: Notice, catalogue: Catalogue) -> tuple[str, ...]:
    """The rest, a sentence a line."""
    match notice:
        case UpdateNotice():
            return tuple(_of_update(notice, catalogue))
        case ExpiryNotice():
            then = "count as unknown since" if notice.expired else "will count as unknown from that day on, unless an update renews them"
            return (f"The records of {_named(notice.providers, catalogue)} {then}. What is unknown is denied wherever you ask for it.",)
        case ReminderNotice():
            last = "Nobody has reviewed it yet." if notice.reviewed is None else f"The last review was on {notice.reviewed}."
            waiting = f" {_waiting(notice.to_accept)} for a person to accept." if notice.to_accept else ""
            return (f"{last}{waiting}", "Look at the page Review, and say there that you have.")
        case RequestNotice():
            state = notice.status.replace("_", " ")
            return (f"The request ({notice.kind}) is {state} now.", "What was written is on the page Privacy requests alone.")


def page_of(notice: Notice) -> str:
    """Where in the dashboard it is to be looked at, below the account."""
    return f"requests/{notice.request}" if isinstance(notice, RequestNotice) else "review"


def _of_update(notice: UpdateNotice, catalogue: Catalogue) -> Iterator[str]:
    if notice.new_providers:
        yield f"New: {_named(notice.new_providers, catalogue)}."
    if notice.changed_providers:
        yield f"Changed: {_named(notice.changed_providers, catalogue)}."
    if notice.gained_endpoints:
        yield f"Your settings permit {_count(notice.gained_endpoints, 'endpoint')} more, of {_models(notice.gained)}."
    if notice.lost_endpoints:
        yield f"Your settings permit {_count(notice.lost_endpoints, 'endpoint')} fewer, of {_models(notice.lost)}."
    if not notice.gained_endpoints and not notice.lost_endpoints:
        yield "What your settings permit did not change."
    if notice.to_accept:
        named = [title(subject, catalogue) for subject in notice.to_accept]
        yield f"You review first: until a person accepts them, these count as before: {_some(named)}."


def _named(providers: Iterable[ProviderId], catalogue: Catalogue) -> str:
    return _some([title(f"provider:{provider}", catalogue) for provider in providers])


def _models(by_model: ByModel) -> str:
    return _some(list(by_model))


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:MOST_NAMED])
    return f"{shown} and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else shown


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _waiting(number: int) -> str:
    return f"{_count(number, 'change')} {'waits' if number == 1 else 'wait'}"


def day_of(at: float) -> str:
    """The UTC day of an instant, as text."""
    return dt.datetime.fromtimestamp(at, dt.UTC).date().isoformat()
