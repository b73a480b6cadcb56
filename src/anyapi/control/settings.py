"""Data policies of the gateway, an account, a project or a key: shown with what holds above them, previewed before saving, saved."""

import asyncio
from collections.abc import Mapping

import msgspec
from litestar import get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from anyapi.control.history import note, refuse_overtaken
from anyapi.control.layers import Chain, chain_of, requirement_at
from anyapi.control.permissions import SignedIn
from anyapi.control.services import Services
from anyapi.control.threads import in_thread
from anyapi.domain.ids import AccountId, ModelId
from anyapi.domain.people import Permission
from anyapi.domain.requirement import DataClass, Layer, Settings
from anyapi.errors import NotFound
from anyapi.policy.as_fields import data_policy
from anyapi.policy.explain import requirement_view
from anyapi.policy.explanation import RequirementView
from anyapi.policy.merge import lift
from anyapi.policy.parse import parse_data_policy
from anyapi.policy.preview import Left, left
from anyapi.storage.rows import GATEWAY_SUBJECT, UsageGroup

WEEK = 7 * 86400.0


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a layer shall ask from now on: the whole of it, in the form of a request's `data_policy`."""

    data_policy: dict[str, object]


class Replacing(Asked, frozen=True, forbid_unknown_fields=True):
    """The same, in place of what the layer asked when it was read."""

    instead_of: dict[str, object] | None = None
    """What it asked then, as it was shown. If somebody changed that meanwhile, nothing is saved (409). None: whatever stands there."""


class Shown(msgspec.Struct, frozen=True):
    """What one layer asks, and what holds there with the layers above it."""

    layer: Layer
    subject: str
    data_policy: dict[str, object]
    in_force: RequirementView


class Saved(msgspec.Struct, frozen=True):
    """The same after a change, and the snapshot version by which it holds on every worker."""

    settings: Shown
    snapshot: int


class Side(msgspec.Struct, frozen=True):
    """What a requirement leaves, in numbers."""

    models: int
    endpoints: int
    usable_models: int
    usable_endpoints: int
    providers: int
    cheapest: float | None
    """US dollars for a million tokens in and a million out at the cheapest chat endpoint that can be used now; None if none has a price."""
    cheapest_listed: float | None
    """The same at the cheapest permitted chat endpoint, with a credential for it or without."""
    denied_by: dict[str, int]


class Preview(msgspec.Struct, frozen=True):
    """What saving would do: before and after, and which models would go or come."""

    all_models: int
    all_endpoints: int
    now: Side
    then: Side
    lost: tuple[ModelId, ...]
    gained: tuple[ModelId, ...]
    lost_in_use: tuple[ModelId, ...]
    """Of the lost, those that were asked for in the last seven days, by this account or (the gateway's settings) by any."""
    in_force: RequirementView


class ShownClass(msgspec.Struct, frozen=True):
    """What a data class stands for here, by the operator's presets."""

    data_class: DataClass
    data_policy: dict[str, object]
    """What it asks, in the form of a request's `data_policy`."""
    durable_record: bool
    """Whether a decision record is on disk before anything is sent."""


@get("/api/classes", opt={"permission": Permission.SIGNED_IN})
@in_thread
def data_classes(services: NamedDependency[Services]) -> list[ShownClass]:
    """Each data class with the settings that naming it brings, as they are in force."""
    return [_class(name, services.in_force().presets) for name in DataClass]


@get("/api/gateway/settings", opt={"permission": Permission.GATEWAY_READ})
@in_thread
def gateway_settings(services: NamedDependency[Services]) -> Shown:
    """The operator's floor, which no account can go below."""
    return _show(services, Layer.GATEWAY, GATEWAY_SUBJECT, None)


@put("/api/gateway/settings", opt={"permission": Permission.GATEWAY_WRITE})
async def save_gateway_settings(
    services: NamedDependency[Services], signed_in: NamedDependency[SignedIn], data: JSONBody[Replacing]
) -> Saved:
    """Replace the stored part of the floor. What the configuration file says stays."""
    return await _save(services, signed_in, Layer.GATEWAY, GATEWAY_SUBJECT, None, data)


@post("/api/gateway/settings/preview", opt={"permission": Permission.GATEWAY_READ}, status_code=200)
@in_thread
def preview_gateway_settings(services: NamedDependency[Services], data: JSONBody[Asked]) -> Preview:
    """What saving these would leave of the catalogue for an account that asks nothing itself."""
    return _preview(services, Layer.GATEWAY, GATEWAY_SUBJECT, None, data)


