"""Tells people about privacy requests: writes down that there is something to tell. Sends nothing itself.

Whoever sends e-mail or calls webhooks reads `unsent_notices` of the store and notes what it sent. The dashboard shows requests by
themselves. INVARIANT: a notice holds ids and codes, never what somebody wrote.
"""

import enum
from collections.abc import Mapping

import msgspec

from anyapi.control.services import Services
from anyapi.control.tokens import new_id
from anyapi.domain.ids import AccountId
from anyapi.storage.request_rows import NoticeRow

_encode = msgspec.json.Encoder(order="deterministic").encode


class NoticeKind(enum.StrEnum):
    """What is to be told, and to whom."""

    REQUEST_OPENED = "request_opened"
    """To the privacy team: somebody asks."""
    REQUEST_MESSAGE = "request_message"
    """To the privacy team: the account wrote again."""
    REQUEST_ANSWERED = "request_answered"
    """To the account: the privacy team wrote, or changed the status."""


def notify(services: Services, account: AccountId, kind: NoticeKind, facts: Mapping[str, str]) -> None:
    """Keep a notice until it is sent. `facts`: ids and codes. Raises `StorageError`."""
    row = NoticeRow(new_id("ntc"), account, services.clock(), kind.value, _encode(facts).decode())
    services.requests.add_notice(row)
