"""The exposure ledger of an account: for the page, as CSV, and as a record of processing. Read from usage rows; nothing is stored."""

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from anyapi.control.exposures import exposures
from anyapi.control.history import note
from anyapi.control.layers import account_of
from anyapi.control.permissions import SignedIn
from anyapi.control.processing_record import COLUMNS, About, ProcessingRecord, record_of, rows_of
from anyapi.control.services import Services
from anyapi.control.spreadsheet import written
from anyapi.control.threads import in_thread
from anyapi.domain.exposure import Exposure, Ledger
from anyapi.domain.ids import AccountId, ProviderId
from anyapi.domain.people import Permission

MOST = 2000
"""Lines that the page is given; the files have all."""
CSV = "text/csv"
READ = {"permission": Permission.READ}


class NamedProvider(msgspec.Struct, frozen=True):
    """A provider that the ledger names, as the catalogue knows it today."""

    name: str
    headquarters: str | None
    terms_url: str | None
    privacy_url: str | None


class ShownLedger(msgspec.Struct, frozen=True):
    """The ledger of an account at one instant; times in Unix seconds. What is held longest stands first."""

    at: float
    since: float | None
    """The oldest request that a usage row is kept of: what was sent before is not in the ledger. Null: nothing was sent."""
    expired_before: float | None
    """Rows of what was sent before this are kept no longer. Null: the account was not there yet, so that none can have expired."""
    requests: int
    entries: tuple[Exposure, ...]
    more: int
    """Lines that are left out here."""
    providers: dict[ProviderId, NamedProvider]


@get("/api/accounts/{account:str}/exposure", opt=READ)
@in_thread
def show_exposure(services: NamedDependency[Services], account: FromPath[AccountId]) -> ShownLedger:
    """Which provider holds what class of data of which app and key, until when: from the usage rows that are kept."""
    found = _ledger(services, account)
    shown = found.entries[:MOST]
    known = services.in_force().context.catalogue.providers
    named = {name: known[name] for entry in shown for name in (entry.provider, entry.host) if name in known}
    providers = {name: NamedProvider(one.name, one.headquarters, one.terms_url, one.privacy_url) for name, one in named.items()}
    return ShownLedger(found.at, found.since, found.expired_before, found.requests, shown, len(found.entries) - len(shown), providers)


@get("/api/accounts/{account:str}/exposure.csv", opt=READ, media_type=CSV)
@in_thread
def exposure_csv(services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId]) -> Response[str]:
    """The whole ledger as CSV, one line each."""
    note(services, signed_in, account, "exposure_exported", account)
    rows = rows_of(_ledger(services, account).entries, services.in_force().context.catalogue)
    return Response(written([COLUMNS, *rows]), media_type=CSV, headers=_as_file(account, "csv"))


@get("/api/accounts/{account:str}/exposure.json", opt=READ)
@in_thread
def processing_record(
    services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId]
) -> Response[ProcessingRecord]:
    """The whole ledger as a record of processing (GDPR Art. 30): what is not known is null, and named in `to_complete`."""
    note(services, signed_in, account, "exposure_exported", account)
    privacy = services.privacy
    about = About(account, account_of(services, account).name or None, privacy.contact, privacy.policy_url, services.inventory())
    made = record_of(_ledger(services, account), services.in_force().context.catalogue, about)
    return Response(made, headers=_as_file(account, "json"))


def _ledger(services: Services, account: AccountId) -> Ledger:
    return exposures(services.store, services.review, services.in_force().context, account, services.clock(), services.usage_days)


def _as_file(account: AccountId, kind: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="anyapi-exposure-{account}.{kind}"'}
