"""The statements as PostgreSQL takes them: placeholders rewritten, and the few that it spells otherwise written out.

`tests/unit/storage/test_postgres_statements.py` has a server prepare every statement there is.
"""

import functools
import re

_ABSENT = re.compile(r"(:[a-z_]+|\?) IS (?=NULL|NOT NULL)")
_VALUES = re.compile(r"INSERT INTO (\w+) \(([\w, ]+)\) VALUES \([?, ]+\)")
_QUOTED_OR_PLACE = re.compile(r"'(?:[^']|'')*'|(?<!:):([a-z_]+)|\?|\bIS (?=\?|:[a-z])|%")
_INSTEAD = (
    ("date(at, 'unixepoch')", "to_char(to_timestamp(at) AT TIME ZONE 'UTC', 'YYYY-MM-DD')"),
    ("strftime('%Y-%m-%d %H:00', at, 'unixepoch')", "to_char(to_timestamp(at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:00')"),
    ("min(:default_days, ", "least(:default_days, "),
    ("SELECT value FROM json_each(:list)", "SELECT value FROM json_array_elements_text(CAST(:list AS JSON)) AS value"),
    ("PRAGMA synchronous=FULL", "SELECT set_config(name, reset_val, FALSE) FROM pg_settings WHERE name = 'synchronous_commit'"),
    ("PRAGMA synchronous=NORMAL", "SELECT set_config('synchronous_commit', 'off', FALSE)"),
    ("CAST(entry AS BLOB)", "entry"),  # there it is what it was declared to be
    ("CAST(hashes AS BLOB), CAST(root AS BLOB)", "hashes, root"),
    ("CAST(log_id AS BLOB)", "CAST(log_id AS BYTEA)"),
    # Takes a transaction id, so that its commit goes through the WAL and its fsync; changes nothing.
    ("PRAGMA user_version = 0", "SELECT pg_current_xact_id()"),
)
"""Parts of statements that SQLite has in its own words."""


@functools.cache
def rewritten(statement: str) -> str:
    """The statement for psycopg: `?` is `%s`, `:name` is `%(name)s`, a comparison that takes NULL for equal is spelt out."""
    for part, instead in _INSTEAD:
        statement = statement.replace(part, instead)
    statement = _ABSENT.sub(r"CAST(\1 AS TEXT) IS ", statement)  # alone it would say nothing of the value's type
    return _QUOTED_OR_PLACE.sub(_place, statement)


@functools.cache
def of_json(statement: str) -> tuple[str, tuple[str, ...]]:
    """An insertion of one row as one of any number, which come as a JSON list of objects; and the columns that these have."""
    found = _VALUES.match(statement)
    if found is None:
        raise ValueError("not an insertion of places alone")
    table, columns = found[1], found[2]
    source = f"SELECT {columns} FROM json_populate_recordset(CAST(NULL AS {table}), CAST(? AS JSON)) AS given"  # noqa: S608 constants alone
    text = f"INSERT INTO {table} ({columns}) {source}{statement[found.end() :]}"
    return text, tuple(column.strip() for column in columns.split(","))


def _place(found: re.Match[str]) -> str:
    text = found.group()
    if text.startswith("'"):
        return text.replace("%", "%%")
    if found[1]:
        return f"%({found[1]})s"
    return {"?": "%s", "IS ": "IS NOT DISTINCT FROM ", "%": "%%"}[text]
