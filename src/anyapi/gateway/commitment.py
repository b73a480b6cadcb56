"""A salted commitment to a request's body, entered into the audit log where the caller asks for one.

With `X-AnyAPI-Commitment-Salt: <64 hex digits>` the request's entry holds HMAC-SHA-256 (RFC 2104) over the body and the decision's id, with
the salt as key. The salt is kept nowhere. Whoever has the log alone learns nothing of the body, not even that two were equal; whoever has
body and salt can show that this is what was sent. Only requests with the header run a line of this.
"""

import hmac
import re
from typing import cast

import msgspec

from anyapi.domain.decision import Decision
from anyapi.domain.usage import UsageRow
from anyapi.errors import BadRequest
from anyapi.gateway.apart import HUGE, apart
from anyapi.gateway.call import Call
from anyapi.gateway.outlets import AuditSink
from anyapi.gateway.plane import DataPlane
from anyapi.policy.parse import COMMITMENT_SALT

_HEADER = COMMITMENT_SALT.encode()
_SALT = re.compile(rb"[0-9A-Fa-f]{64}")
_FEW = 16
"""Different bytes of a salt: 32 random ones have fewer once in 10^11 times, what a person types nearly always."""


async def committed(plane: DataPlane, call: Call) -> DataPlane:
    """The plane as a request sees it that asks for a commitment; the plane itself for every other. Raises `BadRequest` for no good salt."""
    salts = [value for name, value in call.policy if name == _HEADER]
    if not salts:
        return plane
    if len(salts) > 1:
        raise BadRequest(f"The header `{COMMITMENT_SALT}` is given twice.", COMMITMENT_SALT)
    salt = bytes.fromhex(salts[0].decode("ascii")) if _SALT.fullmatch(salts[0]) else b""
    if len(set(salt)) < _FEW:
        raise BadRequest(
            f"`{COMMITMENT_SALT}` must be 32 random bytes, written as 64 hex digits: make them with `openssl rand -hex 32` and keep them.",
            COMMITMENT_SALT,
        )
    body = call.body
    begun = await apart(hmac.new, salt, body, "sha256") if len(body) > HUGE else hmac.new(salt, body, "sha256")
    return cast("DataPlane", _Committed(plane, begun))


class _Committed:
    """The plane, with an audit log that is given the commitment too. All else is the plane's own."""

    def __init__(self, plane: DataPlane, begun: hmac.HMAC) -> None:
        self._plane = plane
        self.outlets = msgspec.structs.replace(plane.outlets, audit=_with_commitment(plane.outlets.audit, begun))

    def __getattr__(self, name: str) -> object:
        """What is not here, the plane has."""
        return getattr(self._plane, name)


def _with_commitment(audit: AuditSink, begun: hmac.HMAC) -> AuditSink:
    def put(row: UsageRow, decisions: tuple[Decision, ...], _: str | None = None) -> None:
        begun.update(row.decision.encode())
        audit(row, decisions, begun.hexdigest())

    return put
