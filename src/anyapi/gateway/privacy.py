"""What this gateway stores, field by field: generated from the structs that are stored, so that it cannot drift from the truth.

A field without a purpose here fails a test, and so does a purpose without a field.
"""

from itertools import pairwise
from math import inf
from typing import NamedTuple

from anyapi.audit.entries import RequestEntry
from anyapi.domain.call import App
from anyapi.domain.usage import LATENCY_BOUNDS, DecisionRecord, TokenCount, UsageRow

USAGE: dict[str, str] = {
    "decision": "names one decision, to find it again",
    "at": "when the request was answered",
    "account": "whose activity this is",
    "key": "which API key was used (its public id)",
    "operation": "which API operation was called",
    "model": "catalogue id of the model, or `anyapi/auto` where that found none; else `unknown`",
    "outcome": "how it ended",
    "status": "HTTP status that the caller got",
    "source": "whether the token counts are measured, estimated or unknown",
    "tokens": "token counts, for usage and cost",
    "project": "which project of the account",
    "app": "the five app fields, if the caller sends them",
    "provider": "which provider saw the request",
    "endpoint": "which endpoint saw the request",
    "credential": "name of the provider credential used (never the secret)",
    "data_class": "data class of the request, if one was set",
    "streamed": "whether the answer was streamed",
    "attempts": "number of upstream calls",
    "duration": "response time in seconds",
    "first_token": "time to the first token in seconds",
    "cost": "cost in US dollars, from catalogue prices",
    "host": "which host a router says answered: a provider of the catalogue, else `unrecognised`",
    "evidence": "code of what the provider's own statements came to, held against what was promised",
}
TOKENS: dict[str, str] = {
    "prompt": "prompt tokens",
    "completion": "completion tokens",
    "cached": "prompt tokens read from the provider's cache",
    "reasoning": "completion tokens spent on reasoning",
}
APP: dict[str, str] = {
    "id": "X-AnyAPI-App-ID",
    "name": "X-AnyAPI-App-Name",
    "version": "X-AnyAPI-App-Version",
    "user_id": "X-AnyAPI-App-User-ID",
    "session_id": "X-AnyAPI-App-Session-ID",
}
_BOUNDS = tuple(pairwise((0.0, *LATENCY_BOUNDS, inf)))


def _counts(name: str, what: str) -> dict[str, str]:
    return {f"{name}_{place:02d}": f"how many answers {what} over {low:g} to {high:g} s" for place, (low, high) in enumerate(_BOUNDS)}


USAGE_HOURS: dict[str, str] = {
    "dimension": "what is summed by: all, key, model, provider, outcome, app, host or evidence",
    "account": "whose activity this is",
    "hour": "which hour",
    "label": "which key, model, provider and so on; of apps the name, else the id, and never a user or session",
    "requests": "how many usage rows of that hour",
    "succeeded": "how many of them were answered",
    **{f"{name}_tokens": f"sum of {purpose}" for name, purpose in TOKENS.items()},
    "cost": "sum of the cost in US dollars",
    "unpriced": "how many have no price",
    "unmeasured": "how many have estimated or unknown token counts",
    "contradicted": "how many answers stated otherwise than was promised",
    **_counts("duration", "took"),
    **_counts("first_token", "had their first token after"),
}
DECISION: dict[str, str] = {
    "decision": "names the decision",
    "at": "when it was taken",
    "account": "for which account",
    "key": "for which API key (its public id)",
    "model": "catalogue id of the model, or `anyapi/auto`",
    "requirement": "hash of the requirement in force",
    "catalogue": "version of the catalogue",
    "snapshot": "version of the settings in force",
    "data_classes": "data classes of the request",
    "permitted": "endpoints that were permitted, in order",
    "denied": "endpoints that were denied, with reason codes",
}
AUDIT: dict[str, str] = {
    "account": "for which account: a random id, whose name is forgotten with the account",
    "app": "for which app: a random id of that kind",
    "at": "when the request came",
    "attempts": "number of upstream calls",
    "cached": "prompt tokens read from the provider's cache",
    "completion": "completion tokens",
    "copy_until": "when the provider's copy should be gone, from its data policy",
    "cost": "cost, from catalogue prices",
    "data_class": "data class of the request, if one was set",
    "decision": "names the decision",
    "duration": "response time",
    "evidence": "code of what the provider's own statements came to",
    "first_token": "time to the first token",
    "flagged_until": "when the provider's copy of flagged content should be gone",
    "host": "which host a router says answered: a provider of the catalogue, else `unrecognised`",
    "key": "which API key: a random id, whose name is forgotten with the account",
    "kind": "what kind of entry it is",
    "model": "catalogue id of the model, or `anyapi/auto` where that found none; else `unknown`",
    "operation": "which API operation was called",
    "outcome": "how it ended",
    "prompt": "prompt tokens",
    "reasoning": "completion tokens spent on reasoning",
    "recorded": "place of the decision record in the log",
    "ruling": "place in the log of what was decided: endpoints permitted with their facts, endpoints denied with reason codes",
    "source": "whether the token counts are measured, estimated or unknown",
    "status": "HTTP status that the caller got",
    "streamed": "whether the answer was streamed",
    "used": "which of the permitted endpoints was used",
}
TABLES = ((UsageRow, USAGE), (TokenCount, TOKENS), (App, APP), (DecisionRecord, DECISION), (RequestEntry, AUDIT))
"""Each stored struct with the purposes of its fields; a test holds them against each other."""

