"""What is held of an account, table by table: which rows are its own, what of them may leave, what becomes of them when the account goes.

The one list that export and deletion go by. A table of the schema that is neither here nor in `NOT_HELD` fails a test, and so does a
record of the inventory: what is stored can be forgotten by neither. Constant SQL that SQLite and PostgreSQL both read; the account is
the parameter `:account`, and every condition names it.
"""

import enum
from types import MappingProxyType
from typing import TypeAlias

import msgspec

Cell: TypeAlias = str | float | bytes | None
"""A value of a row, as a driver gives it."""


class Fate(enum.StrEnum):
    """What becomes of rows when their account is deleted."""

    DELETED = "deleted"
    DETACHED = "detached"
    """They stay, under a random name that leads to nobody."""
    KEPT = "kept"


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """One table's rows of an account."""

    record: str
    """Its name in the inventory."""
    table: str
    mine: str
    """SQL condition: rows that are the account's."""
    order: tuple[str, ...]
    """Columns that are never null and together name a row: pages are read in their order."""
    why: str
    """Why its rows go, or why they must stay."""
    fate: Fate = Fate.DELETED
    goes: str | None = None
    """SQL condition of the rows that go, where that is not all of `mine`."""
    withheld: tuple[tuple[str, str], ...] = ()
    """Columns that an archive describes and does not hold, with the reason."""
    json: frozenset[str] = frozenset()
    """Columns that hold JSON as text."""
    page: int = 500
    """Rows that are read at a time at most: those with large values are few."""

    @property
    def gone(self) -> str:
        """Condition of the rows that go."""
        return self.goes or self.mine


_ACCOUNT = "account = :account"
OWN_PEOPLE = (
    "SELECT id FROM people WHERE NOT operator AND id NOT IN (SELECT person FROM members WHERE account <> :account) "
    "AND (id IN (SELECT person FROM members WHERE account = :account) "
    "OR id IN (SELECT subject FROM changes WHERE account = :account AND what = 'member_removed'))"
)
"""People who belong to this account alone, or did until they were removed, and do not run the gateway: they go with it."""
_HASH = "recognises a secret; the secret itself is not stored, and its hash opens nothing that is yours to take along"
_SEAL = "a secret, sealed under a key that is not in the store: it opens nowhere else"
_CLOSED = "ends with the account"
_RECIPIENTS = frozenset({"recipients"})
HOURS = "usage_hours"

