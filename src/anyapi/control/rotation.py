"""Rotation of API keys: a new key in the place of an old one, which goes on working for a while. Used by control API and command line."""

from typing import Protocol

from anyapi.crypto.api_keys import generate
from anyapi.domain.ids import KeyId
from anyapi.errors import BadRequest, StorageError
from anyapi.storage.rows import KeyRow

LONGEST_OVERLAP = 30 * 86400.0


class Replacing(Protocol):
    """The part of a `KeyStore` that is needed here."""

    def replace_key(self, key: KeyId, new: KeyRow, ends_at: float, most: int | None = None) -> KeyRow | None:
        """Add a key in the place of another, which then ends."""
        ...


def rotate(store: Replacing, old: KeyRow, now: float, overlap: float, most: int | None = None) -> tuple[KeyRow, str]:
    """Make a key like this one, which ends after `overlap` seconds, or before if it would have; give the new row and its secret.

    A key that was made to last for some time is followed by one that lasts as long. Raises `BadRequest` for a key that is revoked or was
    rotated before, `StorageError` where the account would have more than `most` live keys.
    """
    if old.revoked_at is not None:
        raise BadRequest("This key is revoked: make a new one.", "key")
    parts = generate()
    ends = None if old.expires_at is None else now + max(0.0, old.expires_at - old.created_at)
    made_at = max(now, old.created_at + 0.001)  # the newest of a chain is the one in use
    new = KeyRow(parts.id, parts.prefix, parts.sha256, old.account, made_at, old.project, old.name, ends)
    try:
        made = store.replace_key(old.id, new, now + overlap, most)
    except StorageError as error:
        if error.metadata.get("code") != "replaced":
            raise
        raise BadRequest("This key was rotated before: rotate the one that took its place.", "key") from None
    if made is None:
        raise BadRequest("There is no such key.", "key")
    return made, parts.secret