ACCOUNTS: dict[str, str] = {
    "id": "names the account",
    "name": "shown to people",
    "created_at": "when it was made",
    "usage_days": "how long its usage rows are kept, if other than the default",
}
PROJECTS: dict[str, str] = {
    "id": "names the project",
    "account": "whose project it is",
    "name": "shown to people",
    "created_at": "when it was made",
}
KEYS: dict[str, str] = {
    "id": "public id of the API key",
    "prefix": "its first characters, so that people can tell keys apart",
    "sha256": "SHA-256 of the key, to recognise it; the key itself is not stored",
    "account": "whose key it is",
    "created_at": "when it was made",
    "project": "which project of the account",
    "name": "shown to people",
    "expires_at": "when it ends",
    "revoked_at": "when it was revoked",
}
CREDENTIALS: dict[str, str] = {
    "id": "names the provider credential that an account brought",
    "account": "whose it is; it serves no other account",
    "provider": "which provider it is for",
    "tier": "what the account says that it pays for",
    "name": "shown to people",
    "declared": "regions, terms, address variables and agreements that the account declares about it",
    "key_id": "which root key it is sealed under; the root key itself is not stored",
    "wrapped": "its data key, sealed under the root key (AES-256-GCM)",
    "ciphertext": "the provider's key, sealed under the data key (AES-256-GCM)",
    "version": "how often it was sealed",
    "created_at": "when it was added",
    "disabled_at": "when it was revoked; what was sealed and declared is deleted then",
}
SETTINGS: dict[str, str] = {
    "layer": "gateway, account, project or key",
    "subject": "id of the account, project or key",
    "body": "the privacy settings of that layer",
    "changed_at": "when they were changed",
}
STARTS: dict[str, str] = {
    "id": "names one start of the gateway",
    "started_at": "when it started",
    "unknown": "how many accepted requests had no usage row when it ended",
    "ended_at": "when that was counted",
}
PEOPLE: dict[str, str] = {
    "id": "names the person",
    "email": "to sign in, and to be reached",
    "name": "shown to other members",
    "password": "argon2id hash of the password; the password itself is not stored",
    "operator": "whether they run this gateway",
    "created_at": "when they joined",
    "disabled_at": "when they were shut out",
}
MEMBERS: dict[str, str] = {
    "account": "of which account",
    "person": "who is a member",
    "role": "what they may do there",
    "since": "since when",
}
SESSIONS: dict[str, str] = {
    "sha256": "SHA-256 of the session's token, to recognise it; the token itself is not stored",
    "person": "who is signed in",
    "created_at": "when they signed in",
    "seen_at": "when the session was last used, to the minute",
}
LINKS: dict[str, str] = {
    "sha256": "SHA-256 of a one-time link's token; the token itself is not stored",
    "kind": "what the link does",
    "expires_at": "until when it works",
    "account": "into which account it invites",
    "role": "as what",
    "email": "whom it invites",
}
CHANGES: dict[str, str] = {
    "at": "when something was changed",
    "account": "in which account",
    "person": "who changed it",
    "what": "what kind of change it was",
    "subject": "id of what was changed",
    "before": "the settings before it",
    "after": "the settings after it",
}
CONTRADICTIONS: dict[str, str] = {
    "endpoint": "which endpoint's promise was contradicted by what its provider stated",
    "credential": "with which provider credential it was used (its name)",
    "code": "what was contradicted",
    "decision": "the decision whose answer stated it first",
    "at": "when",
    "host": "which host was named, if that was it: a provider of the catalogue, else `unrecognised`",
    "cleared_at": "since when it counts no more",
}
AUDIT_ENTRIES: dict[str, str] = {
    "position": "its place in the audit log",
    "ref": "the decision, change or key that it is about, to find it by",
    "entry": "what was decided, done, changed or started, in the fields listed here; random ids for accounts, keys, apps and people",
}
AUDIT_TILES: dict[str, str] = {
    "level": "the height in the hash tree",
    "number": "the place at that height",
    "hashes": "256 hashes of entries, or of such hashes",
    "root": "the hash over them",
}
AUDIT_CHECKPOINTS: dict[str, str] = {
    "size": "how many entries it is signed for",
    "note": "the signed note",
}
AUDIT_NAMES: dict[str, str] = {
    "log_id": "a random id of the audit log",
    "kind": "account, key, project, app, person or credential",
    "account": "whose it is",
    "subject": "what it stands for",
}
AUDIT_PENDING: dict[str, str] = {
    "id": "names the change",
    "at": "when it was made",
    "kind": "what kind of change it was",
    "body": "ids, settings and roles; no name, no address and no secret",
}
CONFIGURED = (
    ("accounts", ACCOUNTS, "until the operator deletes it"),
    ("projects", PROJECTS, "until the operator deletes it"),
    ("keys", KEYS, "until the operator deletes it; a revoked key is kept so that its usage has a name"),
    ("credentials", CREDENTIALS, "until revoked; then only its name and dates are kept, so that its usage has a name"),
    ("settings", SETTINGS, "until changed"),
    ("people", PEOPLE, "until the operator deletes it"),
    ("members", MEMBERS, "until removed"),
    ("sessions", SESSIONS, "until signed out, 12 hours without use, or 7 days"),
    ("links", LINKS, "until used, or 7 days"),
    ("changes", CHANGES, "kept: who changed what when"),
    ("starts", STARTS, "kept; nothing about requests but their number"),
    ("audit_entries", AUDIT_ENTRIES, "kept: nothing of the audit log is ever altered or deleted"),
    ("audit_tiles", AUDIT_TILES, "kept; hashes of entries"),
    ("audit_checkpoints", AUDIT_CHECKPOINTS, "kept; what anybody may be shown of the log's state"),
    ("audit_names", AUDIT_NAMES, "until the account, or the person, is deleted: then the log's ids lead to nobody"),
    ("audit_pending", AUDIT_PENDING, "until it is entered into the audit log, about a second"),
    ("contradictions", CONTRADICTIONS, "kept; one for each endpoint, credential and code until the operator clears it"),
)
"""What people set up, rather than what requests leave behind; a test holds it against the tables of the store."""


