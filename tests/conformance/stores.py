"""Every implementation of the storage contract. A new one is a new entry here; the suite does not change."""

import contextlib
import json
import time

from tests.tools import postgres

from anyapi.crypto.secret import Secret
from anyapi.sealing.sealer import Sealer
from anyapi.storage.audit_reader import AuditReader
from anyapi.storage.audit_writer import AuditWriter
from anyapi.storage.contradiction_writer import ContradictionWriter
from anyapi.storage.decision_writer import DecisionWriter
from anyapi.storage.drivers import driver_for
from anyapi.storage.log_writer import LogWriter
from anyapi.storage.sql_holdings import SqlHoldings
from anyapi.storage.sql_logs import SqlLogs
from anyapi.storage.sql_people import SqlPeople
from anyapi.storage.sql_ranking import SqlRanking
from anyapi.storage.sql_requests import SqlRequests
from anyapi.storage.sql_review import SqlReview
from anyapi.storage.sql_store import SqlStore
from anyapi.storage.usage_writer import UsageWriter


class Backend:
    """Stores and sinks over one database."""

    def __init__(self, directory, url=None):
        self.directory, self.url = directory, url
        directory.mkdir(parents=True, exist_ok=True)
        self.driver = driver_for(directory, url and Secret(url))

    def store(self, now):
        return SqlStore(self.driver, lambda: now)

    def review(self):
        return SqlReview(self.driver)

    def people(self):
        return SqlPeople(self.driver)

    def requests(self):
        return SqlRequests(self.driver)

    def ranking(self):
        return SqlRanking(self.driver)

    def holdings(self):
        return SqlHoldings(self.driver)

    def logs(self):
        return SqlLogs(self.driver)

    def log_sink(self, now, **more):
        return LogWriter(self.driver, lambda: now, Sealer, **more)

    def files(self):
        """What the store has on the disk, for those who look for what must not be there."""
        return sorted(path for path in self.directory.iterdir() if path.is_file())

    def usage_sink(self, now):
        return UsageWriter(self.directory, lambda: now, driver=self.driver)

    def contradiction_sink(self):
        return ContradictionWriter(self.driver)

    def decision_sink(self):
        return DecisionWriter(self.driver)


def enter_changes(driver, key=None):
    """Have the audit log take what waits, as a running gateway does within a second; signed if there is a key."""
    with contextlib.closing(AuditWriter(driver, key, time.time)) as writer:
        writer.flush()


def entered(driver, *kinds):
    """Kind and fields of what the audit log has of these kinds of changes, once it has taken what waits; random ids by what they name."""
    enter_changes(driver)
    with AuditReader(driver) as reader:
        found = [json.loads(entry) for _, _, entry in reader.entries()]
        return [
            {name: (reader.named(str(value)) or ("", "", value))[2] for name, value in each.items() if name not in {"at", "id"}}
            for each in found
            if each["kind"] in kinds
        ]


@contextlib.contextmanager
def sqlite(directory):
    """SQLite in a directory."""
    yield Backend(directory)


@contextlib.contextmanager
def postgresql(directory):
    """A PostgreSQL database of its own."""
    with postgres.run().database() as url:
        yield Backend(directory, url)


BACKENDS = (sqlite, postgresql)
