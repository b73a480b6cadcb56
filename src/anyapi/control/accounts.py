"""Accounts, projects and members."""

import msgspec
from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from anyapi.control.history import note
from anyapi.control.layers import account_of
from anyapi.control.names import ID_FORM, check_name, is_id
from anyapi.control.permissions import SignedIn
from anyapi.control.services import Services
from anyapi.control.threads import in_thread
from anyapi.domain.ids import AccountId, ProjectId
from anyapi.domain.people import Permission, PersonId, Role
from anyapi.errors import BadRequest, NotFound, PermissionDenied
from anyapi.storage.driver import Conflict
from anyapi.storage.people_rows import MemberRow
from anyapi.storage.rows import LONGEST_USAGE_DAYS, RESERVED_ACCOUNTS, AccountRow, ProjectRow


class NewAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account to be made: its id is what usage rows and policies name it by."""

    id: str
    name: str


class UsageDays(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how many days the account's usage rows are kept; null: as long as the operator's default says."""

    days: float | None


class NewProject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A project to be made."""

    id: str
    name: str


class Member(msgspec.Struct, frozen=True):
    """A person's role in an account."""

    person: PersonId
    name: str
    email: str
    role: Role
    since: float


class NewRole(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another role for a member."""

    role: Role


@get("/api/accounts", opt={"permission": Permission.SIGNED_IN})
@in_thread
def list_accounts(services: NamedDependency[Services], signed_in: NamedDependency[SignedIn]) -> list[AccountRow]:
    """The accounts that the caller may see: all for an operator, else those with a role."""
    return [row for row in services.store.accounts() if signed_in.person.operator or row.id in signed_in.roles]


@post("/api/accounts", opt={"permission": Permission.GATEWAY_WRITE})
@in_thread
def add_account(services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], data: JSONBody[NewAccount]) -> AccountRow:
    """Make an account. Its maker becomes its owner."""
    row = AccountRow(AccountId(_new_id(data.id)), _name(data.name), services.clock())
    if row.id in RESERVED_ACCOUNTS:
        raise BadRequest("That id has a meaning of its own in usage rows: choose another.", "id")
    if any(known.id == row.id for known in services.store.accounts()):
        raise BadRequest("There is an account of that id already.", "id")
    services.store.add_account(row)
    services.people.put_member(MemberRow(row.id, signed_in.person.id, Role.OWNER, services.clock()))
    note(services, signed_in, row.id, "account_added", row.id, after={"name": row.name})
    return row


@put("/api/accounts/{account:str}/usage/days", opt={"permission": Permission.WRITE_SETTINGS})
@in_thread
def keep_usage(
    services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId], data: JSONBody[UsageDays]
) -> AccountRow:
    """Say how long the account's usage rows are kept. Those that are older go within ten minutes."""
    if data.days is not None and not 0 < data.days <= LONGEST_USAGE_DAYS:
        raise BadRequest(f"days must be above 0 and at most {LONGEST_USAGE_DAYS:.0f}, or null for the operator's default.", "days")
    before = account_of(services, account)
    services.store.set_usage_days(account, data.days)
    note(services, signed_in, account, "usage_days", account, before={"days": before.usage_days}, after={"days": data.days})
    return msgspec.structs.replace(before, usage_days=data.days)


@get("/api/accounts/{account:str}/projects", opt={"permission": Permission.READ})
@in_thread
def list_projects(services: NamedDependency[Services], account: FromPath[AccountId]) -> list[ProjectRow]:
    """The projects of an account."""
    return [row for row in services.store.projects() if row.account == account]


@post("/api/accounts/{account:str}/projects", opt={"permission": Permission.WRITE_SETTINGS})
@in_thread
def add_project(
    services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId], data: JSONBody[NewProject]
) -> ProjectRow:
    """Make a project. Project ids are unique over all accounts."""
    row = ProjectRow(ProjectId(_new_id(data.id)), account, _name(data.name), services.clock())
    try:
        services.store.add_project(row)  # whether another account has one of that id, the store alone may see
    except Conflict:
        raise BadRequest("There is a project of that id already, here or in another account.", "id") from None
    note(services, signed_in, account, "project_added", row.id, after={"name": row.name})
    return row


@get("/api/accounts/{account:str}/members", opt={"permission": Permission.READ})
@in_thread
def list_members(services: NamedDependency[Services], account: FromPath[AccountId]) -> list[Member]:
    """The members of an account, oldest first."""
    return _members(services, account)


@put("/api/accounts/{account:str}/members/{person:str}", opt={"permission": Permission.WRITE_MEMBERS})
@in_thread
def change_role(
    services: NamedDependency[Services],
    signed_in: NamedDependency[SignedIn],
    account: FromPath[AccountId],
    person: FromPath[PersonId],
    data: JSONBody[NewRole],
) -> Member:
    """Give a member another role. The last owner stays one."""
    found = next((one for one in _members(services, account) if one.person == person), None)
    if found is None:
        raise NotFound("There is no such member.")
    services.people.put_member(MemberRow(account, person, data.role, found.since))
    note(services, signed_in, account, "member_changed", person, before={"role": found.role}, after={"role": data.role})
    return msgspec.structs.replace(found, role=data.role)


@delete("/api/accounts/{account:str}/members/{person:str}", opt={"permission": Permission.WRITE_MEMBERS}, status_code=200)
@in_thread
def remove_member(
    services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId], person: FromPath[PersonId]
) -> dict[str, bool]:
    """Take a member's role away. The last owner stays; nobody removes themselves by accident."""
    if person == signed_in.person.id and not signed_in.person.operator:
        raise PermissionDenied("Somebody else has to remove you, so that nobody locks themselves out by accident.")
    if not services.people.remove_member(account, person):
        raise NotFound("There is no such member.")
    note(services, signed_in, account, "member_removed", person)
    return {"removed": True}


def _members(services: Services, account: AccountId) -> list[Member]:
    return [Member(row.person, person.name, person.email, row.role, row.since) for row, person in services.people.members(account)]


def _new_id(text: str) -> str:
    if not is_id(text):
        raise BadRequest(f"An id has {ID_FORM}.", "id")
    return text


def _name(text: str) -> str:
    name = text.strip()
    if not 0 < len(name) <= 200:
        raise BadRequest("A name has 1 to 200 characters.", "name")
    check_name(name, 200)
    return name
