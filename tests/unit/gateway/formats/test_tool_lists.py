"""Lists of tools: the quick proof that no key of a tool stands twice against the exact walk, with Python's own parser as the judge."""

import json
import random

import msgspec
import pytest
from tests.conftest import LONG

from anyapi.errors import BadRequest
from anyapi.gateway.formats import tool_lists
from anyapi.gateway.formats.tool_lists import MOST_TOOLS, tools_in

LISTS = 100_000 if LONG else 10_000
KEYS = ["type", "name", "input_schema", "a", "", "é", '"', '": 1, "a', "\\", "\U0001f600"]
VALUES = ["1", "null", '"function"', '"a\\": 1, \\"a"', '{"type":1,"type":2}', "[]", '"\\u0061"']
LAYOUTS = [(",", ":"), (", ", ": "), (",", ": "), (", ", ":"), (" ,\n", " :\t")]


def spelt(rng, key):
    """A key in one of the ways in which JSON can write it."""
    if key and rng.random() < 0.2:
        return (
            '"'
            + "".join(f"\\u{int.from_bytes(key.encode('utf-16-be')[at : at + 2]):04x}" for at in range(0, len(key.encode("utf-16-be")), 2))
            + '"'
        )
    return json.dumps(key, ensure_ascii=rng.random() < 0.5)


def written(rng):
    """A list of tools as text: few keys, so that doubles are common, in any layout, which may change midway."""
    layout = rng.choice(LAYOUTS)
    tools = []
    for _ in range(rng.randrange(5)):
        comma, colon = layout if rng.random() < 0.9 else rng.choice(LAYOUTS)
        members = [f"{spelt(rng, rng.choice(KEYS))}{colon}{rng.choice(VALUES)}" for _ in range(rng.randrange(5))]
        tools.append("{" + comma.join(members) + "}")
    return "[" + layout[0].join(tools) + "]"


def doubled(text):
    """Whether a key stands twice in one of the tools themselves, as Python's parser sees it."""
    outer = json.loads(text, object_pairs_hook=lambda found: found)
    return any(len({key for key, _ in pairs}) < len(pairs) for pairs in outer)


def test_doubles_are_found_exactly():
    rng, seen = random.Random(20261208), {True: 0, False: 0}
    for _ in range(LISTS):
        text = written(rng)
        expected = doubled(text)
        seen[expected] += 1
        if expected:
            with pytest.raises(BadRequest, match="twice"):
                tools_in(msgspec.Raw(text.encode()))
            continue
        found = tools_in(msgspec.Raw(text.encode()))
        assert [{key: json.loads(bytes(raw)) for key, raw in tool.items()} for tool in found] == json.loads(text)
    assert min(seen.values()) > LISTS // 5


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_the_usual_layouts_are_proved_at_once(monkeypatch, separators):
    monkeypatch.setattr(tool_lists, "is_plain", lambda *_: pytest.fail("one by one is for other layouts"))
    for count in range(1, 5):
        tools = [{"name": f"é{number}", "input_schema": {"type": "object"}} for number in range(count)]
        assert len(tools_in(msgspec.Raw(json.dumps(tools, separators=separators, ensure_ascii=False).encode()))) == count


@pytest.mark.parametrize("text", [b"5", b'"x"', b"{}", b"[5]", b"[[]]", b'[{},"x"]', b"[" * 5000 + b"]" * 5000])
def test_what_is_no_list_of_objects_is_told(text):
    assert tools_in(msgspec.Raw(text)) is None


def test_none_are_none():
    for text in (b"null", b"[]", b"[ ]"):
        assert tools_in(msgspec.Raw(text)) == []
    assert tools_in(msgspec.Raw(b"[{}, {}]")) == [{}, {}]


def test_there_is_a_limit():
    assert len(tools_in(msgspec.Raw(b"[%b{}]" % (b"{}," * (MOST_TOOLS - 1))))) == MOST_TOOLS
    with pytest.raises(BadRequest, match=f"{MOST_TOOLS} tools") as caught:
        tools_in(msgspec.Raw(b"[%b{}]" % (b"{}," * MOST_TOOLS)))
    assert caught.value.field == "tools"


def test_a_large_list_of_tiny_values_is_not_looked_through():
    with pytest.raises(BadRequest, match="250000 values"):
        tools_in(msgspec.Raw(b'[{"a":[%b0]}]' % (b"0," * 600_000)))
