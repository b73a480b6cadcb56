"""Where a catalogue says that providers are reached: an update must not send their keys elsewhere unseen. Changes no record by itself."""

import msgspec

from anyapi.catalogue.canonical import with_version
from anyapi.domain.catalogue import Catalogue, Provider
from anyapi.domain.ids import ProviderId


def moved(old: Catalogue, new: Catalogue) -> tuple[ProviderId, ...]:
    """The providers whose address or way of signing in changes: their keys would go elsewhere."""
    return tuple(name for name, record in new.providers.items() if name in old.providers and record.api != old.providers[name].api)


def with_addresses_of(started: Catalogue, catalogue: Catalogue) -> Catalogue:
    """The catalogue with providers reached as they were at the start of this process, whose connections are made for that."""
    kept: dict[ProviderId, Provider] = {
        name: msgspec.structs.replace(catalogue.providers[name], api=started.providers[name].api) for name in moved(started, catalogue)
    }
    if not kept:
        return catalogue
    return with_version(msgspec.structs.replace(catalogue, providers=catalogue.providers | kept))
