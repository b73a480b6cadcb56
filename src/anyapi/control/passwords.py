"""Passwords: argon2id hashes, and a brake on guessing. Keeps no password and says of a failed sign-in only that it failed.

Parameters: 19 MiB, two passes, one lane (the first that OWASP recommends for argon2id): small enough for several sign-ins at once.
"""

import threading
from collections.abc import Callable

import argon2

from anyapi.errors import BadRequest, RateLimited

SHORTEST, LONGEST = 12, 256
FREE_ATTEMPTS = 5
FORGET_SECONDS = 900.0
MOST_TRACKED = 10_000

_hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$/Ks0FipK69GKA5spx2pqng$ZDesTBDjORjyXVzhUJIrSlHFvtmznkIgg7qwX0AJn2k"
"""Takes as long to refuse as any other. Written out: to make one took each process that imports this 40 ms of its start."""


def hashed(password: str) -> str:
    """The argon2id hash in PHC form. Raises `BadRequest` for a password that is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadRequest(f"A password needs {SHORTEST} to {LONGEST} characters. A few words in a row are easy to remember.", "password")
    return _hasher.hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Whether the password is the one of the hash. Takes as long for nobody's as for somebody's."""
    try:
        _hasher.verify(stored or _NOBODY, password[:LONGEST])
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False
    return bool(stored)


class Attempts:
    """Failed sign-ins by what was tried: after five within a quarter of an hour the next ones wait. In memory, and bounded."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds and only goes forward: one that is put back would have somebody wait for as long as it was ahead."""
        self._clock = clock
        self._failed: dict[str, tuple[int, float]] = {}
        self._lock = threading.RLock()

    def begin(self, *names: str) -> None:
        """Count a try as failed before it is judged, so that of many at once no more are judged than one after the other.

        Raises `RateLimited` if one of the names has failed too often of late.
        """
        with self._lock:
            self.check(*names)
            self.failed(*names)

    def check(self, *names: str) -> None:
        """Raise `RateLimited` if one of the names has failed too often of late."""
        now = self._clock()
        for name in names:
            count, last = self._failed.get(name, (0, 0.0))
            wait = last + min(FORGET_SECONDS, 2.0 ** (count - FREE_ATTEMPTS + 1)) - now if count >= FREE_ATTEMPTS else 0.0
            if wait > 0:
                raise RateLimited(f"Too many failed attempts. Try again in {wait:.0f} s.", retry_after=wait)

    def failed(self, *names: str) -> None:
        """Note a failure."""
        now = self._clock()
        with self._lock:
            for name in names:
                count, last = self._failed.pop(name, (0, now))
                self._failed[name] = (count + 1 if now - last < FORGET_SECONDS else 1, now)
            while len(self._failed) > MOST_TRACKED:
                self._failed.pop(next(iter(self._failed)))

    def succeeded(self, name: str, *others: str) -> None:
        """A right password ends the count of its owner, and takes back what `begin` counted for others."""
        with self._lock:
            self._failed.pop(name, None)
            for other in others:
                count, last = self._failed.get(other, (1, 0.0))
                self._failed[other] = (max(0, count - 1), last)
