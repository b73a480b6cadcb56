"""Triggers that refuse, in both dialects: how a revision makes a table append-only."""

from alembic import op


def refuse(table: str, text: str, *, name: str, event: str, when: str = "") -> None:
    """Have the database refuse `event` (`DELETE`, `UPDATE OF column`) on rows of `table`, where `when` (of OLD and NEW) holds, if given.

    `text` is what it answers. With PostgreSQL the first of a table refuses TRUNCATE too.
    """
    condition = f"WHEN {when} " if when else ""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"CREATE TRIGGER {name} BEFORE {event} ON {table} {condition}BEGIN SELECT RAISE(ABORT, '{text}'); END")
        return
    op.execute(
        f"CREATE OR REPLACE FUNCTION refuse_{table}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{text}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    condition = f"WHEN ({when}) " if when else ""
    op.execute(f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW {condition}EXECUTE FUNCTION refuse_{table}()")
    op.execute(
        f"CREATE OR REPLACE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_{table}()"
    )
