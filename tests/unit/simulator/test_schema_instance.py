import re

import pytest

from anyapi.simulator.schema_instance import instance_of


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({}, {}),
        (True, {}),
        ({"type": "string"}, "text"),
        ({"type": "OBJECT", "required": ["a"], "properties": {"a": {"type": "INTEGER"}}}, {"a": 1}),
        ({"type": "string", "minLength": 6}, "textxx"),
        ({"type": "string", "maxLength": 2}, "te"),
        ({"type": "string", "format": "date"}, "2026-01-31"),
        ({"type": "string", "pattern": "^a+$", "examples": ["aaa"]}, "aaa"),
        ({"type": "integer"}, 1),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "integer", "exclusiveMinimum": 5}, 6),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "integer", "exclusiveMaximum": 1}, 0),
        ({"type": "integer", "minimum": 5, "multipleOf": 4}, 8),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
        ({"type": "number", "maximum": 0.25}, 0.25),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": ["null", "string"]}, "text"),
        ({"enum": ["b", "a"]}, "b"),
        ({"const": None}, None),
        ({"type": "array"}, []),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [1, 1]),
        ({"prefixItems": [{"type": "string"}, {"const": 2}], "type": "array"}, ["text", 2]),
        ({"properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["b"]}, {"b": "text"}),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, 1),
        (
            {"allOf": [{"required": ["a"], "properties": {"a": {"const": 1}}}, {"required": ["b"], "properties": {"b": {"const": 2}}}]},
            {"a": 1, "b": 2},
        ),
        ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"const": "found"}}}, "found"),
        ({"$ref": "#/$defs/missing"}, {}),
    ],
)
def test_minimal_instances(schema, expected):
    assert instance_of(schema) == expected


def test_a_recursive_type_ends():
    node = {"type": "object", "required": ["next"], "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}}
    value = instance_of({"$ref": "#/$defs/node", "$defs": {"node": node}})
    depth = 0
    while value is not None:
        value, depth = value["next"], depth + 1
    assert 1 < depth < 40


def test_an_endless_reference_ends():
    assert instance_of({"$ref": "#"}) == {}
    assert instance_of({"required": ["a"], "properties": {"a": {"$ref": "#"}}})["a"]["a"]


def test_a_uuid_is_one():
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", instance_of({"type": "string", "format": "uuid"}))
