"""A small valid instance of a JSON Schema: arguments of simulated tool calls and simulated structured outputs.

Covers what callers of model providers send: types, required properties, items, enum, const, `$ref` inside the document, allOf, anyOf,
oneOf, lengths, bounds and the usual formats. A `pattern` is met only where the schema carries a `default` or `examples`;
`not`, `if` and `dependentRequired` are not looked at.
"""

import math
from collections.abc import Callable

from anyapi.simulator.jsontype import Json

_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "person@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_DEEP = 12
"""From this depth on, optional branches of a recursive schema end in null or nothing."""
_TOO_DEEP = 40


def instance_of(schema: Json) -> Json:
    """Return a minimal value that `schema` accepts. An empty or boolean schema gives an empty object."""
    return _instance(schema, schema, 0)


def _instance(schema: Json, root: Json, depth: int) -> Json:
    if not isinstance(schema, dict) or depth > _TOO_DEEP:
        return {}
    resolved = _resolve(schema, root, depth)
    if "const" in resolved:
        return resolved["const"]
    choices = resolved.get("enum")
    if isinstance(choices, list) and choices:
        return choices[0]
    kind = _type_of(resolved, depth)
    if kind == "object":
        return _object(resolved, root, depth)
    if kind == "array":
        return _array(resolved, root, depth)
    return _SIMPLE[kind](resolved) if kind in _SIMPLE else {}


def _resolve(schema: dict[str, Json], root: Json, depth: int) -> dict[str, Json]:
    """Fold `$ref`, `allOf` and one branch of `anyOf` or `oneOf` into the schema that holds them."""
    merged = {name: value for name, value in schema.items() if name not in {"$ref", "allOf", "anyOf", "oneOf"}}
    for part in _parts(schema, root, depth) if depth <= _TOO_DEEP else ():
        if isinstance(part, dict):
            merged = _merge(merged, _resolve(part, root, depth + 1))
    return merged


def _parts(schema: dict[str, Json], root: Json, depth: int) -> list[Json]:
    parts: list[Json] = []
    reference, everything = schema.get("$ref"), schema.get("allOf")
    if isinstance(reference, str):
        parts.append(_at_pointer(root, reference))
    if isinstance(everything, list):
        parts.extend(everything)
    for name in ("anyOf", "oneOf"):
        branches = schema.get(name)
        if isinstance(branches, list) and branches:
            # Nested ones only: the last branch of a recursive type is, by custom, the one that ends it.
            parts.append(branches[-1] if depth > _DEEP else branches[0])
    return parts


def _merge(left: dict[str, Json], right: dict[str, Json]) -> dict[str, Json]:
    result = {**right, **left}
    mine, theirs = left.get("properties"), right.get("properties")
    if isinstance(mine, dict) and isinstance(theirs, dict):
        result["properties"] = {**theirs, **mine}
    names, more = left.get("required"), right.get("required")
    if isinstance(names, list) and isinstance(more, list):
        result["required"] = [*names, *(name for name in more if name not in names)]
    return result


def _at_pointer(root: Json, reference: str) -> Json:
    """Follow a JSON pointer (RFC 6901) inside the document; anything else is an empty schema."""
    here = root
    for step in reference.removeprefix("#").split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(here, dict) or name not in here:
            return {}
        here = here[name]
    return here


def _type_of(schema: dict[str, Json], depth: int) -> str | None:
    declared = schema.get("type")
    if isinstance(declared, list):
        kinds = [kind for kind in declared if isinstance(kind, str)]
        if "null" in kinds and depth > _DEEP:
            return "null"
        return next((kind for kind in kinds if kind != "null"), "null")
    if isinstance(declared, str):
        # Google's schemas write types in capitals.
        return declared.lower()
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema else None


def _object(schema: dict[str, Json], root: Json, depth: int) -> Json:
    properties, required = schema.get("properties"), schema.get("required")
    known = properties if isinstance(properties, dict) else {}
    names = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
    return {name: _instance(known.get(name, {}), root, depth + 1) for name in names}


def _array(schema: dict[str, Json], root: Json, depth: int) -> Json:
    prefix, least = schema.get("prefixItems"), schema.get("minItems")
    items: list[Json] = [_instance(item, root, depth + 1) for item in prefix] if isinstance(prefix, list) else []
    missing = (int(least) if isinstance(least, (int, float)) else 0) - len(items)
    return items + [_instance(schema.get("items", {}), root, depth + 1) for _ in range(missing)]


def _string(schema: dict[str, Json]) -> str:
    examples = schema.get("examples")
    for given in (schema.get("default"), examples[0] if isinstance(examples, list) and examples else None):
        if "pattern" in schema and isinstance(given, str):
            return given
    text = _FORMATS.get(str(schema.get("format")), "text")
    least, most = schema.get("minLength"), schema.get("maxLength")
    if isinstance(least, int):
        text = text.ljust(least, "x")
    return text[:most] if isinstance(most, int) else text


def _integer(schema: dict[str, Json]) -> int:
    return int(_bounded(schema, _bound(schema, "multipleOf") or 1.0))


def _number(schema: dict[str, Json]) -> int | float:
    value = _bounded(schema, _bound(schema, "multipleOf"))
    return int(value) if float(value).is_integer() else value


def _bounded(schema: dict[str, Json], step: float | None) -> float:
    """The smallest number within the bounds, on the grid of `step` if there is one; without a lower bound 1, or the largest below that."""
    low = _extreme(schema, "minimum", "exclusiveMinimum", max)
    high = _extreme(schema, "maximum", "exclusiveMaximum", min)
    if low is None:
        value = _down(1.0 if high is None else min(1.0, high), step)
        return value - (step or 0.5) if value == _bound(schema, "exclusiveMaximum") else value
    value = math.ceil(low / step) * step if step else low
    if value != _bound(schema, "exclusiveMinimum"):
        return value
    return value + (step or (1.0 if high is None else (high - low) / 2))


def _down(value: float, step: float | None) -> float:
    return math.floor(value / step) * step if step else value


def _extreme(schema: dict[str, Json], inclusive: str, exclusive: str, choose: Callable[[list[float]], float]) -> float | None:
    bounds = [bound for bound in (_bound(schema, inclusive), _bound(schema, exclusive)) if bound is not None]
    return choose(bounds) if bounds else None


def _bound(schema: dict[str, Json], name: str) -> float | None:
    value = schema.get(name)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


_SIMPLE: dict[str | None, Callable[[dict[str, Json]], Json]] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": lambda schema: True,  # noqa: ARG005 - the table's shape
    "null": lambda schema: None,  # noqa: ARG005 - the table's shape
}
