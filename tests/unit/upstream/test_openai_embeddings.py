"""The adapter for embeddings in OpenAI's format: what is rewritten on the way out, and how answers are read and rewritten."""

import base64
import json
import struct

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.policy.samples import endpoint

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.domain.usage import TokenCount
from anyapi.upstream.adapter import Adapter, Answer, OutboundChat, ProviderRow, StreamReader
from anyapi.upstream.openai_embeddings import NoStream, OpenAIEmbeddings, read_usage
from anyapi.upstream.registry import row_of

ADAPTER: Adapter = OpenAIEmbeddings()
ENDPOINT = endpoint(upstream_model="their-name")
PLAIN = ProviderRow()
BAD = Outcome(OutcomeKind.BAD_RESPONSE)
USAGE = {"prompt_tokens": 3, "total_tokens": 3}
QUIET = settings(max_examples=200, deadline=None, derandomize=True)


def call(**fields):
    """A request on its way out."""
    body = {"model": "acme/embed", "input": ["one", "two"], **fields}
    return OutboundChat({name: msgspec.Raw(json.dumps(value).encode()) for name, value in body.items()})


def sent(outbound, row=PLAIN):
    """What goes to the provider, decoded."""
    prepared = ADAPTER.prepare(outbound, ENDPOINT, row)
    assert prepared.path == b"/embeddings"
    assert prepared.headers == b""
    return json.loads(prepared.body), prepared.adjusted


def packed(numbers):
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def answer(*vectors, **more):
    """A list of embeddings as a provider sends it."""
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    return json.dumps({"object": "list", "data": data, "model": "their-name", "usage": USAGE, **more}).encode()


def read(body, **asked):
    return ADAPTER.read_answer(body, call(**asked))


# --- the way out


def test_only_the_model_is_rewritten():
    body, adjusted = sent(call(encoding_format="base64", dimensions=5, x_unknown=[1, {"a": None}]))
    assert body == {
        "model": "their-name",
        "input": ["one", "two"],
        "encoding_format": "base64",
        "dimensions": 5,
        "x_unknown": [1, {"a": None}],
    }
    assert adjusted == ()


def test_values_pass_byte_for_byte():
    raw = b'[ "\\u00e9" ,"b" ]'
    outbound = OutboundChat({"model": msgspec.Raw(b'"m"'), "input": msgspec.Raw(raw), "dimensions": msgspec.Raw(b"1.0e3")})
    body = ADAPTER.prepare(outbound, ENDPOINT, PLAIN).body
    assert raw in body
    assert b"1.0e3" in body


def test_the_call_is_not_changed_for_the_next_attempt():
    outbound = call(dimensions=5, encoding_format="base64")
    before = {name: bytes(raw) for name, raw in outbound.fields.items()}
    sent(outbound, ProviderRow(drops=frozenset({"encoding_format"}), renames={"dimensions": "output_dimension"}))
    assert {name: bytes(raw) for name, raw in outbound.fields.items()} == before


def test_store_is_never_sent():
    assert "store" not in sent(call(), ProviderRow(accepts_store=True))[0]


def test_mistral_calls_the_dimensions_otherwise():
    body, adjusted = sent(call(dimensions=256), row_of("mistral"))
    assert (body["output_dimension"], "dimensions" in body, adjusted) == (256, False, ("dimensions",))


def test_an_encoding_that_the_provider_does_not_know_is_not_missed():
    body, adjusted = sent(
        call(encoding_format="base64", truncate="END"), ProviderRow(drops=frozenset({"encoding_format", "truncate", "no"}))
    )
    assert (set(body), adjusted) == ({"model", "input"}, ("truncate",))


# --- answers


@pytest.mark.parametrize(("form", "one", "two"), [("float", [0.1, 0.2], [1, -2e-3]), ("base64", packed([0.1]), packed([3.0]))])
def test_an_answer_in_the_wanted_form_passes_as_it_is(form, one, two):
    body = answer(one, two, extra={"x": 1})
    found = read(body, encoding_format=form)
    assert found.body is body
    assert (found.tokens, found.refused, found.empty) == (TokenCount(3, 0), False, False)


def test_arrays_are_the_default():
    body = answer([0.5], [0.25])
    assert read(body).body is body
    assert json.loads(read(answer(packed([0.5]), packed([0.25]))).body)["data"][1]["embedding"] == [0.25]


def test_arrays_become_base64_and_all_else_stays():
    body = answer([0.1, 0.2], [1, 2], id="x", more=[{"a": 1.0}])
    found = read(body, encoding_format="base64")
    before, after = json.loads(body), json.loads(found.body)
    assert [item.pop("embedding") for item in after["data"]] == [packed([0.1, 0.2]), packed([1, 2])]
    assert [item.pop("embedding") for item in before["data"]] == [[0.1, 0.2], [1, 2]]
    assert after == before
    assert found.tokens == TokenCount(3, 0)


def test_base64_becomes_arrays_where_it_has_to():
    mixed = answer(packed([0.5, 2.0]), [1.5])
    assert [item["embedding"] for item in json.loads(read(mixed).body)["data"]] == [[0.5, 2.0], [1.5]]
    found = json.loads(read(mixed, encoding_format="base64").body)
    assert [item["embedding"] for item in found["data"]] == [packed([0.5, 2.0]), packed([1.5])]


