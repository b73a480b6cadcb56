"""An explanation as plain text: the same words in the CLI and the dashboard. No colours, no widths, no decision."""

from collections.abc import Iterable

from anyapi.domain.decision import Relaxation
from anyapi.domain.ids import AUTO
from anyapi.policy.explanation import (
    DeniedRow,
    Explanation,
    ModelExplanation,
    PermittedRow,
    PolicyView,
    RetentionView,
    RuleCost,
    SettingView,
)


def render_text(explanation: Explanation) -> str:
    """The explanation in lines of text, ending in a newline."""
    lines = ["Requirement " + explanation.requirement.hash, *_requirement(explanation)]
    for model in explanation.models:
        lines += ["", *_model(model)]
    if explanation.unknown_models:
        where = ", ".join(one.field for one in explanation.skipped)
        lines += ["", f"{explanation.unknown_models} of the models asked about are in no catalogue{where and ': '}{where}."]
    if explanation.costs:
        lines += ["", "What each rule costs:", *(_cost(cost) for cost in explanation.costs)]
    if explanation.relaxation is not None:
        lines += ["", *_relaxation(explanation.relaxation)]
    return "\n".join(lines) + "\n"


def _requirement(explanation: Explanation) -> Iterable[str]:
    requirement = explanation.requirement
    if not requirement.settings:
        yield "  nothing is required"
    for setting in requirement.settings:
        yield f"  {_setting(setting)}"
    if requirement.data_classes:
        yield f"  data class: {', '.join(requirement.data_classes)}"
    if requirement.durable_record:
        yield "  a decision record is written to disk before anything is sent"


def _setting(setting: SettingView) -> str:
    layers = f" (set by: {', '.join(setting.layers)})" if setting.layers else ""
    return f"{setting.setting}: {_value(setting.value)}{layers}"


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) if value else "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return "any" if value is None else str(value)


def _model(model: ModelExplanation) -> Iterable[str]:
    yield model.model
    totals = model.totals
    yield f"  Permitted, in this order: {_total(totals.permitted, len(model.permitted))}"
    for number, row in enumerate(model.permitted, start=1):
        yield from _permitted(number, row, of_many=model.model == AUTO)
    yield from _section("Permitted by policy, but not available", model.unavailable, totals.unavailable)
    yield from _section("Denied", model.denied, totals.denied)
    if len(model.denied) + len(model.unavailable) < totals.denied + totals.unavailable:
        yield "  Of all, by reason:"
        yield from (f"    {count.code}: {count.endpoints}" for count in model.reasons)


def _total(total: int, shown: int) -> str:
    return str(total) if total == shown else f"{total}, of which the first {shown} are"


def _section(title: str, rows: tuple[DeniedRow, ...], total: int) -> Iterable[str]:
    if rows:
        yield f"  {title}: {_total(total, len(rows))}"
    for row in rows:
        yield from _denied(row)


def _permitted(number: int, row: PermittedRow, *, of_many: bool) -> Iterable[str]:
    flags = f" [{', '.join(row.flags)}]" if row.flags else ""
    speed = "" if row.latency is None else f", first token {row.latency:.2f} s"
    speed += "" if row.throughput is None else f", {row.throughput:.0f} tokens/s"
    model = f" for {row.model}" if of_many else ""
    yield f"    {number}. {row.endpoint}{model} (credential {row.credential}){flags}"
    yield f"       price {_price(row.price.input)} in, {_price(row.price.output)} out per million tokens{speed}"
    yield f"       {_policy(row.policy)}"


def _price(dollars: float | None) -> str:
    return "unknown" if dollars is None else f"${dollars:g}"


def _policy(policy: PolicyView) -> str:
    flagged = "" if policy.flagged is None else f"; flagged copies {_retention(policy.flagged)}"
    age = "" if policy.age_days is None else f", verified {policy.age_days} days ago"
    expired = ", EXPIRED" if policy.expired else ""
    source = "" if policy.source_url is None else f", {policy.source_url}"
    facts = f"training {policy.training}; retention {_retention(policy.retention)}{flagged}; human review {policy.human_review}"
    grade = policy.grade + "".join(f" {code}" for code in policy.contradictions)
    return f"{facts} ({grade}, {policy.confidence}{age}{expired}{source})"


def _retention(retention: RetentionView) -> str:
    return retention.kind if retention.days is None or retention.kind == "zero" else f"{retention.kind} {retention.days:g} days"


def _denied(row: DeniedRow) -> Iterable[str]:
    yield f"    - {row.endpoint}"
    for reason in row.reasons:
        layers = f" (set by: {', '.join(reason.layers)})" if reason.layers else ""
        yield f"        {reason.code}: {reason.text}{layers}"


def _cost(cost: RuleCost) -> str:
    endpoints = "1 more usable endpoint" if cost.more_endpoints == 1 else f"{cost.more_endpoints} more usable endpoints"
    now = "none" if cost.cheapest is None else _price(cost.cheapest)
    cheapest = f", cheapest {_price(cost.cheapest_without)} instead of {now}"
    return f"  {cost.setting}: without it {endpoints}" + ("" if cost.cheapest == cost.cheapest_without else cheapest)


def _relaxation(relaxation: Relaxation) -> Iterable[str]:
    yield f"Smallest change that would admit one more endpoint ({relaxation.endpoint}):"
    for change in relaxation.changes:
        layers = f" (set by: {', '.join(change.layers)})" if change.layers else ""
        yield f"  {change.setting}: from {_value(change.now)} to {_value(change.needed)}{layers}"
