"""Reads one provider record into `Provider`. Knows the fields of a record, not where the record came from."""

import datetime as dt
import ipaddress
import re

from anyapi.catalogue.policy_record import read_exception, read_policy_block
from anyapi.catalogue.reading import Table
from anyapi.catalogue.vocabulary import (
    ALSO_SPOKEN,
    API_VERSION,
    AUTH_WORDS,
    BASE_URL,
    CERTIFICATION_LEVELS,
    COUNTRY,
    ENVIRONMENT_NAME,
    NOT_SERVED,
    PLACEHOLDER,
    PROTOCOLS,
    PROVIDER_ID,
    REGION,
    SECONDARY_FIELDS,
    WORD,
)
from anyapi.domain.catalogue import Auth, Provider, ProviderApi, ProviderKind
from anyapi.domain.data_policy import (
    CERTIFICATIONS,
    UNKNOWN_RETENTION,
    Confidence,
    HumanReview,
    PolicyBlock,
    Provenance,
    Training,
    ZeroRetention,
)
from anyapi.domain.ids import ProviderId
from anyapi.policy.nearest import did_you_mean

NO_FACTS = PolicyBlock(Training.UNKNOWN, UNKNOWN_RETENTION, ZeroRetention.UNKNOWN, HumanReview.UNKNOWN)
"""The policy of a record that states none: the worst case."""

API_FIELDS = ("base_url", "protocol", "auth", "env", "env_alternatives", "variables", "also_speaks", "api_version")
"""What `api` holds."""
_NO_API = ProviderApi(base_url="", protocol="", auth=Auth.NONE)
_PLACEHOLDER_IN_URL = re.compile(r"\{([^{}]*)\}")
_HOST = re.compile(r"https?://(\[[^\]]*\]|[^/:]*)")


def read_provider(table: Table, verified_at: dt.date) -> Provider:
    """Read a record; `verified_at` is the date of a record that has none of its own.

    Absent facts are unknown. The operator is the first source about a local server, so there an absent `confidence` is `primary`;
    elsewhere it is `none`.
    """
    identity = ProviderId(table.text("id", PROVIDER_ID))
    kind = table.choice("kind", ProviderKind)
    api, policy, free_tier = table.child("api"), table.child("policy"), table.child("free_tier")
    misplaced = _note_misplaced(table)
    if api is None and not misplaced:
        table.note("api", 'is missing: it says how the provider is reached, `api = { base_url = "...", protocol = "..." }`')
    provider = Provider(
        id=identity,
        name=table.text("name", default=identity),
        kind=kind,
        api=_NO_API if api is None else _read_api(api, kind),
        policy=NO_FACTS if policy is None else read_policy_block(policy),
        provenance=_read_provenance(table, kind, verified_at),
        free_tier=None if free_tier is None else read_policy_block(free_tier),
        exceptions=tuple(read_exception(entry) for entry in table.children("policy_exceptions")),
        certifications=table.words("compliance", WORD, CERTIFICATIONS),
        certifications_source=table.page("compliance_source_url"),
        certifications_level=_level(table),
        unverified_certifications=table.words("compliance_unverified", WORD, CERTIFICATIONS),
        regions=table.words("regions", REGION),
        storage_regions=table.words("storage_regions", REGION),
        headquarters=table.optional_text("headquarters", COUNTRY),
        contracting_country=table.optional_text("contracting_country", COUNTRY),
        terms_url=table.page("terms_url"),
        privacy_url=table.page("privacy_url"),
        notes=table.optional_text("notes"),
    )
    table.done()
    return provider


def _note_misplaced(table: Table) -> bool:
    """Note fields that stand beside `api` and belong into it; whether there were any."""
    found = [name for name in API_FIELDS if table.has(name)]
    for name in found:
        table.raw(name)
        table.note(name, f"belongs into `api`: write `api = {{ {name} = ... }}`, with whatever else `api` holds")
    return bool(found)


