"""What the text of a Bedrock credential holds: a Bedrock API key, which is a bearer token, or an access key, which signs every request.

An access key is written `ID:SECRET`, or `ID:SECRET:SESSION_TOKEN` if it is temporary: no part of one can hold a colon.
"""

import re
import time
from collections.abc import Callable, Mapping

from anyapi.errors import ConfigError
from anyapi.upstream.pool import Upstream, Wire
from anyapi.upstream.sigv4 import AwsKey, Signer

REGION = re.compile(r"[a-z]{2,8}(-[a-z0-9]{1,16}){1,4}")
PARTS = (2, 3)


def is_access_key(secret: str) -> bool:
    """Whether the text is an access key and not an API key."""
    return ":" in secret


def signer_of(secret: str, variables: Mapping[str, str], clock: Callable[[], float] = time.time) -> Signer:
    """What signs with an access key, in the region that `variables` names. `clock` gives Unix seconds.

    Raises `ConfigError` that names what is missing or wrong, never a value.
    """
    parts = secret.split(":")
    if len(parts) not in PARTS or not all(parts):
        raise ConfigError("an AWS access key is written ID:SECRET, or ID:SECRET:SESSION_TOKEN if it is temporary")
    region = variables.get("region", "")
    if not REGION.fullmatch(region):
        raise ConfigError("an AWS access key needs the `region` that it signs for, a name like us-east-1")
    return Signer(AwsKey(*parts), region, clock=clock)


class SignedUpstream(Upstream):
    """An upstream whose requests are each signed over their exact bytes when they are sent. It has no fixed credential in its head."""

    __slots__ = ("_signer",)

    def __init__(self, wire: Wire, base_url: str, signer: Signer) -> None:
        """Raises `ConfigError` as `Upstream` does."""
        super().__init__(wire, base_url, b"")
        self._signer = signer

    def head(self, path: bytes, extra: bytes, body: bytes) -> bytes:
        """The head of a POST of exactly this body, signed now. Of `extra` nothing is signed: AWS takes that from any client."""
        return super().head(path, extra + self._signer.sign(self.authority, self._path + path, body), body)
