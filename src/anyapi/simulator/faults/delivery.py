"""Faults on the way: the right bytes, but late, cut, reset, in odd pieces, of the wrong length, or no connection at all."""

import random
from collections.abc import Iterator
from typing import Literal

from anyapi.simulator.event_stream import endless_start
from anyapi.simulator.faults.base import Fault, PlacedFault
from anyapi.simulator.ledger import Outcome
from anyapi.simulator.reply import Reply
from anyapi.simulator.steps import End, Endless, How, Send, Step, Wait, regroup
from anyapi.simulator.wire import Wire


class Stall(PlacedFault, frozen=True, tag="stall"):
    """Nothing more is sent for so many seconds; without `seconds`, until the client leaves."""

    seconds: float | None = None

    def on_steps(self, steps: list[Step], reply: Reply) -> list[Step]:
        """Wait at the place."""
        before, after = self.divide(steps, reply)
        return [*before, Wait(self.seconds), *after]


class Reset(PlacedFault, frozen=True, tag="reset"):
    """The connection is reset (RST) after so many bytes, all of which arrive."""

    OUTCOME = Outcome.CUT

    def on_steps(self, steps: list[Step], reply: Reply) -> list[Step]:
        """End at the place."""
        return [*self.divide(steps, reply)[0], End(How.RESET)]


class Close(PlacedFault, frozen=True, tag="close"):
    """The connection is closed in good order (FIN) after so many bytes: a short body, or chunks without their terminator."""

    OUTCOME = Outcome.CUT

    def on_steps(self, steps: list[Step], reply: Reply) -> list[Step]:
        """End at the place."""
        return [*self.divide(steps, reply)[0], End(How.CLOSE)]


class Drip(Fault, frozen=True, tag="drip"):
    """A pause before every piece of the body: every event, or every `size` bytes."""

    seconds: float = 0.05
    size: int | None = None

    def on_steps(self, steps: list[Step], reply: Reply) -> list[Step]:
        """Put the pauses in; the head goes out at once."""
        del reply
        body = regroup(steps[1:], _always(self.size)) if self.size else steps[1:]
        slow = [part for step in body for part in ((Wait(self.seconds), step) if isinstance(step, Send) else (step,))]
        return [steps[0], *slow]


class Rechunk(Fault, frozen=True, tag="rechunk"):
    """The wire bytes, head included, are sent in pieces of random sizes; the same seed gives the same pieces."""

    seed: int = 0
    largest: int = 64

    def on_steps(self, steps: list[Step], reply: Reply) -> list[Step]:
        """Cut anew."""
        del reply
        return regroup(steps, _random_sizes(self.seed, self.largest))


class WrongLength(Fault, frozen=True, tag="content_length"):
    """Content-Length is wrong by `add` bytes. A stream is sent with a length instead of chunks then."""

    add: int = 10
    then: Literal["close", "keep"] = "close"
    """What happens to the connection after the body. Under `keep` a reader that believes a longer length waits for ever."""
    OUTCOME = Outcome.CUT

    def on_reply(self, reply: Reply, wire: Wire) -> None:
        """Set the error."""
        del wire
        reply.length_error = self.add

    def on_steps(self, steps: list[Step], reply: Reply) -> list[Step]:
        """Choose the end."""
        del reply
        return [*steps[:-1], End(How.CLOSE if self.then == "close" else How.KEEP)]


class EndlessLine(Fault, frozen=True, tag="endless_line"):
    """After the first event (or the head, without a stream) comes a line, or a binary frame, that never ends."""

    def on_steps(self, steps: list[Step], reply: Reply) -> list[Step]:
        """Replace the rest."""
        filling = b"a" * 16_384
        if reply.streamed:
            start = endless_start() if reply.framed else b"data: "
            return [*steps[:2], Send(b"%x\r\n%s\r\n" % (len(start), start)), Endless(b"4000\r\n" + filling + b"\r\n"), End(How.CLOSE)]
        return [Send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n" + b'{"id":"'), Endless(filling), End(How.CLOSE)]


class Refuse(Fault, frozen=True, tag="refuse"):
    """Connections are refused, before any request. In a script it takes effect as soon as its turn comes: idle connections are dropped.

    As a standing fault, or after the count is used up in a script, see `docs/simulator.md`.
    """

    mode: Literal["reset", "closed"] = "reset"
    """`reset`: the next `count` connections are accepted and reset; `closed`: nobody listens for `seconds`."""
    count: int | None = 1
    """None: for ever."""
    seconds: float | None = 1.0
    """None: for ever."""
    OUTCOME = Outcome.CUT

    def on_steps(self, steps: list[Step], reply: Reply) -> list[Step]:
        """On a connection that is already there (a model's fault suffix), the nearest thing: a reset before any answer."""
        del steps, reply
        return [End(How.RESET)]


def _always(size: int) -> Iterator[int]:
    while True:
        yield max(1, size)


def _random_sizes(seed: int, largest: int) -> Iterator[int]:
    generator = random.Random(seed)  # noqa: S311 - reproducible, not secret
    while True:
        yield generator.randint(1, max(1, largest))
