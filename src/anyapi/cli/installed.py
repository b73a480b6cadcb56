"""The catalogue that was installed in a store, for commands and for the start. Makes no store in a data directory that has none."""

from pathlib import Path

from anyapi.cli.progress import told_progress
from anyapi.control.adopting import base_of
from anyapi.crypto.secret import Secret
from anyapi.domain.catalogue import Catalogue
from anyapi.errors import StorageError
from anyapi.storage.connection import DATABASE_NAME
from anyapi.storage.drivers import driver_for
from anyapi.storage.schema import is_current
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
    """The same for a command that only asks: an older SQLite is left as it is, and the packaged catalogue taken; so for one that fails."""
    try:
        current = url is not None or is_current(data_dir / DATABASE_NAME)
        return installed_base(data_dir, url, packaged) if current else packaged
    except StorageError:
        return packaged
