"""What a translation changed or left out, by name of the field, for `X-AnyAPI-Adjusted`."""


class Adjustments:
    """A set of field names in the order of their first mention. INVARIANT: only names written in our code, never a client's own text."""

    __slots__ = ("_names",)

    def __init__(self) -> None:
        """Start empty."""
        self._names: dict[str, None] = {}

    def note(self, name: str) -> None:
        """Add a name of ours."""
        self._names[name] = None

    @property
    def names(self) -> tuple[str, ...]:
        """All names."""
        return tuple(self._names)
