"""Embeddings as clients send them: what is taken off, what is refused and with which field, and what passes untouched."""

import json

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from anyapi.domain.call import NO_PREFERENCE, PLAIN_FACTS, App, Facts
from anyapi.domain.catalogue import Operation
from anyapi.domain.requirement import Settings
from anyapi.errors import BadRequest
from anyapi.gateway.formats.openai_chat import OURS, ChatRequest
from anyapi.gateway.formats.openai_embeddings import LARGEST_TOKEN, MOST_DIMENSIONS, PLAIN, EmbeddingsRequest, parse
from anyapi.gateway.formats.policy_fields import read_policy
from anyapi.policy.parse import Known
from anyapi.upstream.translate.embedding_vectors import count_inputs

KNOWN = Known(frozenset({"p"}), frozenset({"soc2"}))


def body(**fields):
    whole = {"model": "acme/embed", "input": "h\u00e9llo", **fields}
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
    request = parse(body(encoding_format="base64", dimensions=256, input_type="query"))
    assert sent(request) == {
        "model": "acme/embed",
        "input": "h\u00e9llo",
        "encoding_format": "base64",
        "dimensions": 256,
        "input_type": "query",
    }
    assert (request.models, request.app, request.policy_raw, request.adjusted) == (("acme/embed",), None, b"", ())
    assert (request.stream, request.wants_usage) == (False, False)
    assert request.facts is PLAIN is PLAIN_FACTS[Operation.EMBEDDINGS], "the memo of decisions looks at identity first"
    assert request.prompt_bytes == len(json.dumps("h\u00e9llo"))


def test_it_can_be_wired_as_a_chat_request():
    request = parse(body())
    assert isinstance(request, ChatRequest)
    assert EmbeddingsRequest.__struct_fields__ == ChatRequest.__struct_fields__


def test_nothing_of_a_request_is_printed():
    request = parse(body(input=["s3cret"]))
    assert (repr(request), str(request), f"{[request]}") == ("<EmbeddingsRequest>", "<EmbeddingsRequest>", "[<EmbeddingsRequest>]")


@pytest.mark.parametrize(
    ("value", "count"),
    [
        ("text", 1),
        ("", 1),
        (["text"], 1),
        (["a", "", "b"], 3),
        ([1, 2, 3], 1),
        ([0], 1),
        ([LARGEST_TOKEN], 1),
        ([[1], [2, 3]], 2),
        ([[1]], 1),
    ],
)
def test_inputs_of_each_kind(value, count):
    request = parse(body(input=value))
    assert sent(request)["input"] == value
    assert count_inputs(request.fields) == count


@pytest.mark.parametrize(
    "value",
    [
        "absent", None, 5, True, {}, {"text": "s3cret"}, [], [[]], [[1], []], [None], [True], [1.5], [-1], [LARGEST_TOKEN + 1],
        ["s3cret", 1], [1, "s3cret"], [["s3cret"]], [[1], "s3cret"], [[[1]]], [{}], [["s3cret"], [1]],
    ],
)  # fmt: skip
def test_an_input_of_no_kind(value):
    refused(body(input=value), "input")


def test_half_a_character_pair_is_no_json():
    refused(b'{"model":"m","input":"s3cret \\ud800"}', None)


def test_a_refused_input_is_in_no_traceback():
    error = refused(body(input=["s3cret", 1]), "input")
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.parametrize("spaces", ["", " ", "\n\t \r"])
@pytest.mark.parametrize("text", ['[{}"a"{}]', "[{}[1]{}]", "[{}1{}]"])
def test_spaces_do_not_hide_the_kind(spaces, text):
    raw = text.format(spaces, spaces)
    request = parse(f'{{"model":"m","input":{raw}}}'.encode())
    assert bytes(request.fields["input"]) == raw.encode()


def test_values_pass_byte_for_byte():
    request = parse(b'{"model":"m","input":[ "\\u0061" ,  "b" ],"x": {"y":  [ 1.00 ]},"dimensions":  12}')
    assert bytes(request.fields["input"]) == b'[ "\\u0061" ,  "b" ]'
    assert bytes(request.fields["x"]) == b'{"y":  [ 1.00 ]}'
    assert isinstance(request.fields["dimensions"], msgspec.Raw)


@pytest.mark.parametrize("value", ["float", "base64"])
def test_both_encodings(value):
    assert sent(parse(body(encoding_format=value)))["encoding_format"] == value


@pytest.mark.parametrize("value", ["s3cret", "int8", "Base64", "", 5, [], {}, True])
def test_another_encoding(value):
    refused(body(encoding_format=value), "encoding_format")


@pytest.mark.parametrize("value", [1, 256, MOST_DIMENSIONS])
def test_dimensions(value):
    assert sent(parse(body(dimensions=value)))["dimensions"] == value


@pytest.mark.parametrize("value", [0, -1, MOST_DIMENSIONS + 1, 10**30, 1.5, "256", True, [], {}])
def test_impossible_dimensions(value):
    refused(body(dimensions=value), "dimensions")


def test_null_is_absent():
    request = parse(body(encoding_format=None, dimensions=None, user=None, store=None, metadata=None, stream=None))
    assert (set(request.fields), request.adjusted) == ({"model", "input"}, ())


