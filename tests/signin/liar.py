"""An OpenID provider on a real socket that lies on request. Signs with `cryptography` alone: it shares no code with what it tests."""

import base64
import contextlib
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, unquote, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from tests.tools.http_server import Quiet, serving

CLIENT, SECRET = "anyapi", "a secret/with: signs"
RSA = rsa.generate_private_key(65537, 2048)
STRANGER = rsa.generate_private_key(65537, 2048)
CURVE = ec.generate_private_key(ec.SECP256R1())


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def rsa_jwk(key, kid: str) -> dict[str, str]:
    public = key.public_key().public_numbers()
    return {"kty": "RSA", "kid": kid, "use": "sig", "n": number(public.n), "e": number(public.e)}


def curve_jwk(kid: str) -> dict[str, str]:
    public = CURVE.public_key().public_numbers()
    return {"kty": "EC", "crv": "P-256", "kid": kid, "x": b64(public.x.to_bytes(32, "big")), "y": b64(public.y.to_bytes(32, "big"))}


def signed(claims: dict, key=RSA, alg: str = "RS256", **header: object) -> str:
    """A token. `alg` is what the header says, and how it is signed where that can be."""
    named = {name: value for name, value in {"alg": alg, "kid": "one", **header}.items() if value is not None}
    text = ".".join(b64(json.dumps(part).encode()) for part in (named, claims))
    if alg == "none":
        return f"{text}."
    if alg.startswith("HS"):  # the classic confusion: the public key as a shared secret
        return f"{text}.{b64(hmac.new(key, text.encode(), hashlib.sha256).digest())}"
    if alg == "ES256":
        first, second = decode_dss_signature(CURVE.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{b64(first.to_bytes(32, 'big') + second.to_bytes(32, 'big'))}"
    return f"{text}.{b64(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


class Liar:
    """Truthful until a test changes `about`, `keys`, `claims`, `token` or `person`."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self.about: dict[str, object] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        self.keys = [rsa_jwk(RSA, "one")]
        self.claims: dict[str, object] = {}
        self.token: Callable[[dict], str] = signed
        self.person: dict[str, object] | None = None
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self.status = 200

    def agree(self, address: str, now: float) -> tuple[str, dict[str, str]]:
        """What a browser that was sent to `address` comes back with; the code remembers what was asked."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked | {"now": str(now)}
        return code, {"code": code, "state": asked["state"]}

    def answer(self, path: str, form: dict[str, str], authorization: str) -> tuple[int, object]:
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            return 200, self.about
        if path == "/keys":
            return 200, {"keys": self.keys}
        if path == "/userinfo":
            return (200, self.person) if authorization == "Bearer the-access-token" else (401, {})
        if path != "/token":
            return 404, {}
        if self.status != 200:
            return self.status, {"error": "a secret of the provider"}
        name, _, secret = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        given = (unquote(name), unquote(secret)) if authorization else (form.get("client_id"), form.get("client_secret"))
        asked = self.codes.pop(form.get("code"), None)
        challenge = b64(hashlib.sha256(form["code_verifier"].encode()).digest())
        if (
            given != (CLIENT, SECRET)
            or asked is None
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != form["redirect_uri"]
        ):
            return 400, {"error": "invalid_grant"}
        now = float(asked["now"])
        claims = {"iss": self.issuer, "sub": "s1", "aud": CLIENT, "exp": now + 60, "iat": now, "nonce": asked["nonce"]}
        claims |= {"email": "Ada@X.org", "email_verified": True, "name": "Ada"} | self.claims
        return 200, {"id_token": self.token({k: v for k, v in claims.items() if v is not ...}), "access_token": "the-access-token"}


@contextlib.contextmanager
def liar() -> Iterator[Liar]:
    """A running one."""

    class Handler(Quiet):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            status, answer = running.answer(urlsplit(self.path).path, form, self.headers.get("authorization", ""))
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            if status in {301, 302, 307}:
                self.send_header("location", f"{running.issuer}/elsewhere")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET

    with serving(Handler) as port:
        running = Liar(port)
        yield running
