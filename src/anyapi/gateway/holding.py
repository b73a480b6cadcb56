"""How much of large bodies all connections hold together, so that a few callers cannot fill the memory with requests that never end.

Counted is what came of bodies beyond the size that is read without a key, until the answer begins or ends. A part of what is held costs two
or three times its size while it is translated and sent, which the figures leave room for.
"""

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anyapi.gateway.reply import Reply

LARGEST_BODIES = 8
"""So many bodies of the largest size may be held at a time, or more of smaller ones; half of that by one key."""


class Held:
    """Of one server."""

    __slots__ = ("_by_caller", "_most", "_of", "_total")

    def __init__(self, max_body_bytes: int) -> None:
        """Nothing yet."""
        self._most = LARGEST_BODIES * max_body_bytes
        self._total = 0
        self._by_caller: Counter[bytes] = Counter()
        self._of: dict[Reply, tuple[bytes, int]] = {}

    def take(self, connection: "Reply", caller: bytes | None, size: int) -> bool:
        """Count more bytes of a body; False, and nothing counted, where there is no room for them. `caller` is the credential."""
        before, had = self._of.get(connection, (caller or b"", 0))
        if self._total + size > self._most or self._by_caller[before] + size > self._most // 2:
            return False
        self._total += size
        self._by_caller[before] += size
        self._of[connection] = before, had + size
        return True

    def let_go(self, connection: "Reply") -> None:
        """Count what a connection held no more."""
        if connection not in self._of:
            return
        caller, size = self._of.pop(connection)
        self._total -= size
        self._by_caller[caller] -= size
        if not self._by_caller[caller]:
            del self._by_caller[caller]
