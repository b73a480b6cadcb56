"""Which entry is sealed where: small ones here, by the thread that asks; those over 256 KB in another process."""

from anyapi.domain.prompt_log import Kept
from anyapi.sealing.age import Take, seal
from anyapi.sealing.apart import Apart
from anyapi.sealing.document import document

LARGE = 256 * 1000
"""Bytes of content beyond which sealing would hold the interpreter lock for more than half a millisecond."""


class Sealer:
    """For one thread."""

    def __init__(self) -> None:
        self._apart = Apart()

    def is_large(self, kept: Kept) -> bool:
        """Whether it goes to the other process."""
        return kept.size > LARGE

    def seal(self, kept: Kept, take: Take) -> None:
        """Seal an entry to its recipients; `take` gets the ciphertext in pieces. Raises `StorageError`, `BadRequest`."""
        if self.is_large(kept):
            self._apart.seal(document(kept), kept.entry.recipients, take)
        else:
            seal(document(kept), kept.entry.recipients, take)

    def rest(self) -> None:
        """Nothing came for a while: end the other process."""
        self._apart.close()
