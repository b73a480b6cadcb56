"""The layers that hold for an account, a project or a key, from the gateway down, and what they ask together. Changes nothing."""

from typing import TypeAlias

from anyapi.control.services import Services
from anyapi.domain.ids import AccountId, KeyId
from anyapi.domain.requirement import Layer, Requirement, Settings
from anyapi.errors import NotFound
from anyapi.policy.merge import merge
from anyapi.policy.parse import parse_data_policy
from anyapi.storage.rows import GATEWAY_SUBJECT, AccountRow, KeyRow

Chain: TypeAlias = list[tuple[Layer, str]]
"""Stored layers and whose they are, the gateway's first."""


def chain_of(services: Services, layer: Layer, subject: str, account: AccountId | None) -> Chain | None:
    """The stored layers down to a subject (`account` None: the gateway's own); None for a subject that is not this account's."""
    top: Chain = [(Layer.GATEWAY, GATEWAY_SUBJECT)]
    if account is None:
        return top if layer is Layer.GATEWAY else None
    below = _below_the_gateway(services, layer, subject, account)
    return None if below is None else top + below


def requirement_at(services: Services, chain: Chain, last: Settings | None = None, request: Settings | None = None) -> Requirement:
    """What a chain asks together with the configured floor: with `last` instead of what its last layer asks now, and a request's own."""
    layers = [(Layer.GATEWAY, services.floor), *((layer, services.store.settings(layer, subject)) for layer, subject in chain)]
    if last is not None:
        layers[-1] = (layers[-1][0], last)
    if request is not None:
        layers.append((Layer.REQUEST, request))
    return merge(layers, services.in_force().presets)


def requirement_of(
    services: Services, account: AccountId, data_policy: dict[str, object] | None = None, key: str | None = None
) -> Requirement:
    """What gateway and account ask, and a key with its project, met with a request's own policy. Raises `NotFound` for another's key."""
    chain = chain_of(services, Layer.ACCOUNT, account, account) if key is None else chain_of(services, Layer.KEY, key, account)
    if chain is None:
        raise NotFound("There is no such key in this account.")
    return requirement_at(services, chain, request=parse_data_policy(data_policy, services.known) if data_policy else None)


def account_of(services: Services, account: AccountId) -> AccountRow:
    """An account. Raises `NotFound`."""
    row = next((one for one in services.store.accounts() if one.id == account), None)
    if row is None:
        raise NotFound("There is no such account.")
    return row


def key_of(services: Services, account: AccountId, key: KeyId) -> KeyRow | None:
    """A key of an account; None where it has none of that id."""
    row = services.store.key(key)
    return row if row is not None and row.account == account else None


def has_project(services: Services, account: AccountId, project: str) -> bool:
    """Whether an account has a project of that id."""
    return any(row.id == project and row.account == account for row in services.store.projects())


def _below_the_gateway(services: Services, layer: Layer, subject: str, account: AccountId) -> Chain | None:
    own: Chain = [(Layer.ACCOUNT, account)]
    if layer is Layer.ACCOUNT:
        return own if subject == account else None
    if layer is Layer.PROJECT:
        return [*own, (layer, subject)] if has_project(services, account, subject) else None
    key = key_of(services, account, KeyId(subject)) if layer is Layer.KEY else None
    if key is None:
        return None
    project: Chain = [] if key.project is None else [(Layer.PROJECT, key.project)]
    return [*own, *project, (Layer.KEY, subject)]
