"""The store on the SQLite file of a data directory. Everything but where it lies is that of `sql_store`."""

import time
from collections.abc import Callable
from pathlib import Path

from anyapi.storage.sql_store import SqlStore
from anyapi.storage.sqlite_driver import SqliteDriver


class SqliteStore(SqlStore):
    """`SqlStore` on SQLite."""

    def __init__(self, data_dir: Path, clock: Callable[[], float] = time.time) -> None:
        """Open the store in `data_dir`; `path` is the file then."""
        driver = SqliteDriver(data_dir)
        self.path = driver.path
        super().__init__(driver, clock)
