"""Who changed what when: what is written, what is shown, page by page."""

import pytest

from anyapi.storage.people_rows import ChangeRow

CHANGES = "/api/accounts/default/changes"


@pytest.fixture
def owner(staffed):
    for number in range(5):
        staffed.people.add_change(ChangeRow(staffed.now - number, "default", "cli", "settings", f"n{number}", "", '{"a":1}'))
    staffed.people.add_change(ChangeRow(staffed.now, "other", "cli", "settings", "theirs"))
    return staffed.browser("owner@x.org")


def test_newest_first_and_of_the_account_alone(owner):
    assert [row["subject"] for row in owner.get(CHANGES).json()] == [f"n{number}" for number in range(5)]


def test_pages_follow_each_other(staffed, owner):
    first = owner.get(f"{CHANGES}?limit=2").json()
    second = owner.get(f"{CHANGES}?limit=2&before={first[-1]['at']}").json()
    assert [row["subject"] for row in (*first, *second)] == ["n0", "n1", "n2", "n3"]


def test_a_command_on_the_machine_is_named_as_that_and_values_come_as_json(owner):
    row = owner.get(CHANGES).json()[0]
    assert (row["by"], row["by_name"], row["before"], row["after"]) == ("cli", "cli", None, {"a": 1})


@pytest.mark.parametrize("limit", [0, -1, 100_000])
def test_limits_are_kept_in_bounds(owner, limit):
    assert owner.get(f"{CHANGES}?limit={limit}").status_code == 200
