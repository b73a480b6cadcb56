"""Deleting an account over the control API: what it would do, and doing it once its name was typed."""

import asyncio

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from anyapi.control import erasure
from anyapi.control.erasure import Report
from anyapi.control.layers import account_of
from anyapi.control.permissions import SignedIn
from anyapi.control.services import Services
from anyapi.control.threads import in_thread
from anyapi.domain.ids import AccountId
from anyapi.domain.people import Permission, PersonId
from anyapi.errors import BadRequest
from anyapi.storage.tenant import EVERYBODY, only

WRITE = {"permission": Permission.WRITE_MEMBERS}


class Confirmation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The account's name, typed by whoever wants it deleted."""

    name: str


class Deleted(msgspec.Struct, frozen=True):
    """What was done, and the snapshot version by which no worker knows the account any more."""

    report: Report
    snapshot: int


@get("/api/accounts/{account:str}/deletion", opt=WRITE)
@in_thread
def plan_deletion(services: NamedDependency[Services], account: FromPath[AccountId]) -> Report:
    """What deleting the account would do: what goes, what must stay and why. Changes nothing."""
    return erasure.plan(services.holdings, account_of(services, account), services.clock())


@post("/api/accounts/{account:str}/deletion", opt=WRITE, status_code=200)
async def delete_account(
    services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId], data: JSONBody[Confirmation]
) -> Deleted:
    """Delete the account and all that is held of it; `name` must be its name. There is no way back.

    Its keys are refused before anything is deleted, and this returns when everything is gone.
    """
    row, now = await asyncio.to_thread(account_of, services, account), services.clock()
    if data.name.strip() != row.name:
        raise BadRequest("That is not the account's name: nothing was deleted.", "name")
    await asyncio.to_thread(erasure.close, services.holdings, account, now)
    await services.reload()
    report = await asyncio.to_thread(erasure.erase, services.holdings, row, now)
    await asyncio.to_thread(note_deleted, services, signed_in.person.id, report)
    snapshot = await services.reload()
    return Deleted(await asyncio.to_thread(erasure.finish, services.holdings, report), snapshot)


def note_deleted(services: Services, by: PersonId, report: Report) -> None:
    """Write down that the account was deleted."""
    with only(EVERYBODY):  # a change of the gateway's, not of the account that asked
        services.people.add_change(erasure.change(report, by))
