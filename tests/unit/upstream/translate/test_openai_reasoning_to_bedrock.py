"""Reasoning: each vendor's own words."""

import pytest

from anyapi.domain.catalogue import Capabilities, Endpoint
from anyapi.errors import BadRequest
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.openai_reasoning_to_anthropic import Asked, Circumstances
from anyapi.upstream.translate.openai_reasoning_to_bedrock import Thinking, translate

SONNET_45, OPUS_48, OPUS_5 = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "us.anthropic.claude-opus-4-8", "anthropic.claude-opus-5"
NOVA, GPT_OSS, GPT, DEEPSEEK, QWEN = (
    "amazon.nova-2-lite-v1:0",
    "openai.gpt-oss-120b",
    "openai.gpt-6-sol",
    "deepseek.v3.2",
    "qwen.qwen3-32b-v1:0",
)
FIELD = ("reasoning_effort",)


def made(model, effort=None, budget=None, *, limited=False, **around):
    notes = Adjustments()
    endpoint = Endpoint("a/b", "amazon-bedrock", "x/y", model, capabilities=Capabilities(reasoning=True))
    field = "reasoning_effort" if budget is None else "reasoning"
    asked = Asked(field=field, effort=effort, budget=budget)
    return translate(asked, endpoint, Circumstances(**{"max_tokens": 64_000, **around}), notes, limited=limited), notes.names


@pytest.mark.parametrize("model", [SONNET_45, OPUS_48, NOVA, GPT_OSS, GPT, DEEPSEEK, QWEN])
def test_nothing_asked_nothing_sent(model):
    assert made(model) == (Thinking(), ())


@pytest.mark.parametrize(
    ("model", "effort", "sent", "names"),
    [
        (SONNET_45, "low", Thinking({"thinking": {"type": "enabled", "budget_tokens": 2048}}), ()),
        (SONNET_45, "none", Thinking(), ()),
        (OPUS_48, "high", Thinking({"thinking": {"type": "adaptive", "display": "summarized"}}, "high"), ()),
        (OPUS_48, "max", Thinking({"thinking": {"type": "adaptive", "display": "summarized"}}, "max"), ()),
        (OPUS_48, "minimal", Thinking({"thinking": {"type": "adaptive", "display": "summarized"}}, "low"), FIELD),
        (OPUS_5, "none", Thinking({}, "low"), FIELD),
        (NOVA, "none", Thinking(), ()),
        (NOVA, "low", Thinking({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}), ()),
        (NOVA, "minimal", Thinking({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}), FIELD),
        (NOVA, "high", Thinking({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}, None, True), ()),
        (NOVA, "max", Thinking({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}, None, True), FIELD),
        (GPT_OSS, "medium", Thinking({"reasoning_effort": "medium"}), ()),
        (GPT_OSS, "none", Thinking({"reasoning_effort": "low"}), FIELD),
        (GPT_OSS, "xhigh", Thinking({"reasoning_effort": "high"}), FIELD),
        (GPT, "none", Thinking({"reasoning": {"effort": "none"}}), ()),
        (GPT, "xhigh", Thinking({"reasoning": {"effort": "xhigh"}}), ()),
        (GPT, "max", Thinking({"reasoning": {"effort": "xhigh"}}), FIELD),
        (DEEPSEEK, "high", Thinking(), FIELD),
        (QWEN, "none", Thinking(), FIELD),
    ],
)
def test_efforts(model, effort, sent, names):
    assert made(model, effort) == (sent, names)


@pytest.mark.parametrize(
    ("model", "sent", "names"),
    [
        (SONNET_45, Thinking({"thinking": {"type": "enabled", "budget_tokens": 5000}}), ()),
        (OPUS_48, Thinking({"thinking": {"type": "adaptive", "display": "summarized"}}), ("reasoning.max_tokens",)),
        (NOVA, Thinking({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}}), ("reasoning.max_tokens",)),
        (GPT_OSS, Thinking({"reasoning_effort": "medium"}), ("reasoning.max_tokens",)),
        (QWEN, Thinking(), ("reasoning",)),
    ],
)
def test_budgets(model, sent, names):
    assert made(model, budget=5000) == (sent, names)


def test_a_limit_on_output_keeps_nova_from_high_effort():
    sent = Thinking({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}})
    assert made(NOVA, "high", limited=True) == (sent, FIELD)
    assert made(NOVA, "medium", limited=True) == (sent, ())


@pytest.mark.parametrize(("effort", "sent", "names"), [("xhigh", "high", FIELD), ("max", "high", FIELD), ("high", "high", FIELD)])
def test_a_claude_that_does_not_think_gets_high_at_most(effort, sent, names):
    assert made(OPUS_48, effort, forced_tool=True) == (Thinking({}, sent), names)


@pytest.mark.parametrize("model", [SONNET_45, OPUS_48, NOVA, GPT, QWEN])
def test_an_endpoint_that_cannot_reason(model):
    assert made(model, "low", able=False) == (Thinking(), FIELD)
    assert made(model, "none", able=False) == (Thinking(), ())


def test_a_budget_over_the_limit_is_refused():
    with pytest.raises(BadRequest) as caught:
        made(SONNET_45, budget=5000, max_tokens=5000)
    assert caught.value.field == "reasoning.max_tokens"