class Disclosure(NamedTuple):
    """The part of the inventory that depends on the running configuration."""

    usage_ttl_days: float
    scrubbing: bool
    scrubbing_checked: bool
    policy_url: str | None
    terms_url: str | None
    contact: str | None
    catalogue_version: str


def inventory(running: Disclosure) -> dict[str, object]:
    """The machine-readable list that `/v1/privacy` serves."""
    usage = [{"field": name, "purpose": purpose} for name, purpose in USAGE.items() if name not in {"tokens", "app"}]
    usage += [{"field": f"tokens.{name}", "purpose": purpose} for name, purpose in TOKENS.items()]
    usage += [{"field": f"app.{name}", "purpose": purpose} for name, purpose in APP.items()]
    decisions = listed(DECISION)
    return {
        "content_stored": False,
        "statement": "No prompt, response, tool argument, file or fragment of one is stored or logged, on any path; nor a hash of one.",
        "stored": [
            {"record": "usage", "ttl_days": running.usage_ttl_days, "fields": usage},
            {
                "record": "usage_hours",
                "ttl_days": running.usage_ttl_days,
                "note": "Sums of the usage rows that are kept; what a row added is taken away when it is deleted.",
                "fields": listed(USAGE_HOURS),
            },
            {
                "record": "decision",
                "ttl_days": None,
                "note": "Only for requests of the data classes confidential and regulated; durable before anything is sent. About a second "
                "later it stands in the audit log, under random ids for account and key, and only there. Never altered.",
                "fields": decisions,
            },
            {
                "record": "audit_request",
                "ttl_days": None,
                "note": "How each request ended, as the audit log keeps it; the operator may leave out the classes public and internal.",
                "fields": listed(AUDIT),
            },
            *({"record": name, "ttl_days": None, "note": kept, "fields": listed(fields)} for name, fields, kept in CONFIGURED),
        ],
        "prompt_logging": {"available": False},
        "sampling": {"available": False},
        "telemetry": {"sent_to_anyone": False},
        "memory_scrubbing": {"on": running.scrubbing, "verified_at_start": running.scrubbing_checked},
        "outbound": "Only to providers that the operator configured.",
        "policy_url": running.policy_url,
        "terms_url": running.terms_url,
        "contact": running.contact,
        "catalogue_version": running.catalogue_version,
    }


def listed(fields: dict[str, str]) -> list[dict[str, str]]:
    """Fields with their purposes, as the inventory shows them."""
    return [{"field": name, "purpose": purpose} for name, purpose in fields.items()]
