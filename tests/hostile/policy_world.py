"""The world of the policy machine, told twice from one description: as configuration for a gateway, and as plain dicts for the oracle.

Imports nothing of the product but its simulator, which itself imports nothing of it.
"""

import datetime as dt
import json
from typing import NamedTuple

from tests.oracle import judge, requirement

from anyapi.simulator import DEFAULT_PROVIDERS, ProviderSpec
from anyapi.simulator.cast import ClaimedPolicy, ModelSpec

MODELS = ("anthropic/claude-3.5-sonnet", "openai/gpt-4o-mini", "mistralai/mistral-small-4")
OURS = tuple(ModelSpec(model, model.partition("/")[2], 0.5, 1.0) for model in MODELS)
PROVIDERS = (
    *DEFAULT_PROVIDERS,
    ProviderSpec(
        "sim-opt-out",
        models=OURS,
        policy=ClaimedPolicy("opt_out", "zero", 0, "default", "no", certifications=("iso27001",), regions=("de",)),
    ),
    ProviderSpec(
        "sim-week",
        models=OURS,
        policy=ClaimedPolicy("never", "limited", 7, "self_serve", "yes", "secondary", False, ("soc2-type2", "gdpr-dpa"), ("de", "fr")),
    ),
    ProviderSpec("sim-law", models=OURS, policy=ClaimedPolicy("never", "compliance", None, "no", "unknown", regions=("eu",))),
)
CONTRACTED = "contracted"
"""The account that the agreement below covers, beside one of its own for each run."""
EXTRA = f"""
[[providers.sim-zero.policy_exceptions]]
applies_to = {{ features = ["flagged-content"] }}
override = {{ retention = {{ kind = "limited", days = 30 }} }}

[[providers.sim-30d.policy_exceptions]]
applies_to = {{ models = ["openai/*"] }}
override = {{ retention = {{ kind = "zero", days = 0 }}, human_review = "unknown" }}

[[providers.sim-forever.policy_exceptions]]
applies_to = {{ models = ["mistralai/mistral-small-4"] }}
override = {{ training = "never", retention = {{ kind = "limited", days = 0.5 }}, human_review = "no" }}

[[agreements]]
id = "week-contract"
provider = "sim-week"
attested_by = "Ada Example"
document = "order form 1"
valid_from = 2020-01-01
valid_until = 2099-01-01
accounts = ["{CONTRACTED}"]
retention = {{ kind = "zero", days = 0 }}
certifications = ["gdpr-dpa", "hipaa-baa"]
human_review = "no"
"""
EXCEPTIONS = {
    "sim-zero": [{"applies_to": {"features": ["flagged-content"]}, "override": {"retention": {"kind": "limited", "days": 30}}}],
    "sim-30d": [
        {"applies_to": {"models": ["openai/*"]}, "override": {"retention": {"kind": "zero", "days": 0}, "human_review": "unknown"}}
    ],
    "sim-forever": [
        {
            "applies_to": {"models": ["mistralai/mistral-small-4"]},
            "override": {"training": "never", "retention": {"kind": "limited", "days": 0.5}, "human_review": "no"},
        }
    ],
}
AGREEMENT = {
    "id": "week-contract",
    "provider": "sim-week",
    "valid_from": "2020-01-01",
    "valid_until": "2099-01-01",
    "accounts": [CONTRACTED],
    "retention": {"kind": "zero", "days": 0},
    "certifications": ["gdpr-dpa", "hipaa-baa"],
    "human_review": "no",
}
PRESETS = {
    "public": {},
    "internal": {"training_allowed": False, "retention_days": 30},
    "confidential": {"training_allowed": False, "retention_days": 0, "human_review_allowed": False, "flagged_copies_counted": True},
    "regulated": {
        "training_allowed": False,
        "min_confidence": "primary",
        "flagged_copies_counted": True,
        "certifications_must_be_named": True,
    },
}
"""Of docs/policy.md section 2."""


class Claim(NamedTuple):
    """One field of a data policy with a value, in every form in which it can be written."""

    field: str
    """As `data_policy` spells it."""
    value: object

    @property
    def text(self) -> str:
        """For headers and the command line."""
        if isinstance(self.value, bool):
            return str(self.value).lower()
        return ",".join(self.value) if isinstance(self.value, list) else str(self.value)

    @property
    def header(self) -> str:
        """A header line."""
        return f"X-AnyAPI-{self.field.replace('_', '-').replace('.', '-')}: {self.text}"

    @property
    def assignment(self) -> str:
        """For the command line."""
        return f"{self.field}={self.text}"

    @property
    def settings(self) -> dict:
        """For the oracle."""
        if self.field == "flagged_copies":
            return {"flagged_copies_counted": self.value == "counted"}
        return {self.field.replace(".", "_"): self.value}


def data_policy(claims: list[Claim]) -> dict:
    """A request's `data_policy`; of two claims of one field the last stands."""
    policy: dict = {}
    for claim in claims:
        outer, _, inner = claim.field.partition(".")
        if inner:
            policy.setdefault(outer, {})[inner] = claim.value
        else:
            policy[outer] = claim.value
    return policy


def as_settings(claims: list[Claim]) -> dict:
    """One layer for the oracle; of two claims of one field the last stands."""
    return {name: value for claim in claims for name, value in claim.settings.items()}


def _provider(spec: ProviderSpec) -> dict:
    policy = spec.policy
    return {
        "kind": "host",
        "api": {"protocol": "openai-chat"},
        "policy": {
            "training": policy.training,
            "retention": {"kind": policy.retention, "days": policy.retention_days},
            "zero_retention": policy.zero_retention,
            "human_review": policy.human_review,
        },
        "exceptions": EXCEPTIONS.get(spec.id, []),
        "certifications": list(policy.certifications),
        "regions": list(policy.regions),
        "provenance": {"confidence": policy.confidence},
    }


def _endpoint(spec: ProviderSpec, model: ModelSpec) -> dict:
    return {
        "id": f"{spec.id}/{model.upstream}",
        "provider": spec.id,
        "model": model.id,
        "upstream_model": model.upstream,
        "free": spec.policy.free,
    }


def oracle_context() -> dict:
    """Catalogue, credentials and agreements as the oracle takes them."""
    models = {
        name: {"endpoints": [_endpoint(spec, model) for spec in PROVIDERS for model in spec.models if model.id == name]} for name in MODELS
    }
    today = dt.datetime.now(dt.UTC).date().isoformat()
    return {
        "catalogue": {"providers": {spec.id: _provider(spec) for spec in PROVIDERS}, "models": models, "compiled": today},
        "credentials": {spec.id: [{"id": spec.id, "tier": "free" if spec.policy.free else "paid"}] for spec in PROVIDERS},
        "served_protocols": ["openai-chat"],
        "agreements": [AGREEMENT],
        "span_days": 180,
    }


def permitted_endpoints(layers: list[tuple[str, dict]], models: list[str], account: str, context: dict, now: float) -> set[str]:
    """Endpoint ids that may see a request, over all models that are known."""
    asked = requirement(layers, PRESETS)
    verdicts = [judge(asked, model, {}, context, account, now) for model in models if model in context["catalogue"]["models"]]
    return {endpoint for verdict in verdicts for endpoint, judged in verdict.items() if judged["permitted"]}


def body_of(models: list[str], policy: dict, **more: object) -> bytes:
    """A chat completion for these models."""
    asked: dict = {"model": models[0], "messages": [{"role": "user", "content": "Hello"}], **more}
    if len(models) > 1:
        asked["models"] = models[1:]
    if policy:
        asked["data_policy"] = policy
    return json.dumps(asked).encode()
