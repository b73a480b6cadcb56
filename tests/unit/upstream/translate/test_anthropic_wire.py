"""Reading blocks and token counts."""

import msgspec
import pytest

from anyapi.domain.usage import TokenCount
from anyapi.upstream.translate import anthropic_wire as wire


def raw(value):
    return msgspec.Raw(msgspec.json.encode(value))


def test_a_known_block_is_read_whole_and_strictly():
    assert wire.read_block(raw({"type": "text", "text": "x", "citations": None})).text == "x"
    with pytest.raises(ValueError, match="text"):
        wire.read_block(raw({"type": "text", "text": 5}))


def test_an_unknown_block_is_read_for_its_type():
    assert wire.read_block(raw({"type": "new", "text": 5, "input": []})) == wire.Block("new")


@pytest.mark.parametrize("value", [{}, {"type": 5}, [], "text"])
def test_a_block_must_have_a_type(value):
    with pytest.raises(ValueError, match=r"type|object"):
        wire.read_block(raw(value))


def test_later_counts_replace_what_they_state():
    start = wire.read_usage(raw({"input_tokens": 5, "output_tokens": 1, "cache_read_input_tokens": 7}))
    end = wire.read_usage(raw({"output_tokens": 30, "cache_creation_input_tokens": 2, "output_tokens_details": {"thinking_tokens": 9}}))
    assert start.updated(end).total() == TokenCount(prompt=14, completion=30, cached=7, reasoning=9)
    assert start.updated(wire.Usage()) == start
    assert start.updated(wire.read_usage(raw({"input_tokens": 0, "output_tokens": 0}))).total() == TokenCount(
        prompt=7, completion=0, cached=7
    )


def test_thinking_is_a_part_of_the_output_whatever_is_stated():
    usage = wire.read_usage(raw({"input_tokens": 1, "output_tokens": 2, "output_tokens_details": {"thinking_tokens": 9}}))
    assert usage.total() == TokenCount(prompt=1, completion=2, reasoning=2)


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"input_tokens": 1},
        {"output_tokens": 1},
        {"input_tokens": 1, "output_tokens": -1},
        {"input_tokens": 1, "output_tokens": 10**9 + 1},
        {"input_tokens": 1.5, "output_tokens": 1},
    ],
)
def test_counts_that_say_nothing(value):
    usage = wire.read_usage(raw(value))
    assert usage.total() is None
    assert usage.as_openai() is None


def test_openais_usage_adds_up():
    usage = wire.read_usage(
        raw({"input_tokens": 5, "output_tokens": 3, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 2})
    ).as_openai()
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (14, 3, 17)
    assert usage["prompt_tokens_details"] == {"cached_tokens": 7, "cache_write_tokens": 2}
