"""Requests to the privacy team: opened and followed by an account, answered by the operator. Delivers nothing itself (`notify.py`).

Everybody in the account can read them: the page says so before somebody writes. Another account's request does not exist.
"""

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from anyapi.control.history import names_of, note
from anyapi.control.notify import NoticeKind, notify, notify_account
from anyapi.control.permissions import SignedIn
from anyapi.control.services import Services
from anyapi.control.threads import in_thread
from anyapi.control.tokens import new_id
from anyapi.domain.ids import AccountId
from anyapi.domain.people import Permission, PersonId
from anyapi.errors import BadRequest, NotFound
from anyapi.storage.request_rows import (
    FINISHED,
    KEPT_DAYS,
    LONGEST_WORDS,
    NOTICE_DAYS,
    MessageRow,
    RequestKind,
    RequestRow,
    RequestStatus,
)

MOST_UNFINISHED, MOST_MESSAGES = 50, 100
DAY = 86400.0
TEAM = "Privacy team"


class NewRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody wants of the privacy team, in at most 4,000 characters."""

    kind: RequestKind
    words: str

    def __repr__(self) -> str:
        """Never what somebody wrote."""
        return f"NewRequest(kind={self.kind!r})"


class NewMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One more message from the account."""

    words: str

    def __repr__(self) -> str:
        """Never what somebody wrote."""
        return "<NewMessage>"


class NewReply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer of the privacy team, another status, or both; `words` may be empty where the status alone changes."""

    status: RequestStatus
    words: str = ""

    def __repr__(self) -> str:
        """Never what somebody wrote."""
        return f"NewReply(status={self.status!r})"


class ShownRequest(msgspec.Struct, frozen=True):
    """One request as it is listed. `person_name` is empty for somebody who is gone."""

    id: str
    account: AccountId
    kind: RequestKind
    status: RequestStatus
    person: PersonId
    person_name: str
    opened_at: float
    due_at: float
    changed_at: float
    overdue: bool


class Said(msgspec.Struct, frozen=True):
    """One message of a thread."""

    at: float
    from_team: bool
    by: str
    words: str


class Thread(msgspec.Struct, frozen=True):
    """A request with all that was said."""

    request: ShownRequest
    messages: list[Said]


class RequestPage(msgspec.Struct, frozen=True):
    """An account's requests, and whom they reach."""

    contact: str | None
    """The operator's own address for privacy matters, if one is configured."""
    answer_days: float
    kept_days: float
    """How long a finished request is kept after the last change."""
    requests: list[ShownRequest]


@get("/api/accounts/{account:str}/requests", opt={"permission": Permission.READ})
@in_thread
def list_requests(services: NamedDependency[Services], account: FromPath[AccountId]) -> RequestPage:
    """The account's requests to the privacy team, unfinished ones first."""
    purge(services)
    rows = services.requests.requests(account)
    return RequestPage(services.privacy.contact, services.privacy.answer_days, KEPT_DAYS, _all_shown(services, rows))


@post("/api/accounts/{account:str}/requests", opt={"permission": Permission.WRITE_REQUESTS})
@in_thread
def open_request(
    services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId], data: JSONBody[NewRequest]
) -> Thread:
    """Ask the privacy team for something. The answer comes in the request's thread."""
    words, now = _words(data.words), services.clock()
    waiting = sum(row.status not in FINISHED for row in services.requests.requests(account))
    if waiting >= MOST_UNFINISHED:
        raise BadRequest(f"{MOST_UNFINISHED} requests of this account wait for an answer: write in one of those.", "words")
    due = now + services.privacy.answer_days * DAY
    row = RequestRow(new_id("req"), account, signed_in.person.id, data.kind, RequestStatus.OPEN, now, due, now)
    services.requests.open_request(row, MessageRow(new_id("msg"), account, row.id, row.person, from_team=False, at=now, words=words))
    notify(services, account, NoticeKind.REQUEST_OPENED, {"request": row.id, "kind": row.kind})
    return _thread(services, row)


@get("/api/accounts/{account:str}/requests/{request_id:str}", opt={"permission": Permission.READ})
@in_thread
def show_request(services: NamedDependency[Services], account: FromPath[AccountId], request_id: FromPath[str]) -> Thread:
    """One request with its thread."""
    return _thread(services, _own(services, account, request_id))


