"""The seal itself: age (age-encryption.org/v1) by pyrage, bytes in and bytes out, a piece at a time. Holds no identity, on the server.

pyrage keeps the interpreter lock while it works: what is large is sealed in another process (`sealing/apart.py`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import pyrage

from anyapi.errors import BadRequest, SealBroken

PIECE = 256 * 1024
"""Bytes of ciphertext in one piece, about."""
Take = Callable[[bytes], None]


class Pieces:
    """Where the ciphertext goes: gathered into pieces, each handed over as soon as it is full."""

    def __init__(self, take: Take) -> None:
        """`take` gets each piece."""
        self._take, self._parts, self._held = take, list[bytes](), 0

    def write(self, data: bytes) -> int:
        """Take some."""
        self._parts.append(data)
        self._held += len(data)
        if self._held >= PIECE:
            self.flush()
        return len(data)

    def flush(self) -> None:
        """Hand over what is left."""
        if self._held:
            self._take(b"".join(self._parts))
            self._parts, self._held = [], 0


class Source:
    """Where the content comes from, read in the lengths that pyrage asks for."""

    def __init__(self, chunks: Iterable[bytes | memoryview]) -> None:
        self._chunks: Iterator[bytes | memoryview] = iter(chunks)
        self._rest = memoryview(b"")

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; none at the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._rest = memoryview(chunk)
        given, self._rest = self._rest[:size], self._rest[size:]
        return bytes(given)


def seal(chunks: Iterable[bytes | memoryview], recipients: Sequence[str], take: Take) -> None:
    """Seal to all recipients; `take` gets the ciphertext piece by piece.

    Raises `BadRequest` for a recipient that is none, and `SealBroken` for whatever else goes wrong.
    """
    pieces = Pieces(take)
    try:
        pyrage.encrypt_io(Source(chunks), pieces, [_recipient(each) for each in recipients])
    except (pyrage.EncryptError, OSError):  # whose text may be that of whatever failed inside
        raise SealBroken("This could not be sealed.") from None
    pieces.flush()


def unseal(chunks: Iterable[bytes], identity: str) -> bytes:
    """Open what was sealed, where somebody has an identity file's text. Raises `SealBroken`, which says nothing of either."""
    lines = [line.strip() for line in identity.splitlines()]
    try:
        identities = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except pyrage.IdentityError:
        identities = []
    if not identities:
        raise SealBroken("This is not an age identity file: a line that begins with AGE-SECRET-KEY-1 is needed.")
    opened: list[bytes] = []
    pieces = Pieces(opened.append)
    try:
        pyrage.decrypt_io(Source(chunks), pieces, identities)
    except (pyrage.DecryptError, OSError):  # the latter for what is wrong below the header
        raise SealBroken("This does not open with that identity: it is sealed to other keys, or damaged.") from None
    pieces.flush()
    return b"".join(opened)


def checked(recipient: str) -> str:
    """A recipient in the form in which it is stored. Raises `BadRequest`; an identity sent by mistake is named as that, not repeated."""
    text = recipient.strip()
    if text.upper().startswith("AGE-SECRET-KEY-"):
        raise BadRequest("That is an identity, which must stay with you. Send the public key: it begins with age1.", "recipient")
    found = _recipient(text.lower())
    seal([b""], [str(found)], lambda _piece: None)  # a point of low order is refused here
    return str(found)


def _recipient(text: str) -> pyrage.x25519.Recipient:
    try:
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        raise BadRequest("A recipient is an age public key for X25519: age1 and 58 letters and digits.", "recipient") from None
