"""How long a worker may go by its snapshot: until a lease after it last knew that there is no newer one. Then it refuses.

For workers that share a store. It says 503, never 401: what it does not know is no fault of the caller's.
"""

import math
import time
from collections.abc import Callable

from anyapi.errors import Overloaded
from anyapi.gateway.call import Call
from anyapi.gateway.client import Connection
from anyapi.gateway.error_envelope import render_for
from anyapi.gateway.routes import PLAIN
from anyapi.wire.tasks import Driven

RETRY_SECONDS = 1.0
Handle = Callable[[Call, Connection], Driven]


class Lease:
    """Written by one thread, read by all: a single number."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Not held until `until` is set, on the scale of `clock`, which goes on while the machine sleeps or the process is halted."""
        self.seconds, self.clock = seconds, clock
        self.until = -math.inf

    @property
    def held(self) -> bool:
        """Whether requests may be decided now."""
        return self.clock() < self.until


def under(lease: Lease, handle: Handle) -> Handle:
    """The handler, for as long as the lease is held. It is asked for each call: a process may be halted between any two."""

    def decide(call: Call, reply: Connection) -> Driven:
        return handle(call, reply) if lease.held or call.path.decode("latin-1") in PLAIN else _refuse(call, reply)

    return decide


async def _refuse(call: Call, reply: Connection) -> None:
    text = (
        "This worker has lost touch with its database and cannot tell whether its settings are still in force. Nothing was sent. Try again."
    )
    reply.send(*render_for(Overloaded(text, retry_after=RETRY_SECONDS), call))
