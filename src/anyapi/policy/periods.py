"""When a spend cap begins anew. Days are counted in UTC since 1970; no clock is read here."""

import datetime as dt

from anyapi.domain.limits import CapPeriod

SECONDS_A_DAY = 86_400
_EPOCH = dt.date(1970, 1, 1).toordinal()


def day_of(at: float) -> int:
    """The UTC day of an instant in Unix seconds."""
    return int(at // SECONDS_A_DAY)


def first_day(period: CapPeriod, day: int) -> int:
    """The first day of the period that holds a day; 0 for one that never begins anew."""
    if period is CapPeriod.DAY:
        return day
    if period is CapPeriod.WEEK:
        return day - (day + 3) % 7  # 1970 began on a Thursday
    return day - dt.date.fromordinal(_EPOCH + day).day + 1 if period is CapPeriod.MONTH else 0


def first_days(day: int) -> tuple[int, int, int]:
    """The first days of the month, the week and the day that hold a day."""
    return first_day(CapPeriod.MONTH, day), first_day(CapPeriod.WEEK, day), day


def begins_anew(period: CapPeriod, day: int) -> float | None:
    """Unix seconds of the instant at which the next period begins, seen from a day; None for never."""
    if period is CapPeriod.TOTAL:
        return None
    longest = {CapPeriod.DAY: 1, CapPeriod.WEEK: 7, CapPeriod.MONTH: 31}[period]
    first = first_day(period, day)
    following = first + longest
    return float(SECONDS_A_DAY * (following if period is not CapPeriod.MONTH else first_day(period, following)))
