"""What the resources of the control API work with: stores, the snapshot in force, a way to put a change into force. Made by bootstrap."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec

from anyapi.control.passwords import Attempts
from anyapi.domain.catalogue import Provider
from anyapi.domain.ids import AccountId, CredentialId, ProviderId
from anyapi.domain.requirement import DataClass, Settings
from anyapi.domain.snapshot import Agreement, PolicyContext
from anyapi.policy.parse import Known
from anyapi.storage.contract import CredentialStore, DecisionStore, KeyStore, SettingsStore, UsageStore
from anyapi.storage.contract_people import ChangeStore, PeopleStore, SessionStore
from anyapi.storage.rows import CredentialRow


class Store(KeyStore, CredentialStore, SettingsStore, UsageStore, DecisionStore, Protocol):
    """What is stored about accounts."""


class People(PeopleStore, SessionStore, ChangeStore, Protocol):
    """What is stored about people."""


class InForce(Protocol):
    """What the data plane goes by now."""

    @property
    def context(self) -> PolicyContext:
        """Catalogue, credentials, agreements."""
        ...

    @property
    def presets(self) -> dict[DataClass, Settings]:
        """What each data class asks."""
        ...


class Keeper(Protocol):
    """Checks and seals what accounts bring; `anyapi.own_credentials` says what each does."""

    def new_id(self) -> CredentialId:
        """For a credential that an account brings."""
        ...

    def sealed(self, row: CredentialRow, text: str) -> CredentialRow:
        """The row with this secret in it, under the next version. Raises `BadRequest`."""
        ...

    def agreements(self, stated: list[dict[str, object]], provider: ProviderId) -> tuple[Agreement, ...]:
        """What was signed for one key. Raises `BadRequest`."""
        ...

    def asked_of(self, provider: Provider) -> tuple[str, ...] | None:
        """What a key of this provider needs besides itself; None where the provider takes no key."""
        ...


class Services(msgspec.Struct, frozen=True):
    """One for the whole app."""

    store: Store
    people: People
    attempts: Attempts
    in_force: Callable[[], InForce]
    reload: Callable[[], Awaitable[int]]
    """Has the data plane read the store; gives the snapshot version in force when every worker goes by it."""
    floor: Settings
    """The gateway's settings as configured."""
    known: Known
    inventory: Callable[[], dict[str, object]]
    """What is stored, field by field, as `/v1/privacy` says it."""
    clock: Callable[[], float]
    secure: bool
    """Served over TLS: cookies are for TLS alone."""
    data_plane_url: str
    default_account: AccountId
    keeper: Callable[[], Keeper]
    """Loads the cipher's library when it is first asked for."""
    unusable: Callable[[], Mapping[str, str]] = dict
    """Stored credentials that the data plane cannot use, each with the code of the reason."""
