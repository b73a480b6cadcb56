"""A secret that does not print, format, hash, pickle or serialize. Guards against accidents, not against code that calls `reveal`."""

import hmac
from typing import NoReturn


class Secret:
    """A provider's key. `reveal` is the only way to its text; call it where the header is written and nowhere else."""

    __slots__ = ("_text",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself."""
        return self._text

    def __repr__(self) -> str:
        """Never the value, and not its length either."""
        return "<Secret>"

    def __str__(self) -> str:
        return "<Secret>"

    def __format__(self, format_spec: str) -> str:
        return "<Secret>"

    def __eq__(self, other: object) -> bool:
        """In constant time."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret cannot be pickled")
