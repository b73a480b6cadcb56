"""What was proven, as one value, signed. Holds labels, counts and places; never a canary.

The signature is that of a signed note (C2SP, Ed25519) over the canonical JSON of the report, keys sorted and no white space, and a newline.
"""

import secrets

import msgspec

from anyapi.audit.notes import PublicKey, SigningKey, open_note
from anyapi.crypto.log_keys import LogKeys
from anyapi.errors import AuditError, ConfigError

FORMAT = "anyapi-proof/1"
NO_TRACES = "no traces: the configuration names no collector"
canonical = msgspec.json.Encoder(order="sorted").encode


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
    untried: dict[str, str] = {}
    """Kinds of requests that were not sent to this gateway, and why: nothing is said of those."""
    canaries: int
    sinks: int
    searched: dict[str, int]
    """Bytes that were read of each sink."""
    unsearched: dict[str, str]
    """Sinks that could not be looked at, and why: nothing is proven of those."""
    absent: tuple[str, ...]
    """What this gateway has none of, so that there was nothing to search."""
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
    """A report with the key that signed it (as `anyapi audit key` prints it) and the signature of a signed note (C2SP)."""

    report: Report
    public_key: str
    signature: str


def key_of(keys: LogKeys | None) -> SigningKey:
    """The key that signs reports: that of the audit log; without one, a key that nobody keeps. Raises `ConfigError`."""
    return SigningKey("anyapi-demo", secrets.token_bytes(32)) if keys is None else keys()


def signed(report: Report, key: SigningKey) -> Signed:
    """Sign it."""
    return Signed(report, str(key.public), key.sign(_text(report)).rpartition(" ")[2].strip())


def verified(text: bytes, public_key: str | None = None) -> Report:
    """The report of a file whose signature holds, by this key or the one that it names. Raises `ConfigError`.

    `text` ends with the line that was signed, or is the one line that `--json` printed.
    """
    try:
        line = msgspec.json.decode(text.strip().rpartition(b"\n")[2], type=dict[str, object])
        seal = {name: line.pop(name, None) for name in ("public_key", "signature")}
        read = msgspec.convert({"report": line.pop("report", line), **seal}, Signed)
        key = PublicKey.parse(read.public_key if public_key is None else public_key)
    except (msgspec.DecodeError, msgspec.ValidationError, AuditError):
        raise ConfigError("not a report of `anyapi prove`, or no key") from None
    try:
        open_note(f"{_text(read.report)}\n\u2014 {key.name} {read.signature}\n", key)
    except AuditError:
        raise ConfigError("the report's signature is wrong: it was changed, or signed with another key") from None
    return read.report


def _text(report: Report) -> str:
    return f"{canonical(report).decode()}\n"
