"""Whether calls of tools and their results belong together, as Anthropic and Bedrock insist. Knows no wire format."""

from collections.abc import Sequence

import msgspec


class Turn(msgspec.Struct, frozen=True):
    """One message: who says it, which tools it calls, and which calls it answers, by id."""

    role: str
    calls: tuple[str, ...] = ()
    results: tuple[str, ...] = ()


def pairing_problem(turns: Sequence[Turn]) -> str | None:
    """Return what is wrong with the order of calls and results; None when nothing is.

    Every call is answered in the next message, and nothing else is answered there. Messages of one role in a row count as one.
    """
    joined: list[Turn] = []
    for turn in turns:
        if joined and joined[-1].role == turn.role:
            last = joined.pop()
            turn = Turn(turn.role, last.calls + turn.calls, last.results + turn.results)  # noqa: PLW2901 - the joined one
        joined.append(turn)
    open_calls: set[str] = set()
    for place, turn in enumerate(joined):
        if missing := open_calls - set(turn.results):
            return f"{len(missing)} tool calls have no result in the message after them (turn {place})."
        if stray := set(turn.results) - open_calls:
            return f"{len(stray)} tool results answer no call in the message before them (turn {place})."
        open_calls = set(turn.calls)
    return "The last message calls tools and nobody answers." if open_calls else None
