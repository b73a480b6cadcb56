"""Every statement there is, rewritten for PostgreSQL and prepared by a server: what only SQLite takes fails here."""

import itertools
import re

import psycopg
import pytest
from tests.tools import postgres
from tests.unit.storage.every_statement import ALL, INSERTIONS, MODULES

from anyapi.storage.postgres_statements import of_json, rewritten

OF_JSON = [pytest.param(of_json(insertion(1))[0], id=f"{name}-json") for name, insertion in INSERTIONS]


@pytest.fixture(scope="module")
def server():
    with postgres.run().database() as url, psycopg.connect(url, autocommit=True) as raw:
        yield raw


def test_all_modules_of_statements_are_looked_at():
    assert {"statements", "people_statements"} <= set(MODULES)
    assert len(ALL) > 60


@pytest.mark.parametrize("statement", ALL + OF_JSON)
def test_the_server_can_prepare_it(server, statement):
    numbers, places = itertools.count(1), {}
    numbered = re.sub(r"%(?:\((\w+)\))?s", lambda found: f"${places.setdefault(found[1] or object(), next(numbers))}", rewritten(statement))
    order = {number: place for place, number in enumerate(sorted(places.values()), 1)}
    numbered = re.sub(r"\$(\d+)", lambda found: f"${order[int(found[1])]}", numbered).replace("%%", "%")
    server.execute(f"PREPARE one AS {numbered}")
    server.execute("DEALLOCATE one")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT a FROM t WHERE b = ? AND c = ?", "SELECT a FROM t WHERE b = %s AND c = %s"),
        ("SELECT ':no ?' FROM t WHERE b = :name", "SELECT ':no ?' FROM t WHERE b = %(name)s"),
        ("SELECT a % 2, '50%' FROM t", "SELECT a %% 2, '50%%' FROM t"),
        ("SELECT CAST(a AS TEXT)::int FROM t WHERE b IS ?", "SELECT CAST(a AS TEXT)::int FROM t WHERE b IS NOT DISTINCT FROM %s"),
        ("SELECT a FROM t WHERE b IS NULL OR :c IS NOT NULL", "SELECT a FROM t WHERE b IS NULL OR CAST(%(c)s AS TEXT) IS NOT NULL"),
    ],
)
def test_places_are_rewritten_and_texts_are_not(statement, expected):
    assert rewritten(statement) == expected


def test_an_insertion_of_one_row_becomes_one_of_any_number():
    text, columns = of_json("INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT (a) DO NOTHING")
    assert columns == ("a", "b")
    assert text == (
        "INSERT INTO t (a, b) SELECT a, b FROM json_populate_recordset(CAST(NULL AS t), CAST(? AS JSON)) AS given ON CONFLICT (a) DO NOTHING"
    )


def test_an_insertion_of_other_things_is_not_taken_for_one():
    with pytest.raises(ValueError, match="places alone"):
        of_json("INSERT INTO t (a) VALUES (upper(?))")
