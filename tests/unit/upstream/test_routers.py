"""Routers: the requirement in each one's own words, and whom it means by a name."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyapi.catalogue.load import load_catalogue
from anyapi.domain.evidence import Told
from anyapi.domain.requirement import Requirement
from anyapi.upstream.routers import HUGGINGFACE, OPENROUTER, VERCEL, host_named, plain, told, with_words

PROVIDERS = load_catalogue().providers
ROUTERS = {"openrouter": OPENROUTER, "vercel": VERCEL, "huggingface": HUGGINGFACE}


def words(name, hosts=frozenset(), **asked):
    router, requirement = ROUTERS[name], Requirement(**{key: _frozen(value) for key, value in asked.items()})
    said = told(router, name, requirement, hosts or frozenset({name}))
    body = with_words(b'{"model":"m"}', router, requirement, said)
    fields = json.loads(body)
    assert fields.pop("model") == "m"
    return fields, said


def _frozen(value):
    return frozenset(value) if isinstance(value, set) else value


@pytest.mark.parametrize(
    ("asked", "provider"),
    [
        ({}, None),
        ({"training_allowed": False}, {"data_collection": "deny"}),
        ({"retention_days": 0.0}, {"zdr": True}),
        ({"retention_days": 0.5}, None),
        ({"retention_days": 30.0}, None),
        ({"providers_ignore": {"deepseek", "zai", "ollama", "openrouter"}}, {"ignore": ["deepseek", "z-ai"]}),
        ({"providers_only": {"openrouter", "coreweave", "ollama"}}, {"only": ["wandb"]}),
        ({"providers_only": {"openrouter", "ollama"}}, None),
        ({"providers_only": {"openrouter"}}, None),
        ({"regions": {"eu"}, "certifications": {"soc2"}, "paid_only": True, "human_review_allowed": False}, None),
    ],
)
def test_openrouter(asked, provider):
    fields, _ = words("openrouter", **asked)
    assert fields == ({} if provider is None else {"provider": provider})


def test_vercel():
    asked = {"training_allowed": False, "retention_days": 0.0, "providers_only": {"vercel", "google-vertex"}, "providers_ignore": {"xai"}}
    fields, said = words("vercel", **asked)
    gateway = {"disallowPromptTraining": True, "zeroDataRetention": True, "only": ["vertex"]}
    assert fields == {"providerOptions": {"gateway": gateway}}
    assert said == Told(frozenset({"google-vertex"})), "what it cannot be told is not held against it"


def test_one_without_words_is_told_nothing():
    fields, said = words("huggingface", training_allowed=False, retention_days=0.0, providers_ignore={"groq"}, providers_only={"nebius"})
    assert (fields, said) == ({}, Told())


def test_what_was_told_is_remembered_in_our_ids():
    _, said = words("openrouter", providers_only={"openrouter", "zai", "ollama"}, providers_ignore={"moonshot"})
    assert said == Told(frozenset({"zai"}), frozenset({"moonshot"}))


@pytest.mark.parametrize(
    ("only", "sent", "held"),
    [
        (None, ["amazon-bedrock", "anthropic"], frozenset()),
        ({"openrouter"}, ["amazon-bedrock", "anthropic"], frozenset()),
        ({"openrouter", "anthropic", "deepseek"}, ["anthropic"], frozenset({"anthropic"})),
        ({"openrouter", "deepseek"}, ["amazon-bedrock", "anthropic"], frozenset()),
    ],
)
def test_a_promised_host_is_told_and_no_caller_can_have_another_used(only, sent, held):
    fields, said = words(
        "openrouter", frozenset({"anthropic", "amazon-bedrock", "ollama"}), **({} if only is None else {"providers_only": only})
    )
    assert fields == {"provider": {"only": sent}}
    assert said.only == held


def test_where_the_router_itself_may_answer_no_host_is_promised():
    fields, said = words("openrouter", frozenset({"openrouter", "anthropic"}))
    assert (fields, said) == ({}, Told())


@given(st.dictionaries(st.text(), st.text(), min_size=1))
def test_the_rest_of_the_body_stays_as_it_was(fields):
    for name in ("provider", "providerOptions"):
        fields.pop(name, None)
    body = json.dumps(fields | {"model": "m"}, ensure_ascii=False).encode("utf-8", "surrogatepass")
    for router in (OPENROUTER, VERCEL):
        changed = with_words(body, router, Requirement(training_allowed=False), Told())
        assert changed.startswith(body[:-1] + b",")
        assert json.loads(changed.decode("utf-8", "surrogatepass")).items() >= (fields | {"model": "m"}).items()


def test_hosts_are_of_the_catalogue():
    for router in ROUTERS.values():
        assert set(router.slugs) | set(router.names.values()) <= set(PROVIDERS)
        assert all(plain(name) == name for name in router.names)


@pytest.mark.parametrize("router", ROUTERS)
def test_each_slug_means_one_host(router):
    slugs = ROUTERS[router].slugs
    assert {host_named(slug, ROUTERS[router], PROVIDERS) for slug in slugs.values()} == set(slugs)
    assert all(host_named(slug.upper(), ROUTERS[router], PROVIDERS) == host for host, slug in slugs.items())


@pytest.mark.parametrize(
    ("router", "name", "host"),
    [
        ("openrouter", "DeepSeek", "deepseek"),
        ("openrouter", "Google", "google-vertex"),
        ("openrouter", "Google AI Studio", "google-ai-studio"),
        ("openrouter", "Amazon Bedrock", "amazon-bedrock"),
        ("openrouter", "Z.AI", "zai"),
        ("openrouter", "Moonshot AI", "moonshot"),
        ("openrouter", "GMICloud", "gmicloud"),
        ("openrouter", "Lambda Inference API", "lambda"),
        ("vercel", "google", "google-ai-studio"),
        ("vercel", "vertexAnthropic", "google-vertex"),
        ("huggingface", "fireworks-ai", "fireworks"),
        ("huggingface", "hf-inference", "huggingface"),
        ("openrouter", "My own prompt, word for word", "unrecognised"),
        ("openrouter", "", "unrecognised"),
        ("openrouter", "(...)", "unrecognised"),
    ],
)
def test_whom_a_name_means(router, name, host):
    assert host_named(name, ROUTERS[router], PROVIDERS) == host
