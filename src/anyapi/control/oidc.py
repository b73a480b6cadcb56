"""OpenID Connect as a client: authorization code with PKCE, state and nonce (OpenID Connect Core 1.0, RFC 7636, RFC 9207).

Gives who somebody is, as the configured issuer says, or raises `NotProven` with a code. Decides about nobody's admission, stores nothing.
Signatures are checked by joserfc, with keys of the issuer's set alone and asymmetric algorithms alone.
"""

import base64
import hashlib
import hmac
import threading
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote, urlencode, urlsplit

import joserfc.errors
import msgspec
from joserfc import jwk, jwt

from anyapi.control.oidc_fetch import Unavailable, fetch
from anyapi.control.tokens import same
from anyapi.crypto.secret import Secret
from anyapi.domain.sign_in import SignInService

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
LEEWAY = 60.0
"""Seconds by which the service's clock may be wrong."""
KEPT_SECONDS = 3600.0
"""How long what the service says of itself, and its keys, are kept."""
AGAIN_SECONDS = 10.0
"""The keys are asked for again for the sake of an unknown one, but not more often than this."""
FLOW_SECONDS = 600.0
MOST_USED = 10_000
SCOPE = "openid email profile"
T = TypeVar("T")


class NotProven(Exception):
    """Who somebody is was not shown. `code` is for the log and for tests; what was sent is in neither."""

    def __init__(self, code: str) -> None:
        super().__init__(f"The sign-in service did not prove who this is ({code}).")
        self.code = code


class Said(msgspec.Struct, frozen=True):
    """Who somebody is, as the service says. Never printed."""

    issuer: str
    subject: str
    email: str | None
    """In lower case, and only if the service says that it is verified."""
    name: str

    def __repr__(self) -> str:
        """Nobody's name or address."""
        return "<Said>"


class _About(msgspec.Struct, frozen=True):
    """Of what a service says of itself (OpenID Connect Discovery 1.0, 3), what is needed here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str
    access_token: str = ""

    def __repr__(self) -> str:
        return "<_Tokens>"


class _Claims(msgspec.Struct, frozen=True):
    """An ID token's claims (OpenID Connect Core 1.0, 2), strictly: what is of another type is no claim."""

    iss: str
    sub: str
    aud: str | tuple[str, ...]
    exp: float
    iat: float
    nonce: str
    azp: str | None = None
    nbf: float | None = None
    email: str | None = None
    email_verified: object = None
    name: str | None = None


class _Person(msgspec.Struct, frozen=True):
    """What the userinfo endpoint says."""

    sub: str
    email: str | None = None
    email_verified: object = None
    name: str | None = None

    def verified(self) -> str | None:
        """The address in lower case, if it is said to be verified: `true`, and nothing that looks like it.

        One is none that turns into somebody else's by that: the Kelvin sign has the letter k in lower case.
        """
        given = (self.email or "").strip()
        email = given.lower()
        same = sum(map(str.isascii, given)) == sum(map(str.isascii, email))
        return email if self.email_verified is True and email.isprintable() and email and same else None

    def named(self) -> str:
        """What to call them, without characters that nobody sees."""
        return "".join(filter(str.isprintable, self.name or self.email or self.sub))[:200]


