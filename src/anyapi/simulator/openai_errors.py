"""What OpenAI's wire formats have in common: the error object, its event, and log probabilities. Reads and answers no request."""

import msgspec

from anyapi.simulator.call import Call

CREATED = 1_764_000_000
"""A fixed time, so that equal requests get equal answers."""
_ERRORS = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "forbidden"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}
_write = msgspec.json.Encoder().encode


class OpenAiErrors:
    """Errors as all formats of OpenAI write them."""

    def error(self, status: int, message: str) -> bytes:
        """Return OpenAI's error object."""
        kind, code = _ERRORS.get(status, ("server_error" if status >= 500 else "invalid_request_error", None))
        return _write({"error": {"message": message, "type": kind, "param": None, "code": code}})

    def error_headers(self, status: int) -> list[tuple[bytes, bytes]]:  # noqa: ARG002 - the contract's
        """All is in the body."""
        return []

    def error_event(self, message: str, after: int) -> bytes:  # noqa: ARG002 - the contract's
        """Return an error object as a data-only event, as OpenAI-compatible servers do."""
        return b"data: " + self.error(500, message) + b"\n\n"

    def count(self, call: Call) -> object:  # noqa: ARG002 - the contract's
        """Nothing is counted."""
        return None


def log_probabilities(pieces: list[str], alternatives: int) -> list[dict[str, object]]:
    """Return an entry for each piece of text, with so many most likely tokens each (the piece itself is the first of them)."""
    return [_entry(piece, -0.01 * (place % 7), alternatives) for place, piece in enumerate(pieces)]


def _entry(token: str, value: float, alternatives: int) -> dict[str, object]:
    chosen = _token(token, value)
    others = [_token(f"alternative{rank}", value - rank) for rank in range(1, alternatives)]
    return {**chosen, "top_logprobs": [chosen, *others] if alternatives else []}


def _token(token: str, value: float) -> dict[str, object]:
    return {"token": token, "logprob": value, "bytes": list(token.encode())}
