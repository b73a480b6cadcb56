"""Names without an author: each means one model or none."""

import msgspec
from tests.unit.policy.samples import MODEL, context, endpoint, provider

from anyapi.catalogue.load import load_catalogue
from anyapi.policy.names import bare_names, resolved


def names_of(*endpoints, aliases=None):
    catalogue = context([provider("p"), provider("q")], endpoints).catalogue
    models = {name: msgspec.structs.replace(model, aliases=(aliases or {}).get(name, ())) for name, model in catalogue.models.items()}
    return bare_names(msgspec.structs.replace(catalogue, models=models))


def test_a_name_at_a_provider_means_the_model_that_it_serves_there():
    assert names_of(endpoint("p", upstream_model="one-2026"), endpoint("q", upstream_model="One")) == {"one-2026": MODEL, "One": MODEL}


def test_two_providers_may_use_the_same_name_for_one_model():
    assert names_of(endpoint("p", upstream_model="one"), endpoint("q", upstream_model="one")) == {"one": MODEL}


def test_a_name_of_two_models_means_none():
    assert names_of(endpoint("p", upstream_model="one"), endpoint("q", "acme/two", upstream_model="one")) == {}
    aliased = {"acme/two": ("one",)}
    assert names_of(endpoint("p", upstream_model="one"), endpoint("q", "acme/two", upstream_model="two"), aliases=aliased) == {
        "two": "acme/two"
    }


def test_a_name_that_says_more_than_the_model_is_none():
    more = [{"region": "us"}, {"tier": "priority"}, {"privacy_mode": "private"}]
    assert names_of(*(endpoint("p", upstream_model=f"one-{place}", **fields) for place, fields in enumerate(more))) == {}


def test_a_name_with_an_author_is_none():
    assert names_of(endpoint("p", upstream_model="other/one")) == {}


def test_aliases():
    assert names_of(endpoint("p", upstream_model="one"), aliases={MODEL: ("one-20260101",)}) == {"one": MODEL, "one-20260101": MODEL}


def test_models_are_named_once_each_and_unknown_names_stay():
    assert resolved((MODEL, "one", "two", "one"), {"one": MODEL}) == (MODEL, "two")


def test_the_names_that_agents_have_built_in():
    names = bare_names(load_catalogue())
    assert names["claude-haiku-4-5-20251001"] == "anthropic/claude-haiku-4.5"
    assert names["claude-sonnet-4-5-20250929"] == "anthropic/claude-sonnet-4.5"
    assert names["claude-opus-4-8"] == "anthropic/claude-opus-4.8"
    assert names["gpt-5.2"] == "openai/gpt-5.2"
    assert "us.anthropic.claude-opus-4-8" not in names
    assert not any("/" in name for name in names)
