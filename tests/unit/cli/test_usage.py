"""`anyapi usage`: totals of rows that are really there."""

import json
import time

import pytest
from tests.conformance.samples import DAY, usage_row

from anyapi.domain.usage import UsageSource
from anyapi.storage.rows import AccountRow
from anyapi.storage.sqlite import SqliteStore
from anyapi.storage.usage_writer import UsageWriter

COMMAND = "usage"


@pytest.fixture
def rows(data_dir):
    """Three requests of now, one of ten days ago, one of forty."""
    now = time.time()
    with SqliteStore(data_dir) as store:
        store.add_account(AccountRow("acme", "Acme", 0.0))
    writer = UsageWriter(data_dir, time.time)
    for number, changes in enumerate(
        [
            {"at": now},
            {"at": now, "account": "acme", "model": "b/b", "cost": None},
            {"at": now, "outcome": "no_eligible_endpoint", "provider": None, "source": UsageSource.UNKNOWN},
            {"at": now - 10 * DAY},
            {"at": now - 40 * DAY},
        ]
    ):
        writer.accept()
        writer.put(usage_row(number, **changes))
    writer.close()


def labels(result):
    return {total["label"]: total["requests"] for total in json.loads(result.stdout)["totals"]}


def test_nothing_yet(run):
    assert "no requests since" in run().stdout
    assert json.loads(run("--json").stdout)["totals"] == []


def test_by_day_of_the_last_thirty_days(run, rows):
    assert sorted(labels(run("--json")).values()) == [1, 3]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("model", {"anthropic/claude-3.5-sonnet": 3, "b/b": 1}),
        ("provider", {"-": 1, "sim-zero": 3}),
        ("key", {"key_1": 4}),
        ("account", {"acme": 1, "default": 3}),
        ("outcome", {"no_eligible_endpoint": 1, "success": 3}),
    ],
)
def test_by_everything_else(run, rows, by, expected):
    assert labels(run("--by", by, "--json")) == expected


def test_bounds_and_account(run, rows):
    assert sum(labels(run("--since", "5d", "--json")).values()) == 3
    assert sum(labels(run("--since", "60d", "--json")).values()) == 5
    assert sum(labels(run("--since", "60d", "--until", "5d", "--json")).values()) == 2
    assert sum(labels(run("--account", "acme", "--json")).values()) == 1


def test_a_table_for_people(run, rows):
    text = run("--by", "model").stdout
    assert "anthropic/claude-3.5-sonnet" in text
    assert "0.7500" in text
    assert "1 rows hold estimated or unknown token counts" in text


@pytest.mark.parametrize(
    ("args", "told", "code"),
    [
        (["--by", "mood"], "'mood' is not one of", 2),
        (["--since", "yesterday"], "90d, 12h", 2),
        (["--account", "nobody"], "There is no account", 1),
        (["--since", "1d", "--until", "2d"], "must lie after --since", 2),
    ],
)
def test_what_is_wrong_is_named(run, args, told, code):
    assert told in run(*args, code=code).stderr
