"""What is read of a provider's answers: leniently, and never more than is needed."""

import msgspec
import pytest

from anyapi.domain.usage import TokenCount
from anyapi.upstream import responses_wire as wire


def raw(value):
    return msgspec.Raw(msgspec.json.encode(value))


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ({"type": "message", "content": [{"type": "output_text", "text": "a"}]}, True),
        ({"type": "message", "content": [{"type": "refusal", "refusal": "a"}]}, True),
        ({"type": "message", "content": [{"type": "output_text", "text": ""}]}, False),
        ({"type": "message", "content": None}, False),
        ({"type": "message", "content": 5}, True),
        ({"type": "reasoning", "summary": [], "content": None, "encrypted_content": "x"}, False),
        ({"type": "reasoning", "summary": [{"type": "summary_text", "text": "a"}]}, True),
        ({"type": "function_call", "content": 5, "summary": "odd"}, True),
        ({"type": "new_kind"}, True),
        ({}, True),
        (5, True),
    ],
)
def test_what_an_item_says(item, says):
    assert wire.item_of(raw(item)).says == says


def test_usage():
    given = {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 99},
        "output_tokens": 4,
        "output_tokens_details": {"reasoning_tokens": 3},
    }
    assert wire.tokens_of(raw(given)) == TokenCount(9, 4, 9, 3)
    assert wire.tokens_of(raw({"input_tokens": 1, "output_tokens": 2, "input_tokens_details": None})) == TokenCount(1, 2)


@pytest.mark.parametrize(
    "odd", [b"", b"null", b"{}", b'{"input_tokens":-1,"output_tokens":1}', b'{"input_tokens":1e12,"output_tokens":1}', b"[" * 3000]
)
def test_odd_usage_is_not_stated(odd):
    assert wire.tokens_of(msgspec.Raw(odd)) is None


def test_codes():
    assert wire.event_of(b'{"type":"error","code":"a","error":{"code":"b"}}').failure.name == "a"
    assert wire.event_of(b'{"type":"error","error":{"code":"b"}}').failure.name == "b"
    assert wire.event_of(b'{"type":"error","code":5,"error":"x"}').failure.name is None
    assert wire.response_of(b'{"error":{"code":"b"}}').failure.name == "b"
    assert wire.response_of(b'{"error":"x"}').failure.name is None


@pytest.mark.parametrize("odd", [b"", b"5", b"{}", b'{"type":5}', b"[DONE]", b"[" * 3000])
def test_what_is_no_event(odd):
    assert wire.kind_of(odd) is None
    assert wire.event_of(odd) is None
    assert odd == b"{}" or odd == b'{"type":5}' or wire.response_of(odd) is None
