"""Policy fields of a body."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyapi.domain.call import NO_PREFERENCE, Preference, Sort
from anyapi.domain.data_policy import Confidence
from anyapi.domain.requirement import DataClass, Settings
from anyapi.errors import BadRequest
from anyapi.policy import parse
from anyapi.policy.parse import Known, parse_data_policy, parse_provider, parse_provider_options

KNOWN = Known(frozenset({"openai", "groq"}), frozenset({"soc2", "iso27001"}))


def error_of(read, value):
    try:
        read(value, KNOWN)
    except BadRequest as error:
        return error
    return None


def refusal(read, value):
    with pytest.raises(BadRequest) as caught:
        read(value, KNOWN)
    return caught.value.message, caught.value.field


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, Settings()),
        ({"training_allowed": True}, Settings()),
        ({"training_allowed": False}, Settings(training_allowed=False)),
        ({"retention_days": 0}, Settings(retention_days=0)),
        ({"retention_days": 30.5}, Settings(retention_days=30.5)),
        ({"paid_only": False}, Settings()),
        ({"paid_only": True}, Settings(paid_only=True)),
        ({"certifications": []}, Settings()),
        ({"certifications": ["soc2"]}, Settings(certifications=frozenset({"soc2"}))),
        ({"regions": []}, Settings(regions=frozenset())),
        ({"regions": ["eu", "local"]}, Settings(regions=frozenset({"eu", "local"}))),
        ({"providers": {}}, Settings()),
        ({"providers": {"only": []}}, Settings(providers_only=frozenset())),
        ({"providers": {"only": ["groq"]}}, Settings(providers_only=frozenset({"groq"}))),
        ({"providers": {"ignore": []}}, Settings()),
        ({"providers": {"ignore": ["groq"]}}, Settings(providers_ignore=frozenset({"groq"}))),
        ({"human_review_allowed": True}, Settings()),
        ({"human_review_allowed": False}, Settings(human_review_allowed=False)),
        ({"min_confidence": "none"}, Settings()),
        ({"min_confidence": "secondary"}, Settings(min_confidence=Confidence.SECONDARY)),
        ({"min_confidence": "primary"}, Settings(min_confidence=Confidence.PRIMARY)),
        ({"flagged_copies": "shown"}, Settings()),
        ({"flagged_copies": "counted"}, Settings(flagged_copies_counted=True)),
        ({"data_class": "regulated"}, Settings(data_class=DataClass.REGULATED)),
    ],
)
def test_data_policy(value, expected):
    assert parse_data_policy(value, KNOWN) == expected


def test_all_of_data_policy_at_once():
    value = {
        "training_allowed": False,
        "retention_days": 30,
        "paid_only": True,
        "certifications": ["soc2"],
        "regions": ["eu"],
        "providers": {"only": ["groq"], "ignore": ["openai"]},
        "human_review_allowed": False,
        "min_confidence": "primary",
        "flagged_copies": "counted",
        "data_class": "internal",
    }
    assert set(value) == set(parse.DATA_POLICY)
    assert parse_data_policy(value, KNOWN) == Settings(
        training_allowed=False,
        retention_days=30,
        paid_only=True,
        certifications=frozenset({"soc2"}),
        regions=frozenset({"eu"}),
        providers_only=frozenset({"groq"}),
        providers_ignore=frozenset({"openai"}),
        human_review_allowed=False,
        min_confidence=Confidence.PRIMARY,
        flagged_copies_counted=True,
        data_class=DataClass.INTERNAL,
    )


@pytest.mark.parametrize(
    ("read", "name", "keys"),
    [
        (parse_data_policy, "data_policy", parse.DATA_POLICY),
        (parse_provider, "provider", parse.PROVIDER),
        (lambda value, _known: parse_provider_options({"gateway": value}), "providerOptions.gateway", parse.GATEWAY_OPTIONS),
    ],
)
def test_null_is_refused_in_every_field_which_is_named(read, name, keys):
    assert refusal(read, None)[1] == name
    for key in keys:
        message, field = refusal(read, {key: None})
        assert field == f"{name}.{key}"
        assert message.startswith(f"`{name}.{key}` must be ")
    for wrong in (7, "x", [], [{}], {"nope": 1}, True):
        for key in keys:
            error = error_of(read, {key: wrong})
            assert error is None or error.field.startswith(f"{name}.{key}")


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ([], "data_policy"),
        ({"training_allowed": 1}, "data_policy.training_allowed"),
        ({"training_allowed": "false"}, "data_policy.training_allowed"),
        ({"retention_days": True}, "data_policy.retention_days"),
        ({"retention_days": "30"}, "data_policy.retention_days"),
        ({"retention_days": -1}, "data_policy.retention_days"),
        ({"retention_days": float("nan")}, "data_policy.retention_days"),
        ({"retention_days": 10**400}, "data_policy.retention_days"),
        ({"certifications": ["odd"]}, "data_policy.certifications"),
        ({"regions": ["EU"]}, "data_policy.regions"),
        ({"providers": {"only": ["odd"]}}, "data_policy.providers.only"),
        ({"providers": {"ignore": ["odd"]}}, "data_policy.providers.ignore"),
        ({"providers": {"order": []}}, "data_policy.providers.order"),
        ({"providers": []}, "data_policy.providers"),
        ({"min_confidence": "contracted"}, "data_policy.min_confidence"),
        ({"flagged_copies": "ignored"}, "data_policy.flagged_copies"),
        ({"data_class": "secret"}, "data_policy.data_class"),
        ({"retention": 3}, "data_policy.retention"),
        ({"more_classes": []}, "data_policy.more_classes"),
    ],
)
def test_refusals_of_data_policy(value, field):
    message, named = refusal(parse_data_policy, value)
    assert named == field
    assert f"`{field}" in message


def test_a_typo_is_refused_with_the_near_name():
    assert refusal(parse_data_policy, {"training_alowed": False})[0] == (
        "`data_policy.training_alowed` is unknown. Did you mean `training_allowed`?"
    )
    assert refusal(parse_provider, {"datacollection": "deny"})[0] == "`provider.datacollection` is unknown. Did you mean `data_collection`?"


@pytest.mark.parametrize(
    ("value", "asked", "preference"),
    [
        ({}, Settings(), NO_PREFERENCE),
        ({"zdr": True}, Settings(retention_days=0), NO_PREFERENCE),
        ({"zdr": False}, Settings(), NO_PREFERENCE),
        ({"data_collection": "deny"}, Settings(training_allowed=False), NO_PREFERENCE),
        ({"data_collection": "allow"}, Settings(), NO_PREFERENCE),
        ({"only": ["groq"]}, Settings(providers_only=frozenset({"groq"})), NO_PREFERENCE),
        ({"only": []}, Settings(providers_only=frozenset()), NO_PREFERENCE),
        ({"ignore": ["groq"]}, Settings(providers_ignore=frozenset({"groq"})), NO_PREFERENCE),
        ({"order": ["groq", "openai", "groq"]}, Settings(), Preference(order=("groq", "openai"))),
        ({"sort": "throughput"}, Settings(), Preference(sort=Sort.THROUGHPUT)),
        ({"allow_fallbacks": False}, Settings(), Preference(allow_fallbacks=False)),
        ({"max_price": {}}, Settings(), NO_PREFERENCE),
        ({"max_price": {"prompt": 1}}, Settings(), Preference(max_price_input=1)),
        ({"max_price": {"completion": 0}}, Settings(), Preference(max_price_output=0)),
        ({"require_parameters": True}, Settings(), Preference(require_parameters=True)),
        ({"failover_on": []}, Settings(), NO_PREFERENCE),
        ({"failover_on": ["content_refusal"]}, Settings(), Preference(failover_on_refusal=True)),
        (
            {"zdr": True, "data_collection": "deny", "only": ["groq"], "sort": "price", "max_price": {"prompt": 1, "completion": 2}},
            Settings(training_allowed=False, retention_days=0, providers_only=frozenset({"groq"})),
            Preference(sort=Sort.PRICE, max_price_input=1, max_price_output=2),
        ),
    ],
)
def test_provider(value, asked, preference):
    assert parse_provider(value, KNOWN) == (asked, preference)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"zdr": 1}, "provider.zdr"),
        ({"data_collection": "maybe"}, "provider.data_collection"),
        ({"only": ["odd"]}, "provider.only"),
        ({"ignore": "groq"}, "provider.ignore"),
        ({"order": ["odd"]}, "provider.order"),
        ({"sort": "cheap"}, "provider.sort"),
        ({"allow_fallbacks": "no"}, "provider.allow_fallbacks"),
        ({"max_price": 3}, "provider.max_price"),
        ({"max_price": None}, "provider.max_price"),
        ({"max_price": {"prompt": -1}}, "provider.max_price.prompt"),
        ({"max_price": {"completion": None}}, "provider.max_price.completion"),
        ({"max_price": {"image": 1}}, "provider.max_price.image"),
        ({"require_parameters": 1}, "provider.require_parameters"),
        ({"failover_on": ["timeout"]}, "provider.failover_on"),
        ({"failover_on": "content_refusal"}, "provider.failover_on"),
        ({"quantizations": []}, "provider.quantizations"),
    ],
)
def test_refusals_of_provider(value, field):
    assert refusal(parse_provider, value)[1] == field


def read_options(value, _known):
    """Like the other readers, though there is nothing to know here."""
    return parse_provider_options(value)


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        ({}, Settings()),
        ({"openai": {"whatever": None}, "gateway": {}}, Settings()),
        ({"openai": None}, Settings()),
        ({"gateway": {"zeroDataRetention": True}}, Settings(retention_days=0)),
        ({"gateway": {"zeroDataRetention": False}}, Settings()),
        ({"gateway": {"disallowPromptTraining": True}}, Settings(training_allowed=False)),
    ],
)
def test_provider_options(value, asked):
    assert parse_provider_options(value) == asked


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, "providerOptions"),
        ([], "providerOptions"),
        ({"gateway": None}, "providerOptions.gateway"),
        ({"gateway": {"zeroDataRetention": 1}}, "providerOptions.gateway.zeroDataRetention"),
        ({"gateway": {"disallowPromptTraining": "yes"}}, "providerOptions.gateway.disallowPromptTraining"),
        ({"gateway": {"only": ["groq"]}}, "providerOptions.gateway.only"),
        ({"gateway": {"order": ["groq"]}}, "providerOptions.gateway.order"),
        ({"gateway": {"zdr": True}}, "providerOptions.gateway.zdr"),
    ],
)
def test_refusals_of_provider_options(value, field):
    assert refusal(read_options, value)[1] == field
    assert refusal(read_options, [])[0] == "`providerOptions` must be an object."


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
SECRET = "s3cr3t-c4n4ry"


@given(st.sampled_from(["data_policy", "provider", "gateway"]), st.data())
@settings(max_examples=300, deadline=None)
def test_anything_gives_settings_or_a_bad_request_that_does_not_repeat_a_value(where, data):
    keys = {"data_policy": parse.DATA_POLICY, "provider": parse.PROVIDER, "gateway": parse.GATEWAY_OPTIONS}[where]
    secret = st.sampled_from([SECRET, [SECRET], {"only": [SECRET]}, {"prompt": SECRET}])
    value = data.draw(st.dictionaries(st.sampled_from(keys) | st.text(max_size=8), json_values | secret, max_size=4) | json_values)
    readers = {"data_policy": parse_data_policy, "provider": parse_provider}
    if where == "gateway":
        error = error_of(read_options, {"gateway": value})
    else:
        error = error_of(readers[where], value)
    if error is not None:
        assert error.field
        assert SECRET not in error.message
        assert SECRET not in error.field
