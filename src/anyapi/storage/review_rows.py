"""What the store holds of reviews: catalogues, their updates, what accounts have not accepted yet, how they want to be told, and of what.

Metadata alone. The secret of a webhook is sealed under the root key, like a provider's credential.
"""

import enum

import msgspec

from anyapi.domain.ids import AccountId
from anyapi.domain.people import PersonId


class UpdateSource(enum.StrEnum):
    """How a catalogue came into force."""

    START = "start"
    """With the product, or because the operator changed `anyapi.toml`."""
    FILE = "file"
    URL = "url"
    DASHBOARD = "dashboard"


class UpdateRow(msgspec.Struct, frozen=True):
    """One change of the catalogue. `base` is what was installed (None: the one that ships with the product); times are Unix seconds."""

    number: int
    at: float
    person: str
    source: UpdateSource
    base: str | None
    pinned: bool
    """It was installed although it is older than what was there: a newer one that ships with the product does not replace it."""
    effective: str | None = None
    """Version in force with the operator's own records over it; None until a gateway took it."""
    previous: str | None = None
    """Version that was in force before."""
    changes: str = ""
    """What changed, as JSON."""
    accounts: int | None = None
    """How many accounts there are to tell; None until that began."""
    told: int = 0
    told_at: float | None = None


class HoldRow(msgspec.Struct, frozen=True):
    """One record that an update changed or added, and an account has to accept."""

    account: AccountId
    subject: str
    """`provider:ID` or `endpoint:ID`."""
    number: int
    """Of the update."""
    before: str | None
    """The record as it stood before, as JSON; None if there was none."""
    since: float
    accepted_at: float | None = None
    accepted_by: str | None = None


class ReviewSettings(msgspec.Struct, frozen=True):
    """How an account reviews, and how it is told besides the dashboard."""

    account: AccountId
    review_first: bool = False
    remind_days: float | None = None
    """A reminder to review this many days after the last review; None for none."""
    email: bool = False
    """Owners and admins get an e-mail."""
    webhook_url: str | None = None
    key_id: str = ""
    wrapped: bytes = b""
    ciphertext: bytes = b""
    version: int = 0
    reviewed_at: float | None = None
    reminded_at: float | None = None

    def __repr__(self) -> str:
        """Neither address nor seal."""
        return f"ReviewSettings(account={self.account!r}, review_first={self.review_first})"


class NotificationRow(msgspec.Struct, frozen=True):
    """Something that an account is told. `subject` makes it unique for its kind, so that nothing is told twice."""

    id: str
    account: AccountId
    at: float
    kind: str
    subject: str
    body: str
    """Ids, numbers and dates, as JSON."""


class Channel(enum.StrEnum):
    """A way out of the dashboard."""

    EMAIL = "email"
    WEBHOOK = "webhook"


class DeliveryRow(msgspec.Struct, frozen=True):
    """One notification on its way to one place. `person` is who gets the e-mail; empty for the webhook."""

    id: str
    account: AccountId
    notification: str
    channel: Channel
    person: PersonId | str
    next_at: float
    attempts: int = 0
    ended_at: float | None = None
    code: str | None = None
    """How it ended or failed last: `sent`, or what stood in the way."""
