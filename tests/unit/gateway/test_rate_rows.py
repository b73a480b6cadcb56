"""The headers that tell how many requests are left."""

import pytest
from tests.unit.policy.samples import at

from anyapi.domain.limits import Allowance
from anyapi.gateway.rate_rows import of_allowance, rate_rows, rows_of_error, span
from anyapi.upstream.adapter import Dialect

NOW = at(2026, 11, 27, 12)


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (0.2, "1s"), (59, "59s"), (59.5, "1m0s"), (61, "1m1s")])
def test_a_span(seconds, text):
    assert span(seconds) == text


def test_openai():
    assert rate_rows(Allowance(60, 59, 12.5), Dialect.CHAT_COMPLETIONS, NOW) == (
        b"x-ratelimit-limit-requests: 60\r\nx-ratelimit-remaining-requests: 59\r\nx-ratelimit-reset-requests: 13s\r\n"
    )


def test_anthropic_has_its_own_too():
    rows = rate_rows(Allowance(60, 0, 12.5), Dialect.MESSAGES, NOW).decode().split("\r\n")
    assert "x-ratelimit-remaining-requests: 0" in rows
    assert "anthropic-ratelimit-requests-limit: 60" in rows
    assert "anthropic-ratelimit-requests-remaining: 0" in rows
    assert "anthropic-ratelimit-requests-reset: 2026-11-27T12:00:13Z" in rows


def test_an_error_carries_them_as_metadata():
    allowance = Allowance(60, 0, 13.0)
    assert rows_of_error(of_allowance(allowance), Dialect.MESSAGES, NOW) == rate_rows(allowance, Dialect.MESSAGES, NOW)
    assert rows_of_error({"outcome": "rate_limited"}, Dialect.MESSAGES, NOW) == b""
    assert rows_of_error({"limit_requests": "60"}, Dialect.MESSAGES, NOW) == b""
