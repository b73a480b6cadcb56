"""What is kept of a request: metadata only. These structs are the whole list; a field that is not here is not stored."""

import enum
from typing import Annotated, TypeAlias

import msgspec

from anyapi.domain.call import App
from anyapi.domain.ids import AccountId, CredentialId, DecisionId, EndpointId, KeyId, ProjectId, ProviderId, RequirementHash

Recipients: TypeAlias = tuple[tuple[EndpointId, CredentialId], ...]
"""Where a request was written to, in order: each endpoint with the credential that was used there."""
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
"""Tokens of one answer as a provider states them. What states more is taken to state none: it must not reach costs and sums."""


class UsageSource(enum.StrEnum):
    """How the token counts are known."""

    MEASURED = "measured"
    """The provider stated them."""
    ESTIMATED = "estimated"
    """Counted by us from sizes; the provider did not say."""
    UNKNOWN = "unknown"


class TokenCount(msgspec.Struct, frozen=True, gc=False):
    """Tokens of one answer. `cached` is a part of `prompt`, `reasoning` a part of `completion`."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    reasoning: int = 0


class UsageRow(msgspec.Struct, frozen=True, gc=False):
    """One row for every accepted request. `at` in Unix seconds, durations in seconds. Cost in US dollars, None if no price is known."""

    decision: DecisionId
    at: float
    account: AccountId
    key: KeyId
    operation: str
    model: str
    """A catalogue id, else `unknown`."""
    outcome: str
    """An `OutcomeKind`, or the `type` of the error that the caller got."""
    status: int
    """HTTP status that the caller got; 499 when the caller left first."""
    source: UsageSource
    tokens: TokenCount = TokenCount()
    project: ProjectId | None = None
    app: App = App()
    provider: ProviderId | None = None
    endpoint: EndpointId | None = None
    credential: CredentialId | None = None
    data_class: str | None = None
    streamed: bool = False
    attempts: int = 0
    duration: float = 0.0
    first_token: float | None = None
    cost: float | None = None
    host: ProviderId | None = None
    """The host that a router says answered: a provider of the catalogue, or `unrecognised`."""
    evidence: str | None = None
    """An `EvidenceCode`; None where the provider stated nothing."""
    sent_to: Recipients | None = None
    """Where the request was written to, if not to `endpoint` once: after a failover, or nowhere (empty). None: there once, or to nobody."""


class DecisionRecord(msgspec.Struct, frozen=True):
    """What was decided for one request. For `confidential` and `regulated` it is durable before anything is sent."""

    decision: DecisionId
    at: float
    account: AccountId
    key: KeyId
    model: str
    requirement: RequirementHash
    catalogue: str
    snapshot: int
    data_classes: tuple[str, ...]
    permitted: tuple[EndpointId, ...]
    """In the order in which they would be tried."""
    denied: tuple[tuple[EndpointId, tuple[str, ...]], ...]
    """Each denied endpoint with its reason codes."""


LATENCY_BOUNDS = (
    0.005,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.3,
    0.5,
    0.75,
    1.0,
    1.5,
    2.0,
    3.0,
    5.0,
    7.5,
    10.0,
    15.0,
    20.0,
    30.0,
    60.0,
    120.0,
    300.0,
)
"""Upper bounds in seconds of the buckets that response times are counted in; the last bucket has none."""
