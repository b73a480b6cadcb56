"""What changed between two catalogues, as values and as text. Says what is different, not whether it matters to anybody."""

import enum
from collections.abc import Collection, Iterator

import msgspec

from anyapi.catalogue.written import endpoint_source, provider_source
from anyapi.domain.catalogue import Catalogue, Endpoint, Provider
from anyapi.domain.ids import EndpointId


class ChangeKind(enum.StrEnum):
    """What happened to a record or to one of its fields."""

    PROVIDER_ADDED = "provider_added"
    PROVIDER_REMOVED = "provider_removed"
    PROVIDER_CHANGED = "provider_changed"
    MODEL_ADDED = "model_added"
    MODEL_REMOVED = "model_removed"
    ENDPOINT_ADDED = "endpoint_added"
    ENDPOINT_REMOVED = "endpoint_removed"
    ENDPOINT_CHANGED = "endpoint_changed"


class CatalogueChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """One difference. `field` is a dotted path and `before` and `after` are its values as text, None where there was or is none."""

    kind: ChangeKind
    subject: str
    """A provider, model or endpoint id."""
    field: str | None = None
    before: str | None = None
    after: str | None = None

    @property
    def text(self) -> str:
        """One line for people."""
        what, _, happened = self.kind.value.partition("_")
        if self.field is None:
            return f"{what} {self.subject} {happened}"
        return f"{what} {self.subject}: {self.field}: {self.before or 'none'} -> {self.after or 'none'}"


def diff(old: Catalogue, new: Catalogue) -> tuple[CatalogueChange, ...]:
    """Every change from `old` to `new`, providers first, then models, then endpoints, each in order of id."""
    changes: list[CatalogueChange] = []
    changes += _presence(old.providers, new.providers, ChangeKind.PROVIDER_ADDED, ChangeKind.PROVIDER_REMOVED)
    for provider in sorted(old.providers.keys() & new.providers.keys()):
        before, after = _provider_fields(old.providers[provider]), _provider_fields(new.providers[provider])
        changes += _fields(ChangeKind.PROVIDER_CHANGED, provider, before, after)
    changes += _presence(old.models, new.models, ChangeKind.MODEL_ADDED, ChangeKind.MODEL_REMOVED)
    old_endpoints, new_endpoints = _endpoints(old), _endpoints(new)
    changes += _presence(old_endpoints, new_endpoints, ChangeKind.ENDPOINT_ADDED, ChangeKind.ENDPOINT_REMOVED)
    for endpoint in sorted(old_endpoints.keys() & new_endpoints.keys()):
        before, after = _endpoint_fields(old_endpoints[endpoint]), _endpoint_fields(new_endpoints[endpoint])
        changes += _fields(ChangeKind.ENDPOINT_CHANGED, endpoint, before, after)
    return tuple(changes)


def _presence(old: Collection[str], new: Collection[str], added: ChangeKind, removed: ChangeKind) -> Iterator[CatalogueChange]:
    for subject in sorted({*old} ^ {*new}):
        yield CatalogueChange(added if subject in new else removed, subject)


def _fields(kind: ChangeKind, subject: str, before: dict[str, str], after: dict[str, str]) -> Iterator[CatalogueChange]:
    for field in sorted(before.keys() | after.keys()):
        if before.get(field) != after.get(field):
            yield CatalogueChange(kind, subject, field, before.get(field), after.get(field))


def _endpoints(catalogue: Catalogue) -> dict[EndpointId, Endpoint]:
    return {endpoint.id: endpoint for model in catalogue.models.values() for endpoint in model.endpoints}


def _provider_fields(provider: Provider) -> dict[str, str]:
    return dict(_flat(provider_source(provider), ""))


def _endpoint_fields(endpoint: Endpoint) -> dict[str, str]:
    return dict(_flat({**endpoint_source(endpoint), "of model": endpoint.model}, ""))


def _flat(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Dotted paths of everything that is not a mapping; lists of texts are one value, lists of mappings are numbered."""
    parts = _parts(value, path)
    if parts is not None:
        for place, item in parts:
            yield from _flat(item, place)
    elif value is not None and value != []:
        yield path, ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _parts(value: object, path: str) -> list[tuple[str, object]] | None:
    """What a mapping or a list of mappings holds, each with its path; None for what is one value."""
    if isinstance(value, dict):
        return [(f"{path}.{key}" if path else key, item) for key, item in value.items()]
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [(f"{path}[{number}]", item) for number, item in enumerate(value)]
    return None
