"""What a running gateway can be asked: nothing that would be sent to a provider, and what cannot be tried is named with the reason."""

import datetime as dt

import pytest
from tests.conformance.samples import NOON
from tests.integration.lab import FIRST, SECOND, STRICT, provider
from tests.tools.gateway import received, running_gateway, simulated

from anyapi.config import load_config
from anyapi.errors import ConfigError
from anyapi.prove import eligible
from anyapi.prove.caller import Caller, all_at_once
from anyapi.prove.eligible import choose
from anyapi.prove.planted import Planted
from anyapi.prove.running import classes
from anyapi.prove.target import Target
from anyapi.simulator import FORMATS, ModelSpec, ProviderSpec, SimulationThread, WireName, demo_config_toml

NOW = dt.datetime.fromtimestamp(NOON, dt.UTC)
FORBIDDING = '\n[policy.providers]\nonly = ["openai"]\n'
ABILITIES = ("pdf_input", "audio_input", "parallel_tools", "computer_use", "assistant_prefill", "web_search", "url_context")
UNPERMITTED = ("no endpoint permitted", "/v1/messages: no endpoint permitted", "/v1/responses: no endpoint permitted")
TRANSLATED = ("/v1/messages: wrong role", "/v1/messages: unknown block")


def tried(gateway, wanted=()):
    """The choice, and each class that did not end as it should."""
    config = load_config(gateway.home / "anyapi.toml", {"HOME": str(gateway.home)}, NOW)
    chosen = choose(Target(gateway.url, gateway.key), config.catalogue, wanted)
    caller = Caller(
        Target(gateway.url, gateway.key), None, Planted(), {name.encode(): here.encode() for name, here in chosen.named.items()}
    )
    known = list(classes(chosen.untried, ()))
    odd = [f"{one.name}: {end}" for one, end in all_at_once(caller, known) if end not in one.wanted]
    assert len(known) > 80
    return chosen, odd


def own(chosen):
    """What is not tried for want of a model."""
    return {name: why for name, why in chosen.untried.items() if why not in {eligible.BY_LIMITS, eligible.UNASKED}}


@pytest.mark.parametrize("wire", FORMATS)
def test_whatever_a_provider_speaks_it_is_sent_nothing_and_all_that_is_tried_ends_as_it_should(tmp_path, wire):
    with simulated(tmp_path / "home", [provider(FIRST, ["zz/last"], wire)]) as (gateway, simulation):
        chosen, odd = tried(gateway)
        assert (odd, sum(received(simulation).values())) == ([], 0)
    passed_on = dict.fromkeys(TRANSLATED, eligible.PASSED_ON) if wire is WireName.ANTHROPIC else {}
    vectors = {"/v1/embeddings: no endpoint permitted": eligible.UNAVAILABLE}
    assert own(chosen) == passed_on | vectors, "only what this gateway has no way to end"
    assert chosen.named["acme/good"] == "zz/last"


def test_a_model_of_another_provider_stands_in_where_one_would_be_sent_the_request(tmp_path):
    both = [provider(FIRST, ["zz/claude"], WireName.ANTHROPIC), provider(SECOND, ["zz/other"])]
    with simulated(tmp_path / "home", both) as (gateway, simulation):
        chosen, odd = tried(gateway, ["zz/claude"])
        assert (odd, sum(received(simulation).values())) == ([], 0)
    assert (chosen.named["acme/good"], chosen.named["acme/wire-openai"]) == ("zz/claude", "zz/other")
    assert not set(TRANSLATED) & chosen.untried.keys()


def test_a_model_that_has_every_ability_is_not_asked_for_them(tmp_path):
    """It would be sent the request."""
    spec = provider(FIRST, ["zz/able"])
    with SimulationThread([spec]) as simulation:
        toml = demo_config_toml(simulation.simulation.ports, [spec])
        toml = toml.replace("vision = true", "vision = true, " + ", ".join(f"{name} = true" for name in ABILITIES))
        toml = toml.replace("price = { ", "price = { cached_input = 0.1, ")
        with running_gateway(tmp_path / "home", toml) as gateway:
            chosen, odd = tried(gateway)
            assert (odd, sum(received(simulation).values())) == ([], 0)
    assert chosen.untried["no endpoint for tags"] == eligible.ABLE


def test_where_policy_permits_nothing_what_needs_an_endpoint_is_named(tmp_path):
    with simulated(tmp_path / "home", [provider(FIRST, ["zz/last"])], extra=FORBIDDING) as (gateway, _):
        chosen, odd = tried(gateway)
    assert odd == []
    assert {name: why for name, why in own(chosen).items() if "embeddings" not in name} == dict.fromkeys(
        TRANSLATED, eligible.UNPERMITTED_HERE
    )


def test_without_any_credential_what_policy_decides_is_named(tmp_path):
    with running_gateway(tmp_path / "home", "") as gateway:
        chosen, odd = tried(gateway)
    assert odd == []
    names = {*UNPERMITTED, *TRANSLATED, "/v1/embeddings: no endpoint permitted", "no endpoint for tags"}
    assert own(chosen) == dict.fromkeys(names, eligible.UNAVAILABLE)


def test_what_makes_vectors_is_asked_about_vectors(tmp_path):
    spec = ProviderSpec(FIRST, models=(ModelSpec("zz/chat", "chat"), ModelSpec("zz/vectors", "vectors", dimensions=8)), policy=STRICT)
    with simulated(tmp_path / "home", [spec]) as (gateway, simulation):
        chosen, odd = tried(gateway)
        assert (odd, sum(received(simulation).values())) == ([], 0)
    assert chosen.named["acme/vectors"] == "zz/vectors"
    assert own(chosen) == {}


def test_what_hangs_on_limits_and_providers_is_always_named(tmp_path):
    with simulated(tmp_path / "home") as (gateway, _):
        catalogue = load_config(gateway.home / "anyapi.toml", {"HOME": str(tmp_path)}, NOW).catalogue
        target = Target(gateway.url, gateway.key)
        unnamed, named = choose(target, catalogue), choose(target, catalogue, ["openai/gpt-4o-mini"])
    assert {"slow head", "slow body", "large body", eligible.PROVIDERS} <= unnamed.untried.keys()
    assert "--model" in unnamed.untried[eligible.PROVIDERS]
    assert named.untried[eligible.PROVIDERS] == eligible.ON_DEMAND


def test_without_an_answer_nothing_is_chosen(tmp_path):
    with simulated(tmp_path / "home") as (gateway, _):
        catalogue = load_config(gateway.home / "anyapi.toml", {"HOME": str(tmp_path)}, NOW).catalogue
        with pytest.raises(ConfigError, match="lists no model"):
            choose(Target(gateway.url, "no key"), catalogue)
    with pytest.raises(ConfigError, match=r"No gateway answers at .*--url"):
        choose(Target(gateway.url, gateway.key), catalogue)
