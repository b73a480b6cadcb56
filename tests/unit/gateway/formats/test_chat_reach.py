"""Chat completions: stored files and tools that providers run are seen in every spelling; everything else passes unread."""

import json

import msgspec
import pytest

from anyapi.errors import BadRequest
from anyapi.gateway.formats.chat_reach import has_web_search
from anyapi.gateway.formats.openai_chat import parse


@pytest.mark.parametrize(
    ("tools", "found"),
    [
        (b"null", False),
        (b"[]", False),
        (b"[{}]", False),
        (b'[{"function":{"name":"f"}}]', False),
        (b'[{"type":"function","function":{"name":"web_search"}}]', False),
        (b'[ {"type" : "custom", "custom":{"name":"mcp"}} ]', False),
        (b'[{"type":"function","x":"\\u0065"}]', False),
        (b'[{"type":"web_search"}]', True),
        (b'[{"type":"function"},{"type":"web_search_preview"}]', True),
        (b'[{"type":"w\\u0065b_search"}]', True),
        (b'[{"t\\u0079pe":"web_search"}]', True),
        (b'["web_search"]', True),
        (b'{"type":"web_search"}', True),
        (b'"web_search"', True),
        (b"[1]", True),
    ],
)
def test_web_search_is_a_kind_of_tool(tools, found):
    assert has_web_search(msgspec.Raw(tools)) is found


@pytest.mark.parametrize("first", [b'{"type":"function","function":{"name":"f"}}', b'{"type":"web_search"}'])
@pytest.mark.parametrize(
    "tool",
    [
        b'{"type":"mcp","server_url":"https://example.com"}',
        b'{"type":"browser_search"}',
        b'{"type":"code_interpreter"}',
        b'{"type":"openrouter:web_search"}',
        b'{"type":"m\\u0063p"}',
        b'{"type":5}',
        b'{"type":null}',
        b'{"type":""}',
    ],
)
def test_a_tool_that_no_rule_knows_is_refused(tool, first):
    with pytest.raises(BadRequest, match="does not know") as caught:
        has_web_search(msgspec.Raw(b"[%b, %b]" % (first, tool)))
    assert caught.value.field == "tools[1]"


def test_a_kind_that_is_stated_twice_is_refused():
    with pytest.raises(BadRequest, match="twice"):
        has_web_search(msgspec.Raw(b'[{"type":"mcp","type":"function"}]'))


def body(content, role="user"):
    return {"model": "a/b", "messages": [{"role": "system", "content": "s"}, {"role": role, "content": content}]}


FILE = {"type": "file", "file": {"file_id": "file-1"}}


@pytest.mark.parametrize("content", [[{"type": "text", "text": "x"}, FILE], [{}, {"type": "image_file", "file_id": "file-1"}]])
@pytest.mark.parametrize(("name", "spelt"), [("file_id", "file_id"), ("file_id", "fil\\u0065_id"), ("file_id", "file\\u005Fid")])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_stored_file_is_refused_and_named(content, name, spelt, ascii_only):
    text = json.dumps(body(content) | {"user": "é"}, ensure_ascii=ascii_only).replace(f'"{name}"', f'"{spelt}"')
    with pytest.raises(BadRequest, match="names a file stored at a provider") as caught:
        parse(text.encode())
    assert caught.value.field == "messages[1].content[1]"


@pytest.mark.parametrize(
    "content",
    [
        "a file_id in words",
        'quoted "file_id" in words',
        "file_id",
        [{"type": "file", "file": {"file_data": "data:application/pdf;base64,AA==", "file_id": None}}],
        [{"type": "text", "text": "file_id"}],
        None,
        [None, "file_id"],
        "\f\u0005_id",
    ],
)
def test_what_names_none_passes_byte_for_byte(content):
    raw = json.dumps(body(content, "assistant")).encode()
    assert bytes(parse(raw).fields["messages"]) in raw


def test_a_key_that_decides_and_stands_twice_is_refused():
    twice = '{"type":"file","file":{"file_id":"a"},"file":{"file_data":"b"}}'
    with pytest.raises(BadRequest, match="twice"):
        parse(json.dumps(body(["X"])).replace('"X"', twice).encode())


def test_messages_that_name_no_file_may_hold_a_key_twice():
    raw = json.dumps(body("x")).replace('"role": "user"', '"role": "user", "role": "user"').encode()
    assert b'"role": "user", "role": "user"' in bytes(parse(raw).fields["messages"])
