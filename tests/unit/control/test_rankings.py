"""The ranking over the control API: public to read, and a switch for whoever may change the account's settings."""

import pytest

from anyapi.domain.ranking import Cell, Release

PART = "/api/accounts/default/ranking"


@pytest.fixture
def owner(staffed):
    return staffed.browser("owner@x.org")


def test_everybody_may_read_it(staffed):
    browser = staffed.browser()
    assert browser.get("/api/rankings").json()["week"] is None
    assert staffed.ranking.spend("2026-11-16", 1.0, 1e-6)
    staffed.ranking.add_release(Release("2026-11-16", 1.0, 1e-6, 34, 0.5, (Cell("a/one", "law", 40),)))
    staffed.snapshot = staffed.publisher.build()
    page = browser.get("/api/rankings").json()
    assert (page["week"], page["epsilon"], page["topics"][0]["models"][0]["count"]) == ("2026-11-16", 1.0, 40)
    assert browser.get("/api/rankings?week=2026-11-16").json() == page
    assert browser.get("/api/rankings?week=2026-11-09").status_code == 404


def test_an_account_leaves_and_comes_back(staffed, owner):
    assert owner.get(PART).json() == {"takes_part": True, "sampling": True}
    assert owner.send("PUT", PART, {"takes_part": False}).json() == {"takes_part": False, "sampling": True}
    assert staffed.snapshot.left_out == {"default"}
    assert owner.get(PART).json()["takes_part"] is False
    assert owner.send("PUT", PART, {"takes_part": True}).json()["takes_part"] is True
    assert staffed.snapshot.left_out == frozenset()
    newest, before = owner.get("/api/accounts/default/changes").json()[:2]
    assert [each["after"] for each in (newest, before)] == [{"takes_part": True}, {"takes_part": False}]
    assert newest["what"] == "ranking"


@pytest.mark.parametrize("body", [{}, {"takes_part": "perhaps"}, {"takes_part": None}, []])
def test_anything_but_yes_or_no_is_refused(staffed, owner, body):
    assert owner.send("PUT", PART, body).status_code == 400
    assert staffed.ranking.takes_part("default")
