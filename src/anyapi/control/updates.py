"""Updates of the catalogue: the last ones for everybody who is signed in, and for the operator a way to bring one into force."""

import asyncio

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from anyapi.catalogue.diff import CatalogueChange
from anyapi.catalogue.updating import LARGEST, read_compiled
from anyapi.control.history import note
from anyapi.control.installing import Installed, Origin, Permitted, install
from anyapi.control.permissions import SignedIn
from anyapi.control.services import Services
from anyapi.control.threads import in_thread
from anyapi.delivery.checked_http import NotReached
from anyapi.delivery.downloading import download
from anyapi.domain.catalogue import Catalogue
from anyapi.domain.people import Permission
from anyapi.errors import BadRequest, CatalogueError, ConfigError
from anyapi.storage.review_rows import UpdateRow, UpdateSource

MOST_SHOWN = 200


class Update(msgspec.Struct, frozen=True):
    """One update: what changed (at most 200 lines of it), and how far the accounts have been told."""

    number: int
    at: float
    source: UpdateSource
    version: str | None
    changes: int
    lines: tuple[str, ...]
    accounts: int | None
    """How many there are to tell: for the operator alone, as is how many were told."""
    told: int
    told_at: float | None


class Updates(msgspec.Struct, frozen=True):
    """The last updates, newest first, and whether there is an address to take the next from."""

    from_url: bool
    rows: tuple[Update, ...]


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A compiled catalogue as text; without it, the one at the configured address."""

    file: str | None = None
    allow_older: bool = False
    allow_addresses: bool = False


class Outcome(msgspec.Struct, frozen=True):
    """What came of it: the number of the update (None: it was in force already), and the snapshot that goes by it."""

    update: int | None
    version: str
    moved: tuple[str, ...]
    """Providers that are reached otherwise from the next start on."""
    snapshot: int | None


@get("/api/catalogue/updates", opt={"permission": Permission.SIGNED_IN})
@in_thread
def list_updates(services: NamedDependency[Services], signed_in: NamedDependency[SignedIn]) -> Updates:
    """What changed lately in what is known about providers and models."""
    counts = signed_in.may(Permission.GATEWAY_READ, None)
    return Updates(services.updating.update_url is not None, tuple(_shown(row, counts=counts) for row in services.review.updates()))


def _shown(row: UpdateRow, *, counts: bool) -> Update:
    changes = msgspec.json.decode(row.changes or "[]", type=list[CatalogueChange])
    lines = tuple(change.text for change in changes[:MOST_SHOWN])
    accounts, told = (row.accounts, row.told) if counts else (None, 0)
    return Update(row.number, row.at, row.source, row.effective, len(changes), lines, accounts, told, row.told_at)


@post("/api/gateway/catalogue", opt={"permission": Permission.GATEWAY_WRITE}, status_code=200, request_max_body_size=2 * LARGEST)
async def update_catalogue(services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], data: JSONBody[Wanted]) -> Outcome:
    """Put a newer catalogue into force, from the body or from the configured address. Accounts are told afterwards.

    Raises `BadRequest` where it is not taken, and says why.
    """
    new = await asyncio.to_thread(_read, services, data.file)
    done = await asyncio.to_thread(_installed, services, signed_in, data, new)
    if done.update is None:
        return Outcome(None, new.version, (), None)
    return Outcome(done.update.number, new.version, done.moved, await services.reload())


def _read(services: Services, file: str | None) -> Catalogue:
    updating = services.updating
    try:
        if file is not None:
            return read_compiled(file.encode(), "the file")
        if updating.update_url is None:
            raise BadRequest("The operator has configured no address for updates (catalogue.update_url): choose a file.", "file")
        return read_compiled(download(updating.update_url, updating.public_keys, updating.allows), "the update")
    except (CatalogueError, NotReached) as error:
        raise BadRequest(error.message, "file") from None


def _installed(services: Services, by: SignedIn, data: Wanted, new: Catalogue) -> Installed:
    source = UpdateSource.URL if data.file is None else UpdateSource.DASHBOARD
    origin = Origin("the file" if data.file else "the update", source, by.person.id, services.clock())
    try:
        done = install(
            services.review,
            new,
            services.updating.packaged(),
            origin,
            services.updating.over,
            Permitted(data.allow_older, data.allow_addresses),
        )
    except (CatalogueError, ConfigError) as error:
        raise BadRequest(error.message, "file") from None
    if done.update is not None:
        note(services, by, None, "catalogue", f"update {done.update.number}", before=done.before.version, after=new.version)
    return done
