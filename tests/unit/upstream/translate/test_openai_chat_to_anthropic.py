"""Requests: what is translated, what is refused with the field's name, what is left out and named."""

import pathlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyapi.domain.catalogue import Capabilities, Endpoint
from anyapi.errors import BadRequest
from anyapi.upstream.translate.chat_fields import hides_reasoning
from anyapi.upstream.translate.openai_chat_to_anthropic import LEFT_OUT, REFUSED, TRANSLATED, translate

HELLO = [{"role": "user", "content": "Hello"}]
SONNET_45, SONNET_46, OPUS_47, OPUS_5, OLD = (
    "claude-sonnet-4-5",
    "claude-sonnet-4-6",
    "claude-opus-4-7",
    "claude-opus-5",
    "claude-3-5-sonnet-20241022",
)


def endpoint(model=SONNET_45, **changes):
    abilities = Capabilities(vision=True, tools=True, structured_outputs=True, reasoning=True, pdf_input=True)
    made = Endpoint("a/b", "anthropic", "anthropic/x", model, max_output_tokens=64_000, capabilities=abilities)
    return msgspec.structs.replace(made, **changes)


def raws(fields):
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}


def made(model=SONNET_45, *, stream=False, drops=frozenset(), at=None, **fields):
    fields.setdefault("messages", HELLO)
    request = translate(raws({"model": "x/y", **fields}), at or endpoint(model), stream=stream, drops=drops)
    return request.body, request.adjusted


def refused(model=SONNET_45, **fields):
    with pytest.raises(BadRequest) as caught:
        made(model, **fields)
    return caught.value.field


def test_the_smallest_request():
    assert made() == (
        {"model": SONNET_45, "max_tokens": 64_000, "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]},
        (),
    )


def test_the_fields_are_not_changed():
    fields = raws({"model": "x", "messages": HELLO, "temperature": 0.5})
    before = {name: bytes(raw) for name, raw in fields.items()}
    translate(fields, endpoint(), stream=True, drops=frozenset({"temperature"}))
    assert {name: bytes(raw) for name, raw in fields.items()} == before


def test_stream_and_stream_options():
    body, adjusted = made(stream=True, stream_options={"include_usage": True})
    assert body["stream"] is True
    assert "stream_options" not in body
    assert adjusted == ()


# --- max_tokens


@pytest.mark.parametrize(
    ("fields", "most", "sent", "adjusted"),
    [
        ({}, 64_000, 64_000, ()),
        ({}, None, 4096, ()),
        ({"max_tokens": 10}, 64_000, 10, ()),
        ({"max_completion_tokens": 10}, 64_000, 10, ()),
        ({"max_tokens": 10, "max_completion_tokens": 10}, 64_000, 10, ()),
        ({"max_tokens": None, "max_completion_tokens": 11}, 64_000, 11, ()),
        ({"max_tokens": 70_000}, 64_000, 64_000, ("max_tokens",)),
        ({"max_completion_tokens": 70_000}, 64_000, 64_000, ("max_completion_tokens",)),
        ({"max_tokens": 70_000}, None, 70_000, ()),
        ({"max_tokens": 8.0}, 64_000, 8, ()),
    ],
)
def test_max_tokens(fields, most, sent, adjusted):
    body, noted = made(at=endpoint(max_output_tokens=most), **fields)
    assert (body["max_tokens"], noted) == (sent, adjusted)


@pytest.mark.parametrize("value", [0, -1, 1.5, "10", True, [], 0.5])
def test_max_tokens_refused(value):
    assert refused(max_tokens=value) == "max_tokens"


def test_two_limits_that_differ():
    assert refused(max_tokens=5, max_completion_tokens=6) == "max_tokens"


# --- sampling


@pytest.mark.parametrize("value", [1.1, 2, -0.1, "0.5", True, {}])
def test_temperature_outside_anthropics_range_is_refused_and_not_clamped(value):
    for model in (SONNET_45, OPUS_5):
        assert refused(model, temperature=value) == "temperature"


@pytest.mark.parametrize(
    ("model", "fields", "sent", "adjusted"),
    [
        (SONNET_45, {"temperature": 0}, {"temperature": 0}, ()),
        (SONNET_45, {"top_p": 0.9}, {"top_p": 0.9}, ()),
        (SONNET_45, {"top_k": 5}, {"top_k": 5}, ()),
        (SONNET_45, {"temperature": 0.2, "top_p": 0.9}, {"temperature": 0.2}, ("top_p",)),
        (SONNET_45, {"temperature": 0.2, "top_p": 1}, {"temperature": 0.2}, ()),
        (SONNET_45, {"temperature": 1, "top_p": 0.5}, {"top_p": 0.5}, ()),
        (OLD, {"temperature": 0.2, "top_p": 0.9}, {"temperature": 0.2, "top_p": 0.9}, ()),
        (SONNET_46, {"temperature": 0.2}, {"temperature": 0.2}, ()),
        (OPUS_47, {"temperature": 0.2, "top_p": 0.9, "top_k": 3}, {}, ("temperature", "top_p", "top_k")),
        (OPUS_47, {"temperature": 1, "top_p": 1}, {}, ()),
        (SONNET_45, {"temperature": 0.2, "reasoning_effort": "low"}, {}, ("temperature",)),
    ],
)
def test_sampling_by_generation(model, fields, sent, adjusted):
    body, noted = made(model, **fields)
    assert {name: body[name] for name in ("temperature", "top_p", "top_k") if name in body} == sent
    assert noted == adjusted


# --- refused and left out


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 2),
        ("logprobs", True),
        ("top_logprobs", 3),
        ("logit_bias", {"50256": -100}),
        ("frequency_penalty", 0.5),
        ("presence_penalty", -0.5),
        ("modalities", ["text", "audio"]),
        ("audio", {"voice": "alloy", "format": "wav"}),
        ("functions", [{"name": "f"}]),
        ("function_call", "auto"),
        ("web_search_options", {}),
        ("moderation", {}),
    ],
)
def test_what_would_be_lost_is_refused_by_name(name, value):
    assert refused(**{name: value}) == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 1),
        ("logprobs", False),
        ("top_logprobs", 0),
        ("logit_bias", {}),
        ("frequency_penalty", 0),
        ("presence_penalty", 0.0),
        ("modalities", ["text"]),
        ("functions", []),
    ],
)
def test_values_that_ask_for_nothing_pass(name, value):
    assert made(**{name: value}) == made()
    assert made(**{name: None}) == made()


