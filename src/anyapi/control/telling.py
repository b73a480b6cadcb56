"""Tells accounts what concerns them: what an update did to their permitted sets, records that expire soon, that a review is due.

Runs in a thread beside the control API and is safe to repeat: an account is told a thing once. Sends nothing itself (`delivering` does).
"""

from collections.abc import Iterable

import msgspec

from anyapi.catalogue.diff import CatalogueChange, ChangeKind
from anyapi.control.adopting import kept
from anyapi.control.layers import requirement_of
from anyapi.control.notices import MOST_MODELS, ExpiryNotice, Notice, ReminderNotice, UpdateNotice, day_of, encode
from anyapi.control.services import Services
from anyapi.control.tokens import new_id
from anyapi.domain.catalogue import Catalogue
from anyapi.domain.ids import AccountId, ProviderId, RequirementHash
from anyapi.domain.people import PersonId, Role
from anyapi.domain.requirement import Requirement
from anyapi.domain.snapshot import PolicyContext
from anyapi.policy.review import ByModel, Effect, effect, expiring, permitted
from anyapi.policy.standing import DAY
from anyapi.storage.review_rows import Channel, DeliveryRow, NotificationRow, ReviewSettings, UpdateRow

TOLD = frozenset({Role.OWNER, Role.ADMIN})
"""Who gets an e-mail: those who may accept."""
STEP = 20
"""Accounts between two notes of the progress."""
KEEP_DAYS = 400.0
CHECKED_ANEW = "verified_at"
"""The field that changes of every record that was looked at again. Named beside them, what did change would not be seen."""


def tell_updates(services: Services) -> int:
    """Tell every account of every update that is not told yet, and say how many updates that were. Raises `StorageError`."""
    rows = services.review.untold_updates()
    for row in rows:
        _tell_update(services, row)
    return len(rows)


def _tell_update(services: Services, row: UpdateRow) -> None:
    accounts = [account.id for account in services.store.accounts()]
    services.review.note_progress(row.number, len(accounts), 0, None)
    before, after = (_catalogue(services, version) for version in (row.previous, row.effective))
    if before is not None and after is not None:
        telling = _Update(services, row, before, after)
        for number, account in enumerate(accounts):
            telling.tell(account)
            if number % STEP == STEP - 1:
                services.review.note_progress(row.number, len(accounts), number + 1, None)
    services.review.note_progress(row.number, len(accounts), len(accounts), services.clock())


def _catalogue(services: Services, version: str | None) -> Catalogue | None:
    current = services.in_force().context.catalogue
    if version == current.version:
        return current
    return None if version is None else kept(services.review, version)


class _Update:
    """One update, for one account after the other. Equal requirements of accounts without credentials of their own are judged once."""

    def __init__(self, services: Services, row: UpdateRow, before: Catalogue, after: Catalogue) -> None:
        context = msgspec.structs.replace(services.in_force().context, held={})
        self._services, self._row, self._now = services, row, services.clock()
        self._old = msgspec.structs.replace(context, catalogue=before)
        self._new = msgspec.structs.replace(context, catalogue=after)
        changes = msgspec.json.decode(row.changes or "[]", type=list[CatalogueChange])
        self._come = _subjects(changes, ChangeKind.PROVIDER_ADDED)
        self._changed = _subjects((change for change in changes if change.field != CHECKED_ANEW), ChangeKind.PROVIDER_CHANGED)
        self._shared: dict[RequirementHash, tuple[Effect, frozenset[ProviderId]]] = {}

    def tell(self, account: AccountId) -> None:
        """Tell one account, if it is concerned."""
        found, usable = self._judged(account)
        pending = [row.subject for row in self._services.review.pending_holds(account) if row.number == self._row.number]
        notice = UpdateNotice(
            self._row.number,
            _first(found.gained),
            _first(found.lost),
            sum(map(len, found.gained.values())),
            sum(map(len, found.lost.values())),
            self._come,
            tuple(name for name in self._changed if name in usable),
            tuple(pending),
        )
        if found.gained or found.lost or notice.new_providers or notice.changed_providers or pending:
            notify(self._services, account, notice, str(self._row.number))

    def _judged(self, account: AccountId) -> tuple[Effect, frozenset[ProviderId]]:
        requirement = requirement_of(self._services, account)
        apart = account in self._new.own_credentials or any(each.accounts for each in self._new.agreements)
        if apart:
            return self._judge(requirement, account)
        if requirement.hash not in self._shared:
            self._shared[requirement.hash] = self._judge(requirement, account)
        return self._shared[requirement.hash]

    def _judge(self, requirement: Requirement, account: AccountId) -> tuple[Effect, frozenset[ProviderId]]:
        found = effect(requirement, self._old, self._new, account, self._now)
        return found, providers_of(requirement, self._old, account, self._now) | providers_of(requirement, self._new, account, self._now)


