"""The canonical bytes of a catalogue, and its version: the SHA-256 of those bytes. Reads and writes no file."""

import hashlib

import msgspec

from anyapi.domain.catalogue import Catalogue

_ENCODER = msgspec.json.Encoder(order="deterministic")


def encode(catalogue: Catalogue) -> bytes:
    """JSON with keys in a fixed order: equal catalogues give equal bytes."""
    return _ENCODER.encode(catalogue)


def with_version(catalogue: Catalogue) -> Catalogue:
    """The same catalogue with `version` set to the hash of its content."""
    blank = msgspec.structs.replace(catalogue, version="")
    return msgspec.structs.replace(catalogue, version=hashlib.sha256(encode(blank)).hexdigest())


def version_of(data: bytes, claimed: str) -> str:
    """The version of encoded bytes that claim one, computed without decoding them again."""
    return hashlib.sha256(data.replace(f'"version":"{claimed}"'.encode(), b'"version":""', 1)).hexdigest()
