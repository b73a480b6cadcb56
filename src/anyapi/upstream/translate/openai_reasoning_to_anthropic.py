"""OpenAI's `reasoning_effort` (and OpenRouter's `reasoning` object) as Anthropic's `thinking` and `output_config.effort`.

Two ways, by the model's generation (`claude_generation`): up to 4.5 a budget of tokens, from 4.6 on adaptive thinking with an effort.
Where thinking cannot go together with the rest of the request it is left out, and noted; docs/translation.md lists when.
"""

from collections.abc import Mapping

import msgspec

from anyapi.errors import BadRequest
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.claude_generation import Generation
from anyapi.upstream.translate.reading import Object

BUDGETS: Mapping[str, int] = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 24_576, "xhigh": 32_768, "max": 65_536}
"""Tokens of thinking, before the cap by `max_tokens`."""

NEAREST: Mapping[str, str] = {"minimal": "low", "xhigh": "high"}
"""What stands in for an effort that a model does not know."""

LEAST_BUDGET = 1024
"""Anthropic's minimum. The budget must also be less than `max_tokens`."""


class Asked(msgspec.Struct, frozen=True):
    """What the client asked for. `field` is where."""

    field: str = "reasoning_effort"
    effort: str | None = None
    budget: int | None = None
    hidden: bool = False
    """Think, but do not show it."""


class Circumstances(msgspec.Struct, frozen=True):
    """What else is in the request and matters for thinking."""

    max_tokens: int
    able: bool = True
    """The endpoint can reason."""
    forced_tool: bool = False
    unsigned_calls: bool = False


class Thinking(msgspec.Struct, frozen=True):
    """The two fields, None where they are not sent."""

    config: Object | None = None
    effort: str | None = None


def read(effort: object, reasoning: object) -> Asked:
    """Read the two decoded fields (None: absent). `reasoning` may hold `effort`, `max_tokens`, `enabled` and `exclude`."""
    if reasoning is None:
        return Asked(effort=None if effort is None else _effort(effort, "reasoning_effort"))
    if effort is not None:
        raise BadRequest("Send `reasoning_effort` or `reasoning`, not both.", "reasoning")
    return _read_object(reading.mapping(reasoning, "reasoning"))


def _read_object(asked: Object) -> Asked:
    level = None if asked.get("effort") is None else _effort(asked["effort"], "reasoning.effort")
    budget = None if asked.get("max_tokens") is None else reading.integer(asked["max_tokens"], "reasoning.max_tokens", LEAST_BUDGET)
    if asked.get("enabled") is not None:
        if not reading.flag(asked["enabled"], "reasoning.enabled"):
            level = "none"
        elif budget is None:
            level = level or "medium"
    hidden = asked.get("exclude") is not None and reading.flag(asked["exclude"], "reasoning.exclude")
    return Asked("reasoning", level, budget, hidden)


def translate(asked: Asked, generation: Generation, around: Circumstances, notes: Adjustments) -> Thinking:
    """Decide what to send for what was asked."""
    if asked.effort is None and asked.budget is None:
        return Thinking()
    if not around.able:
        if asked.effort != "none":
            notes.note(asked.field)
        return Thinking()
    return _adaptive(asked, generation, around, notes) if generation.adaptive else _budgeted(asked, around, notes)


def _adaptive(asked: Asked, generation: Generation, around: Circumstances, notes: Adjustments) -> Thinking:
    if asked.effort == "none":
        if not generation.thinks_unasked:
            return Thinking()
        notes.note(asked.field)  # not every model of these can be told not to think: the least there is
        return Thinking(effort="low")
    if asked.budget is not None:
        notes.note("reasoning.max_tokens")
    effort = _known_effort(asked.effort, generation)
    if effort != asked.effort:
        notes.note(asked.field)
    if around.forced_tool:
        notes.note(asked.field)
        return Thinking(effort=effort)
    config: Object = {"type": "adaptive"}
    if generation.omits_thinking and not asked.hidden:
        config["display"] = "summarized"
    return Thinking(config, effort)


def _known_effort(effort: str | None, generation: Generation) -> str | None:
    if effort is None or (effort == "xhigh" and generation.knows_xhigh):
        return effort
    return NEAREST.get(effort, effort)


def _budgeted(asked: Asked, around: Circumstances, notes: Adjustments) -> Thinking:
    if asked.effort == "none":
        return Thinking()
    budget = asked.budget
    if budget is None:
        budget = min(BUDGETS[asked.effort or "medium"], around.max_tokens * 4 // 5)  # a fifth at least is left for the answer
    elif budget >= around.max_tokens:
        raise BadRequest(
            "`reasoning.max_tokens` must be less than `max_tokens`: Anthropic counts thinking as output.", "reasoning.max_tokens"
        )
    if budget < LEAST_BUDGET or around.forced_tool or around.unsigned_calls:
        notes.note(asked.field)
        return Thinking()
    return Thinking({"type": "enabled", "budget_tokens": budget})


def _effort(value: object, field: str) -> str:
    level = reading.text(value, field)
    if level != "none" and level not in BUDGETS:
        raise BadRequest(f"`{field}` must be none, minimal, low, medium, high, xhigh or max.", field)
    return level
