"""Counts, reasons and what an answer is stamped with."""

import msgspec
import pytest

from anyapi.domain.usage import TokenCount
from anyapi.upstream.translate.bedrock_wire import FINISH, FORMAT, Stamp, Usage, finish_of, read_usage


def usage(**counts):
    return read_usage(msgspec.Raw(msgspec.json.encode(counts)))


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"inputTokens": 5, "outputTokens": 2, "totalTokens": 7}, TokenCount(5, 2)),
        ({"inputTokens": 5, "outputTokens": 2}, TokenCount(5, 2)),
        (
            {"inputTokens": 9, "outputTokens": 120, "totalTokens": 2094, "cacheReadInputTokens": 1965, "cacheWriteInputTokens": 0},
            TokenCount(1974, 120, 1965),
        ),
        (
            {"inputTokens": 9, "outputTokens": 20, "totalTokens": 1029, "cacheReadInputTokens": 0, "cacheWriteInputTokens": 1000},
            TokenCount(1009, 20, 0),
        ),
        ({"inputTokens": 2000, "outputTokens": 20, "totalTokens": 2020, "cacheReadInputTokens": 1500}, TokenCount(2000, 20, 1500)),
        ({"inputTokens": 9, "outputTokens": 20, "totalTokens": 29, "cacheReadInputTokens": 1500}, TokenCount(1509, 20, 1500)),
        ({"inputTokens": 5}, None),
        ({}, None),
        ({"inputTokens": -5, "outputTokens": 2}, None),
        ({"inputTokens": "5", "outputTokens": 2}, None),
        ({"inputTokens": 2**60, "outputTokens": 2}, None),
    ],
)
def test_counts(counts, expected):
    assert usage(**counts).total() == expected


def test_usage_for_the_client():
    assert usage(inputTokens=9, outputTokens=20, totalTokens=1529, cacheReadInputTokens=1000, cacheWriteInputTokens=500).as_openai() == {
        "prompt_tokens": 1509,
        "completion_tokens": 20,
        "total_tokens": 1529,
        "prompt_tokens_details": {"cached_tokens": 1000, "cache_write_tokens": 500},
    }
    assert Usage().as_openai() is None


@pytest.mark.parametrize("raw", [b"nonsense", b"[]", b"", b"[" * 100_000])
def test_usage_that_is_none(raw):
    assert read_usage(msgspec.Raw(raw)) == Usage()


@pytest.mark.parametrize("reason", sorted(FINISH))
def test_reasons(reason):
    expected = FINISH[reason]
    assert finish_of(reason, calls=True) == ("tool_calls" if expected == "stop" else expected)
    assert finish_of(reason, calls=False) == ("stop" if expected == "tool_calls" else expected)


def test_an_unknown_reason_is_a_stop():
    assert finish_of("something_new", calls=False) == "stop"


def test_the_format_of_signed_reasoning():
    assert Stamp("i", "anthropic/claude-opus-5", 1).format == "anthropic-claude-v1"
    assert Stamp("i", "anyapi/auto", 1).format == FORMAT
