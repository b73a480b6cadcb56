"""Google's token endpoint: a signed assertion in, an access token out, which Vertex AI here takes until it ends. Keeps no list of tokens.

Source: RFC 7523 (JWT bearer grant), RFC 8017 section 8.2.2 (verification of PKCS #1 v1.5 signatures), Google's OAuth documentation, as of
2026. The key of such a provider is `EMAIL:MODULUS`: whose assertions are taken, and the public RSA key in hex, its exponent 65537.
"""

import base64
import hashlib
import hmac
import re
import secrets
import time
import urllib.parse
from collections.abc import Mapping

import msgspec

from anyapi.simulator.answer import Answer
from anyapi.simulator.call import Call, Rejected
from anyapi.simulator.reply import Reply, json_reply
from anyapi.simulator.request import Request
from anyapi.simulator.wire import Target, Wire

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
HOUR = 3600
_SLACK = 300
_EXPONENT = 65537
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
_MINT = secrets.token_bytes(32)
"""Marks the tokens of this process; another one's are refused."""


class _Claims(msgspec.Struct):
    iss: str
    aud: str
    scope: str
    iat: int
    exp: int


class _Header(msgspec.Struct):
    alg: str
    typ: str = "JWT"


def minted(email: str, ends: float) -> str:
    """Return an access token of an account, good until `ends` (Unix seconds)."""
    text = f"{secrets.token_hex(8)}.{ends:.3f}"
    return f"ya29.{text}.{_mark(email, text)}"


def is_good(token: str | None, key: str) -> bool:
    """Say whether an access token is one of ours for the account of a provider's key, and has not ended."""
    kind, _, rest = (token or "").partition(".")
    text, _, mark = rest.rpartition(".")
    email = key.partition(":")[0]
    return kind == "ya29" and hmac.compare_digest(mark, _mark(email, text)) and float(text.partition(".")[2]) > time.time()


class TokenWire:
    """`POST /token`; `/token/SECONDS` gives tokens that are good for so long."""

    completion_path = "/token"
    _path = re.compile(r"/token(?:/(\d{1,4}))?")

    def target(self, path: str, query: str) -> Target | None:  # noqa: ARG002 - the contract's
        """The path says how long tokens are good for."""
        match = self._path.fullmatch(path)
        return Target(f"token-{match[1] or HOUR}") if match else None

    def read(self, body: bytes, headers: Mapping[str, str], target: Target) -> Call:
        """Understand a request; `Rejected` 400 when it is not one. Who signed it was checked before."""
        if headers.get("content-type") != "application/x-www-form-urlencoded":
            raise Rejected(400, "The body must be a form.")
        _, claims, _ = _parts(body)
        return Call(model=target.model or "", prompt_bytes=0, echo={"iss": msgspec.Raw(msgspec.json.encode(claims.iss))})

    def render(self, call: Call, model: str, answer: Answer, serial: int) -> Reply:  # noqa: ARG002 - the contract's
        """Give a token."""
        seconds = int(model.rpartition("-")[2])
        token = minted(msgspec.json.decode(call.echo["iss"], type=str), time.time() + seconds)
        return json_reply({"access_token": token, "expires_in": seconds, "token_type": "Bearer"})

    def error(self, status: int, message: str) -> bytes:
        """Return an error of OAuth."""
        return msgspec.json.encode({"error": "invalid_grant" if status == 400 else "internal_failure", "error_description": message})

    def error_headers(self, status: int) -> list[tuple[bytes, bytes]]:  # noqa: ARG002 - the contract's
        """All is in the body."""
        return []

    def error_event(self, message: str, after: int) -> bytes:  # noqa: ARG002 - the contract's
        """Return an error; there are no streams here."""
        return self.error(500, message)

    def count(self, call: Call) -> object:  # noqa: ARG002 - the contract's
        """There is nothing to count."""
        return {}


class TokenApi:
    """What is at `https://oauth2.googleapis.com`."""

    wires: tuple[Wire, ...] = (TokenWire(),)
    base_path = ""
    models_paths: tuple[str, ...] = ()

    def admits(self, request: Request, key: str) -> bool:
        """Say whether the request carries an assertion for this very address that the account of the key signed, and that is in time."""
        email, _, modulus = key.partition(":")
        try:
            header, claims, signed = _parts(request.body)
        except Rejected:
            return False
        now, here = time.time(), f"://{request.header().get('host', '')}{request.path}"
        sound = (
            header.alg == "RS256",
            claims.iss == email,
            claims.aud in {f"http{here}", f"https{here}"},
            SCOPE in claims.scope.split(),
            claims.iat <= now + _SLACK,
            now < claims.exp <= claims.iat + HOUR,
        )
        return all(sound) and _verified(signed, int(modulus, 16))

    def no_admittance(self, request: Request) -> Rejected:  # noqa: ARG002 - the contract's
        """Return a 400."""
        return Rejected(400, "Invalid JWT Signature.")

    def models(self, names: tuple[str, ...]) -> object:  # noqa: ARG002 - the contract's
        """There are none."""
        return {}


def _mark(email: str, text: str) -> str:
    return hmac.digest(_MINT, f"{email}\n{text}".encode(), "sha256").hex()


def _parts(body: bytes) -> tuple[_Header, _Claims, tuple[bytes, bytes]]:
    """Return header and claims of the assertion, and what was signed with its signature. Raises `Rejected`."""
    form = dict(urllib.parse.parse_qsl(body.decode("latin-1")))
    assertion = form.get("assertion", "")
    if form.get("grant_type") != GRANT or assertion.count(".") != 2:
        raise Rejected(400, "The grant must be a JWT.")
    signed, _, signature = assertion.rpartition(".")
    try:
        header, claims = (_decoded(part) for part in signed.split("."))
        return msgspec.json.decode(header, type=_Header), msgspec.json.decode(claims, type=_Claims), (signed.encode(), _decoded(signature))
    except ValueError:
        raise Rejected(400, "The JWT cannot be read.") from None


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _verified(signed: tuple[bytes, bytes], modulus: int) -> bool:
    text, signature = signed
    size = (modulus.bit_length() + 7) // 8
    opened = pow(int.from_bytes(signature), _EXPONENT, modulus).to_bytes(size)
    digest = _SHA256 + hashlib.sha256(text).digest()
    return len(signature) == size and hmac.compare_digest(opened, b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest)
