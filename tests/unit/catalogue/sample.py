"""A small valid source that tests break in one place at a time."""

import copy
from pathlib import Path

import yaml

PROVIDER = {
    "id": "one",
    "name": "One",
    "kind": "host",
    "headquarters": "DE",
    "contracting_country": None,
    "api": {
        "base_url": "https://api.one.example/v1",
        "protocol": "openai-chat",
        "auth": "Authorization: Bearer",
        "env": "ONE_API_KEY",
        "env_alternatives": [],
        "also_speaks": [],
    },
    "policy": {
        "training": "never",
        "retention": {"kind": "limited", "days": 30, "purpose": "abuse"},
        "zero_retention_available": "on_request",
        "zero_retention_how": "approval",
        "human_review": "yes",
        "secondary_use": [],
    },
    "free_tier": None,
    "policy_exceptions": [
        {
            "applies_to": {"models": ["maker/small*"]},
            "override": {"retention": {"kind": "zero", "days": 0}},
            "note": "n",
            "source_url": None,
        }
    ],
    "compliance": ["soc2-type2"],
    "compliance_level": "primary",
    "compliance_source_url": "https://one.example/trust",
    "compliance_unverified": [],
    "regions": ["eu"],
    "terms_url": None,
    "privacy_url": None,
    "policy_source_url": "https://one.example/policy",
    "source_url_exact": True,
    "source_date": "2026-01-02",
    "evidence": "e",
    "confidence": "primary",
    "secondary_fields": [],
    "notes": None,
}
LOCAL = {
    "id": "two",
    "kind": "local",
    "api": {"base_url": "http://127.0.0.1:9999/v1", "protocol": "openai-chat", "auth": "none"},
    "policy": {"training": "never", "retention": {"kind": "zero", "days": 0}, "zero_retention_available": "default", "human_review": "no"},
}
MODEL = {
    "id": "maker/small",
    "name": "Small",
    "author": "maker",
    "open_weights": True,
    "endpoints": [
        {
            "provider": "one",
            "model": "small-1",
            "context_length": 1000,
            "max_output_tokens": 100,
            "price": {"input": 1.0, "output": 2, "cached_input": None},
            "capabilities": {"vision": False, "tools": True, "structured_outputs": None, "reasoning": False, "streaming": True},
            "free": False,
            "status": "active",
            "source": "s",
            "price_source": "p",
        },
        {"provider": "two", "model": "small:latest", "price": {"input": 0, "output": 0}},
    ],
}


def sources():
    """Fresh copies of both top levels."""
    return {"compiled": "2026-11-24", "providers": copy.deepcopy([PROVIDER, LOCAL])}, {"models": copy.deepcopy([MODEL])}


def write(directory: Path, providers, models) -> Path:
    """Write them as the two source files."""
    directory.mkdir(exist_ok=True)
    (directory / "providers.yaml").write_text(yaml.safe_dump(providers))
    (directory / "models.yaml").write_text(yaml.safe_dump(models))
    return directory
