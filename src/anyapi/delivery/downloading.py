"""Downloads a catalogue update and its detached signature from the address that the operator configured. Puts nothing into force."""

from collections.abc import Callable, Sequence

from anyapi.catalogue.updating import LARGEST, LARGEST_SIGNATURE, check_signature
from anyapi.delivery.checked_http import Allows, Limits, NotReached, Sent, request

SECONDS = 60.0
SIGNATURE = ".sig"
"""Added to the address of the catalogue."""


def download(url: str, public_keys: Sequence[bytes], allows: Allows, progress: Callable[[int], None] | None = None) -> bytes:
    """Give the bytes of a catalogue that one of the keys signed. Raises `NotReached` and `UpdateRefused`."""
    data = _body("the update's address", Sent("GET", url), allows, Limits(SECONDS, LARGEST), progress)
    signature = _body(f"the address of its signature ({SIGNATURE})", Sent("GET", _beside(url)), allows, Limits(SECONDS, LARGEST_SIGNATURE))
    check_signature(data, signature, public_keys, "the update")
    return data


def _beside(url: str) -> str:
    path, mark, query = url.partition("?")
    return f"{path}{SIGNATURE}{mark}{query}"


def _body(what: str, sent: Sent, allows: Allows, limits: Limits, progress: Callable[[int], None] | None = None) -> bytes:
    answer = request(sent, allows, limits, progress)
    if answer.status != 200:
        raise NotReached("not_found", f"{what} answered with status {answer.status} (redirects are not followed): nothing was changed")
    return answer.body
