"""Decision: permitted endpoints, and a coded reason for every denied one. And the route that is walked over the permitted."""

import enum

import msgspec

from anyapi.domain.catalogue import Endpoint
from anyapi.domain.data_policy import DataPolicy
from anyapi.domain.ids import CredentialId, EndpointId, HealthKey, ModelId, RequirementHash
from anyapi.domain.requirement import Layer


class ReasonKind(enum.StrEnum):
    """Policy reasons come from the caller's side; availability reasons do not. They are kept apart everywhere."""

    POLICY = "policy"
    AVAILABILITY = "availability"


class ReasonCode(enum.StrEnum):
    """Why an endpoint is not used. Every code is documented in docs/policy.md; a test checks it."""

    TRAINING_BY_DEFAULT = "training_by_default"
    TRAINING_OPT_OUT = "training_opt_out"
    TRAINING_UNKNOWN = "training_unknown"
    RETENTION_TOO_LONG = "retention_too_long"
    RETENTION_ENDLESS = "retention_endless"
    RETENTION_UNKNOWN = "retention_unknown"
    RETENTION_NOT_ZERO = "retention_not_zero"
    FLAGGED_COPIES_TOO_LONG = "flagged_copies_too_long"
    ENDPOINT_FREE = "endpoint_free"
    CREDENTIAL_FREE_TIER = "credential_free_tier"
    CREDENTIAL_TIER_UNDECLARED = "credential_tier_undeclared"
    CERTIFICATION_MISSING = "certification_missing"
    CERTIFICATION_NEEDS_AGREEMENT = "certification_needs_agreement"
    CERTIFICATIONS_NOT_NAMED = "certifications_not_named"
    REGION_UNKNOWN = "region_unknown"
    REGION_NOT_ALLOWED = "region_not_allowed"
    PROVIDER_NOT_IN_ONLY = "provider_not_in_only"
    PROVIDER_IGNORED = "provider_ignored"
    HUMAN_REVIEW_POSSIBLE = "human_review_possible"
    HUMAN_REVIEW_UNKNOWN = "human_review_unknown"
    CONFIDENCE_TOO_LOW = "confidence_too_low"
    EVIDENCE_CONTRADICTS = "evidence_contradicts"
    REVIEW_PENDING = "review_pending"
    JUDGING_FAILED = "judging_failed"
    NO_CREDENTIAL = "no_credential"
    NO_ADAPTER = "no_adapter"
    OPERATION_UNSUPPORTED = "operation_unsupported"
    ENDPOINT_ELSEWHERE = "endpoint_elsewhere"
    NOT_DEPLOYED = "not_deployed"
    ENDPOINT_RETIRED = "endpoint_retired"
    CONTEXT_TOO_SHORT = "context_too_short"
    TAGS_UNMATCHED = "tags_unmatched"
    PARAMETERS_UNSUPPORTED = "parameters_unsupported"
    PRICE_TOO_HIGH = "price_too_high"
    CIRCUIT_OPEN = "circuit_open"
    NOT_PREFERRED = "not_preferred"


AVAILABILITY = frozenset(
    {
        ReasonCode.NO_CREDENTIAL,
        ReasonCode.NO_ADAPTER,
        ReasonCode.OPERATION_UNSUPPORTED,
        ReasonCode.ENDPOINT_ELSEWHERE,
        ReasonCode.NOT_DEPLOYED,
        ReasonCode.ENDPOINT_RETIRED,
        ReasonCode.CONTEXT_TOO_SHORT,
        ReasonCode.TAGS_UNMATCHED,
        ReasonCode.PARAMETERS_UNSUPPORTED,
        ReasonCode.PRICE_TOO_HIGH,
        ReasonCode.CIRCUIT_OPEN,
        ReasonCode.NOT_PREFERRED,
    }
)
"""The codes of availability reasons, for what holds codes alone: records, entries of the audit log."""


class Change(msgspec.Struct, frozen=True):
    """One setting that would have to be relaxed: from what it is now, to what would admit."""

    setting: str
    layers: tuple[Layer, ...]
    now: str | float | bool | tuple[str, ...] | None
    needed: str | float | bool | tuple[str, ...] | None


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """One rule that an endpoint fails. `required` and `actual` are what was compared; `text` is a sentence for people."""

    code: ReasonCode
    kind: ReasonKind
    text: str
    setting: str | None = None
    layers: tuple[Layer, ...] = ()
    required: str | float | bool | tuple[str, ...] | None = None
    actual: str | float | bool | tuple[str, ...] | None = None
    instead: tuple[Change, ...] = ()
    """What would remove this reason, where it is not the setting alone, or not to what the endpoint has."""


