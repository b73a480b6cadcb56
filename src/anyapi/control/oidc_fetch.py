"""Asks a sign-in service over HTTP (`delivery/checked_http.py`): one question, one JSON answer, within bounds.

Blocking: callers run it in a thread.
"""

import http.client
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import urlencode

import msgspec

from anyapi.delivery.checked_http import Limits, NotReached, Sent, request

SECONDS = 10.0
LARGEST = 256 * 1024
T = TypeVar("T")


class Unavailable(Exception):
    """The service gave no usable answer. Says nothing of what it sent."""

    def __init__(self, status: int | None = None) -> None:
        """`status` is what it answered with, None if it did not."""
        super().__init__("The sign-in service gave no usable answer.")
        self.status = status


def fetch(url: str, kind: type[T], *, form: Mapping[str, str] | None = None, authorization: str | None = None) -> T:
    """GET, or POST a form. Raises `Unavailable` for anything but 200 with JSON of that kind, at most 256 KiB and within ten seconds."""
    headers = {"accept": "application/json", "user-agent": "AnyAPI"}
    if form is not None:
        headers["content-type"] = "application/x-www-form-urlencoded"
    if authorization is not None:
        headers["authorization"] = authorization
    sent = Sent("GET", url, None, headers) if form is None else Sent("POST", url, urlencode(form).encode(), headers)
    try:
        answer = request(sent, _anywhere, Limits(SECONDS, LARGEST))
        if answer.status != http.client.OK:
            raise Unavailable(answer.status)
        return msgspec.json.decode(answer.body, type=kind)
    except (NotReached, ValueError, RecursionError):
        raise Unavailable from None  # the error's own text may hold what was sent


def _anywhere(_address: str) -> bool:
    """The operator has named the service's hosts: it may stand in a network that providers and webhooks may not lead to."""
    return True