class OidcClient:
    """One for the process. Thread-safe; every method but `begin` may ask the service, and blocks meanwhile."""

    def __init__(self, service: SignInService, secret: Secret | None, redirect: str, clock: Callable[[], float]) -> None:
        """`redirect` is where the service sends browsers back to; `clock` gives Unix seconds."""
        self.service, self._secret, self._redirect, self._clock = service, secret, redirect, clock
        self._lock = threading.Lock()
        self._about: tuple[float, _About] | None = None
        self._keys: tuple[float, dict[str, jwk.Key], list[jwk.Key]] | None = None
        self._used: dict[bytes, float] = {}

    def begin(self, flow: str) -> str:
        """Where to send a browser that holds `flow`, a random token. Raises `NotProven`."""
        challenge = _encoded(hashlib.sha256(_derived(flow, "verifier").encode()).digest())
        asked = {
            "response_type": "code",
            "client_id": self.service.client_id,
            "redirect_uri": self._redirect,
            "scope": SCOPE,
            "state": _derived(flow, "state"),
            "nonce": _derived(flow, "nonce"),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        where = self._of_itself().authorization_endpoint
        return f"{where}{'&' if '?' in where else '?'}{urlencode(asked)}"

    def finish(self, flow: str, given: dict[str, str]) -> Said:
        """Who the browser is that came back with `given` in its address and `flow` in its cookie. Raises `NotProven`.

        A flow is good for one return: what comes a second time is refused before anybody is asked.
        """
        if not flow or not same(given.get("state", ""), _derived(flow, "state")):
            raise NotProven("state")
        self._use_up(flow)
        about = self._of_itself()
        if given.get("iss", "" if about.authorization_response_iss_parameter_supported else about.issuer) != about.issuer:
            raise NotProven("issuer_of_answer")
        if "error" in given:
            raise NotProven("cancelled" if given["error"] == "access_denied" else "refused_there")
        tokens = self._exchange(about, given.get("code", ""), _derived(flow, "verifier"))
        claims = self._checked(about, tokens.id_token, _derived(flow, "nonce"))
        person = _person(about, claims, tokens)
        return Said(about.issuer, claims.sub, person.verified(), person.named())

    def _use_up(self, flow: str) -> None:
        now, mark = self._clock(), hashlib.sha256(flow.encode()).digest()
        with self._lock:
            if mark in self._used:
                raise NotProven("replayed")
            self._used[mark] = now
            while len(self._used) > MOST_USED or next(iter(self._used.values())) < now - 2 * FLOW_SECONDS:
                self._used.pop(next(iter(self._used)))

    def _of_itself(self) -> _About:
        now = self._clock()
        if self._about is None or not 0.0 <= now - self._about[0] <= KEPT_SECONDS:  # also where the clock was put back
            issuer = self.service.issuer
            about = _asked(f"{issuer.removesuffix('/')}/.well-known/openid-configuration", _About)
            if about.issuer != issuer:
                raise NotProven("issuer_of_discovery")
            for address in (about.token_endpoint, about.jwks_uri, about.userinfo_endpoint):
                if address is not None and urlsplit(address).netloc not in self.service.hosts | {urlsplit(issuer).netloc}:
                    raise NotProven("host_not_configured")
            for address in (about.token_endpoint, about.jwks_uri, about.userinfo_endpoint, about.authorization_endpoint):
                if address is not None and urlsplit(address).scheme != urlsplit(issuer).scheme:
                    raise NotProven("scheme_of_discovery")
            self._about = (now, about)
        return self._about[1]

    def _exchange(self, about: _About, code: str, verifier: str) -> _Tokens:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self._redirect, "code_verifier": verifier}
        authorization = None
        if self._secret is None:
            form["client_id"] = self.service.client_id
        elif "client_secret_basic" in about.token_endpoint_auth_methods_supported:
            pair = f"{quote(self.service.client_id, safe='')}:{quote(self._secret.reveal(), safe='')}"
            authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": self.service.client_id, "client_secret": self._secret.reveal()}
        try:
            return fetch(about.token_endpoint, _Tokens, form=form, authorization=authorization)
        except Unavailable as error:
            raise NotProven("code" if error.status in {400, 401} else "unavailable") from None

    def _checked(self, about: _About, token: str, nonce: str) -> _Claims:
        """An ID token's claims, its signature checked first (Core 3.1.3.7)."""
        try:
            decoded = jwt.decode(token, self._key_for(about, token), algorithms=ALGORITHMS)
            claims = msgspec.convert(decoded.claims, _Claims)
        except (joserfc.errors.JoseError, ValueError, RecursionError):
            raise NotProven("token") from None
        now, client = self._clock(), self.service.client_id
        checks = {
            "issuer": claims.iss == about.issuer,
            "audience": _is_for(client, claims),
            "expired": claims.exp > now - LEEWAY,
            "not_yet": claims.iat <= now + LEEWAY and (claims.nbf is None or claims.nbf <= now + LEEWAY),
            "nonce": same(claims.nonce, nonce),
            "subject": _is_name(claims.sub),
        }
        for code, holds in checks.items():
            if not holds:
                raise NotProven(code)
        return claims

    def _key_for(self, about: _About, token: str) -> jwk.Key:
        """The key of the issuer's set that the token names. Where it names none, the set has to have one key alone."""
        head, _, _ = token.partition(".")
        named = msgspec.json.decode(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)), type=dict[str, object]).get("kid")
        for oldest in (KEPT_SECONDS, AGAIN_SECONDS):
            by_name, keys = self._key_set(about, oldest)
            if isinstance(named, str) and named in by_name:
                return by_name[named]
            if named is None and len(keys) == 1:
                return keys[0]
        raise NotProven("key")

    def _key_set(self, about: _About, oldest: float) -> tuple[dict[str, jwk.Key], list[jwk.Key]]:
        now = self._clock()
        if self._keys is None or not 0.0 <= now - self._keys[0] <= oldest:
            found = _asked(about.jwks_uri, dict[str, list[dict[str, object]]])
            keys = [key for one in found.get("keys", []) if (key := _imported(one)) is not None]
            self._keys = (now, {key.kid: key for key in keys if key.kid}, keys)
        return self._keys[1], self._keys[2]


def _is_for(client: str, claims: _Claims) -> bool:
    """Whether a token was made for this client, and for no other beside it that it was not handed to."""
    audience = (claims.aud,) if isinstance(claims.aud, str) else claims.aud
    return client in audience and (claims.azp == client or (claims.azp is None and len(audience) == 1))


def _asked(url: str, kind: type[T], authorization: str | None = None) -> T:
    try:
        return fetch(url, kind, authorization=authorization)
    except Unavailable:
        raise NotProven("unavailable") from None


def _person(about: _About, claims: _Claims, tokens: _Tokens) -> _Person:
    """Name and address, from the token or, where it has no address, from the userinfo endpoint (Core 5.3)."""
    if claims.email is not None or about.userinfo_endpoint is None:
        return _Person(claims.sub, claims.email, claims.email_verified, claims.name)
    person = _asked(about.userinfo_endpoint, _Person, f"Bearer {tokens.access_token}")
    if person.sub != claims.sub:
        raise NotProven("subject_of_userinfo")
    return person


def _imported(one: dict[str, object]) -> jwk.Key | None:
    """A public key that signs; None for any other kind, which a set may hold too (RFC 7517, 5)."""
    if one.get("kty") not in {"RSA", "EC", "OKP"} or one.get("use", "sig") != "sig":
        return None
    try:
        return jwk.import_key(msgspec.convert(one, dict[str, str | list[str]]))
    except (joserfc.errors.JoseError, ValueError, TypeError, KeyError):
        return None


def _derived(flow: str, what: str) -> str:
    """State, nonce and verifier of one browser's flow: nobody else can know them, and nothing has to be kept for it."""
    return _encoded(hmac.new(flow.encode(), f"anyapi-oidc-{what}".encode(), hashlib.sha256).digest())


def _is_name(subject: str) -> bool:
    """At most 255 characters (Core 2), of those that every database takes: no NUL, no half of a pair."""
    return 0 < len(subject) <= 255 and subject.isprintable()


def _encoded(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
