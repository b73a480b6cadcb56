"""Looking at events: what is plain, what is an event at all, and what says something to the client."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyapi.upstream.openai_events import adds, data_of, is_chunk, is_named_error, is_plain, read_chunk, says_something


def event(value):
    return b"data: " + json.dumps(value).encode() + b"\n\n"


@given(st.lists(st.dictionaries(st.text(max_size=5), st.one_of(st.none(), st.integers(), st.text(max_size=20)), max_size=3), max_size=5))
def test_plain_is_what_every_event_alone_is(values):
    chunks = [{**value, "choices": [value]} for value in values]
    assert is_plain(b"".join(map(event, chunks))) or not chunks
    assert not is_plain(b"".join(map(event, [*chunks, *values])))


def test_read_chunk_of_garbage_is_none():
    assert read_chunk(b"data: {") is None
    assert read_chunk(b"data: [1]") is None
    assert read_chunk(b": nothing") is None
    assert read_chunk(b"data: {}").choices is None


@pytest.mark.parametrize(
    "text",
    [
        b'data: {"choices":[]}',
        b'data:{"choices":[{}]}',
        b": comment",
        b"data: [DONE]",
        b'event: x\ndata: {"choices":\ndata: []}',
        b"id: 1",
        b"",
    ],
)
def test_chunks(text):
    assert is_chunk(text) is True


@pytest.mark.parametrize(
    "text", [b"data: {}", b"data:[1]", b"event: x\ndata: {}", b"data: {\ndata: }", b'data: {"choices":null}', b'data: {"a":"\\ud83d"}']
)
def test_what_needs_a_closer_look(text):
    assert is_chunk(text) is False


def test_what_is_named_an_error_does():
    for text in (b"event: error", b"id: 1\nevent:error\ndata: [DONE]", b'event: error\ndata: {"choices":[]}'):
        assert is_named_error(text)
        assert is_chunk(text) is False
    for text in (b"event: errors", b": event: error", b"data: event: error", b""):
        assert not is_named_error(text)


@pytest.mark.parametrize("text", [b"data: {", b"nonsense", b"data: {}\nnonsense", b"data: [DONE] "])
def test_what_is_none(text):
    assert is_chunk(text) is None


def test_data_lines():
    assert data_of(b"event: x\ndata: a\ndata:b\n: data: c\nid: 1") == b"a\nb"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"choices": []}, False),
        ({}, False),
        ({"choices": [{"delta": {}}]}, False),
        ({"choices": [{"delta": {"role": "assistant", "content": "", "tool_calls": [], "refusal": None}}]}, False),
        ({"choices": [{"delta": {}, "finish_reason": "stop"}]}, False),
        ({"choices": [{"delta": {}}, {"delta": {"content": "a"}}]}, True),
        ({"choices": [{"delta": {"new": 0}}]}, True),
        ({"choices": 5}, True),
        ([1], True),
    ],
)
def test_what_says_something(value, says):
    assert says_something(event(value).strip()) is says


def test_what_is_added_to_the_format():
    def answer(*messages):
        return json.dumps({"choices": [{"message": message} for message in messages]}).encode()

    assert adds(answer({}, {"reasoning": "\ud83d hm"}))
    assert adds(answer({"reasoning_details": [{}]}))
    assert adds(answer({"images": [{}]}))
    assert not adds(answer({"content": "hm"}, {"reasoning": None, "reasoning_details": [], "images": []}))
    assert not adds(b"{")


def test_what_is_no_chunk_says_nothing():
    assert not any(map(says_something, (b"", b": comment", b"data: [DONE]", b"event: x")))
