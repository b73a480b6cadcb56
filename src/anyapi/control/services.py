"""What the resources of the control API work with: stores, the snapshot in force, a way to put a change into force. Made by bootstrap."""

import enum
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec

from anyapi.config_values import NO_ROOT_KEYS, Privacy
from anyapi.control.oidc import OidcClient
from anyapi.control.passwords import Attempts
from anyapi.crypto.root_keys import RootKeys
from anyapi.domain.catalogue import Catalogue, Provider
from anyapi.domain.data_policy import CERTIFICATIONS
from anyapi.domain.ids import AccountId, CredentialId, DecisionId, ProviderId
from anyapi.domain.ranking import Rankings
from anyapi.domain.receipt import NoReceipt
from anyapi.domain.requirement import DataClass, Settings
from anyapi.domain.snapshot import Agreement, PolicyContext
from anyapi.policy.parse import Known
from anyapi.storage.audit_reader import AuditReader
from anyapi.storage.contract import (
    CredentialStore,
    DecisionStore,
    ExposureStore,
    KeyStore,
    ProvisioningStore,
    SettingsStore,
    SpendingStore,
    UsageStore,
)
from anyapi.storage.contract_holdings import HoldingStore
from anyapi.storage.contract_logs import LogRuleStore, LogStore
from anyapi.storage.contract_people import ChangeStore, PeopleStore, SessionStore
from anyapi.storage.contract_ranking import RankingStore
from anyapi.storage.contract_requests import RequestStore
from anyapi.storage.contract_review import ReviewStore
from anyapi.storage.rows import DEFAULT_USAGE_DAYS, CredentialRow


class Store(
    KeyStore,
    SpendingStore,
    ProvisioningStore,
    CredentialStore,
    SettingsStore,
    UsageStore,
    ExposureStore,
    DecisionStore,
    LogRuleStore,
    Protocol,
):
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


class ExportState(enum.StrEnum):
    """How far an archive is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Export(msgspec.Struct):
    """One archive that was asked for: `done` of `rows` rows are in it."""

    id: str
    account: AccountId
    asked_at: float
    rows: int
    done: int
    record: str
    """Which record is being written."""
    state: ExportState


class Updating(msgspec.Struct, frozen=True):
    """What updates of the catalogue and the ways out need of the configuration."""

    packaged: Callable[[], Catalogue]
    over: Callable[[Catalogue], Catalogue]
    """Lays the operator's own records over a base; raises where they do not fit."""
    allows: Callable[[str], bool]
    """Whether an address (no name) that the operator configured may be connected to."""
    allows_hook: Callable[[str], bool]
    """The same of one that an account set up: what the operator opened for providers is no business of accounts."""
    update_url: str | None = None
    public_keys: tuple[bytes, ...] = ()
    mails: bool = False
    root_keys: RootKeys = NO_ROOT_KEYS


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
    requests: RequestStore
    holdings: HoldingStore
    logs: LogStore
    attempts: Attempts
    in_force: Callable[[], InForce]
    reload: Callable[[], Awaitable[int]]
    """Has the data plane read the store; gives the snapshot version in force when every worker goes by it."""
    floor: Settings
    """The gateway's settings as configured."""
    review: ReviewStore
    ranking: RankingStore
    rankings: Callable[[str | None], Rankings]
    """The ranking of a week (its Monday), or the newest. Raises `NotFound`."""
    receipts: Callable[[AccountId, DecisionId], bytes | NoReceipt]
    """Gives the receipt of an account's decision; may wait for the audit log."""
    audit: Callable[[], AuditReader]
    """Opens the audit log to read it."""
    updating: Updating
    inventory: Callable[[], dict[str, object]]
    """What is stored, field by field, as `/v1/privacy` says it."""
    clock: Callable[[], float]
    secure: bool
    """Served over TLS: cookies are for TLS alone."""
    data_plane_url: str
    default_account: AccountId
    keeper: Callable[[], Keeper]
    """Loads the cipher's library when it is first asked for."""
    keys_per_account: int = 5_000
    """So many live API keys an account may have, as configured."""
    usage_days: float = DEFAULT_USAGE_DAYS
    """For so long usage rows are kept where an account says nothing of it, as configured."""
    unusable: Callable[[], Mapping[str, str]] = dict
    """Stored credentials that the data plane cannot use, each with the code of the reason."""
    oidc: OidcClient | None = None
    """The operator's sign-in service, if there is one."""
    privacy: Privacy = Privacy()
    """How the operator answers for privacy, as configured."""
    exports: dict[str, Export] = msgspec.field(default_factory=dict)
    """Archives that were asked for, oldest first."""

    @property
    def mails(self) -> bool:
        """Whether there is a mail server to send by."""
        return self.updating.mails

    @property
    def known(self) -> Known:
        """What settings may name: the providers of the catalogue in force, and every certification there is a word for."""
        return Known(frozenset(self.in_force().context.catalogue.providers), CERTIFICATIONS)