class Candidate(msgspec.Struct, frozen=True):
    """A permitted endpoint, the credential it is permitted for, and the facts that permitted it."""

    endpoint: Endpoint
    credential: CredentialId
    policy: DataPolicy
    local: bool = False
    """The provider is a local server."""
    static_score: float = 0.0
    """What ranking knows without health: price as a share of the dearest permitted, plus 10 where it ranks last. Set by `decide`."""
    health_key: HealthKey = HealthKey("")
    """Where its health is measured. Set by `decide`, so that no request has to put it together."""


class Denial(msgspec.Struct, frozen=True):
    """An endpoint that may not or cannot be used, with every reason. `available` is False where an availability reason stands."""

    endpoint: Endpoint
    policy: DataPolicy | None
    reasons: tuple[Reason, ...]
    local: bool = False

    @property
    def available(self) -> bool:
        """Whether only policy stands in the way."""
        return all(reason.kind is ReasonKind.POLICY for reason in self.reasons)

    @property
    def permitted_by_policy(self) -> bool:
        """Whether only availability stands in the way ("permitted by policy, credential missing")."""
        return all(reason.kind is ReasonKind.AVAILABILITY for reason in self.reasons)


class Relaxation(msgspec.Struct, frozen=True):
    """The smallest set of changes that would admit one endpoint."""

    endpoint: EndpointId
    changes: tuple[Change, ...]


class Decision(msgspec.Struct, frozen=True):
    """The answer of `decide` for one model. Every endpoint of the model is in exactly one of `permitted` and `denied`."""

    model: ModelId
    requirement: RequirementHash
    catalogue: str
    permitted: tuple[Candidate, ...]
    denied: tuple[Denial, ...]
    valid_until: float
    """Unix seconds: at this instant an expiry or an agreement's boundary may change the answer. `inf` if never."""


class Route(msgspec.Struct, frozen=True):
    """Ordered attempts over the permitted set. INVARIANT: every candidate comes from a decision's `permitted`."""

    candidates: tuple[Candidate, ...]
    max_attempts: int
    """Upstream calls allowed for this request, all retries and failovers counted."""
    failover_on_refusal: bool = False


class OutcomeKind(enum.StrEnum):
    """How one upstream attempt ended."""

    SUCCESS = "success"
    CONNECT_FAILED = "connect_failed"
    TIMED_OUT = "timed_out"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    OVERLOADED = "overloaded"
    BAD_RESPONSE = "bad_response"
    """The answer could not be understood, before any content reached the client."""
    REJECTED = "rejected"
    """A 4xx that says the request itself is wrong."""
    UNAUTHORIZED = "unauthorized"
    """The provider refused our credential."""
    CONTENT_REFUSED = "content_refused"
    INTERRUPTED = "interrupted"
    """Broken after content had reached the client: never repeated."""
    CLIENT_GONE = "client_gone"


CONTEXT_LENGTH = "context_length_exceeded"
"""Why a request is rejected that does not fit into what the model can take."""


class Outcome(msgspec.Struct, frozen=True):
    """What an attempt told us. `retry_after` in seconds, as the provider asked, None if it did not."""

    kind: OutcomeKind
    retry_after: float | None = None
    status: int | None = None
    why: str | None = None
    """Of a rejected request: `CONTEXT_LENGTH` or the field that the provider names, both words of ours; None where that is not known."""


BEYOND_LIMITS, CUT_AT_LIMITS = Outcome(OutcomeKind.BAD_RESPONSE), Outcome(OutcomeKind.INTERRUPTED)
"""The answer holds more than is taken of any; the second after content had reached the client. Known by identity: that depends on what was
asked, and says nothing of the endpoint's health."""


class Attempt(msgspec.Struct, frozen=True):
    """One upstream call to make: which candidate, and how long to wait first (seconds)."""

    candidate: Candidate
    number: int
    wait: float = 0.0


class EndpointHealth(msgspec.Struct, frozen=True):
    """Measured health, as `rank` sees it. Latencies in seconds; None until measured."""

    latency: float | None = None
    """EWMA of an attempt's time to its first content."""
    throughput: float | None = None
    """EWMA of completion tokens per second."""
    error_rate: float = 0.0
    circuit_open: bool = False
