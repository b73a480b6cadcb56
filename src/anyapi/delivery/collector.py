"""Sends spans to the collector that the operator named. Blocking: call it in a thread.

The operator chose the address, so it may be any; in the clear nothing goes to a public one, and no redirect is followed.
"""

from collections.abc import Mapping

from anyapi.crypto.secret import Secret
from anyapi.delivery.checked_http import Limits, NotReached, Sent, request

_LARGEST_ANSWER = 64 * 1024
_LATER = frozenset({408, 429, 502, 503, 504})
"""What OTLP over HTTP has a client send again; all else would be refused again."""


class Collector:
    """Where spans go."""

    def __init__(self, endpoint: str, headers: Mapping[str, Secret]) -> None:
        """`headers` are sent with each export."""
        self._endpoint, self._headers = endpoint, headers

    def send(self, body: bytes, seconds: float) -> tuple[bool | None, str, bytes]:
        """Send an export: whether it was taken, None if it may be sent again; a code of ours for that; what the collector answered then."""
        own = {name: value.reveal() for name, value in self._headers.items()}
        sent = Sent("POST", self._endpoint, body, {**own, "content-type": "application/x-protobuf"})
        try:
            answer = request(sent, lambda _address: True, Limits(seconds, _LARGEST_ANSWER))
        except NotReached as error:
            return None, error.code, b""
        if 200 <= answer.status < 300:
            return True, "ok", answer.body
        return (None if answer.status in _LATER else False), f"status_{answer.status}", b""
