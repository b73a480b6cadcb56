"""What the store holds besides usage and decisions: accounts, projects, API keys, credentials, and totals asked of usage.

Never a secret that opens by itself: a credential's is sealed, and the root key is not in the store.
"""

import enum

import msgspec

from anyapi.domain.ids import AccountId, CredentialId, KeyId, ProjectId, ProviderId
from anyapi.domain.limits import CapPeriod
from anyapi.domain.requirement import Layer, Settings
from anyapi.domain.snapshot import Agreement, Tier

DEFAULT_ACCOUNT = AccountId("default")
"""Exists in every store from the start, so that a first key needs no set-up."""
DELETED_ACCOUNT = AccountId("deleted")
"""Under this name stands what an account's last requests leave when they end after it was deleted. No account may have it."""
UNKNOWN_ACCOUNT = AccountId("unknown")
"""Under this name stand the requests whose row was lost with a killed process. No account may have it."""
RESERVED_ACCOUNTS = frozenset({DELETED_ACCOUNT, UNKNOWN_ACCOUNT})
DEFAULT_USAGE_DAYS = 90.0
"""How long usage rows are kept where neither the account nor the operator sets anything else."""
GATEWAY_SUBJECT = ""
"""The gateway layer has one subject: the gateway itself."""
STORED_LAYERS = (Layer.GATEWAY, Layer.ACCOUNT, Layer.PROJECT, Layer.KEY)
"""The request layer is never stored."""


LONGEST_USAGE_DAYS = 3650.0
"""For how long an account may have its usage rows kept."""


class AccountRow(msgspec.Struct, frozen=True):
    """An account. Times are Unix seconds; `usage_days` is how long its usage rows are kept, None for the default."""

    id: AccountId
    name: str
    created_at: float
    usage_days: float | None = None


class ProjectRow(msgspec.Struct, frozen=True):
    """A project of one account. Project ids are unique over all accounts."""

    id: ProjectId
    account: AccountId
    name: str
    created_at: float


class KeyRow(msgspec.Struct, frozen=True):
    """An API key as it is stored: what is needed to recognise it, not what is needed to use it. Times are Unix seconds."""

    id: KeyId
    prefix: str
    sha256: bytes
    account: AccountId
    created_at: float
    project: ProjectId | None = None
    name: str = ""
    expires_at: float | None = None
    revoked_at: float | None = None
    spend_cap: float | None = None
    """US dollars in each `period`; None is no cap."""
    period: CapPeriod = CapPeriod.TOTAL
    requests_per_minute: int | None = None
    disabled_at: float | None = None
    """Since when it is refused, until somebody takes that back."""
    lineage: KeyId = KeyId("")
    """Id of the first key of the chain of rotations that it is part of: its own where it replaced none. They share their limits."""

    def __post_init__(self) -> None:
        """A key that replaces none is the first of its chain."""
        if not self.lineage:
            msgspec.structs.force_setattr(self, "lineage", self.id)

    def state(self, now: float) -> str:
        """One of `revoked`, `expired`, `disabled` and `active`, in this order of what matters."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return "active" if self.disabled_at is None else "disabled"


class SpendingRow(msgspec.Struct, frozen=True):
    """What a key and those of its chain of rotations have spent, in US dollars: ever, and since the starts of periods that were asked."""

    key: KeyId
    total: float
    month: float
    week: float
    day: float

    def within(self, period: CapPeriod) -> float:
        """What was spent in the current period of this kind."""
        spent = {CapPeriod.DAY: self.day, CapPeriod.WEEK: self.week, CapPeriod.MONTH: self.month, CapPeriod.TOTAL: self.total}
        return spent[period]


class ProvisioningKeyRow(msgspec.Struct, frozen=True):
    """A key that manages the API keys of an account over the control API and calls no model. Times are Unix seconds."""

    id: KeyId
    prefix: str
    sha256: bytes
    account: AccountId
    created_at: float
    name: str = ""
    revoked_at: float | None = None


class Declared(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an account declares about a credential of its own, besides the tier."""

    region: str | None = None
    caller_region: str | None = None
    account_states: frozenset[str] = frozenset()
    terms: frozenset[str] = frozenset()
    variables: dict[str, str] = {}
    """Values of the placeholders in the provider's base URL."""
    agreements: tuple[Agreement, ...] = ()
    """What the account attests to have signed about this credential."""
    deployments: dict[str, str] = {}
    """The provider's names of models, each with the name of the account's own deployment."""


def body_of(stored: Settings | Declared) -> str:
    """The text under which settings, or what an account declares, are stored."""
    return msgspec.json.encode(stored, order="deterministic").decode()


class CredentialRow(msgspec.Struct, frozen=True):
    """A provider credential that an account brought. The secret is sealed (`key_id`, `wrapped`, `ciphertext`); times are Unix seconds."""

    id: CredentialId
    account: AccountId
    provider: ProviderId
    tier: Tier
    name: str
    declared: Declared
    key_id: str
    """Which root key the secret is sealed under."""
    wrapped: bytes
    ciphertext: bytes
    version: int
    created_at: float
    disabled_at: float | None = None
    """Since when it is revoked; its secret is gone then."""

    def __repr__(self) -> str:
        """Ids only: a sealed secret has no business in a text either."""
        return f"CredentialRow(id={self.id!r}, account={self.account!r}, provider={self.provider!r}, version={self.version})"


class UsageGroup(enum.StrEnum):
    """What usage can be totalled by."""

    DAY = "day"
    """UTC day, `YYYY-MM-DD`."""
    HOUR = "hour"
    """UTC hour, `YYYY-MM-DD HH:00`."""
    MODEL = "model"
    PROVIDER = "provider"
    KEY = "key"
    ACCOUNT = "account"
    OUTCOME = "outcome"
    HOST = "host"
    """Who answered, as routers say."""
    EVIDENCE = "evidence"
    """What came of holding what providers state against what was promised."""
    APP = "app"
    """The name that the application gives itself."""


NO_LABEL = "-"
"""Label of rows without a value: a refusal has no provider."""


class UsageTotal(msgspec.Struct, frozen=True):
    """Sums over the usage rows of one label. `cost` in US dollars over the priced rows; `unpriced` says how many have no price."""

    label: str
    requests: int
    succeeded: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    cost: float
    unpriced: int
    unmeasured: int
    """Rows whose token counts are estimated or unknown."""
    contradicted: int = 0
    """Rows whose provider stated otherwise than was promised."""


class UsageTimes(msgspec.Struct, frozen=True):
    """How many answered requests of one label took a time within each bucket of `LATENCY_BOUNDS`, the last bucket included."""

    label: str
    duration: tuple[int, ...]
    """By response time."""
    first_token: tuple[int, ...]
    """By time to the first token, of those that had one."""
