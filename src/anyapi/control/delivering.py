"""Sends what is due by e-mail and webhook, and tries again later what did not arrive. Runs in a thread beside the control API."""

import functools
from collections.abc import Callable

import msgspec

from anyapi.config_values import PrivacyHook, Smtp
from anyapi.control.notices import RequestNotice, decode, headline, lines, page_of
from anyapi.control.services import Services
from anyapi.crypto.envelope import unseal
from anyapi.crypto.root_keys import RootKeys
from anyapi.crypto.sealed import Binding, CannotOpen, Sealed
from anyapi.delivery.checked_http import Allows, NotReached
from anyapi.delivery.mail import Mail, send
from anyapi.delivery.webhook import message, post
from anyapi.domain.ids import AccountId, CredentialId, ProviderId
from anyapi.domain.people import PersonId
from anyapi.storage.events import FailureState, no_report
from anyapi.storage.review_rows import Channel, DeliveryRow, NotificationRow

RETRY_SECONDS = (60.0, 300.0, 1800.0, 7200.0, 21_600.0, 86_400.0)
"""How long to wait after each attempt that failed; after the last one it is given up."""
CLAIM_SECONDS = 300.0
"""Longer than any attempt takes. What a process had taken when it died is tried again after so long."""
FINAL = frozenset({"gone", "mail_recipient_refused", "not_wanted"})
"""What another attempt would not mend."""


class Ways(msgspec.Struct, frozen=True):
    """How things leave: the mail server (None: no mail), which addresses webhooks may have, the root keys that open webhooks' secrets."""

    smtp: Smtp | None
    allows: Allows
    """Of the operator's own webhook."""
    allows_hook: Allows
    """Of accounts' webhooks."""
    root_keys: RootKeys
    link: str
    """Where people reach the dashboard."""
    hook: PrivacyHook | None = None
    """Where the privacy team is told of requests."""
    mailing: FailureState = msgspec.field(default_factory=lambda: FailureState("mail", no_report))
    """Whether the mail server takes what it is given."""
    hooking: FailureState = msgspec.field(default_factory=lambda: FailureState("privacy_webhook", no_report))
    """Whether the operator's webhook does. What accounts' webhooks do, their own pages say."""


def watched(state: FailureState, send_it: Callable[[], None], theirs: frozenset[str] = frozenset()) -> None:
    """Send by a way of the operator's, and note how that went: nobody else would see that nothing arrives. Raises `NotReached`.

    `theirs`: codes of what is wrong with the recipient and not with the way.
    """
    try:
        send_it()
    except NotReached as error:
        if error.code not in theirs:
            state.failed(error.code)
        raise
    state.succeeded()


def binding_of(account: AccountId, version: int) -> Binding:
    """Where the sealed secret of an account's webhook belongs."""
    return Binding(account, ProviderId("webhook"), CredentialId(f"webhook:{account}"), version)


def deliver(services: Services, ways: Ways) -> int:
    """Try everything that is due once, and say how many that were. Raises `StorageError`.

    Several processes may do so at once: what one has taken the others leave.
    """
    tried = 0
    for row in services.review.due_deliveries(services.clock()):
        if services.review.claim_delivery(row, services.clock() + CLAIM_SECONDS):
            services.review.note_delivery(_tried(services, ways, row))
            tried += 1
    return tried


def _tried(services: Services, ways: Ways, row: DeliveryRow) -> DeliveryRow:
    now = services.clock()
    attempts = row.attempts + 1
    code = _attempt(services, ways, row, now)
    over = code == "sent" or code in FINAL or attempts > len(RETRY_SECONDS)
    after = now if over else now + RETRY_SECONDS[attempts - 1]
    return msgspec.structs.replace(row, attempts=attempts, next_at=after, ended_at=now if over else None, code=code)


def _attempt(services: Services, ways: Ways, row: DeliveryRow, now: float) -> str:
    notification = services.review.notification(row.account, row.notification)
    if notification is None:
        return "not_wanted"
    try:
        if row.channel is Channel.EMAIL:
            _mail(services, ways, row, notification)
        else:
            _hook(services, ways, row, notification, now)
    except NotReached as error:
        return error.code
    except CannotOpen as error:
        return error.reason.value
    return "sent"


def _mail(services: Services, ways: Ways, row: DeliveryRow, notification: NotificationRow) -> None:
    person = services.people.person(PersonId(row.person))
    wanted = person is not None and person.disabled_at is None and row.account in services.people.roles(person.id)
    if ways.smtp is None or person is None or not wanted:
        raise NotReached("not_wanted", "there is nobody to send it to any more")
    notice, catalogue = decode(notification.body), services.in_force().context.catalogue
    text = "\n\n".join(
        (*lines(notice, catalogue), f"Look at it: {ways.link}/a/{row.account}/{page_of(notice)}", "No prompt and no answer is stored.")
    )
    mail = Mail(person.email, f"AnyAPI ({row.account}): {headline(notice)}", text, row.id, notification.at)
    watched(ways.mailing, functools.partial(send, ways.smtp, mail), FINAL)


def _hook(services: Services, ways: Ways, row: DeliveryRow, notification: NotificationRow, now: float) -> None:
    settings = services.review.review_settings(row.account)
    if settings.webhook_url is None:
        raise NotReached("not_wanted", "there is no webhook any more")
    sealed = Sealed(settings.key_id, settings.wrapped, settings.ciphertext)
    secret = unseal(sealed, binding_of(row.account, settings.version), ways.root_keys)
    post(settings.webhook_url, secret, row.id, now, body_of(services, notification), ways.allows_hook)


def body_of(services: Services, notification: NotificationRow) -> bytes:
    """What a webhook gets: type, time, and the notification with its sentences."""
    notice, catalogue = decode(notification.body), services.in_force().context.catalogue
    data = {
        "account": notification.account,
        "notification": notification.id,
        "headline": headline(notice),
        "lines": lines(notice, catalogue),
        "detail": notice,
    }
    group = "privacy" if isinstance(notice, RequestNotice) else "review"
    return message(f"{group}.{notification.kind}", notification.at, data)
