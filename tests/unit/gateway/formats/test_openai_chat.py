"""Chat completions as clients send them: what is taken off, what is refused and with which field, and what passes untouched."""

import json

import msgspec
import pytest

from anyapi.domain.call import NO_FACTS, NO_PREFERENCE, App, Facts, Preference, Tag
from anyapi.domain.requirement import Settings
from anyapi.errors import BadRequest
from anyapi.gateway.formats.foreign import WRAPPERS
from anyapi.gateway.formats.openai_chat import MAX_MODEL_NAME, MOST_POLICY, OURS, ChatRequest, parse, read_question
from anyapi.gateway.formats.policy_fields import read_policy
from anyapi.policy.parse import Known

KNOWN = Known(frozenset({"p", "q"}), frozenset({"soc2"}))
MESSAGES = [{"role": "user", "content": "h\u00e9llo"}]


def body(**fields):
    whole = {"model": "acme/one", "messages": MESSAGES, **fields}
    return json.dumps({name: value for name, value in whole.items() if value != "absent"}).encode()


def sent(request):
    """The fields that would go on, decoded."""
    return {name: json.loads(bytes(raw)) for name, raw in request.fields.items()}


def refused(data, field):
    with pytest.raises(BadRequest) as caught:
        parse(data)
    assert caught.value.field == field
    assert "s3cret" not in str(caught.value)
    return caught.value


def test_the_common_request():
    request = parse(body(temperature=0.5, user="u"))
    assert sent(request) == {"model": "acme/one", "messages": MESSAGES, "temperature": 0.5, "user": "u"}
    assert (request.models, request.facts, request.app, request.policy_raw) == (("acme/one",), NO_FACTS, None, b"")
    assert (request.stream, request.wants_usage, request.adjusted) == (False, False, ())
    assert request.prompt_bytes == len(json.dumps(MESSAGES))


def test_nothing_of_a_request_is_printed():
    request = parse(body(messages=[{"role": "user", "content": "s3cret"}]))
    assert (repr(request), str(request), f"{[request]}") == ("<ChatRequest>", "<ChatRequest>", "[<ChatRequest>]")
    assert repr(ChatRequest()) == "<ChatRequest>"


@pytest.mark.parametrize("messages", ["absent", None, "s3cret", {}, 5, True])
def test_messages_must_be_a_list(messages):
    refused(body(messages=messages), "messages")


def test_what_is_in_the_messages_is_the_providers_business():
    for messages in ([], [1, "x", None], [{"role": "user", "role2": [{}]}]):
        assert sent(parse(body(messages=messages)))["messages"] == messages


@pytest.mark.parametrize("model", ["absent", None, 5, ["acme/one"], {}, "x" * (MAX_MODEL_NAME + 1)])
@pytest.mark.parametrize("more", [{}, {"stream": True}, {"data_policy": {}}])
def test_a_model_is_a_name(model, more):
    refused(body(model=model, **more), "model")


def test_a_model_may_be_written_with_escapes():
    assert parse(b'{"model":"acme\\/\\u006fne","messages":[]}').models == ("acme/one",)


@pytest.mark.parametrize(
    ("model", "models", "expected"),
    [
        ("acme/one", ["acme/two"], ("acme/one", "acme/two")),
        ("acme/one", ["acme/one", "acme/two", "acme/two"], ("acme/one", "acme/two")),
        ("absent", ["acme/two", "acme/one"], ("acme/two", "acme/one")),
        ("acme/one", [], ("acme/one",)),
    ],
)
def test_a_chain_of_models(model, models, expected):
    request = parse(body(model=model, models=models))
    assert request.models == expected
    assert "models" not in request.fields


@pytest.mark.parametrize("models", ["acme/two", {}, None, [1], ["a", None], 5])
def test_models_are_a_list_of_names(models):
    refused(body(models=models), "models")


def test_a_chain_has_a_length():
    assert len(parse(body(models=[f"a/{number}" for number in range(7)])).models) == 8
    refused(body(models=[f"a/{number}" for number in range(8)]), "models")
    refused(body(model="absent", models=[]), "models")


