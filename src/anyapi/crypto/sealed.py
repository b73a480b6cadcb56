"""What a sealed secret consists of and what it is bound to, as values. Imports no cipher: `crypto/envelope.py` seals and opens.

A start without a stored credential needs these types and never the cipher's library.
"""

import enum

import msgspec

from anyapi.domain.ids import AccountId, CredentialId, ProviderId
from anyapi.errors import AnyAPIError


class Sealed(msgspec.Struct, frozen=True):
    """A secret under a data key of its own, and that key under a root key. Useless without the root key; printed short all the same."""

    key_id: str
    """Which root key wraps the data key."""
    wrapped: bytes
    ciphertext: bytes

    def __repr__(self) -> str:
        """The id of the root key only."""
        return f"<Sealed under {self.key_id}>"


class Binding(msgspec.Struct, frozen=True):
    """Where a sealed secret belongs. It opens with exactly these values and no others."""

    account: AccountId
    provider: ProviderId
    row: CredentialId
    version: int
    """Counts up each time the row is sealed anew, so that an older seal cannot be put back under a newer one's number."""


class ClosedReason(enum.StrEnum):
    """Why a sealed secret did not open."""

    NO_ROOT_KEY = "no_root_key"
    """The root key it is sealed under is not here."""
    DAMAGED = "damaged"
    """It was altered, or stands in a row that it does not belong to."""


class CannotOpen(AnyAPIError):
    """A sealed secret does not open. Whoever catches it leaves the credential out."""

    def __init__(self, message: str, reason: ClosedReason) -> None:
        """`message` holds ids only."""
        super().__init__(message, {"code": reason.value})
        self.reason = reason
