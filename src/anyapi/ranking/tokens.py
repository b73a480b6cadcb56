"""Names made unrecognisable: a token under a random key that is in this process's memory alone, for as long as this object is."""

from hashlib import blake2b
from secrets import token_bytes


class Tokens:
    """Gives the same token for the same name. Without the key, which goes with the week, none leads back to a name."""

    __slots__ = ("_key",)

    def __init__(self) -> None:
        self._key = token_bytes(32)

    def __repr__(self) -> str:
        """Not the key."""
        return "<Tokens>"

    def of(self, name: str) -> bytes:
        """The token of a name: keyed BLAKE2b (RFC 7693, 2.5), 16 bytes."""
        return blake2b(name.encode(), digest_size=16, key=self._key).digest()
