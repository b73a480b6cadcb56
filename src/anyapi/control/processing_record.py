"""The exposure ledger as a record of processing activities (GDPR Art. 30): what the gateway knows of it, and what it does not.

What nobody told the gateway is null and named in `to_complete`: purposes, whose data it is, who answers for it. Nothing is guessed, and
no country is judged: whether chapter V applies to a recipient is for whoever signs the record.
"""

import datetime as dt
from collections.abc import Iterable, Mapping

import msgspec

from anyapi.domain.catalogue import Catalogue, Provider
from anyapi.domain.exposure import Exposure, Keeping, Ledger, RetentionClock
from anyapi.domain.ids import ProviderId

FORMAT = "anyapi-record-of-processing/1"
TO_COMPLETE = (
    "controller",
    "controller_contact",
    "data_protection_officer",
    "purposes",
    "categories_of_data_subjects",
    "categories_of_personal_data",
    "transfer_safeguards",
)
"""What Art. 30(1) asks for and only the controller knows."""
COLUMNS = (
    *("account", "app", "key", "data_class", "provider", "provider_name", "headquarters", "contracting_country", "host", "endpoint"),
    *("requests", "first_at", "last_at", "kept", "days", "until", "held", "held_requests", "flagged_until", "retention_purpose"),
    *("training", "storage_regions", "grade", "agreements", "source_url", "source_date"),
)
UNTIL = {
    Keeping.NOTHING: "nothing is kept",
    Keeping.INDEFINITELY: "until further notice",
    Keeping.UNKNOWN: "unknown / until further notice",
}


class RecordedRecipient(msgspec.Struct, frozen=True):
    """Art. 30(1)(d) and (e): an organization that was sent what requests held; null where nobody has written it down."""

    provider: ProviderId
    requests: int
    last_at: str
    agreements: tuple[str, ...]
    """Ids of what was signed with it and covers these requests."""
    name: str | None = None
    kind: str | None = None
    headquarters: str | None = None
    contracting_country: str | None = None
    processing_regions: tuple[str, ...] = ()
    storage_regions: tuple[str, ...] = ()
    terms_url: str | None = None
    privacy_url: str | None = None


class ProcessingRecord(msgspec.Struct, frozen=True):
    """One record; times are ISO 8601 in UTC."""

    format: str
    made_at: str
    covers_from: str | None
    """The oldest request that a row is kept of."""
    expired_before: str | None
    """What was sent before is not in it, whatever providers still hold of that: rows are kept no longer. Null: none can have expired."""
    account: str
    account_name: str | None
    gateway_contact: str | None
    """Of whoever runs this gateway, as configured."""
    gateway_policy_url: str | None
    data_classes: tuple[str, ...]
    """As the requests said it; a stand-in for the categories of data, which the gateway does not look at."""
    recipients: tuple[RecordedRecipient, ...]
    activities: tuple[dict[str, object], ...]
    """What went where, with the time limit for erasure of each: the lines of the ledger."""
    security_measures: tuple[str, ...]
    to_complete: tuple[str, ...] = TO_COMPLETE


class About(msgspec.Struct, frozen=True):
    """Whose record it is, and what the configuration says of the gateway."""

    account: str
    account_name: str | None
    contact: str | None
    policy_url: str | None
    inventory: Mapping[str, object]
    """As `/v1/privacy` gives it."""


def record_of(ledger: Ledger, catalogue: Catalogue, about: About) -> ProcessingRecord:
    """The record of one account's ledger."""
    return ProcessingRecord(
        format=FORMAT,
        made_at=iso(ledger.at),
        covers_from=None if ledger.since is None else iso(ledger.since),
        expired_before=None if ledger.expired_before is None else iso(ledger.expired_before),
        account=about.account,
        account_name=about.account_name,
        gateway_contact=about.contact,
        gateway_policy_url=about.policy_url,
        data_classes=tuple(sorted({entry.data_class for entry in ledger.entries if entry.data_class is not None})),
        recipients=tuple(_recipients(ledger.entries, catalogue)),
        activities=tuple(dict(zip(COLUMNS, row, strict=True)) for row in rows_of(ledger.entries, catalogue)),
        security_measures=tuple(_measures(about.inventory)),
    )