def providers_of(requirement: Requirement, context: PolicyContext, account: AccountId, now: float) -> frozenset[ProviderId]:
    """The providers of which policy permits something."""
    found = permitted(requirement, context.catalogue.models.values(), context, account, now)
    allowed = {endpoint for endpoints in found.values() for endpoint in endpoints}
    return frozenset(
        endpoint.provider for model in context.catalogue.models.values() for endpoint in model.endpoints if endpoint.id in allowed
    )


def _subjects(changes: Iterable[CatalogueChange], kind: ChangeKind) -> tuple[ProviderId, ...]:
    return tuple(dict.fromkeys(ProviderId(change.subject) for change in changes if change.kind is kind))


def _first(by_model: ByModel) -> ByModel:
    return dict(list(by_model.items())[:MOST_MODELS])


def tell_what_is_due(services: Services) -> int:
    """Tell accounts of records that expire soon and that a review is due; says how many notifications that made. For once an hour."""
    now, context = services.clock(), services.in_force().context
    told = 0
    by_day: dict[str, list[ProviderId]] = {}
    for each in expiring(context, now):
        by_day.setdefault(day_of(each.ends), []).append(each.provider)
    settings = {each.account: each for each in services.review.all_review_settings()}
    for row in services.store.accounts():
        if by_day:
            told += _tell_expiries(services, row.id, by_day, now)
        told += _remind(services, settings.get(row.id), now)
    services.review.purge_notifications(now - KEEP_DAYS * DAY)
    return told


def _tell_expiries(services: Services, account: AccountId, by_day: dict[str, list[ProviderId]], now: float) -> int:
    """One notification for each day on which records of providers end that the account may use, or for which it has a credential."""
    context = services.in_force().context
    mine = providers_of(requirement_of(services, account), context, account, now)
    told = 0
    for day, names in by_day.items():
        expired = day <= day_of(now)
        concerned = tuple(name for name in names if name in mine or (expired and _has_credential(context, account, name)))
        if concerned:
            told += notify(services, account, ExpiryNotice(day, concerned, expired), f"{day}{' expired' * expired}")
    return told


def _has_credential(context: PolicyContext, account: AccountId, provider: ProviderId) -> bool:
    return bool(context.seen_by(account).credentials.get(provider))


def _remind(services: Services, settings: ReviewSettings | None, now: float) -> int:
    if settings is None or settings.remind_days is None:
        return 0
    since = max(settings.reviewed_at or 0.0, settings.reminded_at or 0.0)
    if now < since + settings.remind_days * DAY:
        return 0
    reviewed = None if settings.reviewed_at is None else day_of(settings.reviewed_at)
    waiting = len({row.subject for row in services.review.pending_holds(settings.account)})
    told = notify(services, settings.account, ReminderNotice(reviewed, waiting), day_of(now))
    services.review.note_reminder(settings.account, now)
    return told


def notify(services: Services, account: AccountId, notice: Notice, subject: str, *, also: PersonId | None = None) -> bool:
    """Add a notification, and its deliveries in the ways that the account has chosen; False if it was told before.

    A member whom it concerns (`also`) gets an e-mail anyhow.
    """
    now, settings = services.clock(), services.review.review_settings(account)
    kind = type(notice).__struct_config__.tag
    row = NotificationRow(new_id("ntc"), account, now, str(kind), subject, encode(notice))
    return services.review.notify(row, [*_mails(services, settings, row, also), *_hooks(settings, row)])


def _mails(services: Services, settings: ReviewSettings, row: NotificationRow, also: PersonId | None) -> list[DeliveryRow]:
    if not services.mails:
        return []
    people = [
        person
        for member, person in services.people.members(row.account)
        if person.disabled_at is None and (person.id == also or (settings.email and member.role in TOLD))
    ]
    return [DeliveryRow(new_id("ntc"), row.account, row.id, Channel.EMAIL, person.id, row.at) for person in people]


def _hooks(settings: ReviewSettings, row: NotificationRow) -> list[DeliveryRow]:
    if settings.webhook_url is None:
        return []
    return [DeliveryRow(new_id("ntc"), row.account, row.id, Channel.WEBHOOK, "", row.at)]
