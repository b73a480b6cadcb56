"""Exchanges with a running gateway over raw sockets, what an error answer must look like, and what reached the simulated providers."""

import json
from collections.abc import Mapping

from tests.tools.gateway import Gateway, received
from tests.tools.hostile_requests import BODY, case, head, post
from tests.tools.raw_http import Exchange, Response, Step, exchange

from anyapi.simulator import SimulationThread

CANARY = "c4na7yva1ue"
"""Stands in values that an answer must not repeat."""
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
"""Wire names of errors, by status (and the gateway's own for protocol errors)."""


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


def sent(simulation: SimulationThread) -> int:
    """Requests that all providers have seen so far."""
    simulation.idle()
    return sum(received(simulation).values())


def refused(
    running: tuple[Gateway, SimulationThread], body: object, headers: Mapping[str, str] | None = None, field: str | None = None
) -> dict:
    """Fails unless the request is a 400 that names the field, does not repeat the canary, and sends nothing."""
    gateway, simulation = running
    before = sent(simulation)
    answer = gateway.request("POST", "/v1/chat/completions", body, headers)
    assert answer.status == 400, answer.body
    error = envelope(400, answer.body)
    if field is not None:
        assert error["metadata"].get("field", "").startswith(field)
        assert error["param"] == error["metadata"]["field"]
        assert error["param"] in error["message"] or field in error["message"]
    assert CANARY.encode() not in answer.body
    assert CANARY not in str(answer.headers)
    assert sent(simulation) == before
    return error


__all__ = ["BODY", "ask", "case", "envelope", "head", "post", "refused", "sent", "steps", "talk"]
