"""Sealed logs over the control API: opting in, whom it is sealed to, the list, the ciphertext, deletion; and by whom."""

import json

import pyrage
import pytest
from tests.conformance.samples import NOON, kept
from tests.unit.control.conftest import Control

from anyapi.domain.people import Role
from anyapi.domain.prompt_log import MOST_RECIPIENTS
from anyapi.sealing.sealer import Sealer
from anyapi.storage.log_writer import LogWriter
from anyapi.storage.rows import AccountRow, ProjectRow

HERE = "/api/accounts/default/logs"
IDENTITY = pyrage.x25519.Identity.generate()
RECIPIENT = str(IDENTITY.to_public())


@pytest.fixture
def control(tmp_path):
    made = Control(tmp_path)
    for role in Role:
        made.person(f"{role}@x.org", role)
    yield made
    made.close()


@pytest.fixture
def owner(control):
    return control.browser("owner@x.org")


def added(browser, recipient=RECIPIENT, name="Ann"):
    return browser.post(f"{HERE}/recipients", {"recipient": recipient, "name": name})


def rule(browser, layer="account", subject="default", **body):
    return browser.send("PUT", f"{HERE}/rules/{layer}/{subject}", {"keeps": "both", **body})


def put(control, *entries):
    writer = LogWriter(control.driver, lambda: NOON, Sealer)
    for one in entries:
        writer.hold(one.size)
        writer.put(one, one.size)
    writer.close()


def what(control):
    return [(row.what, row.subject) for row in control.people.changes("default", control.now + 1, 50)][::-1]


def test_by_default_there_is_nothing(owner):
    found = owner.get(f"{HERE}/settings").json()
    assert (found["recipients"], found["rules"], found["kept"]["entries"]) == ([], [], 0)
    assert owner.get(HERE).json() == {"entries": [], "more": False}


def test_nobody_opts_in_before_somebody_can_read_it(control, owner):
    answer = rule(owner)
    assert (answer.status_code, answer.json()["error"]["metadata"]["field"]) == (400, "recipients")
    assert rule(owner, keeps="nothing").status_code == 200
    assert added(owner).status_code == 201
    answer = rule(owner, share=0.25, ttl_days=7)
    assert answer.status_code == 200
    (shown,) = answer.json()["settings"]["rules"]
    assert (shown["layer"], shown["keeps"], shown["share"], shown["ttl_days"]) == ("account", "both", 0.25, 7.0)
    assert answer.json()["snapshot"] == control.publisher.version
    assert [name for name, _ in what(control)] == ["log_rule", "log_recipient_added", "log_rule"]


def test_a_change_is_in_force_when_it_returns(control, owner):
    key = owner.post("/api/accounts/default/keys", {"name": "one"}).json()["key"]["id"]

    def principal():
        return next(one for one in control.snapshot.principals.values() if one.key == key)

    assert (principal().log, principal().plain) == (None, True)
    added(owner)
    rule(owner)
    assert (principal().log.recipients, principal().plain) == ((RECIPIENT,), False)
    rule(owner, "key", key, keeps="prompts", ttl_days=1)
    assert principal().log.rule.keeps == "prompts"
    assert owner.send("DELETE", f"{HERE}/rules/key/{key}").status_code == 200
    assert principal().log.rule.keeps == "both"
    (row,) = control.store.log_recipients("default")
    assert owner.send("DELETE", f"{HERE}/recipients/{row.id}").status_code == 200
    assert principal().log is None, "rules without a recipient keep nothing"
    added(owner)
    assert owner.post(f"{HERE}/off").json()["settings"]["rules"] == []
    assert principal().log is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"keeps": "both", "share": 0}, "share"),
        ({"keeps": "both", "share": 2}, "share"),
        ({"keeps": "both", "ttl_days": 0}, "ttl_days"),
        ({"keeps": "both", "ttl_days": 1e9}, "ttl_days"),
        ({"keeps": "everything"}, None),
    ],
)
def test_a_rule_that_cannot_be_is_refused(owner, body, field):
    added(owner)
    answer = owner.send("PUT", f"{HERE}/rules/account/default", body)
    assert answer.status_code == 400
    assert field is None or answer.json()["error"]["metadata"]["field"] == field


def test_recipients_are_public_keys_and_few(owner):
    answer = added(owner, str(IDENTITY))
    assert (answer.status_code, "must stay with you" in answer.text, str(IDENTITY)[20:40] in answer.text) == (400, True, False)
    assert added(owner, "age1nonsense").status_code == 400
    assert added(owner, name="x" * 81).status_code == 400
    assert added(owner).status_code == 201
    assert added(owner, RECIPIENT.upper()).status_code == 400, "it is there already"
    for _ in range(MOST_RECIPIENTS - 1):
        assert added(owner, str(pyrage.x25519.Identity.generate().to_public())).status_code == 201
    assert added(owner, str(pyrage.x25519.Identity.generate().to_public())).status_code == 400


