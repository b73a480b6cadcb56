"""No policy is passed over because its name is misspelt or stands in the wrong place; fields that are nobody's pass on."""

import json

import pytest

from anyapi.errors import BadRequest
from anyapi.gateway.formats import anthropic_messages, openai_chat, openai_embeddings, openai_responses
from anyapi.gateway.formats.field_names import OBJECTS, PLAIN
from anyapi.gateway.formats.foreign import MEANT, WRAPPERS
from anyapi.policy.parse import parse_data_policy, parse_provider
from anyapi.upstream.translate.anthropic_messages_to_openai_chat import REFUSED

BODIES = {
    openai_chat: {"model": "a/b", "messages": [{"role": "user", "content": "hi"}]},
    anthropic_messages: {"model": "a/b", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]},
    openai_responses: {"model": "a/b", "input": "hi"},
    openai_embeddings: {"model": "a/b", "input": "hi"},
}
FORMATS = pytest.mark.parametrize("form", BODIES, ids=lambda form: form.__name__.rsplit(".", 1)[1])


def parse(form, **more):
    return form.parse(json.dumps({**BODIES[form], **more}).encode())


@FORMATS
@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("dataPolicy", "data_policy"),
        ("Data_Policy", "data_policy"),
        ("data-policy", "data_policy"),
        ("data_polcy", "data_policy"),
        ("data_policies", "data_policy"),
        ("Provider", "provider"),
        ("provider_options", "providerOptions"),
        ("providerOption", "providerOptions"),
        ("retention_days", "data_policy.retention_days"),
        ("retentionDays", "data_policy.retention_days"),
        ("data_class", "data_policy.data_class"),
        ("providers", "data_policy.providers"),
        ("zdr", "provider.zdr"),
        ("zeroDataRetention", "providerOptions.gateway.zeroDataRetention"),
    ],
)
def test_a_policy_that_would_be_passed_over_is_refused(form, name, meant):
    with pytest.raises(BadRequest, match=f"Did you mean `{meant}`") as caught:
        parse(form, **{name: {"retention_days": 0}})
    assert caught.value.field == name


@FORMATS
def test_a_name_that_is_no_word_is_not_repeated(form):
    with pytest.raises(BadRequest) as caught:
        parse(form, **{"DATA. -policy": {}})
    assert (caught.value.field, "DATA" in str(caught.value)) == ("body", False)


@FORMATS
@pytest.mark.parametrize("name", ["documents", "data", "prompt_mode", "provider_name", "dimension", "debug", "x" * 41, "data_policy" * 4])
def test_what_is_nobody_s_passes_on(form, name):
    assert name in parse(form, **{name: 1}).fields


@pytest.mark.parametrize("field", sorted(PLAIN - {"model", "messages"}))
def test_plain_fields_of_a_chat_pass_as_they_are(field):
    raw = openai_chat.parse(json.dumps({**BODIES[openai_chat], field: {"x": 1}}).encode())
    assert json.loads(bytes(raw.fields[field])) == {"x": 1}


def test_nothing_that_must_be_looked_at_is_plain():
    looked_at = {"stream", "store", "metadata", "tools", *openai_chat.OURS, *openai_chat.STATEFUL, *WRAPPERS, *REFUSED}
    assert looked_at.isdisjoint(PLAIN)
    assert {*anthropic_messages.beyond.REFUSED, *anthropic_messages.beyond.SEARCHING, anthropic_messages.beyond.KEEPING}.isdisjoint(PLAIN)


def test_every_setting_and_switch_is_known_by_its_name():
    """What the parsers list as known is what a misplaced name is compared with."""
    for read, where in ((parse_data_policy, "data_policy."), (parse_provider, "provider.")):
        with pytest.raises(BadRequest) as caught:
            read({"qq": 1}, None)
        listed = set(str(caught.value).partition("Known here: ")[2].rstrip(".").split(", "))
        ours = {meant.removeprefix(where) for meant in MEANT.values() if meant.startswith(where) and meant not in OBJECTS}
        assert listed - ours <= {"only", "ignore", "order", "sort"}
        assert ours <= listed


@FORMATS
@pytest.mark.parametrize("name", ["Gateway", "GATEWAY", "gatway", "gateways"])
def test_options_for_a_gateway_must_be_named_so(form, name):
    with pytest.raises(BadRequest, match="only `gateway` is read") as caught:
        parse(form, providerOptions={name: {"zeroDataRetention": True}})
    assert caught.value.field == "providerOptions"


@FORMATS
@pytest.mark.parametrize(
    ("fields", "adjusted"),
    [
        ({"providerOptions": {"openai": {"user": "u"}}}, {"providerOptions"}),
        ({"providerOptions": {"gateway": {"zeroDataRetention": True}, "openai": {"x": 1}}}, {"providerOptions"}),
        ({"providerOptions": {"gateway": {"zeroDataRetention": True}, "openai": {}}}, set()),
        ({"transforms": ["middle-out"], "route": "fallback"}, {"transforms", "route"}),
        ({"transforms": None}, set()),
        ({"transforms": ["middle-out"], "metadata": {"k": "v"}, "store": True}, {"transforms", "metadata", "store"}),
    ],
)
def test_what_is_left_out_of_other_gateways_fields_is_named(form, fields, adjusted):
    request = parse(form, **fields)
    assert set(request.adjusted) == adjusted
    assert request.fields.keys().isdisjoint(fields)
