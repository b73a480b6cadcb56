"""Envelope encryption of stored secrets: AES-256-GCM twice. Knows no row, no file and no environment.

Each secret has a fresh data key; the data key is wrapped by a root key. Both layers carry as associated data what the seal is bound to
(account, provider, row, version) and the id of the root key, so that what is copied to another place, or put back from an older version,
does not open. Nonces are 96 random bits (NIST SP 800-38D section 8.2.2): a data key seals once; a root key may wrap 2^32 times.

Not proof against somebody who puts back a whole old row, its version included: that needs a record outside of the store.
"""

import os
from typing import NoReturn

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from anyapi.crypto.root_keys import LENGTH, RootKeys
from anyapi.crypto.sealed import Binding, CannotOpen, ClosedReason, Sealed
from anyapi.crypto.secret import Secret

_SCHEME = "anyapi credential 1"
"""Part of the associated data: another scheme gets another name, and neither opens the other's."""
_NONCE = 12
_TAG = 16
_KEY_PURPOSE, _SECRET_PURPOSE = "data key", "secret"


def seal(secret: Secret, binding: Binding, keys: RootKeys) -> Sealed:
    """Seal a secret under the first of `keys`, for the place that `binding` names. Raises `LookupError` if there is no root key."""
    if not keys:
        raise LookupError("there is no root key to seal with")
    key_id = keys.ids[0]
    data_key = AESGCM.generate_key(LENGTH * 8)
    wrapped = _encrypt(_root(keys, key_id, binding), data_key, _associated(_KEY_PURPOSE, key_id, binding))
    return Sealed(key_id, wrapped, _encrypt(data_key, secret.reveal().encode(), _associated(_SECRET_PURPOSE, key_id, binding)))


def unseal(sealed: Sealed, binding: Binding, keys: RootKeys) -> Secret:
    """Open what `seal` made for this very `binding`. Raises `CannotOpen`."""
    key_id = sealed.key_id
    root = _root(keys, key_id, binding)
    try:
        data_key = _decrypt(root, sealed.wrapped, _associated(_KEY_PURPOSE, key_id, binding))
        return Secret(_decrypt(data_key, sealed.ciphertext, _associated(_SECRET_PURPOSE, key_id, binding)).decode())
    except (InvalidTag, ValueError):
        _refuse(binding, ClosedReason.DAMAGED, "was altered, or does not belong where it stands. Revoke it and add it again")


def _root(keys: RootKeys, key_id: str, binding: Binding) -> bytes:
    root = keys.key(key_id)
    if root is None:
        _refuse(
            binding, ClosedReason.NO_ROOT_KEY, f"is sealed under the root key {key_id}, which is not here. Add that key to the root keys"
        )
    return root


def _refuse(binding: Binding, reason: ClosedReason, words: str) -> NoReturn:
    raise CannotOpen(f"the stored credential {binding.row} {words}", reason)


def _associated(purpose: str, key_id: str, binding: Binding) -> bytes:
    """JSON keeps the parts apart, whatever they hold."""
    return msgspec.json.encode([_SCHEME, purpose, key_id, binding.account, binding.provider, binding.row, binding.version])


def _encrypt(key: bytes, plain: bytes, associated: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, associated)


def _decrypt(key: bytes, sealed: bytes, associated: bytes) -> bytes:
    if len(sealed) < _NONCE + _TAG:
        raise ValueError("too short")
    return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], associated)
