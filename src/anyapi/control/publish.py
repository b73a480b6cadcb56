"""Builds a Snapshot from what is stored and what is configured. Reads the store once; sends nothing and decides nothing.

10,000 keys of 1,000 accounts share few different sets of settings: each set is merged once, and its requirement is one object.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

import msgspec

from anyapi.domain.call import Principal
from anyapi.domain.evidence import Contradiction
from anyapi.domain.ids import AccountId, ProviderId
from anyapi.domain.limits import KeyLimits
from anyapi.domain.prompt_log import LogTarget
from anyapi.domain.requirement import SETTING_NAMES, DataClass, Layer, Requirement, Settings
from anyapi.domain.snapshot import Contradicted, Credential, PolicyContext, Snapshot
from anyapi.policy.log_rules import rule_of
from anyapi.policy.merge import merge
from anyapi.policy.periods import first_day, first_days
from anyapi.storage.contract import KeyStore, SettingsStore, SpendingStore
from anyapi.storage.contract_logs import LogRuleStore
from anyapi.storage.rows import GATEWAY_SUBJECT, CredentialRow, KeyRow

_NOTHING = Settings()


class PublishedStore(KeyStore, SettingsStore, Protocol):
    """What a snapshot is built from: a store of keys and settings."""


def build_snapshot(
    store: PublishedStore,
    base: PolicyContext,
    presets: Mapping[DataClass, Settings],
    gateway_settings: Settings,
    version: int,
    credentials: Sequence[CredentialRow] = (),
    contradictions: Sequence[Contradiction] = (),
) -> Snapshot:
    """Give the snapshot of what the store holds now.

    `gateway_settings` is the configured floor; the stored gateway settings are met in. Revoked and disabled keys are left out, and so is
    all of an account that is being deleted; expiring keys carry their end. `credentials` are the stored ones that could be opened, in the
    store's order; each is a candidate for its own account alone. `contradictions` are all that are known; those that were cleared do not
    count. Raises `StorageError`: a store that cannot be read in full publishes nothing.
    """
    closing = store.closing()
    own = own_credentials([row for row in credentials if row.account not in closing])
    if contradictions:
        base = msgspec.structs.replace(base, contradicted=contradicted(contradictions))
    requirements = _Requirements(store.all_settings(), gateway_settings, presets, own.keys() | base.held.keys())
    keys = store.keys()
    principals = {
        key.sha256: Principal(key.id, key.account, requirements.of(key), key.project, key.expires_at, limits_of(key))
        for key in keys
        if key.revoked_at is None and key.disabled_at is None and key.account not in closing
    }
    return Snapshot(
        version=version,
        context=msgspec.structs.replace(base, own_credentials=own) if own else base,
        presets=dict(presets),
        gateway_settings=requirements.gateway(),
        principals=principals,
    )


def limits_of(key: KeyRow) -> KeyLimits | None:
    """The limits of a key; what was spent, `with_spending` fills in."""
    if key.spend_cap is None and key.requests_per_minute is None:
        return None
    return KeyLimits(key.lineage, key.spend_cap, key.period, key.requests_per_minute)


def with_spending(snapshot: Snapshot, store: SpendingStore, day: int) -> Snapshot:
    """The same snapshot, each spend cap with what was spent in the period that holds `day` (days since 1970). Raises `StorageError`."""
    capped = [(sha256, one, one.limits) for sha256, one in snapshot.principals.items() if one.limits and one.limits.spend_cap is not None]
    if not capped:
        return snapshot
    spent = store.capped_spending(*first_days(day))
    principals = dict(snapshot.principals)
    for sha256, one, limits in capped:
        known = msgspec.structs.replace(limits, spent=spent.get(one.key, 0.0), since=first_day(limits.period, day))
        principals[sha256] = msgspec.structs.replace(one, limits=known)
    return msgspec.structs.replace(snapshot, principals=principals)


def without_ended(snapshot: Snapshot, before: float) -> Snapshot:
    """The same snapshot without keys that ended before then (Unix seconds): they are refused either way, and there is no end to them."""
    principals = {sha256: one for sha256, one in snapshot.principals.items() if one.expires_at is None or not one.expires_at < before}
    return snapshot if len(principals) == len(snapshot.principals) else msgspec.structs.replace(snapshot, principals=principals)


def with_logs(snapshot: Snapshot, store: LogRuleStore) -> Snapshot:
    """The same snapshot, each key for which somebody opted in with what is kept and whom that is sealed to. Raises `StorageError`.

    INVARIANT: without a recipient of its account no key has a log target, whatever the rules say.
    """
    readers: dict[AccountId, tuple[str, ...]] = {}
    for row in store.log_recipients():
        readers[row.account] = (*readers.get(row.account, ()), row.recipient)
    rules = store.log_rules() if readers else {}
    if not rules:
        return snapshot
    principals = dict(snapshot.principals)
    for sha256, one in snapshot.principals.items():
        rule = rule_of(rules, one.account, one.project, one.key)
        if rule is not None and one.account in readers:
            principals[sha256] = msgspec.structs.replace(one, log=LogTarget(rule, readers[one.account]))
    return msgspec.structs.replace(snapshot, principals=principals)


def contradicted(rows: Iterable[Contradiction], known: Contradicted | None = None) -> Contradicted:
    """Which promises do not hold, by endpoint and credential, beside those that are `known`; what was cleared is left out."""
    found: Contradicted = {endpoint: {**codes} for endpoint, codes in (known or {}).items()}
    for row in rows:
        if row.cleared_at is None:
            codes = found.setdefault(row.endpoint, {})
            codes[row.credential] = codes.get(row.credential, frozenset()) | {row.code}
    return found


def own_credentials(rows: Sequence[CredentialRow]) -> dict[AccountId, dict[ProviderId, tuple[Credential, ...]]]:
    """What policy may know of accounts' own credentials, by account and provider; revoked ones are left out."""
    own: dict[AccountId, dict[ProviderId, tuple[Credential, ...]]] = {}
    for row in rows:
        if row.disabled_at is None:
            mine = own.setdefault(row.account, {})
            mine[row.provider] = (*mine.get(row.provider, ()), _credential(row))
    return own


