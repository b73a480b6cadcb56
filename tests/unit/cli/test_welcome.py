"""The start-up lines: what works, which classes are satisfied, what a bare key counts as."""

import datetime as dt
import json

import msgspec
import pytest
from tests.tools.google_account import key_file
from tests.unit.policy.samples import block, context, credential, endpoint, kept, provenance, provider

from anyapi.cli.welcome import models_left, provider_lines, start_lines, tier_words
from anyapi.config import load_config, not_served_yet, policy_context
from anyapi.domain.call import Principal
from anyapi.domain.requirement import DataClass, Settings
from anyapi.domain.snapshot import Credential, Snapshot, Tier
from anyapi.policy.merge import DEFAULT_PRESETS, UNCONSTRAINED
from anyapi.upstream.adapters import SERVED_PROTOCOLS


def lines_for(tmp_path, env, served=SERVED_PROTOCOLS):
    file = tmp_path / "anyapi.toml"
    file.write_text(f"[storage]\ndata_dir = {json.dumps(str(tmp_path))}\n")
    config = load_config(file, env, dt.datetime.now(dt.UTC))
    snapshot = Snapshot(1, policy_context(config, config.catalogue, served), config.presets)
    return snapshot, list(start_lines(snapshot, config.notices, not_served_yet(config, served)))


def test_without_a_key_it_says_what_to_do(tmp_path):
    _, lines = lines_for(tmp_path, {})
    assert "OPENAI_API_KEY" in lines[0]
    assert any("anyapi keys create" in line for line in lines)


def test_without_a_key_the_variables_of_own_providers_come_first(tmp_path):
    file = tmp_path / "anyapi.toml"
    api = '{ base_url = "https://m.example/v1", protocol = "openai-chat", auth = "bearer", env = "MINE_KEY" }'
    file.write_text(f'[providers.mine]\nkind = "first_party"\napi = {api}\n[providers.openai]\n')
    config = load_config(file, {"HOME": str(tmp_path)}, dt.datetime.now(dt.UTC))
    base = policy_context(config, config.catalogue, SERVED_PROTOCOLS)
    (line,) = provider_lines(base, ("mine", "openai", "nobody"))
    assert "(MINE_KEY, OPENAI_API_KEY, ANTHROPIC_API_KEY, ...)" in line


def test_a_key_brings_models_and_classes(tmp_path):
    snapshot, lines = lines_for(tmp_path, {"OPENAI_API_KEY": "sk-0123456789abcdef0123"})
    assert any(line.strip().startswith("OpenAI: ") for line in lines)
    left = {data_class: models_left(snapshot, data_class) for data_class in DataClass}
    assert left[DataClass.PUBLIC] > 0
    assert left[DataClass.PUBLIC] >= left[DataClass.INTERNAL] >= left[DataClass.CONFIDENTIAL]
    for data_class, count in left.items():
        assert f"  data class {data_class.value}: {count} models" in lines


@pytest.mark.parametrize(
    ("days", "said"),
    [(-1.5, "have ended and count as unknown"), (10.0, "end within 30 days, and count as unknown then"), (3650.0, None)],
)
def test_records_that_ended_or_will_soon_are_named_where_a_class_has_fewer_models(tmp_path, days, said):
    file = tmp_path / "anyapi.toml"
    file.write_text(f"[storage]\ndata_dir = {json.dumps(str(tmp_path))}\n")
    config = load_config(file, {"OPENAI_API_KEY": "sk-0123456789abcdef0123"}, dt.datetime.now(dt.UTC))
    checked = config.catalogue.compiled
    age = (dt.datetime.now(dt.UTC).date() - checked).days
    context = msgspec.structs.replace(policy_context(config, config.catalogue, SERVED_PROTOCOLS), span_days=age + days)
    lines = list(start_lines(Snapshot(1, context, config.presets), (), ()))
    found = [line for line in lines if "catalogue's records" in line]
    assert found == ([] if said is None else [f"  The catalogue's records of OpenAI {said}: anyapi catalogue pending"])


def test_a_key_of_a_provider_that_is_not_served_is_named(tmp_path):
    _, lines = lines_for(tmp_path, {"COHERE_API_KEY": "co0123456789abcdef0123"}, SERVED_PROTOCOLS - {"cohere"})
    assert any("not served yet" in line and "COHERE_API_KEY" in line for line in lines)


def test_a_credential_that_is_declared_free_is_said_to_be_whatever_the_record_says():
    """It counts as free for `paid_only` also where the provider's record has no free tier of its own."""
    assert tier_words(Credential("c", "p", Tier.FREE), has_free_tier=False) == "free"


@pytest.mark.parametrize(
    ("tier", "has_free_tier", "words"),
    [
        (Tier.PAID, True, "paid"),
        (Tier.FREE, True, "free"),
        (Tier.UNDECLARED, True, "counts as free"),
        (Tier.UNDECLARED, False, "no free tier"),
    ],
)
def test_what_a_credential_counts_as(tier, has_free_tier, words):
    assert words in tier_words(Credential("c", "p", tier), has_free_tier=has_free_tier)


# On a small catalogue, so that every number is known.


