"""API keys: how they are made, recognised and hashed. Does not store them and does not know whose they are.

A key is `anyapi_sk_` (`anyapi_pk_` if it manages keys and calls no model), 30 random base62 characters (178 bits), and the CRC-32 of all
that in 6 base62 characters, most significant first. The checksum is no secret: it lets a typing error or a cut copy be refused without a
look-up, and lets a scanner tell a leaked key from a random string. Such a key needs no slow hash: nobody can try 2^178 of them.
"""

import hashlib
import secrets
import string
import zlib
from typing import NoReturn

import msgspec

from anyapi.domain.ids import KeyId

PREFIX = "anyapi_sk_"
PROVISIONING_PREFIX = "anyapi_pk_"
LEAK_REGEX = r"\banyapi_[ps]k_[0-9A-Za-z]{36}\b"
"""Finds leaked keys in text (RE2 syntax, as gitleaks wants it); `digest` then tells real ones from lookalikes."""

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_CHARACTERS = 30
_SHOWN_CHARACTERS = 4
_CHECKED = len(PREFIX) + _RANDOM_CHARACTERS
_LENGTH = _CHECKED + 6
_PREFIX_LENGTH = len(PREFIX)
# Two base62 digits at a time: three look-ups in place of six divisions, on the path of every request.
_PAIRS = tuple((high + low).encode() for high in _ALPHABET for low in _ALPHABET)
_PAIR = len(_PAIRS)


class ApiKeyParts(msgspec.Struct, frozen=True):
    """A new API key. Only `id`, `prefix` and `sha256` may be stored; `secret` is shown to its owner once."""

    secret: str
    id: KeyId
    prefix: str
    """The first characters, enough for a person to tell keys apart."""
    sha256: bytes

    def __repr__(self) -> str:
        """INVARIANT: the secret never shows in a log line or a traceback."""
        return f"ApiKeyParts(id={self.id!r}, prefix={self.prefix!r})"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: a secret does not travel by accident."""
        raise TypeError("an API key cannot be pickled")


def _checksum(checked: bytes) -> bytes:
    rest, low = divmod(zlib.crc32(checked), _PAIR)
    high, middle = divmod(rest, _PAIR)
    return _PAIRS[high] + _PAIRS[middle] + _PAIRS[low]


def generate(prefix: str = PREFIX) -> ApiKeyParts:
    """Make a new key of either prefix from the system's randomness. The id is random too and says nothing about the secret."""
    checked = prefix + _random(_RANDOM_CHARACTERS)
    secret = checked + _checksum(checked.encode()).decode()
    return ApiKeyParts(
        secret=secret,
        id=KeyId(f"{'key' if prefix == PREFIX else 'prov'}_{_random(16)}"),
        prefix=secret[: _PREFIX_LENGTH + _SHOWN_CHARACTERS],
        sha256=hashlib.sha256(secret.encode()).digest(),
    )


def digest(secret: bytes, prefix: bytes = PREFIX.encode()) -> bytes | None:
    """Give the SHA-256 under which a key is known, or None if `secret` cannot be a key of this prefix (form or checksum wrong).

    A key that differs from a real one in a single character always gives None: CRC-32 finds every error burst of up to 32 bits.
    """
    if len(secret) != _LENGTH or not secret.startswith(prefix) or not secret[_PREFIX_LENGTH:].isalnum():
        return None
    rest, low = divmod(zlib.crc32(secret[:_CHECKED]), _PAIR)
    high, middle = divmod(rest, _PAIR)
    if secret[_CHECKED:] != _PAIRS[high] + _PAIRS[middle] + _PAIRS[low]:
        return None
    return hashlib.sha256(secret).digest()


def _random(characters: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(characters))
