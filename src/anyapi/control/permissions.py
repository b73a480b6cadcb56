"""Who may call what: a property of the route table. Every handler says `opt['permission']` or `opt['public']`.

An app with a handler that says neither refuses to start. The guard finds the session, checks the page's token on everything that changes
something, and asks the role for the permission.
"""

from collections.abc import Iterator, Mapping

import msgspec
from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers.base import BaseRouteHandler
from litestar.handlers.http_handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from anyapi.control.services import Services
from anyapi.control.tokens import csrf_of, same, sha256_of
from anyapi.crypto.api_keys import PROVISIONING_PREFIX, digest
from anyapi.domain.ids import AccountId
from anyapi.domain.people import GRANTS, Permission, Role
from anyapi.errors import AuthenticationFailed, BadRequest, ConfigError, NotFound, PermissionDenied
from anyapi.storage.people_rows import PersonRow
from anyapi.storage.rows import ProvisioningKeyRow
from anyapi.storage.tenant import EVERYBODY, only

IDLE_SECONDS, LONGEST_SECONDS = 12 * 3600.0, 7 * 86400.0
TOUCH_SECONDS = 60.0
AHEAD_SECONDS = 3600.0
"""By so much the clock that a session began by may have been ahead of ours: another machine's, or ours before it was put right."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER = "x-csrf-token"
GATEWAY = frozenset({Permission.GATEWAY_READ, Permission.GATEWAY_WRITE})

Connection = ASGIConnection[object, object, object, State]


class SignedIn(msgspec.Struct, frozen=True):
    """Whose session a call belongs to."""

    person: PersonRow
    token_hash: bytes
    csrf: str
    roles: dict[AccountId, Role]

    def may(self, permission: Permission, account: AccountId | None) -> bool:
        """Whether they may do this, in that account where it is about one."""
        if permission is Permission.PROVISION:
            return False
        if self.person.operator or permission is Permission.SIGNED_IN:
            return True
        if permission in GATEWAY or account is None:
            return False
        role = self.roles.get(account)
        return role is not None and permission in GRANTS[role]


def cookie_name(*, secure: bool) -> str:
    """The session's cookie; its prefix binds it to this host and to TLS (RFC 6265bis 4.1.3.2), which plain HTTP on loopback cannot have."""
    return "__Host-anyapi-session" if secure else "anyapi-session"


def guard(connection: Connection, handler: BaseRouteHandler) -> None:
    """Let a call through, or raise `BadRequest`, `AuthenticationFailed`, `PermissionDenied` or `NotFound`."""
    _check_address(connection)
    if connection.scope.get("method") not in SAFE:
        _refuse_other_sites(connection)
    if handler.opt.get("public") or connection.scope.get("method") == "OPTIONS":
        return  # the framework's own answer to OPTIONS says which methods a path takes, and nothing else
    services: Services = connection.app.state.services
    if handler.opt.get("permission") is Permission.PROVISION:
        with only(EVERYBODY):  # the key says whose it is
            connection.state.provisioner = provisioner_of(connection.headers.get("authorization", ""), services)
        return
    with only(EVERYBODY):  # people have roles in other accounts too
        signed_in = session_of(connection.cookies, services)
    if signed_in is None:
        raise AuthenticationFailed("Sign in first: there is no session, or it has ended.")
    if connection.scope.get("method") not in SAFE and not same(connection.headers.get(CSRF_HEADER, ""), signed_in.csrf):
        raise PermissionDenied(
            f"The {CSRF_HEADER} header is missing or wrong. GET /api/session says what it must be.", {"field": CSRF_HEADER}
        )
    _check_role(services, signed_in, handler.opt["permission"], connection.path_params.get("account"))
    connection.state.signed_in = signed_in


def provisioner_of(authorization: str, services: Services) -> ProvisioningKeyRow:
    """The provisioning key of an Authorization header. Raises `AuthenticationFailed`, for API keys too: they manage nothing."""
    scheme, _, secret = authorization.partition(" ")
    sha256 = digest(secret.strip().encode("utf-8", "replace"), PROVISIONING_PREFIX.encode()) if scheme.lower() == "bearer" else None
    found = None if sha256 is None else services.store.provisioning_key(sha256)
    if found is None:
        raise AuthenticationFailed(
            f"A provisioning key is needed: send `Authorization: Bearer {PROVISIONING_PREFIX}...`. `anyapi provisioning create` makes one."
        )
    return found


def _check_role(services: Services, signed_in: SignedIn, permission: Permission, account: AccountId | None) -> None:
    if account is not None and account not in signed_in.roles and not _is_known(services, signed_in, account):
        raise NotFound("There is no such account, or it is not yours.")  # which of the two is nobody's business
    if not signed_in.may(permission, account):
        raise PermissionDenied(f"Your role does not allow this: it needs the permission {permission.value}.")


def _is_known(services: Services, signed_in: SignedIn, account: str) -> bool:
    """Whether an account that somebody has no role in is there for them: for the operator, if it exists."""
    return signed_in.person.operator and any(row.id == account for row in services.store.accounts())


def _check_address(connection: Connection) -> None:
    """The framework puts an address together where it refuses a body, and would fail there on a port or query that is none."""
    try:
        _ = connection.url
    except ValueError:
        raise BadRequest("The Host header or the query of the address is not well-formed.") from None


def _refuse_other_sites(connection: Connection) -> None:
    """A page of another site or port may not change anything, not even sign its visitor in as somebody else.

    Browsers say where a call comes from (Fetch Metadata). One that does not would have to ask first before it sends JSON elsewhere
    (Fetch, CORS-safelisted request-header), so a body has to be JSON.
    """
    if connection.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        raise PermissionDenied("This was sent by a page of another site.")
    sent = connection.headers.get("content-length", "0") != "0" or "transfer-encoding" in connection.headers
    if sent and connection.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise BadRequest("The body has to be sent as application/json.")


def session_of(cookies: Mapping[str, str], services: Services) -> SignedIn | None:
    """The session that a browser's cookie names, if it still runs."""
    token = cookies.get(cookie_name(secure=services.secure))
    if not token:
        return None
    token_hash, now = sha256_of(token), services.clock()
    session = services.people.session(token_hash)
    if session is None:
        return None
    if not -AHEAD_SECONDS <= now - session.created_at <= LONGEST_SECONDS or now > session.seen_at + IDLE_SECONDS:
        services.people.end_session(token_hash)  # for good: a clock that is put back does not bring it back
        return None
    person = services.people.person(session.person)
    if person is None or person.disabled_at is not None:
        return None
    if now > session.seen_at + TOUCH_SECONDS:
        services.people.touch_session(token_hash, now)
    return SignedIn(person, token_hash, csrf_of(token), services.people.roles(person.id))


def refuse_unguarded(app: Litestar) -> None:
    """For the start. Raises `ConfigError` naming the routes that say neither who may call them nor that anybody may."""
    open_routes = [name for name, handler in handlers(app) if not handler.opt.get("public") and handler.opt.get("permission") is None]
    if open_routes:
        raise ConfigError(f"these routes of the control API say nothing about who may call them: {', '.join(sorted(open_routes))}")


def handlers(app: Litestar) -> Iterator[tuple[str, HTTPRouteHandler]]:
    """Every method and path with its handler, automatic OPTIONS aside."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if handler.http_methods != {"OPTIONS"}:
                    yield f"{'/'.join(sorted(handler.http_methods))} {route.path}", handler
