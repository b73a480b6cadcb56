"""Data policy: facts about an endpoint. Values only; what they mean for a request is decided in `anyapi.policy`."""

import datetime as dt
import enum

import msgspec

from anyapi.domain.ids import ProviderId


class Training(enum.StrEnum):
    """Whether content sent to the provider may train models."""

    NEVER = "never"
    OPT_OUT = "opt_out"
    BY_DEFAULT = "by_default"
    UNKNOWN = "unknown"


class RetentionKind(enum.StrEnum):
    """Which traffic the provider keeps."""

    ZERO = "zero"
    LIMITED = "limited"
    COMPLIANCE = "compliance"
    INDEFINITE = "indefinite"
    UNKNOWN = "unknown"


class ZeroRetention(enum.StrEnum):
    """How zero retention is obtained from the provider."""

    DEFAULT = "default"
    SELF_SERVE = "self_serve"
    APPROVAL = "approval"
    CONTRACT = "contract"
    NO = "no"
    UNKNOWN = "unknown"


class HumanReview(enum.StrEnum):
    """Whether people at the provider may read content."""

    NO = "no"
    YES = "yes"
    UNKNOWN = "unknown"


class Confidence(enum.StrEnum):
    """How well a fact is known, worst first."""

    NONE = "none"
    SECONDARY = "secondary"
    PRIMARY = "primary"
    CONTRACTED = "contracted"


class Grade(enum.StrEnum):
    """What stands behind the facts."""

    CONTRADICTED = "contradicted"
    """The provider itself states otherwise (docs/policy.md, 1.6)."""
    DECLARED = "declared"
    CONTRACTED = "contracted"
    ATTESTED = "attested"


class Retention(msgspec.Struct, frozen=True):
    """How long content is kept. `days` is None where no end is stated; fractions are allowed."""

    kind: RetentionKind
    days: float | None = None
    purpose: str | None = None


UNKNOWN_RETENTION = Retention(RetentionKind.UNKNOWN)


class PolicyBlock(msgspec.Struct, frozen=True):
    """One block of policy facts as a catalogue record states them (base policy or free tier)."""

    training: Training
    retention: Retention
    zero_retention: ZeroRetention
    human_review: HumanReview
    secondary_use: tuple[str, ...] = ()


class Provenance(msgspec.Struct, frozen=True):
    """Where the facts come from. Dates are UTC; `source_date` is shown and never used for expiry."""

    confidence: Confidence
    source_url: str | None = None
    source_url_exact: bool = True
    source_date: str | None = None
    verified_at: dt.date | None = None
    valid_until: dt.date | None = None
    secondary_fields: tuple[str, ...] = ()
    evidence: str | None = None


class DataPolicy(msgspec.Struct, frozen=True):
    """Facts in force for one endpoint and one credential, after exceptions, expiry and agreements (docs/policy.md section 1)."""

    training: Training
    retention: Retention
    zero_retention: ZeroRetention
    human_review: HumanReview
    training_confidence: Confidence
    retention_confidence: Confidence
    flagged_retention: Retention | None = None
    secondary_use: tuple[str, ...] = ()
    certifications: frozenset[str] = frozenset()
    """Claims that count on their own."""
    contract_certifications: frozenset[str] = frozenset()
    """Claims that are contracts and that no agreement states: they do not count, but the refusal can say so."""
    regions: frozenset[str] = frozenset()
    storage_regions: frozenset[str] = frozenset()
    restrictions: tuple[str, ...] = ()
    """Input restrictions and technical guarantees that are shown and never compared."""
    grade: Grade = Grade.DECLARED
    agreements: tuple[str, ...] = ()
    expired: bool = False
    source_url: str | None = None
    source_date: str | None = None
    verified_at: dt.date | None = None
    valid_until: dt.date | None = None
    """The first day on which these facts are no longer good."""
    hosts: frozenset[ProviderId] = frozenset()
    """Whose record these facts are: the provider's own, or that of the one behind it. Only an answer by one of them keeps the promise."""
    contradictions: tuple[str, ...] = ()
    """Codes of the evidence that contradicts the facts; then those it contradicts are unknown."""
