"""The operator's part of the catalogue: own providers and models, corrections of records, agreements.

Takes parsed tables (`[providers.ID]`, `[[models]]`, `[[agreements]]` of `anyapi.toml`) and gives values; reads no file and no
environment. A correction replaces the fields it names; lists and `retention` are replaced whole. What is noted begins with the section,
`providers.ID` for instance, as everywhere in that file.
"""

import datetime as dt
from collections.abc import Mapping, Sequence

import msgspec

from anyapi.catalogue.canonical import with_version
from anyapi.catalogue.check import Place, check_models, check_providers, unknown_provider
from anyapi.catalogue.model_record import read_model
from anyapi.catalogue.policy_record import read_retention
from anyapi.catalogue.provider_record import read_provider
from anyapi.catalogue.reading import Problems, Table
from anyapi.catalogue.vocabulary import CREDENTIAL_ID, MODEL_GLOB, PROVIDER_ID, REFERENCE, REGION, WORD
from anyapi.catalogue.written import Source, endpoint_source, provider_source
from anyapi.domain.catalogue import Catalogue, Endpoint, Model, Provider
from anyapi.domain.data_policy import CERTIFICATIONS, Confidence, HumanReview, Retention, Training
from anyapi.domain.ids import AccountId, AgreementId, CredentialId, EndpointId, ModelId, ProviderId
from anyapi.domain.snapshot import Agreement
from anyapi.policy.nearest import nearest

_FACTS = frozenset({"policy", "free_tier", "policy_exceptions", "compliance", "regions", "storage_regions"})
_WHOLE = frozenset({"retention", "variables"})


class Extension(msgspec.Struct, frozen=True):
    """What one operator adds. Providers and models are complete records: corrections are already applied."""

    file: str
    providers: tuple[Provider, ...] = ()
    models: tuple[Model, ...] = ()
    agreements: tuple[Agreement, ...] = ()


def read_extension(top: Table, base: Catalogue, today: dt.date) -> Extension:
    """Read the three sections of a parsed file over `base`; notes problems in the table's `Problems` and never raises.

    `today` is the `verified_at` of the operator's own records that state none. A correction keeps the record's own date, and one
    that changes facts without stating `confidence` counts as `secondary` at most.
    """
    providers = tuple(_read_provider(name, table, base, today) for name, table in top.named_children("providers").items())
    models = tuple(_read_model(table, base) for table in top.children("models"))
    _note_repeats(top, "models", [model.id for model in models])
    agreements = tuple(_read_agreement(table) for table in top.children("agreements"))
    _note_repeats(top, "agreements", [agreement.id for agreement in agreements])
    return Extension(top.file, providers, models, agreements)


def extend(catalogue: Catalogue, extension: Extension) -> Catalogue:
    """The catalogue with the extension over it, and a new version; raises one `CatalogueError` that lists every broken reference."""
    problems = Problems()
    extended = apply(catalogue, extension, problems)
    problems.raise_catalogue_error()
    return extended


def apply(catalogue: Catalogue, extension: Extension, problems: Problems) -> Catalogue:
    """The same, noting problems for the caller to raise; while there are any, the result must not be used."""
    if not extension.providers and not extension.models and not extension.agreements:
        return catalogue
    providers = catalogue.providers | {provider.id: provider for provider in extension.providers}
    models = catalogue.models | {model.id: model for model in extension.models}
    check_providers(extension.providers, providers, models, problems, Place(extension.file, "providers"))
    check_models(extension.models, providers, models, problems, Place(extension.file, "models"))
    for agreement in extension.agreements:
        if agreement.provider and agreement.provider not in providers:
            problems.note(extension.file, place_of(agreement), "provider", unknown_provider(agreement.provider, providers))
    return with_version(Catalogue("", catalogue.compiled, dict(sorted(providers.items())), dict(sorted(models.items()))))


def place_of(agreement: Agreement) -> str:
    """Where a problem with an agreement that was read is noted."""
    return f"agreements.{agreement.id}" if agreement.id else "agreements"


def _read_provider(name: str, table: Table, base: Catalogue, today: dt.date) -> Provider:
    record = f"providers.{name}" if PROVIDER_ID.fits(name) else "providers"
    if table.has("id"):
        table.note("id", "is the name in the section's heading; remove it here")
    known = base.providers.get(ProviderId(name))
    own = table.values()
    near = () if known is not None or {"kind", "api"} <= own.keys() else nearest(name, base.providers)
    if near:
        meant = " or ".join(f"[providers.{each}]" for each in near)
        table.problems.note(table.file, record, None, f"is no provider of the catalogue, so it has to be whole; did you mean {meant}?")
    source: Source = {**own, "id": name} if known is None else _corrected(known, own)
    merged = Table(source, table.problems, table.file, record)
    return read_provider(merged, today)


def _corrected(known: Provider, own: Mapping[str, object]) -> Source:
    source = _merge(provider_source(known), own)
    if not _FACTS.isdisjoint(own) and "confidence" not in own and known.provenance.confidence is Confidence.PRIMARY:
        source["confidence"] = Confidence.SECONDARY.value
    return source


