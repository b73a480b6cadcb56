"""The version in a model's name."""

import pytest

from anyapi.upstream.translate.claude_generation import NEWEST, OLDEST, generation_of


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("claude-3-haiku-20240307", (3, 0)),
        ("claude-3-5-sonnet-20241022", (3, 5)),
        ("claude-opus-4-20250514", (4, 0)),
        ("claude-opus-4-1-20250805", (4, 1)),
        ("claude-sonnet-4-5", (4, 5)),
        ("claude-haiku-4-5-20251001", (4, 5)),
        ("us.anthropic.claude-opus-4-6-v1:0", (4, 6)),
        ("claude-opus-4-7@20260101", (4, 7)),
        ("claude-opus-5", (5, 0)),
        ("claude-fable-5-1", (5, 1)),
        ("claude-2.1", (2, 1)),
        ("claude-mythos-preview", NEWEST),
        ("claude", NEWEST),
        ("MiniMax-M2", OLDEST),
        ("", OLDEST),
    ],
)
def test_version(name, version):
    assert generation_of(name).version == version


def test_the_rules_change_where_the_documents_say():
    order = [
        generation_of(name)
        for name in ("claude-3-5-sonnet", "claude-sonnet-4-5", "claude-sonnet-4-6", "claude-opus-4-7", "claude-opus-5", "claude-x")
    ]
    assert [one.samples_freely for one in order] == [True, True, True, False, False, False]
    assert [one.takes_both_samplers for one in order] == [True, False, False, False, False, False]
    assert [one.adaptive for one in order] == [False, False, True, True, True, True]
    assert [one.knows_xhigh for one in order] == [False, False, False, True, True, True]
    assert [one.omits_thinking for one in order] == [False, False, False, True, True, True]
    assert [one.thinks_unasked for one in order] == [False, False, False, False, True, True]
    assert [one.continues_assistant for one in order] == [True, True, False, False, False, False]
