"""The audit log: entries, full tiles, signed checkpoints, the names behind its random ids, and changes that wait to be entered.

Changes are noted by triggers, in the transaction of the change itself, whoever makes it: the server, a command, or somebody with a shell.
Each trigger is written once; what the two databases spell otherwise is put in by `noted.after` and what it calls.
"""

from typing import TypeAlias

import sqlalchemy as sa
from alembic import op

from anyapi.storage.migrations.guarded import refuse
from anyapi.storage.migrations.noted import after, by, dialect, pending

revision = "0013"
down_revision = "0012"

APPEND_ONLY = ("audit_entries", "audit_tiles", "audit_checkpoints")
_Changes: TypeAlias = tuple[tuple[str, str, str, str], ...]
"""Name and event of a trigger, kind and fields of what it notes."""


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
    # No primary key: then a `rowid` orders what is of one millisecond on both databases.
    op.create_table("audit_pending", _text("id", unique=True), _whole("at"), _text("kind"), _text("body"))
    _protect()
    _take_over()
    _forget()
    _note_changes()
    if dialect() == "postgresql":
        _wall()


def _text(name: str, *, nullable: bool = False, primary_key: bool = False, unique: bool | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable, primary_key=primary_key, unique=unique)


def _whole(name: str, *, primary_key: bool = False, autoincrement: bool = False) -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Column(name, kind, nullable=False, primary_key=primary_key, autoincrement=autoincrement)


def _protect() -> None:
    """Nothing is changed, deleted or replaced; an entry stands right behind the last one."""
    for table in APPEND_ONLY:
        text = f"{table} is append-only"
        refuse(table, text, name=f"{table}_no_update", event="UPDATE")
        refuse(table, text, name=f"{table}_no_delete", event="DELETE")
    _refuse_where("audit_entries", "no_replace", "INSERT", "NEW.position <> (SELECT coalesce(max(position) + 1, 0) FROM audit_entries)")
    if dialect() == "sqlite":  # INSERT OR REPLACE deletes without firing the trigger above
        taken = "EXISTS (SELECT 1 FROM audit_tiles WHERE level = NEW.level AND number = NEW.number)"
        _refuse_where("audit_tiles", "no_replace", "INSERT", taken)
        _refuse_where("audit_checkpoints", "no_replace", "INSERT", "EXISTS (SELECT 1 FROM audit_checkpoints WHERE size = NEW.size)")


def _refuse_where(table: str, name: str, event: str, when: str) -> None:
    """As `guarded.refuse`, where `when` asks other rows: a condition of a trigger of PostgreSQL cannot do that, its function can."""
    if dialect() == "sqlite":
        refuse(table, f"{table} is append-only", name=f"{table}_{name}", event=event, when=when)
        return
    op.execute(
        f"CREATE FUNCTION {table}_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {when} THEN RAISE EXCEPTION '{table} is append-only' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
        f"IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$"
    )
    op.execute(f"CREATE TRIGGER {table}_{name} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_{name}()")


def _take_over() -> None:
    """What waited goes in the same statement that enters it: a decision record, a change."""
    on = " ON decision_records" if dialect() == "postgresql" else ""
    op.execute(f"DROP TRIGGER decision_records_no_delete{on}")
    entered = "EXISTS (SELECT 1 FROM audit_entries WHERE ref = 'd:' || {}.decision)"
    taken = entered.format("NEW")
    if dialect() == "sqlite":
        op.execute("DROP TRIGGER decision_records_no_replace")
        taken = f"EXISTS (SELECT 1 FROM decision_records WHERE decision = NEW.decision) OR {taken}"  # noqa: S608 made of constants alone
    _refuse_where("decision_records", "no_replace", "INSERT", taken)
    _refuse_where("decision_records", "no_delete", "DELETE", f"NOT {entered.format('OLD')}")
    refuse("audit_pending", "audit_pending is append-only", name="audit_pending_no_update", event="UPDATE")
    unentered = "NOT EXISTS (SELECT 1 FROM audit_entries WHERE ref = 'c:' || OLD.id)"
    _refuse_where("audit_pending", "no_delete", "DELETE", unentered)
    after(
        "audit_entries_take",
        "INSERT ON audit_entries",
        "DELETE FROM decision_records WHERE 'd:' || decision = NEW.ref AND decision = substr(NEW.ref, 3); "
        "DELETE FROM audit_pending WHERE 'c:' || id = NEW.ref AND id = substr(NEW.ref, 3)",
        "NEW.ref >= 'c:' AND NEW.ref < 'd;'",
    )


