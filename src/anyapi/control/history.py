"""Who changed what when: written with every change, read page by page. Holds metadata alone, never a secret."""

from collections.abc import Iterable

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from anyapi.control.permissions import SignedIn
from anyapi.control.services import Services
from anyapi.control.threads import in_thread
from anyapi.domain.ids import AccountId
from anyapi.domain.people import Permission, PersonId
from anyapi.errors import StorageError
from anyapi.storage.people_rows import ChangeRow

MOST = 200
_encode = msgspec.json.Encoder(order="deterministic").encode


class Changed(msgspec.Struct, frozen=True):
    """One change as it is shown. `by` is an id or `cli`; `before` and `after` are what was there, as JSON."""

    at: float
    by: str
    by_name: str
    what: str
    subject: str
    before: object = None
    after: object = None


def refuse_overtaken(stands: object, read: object) -> None:
    """Whoever saves the whole of something must not undo what somebody else changed since they read it; None: they did not read it."""
    if read is not None and msgspec.json.decode(_encode(stands)) != read:
        raise StorageError(
            "Somebody changed this since it was read. Nothing was saved: read it again, and change what stands there now.",
            {"code": "changed_meanwhile"},
        )


def note(
    services: Services,
    by: SignedIn,
    account: AccountId | None,
    what: str,
    subject: str,
    *,
    before: object = None,
    after: object = None,
) -> None:
    """Write a change down; raises `StorageError` if it cannot be, and then the caller must not report success."""
    note_by(services, by.person.id, account, what, subject, (before, after))


def note_by(
    services: Services, who: str, account: AccountId | None, what: str, subject: str, values: tuple[object, object] = (None, None)
) -> None:
    """The same for whoever is no person, such as a provisioning key; `values` are what was there before and after."""
    texts = ["" if value is None else _encode(value).decode() for value in values]
    services.people.add_change(ChangeRow(services.clock(), account, who, what, subject, *texts))


def names_of(services: Services, ids: Iterable[str]) -> dict[str, str]:
    """The names of people, by id; without those who are gone and those who are no people."""
    found = (services.people.person(PersonId(each)) for each in dict.fromkeys(ids))
    return {person.id: person.name for person in found if person is not None}


@get("/api/accounts/{account:str}/changes", opt={"permission": Permission.READ})
@in_thread
def account_changes(
    services: NamedDependency[Services], account: FromPath[AccountId], before: FromQuery[float | None] = None, limit: FromQuery[int] = 50
) -> list[Changed]:
    """The changes of an account, newest first; `before` (Unix seconds) gives the next page."""
    return _page(services, account, before, limit)


@get("/api/gateway/changes", opt={"permission": Permission.GATEWAY_READ})
@in_thread
def gateway_changes(
    services: NamedDependency[Services], before: FromQuery[float | None] = None, limit: FromQuery[int] = 50
) -> list[Changed]:
    """The changes of the gateway's own settings."""
    return _page(services, None, before, limit)


def _page(services: Services, account: AccountId | None, before: float | None, limit: int) -> list[Changed]:
    rows = services.people.changes(account, services.clock() + 1 if before is None else before, max(1, min(limit, MOST)))
    names = names_of(services, (row.person for row in rows))
    return [
        Changed(row.at, row.person, names.get(row.person, row.person), row.what, row.subject, _value(row.before), _value(row.after))
        for row in rows
    ]


def _value(text: str) -> object:
    return msgspec.json.decode(text) if text else None
