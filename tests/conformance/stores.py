"""Every implementation of the storage contract. A new one is a new entry here; the suite does not change."""

import contextlib

from tests.tools import postgres

from anyapi.crypto.secret import Secret
from anyapi.storage.contradiction_writer import ContradictionWriter
from anyapi.storage.decision_writer import DecisionWriter
from anyapi.storage.drivers import driver_for
from anyapi.storage.sqlite import SqlStore
from anyapi.storage.sqlite_people import SqlPeople
from anyapi.storage.usage_writer import UsageWriter


class Backend:
    """Stores and sinks over one database."""

    def __init__(self, directory, url=None):
        self.directory, self.url = directory, url
        directory.mkdir(parents=True, exist_ok=True)
        self.driver = driver_for(directory, url and Secret(url))

    def store(self, now):
        return SqlStore(self.driver, lambda: now)

    def people(self):
        return SqlPeople(self.driver)

    def usage_sink(self, now):
        return UsageWriter(self.directory, lambda: now, driver=self.driver)

    def contradiction_sink(self):
        return ContradictionWriter(self.driver)

    def decision_sink(self):
        return DecisionWriter(self.driver)


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