@pytest.mark.parametrize("name", sorted(LEFT_OUT))
def test_hints_are_left_out_and_named(name):
    body, adjusted = made(**{name: 42})
    assert adjusted == (name,)
    assert body == made()[0]


def test_a_name_nobody_knows_is_not_repeated():
    assert made(**{"a secret that is a key": 1, "another": 2})[1] == ("other",)


def test_a_row_may_drop_more():
    body, adjusted = made(temperature=0.5, top_k=None, drops=frozenset({"temperature", "seed"}))
    assert "temperature" not in body
    assert adjusted == ("temperature",)


def test_no_field_is_in_two_lists():
    assert not TRANSLATED & LEFT_OUT
    assert not (TRANSLATED | LEFT_OUT) & REFUSED.keys()


def test_every_field_is_documented():
    page = (pathlib.Path(__file__).parents[4] / "docs" / "translation.md").read_text(encoding="utf-8")
    assert [name for name in sorted(TRANSLATED | LEFT_OUT | REFUSED.keys()) if f"`{name}`" not in page] == []


def test_a_request_is_not_printed():
    request = translate(raws({"messages": [{"role": "user", "content": "SECRET"}]}), endpoint(), stream=False)
    assert "SECRET" not in repr(request)


# --- the rest


@pytest.mark.parametrize(("stop", "sent"), [("END", ["END"]), (["a", "b"], ["a", "b"]), ([], None), (None, None)])
def test_stop(stop, sent):
    assert made(stop=stop)[0].get("stop_sequences") == sent


@pytest.mark.parametrize("stop", ["", " \n", ["a", ""], [1], 5, {}])
def test_stop_refused(stop):
    assert refused(stop=stop) == "stop"


def test_user_becomes_metadata():
    assert made(user="u-1")[0]["metadata"] == {"user_id": "u-1"}
    assert made(user="u-1", safety_identifier="s-2")[0]["metadata"] == {"user_id": "s-2"}
    assert refused(user="x" * 257) == "user"
    assert refused(user=5) == "user"


def test_cache_control_at_the_top_passes():
    assert made(cache_control={"type": "ephemeral"})[0]["cache_control"] == {"type": "ephemeral"}
    assert refused(cache_control="x") == "cache_control"


SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}


def test_structured_output_is_native():
    asked = {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": SCHEMA}}
    assert made(response_format=asked)[0]["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    body, adjusted = made(
        SONNET_46, response_format={**asked, "json_schema": {"name": "n", "description": "d", "schema": SCHEMA}}, reasoning_effort="high"
    )
    assert body["output_config"] == {"effort": "high", "format": {"type": "json_schema", "schema": SCHEMA}}
    assert adjusted == ("response_format.json_schema.description",)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"type": "json_object"}, "response_format.type"),
        ({"type": 5}, "response_format.type"),
        ("json", "response_format"),
        ({"type": "json_schema"}, "response_format.json_schema"),
        ({"type": "json_schema", "json_schema": {"name": "n"}}, "response_format.json_schema.schema"),
    ],
)
def test_structured_output_refused(value, field):
    assert refused(response_format=value) == field


