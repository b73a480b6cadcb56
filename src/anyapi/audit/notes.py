"""Signed notes (C2SP signed-note) with Ed25519 keys, and checkpoints of the log (C2SP tlog-checkpoint).

Base64 is strict: one text for each value, so that no byte of a note can be changed without its meaning.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from anyapi.audit.tree import HASH_SIZE
from anyapi.errors import AuditError

_ED25519 = b"\x01"
_NAME = re.compile(r"[!-*,-~]{1,200}")
"""Printable ASCII without space and plus: narrower than the format allows."""
_SIGNATURE = re.compile("\u2014 ([!-*,-~]+) ([A-Za-z0-9+/]+={0,2})\n")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_PRIVATE = "PRIVATE+KEY+"


def encode64(value: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(value).decode("ascii")


def decode64(text: str) -> bytes:
    """The value of a base64 text that is exactly what `encode64` makes. Raises `AuditError`."""
    try:
        value = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise AuditError("not base64") from None
    if encode64(value) != text:
        raise AuditError("not canonical base64")
    return value


class PublicKey:
    """What verifies a log's notes: its name (the log's origin) and an Ed25519 key."""

    __slots__ = ("_key", "fingerprint", "id", "name", "raw")

    def __init__(self, name: str, raw: bytes) -> None:
        """`raw` are the 32 bytes of the key; `fingerprint` is for people to compare. Raises `AuditError`."""
        if _NAME.fullmatch(name) is None or len(raw) != HASH_SIZE:
            raise AuditError("not the key of a log: it has a name without spaces and plus, and 32 bytes")
        self.name, self.raw = name, raw
        self.fingerprint = sha256(name.encode() + b"\n" + _ED25519 + raw).hexdigest()
        self.id = bytes.fromhex(self.fingerprint[:8])
        self._key = Ed25519PublicKey.from_public_bytes(raw)

    @classmethod
    def parse(cls, text: str) -> "PublicKey":
        """Read `name+id+base64`. Raises `AuditError`."""
        name, _, rest = text.strip().partition("+")
        hexed, _, key = rest.partition("+")
        value = decode64(key)
        if value[:1] != _ED25519:
            raise AuditError("not an Ed25519 key in the form name+id+base64")
        found = cls(name, value[1:])
        if found.id.hex() != hexed:
            raise AuditError("the id of the key is not that of its bytes: one of them is mistyped")
        return found

    def __str__(self) -> str:
        """As `parse` reads it."""
        return f"{self.name}+{self.id.hex()}+{encode64(_ED25519 + self.raw)}"

    def signed(self, text: str, signature: bytes) -> bool:
        """Whether the signature is this key's over the text."""
        try:
            self._key.verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """What signs a log's notes. Does not print itself."""

    __slots__ = ("_key", "_seed", "public")

    def __init__(self, name: str, seed: bytes) -> None:
        """`seed` are 32 random bytes. Raises `AuditError`."""
        if len(seed) != HASH_SIZE:
            raise AuditError("not the signing key of a log: its seed has 32 bytes")
        self._key, self._seed = Ed25519PrivateKey.from_private_bytes(seed), seed
        self.public = PublicKey(name, self._key.public_key().public_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        """Read `PRIVATE+KEY+name+id+base64`. Raises `AuditError`, whose text holds nothing of the key."""
        name, _, rest = text.strip().removeprefix(_PRIVATE).partition("+")
        hexed, _, seed = rest.partition("+")
        value = decode64(seed)
        if not text.strip().startswith(_PRIVATE) or value[:1] != _ED25519:
            raise AuditError("not a signing key in the form PRIVATE+KEY+name+id+base64")
        found = cls(name, value[1:])
        if found.public.id.hex() != hexed:
            raise AuditError("the id of the signing key is not that of its bytes: one of them is mistyped")
        return found

    def reveal(self) -> str:
        """As `parse` reads it: for the key's own file."""
        return f"{_PRIVATE}{self.public.name}+{self.public.id.hex()}+{encode64(_ED25519 + self._seed)}"

    def __repr__(self) -> str:
        """Never the key."""
        return f"<SigningKey {self.public.name}+{self.public.id.hex()}>"

    def sign(self, text: str) -> str:
        """The signed note over a text that ends with a newline."""
        signature = encode64(self.public.id + self._key.sign(text.encode()))
        return f"{text}\n\u2014 {self.public.name} {signature}\n"


def split_note(note: str) -> tuple[str, str, bytes, bytes]:
    """Text, key name, key id and signature of a note with exactly one signature. Raises `AuditError`."""
    text, separator, tail = note.rpartition("\n\n")
    found = _SIGNATURE.fullmatch(tail)
    if not separator or found is None or not text:
        raise AuditError("not a signed note with one signature")
    value = decode64(found[2])
    if len(value) != 68:
        raise AuditError("the note's signature is not one of Ed25519")
    return f"{text}\n", found[1], value[:4], value[4:]


def signer_of(note: str, keys: Iterable[PublicKey]) -> PublicKey | None:
    """The first of the keys that a note says it is signed with, unverified; None if it is none. Raises `AuditError`."""
    _, name, key_id, _ = split_note(note)
    return next((key for key in keys if (key.name, key.id) == (name, key_id)), None)


def open_note(note: str, key: PublicKey) -> str:
    """The text of a note that this key, and nobody else, signed. Raises `AuditError`."""
    text, name, key_id, signature = split_note(note)
    if (name, key_id) != (key.name, key.id):
        raise AuditError("the note is signed with another key")
    if not key.signed(text, signature):
        raise AuditError("the note's signature is wrong: it was changed after it was signed")
    return text


class Checkpoint(NamedTuple):
    """What a log says of itself at one size."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{encode64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read the text of a checkpoint without extensions. Raises `AuditError`."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or _NUMBER.fullmatch(lines[1]) is None:
            raise AuditError("not the text of a checkpoint")
        found = cls(lines[0], int(lines[1]), decode64(lines[2]))
        if len(found.root) != HASH_SIZE or _NAME.fullmatch(found.origin) is None:
            raise AuditError("not the text of a checkpoint")
        return found

    @classmethod
    def open(cls, note: str, key: PublicKey) -> "Checkpoint":
        """The checkpoint of a note that this key signed for its own log. Raises `AuditError`."""
        found = cls.parse(open_note(note, key))
        if found.origin != key.name:
            raise AuditError("the checkpoint is that of another log")
        return found
