"""The exposure ledger over the control API: of one's own account alone, as the page shows it, as CSV and as a record of processing."""

import csv
import io

import pytest
from tests.conformance.samples import usage_row
from tests.unit.control.test_usage import put

from anyapi.control import exposure
from anyapi.control.processing_record import COLUMNS, TO_COMPLETE
from anyapi.domain.call import App

URL = "/api/accounts/default/exposure"
ENDPOINT = "anthropic/claude-3.5-sonnet"


@pytest.fixture
def owner(staffed, tmp_path):
    at = staffed.now + 1
    sent = {"provider": "openai", "endpoint": "openai/gpt-5.2", "credential": "env:OPENAI_API_KEY", "at": at}
    rows = [
        usage_row(1, account="default", app=App(name="=shop"), **sent),
        usage_row(2, account="default", app=App(name="=shop"), **sent),
        usage_row(3, account="default", **{**sent, "endpoint": "gone/one", "provider": "gone"}),
        usage_row(4, account="other", **sent),
        usage_row(5, account="default", provider=None, endpoint=None, at=at),
    ]
    put(tmp_path, staffed, *rows)
    staffed.now += 60
    return staffed.browser("owner@x.org")


def test_the_page_gets_the_ledger_of_the_account_alone(staffed, owner):
    found = owner.get(URL).json()
    assert [(one["provider"], one["app"], one["requests"], one["account"]) for one in found["entries"]] == [
        ("gone", "app", 1, "default"),
        ("openai", "=shop", 2, "default"),
    ]
    assert (found["requests"], found["more"], found["at"]) == (3, 0, staffed.now)
    assert found["entries"][0]["main"] == {"kept": "unknown", "days": None, "until": None}
    assert found["providers"]["openai"]["name"] == "OpenAI"
    assert "gone" not in found["providers"]
    known = found["entries"][1]
    assert known["main"]["kept"] == "until"
    assert known["main"]["until"] == pytest.approx(known["last_at"] + known["main"]["days"] * 86400)


def test_a_long_ledger_says_what_it_leaves_out(owner, monkeypatch):
    monkeypatch.setattr(exposure, "MOST", 1)
    found = owner.get(URL).json()
    assert (len(found["entries"]), found["more"]) == (1, 1)


def test_csv_has_every_line_and_no_formula(owner):
    answer = owner.get(f"{URL}.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert tuple(rows[0]) == COLUMNS
    assert [(row["provider"], row["app"], row["requests"], row["until"][:4]) for row in rows] == [
        ("gone", "app", "1", "unkn"),
        ("openai", "'=shop", "2", rows[1]["until"][:4]),
    ]
    assert rows[0]["until"] == "unknown / until further notice"
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "anyapi-exposure-default.csv" in answer.headers["content-disposition"]


def test_the_record_of_processing_says_what_is_not_known(owner):
    made = owner.get(f"{URL}.json").json()
    assert made["account"] == "default"
    assert made["to_complete"] == list(TO_COMPLETE)
    assert [one["provider"] for one in made["recipients"]] == ["gone", "openai"]
    assert made["recipients"][0]["headquarters"] is None
    assert made["data_classes"] == ["internal"]
    assert len(made["activities"]) == 2


def test_somebody_else_sees_nothing_of_it(staffed, owner):
    stranger = staffed.browser("stranger@x.org")
    for kind in ("", ".csv", ".json"):
        assert stranger.get(f"{URL}{kind}").status_code == 404
    assert [one["requests"] for one in stranger.get("/api/accounts/other/exposure").json()["entries"]] == [1]


def test_whoever_takes_the_ledger_along_stands_in_the_history(owner):
    owner.get(URL)
    assert owner.get("/api/accounts/default/changes").json() == [], "looking at it is none"
    for kind in ("csv", "json"):
        assert owner.get(f"{URL}.{kind}").status_code == 200
    assert [each["what"] for each in owner.get("/api/accounts/default/changes").json()] == ["exposure_exported"] * 2
