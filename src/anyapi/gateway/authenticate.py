"""Who calls: an API key to a principal, from memory only. A fault of ours is never answered with a 401."""

from collections.abc import Callable, Mapping
from hashlib import sha256

from anyapi.domain.call import Principal
from anyapi.errors import AuthenticationFailed
from anyapi.gateway.unknown_keys import refusal_of


def authenticate(credential: bytes | None, principals: Mapping[bytes, Principal], clock: Callable[[], float]) -> Principal:
    """The principal of an API key as the client sent it; `clock` gives Unix seconds. Raises `AuthenticationFailed`."""
    principal = principals.get(sha256(credential).digest()) if credential else None
    if principal is None:
        raise refusal_of(credential)
    if principal.expires_at is not None and principal.expires_at <= clock():
        raise AuthenticationFailed("This API key has expired. Ask for a new one.")
    return principal
