"""Every implementation of the storage contract. A new one is a new entry here; the suite does not change."""

from anyapi.storage.contradiction_writer import ContradictionWriter
from anyapi.storage.decision_writer import DecisionWriter
from anyapi.storage.sqlite import SqliteStore
from anyapi.storage.sqlite_holdings import SqliteHoldings
from anyapi.storage.sqlite_people import SqlitePeople
from anyapi.storage.sqlite_requests import SqliteRequests
from anyapi.storage.usage_writer import UsageWriter


class SqliteBackend:
    """SQLite in a directory."""

    name = "sqlite"

    def __init__(self, directory):
        self.directory = directory

    def store(self, now):
        return SqliteStore(self.directory, lambda: now)

    def people(self):
        return SqlitePeople(self.directory)

    def requests(self):
        return SqliteRequests(self.directory)

    def holdings(self):
        return SqliteHoldings(self.directory)

    def files(self):
        """What the store has on the disk, for those who look for what must not be there."""
        return sorted(path for path in self.directory.iterdir() if path.is_file())

    def usage_sink(self, now):
        return UsageWriter(self.directory, lambda: now)

    def contradiction_sink(self):
        return ContradictionWriter(self.directory)

    def decision_sink(self):
        return DecisionWriter(self.directory)


BACKENDS = (SqliteBackend,)