def test_the_list_is_metadata_and_the_rest_is_ciphertext(control, owner):
    put(control, *[kept(number, prompt=b'"the secret"', recipients=(RECIPIENT,), key=f"key_{number % 2}") for number in range(5)])
    page = owner.get(f"{HERE}?limit=2").json()
    assert ([entry["decision"][-1] for entry in page["entries"]], page["more"]) == (["4", "3"], True)
    last = page["entries"][-1]
    rest = owner.get(f"{HERE}?limit=9&before={last['at']}&before_decision={last['decision']}").json()
    assert ([entry["decision"][-1] for entry in rest["entries"]], rest["more"]) == (["2", "1", "0"], False)
    assert len(owner.get(f"{HERE}?key=key_1").json()["entries"]) == 2
    one = owner.get(f"{HERE}/entries/{last['decision']}").json()
    assert one == last
    sealed = owner.get(f"{HERE}/entries/{last['decision']}/sealed")
    assert (sealed.headers["content-type"], sealed.headers["content-length"]) == ("application/octet-stream", str(last["bytes"]))
    assert sealed.headers["cache-control"] == "no-store"
    assert json.loads(pyrage.decrypt(sealed.content, [IDENTITY]))["prompt"] == "the secret"
    assert "the secret" not in json.dumps([page, rest, one])


def test_deleting_one_and_deleting_all(control, owner):
    put(control, *[kept(number, recipients=(RECIPIENT,)) for number in range(3)])
    decision = f"dec_{1:026d}"
    assert owner.send("DELETE", f"{HERE}/entries/{decision}").json() == {"deleted": 1, "wiped": True}
    for path in ("", "/sealed"):
        assert owner.get(f"{HERE}/entries/{decision}{path}").status_code == 404
    assert owner.send("DELETE", f"{HERE}/entries/{decision}").status_code == 404
    assert owner.post(f"{HERE}/deletion").json() == {"deleted": 2, "wiped": True}
    assert owner.get(HERE).json()["entries"] == []
    assert what(control)[-2:] == [("logs_deleted", decision), ("logs_deleted", "default")]


def test_another_accounts_log_does_not_exist(control, owner):
    control.store.add_account(AccountRow("other", "Other", NOON))
    control.store.add_project(ProjectRow("theirs", "other", "Theirs", NOON))
    control.person("stranger@x.org", Role.OWNER, "other")
    added(owner)
    put(control, kept(1, recipients=(RECIPIENT,)))
    stranger = control.browser("stranger@x.org")
    decision = f"dec_{1:026d}"
    theirs = "/api/accounts/other/logs"
    for path in (f"entries/{decision}", f"entries/{decision}/sealed"):
        assert stranger.get(f"{theirs}/{path}").status_code == 404
        assert stranger.get(f"{HERE}/{path}").status_code == 404
    assert stranger.send("DELETE", f"{theirs}/entries/{decision}").status_code == 404
    assert stranger.send("DELETE", f"{theirs}/recipients/{control.store.log_recipients('default')[0].id}").status_code == 404
    assert rule(owner, "project", "theirs").status_code == 404
    assert rule(owner, "account", "other").status_code == 404
    assert rule(owner, "gateway", "x").status_code == 404
    assert owner.send("DELETE", f"{HERE}/rules/project/theirs").status_code == 404
    assert owner.send("DELETE", f"{HERE}/rules/account/default").status_code == 404
    assert stranger.post(f"{theirs}/deletion").json()["deleted"] == 0
    assert control.logs.kept_sums("default").entries == 1


@pytest.mark.parametrize("role", [Role.MEMBER, Role.AUDITOR])
def test_others_may_look_and_not_change(control, role):
    browser = control.browser(f"{role}@x.org")
    assert browser.get(f"{HERE}/settings").status_code == 200
    assert browser.get(HERE).status_code == 200
    for answer in (added(browser), rule(browser), browser.post(f"{HERE}/off"), browser.post(f"{HERE}/deletion")):
        assert answer.status_code == 403


def test_what_has_expired_is_given_to_nobody_though_it_is_not_deleted_yet(control, owner):
    put(control, kept(1, expires_at=control.now + 10), kept(2, expires_at=control.now + 20))
    paths = [f"{HERE}/entries/dec_{1:026d}{more}" for more in ("", "/sealed")]
    assert [owner.get(path).status_code for path in paths] == [200, 200]
    control.now += 10
    assert [owner.get(path).status_code for path in paths] == [404, 404]
    assert [entry["decision"] for entry in owner.get(HERE).json()["entries"]] == [f"dec_{2:026d}"]
    assert owner.send("DELETE", paths[0]).json()["deleted"] == 1