HOLDINGS = (
    Holding(
        record="usage",
        table="usage",
        mine=_ACCOUNT,
        order=("at", "decision"),
        why="what its requests were; nobody needs it once the account is gone",
    ),
    Holding(record=HOURS, table=HOURS, mine=_ACCOUNT, order=("dimension", "hour", "label"), why="sums of its usage rows"),
    Holding(
        record="decision",
        table="decision_records",
        mine=_ACCOUNT,
        order=("at", "decision"),
        fate=Fate.DETACHED,
        why="the paper trail that the data classes confidential and regulated ask for is append-only; a second later it is in the audit "
        "log, whose random ids lead to nobody then. Of records that still wait for that, the account is replaced by a random name "
        "that the report alone holds, and the key by the word `deleted`; what was decided stays",
        json=frozenset({"data_classes", "permitted", "denied"}),
    ),
    Holding(
        record="contradictions",
        table="contradictions",
        mine="credential IN (SELECT id FROM credentials WHERE account = :account) OR EXISTS "
        "(SELECT 1 FROM usage WHERE usage.decision = contradictions.decision AND usage.account = :account)",
        order=("at", "endpoint", "credential", "code"),
        fate=Fate.KEPT,
        why="a provider's broken promise protects everybody else; it names no account, and its two random ids lead nowhere any more",
    ),
    Holding(
        record="settings",
        table="settings",
        mine="(layer = 'account' AND subject = :account) "
        "OR (layer = 'project' AND subject IN (SELECT id FROM projects WHERE account = :account)) "
        "OR (layer = 'key' AND subject IN (SELECT id FROM keys WHERE account = :account))",
        order=("layer", "subject"),
        why=_CLOSED,
        json=frozenset({"body"}),
    ),
    Holding(record="links", table="links", mine=_ACCOUNT, order=("sha256",), why=_CLOSED, withheld=(("sha256", _HASH),)),
    Holding(
        record="privacy_messages", table="privacy_messages", mine=_ACCOUNT, order=("at", "id"), why="what people wrote to the privacy team"
    ),
    Holding(record="privacy_requests", table="privacy_requests", mine=_ACCOUNT, order=("opened_at", "id"), why=_CLOSED),
    Holding(record="privacy_notices", table="privacy_notices", mine=_ACCOUNT, order=("at", "id"), why=_CLOSED, json=frozenset({"facts"})),
    Holding(record="deliveries", table="deliveries", mine=_ACCOUNT, order=("id",), why=_CLOSED),
    Holding(record="notifications", table="notifications", mine=_ACCOUNT, order=("at", "id"), why=_CLOSED, json=frozenset({"body"})),
    Holding(record="notices_seen", table="notices_seen", mine=_ACCOUNT, order=("person",), why=_CLOSED),
    Holding(record="holds", table="holds", mine=_ACCOUNT, order=("subject", "number"), why=_CLOSED, json=frozenset({"before"})),
    Holding(
        record="review_settings",
        table="review_settings",
        mine=_ACCOUNT,
        order=("account",),
        why=_CLOSED,
        withheld=(("key_id", _SEAL), ("wrapped", _SEAL), ("ciphertext", _SEAL)),
    ),
    Holding(
        record="sealed_pieces",
        table="sealed_pieces",
        mine=_ACCOUNT,
        order=("entry", "number"),
        why="the ciphertext of the prompt log, which its recipients alone can open",
        withheld=(("padding", "zeros that keep ciphertext out of shared pages"),),
        page=16,
    ),
    Holding(
        record="sealed_logs", table="sealed_logs", mine=_ACCOUNT, order=("at", "decision"), why="what its prompt log kept", json=_RECIPIENTS
    ),
    Holding(record="log_rules", table="log_rules", mine=_ACCOUNT, order=("layer", "subject"), why=_CLOSED),
    Holding(record="log_recipients", table="log_recipients", mine=_ACCOUNT, order=("created_at", "id"), why=_CLOSED),
    Holding(record="log_clearings", table="log_clearings", mine=_ACCOUNT, order=("account",), why=_CLOSED),
    Holding(record="ranking_opt_outs", table="ranking_opt_outs", mine=_ACCOUNT, order=("account",), why=_CLOSED),
    Holding(record="slices", table="slices", mine=_ACCOUNT, order=("lineage", "worker"), why=_CLOSED),
    Holding(record="recent_requests", table="recent_requests", mine=_ACCOUNT, order=("lineage", "second"), why=_CLOSED),
    Holding(record="spending", table="spending", mine=_ACCOUNT, order=("lineage", "day"), why=_CLOSED),
    Holding(
        record="provisioning_keys",
        table="provisioning_keys",
        mine=_ACCOUNT,
        order=("created_at", "id"),
        why="revoked first",
        withheld=(("sha256", _HASH),),
    ),
    Holding(
        record="keys",
        table="keys",
        mine=_ACCOUNT,
        order=("created_at", "id"),
        why="revoked first, so that nothing is accepted while the rest goes",
        withheld=(("sha256", _HASH),),
    ),
    Holding(
        record="credentials",
        table="credentials",
        mine=_ACCOUNT,
        order=("created_at", "id"),
        why="the sealed secret is destroyed first",
        withheld=(("key_id", _SEAL), ("wrapped", _SEAL), ("ciphertext", _SEAL)),
        json=frozenset({"declared"}),
    ),
    Holding(record="projects", table="projects", mine=_ACCOUNT, order=("id",), why=_CLOSED),
    Holding(
        record="sessions",
        table="sessions",
        mine=f"person IN ({OWN_PEOPLE})",
        order=("sha256",),
        why="of people who belong to this account alone; others stay signed in elsewhere and see nothing of it",
        withheld=(("sha256", _HASH),),
    ),
    Holding(
        record="identities",
        table="identities",
        mine=f"person IN ({OWN_PEOPLE})",
        order=("issuer", "subject"),
        why="how people who belong to this account alone sign in",
    ),
    Holding(record="members", table="members", mine=_ACCOUNT, order=("person",), why=_CLOSED),
    Holding(
        record="people",
        table="people",
        mine=f"id IN (SELECT person FROM members WHERE account = :account) OR id IN ({OWN_PEOPLE})",  # noqa: S608 made of constants alone
        goes=f"id IN ({OWN_PEOPLE})",
        order=("id",),
        why="people who belong to this account alone, or did; those of other accounts, and the gateway's operators, stay there",
        withheld=(("password", "an argon2id hash, to sign in here; it is of no use elsewhere"),),
    ),
    Holding(
        record="changes",
        table="changes",
        mine=_ACCOUNT,
        order=("at", "person", "what", "subject", '"before"', '"after"'),
        why="who changed what in the account: names its members, and who was one",
        json=frozenset({"before", "after"}),
    ),
    Holding(record="closings", table="closings", mine=_ACCOUNT, order=("account",), why="the note that the account is being deleted"),
    Holding(
        record="audit_entries",
        table="audit_entries",
        # Where an entry names an account, that stands first in it: "account" comes before all other names of fields.
        mine="substr(entry, 13, 28) IN (SELECT CAST(log_id AS BLOB) FROM audit_names WHERE kind = 'account' AND account = :account)",
        order=("position",),
        fate=Fate.KEPT,
        why="nobody can take anything out of the audit log; its entries say who by random ids, which lead to nobody any more",
        json=frozenset({"entry"}),
    ),
    Holding(
        record="audit_names",
        table="audit_names",
        mine=_ACCOUNT,
        order=("log_id",),
        why="whose the audit log's random ids are",
    ),
    Holding(record="accounts", table="accounts", mine="id = :account", order=("id",), why="the account itself"),
)
"""In the order in which their rows can go: whoever is referred to goes later."""