def _merge(base: Mapping[str, object], changes: Mapping[str, object]) -> Source:
    merged = dict(base)
    for key, value in changes.items():
        before = merged.get(key)
        if key not in _WHOLE and isinstance(before, dict) and isinstance(value, dict):
            merged[key] = _merge(before, value)
        else:
            merged[key] = value
    return merged


def _read_model(table: Table, base: Catalogue) -> Model:
    """A new model, or one of the catalogue with endpoints added and corrected (an endpoint is known by provider and model name)."""
    identity = table.peek("id")
    table.record, table.path = f"models.{identity}" if isinstance(identity, str) and len(identity) <= 128 else table.path, ""
    known = base.models.get(ModelId(identity)) if isinstance(identity, str) else None
    if known is None:
        return read_model(table)
    own = dict(table.values())
    endpoints = own.pop("endpoints", [])
    corrected = [_corrected_endpoint(entry, known) for entry in endpoints] if isinstance(endpoints, list) else endpoints
    source: Source = {"name": known.name, "author": known.author, "open_weights": known.open_weights, "aliases": [*known.aliases]}
    source |= {**own, "endpoints": corrected}
    model = read_model(Table(source, table.problems, table.file, table.record))
    return msgspec.structs.replace(model, endpoints=_joined(known.endpoints, model.endpoints))


def _corrected_endpoint(entry: object, known: Model) -> object:
    if not isinstance(entry, dict):
        return entry
    identity = EndpointId(f"{entry.get('provider')}/{entry.get('model')}")
    before = next((endpoint for endpoint in known.endpoints if endpoint.id == identity), None)
    return entry if before is None else _merge(endpoint_source(before), entry)


def _joined(before: tuple[Endpoint, ...], changes: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    """Corrected endpoints stay in their place, new ones follow. One that is stated twice stays there twice, for `check` to note."""
    changed = {endpoint.id: endpoint for endpoint in changes}
    kept = tuple(changed.get(endpoint.id, endpoint) for endpoint in before)
    ids = {endpoint.id for endpoint in before}
    repeats = tuple(endpoint for n, endpoint in enumerate(changes) if endpoint.id in ids and endpoint.id in {e.id for e in changes[:n]})
    return kept + tuple(endpoint for endpoint in changes if endpoint.id not in ids) + repeats


def _read_agreement(table: Table) -> Agreement:
    identity = table.peek("id")
    table.record, table.path = f"agreements.{identity}" if isinstance(identity, str) and REFERENCE.fits(identity) else table.path, ""
    valid_from, valid_until = _period(table)
    agreement = Agreement(
        id=AgreementId(table.text("id", REFERENCE)),
        provider=ProviderId(table.text("provider", PROVIDER_ID)),
        attested_by=table.text("attested_by"),
        document=table.text("document"),
        valid_from=valid_from,
        valid_until=valid_until,
        credentials=frozenset(CredentialId(name) for name in table.words("credentials", CREDENTIAL_ID)),
        accounts=frozenset(AccountId(name) for name in table.words("accounts", REFERENCE)),
        models=table.words("models", MODEL_GLOB),
        training=_training(table),
        training_opt_out=table.flag("training_opt_out", default=False),
        retention=read_retention(table, "retention"),
        flagged_retention=_flagged_retention(table),
        human_review=table.optional_choice("human_review", HumanReview),
        certifications=frozenset(table.words("certifications", WORD, CERTIFICATIONS)),
        regions=frozenset(table.words("regions", REGION)) if table.has("regions") else None,
    )
    table.done()
    if not _states_something(agreement):
        table.problems.note(
            table.file, table.record, None, "states no fact: add training, retention, human_review, certifications or regions"
        )
    return agreement


def _period(table: Table) -> tuple[dt.date, dt.date]:
    """The first day in force and the first day no longer in force."""
    valid_from, valid_until = table.day("valid_from"), table.day("valid_until")
    for key, why in (("valid_from", "it is the first day in force"), ("valid_until", "an agreement without an end cannot be relied on")):
        if not table.has(key):
            table.note(key, f"is missing: {why}")
    if valid_from and valid_until and valid_until <= valid_from:
        table.note("valid_until", "must be after `valid_from`; it is the first day on which the agreement is no longer in force")
    return valid_from or dt.date.max, valid_until or dt.date.min


def _flagged_retention(table: Table) -> Retention | None:
    # It is applied together with the main clock only (docs/policy.md 1.3): alone it would look agreed and change nothing.
    if table.has("flagged_retention") and not table.has("retention"):
        table.note("flagged_retention", "states nothing without `retention`: add the retention that the agreement grants, or remove this")
    return read_retention(table, "flagged_retention")


def _training(table: Table) -> Training | None:
    training = table.optional_choice("training", Training)
    if training not in (None, Training.NEVER):
        table.note("training", "may only be `never`: an agreement is not needed to be trained on")
    return training


def _states_something(agreement: Agreement) -> bool:
    stated = (agreement.training, agreement.retention, agreement.flagged_retention, agreement.human_review, agreement.regions)
    return agreement.training_opt_out or bool(agreement.certifications) or any(fact is not None for fact in stated)


def _note_repeats(top: Table, key: str, ids: Sequence[str]) -> None:
    for identity in sorted({identity for identity in ids if identity and ids.count(identity) > 1}):
        top.problems.note(top.file, f"{key}.{identity}", "id", f"is there twice under [[{key}]]")
