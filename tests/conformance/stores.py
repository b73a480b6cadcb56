"""Every implementation of the storage contract. A new one is a new entry here; the suite does not change."""

from anyapi.storage.contradiction_writer import ContradictionWriter
from anyapi.storage.decision_writer import DecisionWriter
from anyapi.storage.sqlite import SqliteStore
from anyapi.storage.sqlite_people import SqlitePeople
from anyapi.storage.sqlite_review import SqliteReview
from anyapi.storage.usage_writer import UsageWriter


class SqliteBackend:
    """SQLite in a directory."""

    name = "sqlite"

    def __init__(self, directory):
        self.directory = directory

    def store(self, now):
        return SqliteStore(self.directory, lambda: now)

    def review(self):
        return SqliteReview(self.directory)

    def people(self):
        return SqlitePeople(self.directory)

    def usage_sink(self, now):
        return UsageWriter(self.directory, lambda: now)

    def contradiction_sink(self):
        return ContradictionWriter(self.directory)

    def decision_sink(self):
        return DecisionWriter(self.directory)


BACKENDS = (SqliteBackend,)
