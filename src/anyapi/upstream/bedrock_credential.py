"""How a request to Amazon Bedrock proves who sends it: a Bedrock API key as a bearer token, or an access key that signs every request.

Reads no environment: the operator's values are passed in under the names of the catalogue record's `variables`.
"""

import re
import time
from collections.abc import Callable, Mapping

from anyapi.domain.catalogue import Auth
from anyapi.errors import ConfigError
from anyapi.upstream.pool import header_of
from anyapi.upstream.sigv4 import AwsKey, Signer

REGION = re.compile(r"[a-z]{2,8}(-[a-z0-9]{1,16}){1,4}")


def authentication(secret: str, variables: Mapping[str, str], clock: Callable[[], float] = time.time) -> bytes | Signer:
    """The fixed header line of a Bedrock API key (`secret`), or without one the signer for an access key.

    `variables`: `region`, `access_key_id`, `secret_access_key`, and `session_token` for temporary keys. `clock` gives Unix seconds.
    Raises `ConfigError` that names what is missing or wrong, never a value.
    """
    if secret:
        return header_of(Auth.BEARER, secret)
    missing = [name for name in ("access_key_id", "secret_access_key", "region") if not variables.get(name)]
    if missing:
        raise ConfigError(f"Amazon Bedrock needs a Bedrock API key, or an access key with its region; not set: {', '.join(missing)}")
    if not REGION.fullmatch(variables["region"]):
        raise ConfigError("the region of Amazon Bedrock must be a name like us-east-1")
    key = AwsKey(variables["access_key_id"], variables["secret_access_key"], variables.get("session_token", ""))
    return Signer(key, variables["region"], clock=clock)
