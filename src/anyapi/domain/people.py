"""Who uses the control plane: people, their roles in accounts, what each role may do. Holds no secret and no logic beyond the table."""

import enum
from types import MappingProxyType
from typing import NewType

PersonId = NewType("PersonId", str)
"""`per_` and 20 characters."""


class Role(enum.StrEnum):
    """What a member may do in one account, strongest first."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    AUDITOR = "auditor"


class Permission(enum.StrEnum):
    """What a route of the control API asks for. Those named `gateway_*` belong to the operator alone."""

    SIGNED_IN = "signed_in"
    """Anybody with a session; the answer holds nothing of an account that is not theirs."""
    READ = "read"
    """Look at the account: settings, usage, keys without their secrets, members."""
    WRITE_KEYS = "write_keys"
    """Make, rotate and revoke API keys."""
    WRITE_SETTINGS = "write_settings"
    """Change data policies, credentials and agreements; see and withdraw invitations."""
    WRITE_REQUESTS = "write_requests"
    """Write to the privacy team."""
    WRITE_MEMBERS = "write_members"
    """Invite, promote and remove members; export and delete the account."""
    PROVISION = "provision"
    """Manage API keys with a provisioning key: no session has it, whoever it belongs to."""
    GATEWAY_READ = "gateway_read"
    GATEWAY_WRITE = "gateway_write"


_MEMBER = frozenset({Permission.READ, Permission.WRITE_KEYS, Permission.WRITE_REQUESTS})
GRANTS = MappingProxyType(
    {
        Role.OWNER: _MEMBER | {Permission.WRITE_SETTINGS, Permission.WRITE_MEMBERS},
        Role.ADMIN: _MEMBER | {Permission.WRITE_SETTINGS},
        Role.MEMBER: _MEMBER,
        Role.AUDITOR: frozenset({Permission.READ}),
    }
)
"""What each role may do in its account. INVARIANT: none grants a `gateway_*` permission."""
