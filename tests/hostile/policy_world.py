"""The world of the policy machine, told twice from one description: as configuration for a gateway, and as plain dicts for the oracle.

Imports nothing of the product that decides: its simulator, which itself imports nothing of it, and what writes a catalogue into a file.
"""

import contextlib
import datetime as dt
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
from tests.oracle import asked_for, requirement
from tests.tools.catalogue_site import compiled_today
from tests.tools.gateway import Gateway, running_gateway

from anyapi.simulator import DEFAULT_PROVIDERS, ProviderSpec, SimulationOptions, SimulationThread, demo_config_toml, key_variable
from anyapi.simulator.cast import ClaimedPolicy, ModelSpec

MODELS = ("anthropic/claude-3.5-sonnet", "openai/gpt-4o-mini", "mistralai/mistral-small-4")
OURS = tuple(ModelSpec(model, model.partition("/")[2], 0.5, 1.0) for model in MODELS)
BLIND = tuple(msgspec.structs.replace(model, vision=False) for model in OURS)
VECTORS = ModelSpec("acme/vectors", "vectors", 0.1, 0.0, dimensions=4)
PROVIDERS = (
    *(msgspec.structs.replace(spec, models=(*spec.models, VECTORS)) for spec in DEFAULT_PROVIDERS),
    ProviderSpec(
        "sim-opt-out",
        models=BLIND,
        policy=ClaimedPolicy("opt_out", "zero", 0, "default", "no", certifications=("iso27001",), regions=("de",)),
    ),
    ProviderSpec(
        "sim-week",
        models=(*BLIND, VECTORS),
        policy=ClaimedPolicy("never", "limited", 7, "self_serve", "yes", "secondary", False, ("soc2-type2", "gdpr-dpa"), ("de", "fr")),
    ),
    ProviderSpec("sim-law", models=OURS, policy=ClaimedPolicy("never", "compliance", None, "no", "unknown", regions=("eu",))),
)
EDITS: dict[str, dict[str, dict]] = {
    "as it was": {},
    "one that kept nothing trains": {"sim-zero": {"training": "by_default"}},
    "one that kept nothing keeps for a week": {"sim-zero": {"retention": "limited", "retention_days": 7, "zero_retention": "self_serve"}},
    "one that kept everything keeps nothing": {
        "sim-forever": {"training": "never", "retention": "zero", "retention_days": 0, "zero_retention": "default", "human_review": "no"}
    },
    "one is certified, another's papers ended": {
        "sim-30d": {"certifications": ("soc2-type2", "iso27001"), "regions": ("eu",)},
        "sim-opt-out": {"certifications": (), "regions": ()},
    },
    "one whose policy nobody knew keeps for a day": {
        "sim-unknown": {"training": "never", "retention": "limited", "retention_days": 1, "confidence": "primary"}
    },
    "two serve nothing any more": {"sim-zero": {"models": ()}, "sim-week": {"models": ()}},
}
"""What updates of the catalogue say of providers, in place of the above: fields of their claimed policies, and `models`."""
CONTRACTED = "contracted"
"""The account that the agreement below covers, beside one of its own for each run."""
ALONE = "sim-law"
"""The operator has no key of this provider: only accounts that bring one can use it."""
ROOT_KEY = bytes(range(32)).hex()
SPECIAL = """
[[providers.sim-zero.policy_exceptions]]
applies_to = { features = ["flagged-content"] }
override = { retention = { kind = "limited", days = 30 } }

[[providers.sim-30d.policy_exceptions]]
applies_to = { models = ["openai/*"] }
override = { retention = { kind = "zero", days = 0 }, human_review = "unknown" }

[[providers.sim-forever.policy_exceptions]]
applies_to = { models = ["mistralai/mistral-small-4"] }
override = { training = "never", retention = { kind = "limited", days = 0.5 }, human_review = "no" }

"""
SIGNED_BY_OPERATOR = f"""
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


SIGNED = {
    "nothing kept": {"retention": {"kind": "zero", "days": 0}},
    "no training": {"training": "never"},
    "opted out": {"training_opt_out": True},
    "nobody reads": {"human_review": "no", "certifications": ["hipaa-baa"]},
    "over": {"training": "never", "retention": {"kind": "zero", "days": 0}, "valid_until": "2021-01-01"},
}
"""What an account may attest for a key of its own; the last is not in force any more."""


def signed(name: str, provider: str) -> dict:
    """One agreement, as the oracle takes it."""
    dates = {"valid_from": "2020-01-01", "valid_until": "2099-01-01"}
    return {"id": f"signed-{name.replace(' ', '-')}", "provider": provider, **dates, **SIGNED[name]}


def signed_toml(agreement: dict) -> str:
    """The same as the file that the command line reads."""
    held = {"attested_by": "Ada Example", "document": "order form 2", **agreement}
    return "[[agreements]]\n" + "".join(f"{name} = {_toml(name, value)}\n" for name, value in held.items())


def _toml(name: str, value: object) -> str:
    if name.startswith("valid_"):
        return str(value)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(key, inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(name, inner) for inner in value) + "]"
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)


def operators_key(provider: str) -> str:
    """The key that the operator has of a provider."""
    return f"sk-operator-of-{provider}-0123456789"


def edited(edit: str) -> tuple[ProviderSpec, ...]:
    """The providers as an edition of the catalogue has them."""
    return tuple(_edited(spec, dict(EDITS[edit].get(spec.id, {}))) for spec in PROVIDERS)


def _edited(spec: ProviderSpec, changes: dict) -> ProviderSpec:
    models = changes.pop("models", spec.models)
    return msgspec.structs.replace(spec, models=models, policy=msgspec.structs.replace(spec.policy, **changes))


def edition(edit: str, simulation: SimulationThread, place: Path) -> str:
    """An edition of the catalogue, in a file that `anyapi catalogue update` takes."""
    file = place / f"{sorted(EDITS).index(edit)}.json"
    if not file.exists():
        keyed = [msgspec.structs.replace(spec, api_key="any") for spec in edited(edit)]
        file.write_bytes(compiled_today(demo_config_toml(simulation.simulation.ports, keyed) + SPECIAL, place))
    return str(file)


@contextlib.contextmanager
def tenancy(home: Path) -> Iterator[tuple[Gateway, SimulationThread]]:
    """A gateway whose operator has a key of every provider but one. The providers take any key, and write down which.

    They are in the catalogue that is installed before it starts; the operator's own file adds an agreement.
    """
    keyed = [msgspec.structs.replace(spec, api_key="any") for spec in PROVIDERS]
    with SimulationThread(PROVIDERS, SimulationOptions(record_bodies=True)) as simulation:
        network, _, rest = demo_config_toml(simulation.simulation.ports, keyed).partition("[providers.")
        own = rest.index(f'[[credentials]]\nid = "{ALONE}"')  # it is the last of them
        credentials = rest[rest.index("[[credentials]]") : own].rstrip() + "\n"
        keys = {key_variable(spec.id): operators_key(spec.id) for spec in PROVIDERS if spec.id != ALONE}
        home.mkdir(mode=0o700)
        before = home.with_name("before.toml")
        before.write_text(f'{network}[storage]\ndata_dir = "{home}"\n')
        install = ["update", edition("as it was", simulation, home.parent), "--allow-addresses", "--config", str(before)]
        subprocess.run([sys.executable, "-m", "anyapi", "catalogue", *install], check=True, capture_output=True)
        with running_gateway(home, network + credentials + SIGNED_BY_OPERATOR, environment=keys | {"ANYAPI_ROOT_KEY": ROOT_KEY}) as gateway:
            yield gateway, simulation


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
        "price": {"input": model.input_price, "output": model.output_price},
        "context_length": 200_000,
        "max_output_tokens": 8192,
        "operations": ["embeddings" if model.dimensions else "chat_completions"],
        "capabilities": dict.fromkeys(("tools", "structured_outputs", "reasoning", "streaming"), model.dimensions is None)
        | {"vision": model.vision and model.dimensions is None},
    }


def oracle_catalogue(edit: str = "as it was") -> dict:
    """An edition of the catalogue as the oracle takes it."""
    specs = edited(edit)
    names = dict.fromkeys(model.id for spec in PROVIDERS for model in spec.models)
    models = {
        name: {"endpoints": [_endpoint(spec, model) for spec in specs for model in spec.models if model.id == name]} for name in names
    }
    today = dt.datetime.now(dt.UTC).date().isoformat()
    return {"providers": {spec.id: _provider(spec) for spec in specs}, "models": models, "compiled": today}


def oracle_context() -> dict:
    """Catalogue, credentials and agreements as the oracle takes them."""
    return {
        "catalogue": oracle_catalogue(),
        "credentials": {
            spec.id: [{"id": spec.id, "tier": "free" if spec.policy.free else "paid"}] for spec in PROVIDERS if spec.id != ALONE
        },
        "own_credentials": {},
        "served_protocols": ["openai-chat"],
        "served_embeddings": ["openai-chat"],
        "agreements": [AGREEMENT],
        "span_days": 180,
    }


def verdicts_on(layers: list[tuple[str, dict]], question: dict, account: str, context: dict, now: float) -> dict:
    """Model -> endpoint id -> verdict, for every model of the question that is known."""
    return asked_for(requirement(layers, PRESETS), question, context, account, now)
