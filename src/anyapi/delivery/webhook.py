"""Writes, signs and sends a webhook as Standard Webhooks 1.0 has it: HMAC-SHA256 over id, time and body. Blocking: call it in a thread."""

import base64
import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Mapping

import msgspec

from anyapi.crypto.secret import Secret
from anyapi.delivery.checked_http import Allows, Limits, NotReached, Sent, request

PREFIX = "whsec_"
SECRET_BYTES = 32
LIMITS = Limits(15.0, 64 * 1024)


def new_secret() -> Secret:
    """A secret that nobody else knows, in the form in which it is shown once."""
    return Secret(PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode())


def message(kind: str, at: float, data: Mapping[str, object]) -> bytes:
    """The body of a message about something that was at an instant (Unix seconds)."""
    timestamp = dt.datetime.fromtimestamp(at, dt.UTC).isoformat().replace("+00:00", "Z")
    return msgspec.json.encode({"type": kind, "timestamp": timestamp, "data": data})


def signature(secret: Secret, identity: str, at: int, body: bytes) -> str:
    """The `webhook-signature` of a message. Raises `NotReached` for a secret that is none: an empty one would let anybody sign."""
    text = secret.reveal()
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True) if text.startswith(PREFIX) else b""
    except ValueError:
        key = b""
    if len(key) < SECRET_BYTES:
        raise NotReached("secret_unusable", "the webhook's secret is none: make a new one")
    signed = hmac.new(key, f"{identity}.{at}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


def post(url: str, secret: Secret, identity: str, at: float, body: bytes, allows: Allows) -> None:
    """Send one message; `at` in Unix seconds. Raises `NotReached` unless it is taken (a status of 200 to 299)."""
    when = int(at)
    headers = {
        "content-type": "application/json",
        "webhook-id": identity,
        "webhook-timestamp": str(when),
        "webhook-signature": signature(secret, identity, when, body),
    }
    answer = request(Sent("POST", url, body, headers), allows, LIMITS)
    if answer.status == 410:
        raise NotReached("gone", "the webhook's address says that it is gone")
    if not 200 <= answer.status < 300:
        raise NotReached("not_taken", "the webhook's address did not take it")
