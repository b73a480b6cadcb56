"""Checks the signature of a request to Amazon (Signature Version 4) against one access key. Signs nothing and knows no clock.

Source: the AWS reference, "Create a signed AWS API request". The date is taken from the request, so an old one passes.
"""

import hashlib
import hmac
import re
import urllib.parse

from anyapi.simulator.request import Request

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request,"
    r"\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})"
)
_MUST_SIGN = frozenset({"host", "x-amz-date"})
_SESSION = "x-amz-security-token"


def signed_by(request: Request, access_key: str, secret: str, service: str = "bedrock", *, session: str = "") -> bool:
    """Say whether the request carries a right signature of this key for `service`, over its host, date and whole body.

    With `session`, a temporary key's token must be there too, and signed.
    """
    headers = _joined(request)
    match = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if match is None:
        return False
    identity, day, region, named, names, signature = match.groups()
    signed, date = names.split(";"), headers.get("x-amz-date", "")
    digest = hashlib.sha256(request.body).hexdigest()
    sound = (
        (identity, named, date[:8]) == (access_key, service, day),
        not session or headers.get(_SESSION) == session,
        _MUST_SIGN | ({_SESSION} if session else set()) <= {*signed} <= {*headers},
        signed == sorted(signed),
        headers.get("x-amz-content-sha256", digest) == digest,
    )
    if not all(sound):
        return False
    canonical = "\n".join([request.method, _path(request.path), _query(request.query), *_lines(headers, signed), "", names, digest])
    scope = f"{day}/{region}/{service}/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request", to_sign):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.compare_digest(key.hex(), signature)


def _joined(request: Request) -> dict[str, str]:
    """Return the headers; values of equal names are joined, runs of spaces are one."""
    headers: dict[str, list[str]] = {}
    for name, value in request.headers:
        headers.setdefault(name, []).append(" ".join(value.split()))
    return {name: ",".join(values) for name, values in headers.items()}


def _lines(headers: dict[str, str], names: list[str]) -> list[str]:
    return [f"{name}:{headers[name]}" for name in names]


def _path(path: str) -> str:
    """The path as it was sent is encoded once more; only S3 leaves that out."""
    return urllib.parse.quote(path, safe="/~")


def _query(query: str) -> str:
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
    return "&".join(f"{name}={value}" for name, value in sorted((_quote(name), _quote(value)) for name, value in pairs))


def _quote(text: str) -> str:
    return urllib.parse.quote(text, safe="~")
