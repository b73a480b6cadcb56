"""Tells people about privacy requests: writes down that there is something to tell. Sends nothing itself.

What the privacy team is to be told waits in the store for `request_mail`; an account is told as of everything else (`telling`).
INVARIANT: a notice holds ids and codes, never what somebody wrote.
"""

import enum
from collections.abc import Mapping

import msgspec

from anyapi.control.notices import RequestNotice
from anyapi.control.services import Services
from anyapi.control.telling import notify as tell
from anyapi.control.tokens import new_id
from anyapi.domain.ids import AccountId
from anyapi.storage.request_rows import NoticeRow, RequestRow, RequestStatus

_encode = msgspec.json.Encoder(order="deterministic").encode


class NoticeKind(enum.StrEnum):
    """What is to be told, and to whom."""

    REQUEST_OPENED = "request_opened"
    """To the privacy team: somebody asks."""
    REQUEST_MESSAGE = "request_message"
    """To the privacy team: the account wrote again."""


def notify(services: Services, account: AccountId, kind: NoticeKind, facts: Mapping[str, str]) -> None:
    """Keep a notice until it is sent. `facts`: ids and codes. Raises `StorageError`."""
    row = NoticeRow(new_id("ntc"), account, services.clock(), kind.value, _encode(facts).decode())
    services.requests.add_notice(row)


def notify_account(services: Services, request: RequestRow, status: RequestStatus, now: float) -> None:
    """Tell the account that the privacy team wrote or changed the status; whoever asked gets an e-mail of it. Raises `StorageError`."""
    tell(services, request.account, RequestNotice(request.id, request.kind, status), f"{request.id} {now}", also=request.person)
