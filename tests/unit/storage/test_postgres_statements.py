"""Every statement there is, rewritten for PostgreSQL and prepared by a server: what only SQLite takes fails here."""

import importlib
import itertools
import pkgutil
import re

import psycopg
import pytest
from tests.tools import postgres

import anyapi.storage
from anyapi.storage.postgres_statements import of_json, rewritten

MODULES = [
    name for _, name, _ in pkgutil.iter_modules(anyapi.storage.__path__) if name.endswith("statements") and name != "postgres_statements"
]


def statements():
    for module in map(importlib.import_module, (f"anyapi.storage.{name}" for name in MODULES)):
        for name, value in vars(module).items():
            texts = (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ()
            found = [text for text in texts if isinstance(text, str) and re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|PRAGMA) ", text)]
            if name.isupper() and not name.startswith("_"):
                yield from (pytest.param(text, id=f"{name}-{number}") for number, text in enumerate(found))
            if callable(value) and name.startswith("insert_"):
                yield from (pytest.param(value(rows), id=f"{name}-{rows}") for rows in (1, 8))
                yield pytest.param(of_json(value(1))[0], id=f"{name}-json")


ALL = list(statements())


@pytest.fixture(scope="module")
def server():
    with postgres.run().database() as url, psycopg.connect(url, autocommit=True) as raw:
        yield raw


def test_all_modules_of_statements_are_looked_at():
    assert {"statements", "people_statements"} <= set(MODULES)
    assert len(ALL) > 60


@pytest.mark.parametrize("statement", ALL)
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
