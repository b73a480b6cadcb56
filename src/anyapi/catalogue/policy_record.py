"""Reads the policy facts of a provider record: blocks, exceptions and their selectors. Facts only; what they mean is `anyapi.policy`."""

from anyapi.catalogue.reading import Table
from anyapi.catalogue.vocabulary import MODEL_GLOB, PAGE_URL, PROVIDER_ID, REGION, WORD
from anyapi.domain.catalogue import Override, PolicyException, Selector
from anyapi.domain.data_policy import (
    UNKNOWN_RETENTION,
    HumanReview,
    PolicyBlock,
    Retention,
    RetentionKind,
    Training,
    ZeroRetention,
)
from anyapi.domain.ids import ProviderId

_LONGEST_DAYS = 36_500.0
_ENDLESS = (RetentionKind.INDEFINITE, RetentionKind.UNKNOWN)
_ON_REQUEST = "on_request"
_WAYS = {way.value: way for way in ZeroRetention}


def read_policy_block(table: Table) -> PolicyBlock:
    """A base policy or free-tier block. What is absent is unknown: the worst case, never a guess."""
    block = PolicyBlock(
        training=table.choice("training", Training, Training.UNKNOWN),
        retention=read_retention(table, "retention") or UNKNOWN_RETENTION,
        zero_retention=_zero_retention(table) or ZeroRetention.UNKNOWN,
        human_review=table.choice("human_review", HumanReview, HumanReview.UNKNOWN),
        secondary_use=table.words("secondary_use", WORD),
    )
    table.done()
    return block


def read_retention(table: Table, key: str) -> Retention | None:
    """`{kind, days, purpose}`; `days` in days, fractions allowed; None when absent."""
    child = table.child(key)
    if child is None:
        return None
    kind = child.choice("kind", RetentionKind)
    days = child.number("days", 0.0, _LONGEST_DAYS)
    purpose = child.optional_text("purpose")
    if kind is RetentionKind.ZERO and days:
        child.note("days", "must be 0 where nothing is kept; use kind `limited` or `compliance`")
    if kind in _ENDLESS and days is not None:
        child.note("days", f"must be absent where kind is `{kind.value}`")
    child.done()
    return Retention(kind, days, purpose)


def _zero_retention(table: Table) -> ZeroRetention | None:
    """Join `zero_retention_available` and `zero_retention_how`: `on_request` is told apart by how, without it nothing is known."""
    available = table.optional_text("zero_retention_available", WORD)
    how = table.optional_text("zero_retention_how", WORD)
    if how is not None and how not in ("default", "self_serve", "approval", "contract"):
        table.note("zero_retention_how", "must be one of default, self_serve, approval, contract, or absent")
        return None
    if available is None:
        if how is not None:
            table.note("zero_retention_how", "says how without `zero_retention_available`")
        return None
    if available == _ON_REQUEST:
        return ZeroRetention.UNKNOWN if how is None else _WAYS[how]
    if available not in _WAYS:
        table.note("zero_retention_available", f"must be one of {', '.join([_ON_REQUEST, *_WAYS])} (quote `no` in YAML)")
        return None
    if how not in (None, available):
        table.note("zero_retention_how", "contradicts `zero_retention_available`")
    return _WAYS[available]


def read_exception(table: Table) -> PolicyException:
    """One entry of `policy_exceptions`: a selector that selects something, and an override that changes something."""
    selector_table, override_table = table.child("applies_to"), table.child("override")
    selector, override = Selector(), Override()
    note = table.optional_text("note")
    if selector_table is None:
        table.note("applies_to", "is missing: it says which traffic the exception is about")
    else:
        selector = _read_selector(selector_table)
    if override_table is None:
        table.note("override", "is missing: it holds the fields that change")
    else:
        override = _read_override(override_table, selector, note)
    exception = PolicyException(selector, override, note or "", table.optional_text("source_url", PAGE_URL))
    table.done()
    return exception


def _read_selector(table: Table) -> Selector:
    selector = Selector(
        models=table.words("models", MODEL_GLOB),
        endpoint_models=table.words("endpoint_models", MODEL_GLOB),
        endpoint_privacy_mode=table.words("endpoint_privacy_mode", WORD),
        features=table.words("features", WORD),
        account=table.words("account", WORD),
        caller_region=table.words("caller_region", REGION),
        terms=table.words("terms", WORD),
        data=table.words("data", WORD),
    )
    table.done()
    if selector == Selector():
        table.problems.note(table.file, table.record, table.path, "selects nothing; an exception without a selector is a base policy")
    return selector


def _read_override(table: Table, selector: Selector, note: str | None) -> Override:
    override = Override(
        training=table.optional_choice("training", Training),
        retention=read_retention(table, "retention"),
        zero_retention=_zero_retention(table),
        human_review=table.optional_choice("human_review", HumanReview),
        same_as_provider=_provider(table),
        confidential_compute=table.optional_flag("confidential_compute"),
        allowed_data=_allowed_data(table, selector, note),
    )
    table.done()
    if override == Override():
        table.problems.note(table.file, table.record, table.path, "changes nothing")
    return override


def _provider(table: Table) -> ProviderId | None:
    name = table.optional_text("same_as_provider", PROVIDER_ID)
    return None if name is None else ProviderId(name)


def _allowed_data(table: Table, selector: Selector, note: str | None) -> str | None:
    """`allowed_data` in words; or `allowed: false` beside a `data` selector, whose words are the exception's own note."""
    words, allowed = table.optional_text("allowed_data"), table.optional_flag("allowed")
    if allowed is None:
        return words
    if allowed or not selector.data or words:
        table.note("allowed", "may only be false, beside a `data` selector and without `allowed_data`")
        return None
    return note or f"not allowed: {', '.join(selector.data)}"
