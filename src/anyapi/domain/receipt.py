"""What is said where there is no receipt."""

import enum


class NoReceipt(enum.StrEnum):
    """Why there is none."""

    UNKNOWN = "unknown"
    """No such decision of this account."""
    NOT_RECORDED = "not_recorded"
    """The operator leaves requests of its class out of the audit log."""
