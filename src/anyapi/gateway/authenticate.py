"""Who calls: an API key to a principal, from memory only. A fault of ours is never answered with a 401."""

from collections.abc import Mapping

from anyapi.crypto.api_keys import digest
from anyapi.domain.call import Principal
from anyapi.errors import AuthenticationFailed


def authenticate(credential: bytes | None, principals: Mapping[bytes, Principal], now: float) -> Principal:
    """The principal of an API key as the client sent it. `now` in Unix seconds. Raises `AuthenticationFailed`."""
    if not credential:
        raise AuthenticationFailed("No API key was sent. Send it as `Authorization: Bearer anyapi_sk_...` or in x-api-key.")
    key = digest(credential)
    principal = principals.get(key) if key is not None else None
    if principal is None:
        raise AuthenticationFailed("This API key is not known here: it is mistyped, revoked, or of another gateway.")
    if principal.expires_at is not None and principal.expires_at <= now:
        raise AuthenticationFailed("This API key has expired. Ask for a new one.")
    return principal
