"""Bodies of the control API are read strictly: a name that stands twice, or a character that no store can hold, is refused.

Which of two equal names counts would be for the reader to choose, and a policy must not depend on that. Names that a body does not know
are refused by its own type (`forbid_unknown_fields`): a key whose policy was misspelt would be one without a policy.
"""

import json
import re

from litestar import Request
from litestar.datastructures import State

from anyapi.errors import BadRequest

_LONGEST_NAME = 64
MOST_VALUES = 20_000
"""Objects, lists, texts and numbers of a body, about. Reading so many takes 30 ms, on a loop that the data plane may share; the longest
list that a page sends has some thousands."""
_MARKS, _TEXT = (b",", b"{", b"["), re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""A text, and one that never ends too: else each quote in that would be taken for another beginning."""


class StrictRequest(Request[object, object, State]):
    """A request whose body is checked before it is read."""

    async def json(self) -> object:
        """The body as the framework reads it. Raises `BadRequest`."""
        body = await self.body()
        _refuse_many(body)
        try:
            _check(body)
            return await super().json()
        except RecursionError:
            raise BadRequest("The body nests too deep.") from None


def _refuse_many(body: bytes) -> None:
    """Before anything is read of it: whoever sends it need not have signed in."""
    if _marks(body) > MOST_VALUES and _marks(_TEXT.sub(b"", body)) > MOST_VALUES:
        raise BadRequest(f"The body holds more than {MOST_VALUES} values, which is more than anything here takes.")


def _marks(body: bytes) -> int:
    return sum(map(body.count, _MARKS))


def _check(body: bytes) -> None:
    try:
        whole = json.loads(body, object_pairs_hook=_told_once)
    except ValueError:
        return  # not JSON: the framework says so
    _refuse_null_characters(whole)


def _told_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        once: set[str] = set()
        twice = _shown(next(name for name, _ in pairs if name in once or once.add(name)))  # type: ignore[func-returns-value]
        raise BadRequest(f"{f'`{twice}`' if twice else 'A name'} stands twice in the body. Say it once: nothing was changed.", twice)
    return found


def _shown(name: str) -> str | None:
    """The name of a field, if it can be one: what else was sent is not repeated."""
    return name if len(name) <= _LONGEST_NAME and name.isidentifier() else None


def _refuse_null_characters(whole: object) -> None:
    """PostgreSQL holds no U+0000 in a text; one installation is not to take what another refuses."""
    waiting: list[tuple[str, object]] = [("", whole)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, str) and "\0" in value:
            raise BadRequest("A text of the body has the character U+0000, which cannot be stored. Leave it out.", _shown(name))
        if isinstance(value, dict):
            waiting += [("", key) for key in value]
            waiting += value.items()
        elif isinstance(value, list):
            waiting += [(name, each) for each in value]
