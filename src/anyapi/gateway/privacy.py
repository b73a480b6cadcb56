"""What this gateway stores, field by field: made of `privacy_fields`, so that it cannot drift from the truth."""

from collections.abc import Mapping
from typing import NamedTuple

from anyapi.gateway.privacy_fields import APP, AUDIT, CONFIGURED, DECISION, TOKENS, USAGE, USAGE_HOURS
from anyapi.gateway.privacy_fields_outside import OUTSIDE
from anyapi.ranking.terms import DELTA, EPSILON, SHOWN_FROM


class Disclosure(NamedTuple):
    """The part of the inventory that depends on the running configuration."""

    usage_ttl_days: float
    scrubbing: bool
    scrubbing_checked: bool
    policy_url: str | None
    terms_url: str | None
    contact: str | None
    catalogue_version: str
    control_url: str | None = None
    """Where the control plane answers; told to whoever looks for it here."""
    answer_days: float = 30.0
    """Within how many days the privacy team means to answer."""
    dumps_forbidden: bool = False
    """No core dumps, and other processes of the same user cannot attach."""
    swap: str = "unknown"
    """Whether memory may be written to swap: `off`, `possible`, `unknown`."""
    sampled_share: float | None = None
    """Of requests, for the ranking of models; None if nothing is sampled."""
    spans: Mapping[str, str] | None = None
    """The attributes of spans with their purposes; None where nothing is traced."""
    unrecorded: frozenset[str | None] = frozenset()
    """Data classes whose requests the audit log leaves out (None: requests that name none)."""


def inventory(running: Disclosure) -> dict[str, object]:
    """The machine-readable list that `/v1/privacy` serves."""
    return {
        "content_stored": False,
        "statement": "No prompt, response, tool argument, file or fragment of one is stored or logged, on any path, in a form that this "
        "gateway can read; nor a hash of one, but the keyed hash that a request itself asks for, under a salt that only its sender has "
        "(X-AnyAPI-Commitment-Salt). An account may opt into a prompt log: what it keeps is sealed to the public keys in its list of "
        "readers before it is stored. This gateway cannot read it, nor can its operator, unless that list has a key of theirs.",
        "stored": stored(running.usage_ttl_days, running.unrecorded),
        "prompt_logging": {
            "available": True,
            "default": "off",
            "opt_in": "by account, project or key; a request that says `store: false` is never kept",
            "sealed_with": "age-encryption.org/v1 (X25519), to public keys that the account registers",
            "readable_here": False,
        },
        "sampling": sampling(running.sampled_share),
        "telemetry": telemetry(running.spans),
        "memory_scrubbing": {"on": running.scrubbing, "verified_at_start": running.scrubbing_checked},
        "process": {"core_dumps": not running.dumps_forbidden, "attachable": not running.dumps_forbidden, "swap": running.swap},
        "outbound": "Only to providers, the sign-in service, the mail server, the privacy team's webhook, the address of catalogue "
        "updates and the collector of traces that the operator configured, and to webhooks that accounts name; an e-mail, a webhook and a "
        "trace hold metadata alone.",
        "policy_url": running.policy_url,
        "terms_url": running.terms_url,
        "contact": running.contact,
        "answer_days": running.answer_days,
        "catalogue_version": running.catalogue_version,
    }


def telemetry(spans: Mapping[str, str] | None) -> dict[str, object]:
    """What is said of telemetry: none, but for the traces that the operator has sent to a collector of their own."""
    if spans is None:
        return {"sent_to_anyone": False}
    return {
        "sent_to_anyone": True,
        "to": "the operator's collector of traces, and nobody else",
        "what": "Up to two spans of a request: when it began and ended, and these fields. No account, key, project or app is part of it. "
        "A request with a `traceparent` joins that trace, by the ids that its caller sent; one whose flags say that it is not recorded has "
        "no span. How long they are kept there, the operator decides.",
        "fields": listed(spans),
    }


def sampling(share: float | None) -> dict[str, object]:
    """What is said of the anonymous sampling for the ranking of models."""
    if share is None:
        return {"available": False}
    return {
        "available": True,
        "share": share,
        "what": "The topic of the request, out of a dozen, and the model. The text is looked at on this server and dropped at once; in "
        "memory stays at most one topic and model of an account and week, under a token whose key is in memory alone. No account, key, "
        "time, token count or order is part of it.",
        "released": "once a week: counts of accounts with noise, from a stated count on (/v1/rankings)",
        "epsilon": EPSILON,
        "delta": DELTA,
        "shown_from": SHOWN_FROM,
        "never": ["confidential", "regulated"],
        "opt_out": "per account, in the dashboard; what was counted of it in the week is taken back",
        "ttl_days": 7,
    }


def stored(usage_ttl_days: float, unrecorded: frozenset[str | None] = frozenset()) -> list[dict[str, object]]:
    """Every record with its fields, their purposes, and how long it is kept; accounts' archives are made by the same list."""
    usage = [{"field": name, "purpose": purpose} for name, purpose in USAGE.items() if name not in {"tokens", "app"}]
    usage += [{"field": f"tokens.{name}", "purpose": purpose} for name, purpose in TOKENS.items()]
    usage += [{"field": f"app.{name}", "purpose": purpose} for name, purpose in APP.items()]
    note = (
        "Only for requests of the data classes confidential and regulated; durable before anything is sent. About a second later it stands "
        "in the audit log, under random ids for account and key, and only there. Never altered, but for one thing: those that still wait "
        "when their account is deleted have the account replaced by a random name, and the key by the word `deleted`."
    )
    kept_records: list[dict[str, object]] = [
        {"record": name, "ttl_days": None, "note": kept, "fields": listed(fields)} for name, fields, kept in (*CONFIGURED, *OUTSIDE)
    ]
    return [
        {"record": "usage", "ttl_days": usage_ttl_days, "note": "Or as long as their account has them kept.", "fields": usage},
        {
            "record": "usage_hours",
            "ttl_days": usage_ttl_days,
            "note": "Sums of the usage rows that are kept, for as long as these; what a row added is taken away when it is deleted.",
            "fields": listed(USAGE_HOURS),
        },
        {"record": "decision", "ttl_days": None, "note": note, "fields": listed(DECISION)},
        {
            "record": "audit_request",
            "ttl_days": None,
            "note": f"How each request ended, as the audit log keeps it: {_recorded(unrecorded)}.",
            "fields": listed(AUDIT),
        },
        *kept_records,
    ]


def _recorded(unrecorded: frozenset[str | None]) -> str:
    """Of which requests the audit log has entries here."""
    if not unrecorded:
        return "here that is each, of every data class and of none"
    left_out = [*sorted(f"the class {each}" for each in unrecorded if each), *(["no class"] if None in unrecorded else [])]
    return f"this gateway leaves out requests of {' and of '.join(left_out)}"


def listed(fields: Mapping[str, str]) -> list[dict[str, str]]:
    """Fields with their purposes, as the inventory shows them."""
    return [{"field": name, "purpose": purpose} for name, purpose in fields.items()]
