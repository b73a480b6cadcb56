"""What was proven, as one value, signed. Holds labels, counts and places; never a canary.

The signature is Ed25519 (RFC 8032) over the canonical JSON of the report: keys sorted, no white space, as `canonical` makes it.
"""

import base64
import os
import secrets
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from anyapi.errors import ConfigError

FORMAT = "anyapi-proof/1"
KEY_NAME = "prove.key"
"""In the data directory, readable by its owner alone: what signs reports."""
ABSENT = ("no traces: this version exports none",)
canonical = msgspec.json.Encoder(order="deterministic").encode


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One proof. What counts is `proven`; the rest says why."""

    format: str = FORMAT
    made_at: str
    version: str
    gateway: str
    requests: int
    """With canaries in them."""
    outcome_classes: int
    """Ways in which they ended that are what they should be."""
    ended_otherwise: tuple[str, ...]
    """Classes that did not end as they should, with how they did: nothing is proven of those."""
    canaries: int
    sinks: int
    searched: dict[str, int]
    """Bytes that were read of each sink."""
    unsearched: dict[str, str]
    """Sinks that could not be looked at, and why: nothing is proven of those."""
    absent: tuple[str, ...] = ABSENT
    hits: int
    """Canaries that were found where none may be: in any sink but memory, and of texts of 512 bytes or more in memory."""
    found: tuple[str, ...]
    """Of the first of them: what leaked, in which form, where."""
    planted_leaks: int
    """One for each sink that could be looked at."""
    planted_leaks_found: int
    missed: tuple[str, ...]
    """Sinks whose planted leak was not found: their search proves nothing."""
    waited: float
    """Seconds between the last answer and the look into memory."""
    long_texts: int
    short_texts: int
    short_left: int
    """Requests of short texts of which something was in memory still: at most one in a hundred may leave something."""
    proven: bool


class Signed(msgspec.Struct, frozen=True):
    """A report with what it was signed with, both in base64."""

    report: Report
    public_key: str
    signature: str


def key_of(file: Path | None) -> Ed25519PrivateKey:
    """The key that signs reports: that of a file, made where there is none; without a file one that nobody keeps. Raises `ConfigError`.

    This is the one place that decides which key it is.
    """
    seed = secrets.token_bytes(32)
    if file is not None:
        try:
            if not file.exists():
                descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                with os.fdopen(descriptor, "wb") as made:
                    made.write(base64.b64encode(seed))
            seed = base64.b64decode(file.read_bytes(), validate=True)
        except (OSError, ValueError):
            raise ConfigError("the key that signs proofs cannot be read or made", file=str(file)) from None
    return Ed25519PrivateKey.from_private_bytes(seed)


def signed(report: Report, key: Ed25519PrivateKey) -> Signed:
    """Sign it."""
    public = key.public_key().public_bytes_raw()
    return Signed(report, base64.b64encode(public).decode(), base64.b64encode(key.sign(canonical(report))).decode())


def verified(text: bytes, public_key: str | None = None) -> Report:
    """The report of a file whose signature holds, by this key (base64) or the one that it names. Raises `ConfigError`.

    `text` ends with the line that was signed, or is the one line that `--json` printed.
    """
    try:
        line = msgspec.json.decode(text.strip().rpartition(b"\n")[2], type=dict[str, object])
        seal = {name: line.pop(name, None) for name in ("public_key", "signature")}
        read = msgspec.convert({"report": line.pop("report", line), **seal}, Signed)
        named = base64.b64decode(read.public_key if public_key is None else public_key, validate=True)
        Ed25519PublicKey.from_public_bytes(named).verify(base64.b64decode(read.signature, validate=True), canonical(read.report))
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError):
        raise ConfigError("not a report of `anyapi prove`") from None
    except InvalidSignature:
        raise ConfigError("the report's signature is wrong: it was changed, or signed with another key") from None
    return read.report
