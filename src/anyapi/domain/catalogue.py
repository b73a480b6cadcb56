"""The catalogue: providers, models, endpoints and the policy records about them. Immutable; says nothing about callers."""

import datetime as dt
import enum

import msgspec

from anyapi.domain.data_policy import HumanReview, PolicyBlock, Provenance, Retention, Training, ZeroRetention
from anyapi.domain.ids import EndpointId, ModelId, ProviderId


class ProviderKind(enum.StrEnum):
    """What sort of organization (or machine) answers."""

    FIRST_PARTY = "first_party"
    CLOUD = "cloud"
    HOST = "host"
    ROUTER = "router"
    LOCAL = "local"


class Status(enum.StrEnum):
    """Life of an endpoint. `retired` denies; `deprecated` and `unverified` rank last and are flagged."""

    ACTIVE = "active"
    DEPRECATED = "deprecated"
    UNVERIFIED = "unverified"
    RETIRED = "retired"


class Operation(enum.StrEnum):
    """What an endpoint is asked to do. Every format in which a chat can be asked for is `chat_completions` here."""

    CHAT_COMPLETIONS = "chat_completions"
    EMBEDDINGS = "embeddings"


CHAT_ONLY = (Operation.CHAT_COMPLETIONS,)


class Selector(msgspec.Struct, frozen=True, omit_defaults=True):
    """When a policy exception applies. Empty fields do not select; see docs/policy.md section 1.1."""

    models: tuple[str, ...] = ()
    endpoint_models: tuple[str, ...] = ()
    endpoint_privacy_mode: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    account: tuple[str, ...] = ()
    caller_region: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    data: tuple[str, ...] = ()


class Override(msgspec.Struct, frozen=True, omit_defaults=True):
    """The fields that an exception changes; None leaves a field as it was."""

    training: Training | None = None
    retention: Retention | None = None
    zero_retention: ZeroRetention | None = None
    human_review: HumanReview | None = None
    same_as_provider: ProviderId | None = None
    confidential_compute: bool | None = None
    allowed_data: str | None = None
    """A restriction on what may be sent, in words; shown, not compared."""


class PolicyException(msgspec.Struct, frozen=True, omit_defaults=True):
    """Part of a provider's traffic that follows other facts than the base policy."""

    applies_to: Selector
    override: Override
    note: str = ""
    source_url: str | None = None


class Auth(enum.StrEnum):
    """How a credential travels to the provider: always in a header."""

    BEARER = "bearer"
    API_KEY = "api-key"
    X_API_KEY = "x-api-key"
    X_GOOG_API_KEY = "x-goog-api-key"
    SIGV4 = "sigv4"
    """Of Amazon: an API key as a bearer token, or an access key that signs."""
    SERVICE_ACCOUNT = "service-account"
    """Of Google: an access token, had for the key file of a service account."""
    NONE = "none"


class ProviderApi(msgspec.Struct, frozen=True, omit_defaults=True):
    """How to reach the provider. `{names}` in `base_url` are filled from the configuration."""

    base_url: str
    protocol: str
    auth: Auth
    key_optional: bool = False
    env: str | None = None
    env_alternatives: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    """Names of placeholders (or of settings a native adapter needs), each with the environment variable that usually holds it."""
    also_speaks: tuple[str, ...] = ()
    api_version: str | None = None
    """Of a provider that wants one stated with every request."""


class Provider(msgspec.Struct, frozen=True, omit_defaults=True):
    """An organization (or local server) that answers, and its policy records."""

    id: ProviderId
    name: str
    kind: ProviderKind
    api: ProviderApi
    policy: PolicyBlock
    provenance: Provenance
    free_tier: PolicyBlock | None = None
    exceptions: tuple[PolicyException, ...] = ()
    certifications: tuple[str, ...] = ()
    certifications_source: str | None = None
    certifications_level: str | None = None
    """`primary`, `secondary` or `mixed`: how well the certifications are known. Shown, not compared."""
    unverified_certifications: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    storage_regions: tuple[str, ...] = ()
    headquarters: str | None = None
    contracting_country: str | None = None
    terms_url: str | None = None
    privacy_url: str | None = None
    notes: str | None = None


class Price(msgspec.Struct, frozen=True, omit_defaults=True):
    """US dollars per million tokens; None where the provider publishes none."""

    input: float | None = None
    output: float | None = None
    cached_input: float | None = None


class Capabilities(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the endpoint can do. None: not recorded."""

    vision: bool = False
    tools: bool = False
    structured_outputs: bool | None = None
    reasoning: bool = False
    streaming: bool = True
    pdf_input: bool = False
    audio_input: bool = False
    parallel_tools: bool | None = None
    """Several calls of tools in one turn; like those below only used to answer tags."""
    computer_use: bool | None = None
    assistant_prefill: bool | None = None
    """Continues an answer that the request has begun."""
    web_search: bool | None = None
    url_context: bool | None = None
    """Reads pages that the prompt names."""


class Endpoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """One model at one provider and region: the unit that is decided on."""

    id: EndpointId
    provider: ProviderId
    model: ModelId
    upstream_model: str
    """The provider's own name for the model."""
    context_length: int | None = None
    max_output_tokens: int | None = None
    price: Price = Price()
    capabilities: Capabilities = Capabilities()
    free: bool = False
    status: Status = Status.ACTIVE
    region: str | None = None
    privacy_mode: str | None = None
    tier: str | None = None
    deprecation_date: str | None = None
    successor: ModelId | None = None
    source: str | None = None
    price_source: str | None = None
    operations: tuple[Operation, ...] = CHAT_ONLY
    protocol: str | None = None
    """What is spoken there, where it is not what the provider's record says."""
    dimensions: int | None = None
    """Numbers in a vector unless the request asks for another length; None where it makes no vectors, or it is not recorded."""


def protocol_of(endpoint: Endpoint, provider: Provider) -> str:
    """What is spoken at an endpoint: its own protocol, else its provider's."""
    return endpoint.protocol or provider.api.protocol


class Model(msgspec.Struct, frozen=True, omit_defaults=True):
    """Weights, whoever serves them."""

    id: ModelId
    name: str
    author: str
    open_weights: bool = False
    endpoints: tuple[Endpoint, ...] = ()
    aliases: tuple[str, ...] = ()
    """Names without an author that mean this model too, where no endpoint has them."""


class Catalogue(msgspec.Struct, frozen=True):
    """Everything that is known about providers and models. `version` is the SHA-256 of its content, in hex."""

    version: str
    compiled: dt.date
    providers: dict[ProviderId, Provider]
    models: dict[ModelId, Model]
