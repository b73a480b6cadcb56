"""Data policies over the control API: shown, previewed, saved, and never anybody else's."""

import msgspec
import pytest

from anyapi.domain.ids import AccountId
from anyapi.domain.requirement import DataClass, Settings
from anyapi.domain.usage import UsageRow, UsageSource
from anyapi.policy.merge import DEFAULT_PRESETS
from anyapi.storage.rows import ProjectRow
from anyapi.storage.usage_writer import UsageWriter

ACCOUNT = "/api/accounts/default/settings/account/default"
STRICT = {"data_policy": {"retention_days": 0, "training_allowed": False}}


@pytest.fixture
def owner(staffed):
    return staffed.browser("owner@x.org")


def test_what_is_saved_is_in_force_when_the_call_returns(staffed, owner):
    key = owner.post("/api/accounts/default/keys", {}).json()["key"]["id"]
    saved = owner.send("PUT", ACCOUNT, STRICT).json()
    assert saved["settings"]["data_policy"] == {"retention_days": 0.0, "training_allowed": False}
    assert saved["snapshot"] == staffed.snapshot.version
    (requirement,) = [each.requirement for each in staffed.snapshot.principals.values() if each.key == key]
    assert (requirement.retention_days, requirement.training_allowed) == (0, False)
    assert owner.get(ACCOUNT).json() == saved["settings"]


def test_saving_replaces_the_whole_of_a_layer(owner):
    owner.send("PUT", ACCOUNT, STRICT)
    assert owner.send("PUT", ACCOUNT, {"data_policy": {"paid_only": True}}).json()["settings"]["data_policy"] == {"paid_only": True}
    assert owner.send("PUT", ACCOUNT, {"data_policy": {}}).json()["settings"]["data_policy"] == {}


def test_a_tightening_that_somebody_else_saved_meanwhile_is_not_undone(staffed, owner):
    read = owner.get(ACCOUNT).json()["data_policy"]
    theirs = owner.send("PUT", ACCOUNT, STRICT | {"instead_of": read}).json()["settings"]["data_policy"]
    refused = owner.send("PUT", ACCOUNT, {"data_policy": {"paid_only": True}, "instead_of": read})
    assert (refused.status_code, refused.json()["error"]["type"]) == (409, "conflict")
    assert owner.get(ACCOUNT).json()["data_policy"] == theirs == {"retention_days": 0.0, "training_allowed": False}
    assert len(owner.get("/api/accounts/default/changes").json()) == 1
    both = {"data_policy": theirs | {"paid_only": True}, "instead_of": theirs}
    assert owner.send("PUT", ACCOUNT, both).json()["settings"]["data_policy"] == both["data_policy"]
    assert owner.send("PUT", ACCOUNT, {"data_policy": {}}).json()["settings"]["data_policy"] == {}


def test_the_floor_is_not_lowered_by_who_did_not_see_it(staffed):
    operator = staffed.browser("operator@x.org")
    operator.send("PUT", "/api/gateway/settings", STRICT | {"instead_of": {}})
    stale = {"data_policy": {"regions": ["eu"]}, "instead_of": {}}
    assert operator.send("PUT", "/api/gateway/settings", stale).status_code == 409
    assert set(operator.get("/api/gateway/settings").json()["data_policy"]) == {"retention_days", "training_allowed"}


@pytest.mark.parametrize(
    "policy",
    [
        {"providers": {"only": ["openai", "anthropic"], "ignore": ["deepseek"]}, "regions": ["us", "eu"]},
        {"data_class": "confidential", "certifications": ["soc2-type2", "iso27001"], "min_confidence": "primary"},
        {"retention_days": 0.5, "flagged_copies": "counted", "paid_only": True, "human_review_allowed": False},
    ],
)
def test_what_was_shown_is_what_may_be_sent_back(owner, policy):
    shown = owner.send("PUT", ACCOUNT, {"data_policy": policy}).json()["settings"]["data_policy"]
    assert owner.send("PUT", ACCOUNT, {"data_policy": {}, "instead_of": shown}).status_code == 200


def test_what_the_gateway_asks_holds_below_it(staffed, owner):
    operator = staffed.browser("operator@x.org")
    operator.send("PUT", "/api/gateway/settings", {"data_policy": {"retention_days": 7}})
    shown = owner.send("PUT", ACCOUNT, {"data_policy": {"retention_days": 90}}).json()["settings"]
    assert shown["data_policy"] == {"retention_days": 90.0}
    (days,) = [each for each in shown["in_force"]["settings"] if each["setting"] == "retention_days"]
    assert days["value"] == 7
    assert days["layers"] == ["gateway"]
    assert [change["what"] for change in operator.get("/api/gateway/changes").json()] == ["settings"]


@pytest.mark.parametrize(
    "wrong", [{"retention_days": -1}, {"retention_day": 1}, {"training_allowed": "no"}, {"providers": {"only": ["nobody"]}}]
)
def test_wrong_settings_change_nothing_and_the_field_is_named(owner, wrong):
    refused = owner.send("PUT", ACCOUNT, {"data_policy": wrong})
    assert refused.status_code == 400
    assert refused.json()["error"]["metadata"]
    assert owner.get(ACCOUNT).json()["data_policy"] == {}
    assert owner.post(f"{ACCOUNT}/preview", {"data_policy": wrong}).status_code == 400


