"""Limits as people type and read them; the commands that take them are tested in test_keys."""

import click
import pytest

from anyapi.cli.limiting import Limiting, limits_text, spent_text
from anyapi.domain.limits import CapPeriod
from anyapi.storage.rows import KeyRow, SpendingRow

ROW = KeyRow("key_1", "p", b"1" * 32, "default", 0.0, spend_cap=2.0, period=CapPeriod.DAY)


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ((None, None, None), "$2 a day"),
        (("none", None, None), "-"),
        (("0.001", "total", None), "$0.001 in all"),
        ((None, "month", "7"), "$2 a month, 7 requests a minute"),
    ],
)
def test_words(typed, text):
    assert limits_text(Limiting(*typed).of(ROW)) == text


def test_a_period_without_a_cap_would_do_nothing():
    for typed, row in [((None, "month", None), KeyRow("key_1", "p", b"1" * 32, "default", 0.0)), (("none", "month", None), ROW)]:
        with pytest.raises(click.UsageError, match="--spend-cap"):
            Limiting(*typed).of(row)


def test_what_was_spent_goes_by_the_period():
    spent = SpendingRow("key_1", 4.0, 3.0, 2.0, 1.0)
    assert spent_text(ROW, spent) == "$1.0000"
    assert spent_text(Limiting("none", None, None).of(ROW), spent) == "$4.0000"
    assert spent_text(ROW, None) == "-"
