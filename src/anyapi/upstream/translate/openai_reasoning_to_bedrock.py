"""OpenAI's `reasoning_effort` (and OpenRouter's `reasoning` object) for the models at Bedrock, each vendor's in its own words.

Claude: `thinking` among the additional fields and `outputConfig.effort`, by the rules of `openai_reasoning_to_anthropic`. Nova 2:
`reasoningConfig`. OpenAI's: `reasoning_effort` for gpt-oss, `reasoning.effort` for the others. No word is known for the rest: noted.
Sources: Amazon Bedrock and Nova 2 user guides, read November 2026.
"""

from collections.abc import Mapping

import msgspec

from anyapi.domain.catalogue import Endpoint
from anyapi.upstream.translate import openai_reasoning_to_anthropic as anthropic
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.bedrock_family import Family, claude_of, family_of
from anyapi.upstream.translate.openai_reasoning_to_anthropic import Asked, Circumstances
from anyapi.upstream.translate.reading import Object

NOVA: Mapping[str, str] = {"minimal": "low", "xhigh": "high", "max": "high"}
GPT_OSS: Mapping[str, str] = {"none": "low", "minimal": "low", "xhigh": "high", "max": "high"}
GPT: Mapping[str, str] = {"minimal": "low", "max": "xhigh"}
"""What stands in for an effort that these models do not know."""

NEEDS_THINKING = frozenset({"xhigh", "max"})
"""Bedrock caps the effort of a Claude that does not think at `high`."""


class Thinking(msgspec.Struct, frozen=True):
    """What is sent."""

    additional: Object = {}
    """For `additionalModelRequestFields`."""
    effort: str | None = None
    """`outputConfig.effort`."""
    unbounded: bool = False
    """Nova thinks with high effort: it then refuses `maxTokens`, `temperature`, `topP` and `topK`."""


def translate(asked: Asked, endpoint: Endpoint, around: Circumstances, notes: Adjustments, *, limited: bool) -> Thinking:
    """Decide what to send for what was asked; `limited`: the client limits the output."""
    family = family_of(endpoint)
    if family is Family.CLAUDE:
        return _claude(asked, endpoint, around, notes)
    if asked.effort is None and asked.budget is None:
        return Thinking()
    if not around.able:
        if asked.effort != "none":
            notes.note(asked.field)
        return Thinking()
    if family in (Family.DEEPSEEK, Family.OTHER):
        notes.note(asked.field)
        return Thinking()
    if asked.budget is not None:
        notes.note("reasoning.max_tokens")
    return _nova(asked, notes, limited=limited) if family is Family.NOVA else _openai(asked, family, notes)


def _claude(asked: Asked, endpoint: Endpoint, around: Circumstances, notes: Adjustments) -> Thinking:
    thinking = anthropic.translate(asked, claude_of(endpoint), around, notes)
    effort = thinking.effort
    if thinking.config is None and effort in NEEDS_THINKING:
        notes.note(asked.field)
        effort = "high"
    return Thinking({} if thinking.config is None else {"thinking": thinking.config}, effort)


def _nova(asked: Asked, notes: Adjustments, *, limited: bool) -> Thinking:
    """Off unless asked for. High effort would lift the client's own limit: it gets medium instead."""
    if asked.effort == "none":
        return Thinking()
    effort = _nearest(asked, NOVA, notes)
    if effort == "high" and limited:
        notes.note(asked.field)
        effort = "medium"
    return Thinking({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": effort}}, None, effort == "high")


def _openai(asked: Asked, family: Family, notes: Adjustments) -> Thinking:
    if family is Family.GPT_OSS:
        return Thinking({"reasoning_effort": _nearest(asked, GPT_OSS, notes)})
    return Thinking({"reasoning": {"effort": _nearest(asked, GPT, notes)}})


def _nearest(asked: Asked, stands_in: Mapping[str, str], notes: Adjustments) -> str:
    effort = asked.effort or "medium"
    if effort in stands_in:
        notes.note(asked.field)
    return stands_in.get(effort, effort)
