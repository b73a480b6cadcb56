"""Activity over the control API: totals, rows, one request, CSV; of one's own account alone."""

import csv
import datetime as dt
import io

import pytest
from tests.conformance.samples import usage_row

from anyapi.control.usage import COLUMNS, UNITS, _quantile
from anyapi.domain.call import App
from anyapi.domain.usage import LATENCY_BOUNDS, UsageRow
from anyapi.gateway.decision_ids import new_decision_id
from anyapi.storage.usage_writer import UsageWriter

USAGE = "/api/accounts/default/usage"


def put(directory, staffed, *rows):
    writer = UsageWriter(directory, staffed.clock, driver=staffed.driver)
    for row in rows:
        writer.accept()
        writer.put(row)
    writer.close()


@pytest.fixture
def owner(staffed, tmp_path):
    rows = [
        usage_row(1, decision="dec_1", at=staffed.now - 60, account="default", model="a/one", cost=0.5),
        usage_row(2, decision="dec_2", at=staffed.now - 30, account="default", model="a/two", app=App(name="-cmd")),
        usage_row(3, decision="dec_3", at=staffed.now - 10, account="other", model="a/one"),
        usage_row(4, decision="dec_4", at=staffed.now - 8 * 86400, account="default", model="a/old"),
    ]
    put(tmp_path, staffed, *rows)
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
    alike = {"at": staffed.now - 5, "account": "default", "model": "a/timed"}
    durations = [0.15] * 90 + [4.0] * 10
    put(tmp_path, staffed, *(usage_row(100 + number, duration=duration, **alike) for number, duration in enumerate(durations)))
    found = owner.get(f"{USAGE}/latency?by=model").json()
    timed = next(row for row in found["rows"] if row["label"] == "a/timed")
    assert timed["requests"] == 100
    assert 0.1 < timed["p50"] <= 0.2
    assert 3.0 < timed["p95"] <= 5.0
    assert found["all"]["requests"] == 102
    assert 0.1 < timed["first_token_p50"] <= 0.2
    nothing = {"label": "", "requests": 0, "p50": None, "p95": None, "first_token_p50": None, "first_token_p95": None}
    assert owner.get(f"{USAGE}/latency?since=1&until=2").json() == {
        "since": 1, "until": 2, "by": "model", "finest": LATENCY_BOUNDS[0], "all": nothing, "rows": [],
    }  # fmt: skip


def test_a_quantile_lies_within_the_bucket_that_holds_it():
    """Ten times within each of two buckets: the median is the bound between them, the rest lies evenly."""
    counts = [0] * (len(LATENCY_BOUNDS) + 1)
    counts[4], counts[5] = 10, 10
    low, middle, high = LATENCY_BOUNDS[3:6]
    assert _quantile(counts, 0.5) == middle
    assert _quantile(counts, 0.25) == pytest.approx((low + middle) / 2)
    assert _quantile(counts, 0.95) == pytest.approx(middle + 0.9 * (high - middle))


