"""Requests: what is translated, what is refused with the field's name, what is left out and named."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyapi.domain.catalogue import Capabilities, Endpoint
from anyapi.errors import BadRequest
from anyapi.upstream.adapter import ProviderRow
from anyapi.upstream.translate.openai_chat_to_gemini import LEFT_OUT, RULES, TRANSLATED, translate

HELLO = [{"role": "user", "content": "Hello"}]
CONTENTS = [{"role": "user", "parts": [{"text": "Hello"}]}]
OLD, NEW, ARGON = "gemini-2.5-flash", "gemini-3.8-flash", "gemini-4-argon"
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}}
SCHEMA = {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": "integer"}}, "required": ["a"]}


def endpoint(model=NEW, **changes):
    abilities = Capabilities(vision=True, tools=True, structured_outputs=True, reasoning=True, pdf_input=True, audio_input=True)
    made = Endpoint("a/b", "google-ai-studio", "google/x", model, max_output_tokens=65_536, capabilities=abilities)
    return msgspec.structs.replace(made, **changes)


def raws(fields):
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}


def made(model=NEW, *, row=None, at=None, **fields):
    fields.setdefault("messages", HELLO)
    request = translate(raws({"model": "x/y", **fields}), at or endpoint(model), row or ProviderRow())
    return request.body, request.adjusted


def config(model=NEW, **fields):
    body, adjusted = made(model, **fields)
    return body.get("generationConfig"), adjusted


def refused(model=NEW, at=None, **fields):
    with pytest.raises(BadRequest) as caught:
        made(model, at=at, **fields)
    return caught.value.field


def test_the_smallest_request():
    assert made(stream=True, stream_options={"include_usage": True}) == ({"contents": CONTENTS}, ())


def test_the_fields_are_not_changed():
    fields = raws({"model": "x", "messages": HELLO, "temperature": 0.5})
    before = {name: bytes(raw) for name, raw in fields.items()}
    translate(fields, endpoint(), ProviderRow(drops=frozenset({"temperature"})))
    assert {name: bytes(raw) for name, raw in fields.items()} == before


def test_system_tools_and_choice():
    body, adjusted = made(messages=[{"role": "system", "content": "Be brief."}, *HELLO], tools=[TOOL], tool_choice="required")
    assert body == {
        "contents": CONTENTS,
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": TOOL["function"]["parameters"]}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
    }
    assert adjusted == ()


def test_everything_that_has_a_counterpart():
    asked = {
        "max_completion_tokens": 1000,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "stop": ["a", "b"],
        "seed": 7,
        "n": 2,
        "logprobs": True,
        "top_logprobs": 3,
        "frequency_penalty": 0.5,
        "presence_penalty": -1,
        "reasoning_effort": "low",
    }
    assert config(**asked) == (
        {
            "maxOutputTokens": 1000,
            "thinkingConfig": {"thinkingLevel": "LOW", "includeThoughts": True},
            "temperature": 0.5,
            "topP": 0.9,
            "topK": 40,
            "frequencyPenalty": 0.5,
            "presencePenalty": -1,
            "seed": 7,
            "stopSequences": ["a", "b"],
            "candidateCount": 2,
            "responseLogprobs": True,
            "logprobs": 3,
        },
        (),
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 1, "logprobs": False, "top_logprobs": 0, "frequency_penalty": 0, "presence_penalty": 0.0, "stop": []},
        {"logit_bias": {}, "modalities": ["text"], "functions": [], "response_format": {"type": "text"}},
        {"temperature": None, "max_tokens": None, "stop": None, "n": None, "response_format": None, "audio": None},
    ],
)
def test_what_asks_for_nothing(fields):
    assert made(**fields) == ({"contents": CONTENTS}, ())


def test_the_newest_models_ignore_sampling():
    assert config(ARGON, temperature=0.5, top_p=0.9, top_k=4, seed=1) == ({"seed": 1}, ("temperature", "top_p", "top_k"))


def test_max_tokens_is_at_most_what_the_endpoint_can():
    assert config(max_tokens=70_000) == ({"maxOutputTokens": 65_536}, ("max_tokens",))


def test_a_seed_that_does_not_fit_is_left_out():
    assert config(seed=2**40) == (None, ("seed",))
    assert config(seed=-5) == ({"seed": -5}, ())


def test_stop_as_a_string():
    assert config(stop="x")[0] == {"stopSequences": ["x"]}


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({"type": "json_object"}, {"responseMimeType": "application/json"}),
        (
            {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": SCHEMA}},
            {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA},
        ),
    ],
)
def test_structured_output(asked, sent):
    assert config(response_format=asked) == (sent, ())
    assert config(OLD, response_format=asked) == (sent, ())
    assert config(tools=[TOOL], response_format=asked) == (sent, ())
    assert refused(OLD, tools=[TOOL], response_format=asked) == "response_format"


def test_structured_output_elsewhere():
    asked = {"type": "json_schema", "json_schema": {"name": "n", "description": "d", "schema": SCHEMA}}
    assert config(response_format=asked)[1] == ("response_format.json_schema.description",)
    unable = endpoint(capabilities=Capabilities(structured_outputs=False))
    assert refused(at=unable, response_format=asked) == "response_format"


def test_store_is_switched_off_where_there_is_a_field():
    yes, no = ProviderRow(accepts_store=True), ProviderRow()
    for asked in ({}, {"store": True}, {"store": False}):
        assert made(row=yes, **asked) == ({"contents": CONTENTS, "store": False}, ())
    assert made(row=no, store=True) == ({"contents": CONTENTS}, ("store",))


def test_the_row_drops():
    assert made(row=ProviderRow(drops=frozenset({"logit_bias", "seed"})), logit_bias={"1": 2}) == ({"contents": CONTENTS}, ("logit_bias",))


def test_what_is_left_out_is_named():
    assert set(made(**dict.fromkeys(LEFT_OUT, "x"))[1]) == LEFT_OUT
    assert made(invented=1, SECRET=2)[1] == ("other",)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"logit_bias": {"1": 2}}, "logit_bias"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"audio": {"voice": "x"}}, "audio"),
        ({"functions": [{}]}, "functions"),
        ({"function_call": "auto"}, "function_call"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"moderation": {}}, "moderation"),
        ({"messages": []}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages"),
        ({"temperature": 2.5}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": 1.1}, "top_p"),
        ({"top_k": 0}, "top_k"),
        ({"frequency_penalty": 3}, "frequency_penalty"),
        ({"seed": 1.5}, "seed"),
        ({"stop": [""]}, "stop"),
        ({"stop": [5]}, "stop"),
        ({"n": 0}, "n"),
        ({"n": 9}, "n"),
        ({"logprobs": 5}, "logprobs"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, "response_format.json_schema.schema"),
    ],
)
def test_refusals(fields, field):
    assert refused(**fields) == field


def test_nothing_is_printed():
    assert "Hello" not in repr(translate(raws({"messages": HELLO}), endpoint(), ProviderRow()))


# --- fuzz

WORDS = st.sampled_from(
    [
        "text",
        "user",
        "assistant",
        "tool",
        "system",
        "function",
        "SECRET",
        "",
        "auto",
        "none",
        "low",
        "data:image/png;base64,AA",
        "image_url",
    ]
)
KEYS = st.sampled_from(
    ["role", "content", "type", "text", "tool_calls", "function", "name", "arguments", "id", "tool_call_id", "reasoning_details", "format"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**25) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)
FIELD = st.sampled_from(sorted(TRANSLATED | LEFT_OUT | RULES.refused.keys()))


def attempted(fields, model):
    """The request and the refusal, one of them None. Anything else raised is a failure."""
    try:
        return translate(raws(fields), endpoint(model), ProviderRow()), None
    except BadRequest as refusal:
        return None, refusal


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(FIELD, VALUES, max_size=6), st.sampled_from([OLD, "gemini-2.5-pro", NEW, ARGON, "other"]))
def test_random_bodies_give_a_request_or_a_bad_request(fields, model):
    request, refusal = attempted(fields | {"messages": fields.get("messages", HELLO)}, model)
    if request is None:
        assert "SECRET" not in refusal.message
        assert refusal.__cause__ is None
        assert refusal.__context__ is None
        return
    again = msgspec.json.decode(msgspec.json.encode(request.body))
    assert again["contents"]
    assert "SECRET" not in request.adjusted


CONVERSATION = [
    {"role": "system", "content": "Be brief."},
    {
        "role": "user",
        "content": [{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
    },
    {
        "role": "assistant",
        "content": None,
        "reasoning_details": [{"type": "reasoning.encrypted", "data": "s", "format": "google-gemini-v1", "id": "call_1", "index": 0}],
        "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "4"},
    {"role": "user", "content": "And?"},
]


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from([OLD, NEW]))
def test_a_mutated_good_body_gives_a_request_or_a_bad_request(data, model):
    """One value somewhere in a good conversation becomes something else."""
    tree = msgspec.json.decode(msgspec.json.encode(CONVERSATION))
    node = tree
    while True:
        keys = range(len(node)) if isinstance(node, list) else sorted(node)
        key = data.draw(st.sampled_from(list(keys)))
        if isinstance(node[key], list | dict) and node[key] and data.draw(st.booleans()):
            node = node[key]
            continue
        node[key] = data.draw(VALUES)
        break
    request, refusal = attempted({"messages": tree}, model)
    if request is None:
        assert refusal.field.startswith("messages")
    else:
        assert all(turn["role"] in ("user", "model") and turn["parts"] for turn in request.body["contents"])
