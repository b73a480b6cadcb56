"""What one entry of the log says, as the bytes that are hashed: JSON with sorted keys, whole numbers and texts alone.

Times are Unix milliseconds, durations microseconds, costs billionths of a US dollar. Accounts, keys, apps and people stand in it under
random ids (`log_id`), whose names are kept elsewhere and can be forgotten. No content; a hash of it only under a salt that its sender has.
"""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from anyapi.audit.notes import PublicKey
from anyapi.audit.tiles import LARGEST_ENTRY
from anyapi.domain.data_policy import DataPolicy, Retention, RetentionKind
from anyapi.domain.decision import Candidate, Decision
from anyapi.domain.ids import OWN, CredentialId, EndpointId
from anyapi.domain.usage import DecisionRecord, Recipients, UsageRow, UsageSource
from anyapi.errors import AuditError

DAY_MS = 86_400_000

LogId: TypeAlias = Callable[[str, str, str], str]
"""Gives the random id of a thing, from its kind, its account (or nothing) and its own id."""

_encode = msgspec.json.Encoder().encode
_sorted = msgspec.json.Encoder(order="sorted").encode
_KINDS = {name: name for name in ("account", "key", "project", "person", "provisioning", "recipient")} | {
    "lineage": "key",
    "member": "person",
}
"""Fields of a change that hold an id which must be forgettable, and what it is the id of."""


_Until: TypeAlias = int | msgspec.UnsetType | None


