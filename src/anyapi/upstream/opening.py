"""From a provider credential to the upstream that it is used by: a fixed header, a signature for each request, or an access token.

The secret is revealed here and in the modules that this names, and nowhere else.
"""

import importlib
import time
from collections.abc import Callable, Mapping

import msgspec

from anyapi.crypto.secret import Secret
from anyapi.domain.catalogue import Auth
from anyapi.upstream.bedrock_credential import SignedUpstream, is_access_key, signer_of
from anyapi.upstream.pool import Upstream, Wire, header_of


class Access(msgspec.Struct, frozen=True):
    """Where and how a credential is used; nothing of it is secret."""

    base_url: str
    """With every placeholder filled."""
    auth: Auth
    variables: Mapping[str, str] = {}
    """What an adapter needs to know besides: `region` for a signature."""


def open_upstream(wire: Wire, access: Access, secret: Secret | None, clock: Callable[[], float] = time.time) -> Upstream:
    """The upstream of a credential; None is for a server that needs no key. `clock` gives Unix seconds.

    Raises `ConfigError`, which holds nothing of the secret. Connects to nothing yet.
    """
    text = "" if secret is None else secret.reveal()
    if access.auth is Auth.SERVICE_ACCOUNT:
        # The library for RSA is loaded with the first service account: a start without any does not pay for it.
        upstream: Callable[..., Upstream] = importlib.import_module("anyapi.upstream.token_bearing").TokenUpstream
        return upstream(wire, access.base_url, text, clock)
    if access.auth is Auth.SIGV4 and is_access_key(text):
        return SignedUpstream(wire, access.base_url, signer_of(text, access.variables, clock))
    return Upstream(wire, access.base_url, header_of(access.auth, text))
