"""The demo's configuration is one that the gateway's own reader accepts, with the facts of the cast."""

import datetime as dt

import pytest
from tests.tools.google_account import key_file

from anyapi.config import load_config
from anyapi.domain.catalogue import ProviderKind
from anyapi.domain.data_policy import Training
from anyapi.simulator import DEFAULT_PROVIDERS, ModelSpec, ProviderSpec, WireName, demo_config_toml, key_variable

NOW = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)
PORTS = {spec.id: 40_001 + place for place, spec in enumerate(DEFAULT_PROVIDERS)}


def load(tmp_path, text, **env):
    file = tmp_path / "anyapi.toml"
    file.write_text(text)
    return load_config(file, {"HOME": str(tmp_path), **env}, NOW)


def test_the_gateway_reads_the_facts(tmp_path):
    config = load(tmp_path, demo_config_toml(PORTS))
    for spec in DEFAULT_PROVIDERS:
        provider = config.catalogue.providers[spec.id]
        assert provider.kind is ProviderKind.HOST
        assert provider.api.base_url == f"http://127.0.0.1:{PORTS[spec.id]}/v1"
        assert provider.api.also_speaks == ("openai-responses",)
        assert (provider.policy.training.value, provider.policy.retention.kind.value) == (spec.policy.training, spec.policy.retention)
        assert provider.policy.retention.days == spec.policy.retention_days
        assert provider.policy.zero_retention.value == spec.policy.zero_retention
        assert provider.policy.human_review.value == spec.policy.human_review
        assert (provider.certifications, provider.regions) == (spec.policy.certifications, spec.policy.regions)
        assert provider.provenance.confidence.value == spec.policy.confidence
    assert config.catalogue.providers["sim-unknown"].policy.training is Training.UNKNOWN


def test_every_endpoint_and_credential_is_there(tmp_path):
    config = load(tmp_path, demo_config_toml(PORTS))
    found = {endpoint.id: endpoint for model in config.catalogue.models.values() for endpoint in model.endpoints}
    for spec in DEFAULT_PROVIDERS:
        for model in spec.models:
            endpoint = found[f"{spec.id}/{model.upstream}"]
            assert endpoint.model == model.id
            assert (endpoint.price.input, endpoint.price.output) == (model.input_price, model.output_price)
            assert endpoint.free is spec.policy.free
            assert endpoint.capabilities.vision is model.vision
    credentials = {credential.id: credential for credential in config.credentials}
    assert set(credentials) == set(PORTS)
    assert {identity for identity, credential in credentials.items() if credential.tier == "free"} == {"sim-free"}
    assert not config.secrets


def test_keys_come_from_the_environment(tmp_path):
    spec = ProviderSpec("sim-own", wire=WireName.ANTHROPIC, api_key="sk-simulated-1", models=(ModelSpec("own/model", "m@@empty", 1.25),))
    text = demo_config_toml({"sim-own": 40_009}, [spec])
    assert "sk-simulated" not in text
    config = load(tmp_path, text, **{key_variable("sim-own"): "sk-simulated-1"})
    assert config.secrets["sim-own"]
    assert config.catalogue.providers["sim-own"].api.protocol == "anthropic-messages"
    assert config.base_urls["sim-own"] == "http://127.0.0.1:40009"
    assert config.catalogue.models["own/model"].endpoints[0].upstream_model == "m@@empty"


def test_keys_come_from_files_of_a_directory(tmp_path):
    specs = [
        ProviderSpec(name, api_key=key, models=(ModelSpec("own/model", "m"),)) for name, key in (("sim-own", "sk-1"), ("sim-open", None))
    ]
    (tmp_path / "sim-own").write_text("sk-simulated-1")
    config = load(tmp_path, demo_config_toml({"sim-own": 40_009, "sim-open": 40_010}, specs, keys=tmp_path))
    assert [*config.secrets] == ["sim-own"]


@pytest.mark.parametrize(
    ("wire", "key", "protocol", "auth", "path"),
    [
        (WireName.GEMINI, "k", "gemini", "x-goog-api-key", "/v1beta"),
        (WireName.BEDROCK, "k", "bedrock", "bearer", ""),
        (WireName.BEDROCK, None, "bedrock", "none", ""),
        (WireName.COHERE, "k", "cohere", "bearer", "/v2"),
    ],
)
def test_other_apis(tmp_path, wire, key, protocol, auth, path):
    spec = ProviderSpec("sim-own", wire=wire, api_key=key, models=(ModelSpec("own/model", "m"),))
    config = load(tmp_path, demo_config_toml({"sim-own": 40_009}, [spec]), SIM_OWN_KEY="sk-simulated-1")
    api = config.catalogue.providers["sim-own"].api
    assert (api.protocol, api.auth.value, config.base_urls["sim-own"]) == (protocol, auth, f"http://127.0.0.1:40009{path}")
    assert not api.also_speaks


def test_a_signing_key_and_a_model_for_vectors():
    spec = ProviderSpec("sim-own", wire=WireName.BEDROCK, api_key="AKID:secret", models=(ModelSpec("own/model", "m", dimensions=8),))
    text = demo_config_toml({"sim-own": 40_009}, [spec])
    assert 'auth = "sigv4"' in text
    assert 'operations = ["embeddings"]\ndimensions = 8\n' in text
    assert "tools = false" in text
    assert 'variables = { region = "eu-central-1" }' in text


def test_clouds(tmp_path):
    models = (ModelSpec("own/model", "m", protocol="vertex-anthropic", region="us"),)
    specs = [
        ProviderSpec("t", wire=WireName.GOOGLE_TOKENS, api_key="e:ff"),
        ProviderSpec("v", wire=WireName.VERTEX, api_key="e:ff", models=models),
        ProviderSpec("a", wire=WireName.AZURE, api_key="key-of-azure"),
    ]
    text = demo_config_toml({"t": 40_009, "v": 40_010, "a": 40_011}, specs)
    config = load(tmp_path, text, V_KEY=key_file("http://127.0.0.1:40009/token"), A_KEY="key-of-azure")
    assert "t" not in config.catalogue.providers, "it serves no models"
    vertex, azure = (config.catalogue.providers[name].api for name in ("v", "a"))
    assert (vertex.protocol, vertex.auth, azure.auth) == ("vertex", "service-account", "api-key")
    assert config.base_urls == {
        "v": "http://127.0.0.1:40010/v1/projects/sim-project/locations/europe-west4",
        "a": "http://127.0.0.1:40011/openai/v1",
    }
    (endpoint,) = config.catalogue.models["own/model"].endpoints
    assert (endpoint.protocol, endpoint.region) == ("vertex-anthropic", "us")


def test_an_unknown_port_is_an_error():
    with pytest.raises(KeyError):
        demo_config_toml({"nobody": 1})