@pytest.mark.parametrize(
    ("stream", "options", "expected"),
    [
        (True, "absent", (True, False)),
        (False, "absent", (False, False)),
        (True, None, (True, False)),
        (True, {}, (True, False)),
        (True, {"include_usage": True}, (True, True)),
        (True, {"include_usage": False, "other": 1}, (True, False)),
    ],
)
def test_streams(stream, options, expected):
    request = parse(body(stream=stream, stream_options=options))
    assert (request.stream, request.wants_usage) == expected


def test_a_stream_that_is_null_is_none():
    """OpenAI's description has it so (`anyOf` boolean and null)."""
    request = parse(b'{"model":"a/b","messages":[],"stream":null}')
    assert (request.stream, bytes(request.fields["stream"])) == (False, b"null")


@pytest.mark.parametrize("stream", ["null", "true", 1, [], {}])
def test_stream_is_true_or_false(stream):
    refused(body(stream=stream), "stream")


@pytest.mark.parametrize("options", ["s3cret", 5, [], {"include_usage": "yes"}, {"include_usage": None}])
def test_stream_options_are_an_object(options):
    refused(body(stream=True, stream_options=options), "stream_options")


# --- what never leaves


@pytest.mark.parametrize("name", OURS)
def test_what_is_ours_is_taken_off(name):
    value = {"models": ["a/b"], "tags": [], "route": "fallback", "transforms": []}.get(name, {})
    request = parse(body(**{name: value}))
    assert set(request.fields) == {"model", "messages"}


@pytest.mark.parametrize("name", ["previous_response_id", "conversation", "background", "webhook_url"])
def test_state_at_a_provider_is_refused(name):
    for value in ("s3cret", True, {}, 1):
        assert "keeps state" in str(refused(body(**{name: value}), name))
    for value in (None, False):
        assert set(parse(body(**{name: value})).fields) == {"model", "messages"}


@pytest.mark.parametrize(("store", "adjusted"), [(True, ("store",)), (False, ()), (None, ())])
def test_store_is_switched_off(store, adjusted):
    request = parse(body(store=store))
    assert ("store" in request.fields, request.adjusted) == (False, adjusted)


@pytest.mark.parametrize("store", ["s3cret", 1, [], {}])
def test_store_is_true_or_false(store):
    refused(body(store=store), "store")


def test_metadata_is_for_us():
    request = parse(body(metadata={}, store=True))
    assert (request.app, request.adjusted, "metadata" in request.fields) == (App(), ("store", "metadata"), False)
    assert parse(body(metadata=None)).app is None
    assert parse(body(metadata=None)).adjusted == ()


def test_app_fields_in_the_metadata():
    metadata = {"app_id": "shop", "other": "s3cret"}
    app = parse(body(metadata=metadata)).app
    assert "s3cret" not in repr(app)


@pytest.mark.parametrize("metadata", ["s3cret", 5, []])
def test_metadata_is_an_object(metadata):
    assert refused(body(metadata=metadata), "metadata").field == "metadata"


# --- facts


@pytest.mark.parametrize(
    ("more", "facts"),
    [
        ({}, NO_FACTS),
        ({"tags": []}, NO_FACTS),
        ({"tags": ["chat_completions:vision"]}, Facts(tags=frozenset({Tag.VISION}))),
        ({"tools": [{"type": "web_search"}]}, Facts(web_search=True)),
        ({"tools": [{"type": "function"}]}, NO_FACTS),
        ({"web_search_options": {}}, Facts(web_search=True)),
        ({"web_search_options": {}, "tags": ["chat_completions:vision"]}, Facts(tags=frozenset({Tag.VISION}), web_search=True)),
    ],
)
def test_facts(more, facts):
    assert parse(body(**more)).facts == facts


def test_a_long_prompt_has_a_lower_bound_of_tokens():
    assert parse(body(messages=[{"content": "x" * 300_000}])).facts.least_tokens == 4096
    assert parse(body(messages=[{"content": "x" * 200_000}])).facts is NO_FACTS


def test_the_common_request_shares_its_facts():
    """By identity: the memo of decisions looks at that first."""
    assert parse(body()).facts is NO_FACTS
    assert parse(body(stream=True)).facts is NO_FACTS
    assert parse(body(data_policy={"retention_days": 0})).facts is NO_FACTS


# --- policy


def asked(**fields):
    request = parse(body(**fields))
    return read_policy(request.policy, KNOWN)


