"""What a store must do for people, beside `storage/contract.py`; the same rules hold: `StorageError` alone, times passed in, no clock."""

from typing import Protocol

from anyapi.domain.ids import AccountId
from anyapi.domain.people import PersonId, Role
from anyapi.storage.people_rows import ChangeRow, IdentityRow, LinkRow, MemberRow, PersonRow, SessionRow


class PeopleStore(Protocol):
    """People and where they are members."""

    def add_person(self, person: PersonRow) -> None:
        """Add a person. MUST raise if the id or the e-mail address exists."""
        ...

    def person(self, person: PersonId) -> PersonRow | None:
        """Give one person, or None."""
        ...

    def person_by_email(self, email: str) -> PersonRow | None:
        """Give the person of an e-mail address in lower case, or None."""
        ...

    def people_count(self) -> int:
        """Say how many people there are."""
        ...

    def set_password(self, person: PersonId, password: str) -> None:
        """Replace a person's password hash and end all their sessions; both or neither."""
        ...

    def delete_person(self, person: PersonId) -> bool:
        """Delete a person who is no account's member and does not run the gateway; False, and nothing changed, if there is no such person.

        Their sessions, identities and invitations MUST go with them; in histories their id MUST stand for their address.
        """
        ...

    def put_member(self, member: MemberRow) -> None:
        """Give a person a role in an account, or another one. MUST raise if either is unknown.

        MUST raise, and change nothing, if the account would be left without an owner.
        """
        ...

    def remove_member(self, account: AccountId, person: PersonId) -> bool:
        """Take a person's role away; False if there was none. MUST raise, and change nothing, if it was the last owner's."""
        ...

    def members(self, account: AccountId) -> list[tuple[MemberRow, PersonRow]]:
        """Give the members of an account, oldest first."""
        ...

    def roles(self, person: PersonId) -> dict[AccountId, Role]:
        """Give a person's role in each account where there is one."""
        ...

    def add_identity(self, identity: IdentityRow) -> None:
        """Note who a person is at a sign-in service. MUST raise if that id is known there, or the person has one there already."""
        ...

    def join(self, person: PersonRow, member: MemberRow, identity: IdentityRow) -> None:
        """Add a new person, their role and who a sign-in service says they are, or nothing. MUST raise `Conflict` for one who is known."""
        ...

    def identities(self, person: PersonId) -> list[IdentityRow]:
        """Give who a person is at each sign-in service."""
        ...

    def person_by_identity(self, issuer: str, subject: str) -> PersonRow | None:
        """Give the person whom a sign-in service knows by that id, or None."""
        ...


class SessionStore(Protocol):
    """Sessions and one-time links, found by the SHA-256 of their token."""

    def add_session(self, session: SessionRow) -> None:
        """Add a session; it MUST be durable on return."""
        ...

    def session(self, sha256: bytes) -> SessionRow | None:
        """Give a session, or None. Whether it has run out is for the caller to say."""
        ...

    def touch_session(self, sha256: bytes, at: float) -> None:
        """Note that a session is in use."""
        ...

    def end_session(self, sha256: bytes) -> None:
        """End one; unknown ones are ignored."""
        ...

    def end_sessions(self, person: PersonId) -> int:
        """End all sessions of a person and say how many there were."""
        ...

    def purge_sessions(self, created_before: float, seen_before: float) -> int:
        """Delete sessions that are too old or too long idle, and links that have run out by `seen_before`."""
        ...

    def add_link(self, link: LinkRow) -> None:
        """Add a one-time link; those of the same kind, account and address before it MUST stop working."""
        ...

    def take_link(self, sha256: bytes, now: float) -> LinkRow | None:
        """Give a link that has not run out and make it unusable, atomically: of two callers one gets it. None otherwise."""
        ...

    def enter(self, sha256: bytes, now: float, member: MemberRow, person: PersonRow | None = None) -> bool:
        """Use up a link that has not run out, add the new `person` and put the member, all of it or none: of two callers one does.

        False where there is no such link, and for a first-run link once somebody is known. MUST raise `Conflict`, and leave the link,
        where the person's e-mail address is known.
        """
        ...

    def link(self, sha256: bytes, now: float) -> LinkRow | None:
        """Give a link that has not run out without using it up."""
        ...

    def invitations(self, account: AccountId, now: float) -> list[LinkRow]:
        """Give the invitations into an account that have not run out; those that end first come first."""
        ...

    def is_invited(self, email: str, now: float) -> bool:
        """Say whether an invitation for an e-mail address in lower case, into any account, has not run out."""
        ...


class ChangeStore(Protocol):
    """Who changed what when. Append-only."""

    def add_change(self, change: ChangeRow) -> None:
        """Add one; it MUST be durable on return. MUST be ignored if its account does not exist (any more)."""
        ...

    def changes(self, account: AccountId | None, before: float, limit: int = 50) -> list[ChangeRow]:
        """Give the changes of an account (None: the gateway's) before a time, newest first."""
        ...
