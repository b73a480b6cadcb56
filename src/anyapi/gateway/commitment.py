"""A salted commitment to a request's body, entered into the audit log where the caller asks for one.

With `X-AnyAPI-Commitment-Salt: <64 hex digits>` the request's entry holds HMAC-SHA-256 (RFC 2104) over the body and the decision's id, with
the salt as key. The salt is kept nowhere. Whoever has the log alone learns nothing of the body, not even that two were equal; whoever has
body and salt can show that this is what was sent. Only requests with the header run a line of this.
"""

import hmac
import re

from anyapi.audit.commitment import begun, commitment
from anyapi.domain.decision import Decision
from anyapi.domain.usage import UsageRow
from anyapi.errors import BadRequest
from anyapi.gateway.apart import HUGE, apart
from anyapi.gateway.call import Call
from anyapi.gateway.outlets import AuditSink
from anyapi.gateway.plane import DataPlane
from anyapi.gateway.plane_view import seen_with
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
    started = await apart(begun, salt, body) if len(body) > HUGE else begun(salt, body)
    return seen_with(plane, audit=_with_commitment(plane.outlets.audit, started))


def _with_commitment(audit: AuditSink, started: hmac.HMAC) -> AuditSink:
    def put(row: UsageRow, decisions: tuple[Decision, ...], _: str | None = None) -> None:
        audit(row, decisions, commitment(started, row.decision))

    return put
