"""Evidence: what a provider states that it did with a request, held against what its endpoint promised. Codes and ids of ours only.

A provider's own words never get this far: a host is an id of the catalogue, or `unrecognised`.
"""

import enum

import msgspec

from anyapi.domain.ids import CredentialId, DecisionId, EndpointId, ProviderId

UNRECOGNISED = "unrecognised"
"""A host that is no provider of the catalogue, whatever it calls itself."""


class EvidenceCode(enum.StrEnum):
    """What the statements of one answer come to. Every code is documented in docs/policy.md; a test checks it."""

    AGREED = "agreed"
    """Everything that was stated is as promised, or better. It changes nothing."""
    UNREADABLE = "unreadable"
    """Something stands where a statement should, and it cannot be read."""
    OTHER_HOST = "other_host"
    """A router named another host than the one whose facts its endpoint promises."""
    EXCLUDED_HOST = "excluded_host"
    """A router named a host that it was told not to use."""
    RETAINED = "retained"
    """Zero retention was promised, and the provider states that it was not in force."""
    STORED = "stored"
    """The provider states that it stored the answer, which no request of ours asks for."""


CONTRADICTIONS = (EvidenceCode.OTHER_HOST, EvidenceCode.EXCLUDED_HOST, EvidenceCode.RETAINED, EvidenceCode.STORED)
"""The codes that contradict a promise, gravest first: these lower an endpoint, the others never do anything."""


class Contradiction(msgspec.Struct, frozen=True):
    """A statement that contradicts what was promised for an endpoint and one credential. Times are Unix seconds."""

    endpoint: EndpointId
    credential: CredentialId
    code: EvidenceCode
    decision: DecisionId
    """The decision whose answer held it."""
    at: float
    host: ProviderId | None = None
    """The host that was named, where that is what contradicts; it may be `unrecognised`."""
    cleared_at: float | None = None
    """Since when it counts no more, because the operator looked into it."""


class Statement(msgspec.Struct, frozen=True):
    """What one answer states. None: nothing was said about it."""

    zero_retention: bool | None = None
    stored: bool | None = None
    host: ProviderId | None = None
    unreadable: bool = False


class Told(msgspec.Struct, frozen=True):
    """What a router was told of the caller's requirement, as far as what it states can be held against it."""

    only: frozenset[ProviderId] = frozenset()
    """Hosts of which one has to answer; empty if it was told none."""
    ignore: frozenset[ProviderId] = frozenset()
    promised: frozenset[ProviderId] = frozenset()
    """Hosts that the endpoint promises: it is told to use these where the caller names none of them. Not the caller's word."""


NOTHING_TOLD = Told()
NOTHING_STATED: tuple[ProviderId | None, str | None] = (None, None)
"""Host and code of an attempt that stated nothing."""
