"""Triggers that note a change for the audit log, written once for both databases. Knows no table but the one of what waits."""

from alembic import op

NOW = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER)",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
}
"""Unix milliseconds."""
NEW_ID = {"sqlite": "lower(hex(randomblob(12)))", "postgresql": "replace(CAST(gen_random_uuid() AS TEXT), '-', '')"}
OBJECT = {"sqlite": "json_object({})", "postgresql": "CAST(json_build_object({}) AS TEXT)"}


def after(name: str, event: str, body: str, when: str = "") -> None:
    """Have the database run statements after `event` (`UPDATE OF column ON table`) for each row, where `when` holds, if given."""
    if dialect() == "sqlite":
        op.execute(f"CREATE TRIGGER {name} AFTER {event} {f'WHEN {when} ' if when else ''}BEGIN {body}; END")
        return
    op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; RETURN NULL; END $$")
    condition = f"WHEN ({when}) " if when else ""
    op.execute(f"CREATE TRIGGER {name} AFTER {event} FOR EACH ROW {condition}EXECUTE FUNCTION {name}()")


def drop(name: str, table: str) -> None:
    """Take away what `after` made."""
    if dialect() == "sqlite":
        op.execute(f"DROP TRIGGER {name}")
        return
    op.execute(f"DROP TRIGGER {name} ON {table}")
    op.execute(f"DROP FUNCTION {name}()")


def by(column: str) -> str:
    """Who did it: a person, a provisioning key, or what else there is (the command line)."""
    person, program = f"(SELECT id FROM people WHERE id = {column})", f"(SELECT id FROM provisioning_keys WHERE id = {column})"  # noqa: S608
    return f"'person', {person}, 'provisioning', {program}, 'by', CASE WHEN {column} = 'cli' THEN 'cli' END"


def pending(kind: str, body: str, where: str = "") -> str:
    """The statement that notes a change of this kind with these fields, where `where` holds, if given."""
    spoken = dialect()
    return (
        "INSERT INTO audit_pending (id, at, kind, body) "
        f"SELECT {NEW_ID[spoken]}, {NOW[spoken]}, '{kind}', {OBJECT[spoken].format(body)}{f' WHERE {where}' if where else ''}"
    )


def dialect() -> str:
    """The database that is migrated: sqlite or postgresql."""
    return op.get_bind().dialect.name
