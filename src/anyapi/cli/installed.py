"""The catalogue that was installed in a store, for commands and for the start. Makes no store in a data directory that has none."""

from pathlib import Path

from anyapi.cli.progress import told_progress
from anyapi.control.adopting import base_of
from anyapi.crypto.secret import Secret
from anyapi.domain.catalogue import Catalogue
from anyapi.errors import StorageError
from anyapi.storage.connection import DATABASE_NAME
from anyapi.storage.driver import Driver, SchemaState
from anyapi.storage.drivers import driver_for
from anyapi.storage.sql_review import SqlReview


def installed_base(data_dir: Path, url: Secret | None, packaged: Catalogue) -> Catalogue:
    """What the operator's records are laid over: the installed catalogue, or the packaged one. Raises `StorageError`.

    The store is the PostgreSQL at `url`, else the SQLite in `data_dir`; an older one is brought up to date.
    """
    if url is None and not (data_dir / DATABASE_NAME).is_file():
        return packaged
    driver = driver_for(data_dir, url)
    driver.prepare(told_progress)
    with SqlReview(driver) as store:
        return base_of(store, packaged)


def installed_if_current(data_dir: Path, url: Secret | None, packaged: Catalogue) -> Catalogue:
    """The same for a command that only asks: an older store is left as it is, and the packaged catalogue taken; so for one that fails."""
    try:
        driver = current_store(data_dir, url)
        if driver is None:
            return packaged
        with SqlReview(driver) as store:
            return base_of(store, packaged)
    except StorageError:
        return packaged


def current_store(data_dir: Path, url: Secret | None) -> Driver | None:
    """The store, for a command that only asks; None where there is none yet: none is made, and an older one is not touched.

    Raises `StorageError`, also for a store of another release.
    """
    if url is None and not (data_dir / DATABASE_NAME).is_file():
        return None
    driver = driver_for(data_dir, url)
    found = driver.state()
    if found in {SchemaState.OLDER, SchemaState.FOREIGN}:
        age = "an older AnyAPI: the server's start updates it" if found is SchemaState.OLDER else "a newer AnyAPI, or of something else"
        raise StorageError(f"the store is of {age}")
    return driver if found is SchemaState.CURRENT else None
