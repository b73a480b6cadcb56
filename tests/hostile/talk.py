"""Raw exchanges with a running gateway, and what every error answer of it must look like."""

import json

from tests.tools.gateway import Gateway
from tests.tools.hostile_requests import BODY, case, head, post
from tests.tools.raw_http import Exchange, Response, Step, exchange

TYPES = {
    400: {"bad_request"},
    401: {"authentication_error"},
    402: {"insufficient_quota"},
    403: {"no_eligible_endpoint", "permission_error"},
    404: {"model_not_found", "not_found"},
    405: {"method_not_allowed"},
    408: {"bad_request"},
    413: {"request_too_large"},
    415: {"bad_request"},
    417: {"bad_request"},
    429: {"rate_limit"},
    431: {"request_too_large"},
    502: {"upstream_error"},
    503: {"no_endpoint_for_tags", "overloaded"},
    504: {"upstream_timeout"},
}
"""Wire names of errors, by status (SPEC section 5, and the gateway's own for protocol errors)."""


def steps(gateway: Gateway, *parts: "bytes | Step") -> list[Step]:
    """A script; bytes are sent with the placeholders filled in."""
    script: list[Step] = []
    for part in parts:
        script += case("step", part, 200).script(gateway.key, f"127.0.0.1:{gateway.port}") if isinstance(part, bytes) else [part]
    return script


def talk(
    gateway: Gateway,
    *parts: "bytes | Step",
    responses: int | None = 1,
    close_within: float = 0.0,
    methods: tuple[str, ...] = (),
    deadline: float = 20.0,
) -> Exchange:
    """Play the parts on one connection to the gateway's port and read so many answers (None: until it closes)."""
    address, script = ("127.0.0.1", gateway.port), steps(gateway, *parts)
    return exchange(address, script, responses=responses, close_within=close_within, methods=methods, deadline=deadline)


def ask(gateway: Gateway, *parts: "bytes | Step", method: str = "POST") -> Response:
    """The only answer to one request."""
    (answer,) = talk(gateway, *parts, methods=(method,)).responses((method,))
    return answer


def envelope(status: int, body: bytes) -> dict:
    """The error object of an answer; fails unless it has the one shape that every error has."""
    document = json.loads(body)
    assert list(document) == ["error"]
    error = document["error"]
    assert {"code", "type", "message", "metadata"} <= error.keys() <= {"code", "type", "message", "metadata", "param"}
    assert error["code"] == status
    assert error["type"] in TYPES[status]
    assert isinstance(error["message"], str)
    assert error["message"]
    assert isinstance(error["metadata"], dict)
    return error


__all__ = ["BODY", "ask", "case", "envelope", "head", "post", "steps", "talk"]
