"""The ranking of models in either database: the store of `storage/contract_ranking.py`. Every method raises `StorageError` alone."""

import msgspec

from anyapi.domain.ids import AccountId, ModelId
from anyapi.domain.ranking import Release
from anyapi.errors import StorageError
from anyapi.storage import ranking_statements as statements
from anyapi.storage.audit_notes import note_for_audit
from anyapi.storage.database import Database

_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(Release).decode


class SqlRanking(Database):
    """A connection of its own beside that of `SqlStore`."""

    def left_out(self) -> frozenset[AccountId]:
        """Give the accounts that take no part, and those that are being deleted."""
        return frozenset(AccountId(str(account)) for (account,) in self._read("read who takes no part", statements.LEFT_OUT))

    def takes_part(self, account: AccountId) -> bool:
        """Say whether an account takes part."""
        return not self._read("read who takes no part", statements.TAKES_PART, (account,))

    def take_part(self, account: AccountId, *, part: bool) -> None:
        """Have an account take part, or not."""
        with self._transaction("note who takes part") as connection:
            if connection.execute(statements.JOIN if part else statements.LEAVE, (account,)).rowcount > 0:
                note_for_audit(connection, "ranking", {"account": account, "takes_part": int(part)})

    def spend(self, week: str, epsilon: float, delta: float) -> bool:
        """Note in the ledger that a week is released; False for one that is noted already."""
        return self._write("note the release", statements.SPEND, (week, epsilon, delta)) > 0

    def add_release(self, release: Release) -> None:
        """Add a release."""
        self._write("add the release", statements.ADD_RELEASE, (release.week, _encode(release).decode()))

    def answered(self, since: float, until: float) -> dict[ModelId, tuple[int, int]]:
        """Give how many requests of each model went to a provider, and how many of them were answered."""
        rows = self._read("read how models did", statements.ANSWERED, (since, until))
        return {ModelId(str(model)): (int(sent or 0), int(answered or 0)) for model, sent, answered in rows}

    def releases(self, limit: int = 52) -> tuple[Release, ...]:
        """Give the last releases, newest first."""
        rows = self._read("read the ranking", statements.RELEASES, (limit,))
        try:
            return tuple(_decode(str(body)) for (body,) in rows)
        except msgspec.DecodeError:
            raise StorageError("a release of the ranking cannot be read: restore a backup") from None
