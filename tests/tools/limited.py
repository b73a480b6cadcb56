"""A key with limits that several workers of a cluster are asked with, and what the database holds of it."""

import contextlib
import itertools
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.tools.gateway import add_key

from anyapi.storage.drivers import in_force_everywhere

TOKENS = 100
"""Asked for as the longest answer of every request."""


class Limited:
    """Its requests go to the first `workers` of a cluster in turn."""

    def __init__(self, members, workers, **limits):
        self.members = members
        self.secret, self.id = add_key(members.store, **limits)
        in_force_everywhere(members.driver._url)
        self._turn = itertools.cycle(members.workers[:workers])
        self._lock = threading.Lock()

    def ask(self, worker=None, **fields):
        with self._lock:
            worker = worker or next(self._turn)
        return worker.chat({"Authorization": f"Bearer {self.secret}"}, max_tokens=TOKENS, **fields)

    def at_once(self, count):
        """The statuses of so many requests."""
        with ThreadPoolExecutor(count) as pool:
            return Counter(answer.status for answer in pool.map(lambda _: self.ask(), range(count)))

    def shown(self, worker):
        return worker.request("GET", "/v1/key", headers={"Authorization": f"Bearer {self.secret}"}).json()["limits"]

    def rows(self, query):
        """What a statement finds for its lineage."""
        with contextlib.closing(self.members.driver.connect(everybody=True)) as connection:
            return connection.execute(query, (self.id,)).fetchall()

    def leased(self):
        return self.rows("SELECT amount, requests FROM slices WHERE lineage = ?")

    def spent(self):
        """In US dollars, as the store knows it."""
        return sum(row.total for row in self.members.store.spending("default", 0, 0, 0) if row.key == self.id)


def price_of_one(members):
    """The most that a request can cost, as the gateway says it to a key that may spend nothing."""
    return Limited(members, 1, spend_cap=1e-9).ask().json()["error"]["metadata"]["highest_cost"]
