"""What follows from evidence (docs/policy.md section 1.6): which statements contradict a promise, and what that leaves of the facts.

INVARIANT: evidence can only make facts worse. A statement that agrees, or promises more, changes nothing.
"""

from collections.abc import Collection, Iterable

import msgspec

from anyapi.domain.catalogue import Endpoint
from anyapi.domain.data_policy import UNKNOWN_RETENTION, Confidence, DataPolicy, Grade, HumanReview, RetentionKind, Training
from anyapi.domain.evidence import CONTRADICTIONS, UNRECOGNISED, EvidenceCode, Statement, Told
from anyapi.domain.ids import ProviderId

HOSTS = frozenset({EvidenceCode.OTHER_HOST, EvidenceCode.EXCLUDED_HOST})
"""Who answered is not who should have: then nothing that was said of the endpoint is known to hold."""


def weigh(stated: Statement, endpoint: Endpoint, promised: DataPolicy, told: Told) -> tuple[EvidenceCode, ...]:
    """The contradictions between what was stated and what was promised, gravest first; else `agreed` or `unreadable`; else nothing."""
    found = tuple(_contradictions(stated, endpoint, promised, told))
    if found:
        return found
    if stated.unreadable:
        return (EvidenceCode.UNREADABLE,)
    said = (stated.zero_retention, stated.stored, stated.host)
    return () if said == (None, None, None) else (EvidenceCode.AGREED,)


def _contradictions(stated: Statement, endpoint: Endpoint, promised: DataPolicy, told: Told) -> Iterable[EvidenceCode]:
    if stated.host is not None:
        # A provider that answers with facts of its own promises no host.
        if promised.hosts and promised.hosts.isdisjoint({endpoint.provider, stated.host}):
            yield EvidenceCode.OTHER_HOST
        if _excluded(stated.host, told):
            yield EvidenceCode.EXCLUDED_HOST
    if stated.zero_retention is False and promised.retention.kind is RetentionKind.ZERO:
        yield EvidenceCode.RETAINED
    if stated.stored:
        yield EvidenceCode.STORED


def _excluded(host: ProviderId, told: Told) -> bool:
    """Whether the router was told not to use this very host. One that nobody recognises may be one that it was told to use."""
    return host in told.ignore or (bool(told.only) and host not in {UNRECOGNISED, *told.only})


def lowered(policy: DataPolicy, codes: Collection[EvidenceCode]) -> DataPolicy:
    """The facts of an endpoint that was contradicted so: what was contradicted is not known any more, and the grade is the lowest."""
    if not codes:
        return policy
    policy = msgspec.structs.replace(
        policy,
        grade=Grade.CONTRADICTED,
        contradictions=tuple(code for code in CONTRADICTIONS if code in codes),
        retention=UNKNOWN_RETENTION,
        retention_confidence=Confidence.NONE,
    )
    if HOSTS.isdisjoint(codes):
        return policy
    return msgspec.structs.replace(
        policy,
        training=Training.UNKNOWN,
        training_confidence=Confidence.NONE,
        human_review=HumanReview.UNKNOWN,
        certifications=frozenset(),
        regions=frozenset(),
    )
