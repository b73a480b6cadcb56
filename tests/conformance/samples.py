"""Rows that several storage tests share."""

from anyapi.domain.call import App
from anyapi.domain.evidence import Contradiction, EvidenceCode
from anyapi.domain.prompt_log import Keeps, Kept, LogEntry
from anyapi.domain.snapshot import Tier
from anyapi.domain.usage import DecisionRecord, TokenCount, UsageRow, UsageSource
from anyapi.storage.rows import CredentialRow, Declared, KeyRow

NOON = 1_795_521_600.0
"""2026-11-24 12:00 UTC."""
DAY = 86_400.0


def usage_row(number, **changes):
    values = {
        "decision": f"dec_{number:026d}",
        "at": NOON + number,
        "account": "default",
        "key": "key_1",
        "operation": "chat_completions",
        "model": "anthropic/claude-3.5-sonnet",
        "outcome": "success",
        "status": 200,
        "source": UsageSource.MEASURED,
        "tokens": TokenCount(100, 20, 10, 5),
        "project": None,
        "app": App(id="app", session_id="s:1"),
        "provider": "sim-zero",
        "endpoint": "sim-zero/claude-3.5-sonnet",
        "credential": "env:SIM",
        "data_class": "internal",
        "streamed": True,
        "attempts": 2,
        "duration": 0.5,
        "first_token": 0.125,
        "cost": 0.25,
        "host": None,
        "evidence": None,
    }
    return UsageRow(**{**values, **changes})


def decision_record(number, **changes):
    values = {
        "decision": f"dec_{number:026d}",
        "at": NOON + number,
        "account": "default",
        "key": "key_1",
        "model": "anthropic/claude-3.5-sonnet",
        "requirement": "0123456789abcdef0123456789abcdef",
        "catalogue": "ab" * 32,
        "snapshot": 3,
        "data_classes": ("confidential",),
        "permitted": ("sim-zero/claude-3.5-sonnet",),
        "denied": (("sim-30d/claude-3.5-sonnet", ("retention_not_zero",)), ("sim-free/claude", ("training_by_default", "endpoint_free"))),
    }
    return DecisionRecord(**{**values, **changes})


def contradiction(number, **changes):
    values = {
        "endpoint": f"xai/grok-{number}",
        "credential": "env:XAI",
        "code": EvidenceCode.RETAINED,
        "decision": f"dec_{number:026d}",
        "at": NOON + number,
    }
    return Contradiction(**{**values, **changes})


def key_row(number, **changes):
    values = {
        "id": f"key_{number}",
        "prefix": "anyapi_sk_Ab3d",
        "sha256": number.to_bytes(32, "big"),
        "account": "default",
        "created_at": NOON + number,
    }
    return KeyRow(**{**values, **changes})


def credential_row(number, **changes):
    values = {
        "id": f"own:{number:016d}",
        "account": "default",
        "provider": "openai",
        "tier": Tier.PAID,
        "name": "",
        "declared": Declared(),
        "key_id": "0123456789abcdef",
        "wrapped": b"wrapped \x00 key",
        "ciphertext": b"cipher \xff text",
        "version": 1,
        "created_at": NOON + number,
    }
    return CredentialRow(**{**values, **changes})


RECIPIENT = "age1fw8kwefqrzrawesqr476ht85dypvzkg7u5p7693tnvymskrwadhqgl9d2v"
"""Its identity was never written down: tests that open something make keys of their own."""


def kept(number, account="default", prompt=b'{"p":1}', response=(b'{"r":1}',), **changes):
    """An entry of a prompt log with its content."""
    values = {
        "decision": f"dec_{number:026d}",
        "account": account,
        "key": "key_1",
        "project": None,
        "at": NOON + number,
        "expires_at": NOON + number + 30 * DAY,
        "operation": "chat_completions",
        "model": "anthropic/claude-3.5-sonnet",
        "outcome": "success",
        "keeps": Keeps.BOTH,
        "recipients": (RECIPIENT,),
    }
    return Kept(LogEntry(**{**values, **changes}), prompt, response)
