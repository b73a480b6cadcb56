"""The ranking of models for the dashboard: the public page, and whether an account takes part."""

import asyncio

import msgspec
from litestar import get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from anyapi.control.history import note
from anyapi.control.permissions import SignedIn
from anyapi.control.services import Services
from anyapi.control.threads import in_thread
from anyapi.domain.ids import AccountId
from anyapi.domain.people import Permission
from anyapi.domain.ranking import Rankings


class Part(msgspec.Struct, frozen=True):
    """Whether requests of the account may be sampled, and whether this gateway samples at all."""

    takes_part: bool
    sampling: bool


class TakePart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether they may be from now on."""

    takes_part: bool


@get("/api/rankings", opt={"public": True}, sync_to_thread=False)
def rankings(services: NamedDependency[Services], week: FromQuery[str | None] = None) -> Rankings:
    """The newest week's ranking, or that of a week (its Monday): the same as the data plane's `/v1/rankings`."""
    return services.rankings(week)


@get("/api/accounts/{account:str}/ranking", opt={"permission": Permission.READ})
@in_thread
def show_part(services: NamedDependency[Services], account: FromPath[AccountId]) -> Part:
    """Whether the account takes part in the ranking of models."""
    return _part(services, account)


@put("/api/accounts/{account:str}/ranking", opt={"permission": Permission.WRITE_SETTINGS})
async def take_part(
    services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], account: FromPath[AccountId], data: JSONBody[TakePart]
) -> Part:
    """Have it take part or not: on every worker when this returns. What was counted this week of one that leaves is taken back."""

    def store() -> None:
        before = services.ranking.takes_part(account)
        services.ranking.take_part(account, part=data.takes_part)
        note(services, signed_in, account, "ranking", account, before={"takes_part": before}, after={"takes_part": data.takes_part})

    await asyncio.to_thread(store)
    await services.reload()
    return await asyncio.to_thread(_part, services, account)


def _part(services: Services, account: AccountId) -> Part:
    return Part(services.ranking.takes_part(account), services.rankings(None).sampling)
