"""Signing in through the operator's sign-in service: there and back, and who of those it vouches for may enter.

A browser is sent there with a token of its own in a cookie and comes back with a code. Whatever goes wrong ends on the sign-in page with a
coded reason; only the log says which check failed. Nobody becomes the first person, an operator or an owner in this way.
"""

import enum

from litestar import Request, get
from litestar.datastructures import Cookie, State
from litestar.di import NamedDependency
from litestar.response import Redirect

from anyapi.control.history import note_by
from anyapi.control.oidc import FLOW_SECONDS, NotProven, OidcClient, Said
from anyapi.control.services import Services
from anyapi.control.sessions import LONGEST_TEXT, address_of, begin, end
from anyapi.control.threads import in_thread
from anyapi.control.tokens import new_person_id, new_token
from anyapi.errors import NotFound, RateLimited
from anyapi.storage.driver import Conflict
from anyapi.storage.people_rows import IdentityRow, MemberRow, PersonRow
from anyapi.telemetry.log import Event, log

_Request = Request[object, object, State]


class Problem(enum.StrEnum):
    """Why a sign-in did not end well, for the page. Says no more than the person knows or has to know."""

    FIRST_RUN = "first_run"
    UNVERIFIED = "unverified"
    NOT_A_MEMBER = "not_a_member"
    ANOTHER_PERSON = "another_person"
    CANCELLED = "cancelled"
    AGAIN = "again"
    SLOW = "slow"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"


_SHOWN = {problem.value: problem for problem in Problem} | {
    "state": Problem.AGAIN,
    "replayed": Problem.AGAIN,
    "code": Problem.AGAIN,
}
"""What the page is told for each code of `NotProven`; for all others only that it failed."""


@get("/api/session/oidc", opt={"public": True}, status_code=303)
@in_thread
def go(services: NamedDependency[Services]) -> Redirect:
    """Go to the sign-in service that the operator configured. Raises `NotFound` where there is none."""
    client, flow = _client(services), new_token()
    try:
        return _to(client.begin(flow), _cookie(services, flow, int(FLOW_SECONDS)))
    except NotProven as error:
        return _refused(services, error.code)


@get("/api/session/oidc/return", opt={"public": True}, status_code=303)
@in_thread
def come_back(request: _Request, services: NamedDependency[Services]) -> Redirect:
    """Where the sign-in service sends browsers back to. Signs in whom it vouches for, if they may enter; the old session ends."""
    client, name = _client(services), f"address {address_of(request)}"
    given = {each: request.query_params[each] for each in ("code", "state", "iss", "error") if each in request.query_params}
    try:
        services.attempts.check(name)
        said = client.finish(request.cookies.get(_name(services), ""), given)
        person = _admitted(services, client, said)
    except RateLimited:
        return _refused(services, Problem.SLOW)
    except NotProven as found:
        if found.code == "code":  # the only thing to guess, and each guess is a question to the service
            services.attempts.failed(name)
        return _refused(services, found.code)
    end(request, services)
    _, session = begin(services, person)
    return _to("/", _cookie(services, "", 0), session)


def _admitted(services: Services, client: OidcClient, said: Said) -> PersonRow:
    """The person whom the service vouched for. Raises `NotProven` for whoever is no member and may not join.

    Once somebody has signed in, it is the service's own id that says who they are: an address may pass to somebody else.
    """
    people = services.people
    if people.people_count() == 0:
        raise NotProven(Problem.FIRST_RUN)
    bound = people.person_by_identity(said.issuer, said.subject)
    if bound is not None:
        return _of_members(services, bound)
    if said.email is None or len(said.email) > LONGEST_TEXT:
        raise NotProven(Problem.UNVERIFIED)
    known = people.person_by_email(said.email)
    if known is not None and any(one.issuer == said.issuer for one in people.identities(known.id)):
        raise NotProven(Problem.ANOTHER_PERSON)
    try:
        if known is None:
            return _joined(services, client, said, said.email)
        person = _of_members(services, known)
        people.add_identity(IdentityRow(said.issuer, said.subject, person.id, services.clock()))
    except Conflict:  # another window of theirs was quicker
        raise NotProven(Problem.AGAIN) from None
    return person


def _of_members(services: Services, person: PersonRow) -> PersonRow:
    belongs = person.operator or services.people.roles(person.id) or services.people.is_invited(person.email, services.clock())
    if person.disabled_at is not None or not belongs:  # who is invited has to come in to take it
        raise NotProven(Problem.NOT_A_MEMBER)
    return person


def _joined(services: Services, client: OidcClient, said: Said, email: str) -> PersonRow:
    """A new member, where a rule of the operator's says so for the domain."""
    domain, now = email.rpartition("@")[2], services.clock()
    rule = next((one for one in client.service.joining if one.domain == domain), None)
    if rule is None or all(account.id != rule.account for account in services.store.accounts()):
        raise NotProven(Problem.NOT_A_MEMBER)
    person = PersonRow(new_person_id(), email, said.name.strip()[:LONGEST_TEXT] or email, None, operator=False, created_at=now)
    member = MemberRow(rule.account, person.id, rule.role, now)
    services.people.join(person, member, IdentityRow(said.issuer, said.subject, person.id, now))
    note_by(services, person.id, rule.account, "member_joined", person.id, (None, {"role": rule.role}))
    return person


def _client(services: Services) -> OidcClient:
    if services.oidc is None:
        raise NotFound("There is no sign-in service here: sign in with e-mail address and password.")
    return services.oidc


def _refused(services: Services, code: str) -> Redirect:
    log(Event.SIGN_IN_REFUSED, code=code)
    return _to(f"/?problem={_SHOWN.get(code, Problem.FAILED)}", _cookie(services, "", 0))


def _to(address: str, *cookies: Cookie) -> Redirect:
    return Redirect(address, status_code=303, cookies=list(cookies))


def _name(services: Services) -> str:
    return "__Host-anyapi-oidc" if services.secure else "anyapi-oidc"


def _cookie(services: Services, flow: str, age: int) -> Cookie:
    return Cookie(_name(services), path="/", value=flow, max_age=age, httponly=True, secure=services.secure, samesite="lax")
