"""What the store holds besides usage and decisions: accounts, projects, API keys, and totals asked of usage. Never a secret."""

import enum

import msgspec

from anyapi.domain.ids import AccountId, KeyId, ProjectId
from anyapi.domain.requirement import Layer

DEFAULT_ACCOUNT = AccountId("default")
"""Exists in every store from the start, so that a first key needs no set-up."""
DEFAULT_USAGE_DAYS = 90.0
"""How long usage rows are kept where neither the account nor the operator sets anything else."""
GATEWAY_SUBJECT = ""
"""The gateway layer has one subject: the gateway itself."""
STORED_LAYERS = (Layer.GATEWAY, Layer.ACCOUNT, Layer.PROJECT, Layer.KEY)
"""The request layer is never stored."""


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


class UsageGroup(enum.StrEnum):
    """What usage can be totalled by."""

    DAY = "day"
    """UTC day, `YYYY-MM-DD`."""
    MODEL = "model"
    PROVIDER = "provider"
    KEY = "key"
    ACCOUNT = "account"
    OUTCOME = "outcome"


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
