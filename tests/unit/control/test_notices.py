"""What accounts are told, through the store and in words."""

import pytest
from tests.unit.policy.samples import context, provider

from anyapi.control.notices import ExpiryNotice, ReminderNotice, UpdateNotice, day_of, decode, encode, headline, lines

CATALOGUE = context([provider("a"), provider("b")]).catalogue
UPDATE = UpdateNotice(2, {"acme/one": ("a/one", "b/one")}, {"acme/two": ("a/two",)}, 2, 1, ("b",), ("a",), ("provider:a", "endpoint:b/one"))

CASES = [
    (
        UPDATE,
        "What is known about providers changed; 2 changes wait for you",
        (
            "New: B.",
            "Changed: A.",
            "Your settings permit 2 endpoints more, of acme/one.",
            "Your settings permit 1 endpoint fewer, of acme/two.",
            "You review first: until a person accepts them, these count as before: A, one at B.",
        ),
    ),
    (
        UpdateNotice(2, {}, {}, 0, 0, (), ("a",)),
        "What is known about providers changed",
        ("Changed: A.", "What your settings permit did not change."),
    ),
    (
        ExpiryNotice("2027-05-23", ("a", "b"), expired=False),
        "2 records are good until 2027-05-23",
        (
            "The records of A, B will count as unknown from that day on, unless an update renews them. What is unknown is denied wherever you ask for it.",
        ),
    ),
    (
        ExpiryNotice("2026-01-01", ("a",), expired=True),
        "1 record is good until 2026-01-01",
        ("The records of A count as unknown since. What is unknown is denied wherever you ask for it.",),
    ),
    (
        ReminderNotice(None, 0),
        "It is time to review your privacy settings",
        ("Nobody has reviewed it yet.", "Look at the page Review, and say there that you have."),
    ),
]


@pytest.mark.parametrize(("notice", "head", "rest"), CASES)
def test_in_words(notice, head, rest):
    assert decode(encode(notice)) == notice
    assert headline(notice) == head
    assert lines(notice, CATALOGUE) == rest


def test_a_long_list_is_cut():
    many = tuple(f"p{number}" for number in range(20))
    (line,) = lines(ExpiryNotice("2027-05-23", many, expired=False), CATALOGUE)
    assert "p11 and 8 more" in line
    assert (
        lines(ReminderNotice("2026-11-01", 3), CATALOGUE)[0] == "The last review was on 2026-11-01. 3 changes wait for a person to accept."
    )
    assert day_of(1_795_000_000.0) == "2026-11-18"