def _forget() -> None:
    """The names behind an account's random ids die with the account; the log says, by that id, that it did."""
    for kind in ("account", "person"):
        after(f"audit_names_{kind}", "DELETE ON audit_names", pending(f"{kind}_deleted", "'log_id', OLD.log_id"), f"OLD.kind = '{kind}'")
    for table, names in (("accounts", "account = OLD.id"), ("people", "kind = 'person' AND subject = OLD.id")):
        body = f"DELETE FROM audit_names WHERE {names}"  # noqa: S608 made of constants alone
        after(f"audit_{table}_delete", f"DELETE ON {table}", _above_the_wall(body))


def _above_the_wall(body: str) -> str:
    """With PostgreSQL, for all accounts: the names of a person are no account's, and are to go whoever deletes the person."""
    if dialect() == "sqlite":
        return body
    return (
        f"DECLARE caller text DEFAULT coalesce(current_setting('anyapi.account', TRUE), ''); BEGIN "
        f"PERFORM set_config('anyapi.account', '*', TRUE); {body}; PERFORM set_config('anyapi.account', caller, TRUE); END"
    )


def _wall() -> None:
    """What waits is of all accounts: each may add to it, and the writer alone reads it and takes it away."""
    op.execute("ALTER TABLE audit_pending ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE audit_pending FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY adds ON audit_pending FOR INSERT WITH CHECK (TRUE)")
    op.execute("CREATE POLICY writer ON audit_pending USING (current_setting('anyapi.account', TRUE) = '*')")


_SETTINGS_OF = (
    "CASE {row}.layer WHEN 'account' THEN {row}.subject WHEN 'project' THEN (SELECT account FROM projects WHERE id = {row}.subject) "
    "WHEN 'key' THEN (SELECT account FROM keys WHERE id = {row}.subject) END"
)
"""Whose settings they are."""
_WITH_ITS_ACCOUNT = {
    "keys_delete": "OLD.account",
    "members_delete": "OLD.account",
    "settings_delete": _SETTINGS_OF.format(row="OLD"),
}
"""Triggers of what goes with an account that is being deleted, and is not told one by one then; each with whose it is."""


def _note_changes() -> None:
    """Who may do what, and what is asked of data policies: each change with its values, free text and addresses left out."""
    for name, event, kind, body in (*_changes_of_keys(), *_changes_of_people(), *_changes_of_policy()):
        owner = _WITH_ITS_ACCOUNT.get(name)
        unless = "" if owner is None else f"NOT EXISTS (SELECT 1 FROM closings WHERE account = {owner})"  # noqa: S608 made of constants alone
        after(f"audit_{name}", event, pending(kind, body, unless), _when(name))


def _changes_of_keys() -> _Changes:
    """Accounts, and what opens something in them."""
    key = "'account', {row}.account, 'key', {row}.id".format
    credential = "'account', NEW.account, 'credential', NEW.id, 'provider', NEW.provider, 'tier', NEW.tier, 'version', NEW.version"
    provisioning = "'account', NEW.account, 'provisioning', NEW.id"
    return (
        ("accounts_insert", "INSERT ON accounts", "account_added", "'account', NEW.id"),
        ("closings_insert", "INSERT ON closings", "account_closing", "'account', NEW.account"),
        ("projects_insert", "INSERT ON projects", "project_added", "'account', NEW.account, 'project', NEW.id"),
        ("keys_insert", "INSERT ON keys", "key_added", f"{key(row='NEW')}, {_new_key()}"),
        ("keys_revoke", "UPDATE OF revoked_at ON keys", "key_revoked", key(row="NEW")),
        ("keys_end", "UPDATE OF expires_at ON keys", "key_ends", f"{key(row='NEW')}, 'ends', {_ms('NEW.expires_at')}"),
        ("keys_able", "UPDATE OF disabled_at ON keys", "key_able", f"{key(row='NEW')}, 'disabled', {_ms('NEW.disabled_at')}"),
        ("keys_limit", "UPDATE OF spend_cap, period, requests_per_minute ON keys", "key_limits", f"{key(row='NEW')}, {_limits()}"),
        ("keys_delete", "DELETE ON keys", "key_deleted", key(row="OLD")),
        ("provisioning_insert", "INSERT ON provisioning_keys", "provisioning_key_added", provisioning),
        ("provisioning_revoke", "UPDATE OF revoked_at ON provisioning_keys", "provisioning_key_revoked", provisioning),
        ("credentials_insert", "INSERT ON credentials", "credential_added", credential),
        ("credentials_revoke", "UPDATE OF disabled_at ON credentials", "credential_revoked", credential),
        ("credentials_update", "UPDATE OF tier, declared, version ON credentials", "credential", credential),
    )


