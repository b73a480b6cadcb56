"""Builds a Snapshot from what is stored and what is configured. Reads the store once; sends nothing and decides nothing.

10,000 keys of 1,000 accounts share few different sets of settings: each set is merged once, and its requirement is one object.
"""

from collections.abc import Mapping
from typing import Protocol

from anyapi.domain.call import Principal
from anyapi.domain.requirement import SETTING_NAMES, DataClass, Layer, Requirement, Settings
from anyapi.domain.snapshot import PolicyContext, Snapshot
from anyapi.policy.merge import merge
from anyapi.storage.contract import KeyStore, SettingsStore
from anyapi.storage.rows import GATEWAY_SUBJECT, KeyRow

_NOTHING = Settings()


class PublishedStore(KeyStore, SettingsStore, Protocol):
    """What a snapshot is built from: a store of keys and settings."""


def build_snapshot(
    store: PublishedStore, base: PolicyContext, presets: Mapping[DataClass, Settings], gateway_settings: Settings, version: int
) -> Snapshot:
    """Give the snapshot of what the store holds now.

    `gateway_settings` is the configured floor; the stored gateway settings are met in. Revoked keys are left out, expiring ones carry
    their end. Raises `StorageError`: a store that cannot be read in full publishes nothing.
    """
    requirements = _Requirements(store.all_settings(), gateway_settings, presets)
    keys = store.keys()
    principals = {
        key.sha256: Principal(
            key=key.id, account=key.account, requirement=requirements.of(key), project=key.project, expires_at=key.expires_at
        )
        for key in keys
        if key.revoked_at is None
    }
    return Snapshot(
        version=version,
        context=base,
        presets=dict(presets),
        gateway_settings=requirements.gateway(),
        principals=principals,
    )


class _Requirements:
    """The requirement of each key: gateway, account, project and key settings merged, equal ones once."""

    def __init__(self, stored: Mapping[tuple[Layer, str], Settings], configured: Settings, presets: Mapping[DataClass, Settings]) -> None:
        """`stored` by layer and subject; `configured` is the operator's floor."""
        self._stored, self._presets = stored, presets
        # Two settings of one layer; both hold.
        self._gateway = [(Layer.GATEWAY, configured), (Layer.GATEWAY, stored.get((Layer.GATEWAY, GATEWAY_SUBJECT), _NOTHING))]
        self._merged: dict[tuple[Settings, Settings, Settings], Requirement] = {}

    def of(self, key: KeyRow) -> Requirement:
        """Give the requirement of a key; the same object for equal settings."""
        account = self._stored.get((Layer.ACCOUNT, key.account), _NOTHING)
        project = _NOTHING if key.project is None else self._stored.get((Layer.PROJECT, key.project), _NOTHING)
        own = self._stored.get((Layer.KEY, key.id), _NOTHING)
        found = self._merged.get((account, project, own))
        if found is None:
            layers = [*self._gateway, (Layer.ACCOUNT, account), (Layer.PROJECT, project), (Layer.KEY, own)]
            found = self._merged[account, project, own] = merge(layers, self._presets)
        return found

    def gateway(self) -> Settings:
        """Give the configured and the stored gateway settings as one, every class's preset written out."""
        merged = merge(self._gateway, self._presets)
        return Settings(**{name: getattr(merged, name) for name in SETTING_NAMES}, more_classes=merged.data_classes)