def _read_provenance(table: Table, kind: ProviderKind, verified_at: dt.date) -> Provenance:
    source_date, valid_until = table.day("source_date"), table.day("valid_until")
    exact = table.optional_flag("source_url_exact")
    verified = table.day("verified_at") or verified_at
    if valid_until is not None and valid_until <= verified:
        table.note("valid_until", "must be after `verified_at`")
    return Provenance(
        confidence=_confidence(table, Confidence.PRIMARY if kind is ProviderKind.LOCAL else Confidence.NONE),
        source_url=table.page("policy_source_url"),
        source_url_exact=exact is not False,
        source_date=None if source_date is None else source_date.isoformat(),
        verified_at=verified,
        valid_until=valid_until,
        secondary_fields=table.words("secondary_fields", WORD, SECONDARY_FIELDS),
        evidence=table.optional_text("evidence"),
    )


def _confidence(table: Table, default: Confidence) -> Confidence:
    confidence = table.choice("confidence", Confidence, default)
    if confidence is Confidence.CONTRACTED:
        table.note("confidence", "must be one of none, secondary, primary; a contract is declared under [[agreements]]")
    return confidence


def _level(table: Table) -> str | None:
    level = table.optional_text("compliance_level", WORD)
    if level is not None and level not in CERTIFICATION_LEVELS:
        table.note("compliance_level", f"must be one of {', '.join(sorted(CERTIFICATION_LEVELS))}")
    return level


def _read_api(table: Table, kind: ProviderKind) -> ProviderApi:
    auth, key_optional = AUTH_WORDS.get(table.text("auth", default="bearer"), (None, False))
    if auth is None:
        table.note("auth", f"must be one of {', '.join(AUTH_WORDS)}")
    base_url = table.text("base_url", BASE_URL)
    variables = _read_variables(table)
    _check_base_url(table, base_url, kind, frozenset(variables))
    api = ProviderApi(
        base_url=base_url,
        protocol=_protocol(table),
        auth=auth or Auth.NONE,
        key_optional=key_optional,
        env=table.optional_text("env", ENVIRONMENT_NAME),
        env_alternatives=table.words("env_alternatives", ENVIRONMENT_NAME),
        variables=tuple(variables.items()),
        also_speaks=table.words("also_speaks", WORD, ALSO_SPOKEN),
        api_version=table.optional_text("api_version", API_VERSION),
    )
    if (api.protocol == "azure-openai") != (api.api_version is not None):
        table.note("api_version", "belongs to the protocol azure-openai, and that has one: a version such as 2024-10-21")
    table.done()
    return api


def _protocol(table: Table) -> str:
    protocol = table.text("protocol", WORD)
    if protocol == "ollama":
        table.note("protocol", "Ollama is reached through its OpenAI form: use openai-chat with a base_url that ends in /v1")
    else:
        note_protocol(table, protocol)
    return protocol


def note_protocol(table: Table, protocol: str) -> None:
    """Note a protocol that nobody knows, with those that are served and the near one."""
    if protocol and protocol not in PROTOCOLS:
        served = sorted(PROTOCOLS - NOT_SERVED)
        table.note("protocol", f"must be one of {', '.join(served)}{did_you_mean(protocol, served, 1)}")


def _read_variables(table: Table) -> dict[str, str]:
    child = table.child("variables")
    if child is None:
        return {}
    variables = {name: child.text(name, ENVIRONMENT_NAME) for name in child.names()}
    for name in variables:
        if not PLACEHOLDER.fits(name):
            child.note(name, f"the name must be {PLACEHOLDER.description}")
    return variables


def _check_base_url(table: Table, base_url: str, kind: ProviderKind, variables: frozenset[str]) -> None:
    """Keys and content travel in the clear only to a local server, or to this machine or a private address."""
    for name in _PLACEHOLDER_IN_URL.findall(base_url):
        if not PLACEHOLDER.fits(name):
            table.note("base_url", f"a placeholder must be {PLACEHOLDER.description} in braces")
        elif variables and name not in variables:
            table.note("variables", "does not name the environment variable of every placeholder of base_url")
    rest = _PLACEHOLDER_IN_URL.sub("", base_url)
    if "{" in rest or "}" in rest:
        table.note("base_url", "has a brace without its partner")
    if base_url.startswith("http://") and kind is not ProviderKind.LOCAL and not is_private_host(host_of(base_url)):
        table.note("base_url", "must be https; plain http is for local servers and private addresses")


def host_of(base_url: str) -> str:
    """The host of a base URL, without brackets; empty when there is none."""
    found = _HOST.match(base_url)
    return found.group(1).strip("[]").lower() if found else ""


def is_private_host(host: str) -> bool:
    """Whether a host is, by its text alone, this machine or an address that is not public. Resolves nothing."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False
