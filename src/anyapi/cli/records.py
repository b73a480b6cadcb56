"""Records of the catalogue as texts for people. Values in, texts out, except `print_provider`."""

from anyapi.cli.output import console, print_table
from anyapi.domain.catalogue import Endpoint, Operation, PolicyException, Provider
from anyapi.domain.data_policy import PolicyBlock, Retention


def provider_row(provider: Provider, endpoints: int) -> tuple[str, ...]:
    """One provider in the table of all."""
    policy = provider.policy
    return (
        provider.id,
        provider.kind.value,
        policy.training.value,
        retention_text(policy.retention),
        policy.zero_retention.value,
        policy.human_review.value,
        ", ".join(provider.certifications) or "-",
        ", ".join(provider.regions) or "-",
        provider.provenance.confidence.value,
        str(endpoints),
    )


def endpoint_row(endpoint: Endpoint) -> tuple[str, ...]:
    """One endpoint in the table of a model."""
    abilities = endpoint.capabilities
    names = [name for name in abilities.__struct_fields__ if name != "streaming" and getattr(abilities, name)]
    if Operation.EMBEDDINGS in endpoint.operations:
        names.append("embeddings" if endpoint.dimensions is None else f"embeddings of {endpoint.dimensions:,}")
    return (
        endpoint.id,
        endpoint.status.value if endpoint.successor is None else f"{endpoint.status.value}, see {endpoint.successor}",
        "-" if endpoint.context_length is None else f"{endpoint.context_length:,}",
        price_text(endpoint.price.input),
        price_text(endpoint.price.output),
        "yes" if endpoint.free else "no",
        endpoint.region or "-",
        ", ".join(names) or "-",
    )


def price_text(price: float | None) -> str:
    """US dollars per million tokens."""
    return "-" if price is None else f"{price:g}"


def retention_text(retention: Retention) -> str:
    """Kind and days; `<1` where the period is under a day but not zero."""
    if retention.days is None or retention.kind == "zero":
        return retention.kind.value
    return f"{retention.kind.value} {f'{retention.days:g}' if retention.days else '<1'} d"


def print_provider(provider: Provider, endpoints: list[Endpoint]) -> None:
    """Everything a record says, with its sources."""
    out = console()
    out.print(f"{provider.id}: {provider.name} ({provider.kind.value})")
    print_table(("field", "value"), [line for line in _provider_lines(provider, len(endpoints)) if line[1]])
    if provider.exceptions:
        rows = [(_selector_text(exception), _override_text(exception), exception.note) for exception in provider.exceptions]
        print_table(("where", "then", "note"), rows, "\nExceptions, later ones win")


def _provider_lines(provider: Provider, endpoints: int) -> list[tuple[str, str]]:
    """Label and text of each part of a record; an empty text where the record says nothing."""
    return [
        ("address", f"{provider.api.base_url} ({provider.api.protocol}, key: {provider.api.auth.value})"),
        ("key from", ", ".join(name for name in (provider.api.env, *provider.api.env_alternatives) if name)),
        ("policy", _block_text(provider.policy)),
        ("free tier", "" if provider.free_tier is None else _block_text(provider.free_tier)),
        ("certifications", ", ".join(provider.certifications)),
        ("regions", ", ".join(provider.regions)),
        ("stored in", ", ".join(provider.storage_regions)),
        ("seat", " / ".join(country for country in (provider.headquarters, provider.contracting_country) if country)),
        ("known by", _provenance_text(provider)),
        ("evidence", provider.provenance.evidence or ""),
        ("notes", provider.notes or ""),
        ("source", _source_text(provider)),
        ("terms", provider.terms_url or ""),
        ("privacy", provider.privacy_url or ""),
        ("endpoints", str(endpoints)),
    ]


def _block_text(block: PolicyBlock) -> str:
    text = (
        f"training {block.training.value}; retention {retention_text(block.retention)}; "
        f"zero retention {block.zero_retention.value}; human review {block.human_review.value}"
    )
    return f"{text}; also used for {', '.join(block.secondary_use)}" if block.secondary_use else text


def _provenance_text(provider: Provider) -> str:
    provenance = provider.provenance
    text = f"{provenance.confidence.value}, verified {provenance.verified_at}"
    if provenance.valid_until is not None:
        text += f", valid until {provenance.valid_until}"
    return f"{text}; secondary only: {', '.join(provenance.secondary_fields)}" if provenance.secondary_fields else text


def _source_text(provider: Provider) -> str:
    provenance = provider.provenance
    if provenance.source_url is None:
        return ""
    notes = [provenance.source_date, None if provenance.source_url_exact else "site only"]
    shown = ", ".join(note for note in notes if note)
    return f"{provenance.source_url} ({shown})" if shown else provenance.source_url


def _selector_text(exception: PolicyException) -> str:
    selector = exception.applies_to
    return "; ".join(f"{name} {', '.join(words)}" for name in selector.__struct_fields__ if (words := getattr(selector, name)))


def _override_text(exception: PolicyException) -> str:
    override = exception.override
    values = ((name, getattr(override, name)) for name in override.__struct_fields__)
    return "; ".join(
        f"{name} {retention_text(value) if isinstance(value, Retention) else value}" for name, value in values if value is not None
    )