class RequestEntry(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """How one accepted request ended. INVARIANT: the fields are in alphabetical order, as they are written."""

    account: str
    app: str | None = None
    at: int = 0
    attempts: int = 0
    cached: int = 0
    commitment: str | None = None
    """HMAC-SHA-256 over body and decision under a salt that only the caller has, if the caller asked for one."""
    completion: int = 0
    copy_until: int | msgspec.UnsetType | None = msgspec.UNSET
    """When the last provider's copy should be gone; null where no end is known; absent where nothing was sent."""
    cost: int | None = None
    data_class: str | None = None
    decision: str = ""
    duration: int = 0
    evidence: str | None = None
    first_token: int | None = None
    flagged_until: int | msgspec.UnsetType | None = msgspec.UNSET
    """The same for what the provider keeps of flagged content; absent where the catalogue knows of no such copy."""
    host: str | None = None
    key: str = ""
    kind: Literal["request", ""] = ""
    model: str = ""
    operation: str = ""
    outcome: str = ""
    prompt: int = 0
    reasoning: int = 0
    recorded: int | None = None
    """Where its decision record stands, which was on the disk before anything was sent."""
    ruling: int = -1
    """Where the ruling stands that it was decided by."""
    sent: tuple[int, ...] | None = None
    """Which of the ruling's permitted endpoints it was written to, in order, if not to `used` alone: after a failover, or to none."""
    source: UsageSource | Literal[""] = ""
    status: int = 0
    streamed: bool = False
    used: int | None = None
    """Which of the ruling's permitted endpoints was used last."""


class Keeps(NamedTuple):
    """A permitted endpoint of a ruling: its place, and how long the provider keeps what it is sent (milliseconds; None: no end known)."""

    place: int
    copy: int | None
    flagged: int | msgspec.UnsetType | None


_UNNAMED = Keeps(-1, None, msgspec.UNSET)
"""What a ruling does not say of an endpoint: no end is known."""


Permitted: TypeAlias = Mapping[tuple[EndpointId | None, CredentialId | None], Keeps]
"""What a ruling permits, by endpoint and credential."""


class Ruling(NamedTuple):
    """What many requests are decided by: its entry, and what a request's entry needs of it."""

    entry: bytes
    permitted: Permitted


def ruling_of(decisions: tuple[Decision, ...]) -> Ruling:
    """The ruling over the models of a request. Raises `AuditError` for one that is too large for the log."""
    candidates = [candidate for decision in decisions for candidate in decision.permitted]
    body = {
        "catalogue": decisions[0].catalogue,
        "denied": [
            {"endpoint": denial.endpoint.id, "model": denial.endpoint.model, "reasons": [reason.code.value for reason in denial.reasons]}
            for decision in decisions
            for denial in decision.denied
        ],
        "kind": "ruling",
        "models": [decision.model for decision in decisions],
        "permitted": [_permitted(candidate) for candidate in candidates],
        "requirement": decisions[0].requirement,
    }
    keeps: dict[tuple[EndpointId | None, CredentialId | None], Keeps] = {}
    for place, each in enumerate(candidates):
        flagged = msgspec.UNSET if each.policy.flagged_retention is None else _kept(each.policy.flagged_retention)
        keeps.setdefault((each.endpoint.id, each.credential), Keeps(place, _kept(each.policy.retention), flagged))
    return Ruling(_checked(_sorted(body)), keeps)


def _permitted(candidate: Candidate) -> dict[str, object]:
    """A permitted endpoint with the facts that permitted it, and where they come from."""
    policy, own = candidate.policy, candidate.credential.startswith(OWN)
    facts: dict[str, object] = {
        "endpoint": candidate.endpoint.id,
        "model": candidate.endpoint.model,
        "provider": candidate.endpoint.provider,
        "credential": OWN if own else candidate.credential,
        "local": candidate.local,
        "agreements": [] if own else sorted(policy.agreements),
        "flagged_retention": None if policy.flagged_retention is None else _retention(policy.flagged_retention),
        "retention": _retention(policy.retention),
        **_facts(policy),
    }
    return {name: value for name, value in facts.items() if value not in (None, [], "")}


def _facts(policy: DataPolicy) -> dict[str, object]:
    return {
        "training": policy.training.value,
        "zero_retention": policy.zero_retention.value,
        "human_review": policy.human_review.value,
        "grade": policy.grade.value,
        "training_confidence": policy.training_confidence.value,
        "retention_confidence": policy.retention_confidence.value,
        "expired": policy.expired,
        "certifications": sorted(policy.certifications),
        "regions": sorted(policy.regions),
        "contradictions": sorted(policy.contradictions),
        "source_url": policy.source_url,
        "source_date": policy.source_date,
        "verified_at": None if policy.verified_at is None else policy.verified_at.isoformat(),
        "valid_until": None if policy.valid_until is None else policy.valid_until.isoformat(),
    }


def _retention(retention: Retention) -> dict[str, object]:
    """Days as whole milliseconds: the log holds no fractions."""
    length = None if retention.days is None else round(retention.days * DAY_MS)
    return {name: value for name, value in (("kind", retention.kind.value), ("milliseconds", length)) if value is not None}


def _kept(retention: Retention) -> int | None:
    """How long a copy is kept, in milliseconds; `limited` with 0 days is under one day."""
    if retention.kind is RetentionKind.ZERO:
        return 0
    if retention.kind not in (RetentionKind.LIMITED, RetentionKind.COMPLIANCE) or retention.days is None:
        return None
    return round(retention.days * DAY_MS) or DAY_MS


def request_entry(
    row: UsageRow, ids: tuple[str, str, str | None], place: int, permitted: Permitted, recorded: int | None, commitment: str | None = None
) -> bytes:
    """The entry of a usage row. `ids` are those of account, key and app.

    In the log `place` is where the ruling stands, which permits `permitted`, and `recorded` where the decision record does.
    """
    at, tokens, end = round(row.at * 1000), row.tokens, round((row.at + row.duration) * 1000)
    keeps, sent = permitted.get((row.endpoint, row.credential)), None
    until: _Until = msgspec.UNSET
    flagged: _Until = msgspec.UNSET
    if row.sent_to is not None:
        sent, until, flagged = _held_by(permitted, row.sent_to, end)
    elif keeps is not None and row.attempts:
        until = None if keeps.copy is None else end + keeps.copy
        flagged = end + keeps.flagged if isinstance(keeps.flagged, int) else keeps.flagged
    return _encode(
        RequestEntry(
            ids[0],
            ids[2],
            at,
            row.attempts,
            tokens.cached,
            commitment,
            tokens.completion,
            until,
            None if row.cost is None else round(row.cost * 1e9),
            row.data_class,
            row.decision,
            round(row.duration * 1e6),
            row.evidence,
            None if row.first_token is None else round(row.first_token * 1e6),
            flagged,
            row.host,
            ids[1],
            "request",
            row.model,
            row.operation,
            row.outcome,
            tokens.prompt,
            tokens.reasoning,
            recorded,
            place,
            sent,
            row.source,
            row.status,
            row.streamed,
            None if keeps is None else keeps.place,
        )
    )


def _held_by(permitted: Permitted, sent_to: Recipients, end: int) -> tuple[tuple[int, ...], _Until, _Until]:
    """The places of all who were sent a request, and when the last copy should be gone, and the last of flagged content.

    No end known of one is none known of all.
    """
    holders = [permitted.get(each, _UNNAMED) for each in dict.fromkeys(sent_to)]
    sent = tuple(each.place for each in holders if each is not _UNNAMED)
    flagged = [each.flagged for each in holders if not isinstance(each.flagged, msgspec.UnsetType)]
    until: _Until = _latest(end, [each.copy for each in holders]) if holders else msgspec.UNSET
    return sent, until, _latest(end, flagged) if flagged else msgspec.UNSET


def _latest(end: int, kept: list[int | None]) -> int | None:
    known = [each for each in kept if each is not None]
    return end + max(known) if len(known) == len(kept) else None


def decision_entry(record: DecisionRecord, log_id: LogId) -> bytes:
    """The entry of a decision record. Raises `AuditError` for one that is too large."""
    values = {
        "account": log_id("account", record.account, record.account),
        "at": round(record.at * 1000),
        "catalogue": record.catalogue,
        "data_classes": record.data_classes,
        "decision": record.decision,
        "denied": record.denied,
        "key": log_id("key", record.account, record.key),
        "kind": "decision",
        "model": record.model,
        "permitted": record.permitted,
        "requirement": record.requirement,
        "snapshot": record.snapshot,
    }
    return _checked(_encode(values))


def change_entry(number: str, at: int, kind: str, body: str, log_id: LogId) -> bytes:
    """The entry of a change that waited under the id `number`; `body` is its JSON, with ids that are replaced here.

    `subject` is the id of what `layer` says; the gateway's layer has none.
    """
    given = msgspec.json.decode(body, type=dict[str, str | int | None])
    account, subject = str(given.get("account") or ""), given.pop("subject", None)
    if given.get("layer") in _KINDS:
        given[str(given["layer"])] = subject
    values: dict[str, object] = {"at": at, "id": number, "kind": kind}
    for name, value in given.items():
        if value is not None:
            kind_of = _KINDS.get(name, "credential" if name == "credential" and str(value).startswith(OWN) else None)
            values[name] = value if kind_of is None else log_id(kind_of, "" if kind_of == "person" else account, str(value))
    return _checked(_sorted(values))


def own_entry(kind: str, at: int, values: Mapping[str, str | int]) -> bytes:
    """An entry of the log's own: a start, a key, a gap."""
    return _checked(_sorted({**values, "at": at, "kind": kind}))


def key_entry(key: PublicKey, at: int) -> tuple[str, bytes]:
    """The reference and the entry that announces a key by which the log's checkpoints are signed."""
    return f"k:{key.fingerprint}", own_entry("key", at, {"key": str(key)})


def announced_key(entry: bytes) -> PublicKey:
    """The key that a key entry announces. Raises `AuditError`."""
    try:
        return PublicKey.parse(msgspec.json.decode(entry, type=dict[str, str | int])["key"])  # type: ignore[arg-type]
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, AttributeError):
        raise AuditError("not an entry that announces a key") from None


def ref_of(entry: bytes) -> str | None:
    """The reference under which an entry must stand in the store: made of what it says, so that a changed one is found."""
    try:
        held = msgspec.json.decode(entry, type=dict[str, msgspec.Raw])
        texts = {name: msgspec.json.decode(held[name], type=str) for name in ("kind", "decision", "id", "key") if name in held}
        kind = texts["kind"]
        if kind in ("decision", "request"):
            return f"{kind[0]}:{texts['decision']}"
        if kind == "key":
            return f"k:{announced_key(entry).fingerprint}"
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError):
        raise AuditError("an entry is not what this product writes") from None
    return f"c:{texts['id']}" if "id" in texts else None


def _checked(entry: bytes) -> bytes:
    if len(entry) > LARGEST_ENTRY:
        raise AuditError("an entry is too large for the log")
    return entry
