"""Signing in and out, the first run, invitations.

A new session at each sign-in; signing out ends it in the store, not only in the browser.
"""

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.datastructures import Cookie, State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from anyapi.control.history import note_by
from anyapi.control.names import check_name
from anyapi.control.passwords import hashed, matches
from anyapi.control.permissions import LONGEST_SECONDS, SignedIn, cookie_name, session_of
from anyapi.control.services import Services
from anyapi.control.threads import in_thread
from anyapi.control.tokens import csrf_of, new_person_id, new_token, sha256_of
from anyapi.domain.ids import AccountId
from anyapi.domain.people import GRANTS, Permission, PersonId, Role
from anyapi.errors import AuthenticationFailed, BadRequest
from anyapi.storage.driver import Conflict
from anyapi.storage.people_rows import LinkKind, LinkRow, MemberRow, PersonRow, SessionRow

_Request = Request[object, object, State]
LONGEST_TEXT = 200
NO_LINK = "This link was used already or has run out. Ask for a new one."


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What signs somebody in. Never printed."""

    email: str
    password: str

    def __repr__(self) -> str:
        """Never the password."""
        return "<SignIn>"


class Join(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a one-time link is answered with: who its bearer is. Never printed."""

    token: str
    name: str
    email: str
    password: str

    def __repr__(self) -> str:
        """Never the token or the password."""
        return "<Join>"


class Passwords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The old password and the new one. Never printed."""

    current: str
    new: str

    def __repr__(self) -> str:
        """Never either."""
        return "<Passwords>"


class Me(msgspec.Struct, frozen=True):
    """Who is signed in, and what the page must send as `x-csrf-token` with every change."""

    person: PersonId
    name: str
    email: str
    operator: bool
    accounts: dict[AccountId, Role]
    may: dict[AccountId, tuple[Permission, ...]]
    """What the role allows in each account. An operator may do everything everywhere."""
    csrf: str


class Entrance(msgspec.Struct, frozen=True):
    """What a page needs to know before anybody has signed in."""

    signed_in: Me | None
    first_run: bool
    """Nobody is known yet: the one-time link that the start printed makes the first person."""
    data_plane_url: str
    sign_in_service: str | None = None
    """What the operator's sign-in service is called, if there is one: `/api/session/oidc` leads to it."""


class Invited(msgspec.Struct, frozen=True):
    """What a one-time link is good for."""

    kind: LinkKind
    email: str
    account: AccountId | None
    role: Role | None


@get("/api/session", opt={"public": True})
@in_thread
def show(request: _Request, services: NamedDependency[Services]) -> Entrance:
    """Who is signed in, if anybody is."""
    found = session_of(request.cookies, services)
    service = None if services.oidc is None else services.oidc.service.name
    return Entrance(None if found is None else me_of(found), services.people.people_count() == 0, services.data_plane_url, service)


@post("/api/session", opt={"public": True}, status_code=200)
@in_thread
def sign_in(request: _Request, services: NamedDependency[Services], data: JSONBody[SignIn]) -> Response[Me]:
    """Sign in with e-mail address and password. The old session of this browser ends."""
    email, address = data.email.strip().lower()[: LONGEST_TEXT + 1], address_of(request)  # what is longer is nobody's, and is remembered
    names = (f"person {email}", f"address {address}")
    services.attempts.begin(*names)
    person = services.people.person_by_email(email)
    if not matches(person.password if person else None, data.password) or person is None or person.disabled_at is not None:
        raise AuthenticationFailed("That e-mail address and password do not belong together.")
    services.attempts.succeeded(*names)
    end(request, services)
    return _answer(*begin(services, person))


@delete("/api/session", opt={"permission": Permission.SIGNED_IN}, status_code=200)
@in_thread
def sign_out(
    services: NamedDependency[Services],
    signed_in: NamedDependency[SignedIn],
    everywhere: FromQuery[bool] = False,  # noqa: FBT002 a query parameter
) -> Response[dict[str, int]]:
    """Sign out here, or `?everywhere=true` in every browser."""
    if everywhere:
        ended = services.people.end_sessions(signed_in.person.id)
    else:
        services.people.end_session(signed_in.token_hash)
        ended = 1
    return Response({"ended": ended}, cookies=[_cookie(services, "", age=0)])


@get("/api/links/{token:str}", opt={"public": True})
@in_thread
def show_link(services: NamedDependency[Services], token: FromPath[str]) -> Invited:
    """What a one-time link is good for. Raises `BadRequest` for one that is used up or has run out."""
    link = services.people.link(sha256_of(token), services.clock())
    if link is None:
        raise BadRequest(NO_LINK, "token")
    return Invited(link.kind, link.email, link.account, link.role)


