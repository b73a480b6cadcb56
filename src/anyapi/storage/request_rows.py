"""What the store holds of privacy requests: the request, the words of its thread, and what is to be told about it.

INVARIANT: `words` is what a person wrote to the privacy team, never a prompt or an answer of a model. It leaves this table for the thread
and the account's own archive alone: no log, no notice and no history holds it.
"""

import enum

import msgspec

from anyapi.domain.ids import AccountId
from anyapi.domain.people import PersonId

LONGEST_WORDS = 4000
"""Characters of one message."""
KEPT_DAYS = 365.0
"""How long a request is kept after the last change, once it is answered or closed."""
NOTICE_DAYS = 30.0
"""How long a notice is kept."""


class RequestKind(enum.StrEnum):
    """What somebody wants of the privacy team."""

    ACCESS = "access"
    """See or take along what is held."""
    DELETION = "deletion"
    CORRECTION = "correction"
    OBJECTION = "objection"
    QUESTION = "question"


class RequestStatus(enum.StrEnum):
    """How far a request is."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    ANSWERED = "answered"
    CLOSED = "closed"


FINISHED = frozenset({RequestStatus.ANSWERED, RequestStatus.CLOSED})
"""Nobody waits for the team, so the time until deletion runs."""


class RequestRow(msgspec.Struct, frozen=True):
    """One request to the privacy team. Times are Unix seconds."""

    id: str
    """`req_` and 20 characters."""
    account: AccountId
    person: PersonId
    """Who asked."""
    kind: RequestKind
    status: RequestStatus
    opened_at: float
    due_at: float
    changed_at: float


class MessageRow(msgspec.Struct, frozen=True):
    """One message of a request's thread."""

    id: str
    account: AccountId
    request: str
    person: PersonId
    from_team: bool
    """Written by the operator's privacy team; else by somebody of the account."""
    at: float
    words: str

    def __repr__(self) -> str:
        """Ids only: never what a person wrote."""
        return f"MessageRow(id={self.id!r}, request={self.request!r})"


class NoticeRow(msgspec.Struct, frozen=True):
    """Something that is to be told about an account's requests. `facts` is JSON of ids and codes, never anybody's words."""

    id: str
    account: AccountId
    at: float
    kind: str
    facts: str
    sent_at: float | None = None
