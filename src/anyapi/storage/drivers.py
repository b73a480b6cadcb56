"""Which database there is: SQLite in the data directory, or PostgreSQL by URL. Its driver is imported only where it is used."""

import importlib
from pathlib import Path

from anyapi.crypto.secret import Secret
from anyapi.storage.driver import Driver
from anyapi.storage.sqlite_driver import SqliteDriver


def driver_for(data_dir: Path, url: Secret | None = None) -> Driver:
    """The driver of PostgreSQL at `url`, else of SQLite in `data_dir`, which is made where it is missing. Raises `StorageError`."""
    if url is None:
        return SqliteDriver(data_dir)
    driver: Driver = importlib.import_module("anyapi.storage.postgres_driver").PostgresDriver(url)
    return driver


def driver_at(place: Path | Driver) -> Driver:
    """A driver as it is, or that of SQLite in a data directory. Raises `StorageError`."""
    return driver_for(place) if isinstance(place, Path) else place


def in_force_everywhere(url: Secret) -> tuple[int, int]:
    """Wait until every live worker on a PostgreSQL goes by what is stored now; its version, and how many workers there are.

    Raises `StorageError`.
    """
    found: tuple[int, int] = importlib.import_module("anyapi.storage.postgres_leases").in_force(url)
    return found


def workers_alive(url: Secret) -> int:
    """How many workers run on a PostgreSQL, whatever they go by; one that died counts until its lease ends. Raises `StorageError`."""
    found: int = importlib.import_module("anyapi.storage.postgres_leases").alive(url)
    return found
