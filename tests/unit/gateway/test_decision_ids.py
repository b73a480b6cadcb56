"""Ids of decisions sort by time, do not repeat, and cannot be guessed."""

import re

from anyapi.gateway import decision_ids
from anyapi.gateway.decision_ids import new_decision_id


def test_their_form():
    assert re.fullmatch(r"dec_[0-9a-f]{26}", new_decision_id(1_800_000_000.123))
    assert new_decision_id(1.5).startswith("dec_000000005dc")


def test_they_sort_by_time_to_the_millisecond():
    moments = [0.0, 0.001, 1.0, 1_700_000_000.0, 1_800_000_000.001, 1_800_000_000.002, 4_000_000_000.0]
    ids = [new_decision_id(moment) for moment in moments]
    assert ids == sorted(ids)


def test_a_hundred_thousand_of_one_instant_differ():
    assert len({new_decision_id(1000.0) for _ in range(100_000)}) == 100_000


def test_random_digits_are_used_once(monkeypatch):
    """A page of randomness is fetched when what is left does not suffice, and no digit serves twice."""
    pages = []

    def fetch(count):
        pages.append(bytes([len(pages)]) * count)
        return pages[-1]

    monkeypatch.setattr(decision_ids.os, "urandom", fetch)
    source = decision_ids._Randomness()
    first = [source.take(15) for _ in range(546)]
    assert len(pages) == 1
    assert "".join(first) == pages[0].hex()[: 546 * 15]
    assert source.take(15) == "01" * 7 + "0"
    assert len(pages) == 2
