"""Who calls: an API key to a principal, from memory only. A fault of ours is never answered with a 401."""

from collections.abc import Callable, Mapping
from hashlib import sha256

from anyapi.domain.call import Principal
from anyapi.errors import AuthenticationFailed


def authenticate(credential: bytes | None, principals: Mapping[bytes, Principal], clock: Callable[[], float]) -> Principal:
    """The principal of an API key as the client sent it; `clock` gives Unix seconds. Raises `AuthenticationFailed`."""
    principal = principals.get(sha256(credential).digest()) if credential else None
    if principal is None:
        if not credential:
            raise AuthenticationFailed("No API key was sent. Send it as `Authorization: Bearer anyapi_sk_...` or in x-api-key.")
        raise AuthenticationFailed("This API key is not known here: it is mistyped, revoked, disabled, or of another gateway.")
    if principal.expires_at is not None and principal.expires_at <= clock():
        raise AuthenticationFailed("This API key has expired. Ask for a new one.")
    return principal
