"""The records of a catalogue that an account can be asked to accept: providers and endpoints, by name, and as text for the store."""

from collections.abc import Iterator
from typing import TypeAlias

import msgspec

from anyapi.domain.catalogue import Catalogue, Endpoint, Provider
from anyapi.domain.ids import EndpointId
from anyapi.domain.snapshot import Tier
from anyapi.policy.loosening import endpoint_loosened, provider_facts, provider_loosened
from anyapi.policy.standing import from_record

Subject: TypeAlias = str
"""`provider:ID` or `endpoint:ID`."""
Record: TypeAlias = Provider | Endpoint
PROVIDER, ENDPOINT = "provider:", "endpoint:"


def endpoints_of(catalogue: Catalogue) -> dict[EndpointId, Endpoint]:
    """Every endpoint by its id."""
    return {endpoint.id: endpoint for model in catalogue.models.values() for endpoint in model.endpoints}


def records_of(catalogue: Catalogue) -> dict[Subject, Record]:
    """Every record by its subject."""
    providers: dict[Subject, Record] = {f"{PROVIDER}{name}": provider for name, provider in catalogue.providers.items()}
    return providers | {f"{ENDPOINT}{name}": endpoint for name, endpoint in endpoints_of(catalogue).items()}


def loosened(old: Catalogue, new: Catalogue, now: float, span_days: float) -> Iterator[tuple[Subject, Record | None]]:
    """Each record that may admit more than it did at `now` (Unix seconds), with what it was before: None for one that is new.

    A record without a date of its own counts from its catalogue's; the old one is given that, so that it ends when it would have.
    """
    for name, provider in new.providers.items():
        before = old.providers.get(name)
        dated = None if before is None else _dated(before, old)
        if provider_loosened(dated, _dated(provider, new), expired=dated is not None and _expired(dated, old, now, span_days)):
            yield f"{PROVIDER}{name}", dated
    known = endpoints_of(old)
    for identity, endpoint in endpoints_of(new).items():
        if endpoint_loosened(known.get(identity), endpoint):
            yield f"{ENDPOINT}{identity}", known.get(identity)


def _dated(provider: Provider, catalogue: Catalogue) -> Provider:
    if provider.provenance.verified_at is not None:
        return provider
    return msgspec.structs.replace(provider, provenance=msgspec.structs.replace(provider.provenance, verified_at=catalogue.compiled))


def _expired(provider: Provider, catalogue: Catalogue, now: float, span_days: float) -> bool:
    """Whether a record counts as unknown by now: the same for each of its tiers."""
    return not now < from_record(provider, Tier.PAID, catalogue.compiled, span_days).ends


def written(record: Record | None) -> str | None:
    """A record as text; None stays None."""
    return None if record is None else msgspec.json.encode(record, order="deterministic").decode()


def read(subject: Subject, text: str | None) -> Record | None:
    """A record from its text. What this release cannot read counts as a record that was not there: that only denies."""
    if text is None:
        return None
    try:
        if subject.startswith(PROVIDER):
            return msgspec.json.decode(text, type=Provider)
        return msgspec.json.decode(text, type=Endpoint)
    except msgspec.DecodeError:
        return None


def renewal(before: Record | None, after: Record | None) -> bool:
    """Whether nothing but the date changed from which a provider's record counts."""
    if not isinstance(before, Provider) or not isinstance(after, Provider):
        return False
    return provider_facts(before, dated=False) == provider_facts(after, dated=False)
