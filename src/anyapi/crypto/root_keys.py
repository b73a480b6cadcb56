"""Root keys: 32 bytes each, known by an id, read from text. They wrap data keys and touch nothing else. Seals and opens nothing itself.

Several stand beside each other while one replaces another: the first seals, every one opens (`crypto/envelope.py`).
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from typing import NoReturn

LENGTH = 32
MOST = 8
_ID_LABEL = b"anyapi root key id\x00"
_HEX = re.compile(r"[0-9A-Fa-f]{64}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{43}=?")
_FEWEST_BYTES = 16
"""So many different bytes a key has at least: 32 random ones have 30 on average, and fewer than 16 are no accident."""


class NotARootKey(ValueError):
    """A text that is no root key. Says why, in words that do not hold it."""


class RootKeys:
    """Root keys by id, in order. Prints the ids alone; does not pickle."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Iterable[bytes] = ()) -> None:
        """The first seals. Raises `NotARootKey` for one that is not `LENGTH` bytes."""
        self._keys: dict[str, bytes] = {}
        for key in keys:
            if len(key) != LENGTH:
                raise NotARootKey(f"must have {LENGTH} bytes")
            self._keys[key_id(key)] = key

    @property
    def ids(self) -> tuple[str, ...]:
        """Every id; the first is that of the key that seals."""
        return tuple(self._keys)

    def key(self, identity: str) -> bytes | None:
        """The key of an id; None if it is not here. For `crypto/envelope.py` alone."""
        return self._keys.get(identity)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._keys)

    def __repr__(self) -> str:
        """INVARIANT: never a key."""
        return f"<RootKeys {' '.join(self._keys)}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("root keys cannot be pickled")


def key_id(key: bytes) -> str:
    """The first 8 bytes of a hash of a root key, in hex. Says nothing about a key that is random."""
    return hashlib.sha256(_ID_LABEL + key).digest()[:8].hex()


def parse_root_keys(text: str) -> RootKeys:
    """Read one to eight root keys, each as 64 hex digits or base64 (RFC 4648, plain or URL-safe), with white space between them.

    Raises `NotARootKey` for anything else, and for a key that cannot have come from a random source.
    """
    words = text.split()
    if not 1 <= len(words) <= MOST:
        raise NotARootKey(f"must hold 1 to {MOST} keys, with white space between them")
    keys = [_parse(word) for word in words]
    if len(set(keys)) < len(keys):
        raise NotARootKey("holds a key twice")
    return RootKeys(keys)


def is_random(secret: bytes) -> bool:
    """Whether a secret of 32 bytes or more may have been drawn at random: not a run, a word or zeros."""
    return len(set(secret)) >= _FEWEST_BYTES


def _parse(word: str) -> bytes:
    try:
        if _HEX.fullmatch(word):
            key = bytes.fromhex(word)
        elif _BASE64.fullmatch(word):
            key = base64.b64decode(word.replace("-", "+").replace("_", "/").rstrip("=") + "=", validate=True)
        else:
            raise NotARootKey(f"must be {LENGTH} bytes, as 64 hex digits or 44 characters of base64")
    except binascii.Error:
        raise NotARootKey("is not valid base64") from None
    if not is_random(key):
        raise NotARootKey("is not random: make one with `openssl rand -base64 32`")
    return key
