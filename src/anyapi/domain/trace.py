"""What is known of a request that is traced, when it has ended. No content, and nothing that a caller wrote but the ids it sent."""

import msgspec

from anyapi.domain.usage import UsageRow


class Parent(msgspec.Struct, frozen=True, gc=False):
    """The span of the caller that a request belongs to: 16 and 8 bytes, which the caller chose."""

    trace: bytes
    span: bytes


class TracedRequest(msgspec.Struct, frozen=True, gc=False):
    """One request, from which its spans are made."""

    row: UsageRow
    parent: Parent | None = None
    sent_after: float | None = None
    """Seconds from its admission until its last attempt was given to a connection to a provider; None if that attempt came to none."""