@post("/api/links", opt={"public": True}, status_code=200)
@in_thread
def join(request: _Request, services: NamedDependency[Services], data: JSONBody[Join]) -> Response[Me]:
    """Use a one-time link: the first person of a new installation, or a new member. Signs them in."""
    email, name = data.email.strip().lower(), data.name.strip()
    link = _of_this_form(services.people.link(sha256_of(data.token), services.clock()), email, name)
    password = hashed(data.password)  # before the link is used up: a short password must not cost it
    person = PersonRow(new_person_id(), email, name, password, link.kind is LinkKind.FIRST_RUN, services.clock())
    member = _membership(services, link, person)
    try:
        entered = services.people.enter(link.sha256, services.clock(), member, person)
    except Conflict:
        raise BadRequest(
            "Somebody with this e-mail address is known already: sign in first, and then open the link again.", "email"
        ) from None
    if not entered:
        raise BadRequest(NO_LINK, "token")
    if link.kind is LinkKind.INVITATION:
        note_by(services, person.id, member.account, "invitation_taken", person.id, (None, {"role": member.role}))
    end(request, services)
    return _answer(*begin(services, person))


def _of_this_form(link: LinkRow | None, email: str, name: str) -> LinkRow:
    """The link. Raises `BadRequest` for what cannot join, first of all without one: nobody else learns who is known, or has a hash made."""
    if link is None:
        raise BadRequest(NO_LINK, "token")
    if "@" not in email[1:-1] or len(email) > LONGEST_TEXT or not 0 < len(name) <= LONGEST_TEXT:
        raise BadRequest(f"A name and an e-mail address are needed, at most {LONGEST_TEXT} characters each.", "email")
    check_name(name, LONGEST_TEXT)
    check_name(email, LONGEST_TEXT, "email")
    if link.kind is LinkKind.INVITATION and email != link.email:  # whoever is invited there later would be somebody else
        raise BadRequest("This link is for the e-mail address that was invited. To use another one, ask for a link for that.", "email")
    return link


@post("/api/session/password", opt={"permission": Permission.SIGNED_IN}, status_code=200)
@in_thread
def change_password(services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], data: JSONBody[Passwords]) -> Response[Me]:
    """Change one's own password. Every session ends, and this browser gets a new one."""
    person = signed_in.person
    services.attempts.begin(f"person {person.email}")
    if not matches(person.password, data.current):
        raise BadRequest("The current password is not right.", "current")
    services.attempts.succeeded(f"person {person.email}")
    services.people.set_password(person.id, hashed(data.new))
    return _answer(*begin(services, person))


def _membership(services: Services, link: LinkRow, person: PersonRow) -> MemberRow:
    if link.kind is LinkKind.FIRST_RUN or link.account is None or link.role is None:
        return MemberRow(services.default_account, person.id, Role.OWNER, services.clock())
    return MemberRow(link.account, person.id, link.role, services.clock())


def begin(services: Services, person: PersonRow) -> tuple[Me, Cookie]:
    """Begin a session: who they are, and the cookie that their browser has to have."""
    token, now = new_token(), services.clock()
    services.people.purge_sessions(now - LONGEST_SECONDS, now - LONGEST_SECONDS)
    services.people.add_session(SessionRow(sha256_of(token), person.id, now, now))
    signed_in = SignedIn(person, sha256_of(token), csrf_of(token), services.people.roles(person.id))
    return me_of(signed_in), _cookie(services, token, age=int(LONGEST_SECONDS))


def _answer(me: Me, cookie: Cookie) -> Response[Me]:
    return Response(me, status_code=200, cookies=[cookie])


def address_of(request: _Request) -> str:
    """Where a call comes from."""
    return request.client.host if request.client else "-"


def end(request: _Request, services: Services) -> None:
    """End the session that a browser has, if it has one."""
    token = request.cookies.get(cookie_name(secure=services.secure))
    if token:
        services.people.end_session(sha256_of(token))


def me_of(signed_in: SignedIn) -> Me:
    """What the page is told of whoever is signed in."""
    person = signed_in.person
    may = {account: tuple(sorted(GRANTS[role])) for account, role in signed_in.roles.items()}
    return Me(person.id, person.name, person.email, person.operator, signed_in.roles, may, signed_in.csrf)


def _cookie(services: Services, token: str, *, age: int) -> Cookie:
    return Cookie(
        key=cookie_name(secure=services.secure),
        value=token,
        path="/",
        max_age=age,
        httponly=True,
        secure=services.secure,
        samesite="lax",
    )
