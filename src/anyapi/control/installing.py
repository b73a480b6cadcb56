"""Installs a catalogue in place of the one in force, after every check. Reads no file, asks no address; the gateway takes it afterwards."""

from collections.abc import Callable

import msgspec

from anyapi.catalogue.addresses import moved
from anyapi.catalogue.canonical import encode
from anyapi.catalogue.updating import check_addresses, check_newer
from anyapi.control.adopting import base_of
from anyapi.domain.catalogue import Catalogue
from anyapi.domain.ids import ProviderId
from anyapi.storage.contract_review import CatalogueStore
from anyapi.storage.review_rows import UpdateRow, UpdateSource


class Permitted(msgspec.Struct, frozen=True):
    """What a person has said is meant."""

    older: bool = False
    addresses: bool = False


class Installed(msgspec.Struct, frozen=True):
    """What came of it. `update` is None where the catalogue was in force already."""

    update: UpdateRow | None
    before: Catalogue
    moved: tuple[ProviderId, ...] = ()
    """Providers that are reached otherwise from the next start on."""


class Origin(msgspec.Struct, frozen=True):
    """Where a catalogue comes from, who installs it, and when (Unix seconds). `name` stands in refusals."""

    name: str
    source: UpdateSource
    person: str
    at: float


def install(
    store: CatalogueStore, new: Catalogue, packaged: Catalogue, origin: Origin, over: Callable[[Catalogue], object], permitted: Permitted
) -> Installed:
    """Install a catalogue that was read and checked by itself.

    `over` lays the operator's records over it, and raises where they do not fit. Raises that, `UpdateRefused`, `StorageError`.
    """
    current = base_of(store, packaged)
    if new.version == current.version:
        return Installed(None, current)
    if not permitted.older:
        check_newer(new, current, {str(row.base) for row in store.updates(10_000)}, origin.name)
    if not permitted.addresses:
        check_addresses(new, current, origin.name)
    over(new)
    row = UpdateRow(0, origin.at, origin.person, origin.source, new.version, pinned=permitted.older and new.compiled < packaged.compiled)
    return Installed(store.install(row, encode(new)), current, moved(current, new))
