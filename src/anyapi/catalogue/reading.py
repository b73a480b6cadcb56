"""Reads mappings strictly, key by key, and notes every problem instead of stopping at the first.

Serves the catalogue's YAML and the operator's TOML alike. INVARIANT: a problem never repeats a value, because a value in the wrong
place may be a secret; it names file, record and field, and says what belongs there. After a problem a reader returns a placeholder
that must not be used: callers finish reading, then ask `Problems` whether to raise.
"""

import datetime as dt
import enum
import math
import re
from pathlib import Path
from typing import TypeVar

import msgspec

from anyapi.catalogue.vocabulary import PAGE_URL, PATH, TEXT, Form
from anyapi.errors import CatalogueError, ConfigError

E = TypeVar("E", bound=enum.Enum)

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong, and where."""

    file: str
    record: str | None
    field: str | None
    message: str


class Problems:
    """What has been found wrong so far."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def note(self, file: str, record: str | None, field: str | None, message: str) -> None:
        """Remember one problem."""
        self.found.append(Problem(file, record, field, message))

    def raise_catalogue_error(self) -> None:
        """Raise one `CatalogueError` that lists everything, or nothing when nothing was found."""
        errors = tuple(CatalogueError(p.message, file=p.file, record=p.record, field=p.field) for p in self.found)
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise CatalogueError(_listed(errors), file=self.found[0].file, problems=errors)

    def raise_config_error(self) -> None:
        """The same as a `ConfigError`, whose field is record and field joined."""
        errors = tuple(
            ConfigError(p.message, file=p.file, field=".".join(part for part in (p.record, p.field) if part) or None) for p in self.found
        )
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise ConfigError(_listed(errors), file=self.found[0].file, problems=errors)


def _listed(errors: tuple[CatalogueError, ...] | tuple[ConfigError, ...]) -> str:
    return "\n  ".join([f"{len(errors)} problems", *(error.message for error in errors)])


