"""Limits of keys as people type and read them: `--spend-cap 10 --per month --rpm 60`. Texts and values; changes nothing."""

import functools
import math
from collections.abc import Callable, Iterable

import click
import msgspec

from anyapi.cli.stored import Place
from anyapi.domain.ids import AccountId, KeyId
from anyapi.domain.limits import LARGEST_CAP, MOST_A_MINUTE, CapPeriod
from anyapi.policy.periods import day_of, first_days
from anyapi.storage.rows import KeyRow, SpendingRow

NONE = "none"


class Limiting(msgspec.Struct, frozen=True):
    """Limits that a command was given, as typed; None for those that it was not."""

    spend_cap: str | None
    period: str | None
    requests_per_minute: str | None

    def of(self, row: KeyRow) -> KeyRow:
        """The key with these limits; the others stay. Raises `click.UsageError`."""
        cap, rate = row.spend_cap, row.requests_per_minute
        if self.spend_cap is not None:
            cap = None if self.spend_cap == NONE else _cap(self.spend_cap)
        if self.requests_per_minute is not None:
            rate = None if self.requests_per_minute == NONE else _rate(self.requests_per_minute)
        if self.period is not None and cap is None:
            raise click.UsageError(
                "--per says how often a spend cap begins anew, and there is none: give --spend-cap too, or leave --per out"
            )
        period = row.period if self.period is None else CapPeriod(self.period)
        return msgspec.structs.replace(row, spend_cap=cap, period=period, requests_per_minute=rate)


def with_limits(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a key's limits, as one `limits`."""

    @click.option("--spend-cap", metavar="DOLLARS", help="The most that it may spend, from catalogue prices; `none` for no cap.")
    @click.option("--per", "period", type=click.Choice([each.value for each in CapPeriod]), help="How often the cap begins anew, UTC.")
    @click.option("--rpm", "requests_per_minute", metavar="NUMBER", help="Requests a minute; `none` for any number.")
    @functools.wraps(command)
    def run(spend_cap: str | None, period: str | None, requests_per_minute: str | None, **rest: object) -> None:
        command(limits=Limiting(spend_cap, period, requests_per_minute), **rest)

    return run


def limits_text(row: KeyRow) -> str:
    """The limits of a key in words; `-` for none."""
    every = "in all" if row.period is CapPeriod.TOTAL else f"a {row.period}"
    cap = [] if row.spend_cap is None else [f"${row.spend_cap:g} {every}"]
    rate = [] if row.requests_per_minute is None else [f"{row.requests_per_minute} requests a minute"]
    return ", ".join(cap + rate) or "-"


def spent_text(row: KeyRow, spent: SpendingRow | None) -> str:
    """What a key has spent in the period of its cap; ever, where it has none."""
    if spent is None:
        return "-"
    return f"${spent.total if row.spend_cap is None else spent.within(row.period):.4f}"


def spent_by(place: Place, accounts: Iterable[AccountId]) -> dict[KeyId, SpendingRow]:
    """What the keys of some accounts have spent."""
    days = first_days(day_of(place.now))
    return {row.key: row for account in accounts for row in place.store.spending(account, *days)}


def _cap(text: str) -> float:
    try:
        cap = float(text)
    except ValueError:
        cap = math.nan
    if not 0 <= cap <= LARGEST_CAP:
        raise click.BadParameter(f"must be 0 to {LARGEST_CAP:.0f} US dollars, or {NONE}", param_hint="--spend-cap")
    return cap


def _rate(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= MOST_A_MINUTE):
        raise click.BadParameter(f"must be 1 to {MOST_A_MINUTE}, or {NONE}", param_hint="--rpm")
    return int(text)
