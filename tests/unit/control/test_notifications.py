"""Notifications over the control API: the account's own, unread by each person apart."""

from tests.unit.control.test_telling import update

from anyapi.control.telling import tell_updates

LIST = "/api/accounts/default/notifications"


def test_each_person_has_seen_what_they_have_seen(staffed):
    update(staffed)
    tell_updates(staffed.services)
    owner, auditor = staffed.browser("owner@x.org"), staffed.browser("auditor@x.org")
    found = owner.get(LIST).json()
    (row,) = found["rows"]
    assert (found["unseen"], row["kind"], row["seen"], row["at"]) == (1, "catalogue", False, staffed.now)
    assert row["detail"]["changed_providers"] == ["cohere"]
    assert owner.post(f"{LIST}/seen", {"until": row["at"]}).json()["unseen"] == 0
    assert owner.get(LIST).json()["rows"][0]["seen"] is True
    assert auditor.get(LIST).json()["unseen"] == 1
    assert auditor.post(f"{LIST}/seen", {"until": 1e18}).status_code == 200
    assert staffed.review.seen_until("default", staffed.people.person_by_email("auditor@x.org").id) == staffed.now
    assert owner.get(f"{LIST}?before={row['at']}").json()["rows"] == []


def test_they_are_the_accounts_own(staffed):
    update(staffed)
    tell_updates(staffed.services)
    stranger = staffed.browser("stranger@x.org")
    for path in (LIST, "/api/accounts/default/deliveries"):
        assert stranger.get(path).status_code == 404
    assert stranger.post(f"{LIST}/seen", {"until": 1.0}).status_code == 404
    assert stranger.get("/api/accounts/other/deliveries").json() == []