class Table:
    """One mapping of a source. Every method takes a key once; `done` notes the keys that nobody took."""

    def __init__(self, value: object, problems: Problems, file: str, record: str | None = None, path: str = "") -> None:
        """`path` is the dotted place of this mapping inside its record."""
        self.problems, self.file, self.record, self.path = problems, file, record, path
        self._values: dict[str, object] = {}
        self._taken: set[str] = set()
        if not isinstance(value, dict):
            self._note_here("must be a table of fields")
        elif not all(isinstance(key, str) for key in value):
            self._note_here("has a field whose name is not text; quote it")
        else:
            self._values = value

    def note(self, key: str, message: str) -> None:
        """Remember a problem with one field of this table."""
        self.problems.note(self.file, self.record, self._place(key), message)

    def has(self, key: str) -> bool:
        """Whether the field is there and not null."""
        return self._values.get(key) is not None

    def names(self) -> tuple[str, ...]:
        """The names of all fields that are there."""
        return tuple(self._values)

    def done(self) -> None:
        """Note every field that nobody asked for."""
        for key in self._values:
            if key not in self._taken:
                known = ", ".join(sorted(self._taken))
                self.note(key if len(key) <= 64 else "...", f"unknown field; known here: {known}")

    def text(self, key: str, form: Form = TEXT, default: str | None = None) -> str:
        """A text that must be there, unless there is a default."""
        text = self.optional_text(key, form)
        if text is not None:
            return text
        if default is None and not self.has(key):
            self.note(key, "is missing")
        return default or ""

    def optional_text(self, key: str, form: Form = TEXT) -> str | None:
        """A text of this form, or None when the field is absent or null."""
        value = self._take(key)
        if value is None:
            return None
        if not isinstance(value, str):
            self.note(key, f"must be text ({form.description}); quote it")
            return None
        if not form.fits(value):
            self.note(key, f"must be {form.description}")
            return None
        return value

    def page(self, key: str) -> str | None:
        """The URL of a page for people."""
        return self.optional_text(key, PAGE_URL)

    def file_path(self, key: str, here: Path) -> Path | None:
        """The path of a file, relative to the directory `here`. Nobody looks whether it is there."""
        text = self.optional_text(key, PATH)
        return None if text is None else here / Path(text).expanduser()

    def words(self, key: str, form: Form, known: frozenset[str] | None = None) -> tuple[str, ...]:
        """A list of texts of this form, without repeats, in file order; all of `known` when given."""
        value = self._take(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.note(key, "must be a list of texts")
            return ()
        if not all(form.fits(item) for item in value):
            self.note(key, f"each must be {form.description}")
        elif known is not None and not known.issuperset(value):
            self.note(key, f"holds an unknown name; known: {', '.join(sorted(known))}")
        if len(set(value)) != len(value):
            self.note(key, "names something twice")
        return tuple(value)

    def choice(self, key: str, kind: type[E], default: E | None = None) -> E:
        """One value of an enumeration; must be there unless there is a default."""
        chosen = self.optional_choice(key, kind)
        if chosen is not None:
            return chosen
        if default is None and not self.has(key):
            self.note(key, "is missing")
        return default or next(iter(kind))

    def optional_choice(self, key: str, kind: type[E]) -> E | None:
        """One value of an enumeration, or None when the field is absent or null."""
        value = self._take(key)
        if value is None:
            return None
        for member in kind:
            if isinstance(value, str) and member.value == value:
                return member
        known = ", ".join(str(member.value) for member in kind)
        self.note(key, f"must be one of {known} (quote `no` and `yes` in YAML)")
        return None

    def number(self, key: str, least: float = 0.0, most: float = math.inf) -> float | None:
        """A finite number within bounds, or None when absent or null."""
        value = self._take(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not least <= value <= most:
            self.note(key, f"must be a number {_bounds(least, most)}")
            return None
        return float(value)

    def whole(self, key: str, least: int = 0, most: int = 2**53) -> int | None:
        """A whole number within bounds, or None when absent or null."""
        value = self._take(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.note(key, f"must be a whole number {_bounds(least, most)}")
            return None
        return value

    def optional_flag(self, key: str) -> bool | None:
        """True, false, or None when absent or null."""
        value = self._take(key)
        if value is None or isinstance(value, bool):
            return value
        self.note(key, "must be true or false")
        return None

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value = self.optional_flag(key)
        return default if value is None else value

    def day(self, key: str) -> dt.date | None:
        """A date `YYYY-MM-DD`, or None when absent or null."""
        value = self._take(key)
        if value is None or type(value) is dt.date:
            return value
        if isinstance(value, str) and _DAY.fullmatch(value):
            try:
                return dt.date.fromisoformat(value)
            except ValueError:
                pass  # falls through: a well-formed text that is no day, such as 2026-02-30
        self.note(key, "must be a date, YYYY-MM-DD")
        return None

    def child(self, key: str) -> "Table | None":
        """A mapping inside this one, or None when absent or null."""
        value = self._take(key)
        return None if value is None else Table(value, self.problems, self.file, self.record, self._place(key))

    def children(self, key: str) -> "list[Table]":
        """A list of mappings inside this one; empty when absent or null."""
        value = self._take(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.note(key, "must be a list of tables")
            return []
        return [Table(item, self.problems, self.file, self.record, f"{self._place(key)}[{n}]") for n, item in enumerate(value)]

    def named_children(self, key: str) -> "dict[str, Table]":
        """A mapping from names to mappings, such as `[providers.NAME]`; empty when absent."""
        outer = self.child(key)
        return {} if outer is None else {name: child for name in outer.names() if (child := outer.child(name)) is not None}

    def raw(self, key: str) -> object:
        """The value as it was parsed, for a reader elsewhere; None when absent or null."""
        return self._take(key)

    def values(self) -> dict[str, object]:
        """All fields as they were parsed, for a reader that merges them into others; counts every one as read."""
        self._taken.update(self._values)
        return dict(self._values)

    def peek(self, key: str) -> object:
        """The value as it was parsed, without counting it as read."""
        return self._values.get(key)

    def _take(self, key: str) -> object:
        self._taken.add(key)
        return self._values.get(key)

    def _place(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def _note_here(self, message: str) -> None:
        self.problems.note(self.file, self.record, self.path or None, message)


def _bounds(least: float, most: float) -> str:
    return f"of at least {least:.10g}" if most in (math.inf, 2**53) else f"between {least:.10g} and {most:.10g}"
