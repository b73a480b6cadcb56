"""Reads from usage rows who was sent what: requests of one UTC day that are alike, counted. Knows no connection and no policy.

The hourly sums say on which days there is anything to read; which app, key, data class and endpoint go together, only the rows do.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import msgspec

from anyapi.domain.exposure import Recipient
from anyapi.domain.ids import AccountId, CredentialId, EndpointId, ProviderId
from anyapi.domain.usage import Recipients
from anyapi.storage.driver import Row, Value
from anyapi.storage.usage_reading import Read
from anyapi.storage.usage_statements import SPAN_OF_ALL_NOT_ADDED

DAY = 86400.0
_MINE = "AND account = :account "
_DAYS = "SELECT DISTINCT hour - hour % 86400 AS day FROM usage_hours WHERE dimension = 'all' AND requests > 0 "
DAYS, DAYS_OF_ACCOUNT = _DAYS + "ORDER BY day", _DAYS + _MINE + "ORDER BY day"
NEW = SPAN_OF_ALL_NOT_ADDED + " "
"""Between which times the rows lie that do not stand in the sums yet."""
_LABELS = "account, coalesce(app_name, app_id), key, data_class, endpoint, provider, credential, host"
_SENT = f"SELECT {_LABELS}, count(*), min(at), max(at + duration), sent_to FROM usage WHERE at >= :since AND at < :until "  # noqa: S608 made of constants alone
_ALIKE = f"AND endpoint IS NOT NULL GROUP BY {_LABELS}, sent_to"
SENT, SENT_OF_ACCOUNT = _SENT + _ALIKE, _SENT + _MINE + _ALIKE


def recipients(read: Read, account: AccountId | None, cuts: Sequence[float]) -> list[Recipient]:
    """What was sent, of one account or of all; none of them lies over a UTC midnight or over one of `cuts` (Unix seconds, in order)."""
    found: list[Recipient] = []
    values: dict[str, Value] = {} if account is None else {"account": account}
    for start in _days(read, account, values):
        for since, until in _parts(start, start + DAY, cuts):
            rows = read(SENT if account is None else SENT_OF_ACCOUNT, {**values, "since": since, "until": until})
            found += (one for row in rows for one in _recipients(row))
    return found


def _days(read: Read, account: AccountId | None, values: Mapping[str, Value]) -> list[float]:
    """The first seconds of the UTC days on which there is anything to read."""
    days = {float(day or 0) for (day,) in read(DAYS if account is None else DAYS_OF_ACCOUNT, values)}
    ((first, last),) = read(NEW if account is None else NEW + _MINE, values)
    if first is not None and last is not None:
        days |= {day * DAY for day in range(int(float(first) // DAY), int(float(last) // DAY) + 1)}
    return sorted(days)


def _parts(start: float, end: float, cuts: Sequence[float]) -> Iterator[tuple[float, float]]:
    return pairwise([start, *cuts[bisect_right(cuts, start) : bisect_left(cuts, end)], end])


def _recipients(row: Row) -> Iterator[Recipient]:
    """Each endpoint that requests like these were written to. What a router said of its host, it said in the last answer."""
    *labels, requests, first_at, last_at, sent_to = row
    names = ("account", "app", "key", "data_class", "endpoint", "provider", "credential", "host")
    alike = dict(zip(names, labels, strict=True)) | {"requests": requests, "first_at": first_at, "last_at": last_at}
    own = msgspec.convert(alike, Recipient)
    if sent_to is None:
        yield own
        return
    listed = msgspec.json.decode(str(sent_to), type=Recipients)
    for place, (endpoint, credential) in enumerate(listed, 1):
        if place == len(listed) and (endpoint, credential) == (own.endpoint, own.credential):
            yield own
        else:
            yield _other(own, endpoint, credential)


def _other(own: Recipient, endpoint: EndpointId, credential: CredentialId) -> Recipient:
    provider = own.provider if endpoint == own.endpoint else ProviderId("")
    return msgspec.structs.replace(own, endpoint=endpoint, credential=credential, provider=provider, host=None)
