"""Reading chat completions: counts in Anthropic's terms, and what providers add to the format."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.upstream.translate.anthropic_events import USAGE, USED, raw

from anyapi.domain.usage import TokenCount
from anyapi.upstream.translate import chat_completion_wire as wire


def test_counts():
    usage = wire.read_usage(raw(USAGE))
    assert usage.as_anthropic() == USED
    assert usage.total() == TokenCount(100, 20, 60, 5)


def test_counts_without_details():
    usage = wire.read_usage(raw({"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": None}))
    assert usage.as_anthropic() == {"input_tokens": 3, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 2}


@pytest.mark.parametrize(
    "value", [None, {}, [], "x", {"prompt_tokens": 1}, {"prompt_tokens": -1, "completion_tokens": 1}, {"prompt_tokens": "1"}]
)
def test_odd_counts_are_none(value):
    assert wire.read_usage(raw(value)) is None


@given(*[st.integers(0, 10**9)] * 5)
def test_no_count_is_negative_and_the_prompt_adds_up(prompt, completion, cached, written, reasoning):
    usage = wire.Usage(prompt, completion, wire.PromptDetails(cached, written), wire.CompletionDetails(reasoning))
    found = usage.as_anthropic()
    parts = [found[name] for name in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")]
    assert min(parts) >= 0
    assert sum(parts) == prompt
    assert found["output_tokens_details"]["thinking_tokens"] <= completion


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, ("", "")),
        ("x", ("x", "")),
        ([], ("", "")),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], ("ab", "")),
        ([{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "a"}], ("a", "hm")),
        ([{"type": "thinking", "thinking": "hm"}, {"type": "new"}], ("", "hm")),
    ],
)
def test_content(content, expected):
    assert wire.texts_of(raw(content)) == expected


@pytest.mark.parametrize("content", [5, {"a": 1}, ["x"], [{"text": 5}]])
def test_content_of_no_known_form(content):
    with pytest.raises(ValueError):
        wire.texts_of(raw(content))


def test_reasoning_has_two_names():
    said = msgspec.json.decode(b'{"reasoning":"a"}', type=wire.Said)
    assert (said.reasons(), said.plain_reasoning()) == (True, "a")
    said = msgspec.json.decode(b'{"reasoning":"a","reasoning_content":"b"}', type=wire.Said)
    assert said.plain_reasoning() == "b"
    said = msgspec.json.decode(b'{"reasoning":{"x":1},"reasoning_content":null,"reasoning_details":null}', type=wire.Said)
    assert (said.plain_reasoning(), said.details()) == ("", [])
    assert not msgspec.json.decode(b'{"reasoning":""}', type=wire.Said).reasons()
    with pytest.raises(ValueError):
        wire.Said(reasoning_details=[raw(5)]).details()


@pytest.mark.parametrize(("value", "expected"), [("", ""), ('{"a":', '{"a":'), (None, ""), ({"a": 1}, '{"a":1}')])
def test_arguments(value, expected):
    assert wire.arguments_of(raw(value)) == expected


def test_arguments_of_no_known_form():
    for value in (5, [1], True):
        with pytest.raises(ValueError):
            wire.arguments_of(raw(value))


def test_nothing():
    assert all(wire.is_empty(raw(value)) for value in (None, "", [], {}, False))
    assert not any(wire.is_empty(raw(value)) for value in ("x", [1], 0, True, "null!"))
