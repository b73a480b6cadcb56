"""The sections of an `anyapi.toml` that tell a gateway of simulated providers. Writes no file."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from anyapi.simulator.cast import DEFAULT_PROVIDERS, ModelSpec, ProviderSpec, WireName
from anyapi.simulator.vertex_api import PLACE

_PROTOCOLS = {
    WireName.OPENAI: ("openai-chat", "bearer", "/v1"),
    WireName.ANTHROPIC: ("anthropic-messages", "x-api-key", ""),
    WireName.GEMINI: ("gemini", "x-goog-api-key", "/v1beta"),
    WireName.BEDROCK: ("bedrock", "bearer", ""),
    WireName.VERTEX: ("vertex", "service-account", PLACE),
    WireName.AZURE: ("openai-chat", "api-key", "/openai/v1"),
    WireName.COHERE: ("cohere", "bearer", "/v2"),
}


def demo_config_toml(
    ports: Mapping[str, int], providers: Sequence[ProviderSpec] = DEFAULT_PROVIDERS, host: str = "127.0.0.1", keys: Path | None = None
) -> str:
    """Return the sections that tell a gateway of the providers in `ports` (port by provider id; plain HTTP).

    A provider with a key gets a credential that reads it from the variable `key_variable` names, or from the file of its id in the
    directory `keys`; the others need no credential.
    Raises `KeyError` when a port belongs to none of `providers`.
    """
    specs = {spec.id: spec for spec in providers}
    chosen = [specs[identity] for identity in ports if specs[identity].wire is not WireName.GOOGLE_TOKENS]
    lines = [f"[network]\nprivate_addresses = {_list([f'{host}/32'])}"]
    lines += [_provider(spec, f"http://{host}:{ports[spec.id]}") for spec in chosen]
    lines += _models(chosen)
    lines += [_credential(spec, keys) for spec in chosen]
    return "\n\n".join(lines) + "\n"


def key_variable(provider: str) -> str:
    """Return the environment variable for the key of a simulated provider: `SIM_ZERO_KEY` for `sim-zero`."""
    return provider.upper().replace("-", "_") + "_KEY"


def _provider(spec: ProviderSpec, origin: str) -> str:
    policy = spec.policy
    protocol, auth, path = _PROTOCOLS[spec.wire]
    if spec.wire is WireName.BEDROCK and ":" in (spec.api_key or ""):
        auth = "sigv4"
    more = ', also_speaks = ["openai-responses"]' if spec.wire in {WireName.OPENAI, WireName.AZURE} else ""
    days = f", days = {policy.retention_days:g}" if policy.retention_days is not None else ""
    return f"""[providers.{spec.id}]
name = {_text(spec.name or spec.id)}
kind = "host"
confidence = {_text(policy.confidence)}
compliance = {_list(policy.certifications)}
regions = {_list(policy.regions)}
notes = "Simulated on this machine: nothing it says comes from a model."
api = {{ base_url = {_text(origin + path)}, protocol = {_text(protocol)}, auth = {_text(auth if spec.api_key else "none")}{more} }}

[providers.{spec.id}.policy]
training = {_text(policy.training)}
retention = {{ kind = {_text(policy.retention)}{days} }}
zero_retention_available = {_text(policy.zero_retention)}
human_review = {_text(policy.human_review)}"""


def _models(providers: Sequence[ProviderSpec]) -> Iterator[str]:
    served: dict[str, list[tuple[ProviderSpec, ModelSpec]]] = {}
    for spec in providers:
        for model in spec.models:
            served.setdefault(model.id, []).append((spec, model))
    for identity, endpoints in served.items():
        yield "\n\n".join([f"[[models]]\nid = {_text(identity)}", *(_endpoint(spec, model) for spec, model in endpoints)])


def _endpoint(spec: ProviderSpec, model: ModelSpec) -> str:
    chat = _flag(model.dimensions is None)
    abilities = f"tools = {chat}, structured_outputs = {chat}, reasoning = {chat}, streaming = {chat}"
    vectors = "" if model.dimensions is None else f'operations = ["embeddings"]\ndimensions = {model.dimensions}\n'
    said = {"protocol": model.protocol, "region": model.region}
    own = "".join(f"{name} = {_text(value)}\n" for name, value in said.items() if value is not None)
    return f"""[[models.endpoints]]
provider = {_text(spec.id)}
model = {_text(model.upstream)}
{own}{vectors}context_length = 200000
max_output_tokens = 8192
price = {{ input = {model.input_price:g}, output = {model.output_price:g} }}
capabilities = {{ vision = {_flag(model.vision and model.dimensions is None)}, {abilities} }}
free = {_flag(spec.policy.free)}"""


def _credential(spec: ProviderSpec, keys: Path | None) -> str:
    lines = ["[[credentials]]", f"id = {_text(spec.id)}", f"provider = {_text(spec.id)}"]
    lines.append(f"tier = {_text('free' if spec.policy.free else 'paid')}")
    if spec.api_key:
        lines.append(f"env = {_text(key_variable(spec.id))}" if keys is None else f"key_file = {_text(str(keys / spec.id))}")
    if spec.wire is WireName.BEDROCK and ":" in (spec.api_key or ""):
        lines.append('variables = { region = "eu-central-1" }')
    return "\n".join(lines)


def _text(value: str) -> str:
    """Return a TOML basic string; its escapes are those of JSON."""
    return msgspec.json.encode(value).decode()


def _list(values: Sequence[str]) -> str:
    return f"[{', '.join(_text(value) for value in values)}]"


def _flag(value: object) -> str:
    return "true" if value else "false"
