"""Times as people type them: `90d`, `12h`, `2027-01-31`. Gives Unix seconds; the present is passed in."""

import datetime as dt
import re

import click

_SPAN = re.compile(r"([1-9][0-9]{0,5})([dhm])")
_SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0}


def ahead(text: str, now: float) -> float:
    """Give the instant that lies a span after `now`, or the start of a UTC date. Raises `click.BadParameter`, also for the past."""
    instant = _instant(text, now, 1.0)
    if instant <= now:
        raise click.BadParameter("lies in the past")
    return instant


def ago(text: str, now: float) -> float:
    """Give the instant that lies a span before `now`, or the start of a UTC date. Raises `click.BadParameter`."""
    return _instant(text, now, -1.0)


def date_text(at: float | None) -> str:
    """Show an instant as UTC date and minute; `-` for none."""
    return "-" if at is None else dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d %H:%M")


def _instant(text: str, now: float, direction: float) -> float:
    found = _SPAN.fullmatch(text)
    if found is not None:
        return now + direction * int(found[1]) * _SECONDS[found[2]]
    try:
        return dt.datetime.combine(dt.date.fromisoformat(text), dt.time(), dt.UTC).timestamp()
    except ValueError:
        raise click.BadParameter("must be a span such as 90d, 12h or 30m, or a UTC date such as 2027-01-31") from None
