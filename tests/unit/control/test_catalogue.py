"""Models, providers and explain over the control API, judged by what the account asks."""

import datetime as dt

import msgspec
import pytest

from anyapi.domain.data_policy import Retention, RetentionKind
from anyapi.domain.snapshot import Agreement

URL = "/api/accounts/default"


@pytest.fixture
def owner(staffed):
    return staffed.browser("owner@x.org")


def test_the_overview_counts_the_catalogue(staffed, owner):
    found, catalogue = owner.get("/api/catalogue").json(), staffed.config.catalogue
    assert (found["models"], found["providers"]) == (len(catalogue.models), len(catalogue.providers))
    assert found["version"] == catalogue.version


def test_every_endpoint_is_shown_with_its_policy_and_why_not(owner):
    rows = owner.get(f"{URL}/models").json()
    (row,) = [row for row in rows if row["id"] == "meta-llama/llama-3.3-70b-instruct"]
    assert row["permitted"] is True
    assert row["usable"] is False
    for endpoint in row["endpoints"]:
        assert "no_credential" in endpoint["reasons"] or "no_adapter" in endpoint["reasons"] or "endpoint_retired" in endpoint["reasons"]
        assert endpoint["data_policy"]["training"]


def test_what_the_account_asks_is_what_is_judged_by(owner):
    before = {row["id"]: row["permitted"] for row in owner.get(f"{URL}/providers").json()}
    owner.send("PUT", f"{URL}/settings/account/default", {"data_policy": {"retention_days": 0}})
    after = {row["id"]: row["permitted"] for row in owner.get(f"{URL}/providers").json()}
    assert all(after[name] <= before[name] for name in before)
    assert sum(after.values()) < sum(before.values())
    rows = owner.get(f"{URL}/models").json()
    denied = {reason for row in rows for endpoint in row["endpoints"] for reason in endpoint["reasons"]}
    assert "retention_not_zero" in denied


def test_a_providers_page_has_its_record_and_endpoints(owner):
    page = owner.get(f"{URL}/providers/openai").json()
    assert page["record"]["exceptions"]
    assert (page["provider"]["policy"], page["provider"]["provenance"]) == (page["record"]["policy"], page["record"]["provenance"])
    assert page["provider"]["endpoints"] == len(page["endpoints"]) > 0
    models = {row["id"]: row["endpoints"] for row in owner.get(f"{URL}/models").json()}
    assert all(row in models[row["model"]] for row in page["endpoints"])
    assert owner.get(f"{URL}/providers/nobody").status_code == 404


def test_a_provider_says_the_longest_that_it_keeps_flagged_content(owner):
    rows = {row["id"]: row for row in owner.get(f"{URL}/providers").json()}
    policies = [one["data_policy"] for one in owner.get(f"{URL}/providers/anthropic").json()["endpoints"]]
    kept = [policy["flagged"]["days"] for policy in policies if policy["flagged"]]
    assert rows["anthropic"]["flagged"]["days"] == max(kept) > rows["anthropic"]["policy"]["retention"]["days"]
    assert rows["groq"]["flagged"] is None


def test_explain_answers_without_a_prompt(owner):
    found = owner.post(f"{URL}/explain", {"models": ["openai/gpt-5.2"], "data_policy": {"retention_days": 0}})
    assert found.status_code == 200
    assert found.json()["models"]
    assert found.json()["requirement"]["settings"]


def test_explain_takes_tags_and_one_of_web_search_stands_for_a_request_that_searches(staffed, owner):
    first, end = dt.date(2020, 1, 1), dt.date(2100, 1, 1)
    zero = Agreement("zero", "google-vertex", "Ada", "1", first, end, retention=Retention(RetentionKind.ZERO, 0.0))
    context = msgspec.structs.replace(staffed.snapshot.context, agreements=(zero,))
    staffed.snapshot = msgspec.structs.replace(staffed.snapshot, context=context)
    policy = {"retention_days": 0, "providers": {"only": ["google-vertex"]}}
    codes = []
    for tags in ([], ["chat_completions:assistant_prefill"], ["chat_completions:web_search"]):
        found = owner.post(f"{URL}/explain", {"models": ["google/gemini-3.5-flash"], "data_policy": policy, "tags": tags}).json()["models"][
            0
        ]
        rows = [row for row in (*found["denied"], *found["unavailable"]) if row["provider"] == "google-vertex"]
        codes.append({reason["code"] for row in rows for reason in row["reasons"]} & {"tags_unmatched", "retention_not_zero"})
    assert codes[:2] == [set(), {"tags_unmatched"}]
    assert "retention_not_zero" in codes[2]


@pytest.mark.parametrize("asked", [["claude-sonnet-4-5", "claude-3-5-sonnet"], ["anyapi/auto"], ["baai/bge-m3"]])
def test_explain_knows_models_by_the_names_that_the_data_plane_and_the_command_know(owner, asked):
    found = owner.post(f"{URL}/explain", {"models": asked}).json()["models"]
    named = {"claude-sonnet-4-5": "anthropic/claude-sonnet-4.5", "claude-3-5-sonnet": "anthropic/claude-3.5-sonnet"}
    assert [model["model"] for model in found] == [named.get(name, name) for name in asked]
    rows = [row for model in found for row in (*model["unavailable"], *model["denied"])]
    assert not any(reason["code"] == "operation_unsupported" for row in rows for reason in row["reasons"])


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"models": []}, 400),
        ({"models": ["a/b"] * 9}, 400),
        ({"models": ["no/such"]}, 404),
        ({"models": ["openai/gpt-5.2"], "data_policy": {"x": 1}}, 400),
        ({"models": ["openai/gpt-5.2"], "tags": ["vision"]}, 400),
    ],
)
def test_questions_that_cannot_be_answered(owner, asked, status):
    assert owner.post(f"{URL}/explain", asked).status_code == status


def test_models_that_are_passed_over_are_told_by_their_places_and_near_names_are_of_all(owner):
    found = owner.post(f"{URL}/explain", {"models": ["no/such", "openai/gpt-5.2", "nor/this"]}).json()
    assert found["skipped"] == [{"field": f"models[{number}]", "reason": "unknown_model"} for number in (0, 2)]
    answer = owner.post(f"{URL}/explain", {"models": ["openai/gpt-5.22", "anthropic/claude-sonnet-4.55"]}).json()
    assert {"openai/gpt-5.2", "anthropic/claude-sonnet-4.5"} <= set(answer["error"]["metadata"]["similar"])


def test_explain_asks_as_a_key_with_its_project(staffed, owner):
    owner.post(f"{URL}/projects", {"id": "app", "name": "App"})
    key = owner.post(f"{URL}/keys", {"project": "app", "data_policy": {"training_allowed": False}}).json()["key"]["id"]
    owner.send("PUT", f"{URL}/settings/project/app", {"data_policy": {"retention_days": 7}})
    asked = {"models": ["openai/gpt-4o-mini"], "data_policy": {"paid_only": True}}
    settings = owner.post(f"{URL}/explain", {**asked, "key": key}).json()["requirement"]["settings"]
    assert {one["setting"]: one["layers"] for one in settings} == {
        "training_allowed": ["key"],
        "retention_days": ["project"],
        "paid_only": ["request"],
    }
    assert len(owner.post(f"{URL}/explain", asked).json()["requirement"]["settings"]) == 1
    theirs = staffed.browser("stranger@x.org").post("/api/accounts/other/keys", {}).json()["key"]["id"]
    assert owner.post(f"{URL}/explain", {**asked, "key": theirs}).status_code == 404
