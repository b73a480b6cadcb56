"""How long the questions of the activity page take on a long history, and that rows are written as fast as they may come.

In time of this process, which asks, answers and writes: what else runs on the machine does not count. Waiting for the disk would not either,
but there is none to speak of: what the questions read is in memory.
"""

import shutil
import statistics
import time

import pytest
from tests.conformance.samples import usage_row
from tests.tools.usage_history import BIGGEST, DAYS, fill
from tests.unit.control.conftest import Control

from anyapi.domain.call import App
from anyapi.domain.people import Role
from anyapi.storage.rows import AccountRow, UsageGroup
from anyapi.storage.usage_writer import UsageWriter

DAY = 86400.0
LONGEST = 0.5
SPANS = (1, 7, 30, 90)


@pytest.fixture(scope="module", params=[50_000, pytest.param(10_000_000, marks=[pytest.mark.long, pytest.mark.timeout(3600)])])
def history(request, tmp_path_factory):
    """An account with seven in ten of so many requests, and somebody who looks at it."""
    directory = tmp_path_factory.mktemp("history")
    control = Control(directory)
    control.now += 1234.5  # so that spans which end now begin within an hour
    began = time.process_time()
    fill(control.driver.path, request.param, control.now)
    print(
        f"{request.param:,} rows made and summed in {time.process_time() - began:.0f} s, {control.driver.path.stat().st_size / 1e6:,.0f} MB"
    )
    control.store.add_account(AccountRow(BIGGEST, "Big", control.now))
    control.person("owner@x.org", Role.OWNER, BIGGEST)
    yield request.param, control
    control.close()
    shutil.rmtree(directory)


def questions(since, by):
    """What the page asks for one span."""
    yield from (f"usage/totals?by={group}&since={since}" for group in (by, "outcome", "model", "provider", "key", "app"))
    yield f"usage/latency?by=provider&since={since}"
    yield f"usage/rows?since={since}&limit=25"


def test_every_question_of_the_page_is_answered_within_half_a_second(history):
    rows, control = history
    browser = control.browser("owner@x.org")
    took = {}
    for _ in range(3):
        for days in SPANS:
            for question in questions(control.now - days * DAY, "hour" if days == 1 else "day"):
                began = time.process_time()
                answer = browser.get(f"/api/accounts/{BIGGEST}/{question}")
                took.setdefault(question, []).append(time.process_time() - began)
                assert answer.status_code == 200
    everything = browser.get(f"/api/accounts/{BIGGEST}/usage/totals?by=outcome&since={control.now - DAYS * DAY}").json()["rows"]
    assert sum(row["requests"] for row in everything) == pytest.approx(0.7 * rows, rel=0.01)
    p95 = statistics.quantiles([each for all_of_one in took.values() for each in all_of_one], n=20)[-1]
    slowest = max(took, key=lambda question: statistics.median(took[question]))
    print(f"{rows:,} rows: p95 {p95 * 1000:.1f} ms; slowest {slowest} {statistics.median(took[slowest]) * 1000:.1f} ms")
    assert p95 < LONGEST


def test_spans_that_end_within_an_hour_are_right_and_quick(history):
    """Both ends are read from rows, between them from sums; what is between two instants is what lies before one and not before the other."""
    _, control = history
    since, middle, until = control.now - 40 * DAY - 777.7, control.now - 9 * DAY + 123.4, control.now - DAY - 55.5
    began = time.process_time()
    for by in (UsageGroup.MODEL, UsageGroup.APP, UsageGroup.OUTCOME):
        parts = [
            {one.label: one for one in control.store.usage_totals(by, *span, BIGGEST)}
            for span in ((since, middle), (middle, until), (since, until))
        ]
        for label, whole in parts[2].items():
            halves = [part[label] for part in parts[:2]]
            assert sum(half.requests for half in halves) == whole.requests
            assert sum(half.prompt_tokens for half in halves) == whole.prompt_tokens
            assert sum(half.cost for half in halves) == pytest.approx(whole.cost)
    assert (time.process_time() - began) / 9 < LONGEST


def test_five_thousand_rows_a_second_are_written_as_they_come(history):
    """A quarter of a second's rows at a time, unlike in many labels; writing takes less time than the time they stand for."""
    _, control = history
    writer = UsageWriter(control.driver.path.parent, control.clock)
    batches, began = 20, time.process_time()
    for batch in range(batches):
        for number in range(batch * 1250, (batch + 1) * 1250):
            unlike = {"model": f"m/{number % 12}", "key": f"k{number % 9}", "provider": f"p{number % 5}", "app": App(name=f"a{number % 7}")}
            writer.accept()
            writer.put(usage_row(number, decision=f"new_{number}", at=control.now, **unlike))
        writer.flush()
    took = time.process_time() - began
    assert writer.state.written == batches * 1250
    writer.close()
    print(f"{batches * 1250 / took:,.0f} rows/s")
    assert took < batches * 0.25
