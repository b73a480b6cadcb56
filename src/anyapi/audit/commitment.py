"""What an entry may hold of a request's body: HMAC-SHA-256 (RFC 2104) over body and decision id, with a salt of the caller's as key."""

import hmac


def begun(salt: bytes, body: bytes) -> hmac.HMAC:
    """The commitment to a body whose decision is not made yet. Holds no content."""
    return hmac.new(salt, body, "sha256")


def commitment(begun: hmac.HMAC, decision: str) -> str:
    """The commitment, as 64 hex digits. `begun` is used up."""
    begun.update(decision.encode())
    return begun.hexdigest()
