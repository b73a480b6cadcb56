"""Snapshot: everything the data plane reads while serving, immutable and versioned. Holds no secret: a route names credential ids."""

import datetime as dt
import enum
from typing import TypeAlias

import msgspec

from anyapi.domain.call import Principal
from anyapi.domain.catalogue import Catalogue, Endpoint, Provider
from anyapi.domain.data_policy import HumanReview, Retention, Training
from anyapi.domain.evidence import EvidenceCode
from anyapi.domain.ids import AccountId, AgreementId, CredentialId, EndpointId, ProviderId
from anyapi.domain.ranking import Release
from anyapi.domain.requirement import DataClass, Settings


class Tier(enum.StrEnum):
    """What the credential pays for: the same provider may train on free traffic and not on paid."""

    PAID = "paid"
    FREE = "free"
    UNDECLARED = "undeclared"


class Agreement(msgspec.Struct, frozen=True, omit_defaults=True):
    """What somebody attests to have signed with a provider (docs/policy.md, 1.3). Dates are UTC; `valid_until` is the first day after."""

    id: AgreementId
    provider: ProviderId
    attested_by: str
    document: str
    valid_from: dt.date
    valid_until: dt.date
    credentials: frozenset[CredentialId] = frozenset()
    accounts: frozenset[AccountId] = frozenset()
    models: tuple[str, ...] = ()
    training: Training | None = None
    training_opt_out: bool = False
    retention: Retention | None = None
    flagged_retention: Retention | None = None
    human_review: HumanReview | None = None
    certifications: frozenset[str] = frozenset()
    regions: frozenset[str] | None = None


class Credential(msgspec.Struct, frozen=True, omit_defaults=True):
    """What policy may know of a provider credential. The secret stays in `anyapi.upstream`."""

    id: CredentialId
    provider: ProviderId
    tier: Tier = Tier.UNDECLARED
    region: str | None = None
    """Where this credential's traffic is pinned, when the operator declares it."""
    caller_region: str | None = None
    account_states: frozenset[str] = frozenset()
    terms: frozenset[str] = frozenset()
    account: AccountId | None = None
    """Whose own credential it is, and then nobody else's; None is the operator's, used for every account."""
    agreements: tuple[Agreement, ...] = ()
    """What the owning account attests about it. The operator's credentials stand on `PolicyContext.agreements` instead."""
    deployments: dict[str, str] = {}
    """The provider's names of models, each with the name under which the owner deployed it. Empty: all, by their own names."""


class Past(msgspec.Struct, frozen=True):
    """Records as they stood before an update that an account has not accepted yet; None for one that was not there.

    Holds only what differs from the catalogue in force. It can only deny: what policy permits must have been permitted then too.
    """

    providers: dict[ProviderId, Provider | None] = {}
    endpoints: dict[EndpointId, Endpoint | None] = {}


Contradicted: TypeAlias = dict[EndpointId, dict[CredentialId, frozenset[EvidenceCode]]]


class PolicyContext(msgspec.Struct, frozen=True):
    """What `decide` needs besides the requirement and the facts: catalogue, credentials, agreements, what is served."""

    catalogue: Catalogue
    credentials: dict[ProviderId, tuple[Credential, ...]] = {}
    agreements: tuple[Agreement, ...] = ()
    served_protocols: frozenset[str] = frozenset()
    """Protocols with an adapter, for example `openai-chat`, `anthropic-messages`."""
    span_days: float = 180.0
    """How long a record is good after it was verified."""
    own_credentials: dict[AccountId, dict[ProviderId, tuple[Credential, ...]]] = {}
    """What accounts brought themselves, each only for itself."""
    served_embeddings: frozenset[str] = frozenset()
    """Protocols with an adapter for embeddings."""
    contradicted: Contradicted = {}
    """Which promises of an endpoint were contradicted by what its provider stated, as it was used with each credential."""
    held: dict[AccountId, tuple[Past, ...]] = {}
    """What accounts that review first have not accepted yet: the states that the catalogue passed through since."""

    @property
    def differs_by_account(self) -> bool:
        """Whether equal requirements of two accounts may be decided differently."""
        return bool(self.own_credentials or self.held) or any(each.accounts for each in self.agreements)

    def seen_by(self, account: AccountId | None) -> "PolicyContext":
        """The context of a request of `account`: its own credentials before the operator's, and nobody else's at all."""
        if not self.own_credentials:
            return self
        merged = dict(self.credentials)
        own = {} if account is None else self.own_credentials.get(account, {})
        for provider, credentials in own.items():
            # Under whose name a credential stands is not enough: it must itself say so.
            mine = tuple(credential for credential in credentials if credential.account == account)
            merged[provider] = (*mine, *merged.get(provider, ()))
        return msgspec.structs.replace(self, credentials=merged, own_credentials={})


class Snapshot(msgspec.Struct, frozen=True):
    """One published state. `principals` is keyed by the SHA-256 of the API key."""

    version: int
    context: PolicyContext
    presets: dict[DataClass, Settings]
    gateway_settings: Settings = Settings()
    principals: dict[bytes, Principal] = {}
    left_out: frozenset[AccountId] = frozenset()
    """Accounts of which nothing is sampled for the ranking of models."""
    releases: tuple[Release, ...] = ()
    """The ranking's last releases, newest first."""