def _changes_of_people() -> _Changes:
    member = "'account', {row}.account, 'person', {row}.person, 'role', {row}.role".format
    person = "'person', NEW.id, 'operator', CAST(NEW.operator AS INTEGER)"
    return (
        ("members_insert", "INSERT ON members", "member", member(row="NEW")),
        ("members_update", "UPDATE ON members", "member", member(row="NEW")),
        ("members_delete", "DELETE ON members", "member_removed", member(row="OLD")),
        ("people_insert", "INSERT ON people", "person_added", person),
        ("people_update", "UPDATE OF operator, disabled_at ON people", "person", f"{person}, 'disabled', {_ms('NEW.disabled_at')}"),
        ("people_password", "UPDATE OF password ON people", "password_changed", "'person', NEW.id"),
        ("identities_insert", "INSERT ON identities", "identity_added", "'person', NEW.person, 'issuer', NEW.issuer"),
        ("changes_insert", "INSERT ON changes", "action", f"'account', NEW.account, 'what', NEW.what, {by('NEW.person')}"),
    )


def _changes_of_policy() -> _Changes:
    settings = f"'layer', {{row}}.layer, 'subject', {{row}}.subject, 'account', {_SETTINGS_OF}".format
    contradiction = "'endpoint', NEW.endpoint, 'credential', NEW.credential, 'code', NEW.code, 'decision', NEW.decision"
    update = (
        "'number', NEW.number, 'source', NEW.source, 'pinned', CAST(NEW.pinned AS INTEGER), 'base', NEW.base, 'effective', NEW.effective"
    )
    review = "'account', NEW.account, 'review_first', CAST(NEW.review_first AS INTEGER)"
    accepted = f"'account', NEW.account, 'record', NEW.subject, 'number', NEW.number, {by('NEW.accepted_by')}"
    return (
        ("settings_insert", "INSERT ON settings", "settings", f"{settings(row='NEW')}, 'after', NEW.body"),
        ("settings_update", "UPDATE ON settings", "settings", f"{settings(row='NEW')}, 'before', OLD.body, 'after', NEW.body"),
        ("settings_delete", "DELETE ON settings", "settings", f"{settings(row='OLD')}, 'before', OLD.body"),
        ("contradictions_insert", "INSERT ON contradictions", "contradiction", contradiction),
        ("contradictions_clear", "UPDATE OF cleared_at ON contradictions", "contradiction_cleared", contradiction),
        ("catalogue_insert", "INSERT ON catalogue_updates", "catalogue", f"{update}, {by('NEW.person')}"),
        ("catalogue_adopt", "UPDATE OF effective ON catalogue_updates", "catalogue", update),
        ("review_insert", "INSERT ON review_settings", "review", review),
        ("review_update", "UPDATE OF review_first ON review_settings", "review", review),
        ("holds_accept", "UPDATE OF accepted_at ON holds", "hold_accepted", accepted),
    )


def _when(name: str) -> str:
    """A condition of a trigger: where the statement that fires it may leave the column as it was."""
    differs = "IS NOT" if dialect() == "sqlite" else "IS DISTINCT FROM"
    return {
        "credentials_update": "NEW.disabled_at IS NULL",
        "keys_able": f"NEW.disabled_at {differs} OLD.disabled_at",
        "keys_limit": " OR ".join(f"NEW.{name} {differs} OLD.{name}" for name in ("spend_cap", "period", "requests_per_minute")),
        "review_update": f"NEW.review_first {differs} OLD.review_first",
    }.get(name, "")


def _new_key() -> str:
    """A key that replaces another shares its limits, and names the first of them."""
    return f"'project', NEW.project, 'ends', {_ms('NEW.expires_at')}, {_limits()}, 'lineage', NEW.lineage"


def _limits() -> str:
    """US dollars as text: entries hold no fractions."""
    return "'spend_cap', CAST(NEW.spend_cap AS TEXT), 'period', NEW.period, 'requests_per_minute', NEW.requests_per_minute"


def _ms(column: str) -> str:
    """Unix seconds as whole milliseconds."""
    return f"CAST({column} * 1000 AS BIGINT)"
