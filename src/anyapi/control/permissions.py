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
from anyapi.domain.ids import AccountId
from anyapi.domain.people import GRANTS, Permission, Role
from anyapi.errors import AuthenticationFailed, ConfigError, NotFound, PermissionDenied
from anyapi.storage.people_rows import PersonRow
from anyapi.storage.tenant import EVERYBODY, only

IDLE_SECONDS, LONGEST_SECONDS = 12 * 3600.0, 7 * 86400.0
TOUCH_SECONDS = 60.0
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
    """Let a call through, or raise `AuthenticationFailed`, `PermissionDenied` or `NotFound`."""
    if handler.opt.get("public"):
        return
    services: Services = connection.app.state.services
    with only(EVERYBODY):  # people have roles in other accounts too
        signed_in = session_of(connection.cookies, services)
    if signed_in is None:
        raise AuthenticationFailed("Sign in first: there is no session, or it has ended.")
    if connection.scope.get("method") not in SAFE and not same(connection.headers.get(CSRF_HEADER, ""), signed_in.csrf):
        raise PermissionDenied(f"The {CSRF_HEADER} header is missing or wrong. GET /api/session says what it must be.")
    permission: Permission = handler.opt["permission"]
    account = connection.path_params.get("account")
    if not signed_in.may(permission, account):
        if account is not None and account not in signed_in.roles:
            raise NotFound("There is no such account, or it is not yours.")  # which of the two is nobody's business
        raise PermissionDenied(f"Your role does not allow this: it needs the permission {permission.value}.")
    connection.state.signed_in = signed_in


def session_of(cookies: Mapping[str, str], services: Services) -> SignedIn | None:
    """The session that a browser's cookie names, if it still runs."""
    token = cookies.get(cookie_name(secure=services.secure))
    if not token:
        return None
    token_hash, now = sha256_of(token), services.clock()
    session = services.people.session(token_hash)
    if session is None or now > session.created_at + LONGEST_SECONDS or now > session.seen_at + IDLE_SECONDS:
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
