"""Tells the privacy team of privacy requests by e-mail and webhook, and tries again later what did not arrive. Runs beside the control API.

INVARIANT: what leaves holds ids, codes and a link, never what somebody wrote.
"""

from collections.abc import Callable, Iterator
from functools import partial
from types import MappingProxyType

import msgspec

from anyapi.control.delivering import RETRY_SECONDS, Ways, watched
from anyapi.control.notify import NoticeKind
from anyapi.control.services import Services
from anyapi.delivery.checked_http import NotReached
from anyapi.delivery.mail import Mail, send
from anyapi.delivery.webhook import message, post
from anyapi.storage.request_rows import NoticeRow

_SAID = MappingProxyType(
    {
        NoticeKind.REQUEST_OPENED: "Somebody opened a request to the privacy team",
        NoticeKind.REQUEST_MESSAGE: "Somebody wrote again in a request to the privacy team",
    }
)


class Later:
    """Which notices did not arrive, how often, and when each is tried again. In memory: after a start all are tried at once."""

    def __init__(self) -> None:
        """None so far."""
        self._tried: dict[str, tuple[int, float]] = {}
        self.arrived: dict[str, set[str]] = {}
        """In which ways each went out already, while another way is closed."""

    def due(self, notice: str, now: float) -> bool:
        """Whether it is to be tried now."""
        return now >= self._tried.get(notice, (0, 0.0))[1]

    def failed(self, notice: str, now: float) -> None:
        """It is tried again after ever longer pauses."""
        attempts = self._tried.get(notice, (0, 0.0))[0]
        self._tried[notice] = (attempts + 1, now + RETRY_SECONDS[min(attempts, len(RETRY_SECONDS) - 1)])

    def keep(self, notices: frozenset[str]) -> None:
        """Forget all others: they were sent, or are kept no longer."""
        self._tried = {notice: tried for notice, tried in self._tried.items() if notice in notices}
        self.arrived = {notice: arrived for notice, arrived in self.arrived.items() if notice in notices}


def send_request_mail(services: Services, ways: Ways, later: Later) -> int:
    """Try every notice that waits and is due, and say how many were sent. Raises `StorageError`.

    A notice is noted as sent before it is, and again as waiting if that failed: of two processes one sends it.
    """
    to = _mailbox(services, ways)
    if to is None and ways.hook is None:
        return 0
    rows, sent = services.requests.unsent_notices(), 0
    later.keep(frozenset(row.id for row in rows))
    for row in rows:
        now = services.clock()
        if later.due(row.id, now) and services.requests.note_sent(row.id, now):
            arrived = [_sent(later, row, way, send_it) for way, send_it in _ways_of(ways, row, to, now)]
            if all(arrived):
                sent += 1
            else:
                services.requests.note_unsent(row.id)
                later.failed(row.id, now)
    return sent


def _mailbox(services: Services, ways: Ways) -> str | None:
    contact = services.privacy.contact
    return contact if ways.smtp is not None and contact is not None and "://" not in contact else None


def _sent(later: Later, row: NoticeRow, way: str, send_it: Callable[[], None]) -> bool:
    arrived = later.arrived.setdefault(row.id, set())
    if way not in arrived:
        try:
            send_it()
        except NotReached:
            return False
        arrived.add(way)
    return True


def _ways_of(ways: Ways, row: NoticeRow, to: str | None, now: float) -> Iterator[tuple[str, Callable[[], None]]]:
    facts = msgspec.json.decode(row.facts, type=dict[str, str])
    link = f"{ways.link}/a/{row.account}/requests/{facts.get('request', '')}"
    if ways.hook is not None:
        data = {"account": row.account, "notice": row.id, **facts, "link": link}
        body = message(f"privacy.{row.kind}", row.at, data)
        hook = partial(post, ways.hook.url, ways.hook.secret, row.id, now, body, ways.allows)
        yield "webhook", partial(watched, ways.hooking, hook)
    if to is not None and ways.smtp is not None:
        text = f"{_SAID[NoticeKind(row.kind)]}: {facts.get('kind', '')}, of the account {row.account}.\n\nRead and answer it: {link}"
        mail = Mail(to, f"AnyAPI ({row.account}): privacy request", text, row.id, row.at)
        yield "e-mail", partial(watched, ways.mailing, partial(send, ways.smtp, mail))
