"""Reasoning effort as thinking: budgets up to 4.5, adaptive from 4.6 on, and when it is left out."""

import pytest

from anyapi.errors import BadRequest
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.claude_generation import generation_of
from anyapi.upstream.translate.openai_reasoning_to_anthropic import Circumstances, Thinking, read, translate

FREE = Circumstances(max_tokens=64_000)


def made(model, effort=None, reasoning=None, around=FREE):
    notes = Adjustments()
    return translate(read(effort, reasoning), generation_of(model), around, notes), notes.names


def budget(tokens):
    return Thinking({"type": "enabled", "budget_tokens": tokens})


@pytest.mark.parametrize(
    ("effort", "tokens"), [("minimal", 1024), ("low", 2048), ("medium", 8192), ("high", 24_576), ("xhigh", 32_768), ("max", 51_200)]
)
def test_budgets(effort, tokens):
    assert made("claude-sonnet-4-5", effort) == (budget(tokens), ())


def test_a_budget_leaves_room_for_the_answer():
    assert made("claude-sonnet-4-5", "high", around=Circumstances(max_tokens=10_000)) == (budget(8000), ())
    assert made("claude-sonnet-4-5", "high", around=Circumstances(max_tokens=1000)) == (Thinking(), ("reasoning_effort",))


def test_an_explicit_budget():
    assert made("claude-sonnet-4-5", reasoning={"max_tokens": 3000}) == (budget(3000), ())
    assert made("claude-opus-5", reasoning={"max_tokens": 3000})[0] == Thinking({"type": "adaptive", "display": "summarized"})
    assert made("claude-opus-5", reasoning={"max_tokens": 3000})[1] == ("reasoning.max_tokens",)


@pytest.mark.parametrize(
    ("model", "effort", "config", "sent", "noted"),
    [
        ("claude-sonnet-4-6", "high", {"type": "adaptive"}, "high", ()),
        ("claude-sonnet-4-6", "xhigh", {"type": "adaptive"}, "high", ("reasoning_effort",)),
        ("claude-opus-4-7", "xhigh", {"type": "adaptive", "display": "summarized"}, "xhigh", ()),
        ("claude-opus-5", "minimal", {"type": "adaptive", "display": "summarized"}, "low", ("reasoning_effort",)),
        ("claude-opus-5", "max", {"type": "adaptive", "display": "summarized"}, "max", ()),
        ("claude-mythos-preview", "low", {"type": "adaptive", "display": "summarized"}, "low", ()),
        ("claude-opus-4-7", "none", None, None, ()),
        ("claude-opus-5", "none", None, "low", ("reasoning_effort",)),
    ],
)
def test_adaptive(model, effort, config, sent, noted):
    assert made(model, effort) == (Thinking(config, sent), noted)


def test_what_does_not_go_together_with_thinking():
    forced, unsigned = Circumstances(64_000, forced_tool=True), Circumstances(64_000, unsigned_calls=True)
    assert made("claude-sonnet-4-5", "low", around=forced) == (Thinking(), ("reasoning_effort",))
    assert made("claude-sonnet-4-5", "low", around=unsigned) == (Thinking(), ("reasoning_effort",))
    assert made("claude-opus-5", "low", around=forced) == (Thinking(effort="low"), ("reasoning_effort",))
    assert made("claude-opus-5", "low", around=unsigned)[1] == ()


def test_an_endpoint_that_cannot_reason():
    unable = Circumstances(8192, able=False)
    assert made("claude-3-5-sonnet", "low", around=unable) == (Thinking(), ("reasoning_effort",))
    assert made("claude-3-5-sonnet", "none", around=unable) == (Thinking(), ())


def test_the_object_form():
    assert made("claude-sonnet-4-5", reasoning={"enabled": True}) == (budget(8192), ())
    assert made("claude-sonnet-4-5", reasoning={"enabled": False, "effort": "high"}) == (Thinking(), ())
    assert made("claude-sonnet-4-5", reasoning={"enabled": True, "max_tokens": 2000}) == (budget(2000), ())
    assert made("claude-sonnet-4-5", reasoning={}) == (Thinking(), ())
    assert made("claude-opus-5", reasoning={"effort": "low", "exclude": True})[0] == Thinking({"type": "adaptive"}, "low")


@pytest.mark.parametrize(
    ("effort", "reasoning", "field"),
    [
        ("enormous", None, "reasoning_effort"),
        (5, None, "reasoning_effort"),
        (None, "high", "reasoning"),
        (None, {"effort": "x"}, "reasoning.effort"),
        (None, {"max_tokens": 100}, "reasoning.max_tokens"),
        (None, {"max_tokens": 64_000}, "reasoning.max_tokens"),
        (None, {"enabled": 1}, "reasoning.enabled"),
        (None, {"exclude": "x"}, "reasoning.exclude"),
        ("low", {"effort": "low"}, "reasoning"),
    ],
)
def test_refused_with_the_path(effort, reasoning, field):
    with pytest.raises(BadRequest) as caught:
        made("claude-sonnet-4-5", effort, reasoning)
    assert caught.value.field == field