def test_who_has_the_answer_is_not_sent_it_again(staffed, owner, tmp_path):
    paths = [f"{USAGE}/{name}?since={staffed.now - 3600}" for name in ("totals", "latency")]
    tags = [owner.get(path).headers["etag"] for path in paths]
    for path, tag in zip(paths, tags, strict=True):
        again = owner.send("GET", path, **{"if-none-match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    put(tmp_path, staffed, usage_row(7, decision="dec_7", at=staffed.now - 5, account="other"))
    assert owner.send("GET", paths[0], **{"if-none-match": tags[0]}).status_code == 304
    put(tmp_path, staffed, usage_row(8, decision="dec_8", at=staffed.now - 5, account="default"))
    for path, tag in zip(paths, tags, strict=True):
        assert owner.send("GET", path, **{"if-none-match": tag}).status_code == 200


def test_a_span_that_moves_is_answered_anew(staffed, owner):
    tag = owner.get(f"{USAGE}/totals").headers["etag"]
    staffed.now += 60
    assert owner.send("GET", f"{USAGE}/totals", **{"if-none-match": tag}).status_code == 200


def test_a_time_beyond_the_last_bound_counts_as_the_last_bound():
    assert _quantile([0] * len(LATENCY_BOUNDS) + [3], 0.5) == LATENCY_BOUNDS[-1]


def test_rows_come_newest_first_page_by_page(owner):
    first = owner.get(f"{USAGE}/rows?limit=1").json()
    assert [row["decision"] for row in first] == ["dec_2"]
    assert [row["decision"] for row in owner.get(f"{USAGE}/rows?until={first[0]['at']}").json()] == ["dec_1"]


def test_pages_neither_miss_nor_repeat_rows_of_one_instant(staffed, owner, tmp_path):
    put(tmp_path, staffed, *(usage_row(200 + number, at=staffed.now - 5, account="default") for number in range(7)))
    page, seen = owner.get(f"{USAGE}/rows?limit=2").json(), []
    while page:
        seen += [row["decision"] for row in page]
        page = owner.get(f"{USAGE}/rows?limit=2&until={page[-1]['at']}&before={page[-1]['decision']}").json()
    assert seen == [*sorted((f"dec_{200 + number:026d}" for number in range(7)), reverse=True), "dec_2", "dec_1"]


def test_one_request(staffed, owner):
    found = owner.get(f"{USAGE}/rows/dec_1?at={staffed.now - 60}").json()
    assert found["usage"]["model"] == "a/one"
    assert found["decision"] is None
    assert owner.get(f"{USAGE}/rows/dec_3?at={staffed.now - 10}").status_code == 404


@pytest.mark.parametrize("after", [0.0, 0.0004, 0.001, 0.29, 0.9999])
def test_one_request_is_found_by_its_id_alone(staffed, owner, tmp_path, after):
    at = staffed.now + after
    mine, theirs = (new_decision_id(at) for _ in range(2))
    rows = enumerate([(mine, "default"), (theirs, "other")], 10)
    put(tmp_path, staffed, *(usage_row(number, decision=decision, at=at, account=account) for number, (decision, account) in rows))
    assert owner.get(f"{USAGE}/rows/{mine}").json()["usage"]["decision"] == mine
    for other in (theirs, new_decision_id(at), "dec_1", "dec_zzz"):
        assert owner.get(f"{USAGE}/rows/{other}").status_code == 404


def test_the_export_holds_every_field_and_no_formula(owner):
    answer = owner.get(f"{USAGE}.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    head, *rows = list(csv.reader(io.StringIO(answer.text)))
    assert head == [name for name, _ in COLUMNS]
    assert [row[head.index("decision")] for row in rows] == ["dec_2", "dec_1"]
    assert rows[0][head.index("app_name")] == "'-cmd"
    stored = {UNITS.get(name, name) for name in UsageRow.__struct_fields__} - {"tokens", "app"}
    assert stored <= set(head)
    assert owner.get("/api/accounts/default/changes").json()[0]["what"] == "usage_exported"


def test_a_spreadsheet_shows_times_units_and_who_was_sent_it(staffed, owner, tmp_path):
    sent = (("a/m@1", "first"), ("b/m", "second"))
    rows = [
        usage_row(400 + number, at=staffed.now - 5.5 - number, account="default", sent_to=to) for number, to in enumerate((sent, (), None))
    ]
    put(tmp_path, staffed, *rows)
    read = list(csv.DictReader(io.StringIO(owner.get(f"{USAGE}.csv?since=0").text)))
    found = {row["decision"]: row for row in read}
    told = [found[row.decision] for row in rows]
    assert [row["sent_to"] for row in told] == ["a/m@1 (first); b/m (second)", "nobody", ""]
    assert [dt.datetime.fromisoformat(row["at"]).timestamp() for row in told] == pytest.approx([row.at for row in rows], abs=0.001)
    assert {"duration_seconds", "first_token_seconds", "cost_usd"} <= set(read[0])


def test_the_export_is_written_page_by_page(staffed, owner, tmp_path, monkeypatch):
    """More rows than one page holds, some of one instant; each is there once, and no more of them are asked for at a time."""
    put(tmp_path, staffed, *(usage_row(300 + number, at=staffed.now - 5 - number // 5, account="default") for number in range(50)))
    monkeypatch.setattr("anyapi.control.usage.EXPORTED_AT_ONCE", 7)
    asked, read = [], staffed.store.usage_rows
    monkeypatch.setattr(staffed.store, "usage_rows", lambda *args: asked.append(args[3]) or read(*args))
    head, *rows = list(csv.reader(io.StringIO(owner.get(f"{USAGE}.csv?since=0").text)))
    decisions = [row[head.index("decision")] for row in rows]
    assert len(decisions) == len(set(decisions)) == 53
    assert [row[head.index("at")] for row in rows] == sorted((row[head.index("at")] for row in rows), reverse=True)
    assert set(asked) == {7}
