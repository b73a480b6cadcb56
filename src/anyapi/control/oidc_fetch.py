"""Asks a sign-in service over HTTP: one question, one JSON answer, within bounds. Follows no redirect, heeds no proxy, keeps no connection.

Blocking: callers run it in a thread.
"""

import http.client
import ssl
import time
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import SplitResult, urlencode, urlsplit

import msgspec

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
    address, ends = urlsplit(url), time.monotonic() + SECONDS
    headers = {"accept": "application/json", "user-agent": "AnyAPI"}
    if form is not None:
        headers["content-type"] = "application/x-www-form-urlencoded"
    if authorization is not None:
        headers["authorization"] = authorization
    connection = _connection(address)
    try:
        path = f"{address.path or '/'}?{address.query}" if address.query else address.path or "/"
        connection.request("GET" if form is None else "POST", path, None if form is None else urlencode(form), headers)
        answer = connection.getresponse()
        body = _read(answer, ends)
        if answer.status != http.client.OK:
            raise Unavailable(answer.status)
        return msgspec.json.decode(body, type=kind)
    except (OSError, http.client.HTTPException, ValueError, RecursionError):
        raise Unavailable from None  # the error's own text may hold what was sent
    finally:
        connection.close()


def _connection(address: SplitResult) -> http.client.HTTPConnection:
    host = address.hostname or ""
    if address.scheme == "https":
        return http.client.HTTPSConnection(host, address.port, timeout=SECONDS, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, address.port, timeout=SECONDS)


def _read(answer: http.client.HTTPResponse, ends: float) -> bytes:
    body = b""
    while part := answer.read1(64 * 1024):
        body += part
        if len(body) > LARGEST or time.monotonic() > ends:
            raise Unavailable
    return body
