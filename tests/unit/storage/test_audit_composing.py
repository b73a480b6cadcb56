"""What the composer of entries remembers: bounded, whoever asks how."""

import pytest
from tests.conformance.samples import usage_row
from tests.unit.storage.audit_samples import decisions

from anyapi.storage import audit_composing
from anyapi.storage.audit_composing import Composer


@pytest.fixture
def composer():
    found = Composer()
    found._ids = Anybody()
    return found


class Anybody(dict):
    """Random ids of everybody."""

    def get(self, _key):
        return ("log_a", "log_k", None)


def test_decisions_are_kept_for_so_many_endpoints_the_newest(composer, monkeypatch):
    """Each snapshot and each policy has decisions of its own, of as many endpoints as their models have."""
    endpoints = len(decisions()[0].permitted) + len(decisions()[0].denied)
    monkeypatch.setattr(audit_composing, "_MOST_JUDGED", 10 * endpoints)
    given = [decisions(catalogue=f"v{number}") for number in range(25)]
    size = 0
    for number, each in enumerate(given):
        rows, refused = composer.compose([(usage_row(number), each, None)], size)
        assert (len(rows), refused) == (2, 0), "its ruling, and the request"
        size += len(rows)
    assert [held for held, _, _ in composer._rulings.values()] == given[-10:]


def test_a_ruling_that_was_let_go_is_not_entered_again(composer, monkeypatch):
    monkeypatch.setattr(audit_composing, "_MOST_JUDGED", 1)
    first, other = decisions(), decisions(catalogue="v2")
    rows, _ = composer.compose([(usage_row(number), each, None) for number, each in enumerate((first, other, first, other))], 7)
    assert [reference for reference, _ in rows] == [
        None,
        "r:dec_00000000000000000000000000",
        None,
        *(f"r:dec_{number:026d}" for number in (1, 2, 3)),
    ]
    assert len(composer._rulings) == 1


def test_what_is_outdated_is_kept_alive_no_longer_and_its_ruling_not_entered_again(composer):
    given = decisions()
    first, _ = composer.compose([(usage_row(0), given, None)], 0)
    composer.let_go()
    assert composer._rulings == {}
    again, _ = composer.compose([(usage_row(1), given, None)], len(first))
    assert (len(first), len(again)) == (2, 1)


def test_the_places_of_rulings_are_bounded_too(composer, monkeypatch):
    monkeypatch.setattr(audit_composing, "_MOST_KNOWN", 3)
    for number in range(10):
        composer.compose([(usage_row(number), decisions(catalogue=f"v{number}"), None)], number)
        assert len(composer._places) <= 3
