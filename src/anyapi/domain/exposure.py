"""The exposure ledger: which provider was sent what class of data of which app, and until when it may hold it. Values only.

Made of usage rows and of the facts that were in force; holds no content, because neither does.
"""

import enum

import msgspec

from anyapi.domain.ids import AccountId, CredentialId, EndpointId, KeyId, ProviderId


class Recipient(msgspec.Struct, frozen=True):
    """Requests of one UTC day that were alike: who sent what class of data where. Times in Unix seconds."""

    account: AccountId
    app: str | None
    key: KeyId
    data_class: str | None
    endpoint: EndpointId
    provider: ProviderId
    """As the row says it; of an endpoint that another attempt went to before, the empty id: the catalogue knows."""
    credential: CredentialId | None
    host: ProviderId | None
    """The host that a router said it had passed the request to."""
    requests: int
    first_at: float
    last_at: float


class Keeping(enum.StrEnum):
    """How long a provider keeps what it was sent."""

    NOTHING = "nothing"
    """Zero retention was promised: nothing is left once it has answered."""
    UNTIL = "until"
    """There is a known end."""
    INDEFINITELY = "indefinitely"
    """The provider says that there is none."""
    UNKNOWN = "unknown"
    """Nobody has said so, the record had expired, or the provider itself stated otherwise: until further notice."""


class RetentionClock(msgspec.Struct, frozen=True):
    """How long copies are kept, and when the last one should be gone (Unix seconds; None: not known, or nothing is kept)."""

    kept: Keeping
    days: float | None
    until: float | None


class Exposure(msgspec.Struct, frozen=True):
    """What one endpoint's provider was sent of one app and key in one class of data, under the same facts."""

    account: AccountId
    app: str | None
    key: KeyId
    data_class: str | None
    """None: the requests set no class."""
    provider: ProviderId
    endpoint: EndpointId
    host: ProviderId | None
    requests: int
    first_at: float
    last_at: float
    main: RetentionClock
    """Of what every request leaves behind."""
    flagged: RetentionClock | None
    """Of what the provider flagged as abuse, where it is known to copy that."""
    held_requests: int
    """Requests whose copy may be there still, days that are not over yet counted whole."""
    held: bool
    purpose: str | None
    """Why it is kept, as the provider states it."""
    training: str
    grade: str
    agreements: tuple[str, ...]
    local: bool
    """The server is the operator's own."""
    source_url: str | None
    source_date: str | None
    storage_regions: tuple[str, ...]


class Ledger(msgspec.Struct, frozen=True):
    """The ledger as it stands at one instant, what is held longest first. Times in Unix seconds."""

    at: float
    since: float | None
    """The oldest request that a row is kept of; what was sent before is not in the ledger. None: no row at all."""
    requests: int
    """Requests that were sent to at least one provider."""
    entries: tuple[Exposure, ...]
    expired_before: float | None = None
    """Rows of what was sent before this are kept no longer. None: whose ledger it is was not there yet, so that none can have expired."""
