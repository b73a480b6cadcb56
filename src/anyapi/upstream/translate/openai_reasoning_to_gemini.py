"""OpenAI's `reasoning_effort` (OpenRouter's `reasoning`, Anthropic's `thinking`) as Gemini's `thinkingConfig`.

Two ways, by the model's generation: up to 2.5 a budget of tokens, from 3 on a level. Thoughts are asked to be shown unless `exclude`
is set. Where nothing is asked, nothing is sent: the model thinks as it does by default.
"""

from collections.abc import Mapping

import msgspec

from anyapi.errors import BadRequest
from anyapi.upstream.translate import reading
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.gemini_generation import Generation
from anyapi.upstream.translate.reading import Object

BUDGETS: Mapping[str, int] = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 32_768, "max": 32_768}
"""Tokens of thinking, before the caps. The first four are what Google's own OpenAI endpoint takes them for."""

DYNAMIC = -1
"""The budget that leaves it to the model."""

LEVELS: Mapping[str, str] = {"minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM", "high": "HIGH", "xhigh": "HIGH", "max": "HIGH"}

EFFORTS = ((4096, "low"), (16_384, "medium"))
"""Tokens of thinking below which an effort stands for them, where there is no budget; more are `high`."""

EXACT = frozenset({"minimal", "low", "medium", "high"})
"""Efforts that have a level of their own."""


class Asked(msgspec.Struct, frozen=True):
    """What the client asked for. `field` is where."""

    field: str = "reasoning_effort"
    effort: str | None = None
    budget: int | None = None
    adaptive: bool = False
    """The model decides how much."""
    hidden: bool = False
    """Think, but do not show it."""

    @property
    def off(self) -> bool:
        """Whether the model should not think."""
        return self.effort == "none" or self.budget == 0


def read(effort: object, reasoning: object, thinking: object) -> Asked:
    """Read the three decoded fields (None: absent). `reasoning` may hold `effort`, `max_tokens`, `enabled` and `exclude`.

    `thinking` is Anthropic's own object, which comes with a request of that format; an effort may stand beside it.
    """
    if reasoning is None:
        level = None if effort is None else _effort(effort, "reasoning_effort")
        return Asked(effort=level) if thinking is None else _thinking(reading.mapping(thinking, "thinking"), level)
    if effort is not None:
        raise BadRequest("Send `reasoning_effort` or `reasoning`, not both.", "reasoning")
    if thinking is not None:
        raise BadRequest("Send `thinking` or `reasoning`, not both.", "thinking")
    return _reasoning(reading.mapping(reasoning, "reasoning"))


def _reasoning(asked: Object) -> Asked:
    effort, most, enabled, exclude = (asked.get(name) for name in ("effort", "max_tokens", "enabled", "exclude"))
    level = None if effort is None else _effort(effort, "reasoning.effort")
    budget = None if most is None else reading.integer(most, "reasoning.max_tokens", 0)
    if enabled is not None:
        if not reading.flag(enabled, "reasoning.enabled"):
            level, budget = "none", None
        elif budget is None:
            level = level or "medium"
    hidden = exclude is not None and reading.flag(exclude, "reasoning.exclude")
    return Asked("reasoning", level, budget, hidden=hidden)


def _thinking(asked: Object, level: str | None) -> Asked:
    kind = asked.get("type")
    if kind == "disabled":
        return Asked("thinking", "none")
    if kind == "enabled":
        return Asked("thinking", level, reading.integer(asked.get("budget_tokens"), "thinking.budget_tokens", 0))
    if kind in ("adaptive", "between_tools"):
        return Asked("thinking", level, adaptive=level is None)
    raise BadRequest("`thinking.type` must be enabled, adaptive, disabled or between_tools.", "thinking.type")


def is_wanted(asked: Asked, notes: Adjustments, *, able: bool) -> bool:
    """Whether there is anything to send: something is asked for, and the endpoint can reason. What it cannot do is noted."""
    wanted = asked.effort is not None or asked.budget is not None or asked.adaptive
    if wanted and not able and asked.effort != "none":
        notes.note(asked.field)
    return wanted and able


def translate(asked: Asked, generation: Generation, notes: Adjustments, *, able: bool, limit: int | None) -> Object | None:
    """Decide what to send. `able`: the endpoint can reason. `limit`: tokens of output, of which thinking is a part."""
    if not is_wanted(asked, notes, able=able):
        return None
    config = _levelled(asked, generation, notes) if generation.thinks_in_levels else _budgeted(asked, generation, notes, limit)
    if asked.effort != "none" and not asked.hidden:
        config["includeThoughts"] = True
    return config


def _levelled(asked: Asked, generation: Generation, notes: Adjustments) -> Object:
    effort = asked.effort
    if asked.budget is not None:
        notes.note(asked.field)
        effort = effort or next((name for below, name in EFFORTS if asked.budget < below), "high")
    if effort is None:
        return {}
    least = "MINIMAL" if generation.knows_minimal else "LOW"
    level = LEVELS.get(effort, least)
    if level == "MINIMAL":
        level = least
    if effort not in EXACT or LEVELS[effort] != level:
        notes.note(asked.field)
    return {"thinkingLevel": level}


def _budgeted(asked: Asked, generation: Generation, notes: Adjustments, limit: int | None) -> Object:
    if asked.off:
        if generation.stops_thinking:
            return {"thinkingBudget": 0}
        notes.note(asked.field)
        return {"thinkingBudget": generation.least_budget}
    budget = asked.budget
    if budget is None:
        if asked.effort is None:
            return {"thinkingBudget": DYNAMIC}
        budget = BUDGETS[asked.effort]
        if limit is not None:
            budget = min(budget, limit * 4 // 5)  # a fifth at least is left for the answer
        return {"thinkingBudget": _capped(budget, generation)}
    if _capped(budget, generation) != budget:
        notes.note(asked.field)
    return {"thinkingBudget": _capped(budget, generation)}


def _capped(budget: int, generation: Generation) -> int:
    return max(generation.least_budget, min(budget, generation.most_budget))


def _effort(value: object, field: str) -> str:
    level = reading.text(value, field)
    if level != "none" and level not in BUDGETS:
        raise BadRequest(f"`{field}` must be none, minimal, low, medium, high, xhigh or max.", field)
    return level