def test_the_policy_fields_are_read_apart():
    settings, preference = asked(
        data_policy={"training_allowed": False},
        provider={"zdr": True, "only": ["p"]},
        providerOptions={"gateway": {"zeroDataRetention": True}, "openai": {"x": "s3cret"}},
    )
    assert Settings(training_allowed=False) in settings
    assert Settings(retention_days=0.0, providers_only=frozenset({"p"})) in settings
    assert Settings(retention_days=0.0) in settings
    assert preference == NO_PREFERENCE


def test_only_provider_states_a_preference():
    assert asked(provider={"order": ["p"]}, providerOptions={"gateway": {}})[1] == Preference(order=("p",))
    assert asked(provider={"zdr": True})[1] == NO_PREFERENCE
    assert asked()[0] == []


def test_equal_policies_have_equal_keys():
    one = parse(body(data_policy={"retention_days": 0}, provider={"zdr": True}))
    two = parse(body(messages=[], provider={"zdr": True}, data_policy={"retention_days": 0}, temperature=1))
    assert one.policy_raw == two.policy_raw != b""
    assert parse(body(data_policy={"retention_days": 1})).policy_raw != parse(body(provider={"retention_days": 1})).policy_raw


def test_the_key_tells_fields_apart():
    """What one field holds must never look like another field."""
    keys = {
        parse(body(data_policy={"a": 1})).policy_raw,
        parse(body(provider={"a": 1})).policy_raw,
        parse(body(data_policy={}, provider={"a": 1})).policy_raw,
        parse(body(data_policy={"a": 1}, provider={})).policy_raw,
    }
    assert len(keys) == 4


@pytest.mark.parametrize("options", [{}, {"openai": {"text": "s3cret"}}])
def test_options_of_others_are_no_policy(options):
    request = parse(body(providerOptions=options))
    assert b"s3cret" not in request.policy_raw
    assert read_policy(request.policy, KNOWN) == ([], NO_PREFERENCE)


@pytest.mark.parametrize("value", [None, [], "s3cret", 5])
@pytest.mark.parametrize("field", ["data_policy", "provider", "providerOptions"])
def test_policy_fields_are_objects(field, value):
    with pytest.raises(BadRequest) as caught:
        asked(**{field: value})
    assert caught.value.field.startswith(field)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("text", ['{"zdr":true,"zdr":false}', '{"max_price":{"prompt":1,"prom\\u0070t":2}}'])
def test_a_policy_field_with_a_key_twice_is_refused(text):
    request = parse(b'{"model":"m","messages":[],"provider":' + text.encode() + b"}")
    with pytest.raises(BadRequest, match="twice") as caught:
        read_policy(request.policy, KNOWN)
    assert caught.value.field == "provider"


def test_policy_fields_have_a_size():
    refused(body(data_policy={"regions": ["eu"] * MOST_POLICY}), "data_policy")


@pytest.mark.parametrize("name", WRAPPERS)
def test_an_argument_of_an_sdk_that_came_as_a_field_is_refused(name):
    """What it holds was meant to be in force."""
    refused(body(**{name: {"data_policy": {"retention_days": 0}}}), name)
    refused(body(**{name: None}, data_policy={}), name)
    with pytest.raises(BadRequest) as caught:
        read_question(json.dumps({"model": "acme/one", name: {}}).encode())
    assert caught.value.field == name


# --- a question without content


def test_a_question_needs_no_messages():
    request = read_question(json.dumps({"model": "acme/one", "data_policy": {}, "tags": ["chat_completions:vision"]}).encode())
    assert (request.models, request.facts.tags) == (("acme/one",), {Tag.VISION})
    assert read_question(b'{"models":["a/b"]}').models == ("a/b",)
    with pytest.raises(BadRequest):
        read_question(b"{}")
    with pytest.raises(BadRequest):
        read_question(b"[]")


def test_fields_are_raw_bytes_of_the_body():
    request = parse(b'{"model":"m","messages":[ {"a" : 1.00,"a":2} ],"x": {"y":  [ ] }}')
    assert bytes(request.fields["messages"]) == b'[ {"a" : 1.00,"a":2} ]'
    assert bytes(request.fields["x"]) == b'{"y":  [ ] }'
    assert isinstance(request.fields["x"], msgspec.Raw)
