"""From requests that were sent to the exposure ledger: facts as they were in force then, and when copies should be gone. Pure.

Unknown is the worst case here too: an endpoint or a catalogue that is not known any more, an expired record and a contradiction all
leave retention unknown, and an end that nobody stated is never guessed. What a row does not tell of its request (a web search, or images
in the answer, change some policies) is resolved both ways, and the worse counts.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import product

import msgspec

from anyapi.domain.call import Facts
from anyapi.domain.catalogue import Catalogue, Endpoint, Provider
from anyapi.domain.data_policy import UNKNOWN_RETENTION, Grade, Retention, RetentionKind, Training
from anyapi.domain.exposure import Exposure, Keeping, Ledger, Recipient, RetentionClock
from anyapi.domain.ids import OWN, AccountId, CredentialId, EndpointId, KeyId, ProviderId
from anyapi.domain.snapshot import Credential, PolicyContext
from anyapi.policy.resolve import Resolved, resolve
from anyapi.policy.scales import TRAINING, counted_days, worse, worse_copies, worse_retention
from anyapi.policy.standing import DAY

_UNSEEN = tuple(
    Facts(web_search=search, image_output=images, audio_output=audio) for search, images, audio in product((False, True), repeat=3)
)
"""What a request may have been that its row does not tell: policies differ by it."""
_ORDER = {Keeping.UNKNOWN: 0, Keeping.INDEFINITELY: 1, Keeping.UNTIL: 2, Keeping.NOTHING: 3}


class Period(msgspec.Struct, frozen=True):
    """A catalogue that was in force from `since` (Unix seconds) until the next one was; None: it is not kept any more."""

    since: float
    catalogue: Catalogue | None


class Known(msgspec.Struct, frozen=True):
    """What was in force for one endpoint and credential on one day, as far as the ledger shows it."""

    provider: ProviderId
    retention: Retention
    flagged: Retention | None
    training: Training
    grade: str
    agreements: tuple[str, ...]
    local: bool
    source_url: str | None
    source_date: str | None
    storage_regions: tuple[str, ...]


class _Line(msgspec.Struct, frozen=True):
    """What requests of one line of the ledger have in common."""

    account: AccountId
    app: str | None
    key: KeyId
    data_class: str | None
    endpoint: EndpointId
    host: ProviderId | None
    known: Known


class _Sum(msgspec.Struct):
    """One line while it is added up."""

    first_at: float
    last_at: float
    requests: int = 0
    held: int = 0


class FactsThen:
    """The facts in force at an instant, found again for each day, catalogue, endpoint and credential once."""

    def __init__(self, periods: Sequence[Period], today: PolicyContext) -> None:
        """`periods` in the order of time; credentials, agreements and contradictions are those of `today`."""
        self._periods, self._starts, self._today = periods, [period.since for period in periods], today
        self._places: dict[int, Mapping[EndpointId, tuple[Endpoint, Provider]]] = {}
        self._found: dict[tuple[int, EndpointId, CredentialId | None, AccountId, float], Known] = {}

    def of(self, sent: Recipient) -> Known:
        """What was known of the endpoint on that day."""
        place = bisect_right(self._starts, sent.first_at) - 1
        key = (place, sent.endpoint, sent.credential, sent.account, math.floor(sent.first_at / DAY))
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._look(place, sent)
        return found

    def _look(self, place: int, sent: Recipient) -> Known:
        catalogue = self._periods[place].catalogue if place >= 0 else None
        if catalogue is None:
            return _nothing_known(sent)
        where = self._places.get(place)
        if where is None:
            where = self._places[place] = _endpoints(catalogue)
        if sent.endpoint not in where:
            return _nothing_known(sent)
        endpoint, provider = where[sent.endpoint]
        context = msgspec.structs.replace(self._today, catalogue=catalogue)
        credential = self._credential(sent, endpoint.provider)
        ways = [resolve(endpoint, provider, credential, sent.account, facts, context, sent.first_at) for facts in _UNSEEN]
        return _known(endpoint, ways)

    def _credential(self, sent: Recipient, provider: ProviderId) -> Credential:
        """The credential that was used. One that is gone declares nothing any more, and no agreement of somebody else's covers it."""
        used = sent.credential or CredentialId("")
        own = self._today.own_credentials.get(sent.account, {})
        known = (*self._today.credentials.get(provider, ()), *own.get(provider, ()))
        owner = sent.account if used.startswith(OWN) else None
        return next((one for one in known if one.id == used), Credential(used, provider, account=owner))


