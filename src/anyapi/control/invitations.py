"""Invitations: made by an owner, pending until whoever was invited takes them, seen and withdrawn meanwhile.

An inviter is answered alike whether an address is known here or not, and nobody becomes a member unasked. The link is what an invitation is
taken with, also by whoever is signed in already: an address alone proves nothing here, because no mail is sent to it.
"""

import msgspec
from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from anyapi.control.history import note
from anyapi.control.names import check_name
from anyapi.control.permissions import SignedIn
from anyapi.control.services import Services
from anyapi.control.sessions import LONGEST_TEXT, NO_LINK, Me, me_of
from anyapi.control.threads import in_thread
from anyapi.control.tokens import new_token, sha256_of
from anyapi.domain.ids import AccountId
from anyapi.domain.people import Permission, Role
from anyapi.errors import BadRequest, NotFound
from anyapi.storage.people_rows import LinkKind, LinkRow, MemberRow

INVITATION_SECONDS = 7 * 86400.0
_NONE = "There is no such invitation: it was taken or withdrawn, or has run out."


class NewMember(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to invite, and as what."""

    email: str
    role: Role


class Invitation(msgspec.Struct, frozen=True):
    """What an inviter is given: a one-time link to be sent to whom they invite. Shown once, and the same for everybody."""

    link: str
    expires_at: float


class PendingInvitation(msgspec.Struct, frozen=True):
    """An invitation that nobody has taken yet."""

    id: str
    email: str
    role: Role
    expires_at: float


class Taken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The link of an invitation, sent by whoever it is for. Never printed."""

    token: str

    def __repr__(self) -> str:
        """Never the token."""
        return "<Taken>"


@post("/api/accounts/{account:str}/members", opt={"permission": Permission.WRITE_MEMBERS})
@in_thread
def invite(
    services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId], data: JSONBody[NewMember]
) -> Invitation:
    """Give a one-time link that is good for seven days; an earlier one for the same address ends."""
    email, now = data.email.strip().lower(), services.clock()
    if "@" not in email[1:-1] or len(email) > LONGEST_TEXT:
        raise BadRequest(f"That is not an e-mail address of at most {LONGEST_TEXT} characters.", "email")
    check_name(email, LONGEST_TEXT, "email")
    if any(person.email == email for _, person in services.people.members(account)):
        raise BadRequest("Whoever has this e-mail address is a member already: change their role in the list of members.", "email")
    token = new_token()
    services.people.add_link(LinkRow(sha256_of(token), LinkKind.INVITATION, now + INVITATION_SECONDS, account, data.role, email))
    note(services, signed_in, account, "member_invited", email, after={"role": data.role})
    return Invitation(token, now + INVITATION_SECONDS)


@get("/api/accounts/{account:str}/invitations", opt={"permission": Permission.WRITE_SETTINGS})
@in_thread
def list_invitations(services: NamedDependency[Services], account: FromPath[AccountId]) -> list[PendingInvitation]:
    """The invitations that may still be taken, those that end first before others."""
    return [_shown(link) for link in services.people.invitations(account, services.clock())]


@delete("/api/accounts/{account:str}/invitations/{invitation:str}", opt={"permission": Permission.WRITE_SETTINGS}, status_code=200)
@in_thread
def withdraw_invitation(
    services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId], invitation: FromPath[str]
) -> dict[str, bool]:
    """Take an invitation back: its link does nothing any more."""
    links = services.people.invitations(account, services.clock())
    found = next((link for link in links if link.sha256.hex() == invitation), None)
    if found is None or services.people.take_link(found.sha256, services.clock()) is None:
        raise NotFound(_NONE)
    note(services, signed_in, account, "invitation_withdrawn", found.email, before={"role": found.role})
    return {"withdrawn": True}


@post("/api/invitations", opt={"permission": Permission.SIGNED_IN}, status_code=200)
@in_thread
def take_invitation(services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], data: JSONBody[Taken]) -> Me:
    """Take an invitation as the person who is signed in, if it is for their e-mail address."""
    person, sha256 = signed_in.person, sha256_of(data.token)
    link = services.people.link(sha256, services.clock())
    if link is None or link.kind is not LinkKind.INVITATION or link.account is None or link.role is None:
        raise BadRequest(NO_LINK, "token")
    if link.email != person.email:
        raise BadRequest(
            "This invitation is for another e-mail address than yours. Sign out, and open the link as who was invited.", "token"
        )
    if link.account in signed_in.roles:
        raise BadRequest("You are a member of this account already: an owner can change your role.", "token")
    member = MemberRow(link.account, person.id, link.role, services.clock())
    if not services.people.enter(sha256, services.clock(), member):
        raise BadRequest(NO_LINK, "token")
    note(services, signed_in, member.account, "invitation_taken", person.id, after={"role": member.role})
    return me_of(msgspec.structs.replace(signed_in, roles=services.people.roles(person.id)))


def _shown(link: LinkRow) -> PendingInvitation:
    return PendingInvitation(link.sha256.hex(), link.email, link.role or Role.MEMBER, link.expires_at)
