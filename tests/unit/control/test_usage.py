"""Activity over the control API: totals, rows, one request, CSV; of one's own account alone."""

import csv
import io

import pytest
from tests.conformance.samples import usage_row

from anyapi.control.usage import COLUMNS, _quantile
from anyapi.domain.call import App
from anyapi.domain.usage import UsageRow
from anyapi.storage.rows import LATENCY_BOUNDS
from anyapi.storage.usage_writer import UsageWriter

USAGE = "/api/accounts/default/usage"


@pytest.fixture
def owner(staffed, tmp_path):
    writer = UsageWriter(tmp_path, staffed.clock)
    rows = [
        usage_row(1, decision="dec_1", at=staffed.now - 60, account="default", model="a/one", cost=0.5),
        usage_row(2, decision="dec_2", at=staffed.now - 30, account="default", model="a/two", app=App(name="-cmd")),
        usage_row(3, decision="dec_3", at=staffed.now - 10, account="other", model="a/one"),
        usage_row(4, decision="dec_4", at=staffed.now - 8 * 86400, account="default", model="a/old"),
    ]
    for row in rows:
        writer.accept()
        writer.put(row)
    writer.close()
    return staffed.browser("owner@x.org")


def test_totals_are_of_the_account_and_the_last_seven_days(owner):
    totals = owner.get(f"{USAGE}/totals?by=model").json()
    assert {row["label"]: row["requests"] for row in totals["rows"]} == {"a/one": 1, "a/two": 1}
    assert totals["until"] - totals["since"] == 7 * 86400


def test_a_span_may_be_named(staffed, owner):
    wide = owner.get(f"{USAGE}/totals?by=model&since={staffed.now - 30 * 86400}").json()
    assert {row["label"] for row in wide["rows"]} == {"a/one", "a/two", "a/old"}
    assert owner.get(f"{USAGE}/totals?since=5&until=5").status_code == 400
    assert owner.get(f"{USAGE}/totals?by=nonsense").status_code == 400


def test_latency_is_read_from_buckets(staffed, owner, tmp_path):
    writer = UsageWriter(tmp_path, staffed.clock)
    for number in range(100):
        writer.accept()
        duration = 0.15 if number < 90 else 4.0
        writer.put(
            usage_row(100 + number, decision=f"dec_l{number}", at=staffed.now - 5, account="default", model="a/timed", duration=duration)
        )
    writer.close()
    found = owner.get(f"{USAGE}/latency?by=model").json()
    timed = next(row for row in found["rows"] if row["label"] == "a/timed")
    assert timed["requests"] == 100
    assert 0.1 < timed["p50"] <= 0.2
    assert 3.0 < timed["p95"] <= 5.0
    assert found["all"]["requests"] == 102
    assert owner.get(f"{USAGE}/latency?since=1&until=2").json()["all"] == {"label": "", "requests": 0, "p50": None, "p95": None}


def test_a_time_beyond_the_last_bound_counts_as_the_last_bound():
    assert _quantile([0] * len(LATENCY_BOUNDS) + [3], 0.5) == LATENCY_BOUNDS[-1]


def test_rows_come_newest_first_page_by_page(owner):
    first = owner.get(f"{USAGE}/rows?limit=1").json()
    assert [row["decision"] for row in first] == ["dec_2"]
    assert [row["decision"] for row in owner.get(f"{USAGE}/rows?until={first[0]['at']}").json()] == ["dec_1"]


def test_one_request(staffed, owner):
    found = owner.get(f"{USAGE}/rows/dec_1?at={staffed.now - 60}").json()
    assert found["usage"]["model"] == "a/one"
    assert found["decision"] is None
    assert owner.get(f"{USAGE}/rows/dec_3?at={staffed.now - 10}").status_code == 404


def test_the_export_holds_every_field_and_no_formula(owner):
    answer = owner.get(f"{USAGE}.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    head, *rows = list(csv.reader(io.StringIO(answer.text)))
    assert head == [name for name, _ in COLUMNS]
    assert [row[head.index("decision")] for row in rows] == ["dec_2", "dec_1"]
    assert rows[0][head.index("app_name")] == "'-cmd"
    stored = set(UsageRow.__struct_fields__) - {"tokens", "app"}
    assert stored <= set(head)
    assert owner.get("/api/accounts/default/changes").json()[0]["what"] == "usage_exported"
