"""Times as people type them."""

import click
import pytest

from anyapi.cli.spans import ago, ahead, date_text

NOW = 1_795_521_600.0
"""2026-11-24 12:00 UTC."""


@pytest.mark.parametrize(
    ("text", "seconds"), [("90d", 90 * 86400), ("12h", 43200), ("30m", 1800), ("2026-11-25", 43200), ("2027-11-24", 365 * 86400 - 43200)]
)
def test_ahead(text, seconds):
    assert ahead(text, NOW) == NOW + seconds


@pytest.mark.parametrize(("text", "seconds"), [("7d", 7 * 86400), ("1h", 3600), ("2026-11-24", 43200)])
def test_ago(text, seconds):
    assert ago(text, NOW) == NOW - seconds


@pytest.mark.parametrize("text", ["", "d", "0d", "-1d", "1.5d", "1w", "9999999d", "2026-13-01", "20261124x", "١d", "1d "])
def test_anything_else_is_refused(text):
    with pytest.raises(click.BadParameter, match="90d"):
        ahead(text, NOW)
    with pytest.raises(click.BadParameter, match="90d"):
        ago(text, NOW)


@pytest.mark.parametrize("text", ["2026-11-24", "2001-01-01"])
def test_the_past_is_not_ahead(text):
    with pytest.raises(click.BadParameter, match="past"):
        ahead(text, NOW)


def test_dates_are_shown_in_utc():
    assert date_text(NOW) == "2026-11-24 12:00"
    assert date_text(None) == "-"