@pytest.mark.parametrize("path", ["account/other", "account/nowhere", "project/theirs", "key/none", "gateway/-", "request/x"])
def test_subjects_of_others_are_not_there(staffed, owner, path):
    staffed.store.add_project(ProjectRow("theirs", AccountId("other"), "Theirs", staffed.now))
    where = f"/api/accounts/default/settings/{path}"
    for answer in (owner.get(where), owner.send("PUT", where, STRICT), owner.post(f"{where}/preview", STRICT)):
        assert answer.status_code in {400, 404}
    assert staffed.store.all_settings() == {}


def test_projects_and_keys_have_settings_of_their_own(staffed, owner):
    owner.post("/api/accounts/default/projects", {"id": "app", "name": "App"})
    key = owner.post("/api/accounts/default/keys", {"project": "app"}).json()["key"]["id"]
    owner.send("PUT", "/api/accounts/default/settings/project/app", {"data_policy": {"retention_days": 30}})
    shown = owner.send("PUT", f"/api/accounts/default/settings/key/{key}", {"data_policy": {"paid_only": True}}).json()["settings"]
    assert {each["setting"]: each["layers"] for each in shown["in_force"]["settings"]} == {
        "paid_only": ["key"],
        "retention_days": ["project"],
    }


def test_a_preview_says_what_would_go_and_changes_nothing(staffed, owner):
    before = staffed.snapshot.version
    seen = owner.post(f"{ACCOUNT}/preview", STRICT).json()
    assert seen["now"]["models"] == seen["all_models"] == len(staffed.config.catalogue.models)
    assert seen["now"]["endpoints"] == seen["all_endpoints"]
    assert 0 < seen["then"]["models"] < seen["now"]["models"]
    assert len(seen["lost"]) == seen["now"]["models"] - seen["then"]["models"]
    assert seen["gained"] == seen["lost_in_use"] == []
    assert set(seen["then"]["denied_by"]) & {"retention_not_zero", "retention_unknown"}
    assert owner.get(ACCOUNT).json()["data_policy"] == {}
    assert staffed.snapshot.version == before


def test_a_preview_names_the_models_in_use_that_would_go(staffed, owner, tmp_path):
    lost = owner.post(f"{ACCOUNT}/preview", STRICT).json()["lost"]
    writer = UsageWriter(tmp_path, staffed.clock, driver=staffed.driver)
    for number, (model, account, age) in enumerate([(lost[0], "default", 60), (lost[1], "other", 60), (lost[2], "default", 8 * 86400)]):
        writer.accept()
        writer.put(
            UsageRow(
                decision=f"dec_{number}",
                at=staffed.now - age,
                account=account,
                key="key_x",
                operation="chat_completions",
                model=model,
                outcome="success",
                status=200,
                source=UsageSource.MEASURED,
            )
        )
    writer.close()
    assert owner.post(f"{ACCOUNT}/preview", STRICT).json()["lost_in_use"] == [lost[0]]


def test_a_preview_of_less_says_what_would_come(owner):
    owner.send("PUT", ACCOUNT, STRICT)
    seen = owner.post(f"{ACCOUNT}/preview", {"data_policy": {}}).json()
    assert seen["lost"] == []
    assert len(seen["gained"]) == seen["then"]["models"] - seen["now"]["models"] > 0


def test_who_changed_what_when(staffed, owner):
    owner.send("PUT", ACCOUNT, STRICT)
    staffed.now += 5
    owner.send("PUT", ACCOUNT, {"data_policy": {}})
    newest, oldest = owner.get("/api/accounts/default/changes").json()
    assert (newest["by_name"], newest["what"], newest["subject"]) == ("Owner", "settings", "account default")
    assert newest["before"] == oldest["after"] == {"retention_days": 0.0, "training_allowed": False}
    assert newest["at"] == staffed.now
    assert owner.get(f"/api/accounts/default/changes?before={newest['at']}").json() == [oldest]
    assert owner.get("/api/accounts/default/changes?limit=1").json() == [newest]


def test_the_floor_can_be_previewed_by_the_operator_alone(staffed, owner):
    operator = staffed.browser("operator@x.org")
    seen = operator.post("/api/gateway/settings/preview", STRICT).json()
    assert seen["then"] == owner.post(f"{ACCOUNT}/preview", STRICT).json()["then"]
    assert [each["layers"] for each in seen["in_force"]["settings"]] == [["gateway"], ["gateway"]]
    assert operator.get("/api/gateway/settings").json()["data_policy"] == {}
    assert owner.post("/api/gateway/settings/preview", STRICT).status_code == 403


def test_what_a_data_class_stands_for_is_what_the_operator_made_of_it(staffed, owner):
    staffed.snapshot = msgspec.structs.replace(
        staffed.snapshot, presets={**DEFAULT_PRESETS, DataClass.INTERNAL: Settings(training_allowed=False, retention_days=3.0)}
    )
    shown = {each["data_class"]: each for each in owner.get("/api/classes").json()}
    assert shown["public"] == {"data_class": "public", "data_policy": {}, "durable_record": False}
    assert shown["internal"]["data_policy"] == {"training_allowed": False, "retention_days": 3.0}
    assert shown["confidential"]["data_policy"]["flagged_copies"] == "counted"
    assert [each["durable_record"] for each in shown.values()] == [False, False, True, True]
