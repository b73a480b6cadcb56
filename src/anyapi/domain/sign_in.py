"""The sign-in service that an operator trusts to say who people are (OpenID Connect), and whom it may bring in. No secret, no logic."""

import msgspec

from anyapi.domain.ids import AccountId
from anyapi.domain.people import Role


class Joining(msgspec.Struct, frozen=True):
    """People with a verified address of this domain who are not known yet become members of this account, with this role."""

    domain: str
    """Lower case, whole: `example.org` does not mean `sub.example.org`."""
    account: AccountId
    role: Role
    """Never `owner`."""


class SignInService(msgspec.Struct, frozen=True):
    """An OpenID provider and what it knows this gateway as."""

    name: str
    """What the sign-in page calls it."""
    issuer: str
    """Exactly as the service writes it. https, or http on loopback."""
    client_id: str
    hosts: frozenset[str] = frozenset()
    """Other hosts than the issuer's that may be asked for tokens, keys and addresses."""
    joining: tuple[Joining, ...] = ()
