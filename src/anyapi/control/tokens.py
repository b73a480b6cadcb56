"""Random tokens of sessions and one-time links: 256 bits, stored as SHA-256 alone, so that a stolen database signs nobody in."""

import hashlib
import hmac
import secrets
import string

from anyapi.domain.people import PersonId

_ALPHABET = string.ascii_lowercase + string.digits


def new_token() -> str:
    """A token for a cookie or an address."""
    return secrets.token_urlsafe(32)


def sha256_of(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).digest()


def csrf_of(token: str) -> str:
    """What a page must send beside the session's cookie (OWASP, synchronizer token).

    Another site can have the cookie sent, but cannot know this.
    """
    return hmac.new(token.encode(), b"anyapi-csrf", hashlib.sha256).hexdigest()


def same(given: str, wanted: str) -> bool:
    """Whether two texts are equal, in constant time."""
    return hmac.compare_digest(given.encode(), wanted.encode())


def new_person_id() -> PersonId:
    """A public id that says nothing."""
    return PersonId(new_id("per"))


def new_id(kind: str) -> str:
    """`kind`, an underscore and a random name."""
    return f"{kind}_{random_name()}"


def random_name() -> str:
    """20 random characters: about 100 bits, so that nobody meets one by chance."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(20))
