"""What a translation changed or left out, by name of the field, for `X-AnyAPI-Adjusted`."""

from collections.abc import Mapping


class Adjustments:
    """A set of field names in the order of their first mention. INVARIANT: only names written in our code, never a client's own text."""

    __slots__ = ("_names",)

    def __init__(self) -> None:
        """Start empty."""
        self._names: dict[str, None] = {}

    def note(self, name: str) -> None:
        """Add a name of ours."""
        self._names[name] = None

    def note_held(self, source: Mapping[str, object], names: Mapping[str, str]) -> None:
        """Add the name of ours for each field that an object holds and that says something."""
        for field, name in names.items():
            if source.get(field):
                self.note(name)

    @property
    def names(self) -> tuple[str, ...]:
        """All names."""
        return tuple(self._names)