NOT_HELD = MappingProxyType(
    {
        "usage_added": "one number for the whole gateway; names no account",
        "starts": "counts of the whole gateway; names no account",
        "ranking_ledger": "which weeks were released; names no account",
        "ranking_releases": "counts with noise that are public; names no account",
        "catalogues": "facts about providers and models; names no account",
        "catalogue_updates": "what the operator installed, for all accounts",
        "audit_request": "what an entry of audit_entries says of a request",
        "audit_tiles": "hashes over the entries of all accounts",
        "audit_checkpoints": "signatures over the hashes of all entries",
        "log": "events of the process; of requests it names the first answer that contradicted a promise, by its decision",
        "accepted": "counts of a running process; names no account",
        "audit_pending": "what waits a second for the audit log, which is entered before an account's rows go",
    }
)
"""Records of the inventory of which no row is an account's."""


def count(holding: Holding, condition: str) -> str:
    """The statement that counts rows."""
    return f"SELECT count(*) FROM {holding.table} WHERE {condition}"  # noqa: S608 made of constants alone


def delete(holding: Holding) -> str:
    """The statement that deletes an account's rows."""
    return f"DELETE FROM {holding.table} WHERE {holding.gone}"  # noqa: S608 made of constants alone


def page(holding: Holding, *, first: bool) -> str:
    """The statement that reads a page of rows in order: the first, or the one after the row whose order values `after` names."""
    order = ", ".join(holding.order)
    marks = ", ".join(f":{name}" for name in after((None,) * len(holding.order)))
    later = "" if first else f" AND ({order}) > ({marks})"
    return f"SELECT * FROM {holding.table} WHERE ({holding.mine}){later} ORDER BY {order} LIMIT :limit"  # noqa: S608 made of constants alone


def after(values: tuple[Cell, ...]) -> dict[str, Cell]:
    """The order values of a page's last row, as the parameters of the next page's statement."""
    return {f"after_{letter}": value for letter, value in zip("abcdefgh", values, strict=False)}


BEGIN_CLOSING = "INSERT INTO closings (account, since) VALUES (:account, :at) ON CONFLICT (account) DO NOTHING"
IS_CLOSING = "SELECT 1 FROM closings WHERE account = :account"
REVOKE_KEYS = "UPDATE keys SET revoked_at = :at WHERE account = :account AND revoked_at IS NULL"
REVOKE_PROVISIONING_KEYS = "UPDATE provisioning_keys SET revoked_at = :at WHERE account = :account AND revoked_at IS NULL"
REVOKE_CREDENTIALS = """
UPDATE credentials SET disabled_at = :at, declared = '{}', wrapped = :nothing, ciphertext = :nothing
WHERE account = :account AND disabled_at IS NULL
"""
DELETE_HOURS = "DELETE FROM usage_hours WHERE account = :account"
USAGE_BATCH_END = """
SELECT max(at) FROM (SELECT at FROM usage WHERE account = :account AND at >= :since ORDER BY at LIMIT :limit) AS batch
"""
DELETE_USAGE_BATCH = "DELETE FROM usage WHERE account = :account AND at >= :since AND at <= :until"
DETACH = "UPDATE decision_records SET account = :name, \"key\" = 'deleted' WHERE account = :account"
DELETE_PERSON = "DELETE FROM people WHERE id = :person"
