"""What an answer says of the requests that a key has left, in the headers that OpenAI's and Anthropic's clients read.

Sources: OpenAI's guide to rate limits (`x-ratelimit-*-requests`, the reset as a span such as `8s`); Anthropic's reference of response
headers (`anthropic-ratelimit-requests-*`, the reset as a time of RFC 3339).
"""

import datetime as dt
from math import ceil

from anyapi.domain.limits import Allowance
from anyapi.errors import Metadata
from anyapi.upstream.adapter import Dialect


def rate_rows(allowance: Allowance, dialect: Dialect, now: float) -> bytes:
    """The header lines of an allowance; `now` in Unix seconds."""
    names = (allowance.limit, allowance.remaining, span(allowance.reset))
    rows = "x-ratelimit-limit-requests: {}\r\nx-ratelimit-remaining-requests: {}\r\nx-ratelimit-reset-requests: {}\r\n".format(*names)
    if dialect is Dialect.MESSAGES:
        at = dt.datetime.fromtimestamp(ceil(now + allowance.reset), dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        rows += f"anthropic-ratelimit-requests-limit: {allowance.limit}\r\n"
        rows += f"anthropic-ratelimit-requests-remaining: {allowance.remaining}\r\nanthropic-ratelimit-requests-reset: {at}\r\n"
    return rows.encode()


def span(seconds: float) -> str:
    """A span as OpenAI writes it: whole seconds, minutes before them."""
    minutes, rest = divmod(ceil(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def of_allowance(allowance: Allowance) -> Metadata:
    """The same as the metadata of an error."""
    return {"limit_requests": allowance.limit, "remaining_requests": allowance.remaining, "reset_seconds": ceil(allowance.reset)}


def rows_of_error(metadata: Metadata, dialect: Dialect, now: float) -> bytes:
    """The header lines of an error that carries an allowance; none of one that does not."""
    limit, remaining, reset = (metadata.get(name) for name in ("limit_requests", "remaining_requests", "reset_seconds"))
    if not (isinstance(limit, int) and isinstance(remaining, int) and isinstance(reset, int)):
        return b""
    return rate_rows(Allowance(limit, remaining, float(reset)), dialect, now)