@get("/api/accounts/{account:str}/settings/{layer:str}/{subject:str}", opt={"permission": Permission.READ})
@in_thread
def settings(services: NamedDependency[Services], account: FromPath[AccountId], layer: FromPath[Layer], subject: FromPath[str]) -> Shown:
    """What the account, one of its projects or one of its keys asks."""
    return _show(services, layer, subject, account)


@put("/api/accounts/{account:str}/settings/{layer:str}/{subject:str}", opt={"permission": Permission.WRITE_SETTINGS})
async def save_settings(
    services: NamedDependency[Services],
    signed_in: NamedDependency[SignedIn],
    account: FromPath[AccountId],
    layer: FromPath[Layer],
    subject: FromPath[str],
    data: JSONBody[Replacing],
) -> Saved:
    """Replace what a layer asks. It holds on every worker when this returns."""
    return await _save(services, signed_in, layer, subject, account, data)


@post(
    "/api/accounts/{account:str}/settings/{layer:str}/{subject:str}/preview",
    opt={"permission": Permission.READ},
    status_code=200,
)
@in_thread
def preview_settings(
    services: NamedDependency[Services], account: FromPath[AccountId], layer: FromPath[Layer], subject: FromPath[str], data: JSONBody[Asked]
) -> Preview:
    """What saving these would leave, compared with now. Changes nothing."""
    return _preview(services, layer, subject, account, data)


def _class(name: DataClass, presets: Mapping[DataClass, Settings]) -> ShownClass:
    lifted = lift(Layer.REQUEST, Settings(data_class=name), presets)
    return ShownClass(
        name, {field: value for field, value in data_policy(lifted).items() if field != "data_class"}, lifted.needs_durable_record
    )


def _preview(services: Services, layer: Layer, subject: str, account: AccountId | None, data: Asked) -> Preview:
    asked = parse_data_policy(data.data_policy, services.known)
    chain = _chain(services, layer, subject, account)
    before, after = requirement_at(services, chain), requirement_at(services, chain, last=asked)
    now, context = services.clock(), services.in_force().context
    had, would = left(before, context, account, now), left(after, context, account, now)
    lost = sorted(had.permitted.keys() - would.permitted.keys())
    used = {total.label for total in services.store.usage_totals(UsageGroup.MODEL, now - WEEK, now + 1, account)}
    return Preview(
        all_models=len(context.catalogue.models),
        all_endpoints=sum(len(model.endpoints) for model in context.catalogue.models.values()),
        now=_side(had),
        then=_side(would),
        lost=tuple(lost),
        gained=tuple(sorted(would.permitted.keys() - had.permitted.keys())),
        lost_in_use=tuple(model for model in lost if model in used),
        in_force=requirement_view(after),
    )


def _show(services: Services, layer: Layer, subject: str, account: AccountId | None) -> Shown:
    chain = _chain(services, layer, subject, account)
    return Shown(layer, subject, data_policy(services.store.settings(layer, subject)), requirement_view(requirement_at(services, chain)))


async def _save(services: Services, by: SignedIn, layer: Layer, subject: str, account: AccountId | None, data: Replacing) -> Saved:
    asked = parse_data_policy(data.data_policy, services.known)

    def store() -> None:
        _chain(services, layer, subject, account)  # refuses a subject of another account
        replaced: list[dict[str, object]] = []

        def change(before: Settings) -> Settings:
            replaced.append(data_policy(before))
            refuse_overtaken(replaced[0], data.instead_of)
            return asked

        services.store.change_settings(layer, subject, change, services.clock())
        note(services, by, account, "settings", f"{layer} {subject}".strip(), before=replaced[0], after=data_policy(asked))

    await asyncio.to_thread(store)
    version = await services.reload()
    return Saved(await asyncio.to_thread(_show, services, layer, subject, account), version)


def _chain(services: Services, layer: Layer, subject: str, account: AccountId | None) -> Chain:
    """The chain down to a subject. Raises `NotFound` for one that is not this account's."""
    chain = chain_of(services, layer, subject, account)
    if chain is None:
        raise NotFound(f"There is no {layer} of that id in this account.")
    return chain


def _side(found: Left) -> Side:
    return Side(
        models=len(found.permitted),
        endpoints=sum(found.permitted.values()),
        usable_models=len(found.usable),
        usable_endpoints=sum(found.usable.values()),
        providers=len(found.providers),
        cheapest=min(found.cheapest.values(), default=None),
        cheapest_listed=min(found.listed.values(), default=None),
        denied_by={str(code): count for code, count in found.denied_by.items()},
    )
