"""The audit log: entries, full tiles, signed checkpoints, the names behind its random ids, and changes that wait to be entered.

Changes are noted by triggers, in the transaction of the change itself, whoever makes it: the server, a command, or somebody with a shell.
The triggers are SQLite's; another database needs its own.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0004"

APPEND_ONLY = ("audit_entries", "audit_tiles", "audit_checkpoints")
NOW = "CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER)"


def upgrade() -> None:
    """Make the tables `audit_entries`, `audit_tiles`, `audit_checkpoints`, `audit_names` and `audit_pending`, and their triggers."""
    op.create_table(
        "audit_entries",
        _whole("position", primary_key=True, autoincrement=False),
        _text("ref", nullable=True, unique=True),
        sa.Column("entry", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "audit_tiles",
        _whole("level"),
        _whole("number"),
        *[sa.Column(name, sa.LargeBinary, nullable=False) for name in ("hashes", "root")],
        sa.PrimaryKeyConstraint("level", "number"),
    )
    op.create_table("audit_checkpoints", _whole("size", primary_key=True, autoincrement=False), _text("note"))
    op.create_table(
        "audit_names",
        _text("log_id", primary_key=True),
        *[_text(name) for name in ("kind", "account", "subject")],
        sa.UniqueConstraint("kind", "account", "subject", name="audit_names_subject"),
    )
    op.create_index("audit_names_account", "audit_names", ["account"])
    op.create_table("audit_pending", _text("id", primary_key=True), _whole("at"), _text("kind"), _text("body"))
    if op.get_bind().dialect.name == "sqlite":
        _protect()
        _take_over()
        _forget()
        _note_changes()


def _text(name: str, *, nullable: bool = False, primary_key: bool = False, unique: bool | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable, primary_key=primary_key, unique=unique)


def _whole(name: str, *, primary_key: bool = False, autoincrement: bool = False) -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Column(name, kind, nullable=False, primary_key=primary_key, autoincrement=autoincrement)


def _protect() -> None:
    """Nothing is changed, deleted or replaced; an entry stands right behind the last one."""
    for table in APPEND_ONLY:
        refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        op.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}")
        op.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse}")
        if table == "audit_entries":
            taken = "NEW.position <> (SELECT coalesce(max(position) + 1, 0) FROM audit_entries)"
        elif table == "audit_tiles":
            taken = "EXISTS (SELECT 1 FROM audit_tiles WHERE level = NEW.level AND number = NEW.number)"
        else:
            taken = "EXISTS (SELECT 1 FROM audit_checkpoints WHERE size = NEW.size)"
        # INSERT OR REPLACE deletes without firing the trigger above.
        op.execute(f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {taken} {refuse}")


def _take_over() -> None:
    """What waited goes in the same statement that enters it: a decision record, a change."""
    op.execute("DROP TRIGGER decision_records_no_delete")
    op.execute("DROP TRIGGER decision_records_no_replace")
    op.execute(
        "CREATE TRIGGER decision_records_no_replace BEFORE INSERT ON decision_records "
        "WHEN EXISTS (SELECT 1 FROM decision_records WHERE decision = NEW.decision) "
        "OR EXISTS (SELECT 1 FROM audit_entries WHERE ref = 'd:' || NEW.decision) "
        "BEGIN SELECT RAISE(ABORT, 'decision_records is append-only'); END"
    )
    op.execute(
        "CREATE TRIGGER decision_records_no_delete BEFORE DELETE ON decision_records "
        "WHEN NOT EXISTS (SELECT 1 FROM audit_entries WHERE ref = 'd:' || OLD.decision) "
        "BEGIN SELECT RAISE(ABORT, 'decision_records is append-only'); END"
    )
    op.execute(
        "CREATE TRIGGER audit_pending_no_delete BEFORE DELETE ON audit_pending "
        "WHEN NOT EXISTS (SELECT 1 FROM audit_entries WHERE ref = 'c:' || OLD.id) "
        "BEGIN SELECT RAISE(ABORT, 'audit_pending is append-only'); END"
    )
    op.execute(
        "CREATE TRIGGER audit_pending_no_update BEFORE UPDATE ON audit_pending "
        "BEGIN SELECT RAISE(ABORT, 'audit_pending is append-only'); END"
    )
    op.execute(
        "CREATE TRIGGER audit_entries_take AFTER INSERT ON audit_entries WHEN NEW.ref >= 'c:' AND NEW.ref < 'd;' BEGIN "
        "DELETE FROM decision_records WHERE 'd:' || decision = NEW.ref AND decision = substr(NEW.ref, 3); "
        "DELETE FROM audit_pending WHERE 'c:' || id = NEW.ref AND id = substr(NEW.ref, 3); END"
    )


def _forget() -> None:
    """The names behind an account's random ids die with the account; the log says, by that id, that it did."""
    gone = "(SELECT log_id FROM audit_names WHERE kind = '{kind}' AND subject = OLD.id)"
    account = _pending("account_deleted", f"'log_id', {gone.format(kind='account')}")
    op.execute(
        f"CREATE TRIGGER audit_accounts_delete AFTER DELETE ON accounts BEGIN {account}; "  # noqa: S608
        "DELETE FROM audit_names WHERE account = OLD.id; END"
    )
    person = _pending("person_deleted", f"'log_id', {gone.format(kind='person')}")
    op.execute(
        f"CREATE TRIGGER audit_people_delete AFTER DELETE ON people BEGIN {person}; "  # noqa: S608
        "DELETE FROM audit_names WHERE kind = 'person' AND subject = OLD.id; END"
    )


