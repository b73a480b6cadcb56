"""How long the questions of the activity page take on a long history, and that rows are written as fast as they may come.

In time of CPU, of this process, which asks, answers and writes, and of a PostgreSQL server's: what else runs on the machine does not count.
Waiting for the disk would not either, but there is none to speak of: what the questions read is in memory.
"""

import contextlib
import dataclasses
import shutil
import statistics
import time
from collections.abc import Callable

import pytest
from tests.conformance.samples import usage_row
from tests.tools import postgres
from tests.tools.usage_history import BIGGEST, DAYS, fill
from tests.unit.control.conftest import Control

from anyapi.crypto.secret import Secret
from anyapi.domain.call import App
from anyapi.domain.people import Role
from anyapi.storage.drivers import driver_for
from anyapi.storage.rows import AccountRow, UsageGroup
from anyapi.storage.usage_writer import UsageWriter

DAY = 86400.0
LONGEST = 0.5
SPANS = (1, 7, 30, 90)
LONG = [pytest.mark.long, pytest.mark.timeout(3600)]


@contextlib.contextmanager
def sqlite(directory):
    yield driver_for(directory), time.process_time


@contextlib.contextmanager
def postgresql(directory):
    """With a server of its own, so that all that it does is done for this."""
    postgres.require()
    with contextlib.closing(postgres.PostgresServer()) as server:
        with contextlib.closing(server.as_superuser()) as raw:
            raw.execute("CREATE DATABASE history OWNER anyapi")
        yield driver_for(directory, Secret(server.url("history"))), lambda: time.process_time() + server.spent()


@dataclasses.dataclass
class History:
    """So many requests, seven in ten of one account, and a control plane to ask about them."""

    rows: int
    control: Control
    clock: Callable[[], float]
    """The time that counts, in seconds."""


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((sqlite, 50_000), id="sqlite"),
        pytest.param((postgresql, 10_000), id="postgresql"),
        pytest.param((sqlite, 10_000_000), id="sqlite, ten million", marks=LONG),
        pytest.param((postgresql, 10_000_000), id="postgresql, ten million", marks=LONG),
    ],
)
def history(request, tmp_path_factory):
    """An account with seven in ten of so many requests, and somebody who looks at it."""
    backend, rows = request.param
    directory = tmp_path_factory.mktemp("history")
    with backend(directory) as (driver, clock):
        driver.prepare()
        control = Control(directory, driver=driver)
        control.now += 1234.5  # so that spans which end now begin within an hour
        began = clock()
        fill(driver, rows, control.now)
        print(f"{rows:,} rows made and summed in {clock() - began:.0f} s")
        control.store.add_account(AccountRow(BIGGEST, "Big", control.now))
        control.person("owner@x.org", Role.OWNER, BIGGEST)
        yield History(rows, control, clock)
        control.close()
    shutil.rmtree(directory)


def questions(since, by):
    """What the page asks for one span."""
    yield from (f"usage/totals?by={group}&since={since}" for group in (by, "outcome", "model", "provider", "key", "app"))
    yield f"usage/latency?by=provider&since={since}"
    yield f"usage/rows?since={since}&limit=25"


def test_every_question_of_the_page_is_answered_within_half_a_second(history):
    rows, control = history.rows, history.control
    browser = control.browser("owner@x.org")
    took = {}
    for _ in range(3):
        for days in SPANS:
            for question in questions(control.now - days * DAY, "hour" if days == 1 else "day"):
                began = history.clock()
                answer = browser.get(f"/api/accounts/{BIGGEST}/{question}")
                took.setdefault(question, []).append(history.clock() - began)
                assert answer.status_code == 200
    everything = browser.get(f"/api/accounts/{BIGGEST}/usage/totals?by=outcome&since={control.now - DAYS * DAY}").json()["rows"]
    assert sum(row["requests"] for row in everything) == pytest.approx(0.7 * rows, rel=0.01)
    p95 = statistics.quantiles([each for all_of_one in took.values() for each in all_of_one], n=20)[-1]
    slowest = max(took, key=lambda question: statistics.median(took[question]))
    print(f"{rows:,} rows: p95 {p95 * 1000:.1f} ms; slowest {slowest} {statistics.median(took[slowest]) * 1000:.1f} ms")
    assert p95 < LONGEST


def test_spans_that_end_within_an_hour_are_right_and_quick(history):
    """Both ends are read from rows, between them from sums; what is between two instants is what lies before one and not before the other."""
    control = history.control
    since, middle, until = control.now - 40 * DAY - 777.7, control.now - 9 * DAY + 123.4, control.now - DAY - 55.5
    began = history.clock()
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
    assert (history.clock() - began) / 9 < LONGEST


def test_five_thousand_rows_a_second_are_written_as_they_come(history, tmp_path):
    """A quarter of a second's rows at a time, unlike in many labels; writing takes less time than the time they stand for."""
    control = history.control
    writer = UsageWriter(tmp_path, control.clock, driver=control.driver)
    batches, began = 20, history.clock()
    for batch in range(batches):
        for number in range(batch * 1250, (batch + 1) * 1250):
            unlike = {"model": f"m/{number % 12}", "key": f"k{number % 9}", "provider": f"p{number % 5}", "app": App(name=f"a{number % 7}")}
            writer.accept()
            writer.put(usage_row(number, decision=f"new_{number}", at=control.now, **unlike))
        writer.flush()
    took = history.clock() - began
    assert writer.state.written == batches * 1250
    writer.close()
    print(f"{batches * 1250 / took:,.0f} rows/s")
    assert took < batches * 0.25