def ledger(sent: Iterable[Recipient], facts: FactsThen, now: float) -> Ledger:
    """Add up requests to the ledger as it stands at `now` (Unix seconds). Each of `sent` lies within one UTC day and one period."""
    lines: dict[_Line, _Sum] = {}
    since, requests = math.inf, 0
    for one in sent:
        known = facts.of(one)
        line = _Line(one.account, one.app, one.key, one.data_class, one.endpoint, one.host, known)
        into = lines.get(line)
        if into is None:
            into = lines[line] = _Sum(one.first_at, one.last_at)
        into.first_at, into.last_at = min(into.first_at, one.first_at), max(into.last_at, one.last_at)
        into.requests += one.requests
        into.held += one.requests * _is_held(clock(known.retention, one.last_at), now)
        since, requests = min(since, one.first_at), requests + one.requests
    entries = sorted((_exposure(line, into, now) for line, into in lines.items()), key=_longest_first)
    return Ledger(now, None if since == math.inf else since, requests, tuple(entries))


def clock(retention: Retention, at: float) -> RetentionClock:
    """How long what was sent until `at` (Unix seconds) is kept, and until when."""
    if retention.kind is RetentionKind.ZERO:
        return RetentionClock(Keeping.NOTHING, 0.0, None)
    if retention.kind is RetentionKind.INDEFINITE:
        return RetentionClock(Keeping.INDEFINITELY, None, None)
    days = counted_days(retention)
    return RetentionClock(Keeping.UNKNOWN, None, None) if days is None else RetentionClock(Keeping.UNTIL, days, at + days * DAY)


def _is_held(kept: RetentionClock, now: float) -> bool:
    return kept.kept is not Keeping.NOTHING and (kept.until is None or now < kept.until)


def _exposure(line: _Line, into: _Sum, now: float) -> Exposure:
    known, main = line.known, clock(line.known.retention, into.last_at)
    return Exposure(
        account=line.account,
        app=line.app,
        key=line.key,
        data_class=line.data_class,
        provider=known.provider,
        endpoint=line.endpoint,
        host=line.host,
        requests=into.requests,
        first_at=into.first_at,
        last_at=into.last_at,
        main=main,
        flagged=None if known.flagged is None else clock(known.flagged, into.last_at),
        held_requests=into.held,
        held=_is_held(main, now),
        purpose=known.retention.purpose,
        training=known.training.value,
        grade=known.grade,
        agreements=known.agreements,
        local=known.local,
        source_url=known.source_url,
        source_date=known.source_date,
        storage_regions=known.storage_regions,
    )


def _longest_first(one: Exposure) -> tuple[object, ...]:
    where = (one.provider, one.endpoint, one.account, one.app or "", one.key, one.data_class or "", one.host or "")
    return (not one.held, _ORDER[one.main.kept], -(one.main.until or 0.0), -one.last_at, *where)


def _endpoints(catalogue: Catalogue) -> Mapping[EndpointId, tuple[Endpoint, Provider]]:
    found = (endpoint for model in catalogue.models.values() for endpoint in model.endpoints)
    return {one.id: (one, catalogue.providers[one.provider]) for one in found if one.provider in catalogue.providers}


def _known(endpoint: Endpoint, ways: Sequence[Resolved]) -> Known:
    """The worse of what may have been in force."""
    first, *others = ways
    retention, flagged, training = first.policy.retention, first.policy.flagged_retention, first.policy.training
    for other in others:
        retention = worse_retention(retention, other.policy.retention)
        flagged = worse_copies(flagged, other.policy.flagged_retention)
        training = worse(TRAINING, training, other.policy.training)
    policy = first.policy
    return Known(
        provider=endpoint.provider,
        retention=retention,
        flagged=flagged,
        training=training,
        grade=policy.grade.value,
        agreements=policy.agreements,
        local=all(way.local for way in ways),
        source_url=policy.source_url,
        source_date=policy.source_date,
        storage_regions=tuple(sorted(policy.storage_regions)),
    )


def _nothing_known(sent: Recipient) -> Known:
    """An endpoint whose record of that day is gone; an endpoint's id begins with its provider's."""
    provider = sent.provider or ProviderId(sent.endpoint.partition("/")[0])
    return Known(
        provider,
        UNKNOWN_RETENTION,
        None,
        Training.UNKNOWN,
        Grade.DECLARED.value,
        (),
        local=False,
        source_url=None,
        source_date=None,
        storage_regions=(),
    )
