"""Prompt logs that accounts opt into: what is asked for, whom it is sealed to, and an entry on its way to the seal. No logic."""

import enum

import msgspec

from anyapi.domain.ids import AccountId, DecisionId, KeyId, ProjectId
from anyapi.domain.requirement import Layer

MOST_RECIPIENTS = 8
"""Recipients of one account: each costs every entry a header of about 100 bytes and the work of one key agreement."""
LONGEST_DAYS = 3650.0
LAYERS = (Layer.ACCOUNT, Layer.PROJECT, Layer.KEY)
"""Where a rule may stand. The nearest one holds: the key's, else its project's, else its account's."""


class Keeps(enum.StrEnum):
    """What of a request is kept."""

    BOTH = "both"
    PROMPTS = "prompts"
    RESPONSES = "responses"
    NOTHING = "nothing"
    """An exception from a rule above."""


class LogRule(msgspec.Struct, frozen=True):
    """What one layer asks to have kept. `share` of the requests, drawn one by one; `ttl_days` from the request on."""

    keeps: Keeps
    share: float = 1.0
    ttl_days: float = 30.0


class LogTarget(msgspec.Struct, frozen=True):
    """The rule in force for a key, with those who can read what is kept. INVARIANT: there is none without a recipient."""

    rule: LogRule
    recipients: tuple[str, ...]
    """Public keys, `age1...` (age-encryption.org/v1, X25519)."""


class LogEntry(msgspec.Struct, frozen=True):
    """What can be seen of a kept request without opening it. Times are Unix seconds."""

    decision: DecisionId
    """Its id: the one of the answer's `X-AnyAPI-Decision`."""
    account: AccountId
    key: KeyId
    project: ProjectId | None
    at: float
    expires_at: float
    operation: str
    model: str
    """A catalogue id, else `unknown`."""
    outcome: str
    keeps: Keeps
    recipients: tuple[str, ...]
    """Public keys that it was sealed to."""
    bytes: int | None = None
    """Of the ciphertext; None until all of it is stored."""


class Kept(msgspec.Struct, gc=False):
    """An entry and its content, between the answer and the seal. Holds content: never printed; nothing but a seal may take it."""

    entry: LogEntry
    prompt: bytes | None = None
    """The request's body as it came, JSON; None where prompts are not kept."""
    response: tuple[bytes, ...] | None = None
    """What the client got: parts of an event stream, or one body of JSON; None where responses are not kept."""
    streamed: bool = False

    def __repr__(self) -> str:
        """The decision's id alone."""
        return f"<Kept {self.entry.decision}>"

    @property
    def size(self) -> int:
        """Bytes of content."""
        return len(self.prompt or b"") + sum(len(part) for part in self.response or ())