def of(base, **fields):
    return Snapshot(1, base, dict(DEFAULT_PRESETS), **fields)


def three(**fields):
    """Three providers that keep nothing, keep for 30 days, and train; four models. Dated today, since the lines are computed for now."""
    policies = {"a": block(retention=kept("zero")), "b": block(retention=kept("limited", 30)), "c": block(training="by_default")}
    dated = provenance(verified_at=dt.datetime.now(dt.UTC).date())
    providers = [provider(name, policy, record=dated) for name, policy in policies.items()]
    endpoints = [
        endpoint("a", "acme/one"),
        endpoint("b", "acme/one"),
        endpoint("b", "acme/two"),
        endpoint("c", "acme/two"),
        endpoint("c", "acme/three"),
        endpoint("c", "acme/four"),
    ]
    return context(providers, endpoints, **fields)


def test_a_line_for_each_provider_that_is_served():
    assert list(provider_lines(three())) == ["  A: 1 models (paid)", "  B: 2 models (paid)", "  C: 3 models (paid)"]


def test_only_those_with_a_credential_and_an_adapter():
    some = three(credentials=[credential("a"), credential("b")])
    assert [line.split(":")[0].strip() for line in provider_lines(some)] == ["A", "B"]
    other = context([provider("a"), provider("b", protocol="gemini")])
    assert [line.split(":")[0].strip() for line in provider_lines(other)] == ["A"]


def test_models_that_are_not_served_there_are_named_and_those_out_of_reach_do_not_count():
    endpoints = [
        endpoint("a", "acme/one"),
        endpoint("a", "acme/two", protocol="azure-anthropic"),
        endpoint("a", "acme/three", region="us", id="a/us.three"),
        endpoint("a", "acme/three", region="global", id="a/global.three"),
        endpoint("a", "acme/four", region="us"),
    ]
    base = context([provider("a")], endpoints, credentials=[credential("a", region="de")])
    assert list(provider_lines(base)) == ["  A: 2 models (paid; used in de)", "    not served there: acme/two"]
    both = context([provider("a")], endpoints, credentials=[credential("a", "one", region="de"), credential("a", "two", region="us")])
    assert next(provider_lines(both)) == "  A: 3 models (paid; used in de, us)"
    deployed = context([provider("a")], endpoints, credentials=[credential("a", deployments={"one": "ours"})])
    assert next(provider_lines(deployed)) == "  A: 1 models (paid)"


@pytest.mark.parametrize(
    ("env", "line"),
    [
        ({"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "very/secret+1", "AWS_REGION": "eu-west-1"}, "; used in ie)"),
        ({"AZURE_API_KEY": "azure-key-of-ours", "AZURE_RESOURCE_NAME": "res"}, "    not served there: anthropic/claude-"),
        ({"GOOGLE_VERTEX_LOCATION": "europe-west3"}, "; used in de)"),
    ],
)
def test_clouds(tmp_path, env, line):
    file = tmp_path / "service account.json"
    file.write_text(key_file("https://oauth2.googleapis.com/token"))
    if "GOOGLE_VERTEX_LOCATION" in env:
        env = {**env, "GOOGLE_APPLICATION_CREDENTIALS": str(file)}
    _, lines = lines_for(tmp_path, env)
    assert any(line in each for each in lines), lines
    assert not any(secret in each for each in lines for secret in ("very/secret", "PRIVATE", "azure-key"))


def test_several_tiers_of_one_provider():
    free = provider("a", free_tier=block(training="by_default"))
    base = context([free], credentials=[credential("a", "one", "paid"), credential("a", "two", "free"), credential("a", "three", "paid")])
    assert list(provider_lines(base)) == ["  A: 1 models (free, paid)"]


@pytest.mark.parametrize(
    ("data_class", "count"), [(DataClass.PUBLIC, 4), (DataClass.INTERNAL, 2), (DataClass.CONFIDENTIAL, 1), (DataClass.REGULATED, 0)]
)
def test_what_each_class_leaves(data_class, count):
    assert models_left(of(three()), data_class) == count


def test_the_gateways_own_floor_counts():
    strict = of(three(), gateway_settings=Settings(retention_days=0, training_allowed=False))
    assert models_left(strict, DataClass.PUBLIC) == 1


def test_models_without_a_credential_do_not_count():
    assert models_left(of(three(credentials=[credential("a")])), DataClass.PUBLIC) == 1


def test_all_lines():
    lines = list(start_lines(of(three(credentials=[credential("a")])), ("a notice",), (credential("b", "b-key"),)))
    assert lines == [
        "  A: 1 models (paid)",
        "  data class public: 1 models",
        "  data class internal: 1 models",
        "  data class confidential: 1 models",
        "  data class regulated: 0 models",
        "  B: key found (b-key), but its protocol is not served yet",
        "  a notice",
        "  There is no API key yet. Create one: anyapi keys create",
    ]


def test_with_a_key_nothing_more_is_to_be_done():
    caller = Principal(key="k", account="a", requirement=UNCONSTRAINED)
    assert not any("API key" in line for line in start_lines(of(three(), principals={b"x": caller}), (), ()))
