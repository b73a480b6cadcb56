"""What the store holds of people: who they are, where they are members, their sessions, one-time links, and who changed what when.

No password and no token: an argon2id hash, and SHA-256 of random tokens of 256 bits.
"""

import enum

import msgspec

from anyapi.domain.ids import AccountId
from anyapi.domain.people import PersonId, Role


class PersonRow(msgspec.Struct, frozen=True):
    """A person. `email` is lower case and unique; `password` is an argon2id hash in PHC form, None where another party signs them in."""

    id: PersonId
    email: str
    name: str
    password: str | None
    operator: bool
    """May do everything, in every account and for the gateway."""
    created_at: float
    disabled_at: float | None = None

    def __repr__(self) -> str:
        """Ids only: neither address nor hash."""
        return f"PersonRow(id={self.id!r})"


class MemberRow(msgspec.Struct, frozen=True):
    """A person's role in an account; one role an account."""

    account: AccountId
    person: PersonId
    role: Role
    since: float


class IdentityRow(msgspec.Struct, frozen=True):
    """Who a person is at a sign-in service: its issuer and its own id of them. Each names one person; a person has one at an issuer."""

    issuer: str
    subject: str
    person: PersonId
    since: float

    def __repr__(self) -> str:
        """Ids of ours only."""
        return f"IdentityRow(person={self.person!r})"


class SessionRow(msgspec.Struct, frozen=True):
    """A signed-in browser. Times are Unix seconds; `seen_at` is kept to the minute, which is enough to end idle ones."""

    sha256: bytes
    person: PersonId
    created_at: float
    seen_at: float


class LinkKind(enum.StrEnum):
    """What a one-time link does."""

    FIRST_RUN = "first_run"
    """Makes the first person, an operator and owner of the default account."""
    INVITATION = "invitation"
    """Makes its bearer a member."""


class LinkRow(msgspec.Struct, frozen=True):
    """A link that works once, until `expires_at`."""

    sha256: bytes
    kind: LinkKind
    expires_at: float
    account: AccountId | None = None
    role: Role | None = None
    email: str = ""


class ChangeRow(msgspec.Struct, frozen=True):
    """One change that somebody made: who, when, what, and the metadata of before and after as JSON texts. Never a secret."""

    at: float
    account: AccountId | None
    """None for the gateway's own."""
    person: str
    """A `PersonId`, or `cli` for a command on the machine itself."""
    what: str
    """A coded name such as `settings` or `key_revoked`."""
    subject: str
    before: str = ""
    after: str = ""