def _note_changes() -> None:
    """Who may do what, and what is asked of data policies: each change with its values, free text and addresses left out."""
    key = "'account', {row}.account, 'key', {row}.id"
    member = "'account', {row}.account, 'person', {row}.person, 'role', {row}.role"
    credential = "'account', NEW.account, 'credential', NEW.id, 'provider', NEW.provider, 'tier', NEW.tier, 'version', NEW.version"
    settings = (
        "'layer', {row}.layer, 'subject', {row}.subject, 'account', CASE {row}.layer WHEN 'account' THEN {row}.subject "
        "WHEN 'project' THEN (SELECT account FROM projects WHERE id = {row}.subject) "
        "WHEN 'key' THEN (SELECT account FROM keys WHERE id = {row}.subject) END"
    )
    contradiction = "'endpoint', NEW.endpoint, 'credential', NEW.credential, 'code', NEW.code, 'decision', NEW.decision"
    new, old = {"row": "NEW"}, {"row": "OLD"}
    for name, event, kind, body in (
        ("accounts_insert", "INSERT ON accounts", "account_added", "'account', NEW.id"),
        ("projects_insert", "INSERT ON projects", "project_added", "'account', NEW.account, 'project', NEW.id"),
        ("keys_insert", "INSERT ON keys", "key_added", f"{key.format(**new)}, 'project', NEW.project, 'ends', {_ms('NEW.expires_at')}"),
        ("keys_revoke", "UPDATE OF revoked_at ON keys", "key_revoked", key.format(**new)),
        ("keys_end", "UPDATE OF expires_at ON keys", "key_ends", f"{key.format(**new)}, 'ends', {_ms('NEW.expires_at')}"),
        ("keys_delete", "DELETE ON keys", "key_deleted", key.format(**old)),
        ("settings_insert", "INSERT ON settings", "settings", f"{settings.format(**new)}, 'after', NEW.body"),
        ("settings_update", "UPDATE ON settings", "settings", f"{settings.format(**new)}, 'before', OLD.body, 'after', NEW.body"),
        ("settings_delete", "DELETE ON settings", "settings", f"{settings.format(**old)}, 'before', OLD.body"),
        ("credentials_insert", "INSERT ON credentials", "credential_added", credential),
        ("credentials_revoke", "UPDATE OF disabled_at ON credentials", "credential_revoked", credential),
        ("credentials_update", "UPDATE OF tier, declared, version ON credentials WHEN NEW.disabled_at IS NULL", "credential", credential),
        ("members_insert", "INSERT ON members", "member", member.format(**new)),
        ("members_update", "UPDATE ON members", "member", member.format(**new)),
        ("members_delete", "DELETE ON members", "member_removed", member.format(**old)),
        ("people_insert", "INSERT ON people", "person_added", "'person', NEW.id, 'operator', NEW.operator"),
        ("people_update", "UPDATE OF operator, disabled_at ON people", "person", _person()),
        ("people_password", "UPDATE OF password ON people", "password_changed", "'person', NEW.id"),
        ("contradictions_insert", "INSERT ON contradictions", "contradiction", contradiction),
        ("contradictions_clear", "UPDATE OF cleared_at ON contradictions", "contradiction_cleared", contradiction),
        ("changes_insert", "INSERT ON changes", "action", "'account', NEW.account, 'person', NEW.person, 'what', NEW.what"),
    ):
        op.execute(f"CREATE TRIGGER audit_{name} AFTER {event} BEGIN {_pending(kind, body)}; END")


def _person() -> str:
    return f"'person', NEW.id, 'operator', NEW.operator, 'disabled', {_ms('NEW.disabled_at')}"


def _ms(column: str) -> str:
    """Unix seconds as whole milliseconds."""
    return f"CAST({column} * 1000 AS INTEGER)"


def _pending(kind: str, body: str) -> str:
    return (
        "INSERT INTO audit_pending (id, at, kind, body) "  # noqa: S608 made of constants alone
        f"VALUES (lower(hex(randomblob(12))), {NOW}, '{kind}', json_object({body}))"
    )
