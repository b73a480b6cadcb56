"""The type of a decoded JSON value, for annotations. Decodes and checks nothing."""

from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
