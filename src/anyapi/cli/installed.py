"""The catalogue that was installed in a data directory, for commands and for the start. Makes no store where there is none."""

from pathlib import Path

from anyapi.control.adopting import base_of
from anyapi.domain.catalogue import Catalogue
from anyapi.errors import StorageError
from anyapi.storage.connection import DATABASE_NAME
from anyapi.storage.schema import is_current
from anyapi.storage.sqlite_review import SqliteReview


def installed_base(data_dir: Path, packaged: Catalogue) -> Catalogue:
    """What the operator's records are laid over: the installed catalogue, or the packaged one. Raises `StorageError`."""
    if not (data_dir / DATABASE_NAME).is_file():
        return packaged
    with SqliteReview(data_dir) as store:
        return base_of(store, packaged)


def installed_if_current(data_dir: Path, packaged: Catalogue) -> Catalogue:
    """The same for a command that only asks: an older store is left as it is, and the packaged catalogue taken."""
    try:
        return installed_base(data_dir, packaged) if is_current(data_dir / DATABASE_NAME) else packaged
    except StorageError:
        return packaged