def _credential(row: CredentialRow) -> Credential:
    declared = row.declared
    return Credential(
        id=row.id,
        provider=row.provider,
        tier=row.tier,
        region=declared.region,
        caller_region=declared.caller_region,
        account_states=declared.account_states,
        terms=declared.terms,
        deployments=declared.deployments,
        account=row.account,
        agreements=declared.agreements,
    )


class _Requirements:
    """The requirement of each key: gateway, account, project and key settings merged, equal ones once."""

    def __init__(
        self,
        stored: Mapping[tuple[Layer, str], Settings],
        configured: Settings,
        presets: Mapping[DataClass, Settings],
        apart: AbstractSet[AccountId],
    ) -> None:
        """`stored` by layer and subject; `configured` is the operator's floor; accounts `apart` share no requirement with others."""
        self._stored, self._presets, self._apart = stored, presets, apart
        # Two settings of one layer; both hold.
        self._gateway = [(Layer.GATEWAY, configured), (Layer.GATEWAY, stored.get((Layer.GATEWAY, GATEWAY_SUBJECT), _NOTHING))]
        self._merged: dict[tuple[Settings, Settings, Settings, AccountId | None], Requirement] = {}

    def of(self, key: KeyRow) -> Requirement:
        """Give the requirement of a key; the same object for equal settings.

        INVARIANT: an account that has credentials of its own, or something to review, gets objects of its own. The data plane remembers
        decisions by the identity of the requirement, and those of such an account hold for nobody else.
        """
        account = self._stored.get((Layer.ACCOUNT, key.account), _NOTHING)
        project = _NOTHING if key.project is None else self._stored.get((Layer.PROJECT, key.project), _NOTHING)
        own = self._stored.get((Layer.KEY, key.id), _NOTHING)
        owner = key.account if key.account in self._apart else None
        found = self._merged.get((account, project, own, owner))
        if found is None:
            layers = [*self._gateway, (Layer.ACCOUNT, account), (Layer.PROJECT, project), (Layer.KEY, own)]
            merged = merge(layers, self._presets)
            # A copy, because `merge` gives one object for every requirement that asks nothing.
            found = merged if owner is None else msgspec.structs.replace(merged)
            self._merged[account, project, own, owner] = found
        return found

    def gateway(self) -> Settings:
        """Give the configured and the stored gateway settings as one, every class's preset written out."""
        merged = merge(self._gateway, self._presets)
        return Settings(**{name: getattr(merged, name) for name in SETTING_NAMES}, more_classes=merged.data_classes)
