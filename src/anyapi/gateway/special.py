"""What some keys have that others have not: limits, and a log sealed to their owner. Every other key pays one attribute test for both."""

from anyapi.domain.call import Principal
from anyapi.gateway.call import Call
from anyapi.gateway.formats.openai_chat import ChatRequest
from anyapi.gateway.key_limits import limited
from anyapi.gateway.memo import Asked, Decided
from anyapi.gateway.outlets import UsageSink
from anyapi.gateway.plane import DataPlane
from anyapi.gateway.recording import recorded


def special(
    plane: DataPlane, principal: Principal, asked: Asked, decided: Decided, request: ChatRequest, call: Call
) -> tuple[DataPlane, UsageSink]:
    """The plane as this request sees it, and where its usage row goes. Raises what `limited` raises, and then nothing is counted."""
    if principal.log is not None:
        plane = recorded(plane, principal.log, call)
    if principal.limits is None:
        return plane, plane.outlets.usage
    return plane, limited(plane, principal.limits, asked, decided, request)
