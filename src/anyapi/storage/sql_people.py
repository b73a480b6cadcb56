"""People, sessions, links and changes, in either database: `storage/contract_people.py`. Every method raises `StorageError` alone."""

import msgspec

from anyapi.domain.ids import AccountId
from anyapi.domain.people import PersonId, Role
from anyapi.errors import StorageError
from anyapi.storage import people_statements as statements
from anyapi.storage.database import Database, one_of, rows_of
from anyapi.storage.driver import Connection
from anyapi.storage.people_rows import ChangeRow, IdentityRow, LinkKind, LinkRow, MemberRow, PersonRow, SessionRow
from anyapi.storage.tenant import EVERYBODY, only

_MEMBER_WIDTH = len(MemberRow.__struct_fields__)


class SqlPeople(Database):
    """A connection of its own beside that of `SqlStore`."""

    def add_person(self, person: PersonRow) -> None:
        """Add a person."""
        self._write("add the person", statements.ADD_PERSON, msgspec.structs.astuple(person))

    def person(self, person: PersonId) -> PersonRow | None:
        """Give one person, or None."""
        return one_of(PersonRow, self._read("read the person", statements.ONE_PERSON, (person,)), strict=False)

    def person_by_email(self, email: str) -> PersonRow | None:
        """Give the person of an e-mail address in lower case, or None."""
        return one_of(PersonRow, self._read("read the person", statements.PERSON_BY_EMAIL, (email,)), strict=False)

    def people_count(self) -> int:
        """Say how many people there are."""
        (count,) = self._read("count the people", statements.PEOPLE_COUNT)[0]
        return msgspec.convert(count, int)

    def set_password(self, person: PersonId, password: str) -> None:
        """Replace a person's password hash and end all their sessions."""
        with self._transaction("set the password") as connection:
            connection.execute(statements.SET_PASSWORD, (password, person))
            connection.execute(statements.END_SESSIONS, (person,))

    def delete_person(self, person: PersonId) -> bool:
        """Delete who is no member and does not run the gateway, with all that leads to them; False where there is no such person."""
        with only(EVERYBODY), self._transaction("delete the person") as connection:
            found = connection.execute(statements.REMOVABLE, (person,)).fetchone()
            if found is None:
                return False
            (email,) = found
            for statement in (statements.END_SESSIONS, statements.DELETE_IDENTITIES, statements.DELETE_PERSON):
                connection.execute(statement, (person,))
            connection.execute(statements.DELETE_LINKS_TO, (email,))
            connection.execute(statements.FORGET_ADDRESS, (person, email))
        return True

    def put_member(self, member: MemberRow) -> None:
        """Give a person a role in an account; raises if that would leave the account without an owner."""
        with self._transaction("change the member") as connection:
            owned = _owners(connection, member.account)
            connection.execute(statements.PUT_MEMBER, msgspec.structs.astuple(member))
            _keep_an_owner(connection, member.account, owned)

    def remove_member(self, account: AccountId, person: PersonId) -> bool:
        """Take a person's role away; raises if it is the last owner's."""
        with self._transaction("remove the member") as connection:
            owned = _owners(connection, account)
            removed = connection.execute(statements.REMOVE_MEMBER, (account, person)).rowcount > 0
            _keep_an_owner(connection, account, owned)
        return removed

    def members(self, account: AccountId) -> list[tuple[MemberRow, PersonRow]]:
        """Give the members of an account, oldest first."""
        rows = self._read("read the members", statements.MEMBERS, (account,))
        members = rows_of(MemberRow, [row[:_MEMBER_WIDTH] for row in rows])
        people = rows_of(PersonRow, [row[_MEMBER_WIDTH:] for row in rows], strict=False)
        return list(zip(members, people, strict=True))

    def roles(self, person: PersonId) -> dict[AccountId, Role]:
        """Give a person's role in each account where there is one."""
        rows = self._read("read the roles", statements.ROLES, (person,))
        return {AccountId(str(account)): Role(str(role)) for account, role in rows}

    def add_identity(self, identity: IdentityRow) -> None:
        """Note who a person is at a sign-in service."""
        self._write("note the identity", statements.ADD_IDENTITY, msgspec.structs.astuple(identity))

    def identities(self, person: PersonId) -> list[IdentityRow]:
        """Give who a person is at each sign-in service."""
        return rows_of(IdentityRow, self._read("read the identities", statements.IDENTITIES, (person,)))

    def person_by_identity(self, issuer: str, subject: str) -> PersonRow | None:
        """Give the person whom a sign-in service knows by that id, or None."""
        rows = self._read("read the person", statements.PERSON_BY_IDENTITY, (issuer, subject))
        return one_of(PersonRow, rows, strict=False)

    def add_session(self, session: SessionRow) -> None:
        """Add a session."""
        self._write("add the session", statements.ADD_SESSION, msgspec.structs.astuple(session))

    def session(self, sha256: bytes) -> SessionRow | None:
        """Give a session, or None."""
        return one_of(SessionRow, self._read("read the session", statements.ONE_SESSION, (sha256,)))

    def touch_session(self, sha256: bytes, at: float) -> None:
        """Note that a session is in use."""
        self._write("note the session", statements.TOUCH_SESSION, (at, sha256))

    def end_session(self, sha256: bytes) -> None:
        """End one session."""
        self._write("end the session", statements.END_SESSION, (sha256,))

    def end_sessions(self, person: PersonId) -> int:
        """End all sessions of a person and say how many there were."""
        return self._write("end the sessions", statements.END_SESSIONS, (person,))

    def purge_sessions(self, created_before: float, seen_before: float) -> int:
        """Delete sessions and links that have run out."""
        with self._transaction("delete old sessions") as connection:
            gone = connection.execute(statements.PURGE_SESSIONS, (created_before, seen_before)).rowcount
            connection.execute(statements.PURGE_LINKS, (seen_before,))
        return gone

    def add_link(self, link: LinkRow) -> None:
        """Add a one-time link in place of those like it."""
        with self._transaction("add the link") as connection:
            connection.execute(statements.END_LIKE_LINKS, (link.kind.value, link.account, link.email))
            connection.execute(statements.ADD_LINK, msgspec.structs.astuple(link))

    def take_link(self, sha256: bytes, now: float) -> LinkRow | None:
        """Give a link that has not run out and use it up."""
        with self._transaction("use the link") as connection:
            found = one_of(LinkRow, connection.execute(statements.ONE_LINK, (sha256, now)).fetchall())
            connection.execute(statements.END_LINK, (sha256,))
        return found

    def enter(self, sha256: bytes, now: float, member: MemberRow, person: PersonRow | None = None) -> bool:
        """Use a link up and make somebody a member by it, all or nothing; False where there is no such link any more."""
        with self._transaction("use the link") as connection:
            link = one_of(LinkRow, connection.execute(statements.ONE_LINK, (sha256, now)).fetchall())
            if link is None or (link.kind is LinkKind.FIRST_RUN and connection.execute(statements.PEOPLE_COUNT).fetchall() != [(0,)]):
                return False
            connection.execute(statements.END_LINK, (sha256,))
            if person is not None:
                connection.execute(statements.ADD_PERSON, msgspec.structs.astuple(person))
            owned = _owners(connection, member.account)
            connection.execute(statements.PUT_MEMBER, msgspec.structs.astuple(member))
            _keep_an_owner(connection, member.account, owned)
        return True

    def join(self, person: PersonRow, member: MemberRow, identity: IdentityRow) -> None:
        """Add a new person as a member whom a sign-in service knows, all or nothing."""
        with self._transaction("add the member") as connection:
            connection.execute(statements.ADD_PERSON, msgspec.structs.astuple(person))
            connection.execute(statements.PUT_MEMBER, msgspec.structs.astuple(member))
            connection.execute(statements.ADD_IDENTITY, msgspec.structs.astuple(identity))

    def link(self, sha256: bytes, now: float) -> LinkRow | None:
        """Give a link that has not run out."""
        return one_of(LinkRow, self._read("read the link", statements.ONE_LINK, (sha256, now)))

    def invitations(self, account: AccountId, now: float) -> list[LinkRow]:
        """Give the invitations into an account that have not run out."""
        return rows_of(LinkRow, self._read("read the invitations", statements.INVITATIONS, (account, now)))

    def is_invited(self, email: str, now: float) -> bool:
        """Say whether an invitation for an e-mail address has not run out."""
        (count,) = self._read("read the invitations", statements.INVITED, (email, now))[0]
        return msgspec.convert(count, int) > 0

    def add_change(self, change: ChangeRow) -> None:
        """Add a change to the history."""
        self._write("note the change", statements.ADD_CHANGE, msgspec.structs.asdict(change))

    def changes(self, account: AccountId | None, before: float, limit: int = 50) -> list[ChangeRow]:
        """Give the changes of an account (None: the gateway's) before a time, newest first."""
        return rows_of(ChangeRow, self._read("read the changes", statements.CHANGES, (account, before, limit)))


def _owners(connection: Connection, account: AccountId) -> int:
    ((count,),) = connection.execute(statements.OWNERS, (account,)).fetchall()
    return msgspec.convert(count, int)


def _keep_an_owner(connection: Connection, account: AccountId, before: int) -> None:
    if before and not _owners(connection, account):
        raise StorageError("an account needs an owner: make somebody else the owner first", {"code": "last_owner"})