@post("/api/accounts/{account:str}/requests/{request_id:str}/messages", opt={"permission": Permission.WRITE_REQUESTS})
@in_thread
def write_again(
    services: NamedDependency[Services],
    signed_in: NamedDependency[SignedIn],
    account: FromPath[AccountId],
    request_id: FromPath[str],
    data: JSONBody[NewMessage],
) -> Thread:
    """Write once more. A request that was finished is open again, and due anew."""
    row, words, now = _own(services, account, request_id), _words(data.words), services.clock()
    _refuse_too_long(services, row)
    again = row.status in FINISHED
    message = MessageRow(new_id("msg"), account, row.id, signed_in.person.id, from_team=False, at=now, words=words)
    due = now + services.privacy.answer_days * DAY if again else None
    services.requests.add_message(message, RequestStatus.OPEN if again else row.status, due)
    notify(services, account, NoticeKind.REQUEST_MESSAGE, {"request": row.id, "kind": row.kind})
    return _thread(services, _own(services, account, request_id))


@post("/api/accounts/{account:str}/requests/{request_id:str}/closing", opt={"permission": Permission.WRITE_REQUESTS}, status_code=200)
@in_thread
def close_request(
    services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId], request_id: FromPath[str]
) -> Thread:
    """Close a request: nobody waits for an answer any more."""
    before = _own(services, account, request_id)
    services.requests.set_request_status(account, request_id, RequestStatus.CLOSED, services.clock())
    _note_status(services, signed_in, before, "request_closed", RequestStatus.CLOSED)
    return _thread(services, _own(services, account, request_id))


@get("/api/gateway/requests", opt={"permission": Permission.GATEWAY_READ})
@in_thread
def inbox(services: NamedDependency[Services]) -> list[ShownRequest]:
    """The requests of every account, for the privacy team: those soonest due first."""
    purge(services)
    return _all_shown(services, services.requests.requests(None, 1000))


@post("/api/gateway/requests/{request_id:str}/replies", opt={"permission": Permission.GATEWAY_WRITE})
@in_thread
def reply(
    services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], request_id: FromPath[str], data: JSONBody[NewReply]
) -> Thread:
    """Answer as the privacy team, or set the status alone."""
    row, now = services.requests.request_by_id(request_id), services.clock()
    if row is None:
        raise NotFound("There is no such request.")
    if data.words.strip():
        _refuse_too_long(services, row)
        words = _words(data.words)
        message = MessageRow(new_id("msg"), row.account, row.id, signed_in.person.id, from_team=True, at=now, words=words)
        services.requests.add_message(message, data.status)
        what = "request_answered"
    elif data.status is RequestStatus.ANSWERED:
        raise BadRequest("An answer needs words.", "words")
    else:
        services.requests.set_request_status(row.account, row.id, data.status, now)
        what = "request_status"
    _note_status(services, signed_in, row, what, data.status)
    notify_account(services, row, data.status, now)
    return _thread(services, _own(services, row.account, row.id))


def purge(services: Services) -> int:
    """Delete what was finished so long ago that it is kept no longer."""
    now = services.clock()
    return services.requests.purge_requests(now - KEPT_DAYS * DAY, now - NOTICE_DAYS * DAY)


def _note_status(services: Services, by: SignedIn, row: RequestRow, what: str, status: RequestStatus) -> None:
    """Write down who did what with a request, which was `row` before. INVARIANT: its id and status, and no word of anybody's."""
    note(services, by, row.account, what, row.id, before={"status": row.status}, after={"status": status})


def _own(services: Services, account: AccountId, request_id: str) -> RequestRow:
    row = services.requests.request(account, request_id)
    if row is None:
        raise NotFound("There is no such request in this account.")
    return row


def _words(text: str) -> str:
    words = text.strip()
    if not 0 < len(words) <= LONGEST_WORDS or any(each < " " and each not in "\n\t" for each in words.replace("\r\n", "\n")):
        raise BadRequest(f"A message has 1 to {LONGEST_WORDS} characters, and no control characters.", "words")
    return words


def _refuse_too_long(services: Services, row: RequestRow) -> None:
    if len(services.requests.messages(row.account, row.id)) >= MOST_MESSAGES:
        raise BadRequest(f"A thread has at most {MOST_MESSAGES} messages: open another request.", "words")


def _all_shown(services: Services, rows: list[RequestRow]) -> list[ShownRequest]:
    names = names_of(services, (row.person for row in rows))
    return [_shown(services, row, names) for row in rows]


def _shown(services: Services, row: RequestRow, names: dict[str, str]) -> ShownRequest:
    overdue = row.status not in FINISHED and row.due_at < services.clock()
    return ShownRequest(
        row.id,
        row.account,
        row.kind,
        row.status,
        row.person,
        names.get(row.person, ""),
        row.opened_at,
        row.due_at,
        row.changed_at,
        overdue,
    )


def _thread(services: Services, row: RequestRow) -> Thread:
    messages = services.requests.messages(row.account, row.id)
    names = names_of(services, [row.person, *(one.person for one in messages if not one.from_team)])
    said = [Said(one.at, one.from_team, TEAM if one.from_team else names.get(one.person, ""), one.words) for one in messages]
    return Thread(_shown(services, row, names), said)
