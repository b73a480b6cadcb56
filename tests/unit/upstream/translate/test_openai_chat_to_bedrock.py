"""Requests: what is translated, what is refused with the field's name, what is left out and named."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyapi.domain.catalogue import Capabilities, Endpoint
from anyapi.errors import BadRequest
from anyapi.upstream.translate.chat_fields import hides_reasoning
from anyapi.upstream.translate.openai_chat_to_bedrock import BETAS, translate
from anyapi.upstream.translate.openai_fields_to_bedrock import LEFT_OUT, REFUSED, TRANSLATED

HELLO = [{"role": "user", "content": "Hello"}]
SAID = [{"role": "user", "content": [{"text": "Hello"}]}]
SONNET_45, OPUS_48, OLD = (
    "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "us.anthropic.claude-opus-4-8",
    "anthropic.claude-3-5-sonnet-20240620-v1:0",
)
NOVA, LLAMA = "amazon.nova-2-lite-v1:0", "meta.llama3-3-70b-instruct-v1:0"
TOOL = {"type": "function", "function": {"name": "get"}}
SPEC = {"toolSpec": {"name": "get", "inputSchema": {"json": {"type": "object", "properties": {}}}}}


def endpoint(model=SONNET_45, **changes):
    abilities = Capabilities(vision=True, tools=True, structured_outputs=True, reasoning=True, pdf_input=True)
    made = Endpoint("a/b", "amazon-bedrock", "x/y", model, max_output_tokens=64_000, capabilities=abilities)
    return msgspec.structs.replace(made, **changes)


def raws(fields):
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}


def made(model=SONNET_45, *, drops=frozenset(), betas=(), at=None, **fields):
    fields.setdefault("messages", HELLO)
    request = translate(raws({"model": "x/y", **fields}), at or endpoint(model), drops=drops, betas=betas)
    return request.body, request.adjusted


def refused(model=SONNET_45, **fields):
    with pytest.raises(BadRequest) as caught:
        made(model, **fields)
    return caught.value.field


def test_the_smallest_request():
    assert made(LLAMA) == ({"messages": SAID}, ())
    assert made() == ({"messages": SAID, "inferenceConfig": {"maxTokens": 64_000}}, ())


def test_a_request_does_not_print_content():
    assert "Hello" not in repr(translate(raws({"messages": HELLO}), endpoint()))


def test_the_fields_are_not_changed():
    fields = raws({"model": "x", "messages": HELLO, "temperature": 0.5})
    before = {name: bytes(raw) for name, raw in fields.items()}
    translate(fields, endpoint(), drops=frozenset({"temperature"}))
    assert {name: bytes(raw) for name, raw in fields.items()} == before


def test_everything_at_once():
    body, adjusted = made(
        NOVA,
        messages=[{"role": "system", "content": "Be brief."}, *HELLO],
        max_completion_tokens=100,
        temperature=0.5,
        top_p=0.9,
        top_k=5,
        stop=["a", "b"],
        tools=[TOOL],
        tool_choice="required",
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
        reasoning_effort="low",
        stream=True,
        stream_options={"include_usage": True},
        seed=1,
    )
    assert body == {
        "messages": SAID,
        "system": [{"text": "Be brief."}],
        "inferenceConfig": {"maxTokens": 100, "temperature": 0.5, "topP": 0.9, "stopSequences": ["a", "b"]},
        "toolConfig": {"tools": [SPEC], "toolChoice": {"any": {}}},
        "additionalModelRequestFields": {
            "reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"},
            "inferenceConfig": {"topK": 5},
        },
        "outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": '{"type":"object"}', "name": "n"}}}},
    }
    assert adjusted == ("seed",)


# --- limits


@pytest.mark.parametrize(
    ("model", "fields", "most", "sent", "adjusted"),
    [
        (SONNET_45, {}, 64_000, 64_000, ()),
        (SONNET_45, {}, None, 4096, ()),
        (LLAMA, {}, 64_000, None, ()),
        (LLAMA, {"max_tokens": 10}, 64_000, 10, ()),
        (LLAMA, {"max_completion_tokens": 10}, None, 10, ()),
        (LLAMA, {"max_tokens": 10, "max_completion_tokens": 10}, None, 10, ()),
        (LLAMA, {"max_tokens": 70_000}, 64_000, 64_000, ("max_tokens",)),
        (SONNET_45, {"max_completion_tokens": 70_000}, 64_000, 64_000, ("max_completion_tokens",)),
        (SONNET_45, {"max_tokens": 8.0}, 64_000, 8, ()),
    ],
)
def test_max_tokens(model, fields, most, sent, adjusted):
    body, noted = made(at=endpoint(model, max_output_tokens=most), **fields)
    assert (body.get("inferenceConfig", {}).get("maxTokens"), noted) == (sent, adjusted)


@pytest.mark.parametrize("value", [0, -1, 1.5, "10", True, []])
def test_max_tokens_refused(value):
    assert refused(max_tokens=value) == "max_tokens"


def test_two_limits_that_differ():
    assert refused(max_tokens=5, max_completion_tokens=6) == "max_tokens"


# --- sampling


@pytest.mark.parametrize("name", ["temperature", "top_p"])
@pytest.mark.parametrize("value", [1.1, 2, -0.1, "0.5", True])
def test_sampling_outside_the_range_is_refused_and_not_clamped(name, value):
    for model in (SONNET_45, OPUS_48, LLAMA):
        assert refused(model, **{name: value}) == name


@pytest.mark.parametrize(
    ("model", "fields", "config", "additional", "adjusted"),
    [
        (LLAMA, {"temperature": 1, "top_p": 1}, {"temperature": 1, "topP": 1}, None, ()),
        (LLAMA, {"temperature": 0, "top_k": 5}, {"temperature": 0}, None, ("top_k",)),
        (NOVA, {"top_k": 5}, {}, {"inferenceConfig": {"topK": 5}}, ()),
        (SONNET_45, {"temperature": 1, "top_p": 1}, {}, None, ()),
        (SONNET_45, {"temperature": 0.2, "top_p": 0.9}, {"temperature": 0.2}, None, ("top_p",)),
        (SONNET_45, {"top_k": 5}, {}, {"top_k": 5}, ()),
        (SONNET_45, {"top_k": 1}, {}, {"top_k": 1}, ()),
        (OLD, {"temperature": 0.2, "top_p": 0.9}, {"temperature": 0.2, "topP": 0.9}, None, ()),
        (OPUS_48, {"temperature": 0.2, "top_p": 0.9, "top_k": 3}, {}, None, ("temperature", "top_p", "top_k")),
        (OPUS_48, {"temperature": 1, "top_p": 1}, {}, None, ()),
    ],
)
def test_sampling(model, fields, config, additional, adjusted):
    body, noted = made(model, **fields)
    sent = {name: value for name, value in body.get("inferenceConfig", {}).items() if name != "maxTokens"}
    assert (sent, body.get("additionalModelRequestFields"), noted) == (config, additional, adjusted)


def test_sampling_while_claude_thinks_is_noted():
    body, adjusted = made(reasoning_effort="low", temperature=0.5, top_k=3)
    assert body["inferenceConfig"] == {"maxTokens": 64_000}
    assert adjusted == ("temperature", "top_k")


def test_nova_at_high_effort_takes_no_bounds():
    body, adjusted = made(NOVA, reasoning_effort="high", temperature=0.5, top_p=0.5, top_k=3)
    assert "inferenceConfig" not in body
    assert body["additionalModelRequestFields"] == {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}
    assert adjusted == ("temperature", "top_p", "top_k")
    body, adjusted = made(NOVA, reasoning_effort="high", max_tokens=100)
    assert body["inferenceConfig"] == {"maxTokens": 100}
    assert adjusted == ("reasoning_effort",)


@pytest.mark.parametrize("value", [0, -1, 1.5, "5", True])
def test_top_k_refused(value):
    assert refused(top_k=value) == "top_k"


# --- stop


@pytest.mark.parametrize(("value", "sent"), [("x", ["x"]), (["x", "y"], ["x", "y"]), ([], None), ("\n", ["\n"])])
def test_stop(value, sent):
    assert made(LLAMA, stop=value)[0].get("inferenceConfig", {}).get("stopSequences") == sent


def test_stop_refused():
    for model, value in ((LLAMA, ""), (SONNET_45, "\n"), (SONNET_45, ["x", " "]), (LLAMA, 5), (LLAMA, [5])):
        assert refused(model, stop=value) == "stop"


# --- reasoning


def test_claudes_own_thinking_passes_and_wins():
    own = {"type": "enabled", "budget_tokens": 3000}
    body, adjusted = made(thinking=own, reasoning_effort="low", temperature=0.5)
    assert body["additionalModelRequestFields"]["thinking"] == own
    assert adjusted == ("temperature",)
    assert made(LLAMA, thinking=own) == ({"messages": SAID}, ("thinking",))
    assert refused(thinking="yes") == "thinking"


def test_effort_and_thinking():
    body, _ = made(OPUS_48, reasoning_effort="high")
    assert body["outputConfig"] == {"effort": "high"}
    assert body["additionalModelRequestFields"] == {"thinking": {"type": "adaptive", "display": "summarized"}}


def test_thinking_does_not_go_with_a_forced_tool():
    body, adjusted = made(reasoning_effort="low", tools=[TOOL], tool_choice="required")
    assert "additionalModelRequestFields" not in body
    assert adjusted == ("reasoning_effort",)


def test_thinking_is_not_resumed_after_unsigned_calls():
    calls = [{"id": "a", "type": "function", "function": {"name": "get", "arguments": "{}"}}]
    messages = [*HELLO, {"role": "assistant", "tool_calls": calls}, {"role": "tool", "tool_call_id": "a", "content": "ok"}]
    body, adjusted = made(messages=messages, tools=[TOOL], reasoning_effort="low")
    assert "additionalModelRequestFields" not in body
    assert adjusted == ("reasoning_effort",)


@pytest.mark.parametrize(
    ("value", "hidden"), [({"exclude": True}, True), ({"exclude": False}, False), ({}, False), ("x", False), (None, False)]
)
def test_hidden_reasoning(value, hidden):
    assert hides_reasoning(raws({"reasoning": value})) is hidden
    assert not hides_reasoning({})
    assert not hides_reasoning({"reasoning": msgspec.Raw(b"{")})


# --- tools


def test_one_call_at_a_time():
    body, adjusted = made(tools=[TOOL], parallel_tool_calls=False)
    assert body["toolConfig"] == {"tools": [SPEC]}
    assert body["additionalModelRequestFields"] == {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}
    assert adjusted == ()
    assert made(OLD, tools=[TOOL], parallel_tool_calls=False)[1] == ("parallel_tool_calls",)


# --- formats


@pytest.mark.parametrize("value", [{"type": "text"}, None])
def test_no_format(value):
    assert made(LLAMA, response_format=value) == ({"messages": SAID}, ())


def test_a_schema_is_sent_as_text():
    named = {"name": "n", "description": "d", "strict": True, "schema": {"type": "object", "title": "Größe"}}
    body, adjusted = made(response_format={"type": "json_schema", "json_schema": named})
    definition = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
    assert msgspec.json.decode(definition["schema"]) == named["schema"]
    assert (definition["name"], definition["description"]) == ("n", "d")
    assert adjusted == ()


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"type": "json_object"}, "response_format.type"),
        ("json", "response_format"),
        ({"type": "json_schema"}, "response_format.json_schema"),
        ({"type": "json_schema", "json_schema": {}}, "response_format.json_schema.schema"),
        ({"type": "json_schema", "json_schema": {"schema": {}, "name": 5}}, "response_format.json_schema.name"),
    ],
)
def test_formats_refused(value, field):
    assert refused(response_format=value) == field


def test_an_endpoint_without_structured_outputs():
    at = endpoint(capabilities=Capabilities(structured_outputs=False))
    assert refused(at=at, response_format={"type": "json_schema", "json_schema": {"schema": {}}}) == "response_format"


# --- the conversation


@pytest.mark.parametrize("messages", [[], "x", None, [{"role": "system", "content": "x"}], [{"role": "assistant", "content": "x"}, *HELLO]])
def test_conversations_refused(messages):
    assert refused(messages=messages) == "messages"


def test_a_last_turn_of_the_assistant():
    prefill = [*HELLO, {"role": "assistant", "content": "{"}]
    assert refused(OPUS_48, messages=prefill) == "messages"
    for model in (SONNET_45, NOVA):
        assert made(model, messages=prefill)[0]["messages"][1] == {"role": "assistant", "content": [{"text": "{"}]}


def test_caching_of_the_whole_conversation():
    control = {"type": "ephemeral"}
    assert made(cache_control=control)[0]["messages"] == [
        {"role": "user", "content": [{"text": "Hello"}, {"cachePoint": {"type": "default"}}]}
    ]
    assert made(LLAMA, cache_control=control) == ({"messages": SAID}, ("cache_control",))
    assert refused(cache_control=5) == "cache_control"


# --- betas


def test_betas():
    known = sorted(BETAS)
    body, adjusted = made(betas=(f"{known[0]}, {known[1]}".encode(), known[0].encode()))
    assert body["additionalModelRequestFields"] == {"anthropic_beta": known[:2]}
    assert adjusted == ()
    assert made(betas=(b"new-beta-2030", b"\xff"))[1] == ("anthropic-beta",)
    assert made(LLAMA, betas=(known[0].encode(),)) == ({"messages": SAID}, ("anthropic-beta",))
    assert made(LLAMA, betas=(b"", b" ,")) == ({"messages": SAID}, ())


# --- the rest


def test_what_is_left_out_is_named():
    body, adjusted = made(LLAMA, **dict.fromkeys(LEFT_OUT, 1), invented=5)
    assert body == {"messages": SAID}
    assert set(adjusted) == LEFT_OUT | {"other"}


def test_drops_are_noted():
    assert made(LLAMA, temperature=0.5, drops=frozenset({"temperature", "seed"})) == ({"messages": SAID}, ("temperature",))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 2000)
    | st.floats(0, 2)
    | st.sampled_from(["", "auto", "none", "high", "text", "a", "user"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "role", "content", "text", "function", "name", "effort", "json_schema", "schema", "tool_calls"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)
MESSAGES = st.lists(
    st.one_of(
        st.just(HELLO[0]),
        st.just({"role": "assistant", "content": "x"}),
        st.just({"role": "tool", "tool_call_id": "a", "content": "x"}),
        st.dictionaries(st.sampled_from(["role", "content", "tool_calls", "reasoning_details", "name", "cache_control"]), JSON, max_size=4),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=400, deadline=None)
@given(
    st.dictionaries(st.sampled_from(sorted((TRANSLATED | LEFT_OUT | REFUSED.keys()) - {"messages"})), JSON, max_size=5),
    MESSAGES,
    st.sampled_from([SONNET_45, OPUS_48, OLD, NOVA, LLAMA, "openai.gpt-oss-120b", "openai.gpt-6-sol", "deepseek.v3.2"]),
)
def test_whatever_comes_is_translated_or_refused_with_a_field(fields, messages, model):
    try:
        request = translate(raws({**fields, "messages": messages}), endpoint(model))
    except BadRequest as error:
        refusal = error
    else:
        refusal = None
    if refusal is not None:
        assert refusal.field
        return
    body = request.body
    msgspec.json.encode(body)
    assert [turn["role"] for turn in body["messages"]] == [("user", "assistant")[number % 2] for number in range(len(body["messages"]))]
    assert all(turn["content"] for turn in body["messages"])
    assert all(value for name, value in body.items() if name != "messages")
    assert set(request.adjusted) <= LEFT_OUT | TRANSLATED | ADJUSTMENTS


ADJUSTMENTS = {
    "other", "messages.name", "messages.system", "messages.reasoning_content", "messages.reasoning_details", "reasoning.max_tokens",
    "messages.image_url.detail", "messages.file.filename", "tools.function.strict", "cache_control.ttl", "anthropic-beta",
}  # fmt: skip
"""The whole list of names, beside those of fields: docs/translation.md explains each."""
