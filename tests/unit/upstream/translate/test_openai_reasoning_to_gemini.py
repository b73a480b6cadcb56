"""Efforts, budgets and Anthropic's thinking, for models with budgets and models with levels."""

import pytest

from anyapi.errors import BadRequest
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.gemini_generation import generation_of
from anyapi.upstream.translate.openai_reasoning_to_gemini import read, translate

PRO, FLASH, LITE = "gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite"
THREE, EIGHT, ARGON = "gemini-3-flash-preview", "gemini-3.8-flash", "gemini-4-argon"


def made(model, *, effort=None, reasoning=None, thinking=None, able=True, limit=None):
    notes = Adjustments()
    config = translate(read(effort, reasoning, thinking), generation_of(model), notes, able=able, limit=limit)
    return config, notes.names


def shown(**config):
    return {**config, "includeThoughts": True}


@pytest.mark.parametrize("model", [PRO, EIGHT])
def test_nothing_asked_is_nothing_sent(model):
    assert made(model) == (None, ())
    assert made(model, reasoning={}) == (None, ())
    assert made(model, reasoning={"exclude": True}) == (None, ())


@pytest.mark.parametrize(
    ("model", "effort", "config", "noted"),
    [
        (FLASH, "none", {"thinkingBudget": 0}, ()),
        (PRO, "none", {"thinkingBudget": 128}, ("reasoning_effort",)),
        (FLASH, "minimal", shown(thinkingBudget=1024), ()),
        (FLASH, "medium", shown(thinkingBudget=8192), ()),
        (FLASH, "high", shown(thinkingBudget=24_576), ()),
        (FLASH, "max", shown(thinkingBudget=24_576), ()),
        (PRO, "xhigh", shown(thinkingBudget=32_768), ()),
        (THREE, "none", {"thinkingLevel": "MINIMAL"}, ("reasoning_effort",)),
        (THREE, "minimal", shown(thinkingLevel="MINIMAL"), ()),
        (EIGHT, "none", {"thinkingLevel": "LOW"}, ("reasoning_effort",)),
        (EIGHT, "minimal", shown(thinkingLevel="LOW"), ("reasoning_effort",)),
        (EIGHT, "low", shown(thinkingLevel="LOW"), ()),
        (ARGON, "medium", shown(thinkingLevel="MEDIUM"), ()),
        (ARGON, "high", shown(thinkingLevel="HIGH"), ()),
        (ARGON, "xhigh", shown(thinkingLevel="HIGH"), ("reasoning_effort",)),
        (ARGON, "max", shown(thinkingLevel="HIGH"), ("reasoning_effort",)),
    ],
)
def test_efforts(model, effort, config, noted):
    assert made(model, effort=effort) == (config, noted)


@pytest.mark.parametrize(
    ("model", "reasoning", "config", "noted"),
    [
        (FLASH, {"max_tokens": 2000}, shown(thinkingBudget=2000), ()),
        (FLASH, {"max_tokens": 0}, shown(thinkingBudget=0), ()),
        (PRO, {"max_tokens": 50}, shown(thinkingBudget=128), ("reasoning",)),
        (LITE, {"max_tokens": 100_000}, shown(thinkingBudget=24_576), ("reasoning",)),
        (FLASH, {"enabled": True}, shown(thinkingBudget=8192), ()),
        (FLASH, {"enabled": False, "max_tokens": 5000}, {"thinkingBudget": 0}, ()),
        (FLASH, {"effort": "low", "exclude": True}, {"thinkingBudget": 1024}, ()),
        (EIGHT, {"max_tokens": 2000}, shown(thinkingLevel="LOW"), ("reasoning",)),
        (EIGHT, {"max_tokens": 9000}, shown(thinkingLevel="MEDIUM"), ("reasoning",)),
        (EIGHT, {"max_tokens": 20_000}, shown(thinkingLevel="HIGH"), ("reasoning",)),
        (EIGHT, {"enabled": True, "exclude": True}, {"thinkingLevel": "MEDIUM"}, ()),
    ],
)
def test_the_reasoning_object(model, reasoning, config, noted):
    assert made(model, reasoning=reasoning) == (config, noted)


@pytest.mark.parametrize(
    ("model", "thinking", "effort", "config", "noted"),
    [
        (FLASH, {"type": "enabled", "budget_tokens": 2000}, None, shown(thinkingBudget=2000), ()),
        (FLASH, {"type": "adaptive"}, None, shown(thinkingBudget=-1), ()),
        (FLASH, {"type": "disabled"}, None, {"thinkingBudget": 0}, ()),
        (FLASH, {"type": "adaptive"}, "high", shown(thinkingBudget=24_576), ()),
        (EIGHT, {"type": "enabled", "budget_tokens": 2000}, None, shown(thinkingLevel="LOW"), ("thinking",)),
        (EIGHT, {"type": "enabled", "budget_tokens": 2000}, "high", shown(thinkingLevel="HIGH"), ("thinking",)),
        (EIGHT, {"type": "adaptive"}, None, shown(), ()),
        (EIGHT, {"type": "between_tools"}, "low", shown(thinkingLevel="LOW"), ()),
        (EIGHT, {"type": "disabled"}, "high", {"thinkingLevel": "LOW"}, ("thinking",)),
    ],
)
def test_anthropics_thinking(model, thinking, effort, config, noted):
    assert made(model, thinking=thinking, effort=effort) == (config, noted)


def test_a_fifth_of_the_output_is_left():
    assert made(FLASH, effort="high", limit=1000)[0]["thinkingBudget"] == 800
    assert made(PRO, effort="high", limit=100)[0]["thinkingBudget"] == 128
    assert made(FLASH, effort="high", limit=1)[0]["thinkingBudget"] == 1


def test_an_endpoint_that_cannot_reason():
    assert made(FLASH, effort="high", able=False) == (None, ("reasoning_effort",))
    assert made(FLASH, effort="none", able=False) == (None, ())
    assert made(FLASH, thinking={"type": "adaptive"}, able=False) == (None, ("thinking",))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"effort": "huge"}, "reasoning_effort"),
        ({"effort": 5}, "reasoning_effort"),
        ({"effort": "low", "reasoning": {}}, "reasoning"),
        ({"reasoning": []}, "reasoning"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"reasoning": {"max_tokens": -1}}, "reasoning.max_tokens"),
        ({"reasoning": {"enabled": 1}}, "reasoning.enabled"),
        ({"reasoning": {"exclude": 1}}, "reasoning.exclude"),
        ({"reasoning": {}, "thinking": {"type": "adaptive"}}, "thinking"),
        ({"thinking": {"type": "x"}}, "thinking.type"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
    ],
)
def test_refusals(fields, field):
    with pytest.raises(BadRequest) as caught:
        made(FLASH, **fields)
    assert caught.value.field == field
