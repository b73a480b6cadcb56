"""Activity over the control API: totals, rows, one request, CSV; of one's own account alone."""

import csv
import io

import pytest
from tests.conformance.samples import usage_row

from anyapi.control.usage import COLUMNS
from anyapi.domain.call import App
from anyapi.domain.usage import UsageRow
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