@pytest.mark.parametrize("model", ["absent", None, 5, ["acme/embed"], {}])
def test_a_model_is_a_name(model):
    refused(body(model=model), "model")


def test_models_cannot_be_chosen_among():
    assert "cannot be compared" in str(refused(body(models=["acme/two"]), "models"))
    refused(body(model="absent", models=["acme/two"]), "models")
    assert "cannot be compared" in str(refused(body(model="anyapi/auto"), "model"))


def test_tags_are_of_chats():
    assert parse(body(tags=[])).facts is PLAIN
    assert "chat completions" in str(refused(body(tags=["chat_completions:vision"]), "tags"))
    refused(body(tags=["s3cret"]), "tags")


# --- what never leaves


@pytest.mark.parametrize("name", sorted({*OURS} - {"models"}))
def test_what_is_ours_is_taken_off(name):
    value = {"tags": [], "route": "fallback", "transforms": []}.get(name, {})
    assert set(parse(body(**{name: value})).fields) == {"model", "input"}


def test_who_the_end_user_is_stays_here():
    request = parse(body(user="s3cret"))
    assert (set(request.fields), request.adjusted) == ({"model", "input"}, ("user",))
    refused(body(user={"s3cret": 1}), "user")


@pytest.mark.parametrize(("store", "adjusted"), [(True, ("store",)), (False, ())])
def test_store_is_switched_off(store, adjusted):
    request = parse(body(store=store))
    assert ("store" in request.fields, request.adjusted) == (False, adjusted)
    refused(body(store="s3cret"), "store")


def test_metadata_is_for_us():
    request = parse(body(metadata={}, store=True, user="u"))
    assert (request.app, request.adjusted, set(request.fields)) == (App(), ("store", "metadata", "user"), {"model", "input"})
    refused(body(metadata="s3cret"), "metadata")


def test_there_is_no_stream():
    assert set(parse(body(stream=False)).fields) == {"model", "input"}
    refused(body(stream=True), "stream")
    refused(body(stream="s3cret"), "stream")


# --- facts


@pytest.mark.parametrize(
    ("value", "least"),
    [
        ("x" * 32_767, 0),
        ("x" * 32_768, 512),
        ("x" * 200_000, 2048),
        (["x" * 10_000] * 20, 0),
        (["a", "x" * 100_000], 1024),
        ([7] * 511, 0),
        ([7] * 512, 512),
        ([7] * 8191, 4096),
        ([7] * 8192, 8192),
        ([[7] * 400] * 30, 0),
        ([[7], [7] * 9000], 8192),
    ],
)
def test_the_longest_input_has_a_lower_bound_of_tokens(value, least):
    facts = parse(body(input=value)).facts
    assert facts == Facts(operation=Operation.EMBEDDINGS, least_tokens=least)
    assert (facts is PLAIN) is (least == 0)


# --- policy


def test_the_policy_is_that_of_a_chat():
    request = parse(body(data_policy={"training_allowed": False}, provider={"zdr": True}))
    asked, preference = read_policy(request.policy, KNOWN)
    assert asked == [Settings(training_allowed=False), Settings(retention_days=0.0)]
    assert preference == NO_PREFERENCE
    assert request.policy_raw != b""


@pytest.mark.parametrize("text", ['{"zdr":true,"zdr":false}', '{"max_price":{"prompt":1,"prom\\u0070t":2}}'])
def test_a_policy_field_with_a_key_twice_is_refused(text):
    request = parse(b'{"model":"m","input":"a","provider":' + text.encode() + b"}")
    with pytest.raises(BadRequest, match="twice") as caught:
        read_policy(request.policy, KNOWN)
    assert caught.value.field == "provider"


@pytest.mark.parametrize("key", ["input", "model", "data_policy", "d\\u0061ta_policy"])
def test_a_key_that_stands_twice_is_refused(key):
    with pytest.raises(BadRequest, match="twice"):
        parse(b'{"model":"m","input":"a","data_policy":{},"%b":"b"}' % key.encode())


# --- any body

NAMES = ("model", "input", "encoding_format", "dimensions", "user", "store", "metadata", "stream", "tags", "models", "provider", "x")
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.sampled_from(("float", "base64", "a/b", "s3cret")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=2),
    max_leaves=6,
)
bodies = st.dictionaries(st.sampled_from(NAMES), values, max_size=6).map(lambda fields: json.dumps(fields).encode())


@settings(max_examples=300, deadline=None, derandomize=True)
@given(bodies | bodies.map(lambda text: body() + text) | st.binary(max_size=60))
@example(body()[:-1])
@example(b'{"model":"m","input":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
@example(b'{"model":"m","input":"\xff"}')
def test_any_body_is_read_or_refused(data):
    request = error = None
    try:
        request = parse(data)
    except BadRequest as refusal:
        error = str(refusal)
    if request is None:
        assert "s3cret" not in error
        return
    given_fields = json.loads(data)
    left = sent(request)
    assert {"input", "model"} <= set(left) <= {"input", "model", "encoding_format", "dimensions", "x"}
    assert all(given_fields[name] == value for name, value in left.items()), "what goes on is what came"
    assert count_inputs(request.fields) >= 1