def test_structured_output_where_there_is_none():
    asked = {"type": "json_schema", "json_schema": {"schema": SCHEMA}}
    with pytest.raises(BadRequest) as caught:
        made(at=endpoint(capabilities=Capabilities(structured_outputs=False)), response_format=asked)
    assert caught.value.field == "response_format"
    assert made(at=endpoint(capabilities=Capabilities(structured_outputs=None)), response_format=asked)[0]["output_config"]
    assert made(response_format={"type": "text"}) == made()


def test_own_thinking_object_passes():
    own = {"type": "enabled", "budget_tokens": 2000}
    body, adjusted = made(thinking=own, temperature=0.3)
    assert body["thinking"] == own
    assert adjusted == ("temperature",)
    assert refused(thinking="yes") == "thinking"


def test_reasoning_may_be_hidden():
    assert hides_reasoning(raws({"reasoning": {"effort": "low", "exclude": True}}))
    assert not hides_reasoning(raws({"reasoning": {"effort": "low"}}))
    assert not hides_reasoning(raws({"reasoning": None}))
    assert not hides_reasoning({"reasoning": msgspec.Raw(b"[" * 100_000)})
    assert not hides_reasoning({})


# --- the conversation as a whole


@pytest.mark.parametrize("messages", [None, [], "x", [{"role": "system", "content": "only"}], [{"role": "assistant", "content": ""}]])
def test_a_conversation_needs_a_user(messages):
    assert refused(messages=messages) == "messages"


def test_prefill_is_continued_by_old_models_alone():
    talk = [*HELLO, {"role": "assistant", "content": "I am"}]
    assert made(SONNET_45, messages=talk)[0]["messages"][-1]["role"] == "assistant"
    assert refused(SONNET_46, messages=talk) == "messages"


def test_of_two_equal_keys_the_last_is_sent_and_sent_once():
    fields = {"messages": msgspec.Raw(b'[{"role":"system","role":"user","content":"first","content":"second"}]')}
    body = msgspec.json.encode(translate(fields, endpoint(), stream=False).body)
    assert body.count(b'"role"') == 1
    assert b"second" in body
    assert b"first" not in body


# --- hostile input

HOSTILE = [
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'[{"role":"user","content":"\\ud800"}]',
    b'[{"role":"user","content":"\xff"}]',
    b'[{"role":"user","content":1e999}]',
    b"1" + b"0" * 5000,
    b"",
    b"\xef\xbb\xbf[]",
    b"NaN",
]


@pytest.mark.parametrize("raw", HOSTILE)
@pytest.mark.parametrize("name", sorted(TRANSLATED - {"model", "stream", "stream_options"}))
def test_hostile_json_is_a_bad_request_that_names_the_field(name, raw):
    fields = {**raws({"messages": HELLO}), name: msgspec.Raw(raw)}
    with pytest.raises(BadRequest) as caught:
        translate(fields, endpoint(), stream=False)
    assert (caught.value.field or "").startswith(name)


WORDS = st.sampled_from(
    [
        "user",
        "assistant",
        "tool",
        "system",
        "text",
        "image_url",
        "file",
        "function",
        "auto",
        "SECRET",
        "",
        " ",
        "data:image/png;base64,AA",
        "{}",
        '{"a":1}',
        "[]",
        "high",
        "json_schema",
        "none",
        "required",
    ]
)
KEYS = st.sampled_from(
    [
        "role",
        "content",
        "type",
        "text",
        "tool_calls",
        "tool_call_id",
        "id",
        "function",
        "name",
        "arguments",
        "image_url",
        "url",
        "file",
        "file_data",
        "cache_control",
        "parameters",
        "json_schema",
        "schema",
        "reasoning_details",
        "signature",
        "effort",
        "max_tokens",
        "enabled",
        "exclude",
        "strict",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**25) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)
FIELD = st.sampled_from(sorted(TRANSLATED | LEFT_OUT | REFUSED.keys()))


def attempted(fields, model):
    """The request and the refusal, one of them None. Anything else raised is a failure."""
    try:
        return translate(raws(fields), endpoint(model), stream=True), None
    except BadRequest as refusal:
        return None, refusal


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(FIELD, VALUES, max_size=6),
    st.sampled_from([SONNET_45, SONNET_46, OPUS_47, OPUS_5, OLD, "claude-mythos-preview", "other"]),
)
def test_random_bodies_give_a_request_or_a_bad_request(fields, model):
    request, refusal = attempted(fields, model)
    if request is None:
        assert "SECRET" not in refusal.message
        assert refusal.__cause__ is None
        assert refusal.__context__ is None
        return
    again = msgspec.json.decode(msgspec.json.encode(request.body))
    assert again["model"] == model
    assert again["max_tokens"] >= 1
    assert again["messages"]
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
        "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "4"},
    {"role": "user", "content": "And?"},
]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_mutated_good_body_gives_a_request_or_a_bad_request(data):
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
    request, refusal = attempted({"messages": tree}, SONNET_45)
    if request is None:
        assert refusal.field.startswith("messages")
    else:
        assert {turn["role"] for turn in request.body["messages"]} <= {"user", "assistant"}
