"""What accounts opted into and whom it is sealed to, in either database: the part of `contract_logs` that a snapshot is built from."""

import msgspec

from anyapi.domain.ids import AccountId
from anyapi.domain.prompt_log import LAYERS, MOST_RECIPIENTS, Keeps, LogRule
from anyapi.domain.requirement import Layer
from anyapi.errors import StorageError
from anyapi.storage import log_statements as statements
from anyapi.storage.audit_notes import note_for_audit
from anyapi.storage.contract_logs import RecipientRow
from anyapi.storage.database import Database, rows_of


class SqlLogRules(Database):
    """Part of `SqlStore`."""

    def log_rules(self, account: AccountId | None = None) -> dict[tuple[AccountId, Layer, str], LogRule]:
        """Give the rules of one account or of all, by account, layer and subject."""
        if account is None:
            found = self._read("read the log rules", statements.RULES)
        else:
            found = self._read("read the log rules", statements.RULES_OF_ACCOUNT, (account,))
        rules: dict[tuple[AccountId, Layer, str], LogRule] = {}
        for owner, layer, subject, keeps, share, days in found:
            rule = LogRule(Keeps(str(keeps)), msgspec.convert(share, float), msgspec.convert(days, float))
            rules[AccountId(str(owner)), Layer(str(layer)), str(subject)] = rule
        return rules

    def put_log_rule(self, account: AccountId, layer: Layer, subject: str, rule: LogRule, at: float) -> None:
        """Put a rule of an account, a project or a key."""
        named = {"account": account, "layer": layer.value, "subject": subject}
        with self._transaction("put the log rule") as connection:
            if layer not in LAYERS or connection.execute(statements.SUBJECT_IS_THE_ACCOUNTS, named).fetchone() is None:
                raise StorageError(f"the account has no {layer} of that id to keep a log of")
            connection.execute(statements.PUT_RULE, (*named.values(), rule.keeps.value, rule.share, rule.ttl_days, at))
            told = {"keeps": rule.keeps.value, "share": str(rule.share), "ttl_days": str(rule.ttl_days)}  # entries hold no fractions
            note_for_audit(connection, "log_rule", {**named, **told})

    def drop_log_rule(self, account: AccountId, layer: Layer, subject: str) -> bool:
        """Take a rule back."""
        with self._transaction("take the log rule back") as connection:
            gone = connection.execute(statements.DROP_RULE, (account, layer.value, subject)).rowcount > 0
            if gone:
                note_for_audit(connection, "log_rule_dropped", {"account": account, "layer": layer.value, "subject": subject})
        return gone

    def log_recipients(self, account: AccountId | None = None) -> list[RecipientRow]:
        """Give the recipients of one account or of all, oldest first."""
        if account is None:
            return rows_of(RecipientRow, self._read("read the recipients", statements.RECIPIENTS))
        return rows_of(RecipientRow, self._read("read the recipients", statements.RECIPIENTS_OF_ACCOUNT, (account,)))

    def add_log_recipient(self, row: RecipientRow) -> None:
        """Add a recipient."""
        with self._transaction("add the recipient") as connection:
            found = connection.execute(statements.COUNT_RECIPIENTS, (row.account,)).fetchone()
            if found is not None and int(str(found[0])) >= MOST_RECIPIENTS:
                raise StorageError(f"an account has at most {MOST_RECIPIENTS} recipients: remove one first")
            connection.execute(statements.ADD_RECIPIENT, msgspec.structs.astuple(row))
            note_for_audit(connection, "log_recipient", {"account": row.account, "recipient": row.id})

    def drop_log_recipient(self, account: AccountId, recipient: str) -> bool:
        """Remove a recipient."""
        with self._transaction("remove the recipient") as connection:
            gone = connection.execute(statements.DROP_RECIPIENT, (account, recipient)).rowcount > 0
            if gone:
                note_for_audit(connection, "log_recipient_removed", {"account": account, "recipient": recipient})
        return gone
