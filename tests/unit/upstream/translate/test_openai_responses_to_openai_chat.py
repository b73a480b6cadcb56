"""A Responses request as a chat request: every field has one of three ends, and none is lost silently."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses.response_create_params import ResponseCreateParamsBase
from tests.unit.upstream.translate.responses_reading import asked, raw, sent

from anyapi.errors import BadRequest
from anyapi.upstream.translate.openai_responses_to_openai_chat import CARRIED, LEFT_OUT, REFUSED, TRANSLATED, translate


def refused(field, **fields):
    with pytest.raises(BadRequest) as caught:
        asked(**fields)
    assert caught.value.field == field
    assert "s3cret" not in str(caught.value)


def test_a_plain_request():
    found = asked(instructions="Be brief", temperature=0.5, user="u")
    assert found.adjusted == ()
    assert sent(found) == {
        "model": "acme/one",
        "messages": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hi"}],
        "temperature": 0.5,
        "user": "u",
    }


def test_every_field_of_the_published_request_has_an_end():
    known = set(CARRIED) | TRANSLATED | set(REFUSED) | LEFT_OUT
    assert set(ResponseCreateParamsBase.__annotations__) | {"stream"} <= known


def test_carried_fields_go_byte_for_byte():
    given = {"temperature": 1, "prompt_cache_options": {"mode": "explicit"}, "seed": 7, "service_tier": "flex", "stop": ["x"]}
    found = asked(**given)
    assert all(bytes(found.fields[name]) == msgspec.json.encode(value) for name, value in given.items())


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_keeps_state_is_refused(name):
    refused(name, **{name: "s3cret"})
    refused(name, **{name: True})
    assert name not in asked(**{name: None}).fields
    assert asked(**{name: False}).adjusted == ()


def test_hints_are_left_out_and_named():
    found = asked(client_metadata={"a": "b"}, access_programs={}, whatever=1, metadata={"a": "b"}, truncation="auto", max_tool_calls=3)
    assert sorted(found.adjusted) == ["access_programs", "client_metadata", "max_tool_calls", "metadata", "other", "truncation"]
    assert sent(found).keys() == {"model", "messages"}


def test_store_is_never_carried():
    assert asked(store=True).adjusted == ("store",)
    assert asked(store=False).adjusted == ()
    assert "store" not in asked(store=True).fields
    refused("store", store="yes")


def test_a_stream_asks_for_usage():
    found = sent(asked(stream=True, stream_options={"include_obfuscation": False}))
    assert found["stream"] is True
    assert found["stream_options"] == {"include_usage": True}
    assert "stream" not in sent(asked(stream=False))
    assert asked(stream=True, stream_options={"include_obfuscation": True}).adjusted == ("stream_options.include_obfuscation",)


def test_formats():
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    form = {"type": "json_schema", "name": "n", "schema": schema, "strict": True, "description": "d"}
    assert sent(asked(text={"format": form, "verbosity": "low"}))["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "n", "schema": schema, "strict": True, "description": "d"},
    }
    assert sent(asked(text={"verbosity": "low"}))["verbosity"] == "low"
    assert sent(asked(text={"format": {"type": "json_object"}}))["response_format"] == {"type": "json_object"}
    assert "response_format" not in sent(asked(text={"format": {"type": "text"}}))
    refused("text.format.type", text={"format": {"type": "s3cret"}})
    refused("text.verbosity", text={"verbosity": "s3cret"})
    refused("text.format.schema", text={"format": {"type": "json_schema", "name": "n", "schema": "s3cret"}})
    refused("text", text="s3cret")


def test_reasoning():
    found = asked(reasoning={"effort": "high", "summary": "auto", "context": "all_turns", "mode": "pro"})
    assert sent(found)["reasoning_effort"] == "high"
    assert found.adjusted == ("reasoning.summary", "reasoning.context", "reasoning.mode")
    assert found.echo.summary
    assert asked(reasoning={"effort": None}).adjusted == ()
    refused("reasoning.effort", reasoning={"effort": "s3cret"})


def test_limits_and_log_probabilities():
    found = sent(asked(max_output_tokens=50, top_logprobs=3, include=["message.output_text.logprobs"]))
    assert (found["max_completion_tokens"], found["logprobs"], found["top_logprobs"]) == (50, True, 3)
    assert sent(asked(include=["message.output_text.logprobs"]))["logprobs"] is True
    assert "logprobs" not in sent(asked(top_logprobs=0))
    refused("max_output_tokens", max_output_tokens=0)
    refused("top_logprobs", top_logprobs=21)
    assert asked(include=["reasoning.encrypted_content"]).adjusted == ()
    assert asked(include=["reasoning.encrypted_content"]).echo.sealed
    assert asked(include=["file_search_call.results"]).adjusted == ("include",)


@pytest.mark.parametrize("wrong", [None, 5, {}, True])
def test_input_is_needed(wrong):
    refused("input", input=wrong)


def test_input_must_say_something():
    refused("input", input=[])


def test_the_request_is_not_changed_and_nothing_is_printed():
    fields = raw(model="m", input="s3cret", tools=[], metadata={})
    before = dict(fields)
    found = translate(fields)
    assert fields == before
    assert "s3cret" not in repr(found)
    assert "s3cret" not in repr(found.echo)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(sorted(set(CARRIED) | TRANSLATED | set(REFUSED) | LEFT_OUT | {"zzz"}))


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(NAMES, JSON, max_size=6))
def test_any_value_is_translated_or_refused_by_name(fields):
    try:
        found = translate(raw(**fields))
    except BadRequest as error:
        assert error.field is None or error.field.split(".")[0].split("[")[0] in {*fields, "input"}  # noqa: PT017
    else:
        ours = {"other", "reasoning.summary", "reasoning.context", "reasoning.mode", "stream_options.include_obfuscation"}
        assert set(found.adjusted) <= {*TRANSLATED, *LEFT_OUT, *ours}
        assert bytes(found.fields["messages"]).startswith(b"[")