def rows_of(entries: Iterable[Exposure], catalogue: Catalogue) -> Iterable[tuple[object, ...]]:
    """The lines of a ledger in the order of `COLUMNS`."""
    for one in entries:
        provider = catalogue.providers.get(one.provider)
        seat = (None, None, None) if provider is None else (provider.name, provider.headquarters, provider.contracting_country)
        yield (
            *(one.account, one.app, one.key, one.data_class, one.provider, *seat, one.host, one.endpoint),
            *(one.requests, iso(one.first_at), iso(one.last_at), one.main.kept.value, one.main.days, until_text(one.main), one.held),
            *(one.held_requests, None if one.flagged is None else until_text(one.flagged), one.purpose, one.training),
            *(", ".join(one.storage_regions) or None, one.grade, ", ".join(one.agreements) or None, one.source_url, one.source_date),
        )


def until_text(clock: RetentionClock) -> str:
    """Until when something is kept; never a date that nobody stated."""
    return UNTIL[clock.kept] if clock.until is None else iso(clock.until)


def iso(at: float) -> str:
    """Unix seconds as ISO 8601 in UTC, to the second."""
    return dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="seconds")


def _recipients(entries: Iterable[Exposure], catalogue: Catalogue) -> Iterable[RecordedRecipient]:
    """Each provider, and each host that a router passed requests to, in order of id."""
    by_provider: dict[ProviderId, list[Exposure]] = {}
    for entry in entries:
        for provider in {entry.provider, *(() if entry.host is None else (entry.host,))}:
            by_provider.setdefault(provider, []).append(entry)
    for provider, mine in sorted(by_provider.items()):
        requests, last_at = sum(entry.requests for entry in mine), iso(max(entry.last_at for entry in mine))
        agreements = tuple(sorted({name for entry in mine for name in entry.agreements}))
        recipient, known = RecordedRecipient(provider, requests, last_at, agreements), catalogue.providers.get(provider)
        yield recipient if known is None else _described(recipient, known)


def _described(recipient: RecordedRecipient, known: Provider) -> RecordedRecipient:
    """With what the catalogue knows of it."""
    return msgspec.structs.replace(
        recipient,
        name=known.name,
        kind=known.kind.value,
        headquarters=known.headquarters,
        contracting_country=known.contracting_country,
        processing_regions=known.regions,
        storage_regions=known.storage_regions,
        terms_url=known.terms_url,
        privacy_url=known.privacy_url,
    )


def _measures(inventory: Mapping[str, object]) -> Iterable[str]:
    """Art. 30(1)(g): what this gateway does, as far as it is switched on; what it passes data on to has measures of its own."""
    if inventory.get("content_stored") is False:
        yield (
            "The gateway stores no prompt and no answer, nor a hash of one (but a keyed one where a request asks for it, "
            "under a salt that only its sender has), but what an account has sealed to its own public keys; "
            "it keeps the metadata that /v1/privacy lists."
        )
    if _said(inventory, "memory_scrubbing", "on") is True:
        yield "Memory that held a request is overwritten when it is freed."
    if _said(inventory, "process", "core_dumps") is False:
        yield "No core dumps; other processes of the same user cannot attach to the gateway."
    yield "API keys are stored hashed, provider credentials sealed (AES-256-GCM) under a root key that is not in the database."
    yield "A request goes only to endpoints whose data policy satisfies the account's settings; each refusal names the rule."


def _said(inventory: Mapping[str, object], part: str, name: str) -> object:
    found = inventory.get(part)
    return found.get(name) if isinstance(found, Mapping) else None
