"""Marks that a provider puts on its reasoning and checks when it comes back: signatures and sealed reasoning. Not cryptography.

Anyone who reads this file can make one. The point is that a gateway which changes, drops or mixes up a mark is found out,
as it would be by the real provider.
"""

import base64
import binascii
import hashlib

_CHECK = 8


def seal(text: str) -> str:
    """Return the mark for `text`: the same text has the same mark, and the mark says nothing of the text."""
    digest = hashlib.sha256(b"simulated reasoning\0" + text.encode()).digest()
    return base64.b64encode(digest + _check(digest)).decode()


def is_sealed(mark: str) -> bool:
    """Say whether some simulated provider made this mark; it may come back in the alphabet of base64 that is safe in URLs."""
    try:
        raw = base64.b64decode(mark, altchars=b"-_" if set(mark) & {"-", "_"} else None, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(raw) == hashlib.sha256().digest_size + _CHECK and _check(raw[:-_CHECK]) == raw[-_CHECK:]


def fits(text: str, mark: str) -> bool:
    """Say whether the mark was made for this text, or for one that the provider kept back (then `text` is empty)."""
    return is_sealed(mark) if not text else mark == seal(text)


def _check(digest: bytes) -> bytes:
    return hashlib.sha256(b"check\0" + digest).digest()[:_CHECK]
