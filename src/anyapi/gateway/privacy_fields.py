"""Every field that is stored, with what it is for. One without a purpose here fails a test, and so does a purpose without a field."""

from itertools import pairwise
from math import inf

from anyapi.audit.entries import RequestEntry
from anyapi.domain.call import App
from anyapi.domain.usage import LATENCY_BOUNDS, DecisionRecord, TokenCount, UsageRow
from anyapi.gateway.privacy_fields_public import PUBLIC
from anyapi.gateway.privacy_fields_sealed import SEALED

USAGE: dict[str, str] = {
    "number": "in which order rows were written, so that each is added to the sums once",
    "decision": "names one decision, to find it again",
    "at": "when the request came",
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
    "provider": "which provider was called last; whether it was sent the request says `sent_to`",
    "endpoint": "which endpoint that was",
    "credential": "name of the provider credential used (never the secret)",
    "data_class": "data class of the request, if one was set",
    "streamed": "whether the answer was streamed",
    "attempts": "number of upstream calls",
    "duration": "response time in seconds",
    "first_token": "time to the first token in seconds",
    "cost": "cost in US dollars, from catalogue prices",
    "host": "which host a router says answered: a provider of the catalogue, else `unrecognised`",
    "evidence": "code of what the provider's own statements came to, held against what was promised",
    "sent_to": "which endpoints were sent the request, where that is not the one above once; an empty list where no connection was made "
    "to a provider. What the exposure ledger is made of",
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
    spans = [f"{low:g} s" if high == inf else f"{low:g} to {high:g} s" for low, high in _BOUNDS]
    return {f"{name}_{place:02d}": f"how many answers {what} over {span}" for place, span in enumerate(spans)}


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
    "at": "when the request came, in milliseconds since 1970",
    "attempts": "number of upstream calls",
    "cached": "prompt tokens read from the provider's cache",
    "commitment": "if the caller asked for it: a keyed hash over body and decision under a salt that only the caller has",
    "completion": "completion tokens",
    "copy_until": "when the last provider's copy should be gone by its policy, in milliseconds since 1970; null: no end is known",
    "cost": "cost in billionths of a US dollar, from catalogue prices",
    "data_class": "data class of the request, if one was set",
    "decision": "names the decision",
    "duration": "response time in microseconds",
    "evidence": "code of what the provider's own statements came to",
    "first_token": "time to the first token in microseconds",
    "flagged_until": "the same of copies of flagged content",
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
    "sent": "which of the permitted endpoints were sent the request, where that is not `used` once; empty where no connection was made",
    "source": "whether the token counts are measured, estimated or unknown",
    "status": "HTTP status that the caller got",
    "streamed": "whether the answer was streamed",
    "used": "which of the permitted endpoints was called last",
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
    "spend_cap": "the most that it may spend in US dollars",
    "period": "how often that begins anew",
    "requests_per_minute": "how many requests it may make a minute",
    "disabled_at": "since when it is disabled",
    "lineage": "the key that it or its predecessors replaced first: they share their limits",
}
SPENDING: dict[str, str] = {
    "account": "which account spent it",
    "lineage": "which API key, or those that replaced it (the public id of the first)",
    "day": "on which UTC day",
    "cost": "how much in US dollars, from catalogue prices: what spend caps go by",
}
SLICES: dict[str, str] = {
    "account": "whose key it is",
    "lineage": "which API key, or those that replaced it (the public id of the first)",
    "worker": "which worker has leased it",
    "amount": "how much of the spend cap that worker may use or has set aside, in billionths of a US dollar",
    "requests": "how many requests it may make",
    "ends_at": "when it is free again, if the worker says nothing any more",
}
RECENT_REQUESTS: dict[str, str] = {
    "account": "whose key it is",
    "lineage": "which API key, or those that replaced it (the public id of the first)",
    "second": "in which second",
    "requests": "how many requests it made: what requests a minute go by",
}
PROVISIONING_KEYS: dict[str, str] = {
    "id": "public id of a key that manages API keys",
    "prefix": "its first characters, so that people can tell keys apart",
    "sha256": "SHA-256 of the key, to recognise it; the key itself is not stored",
    "account": "whose keys it manages",
    "created_at": "when it was made",
    "name": "shown to people",
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
IDENTITIES: dict[str, str] = {
    "issuer": "which sign-in service the operator configured",
    "subject": "what that service calls the person",
    "person": "who it is here",
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
PRIVACY_REQUESTS: dict[str, str] = {
    "id": "names a request to the privacy team",
    "account": "whose request it is",
    "person": "who asked",
    "kind": "access, deletion, correction, objection or question",
    "status": "how far it is",
    "opened_at": "when it was asked",
    "due_at": "by when it is to be answered",
    "changed_at": "when something was last said or changed",
}
PRIVACY_MESSAGES: dict[str, str] = {
    "id": "names a message",
    "account": "whose request it belongs to",
    "request": "which request it belongs to",
    "person": "who wrote it",
    "from_team": "whether the privacy team wrote it",
    "at": "when",
    "words": "what a person wrote to the privacy team, or the team to them; never a prompt or an answer of a model",
}
PRIVACY_NOTICES: dict[str, str] = {
    "id": "names a notice about a request",
    "account": "whose request it is about",
    "at": "when",
    "kind": "what is to be told",
    "facts": "ids and codes of it; nobody's words",
    "sent_at": "when it was sent by e-mail or webhook, if those are set up",
}
CLOSINGS: dict[str, str] = {
    "account": "which account is being deleted",
    "since": "since when; the note goes with the account",
}
CATALOGUES: dict[str, str] = {
    "version": "SHA-256 of a catalogue of providers and models",
    "body": "the catalogue, kept as long as there are usage rows of its time",
    "added_at": "when it came in",
}
CATALOGUE_UPDATES: dict[str, str] = {
    "number": "counts the updates of the catalogue",
    "at": "when it came in",
    "person": "who brought it (the operator's id, or the command line)",
    "source": "from where: the start, a file, an address, the dashboard",
    "base": "version of what was installed",
    "pinned": "whether it was installed although it is older",
    "effective": "version in force, with the operator's own records",
    "previous": "version in force before",
    "changes": "what changed in the catalogue",
    "accounts": "how many accounts there were to tell",
    "told": "how many were told",
    "told_at": "when all were",
}
HOLDS: dict[str, str] = {
    "account": "which account reviews first",
    "subject": "which provider or endpoint an update changed",
    "number": "by which update",
    "before": "the catalogue's record of it before",
    "since": "since when",
    "accepted_at": "when somebody accepted it",
    "accepted_by": "who (the person's id)",
}
REVIEW_SETTINGS: dict[str, str] = {
    "account": "which account",
    "review_first": "whether what an update loosens waits for a person",
    "remind_days": "after how many days to remind of a review",
    "email": "whether owners and admins get e-mails",
    "webhook_url": "where notifications are sent",
    "key_id": "which root key the webhook's secret is sealed under",
    "wrapped": "its data key, sealed under the root key (AES-256-GCM)",
    "ciphertext": "the webhook's secret, sealed under the data key (AES-256-GCM)",
    "version": "how often it was sealed",
    "reviewed_at": "when somebody last reviewed",
    "reminded_at": "when the account was last reminded",
}
NOTIFICATIONS: dict[str, str] = {
    "id": "names the notification",
    "account": "who is told",
    "at": "when",
    "kind": "of what kind it is",
    "subject": "what it is about, so that nothing is told twice",
    "body": "providers, models, endpoints, numbers and dates",
}
NOTICES_SEEN: dict[str, str] = {
    "account": "in which account",
    "person": "who has seen the notifications",
    "until": "up to when",
}
DELIVERIES: dict[str, str] = {
    "id": "names one e-mail or webhook call",
    "account": "for which account",
    "notification": "what is sent",
    "channel": "by e-mail or webhook",
    "person": "to whom the e-mail goes (their id)",
    "next_at": "when it is tried next",
    "attempts": "how often it was tried",
    "ended_at": "when it arrived or was given up",
    "code": "how the last attempt ended",
}
CONFIGURED = (
    ("accounts", ACCOUNTS, "until it is deleted"),
    ("projects", PROJECTS, "until the account is deleted"),
    ("keys", KEYS, "until the account is deleted; a revoked key is kept so that its usage has a name"),
    ("spending", SPENDING, "by day for 62 days (older ones are summed up at the next start), the sum until the account is deleted"),
    ("slices", SLICES, "while a worker uses the key, in PostgreSQL alone"),
    ("recent_requests", RECENT_REQUESTS, "about a minute, in PostgreSQL alone"),
    ("provisioning_keys", PROVISIONING_KEYS, "until the account is deleted; a revoked key is kept so that what it changed has a name"),
    ("credentials", CREDENTIALS, "until revoked; then only its name and dates are kept, so that its usage has a name"),
    ("settings", SETTINGS, "until changed"),
    ("people", PEOPLE, "until the last account that they belong or belonged to is deleted, or the operator deletes them"),
    ("members", MEMBERS, "until removed"),
    ("identities", IDENTITIES, "until the person is deleted"),
    ("sessions", SESSIONS, "until signed out, 12 hours without use, or 7 days"),
    ("links", LINKS, "until used, or 7 days"),
    ("changes", CHANGES, "until the account is deleted: who changed what when"),
    ("privacy_requests", PRIVACY_REQUESTS, "until 365 days after the last change, once answered or closed"),
    ("privacy_messages", PRIVACY_MESSAGES, "as long as their request"),
    ("privacy_notices", PRIVACY_NOTICES, "30 days"),
    ("closings", CLOSINGS, "until the account is gone, seconds to minutes"),
    ("usage_added", {"number": "up to which usage row the hourly sums are made"}, "one number, kept"),
    ("starts", STARTS, "kept; nothing about requests but their number"),
    ("catalogues", CATALOGUES, "until an update replaces it and no usage row of its time is kept, for the exposure ledger"),
    ("catalogue_updates", CATALOGUE_UPDATES, "kept; nothing about accounts or people but who brought it"),
    ("holds", HOLDS, "until the account is deleted: who accepted what when"),
    ("review_settings", REVIEW_SETTINGS, "until changed"),
    ("notifications", NOTIFICATIONS, "400 days"),
    ("notices_seen", NOTICES_SEEN, "until the account is deleted"),
    ("deliveries", DELIVERIES, "400 days"),
    *PUBLIC,
    *SEALED,
    ("contradictions", CONTRADICTIONS, "kept; one for each endpoint, credential and code until the operator clears it"),
)
"""What people set up, rather than what requests leave behind; a test holds it against the tables of the store."""