def test_numbers_of_another_kind_are_not_ours_to_rewrite():
    for body in (answer([1, -128], [2, 3]), answer("AQI=", "AQM=")):
        for form in ("float", "base64"):
            assert read(body, encoding_format=form, output_dtype="int8").body is body


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{}", b'"list"', b"\xff", b'{"object":"list"}', answer(), answer([0.1]), answer([0.1], [0.2], [0.3]),
        answer([0.1], [0.2], object="embedding"), answer([0.1], [0.2], object=None), answer([0.1], []), answer([0.1], ""), answer([0.1], None),
        answer([0.1], 5), answer([0.1], {"a": 1}), answer([0.1], [0.2], data={}), answer([0.1], [0.2], data=[{}, {}]),
        answer([0.1], [0.2])[:-1], b"[" * 100_000, answer([0.1], [0.2], model="Q").replace(b"Q", b"\xff"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["float", "base64"])
def test_what_is_no_answer(body, form):
    assert read(body, encoding_format=form) == BAD


@pytest.mark.parametrize("vector", ["AAA=", "not base64", ["a"], [1e300], [[0.1]]])
def test_a_vector_that_cannot_be_rewritten(vector):
    wanted = "float" if isinstance(vector, str) else "base64"
    assert read(answer([0.1], vector), encoding_format=wanted) == BAD


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 429, "message": "s3cret"}, OutcomeKind.RATE_LIMITED),
        ({"code": "503"}, OutcomeKind.OVERLOADED),
        ({"message": "s3cret"}, OutcomeKind.SERVER_ERROR),
    ],
)
def test_an_error_that_came_as_a_success(error, kind):
    found = read(json.dumps({"error": error}).encode())
    assert found.kind is kind
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        (USAGE, TokenCount(3, 0)),
        ({"prompt_tokens": 3}, TokenCount(3, 0)),
        ({"total_tokens": 4}, TokenCount(4, 0)),
        ({"prompt_tokens": 0, "total_tokens": 9}, TokenCount(0, 0)),
        ({"prompt_tokens": 10**9, "x": {}}, TokenCount(10**9, 0)),
        ({}, None),
        (None, None),
        ([], None),
        ("x", None),
        ({"prompt_tokens": -1}, None),
        ({"prompt_tokens": 10**9 + 1}, None),
        ({"prompt_tokens": "3"}, None),
        ({"prompt_tokens": 1.5}, None),
    ],
)
def test_usage_of_any_form(usage, tokens):
    assert read_usage(msgspec.Raw(json.dumps(usage).encode())) == tokens
    body = answer([0.1], [0.2], usage=usage)
    assert read(body) == Answer(body, tokens)


def test_an_answer_without_usage_is_an_answer():
    body = json.dumps({"object": "list", "data": [{"embedding": [0.1]}, {"embedding": [0.2]}]}).encode()
    assert read(body) == Answer(body, None)


@pytest.mark.parametrize(("value", "count"), [("text", 1), (["a"], 1), ([1, 2, 3], 1), ([[1], [2, 3]], 2)])
def test_there_is_a_vector_for_each_input(value, count):
    assert isinstance(read(answer(*[[0.1]] * count), input=value), Answer)
    assert read(answer(*[[0.1]] * (count + 1)), input=value) == BAD


# --- the rest of the contract


def test_there_is_no_stream():
    reader: StreamReader = ADAPTER.open_stream(call())
    assert isinstance(reader, NoStream)
    assert reader.feed(b"data: [DONE]\n\n") == b""
    assert (reader.complete, reader.empty, reader.tokens, reader.failure) == (False, False, None, BAD)
    assert reader.end() == b""


def test_errors_are_those_of_the_format():
    found = ADAPTER.classify(429, 7.0, b'{"error":{"code":"insufficient_quota"}}')
    assert found == Outcome(OutcomeKind.UNAUTHORIZED, 7.0, 429)
    assert ADAPTER.classify(400, None, b"").kind is OutcomeKind.REJECTED


# --- any vectors, any bytes

vectors = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=6)


@QUIET
@given(st.lists(vectors, min_size=1, max_size=4), st.sampled_from(("float", "base64")), st.data())
def test_whatever_form_the_provider_chooses_the_client_gets_its_own(numbers, wanted, data):
    forms = [data.draw(st.sampled_from(("float", "base64"))) for _ in numbers]
    body = answer(*(one if form == "float" else packed(one) for one, form in zip(numbers, forms, strict=True)))
    found = json.loads(read(body, input=["x"] * len(numbers), encoding_format=wanted).body)
    assert [item["embedding"] for item in found["data"]] == [one if wanted == "float" else packed(one) for one in numbers]
    assert [item["index"] for item in found["data"]] == list(range(len(numbers)))


@QUIET
@given(st.binary(max_size=80) | st.integers(0, len(answer([0.1], "AACAPw=="))).map(lambda cut: answer([0.1], "AACAPw==")[:cut]))
def test_any_bytes_are_an_answer_or_an_outcome(body):
    for form in ("float", "base64"):
        found = read(body, encoding_format=form)
        assert isinstance(found, Answer | Outcome)
        if isinstance(found, Answer):
            assert len(json.loads(found.body)["data"]) == 2
