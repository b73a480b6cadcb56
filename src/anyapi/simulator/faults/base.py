"""What a fault is: data that can be scripted, with three places where it may change an exchange. Says nothing about which faults exist."""

from typing import ClassVar, Literal, TypeAlias

import msgspec

from anyapi.simulator.answer import Answer
from anyapi.simulator.ledger import Outcome
from anyapi.simulator.reply import Reply
from anyapi.simulator.steps import End, Send, Step, split_at
from anyapi.simulator.wire import Wire

Middle: TypeAlias = Literal["middle"]


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", omit_defaults=True):
    """One fault. A subclass overrides the hook for the level it works on; faults of one request are applied in their order."""

    OUTCOME: ClassVar[Outcome | None] = None
    """How the ledger names the request when this fault decides it; None leaves it to the answer."""

    def on_answer(self, answer: Answer) -> Answer:
        """Change what is said, before it is written in a wire format."""
        return answer

    def on_reply(self, reply: Reply, wire: Wire) -> None:
        """Change the HTTP answer in place, before it is framed."""

    def on_steps(self, steps: list[Step], reply: Reply) -> list[Step]:
        """Change how the framed answer goes out."""
        del reply
        return steps

    @property
    def kind(self) -> str:
        """The fault's name in scripts."""
        return str(type(self).__struct_config__.tag)


class PlacedFault(Fault, frozen=True):
    """A fault at a place of the answer: `at` counts what `of` says. `middle` is half of it, rounded down; beyond the end is the end."""

    at: int | Middle = 0
    of: Literal["response", "body", "events"] = "response"
    """`response`: bytes from the first; `body`: bytes after the head, chunk framing included; `events`: whole server-sent events."""

    def __post_init__(self) -> None:
        """Refuse a negative place."""
        if self.at != "middle" and self.at < 0:
            raise ValueError("at must not be negative")

    def divide(self, steps: list[Step], reply: Reply) -> tuple[list[Step], list[Step]]:
        """Divide the steps at the place."""
        if self.of == "events":
            return _after_events(steps, self.at)
        total = sum(len(step.data) for step in steps if isinstance(step, Send))
        skipped = reply.head_size if self.of == "body" else 0
        place = (total - skipped) // 2 if self.at == "middle" else self.at
        return split_at(steps, skipped + place)


def _after_events(steps: list[Step], wanted: int | Middle) -> tuple[list[Step], list[Step]]:
    """Divide after so many events; 0 is after the head. Never after the final `End`."""
    left = sum(step.events for step in steps if isinstance(step, Send)) // 2 if wanted == "middle" else wanted
    position = 1
    while left > 0 and not isinstance(steps[position], End):
        step = steps[position]
        left -= step.events if isinstance(step, Send) else 0
        position += 1
    return steps[:position], steps[position:]
