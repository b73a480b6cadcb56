"""Responses requests as clients send them: what is taken off, what is refused and with which field, and what passes untouched."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai._models import validate_type
from openai._streaming import SSEDecoder
from openai.types.responses import ResponseErrorEvent

from anyapi import errors
from anyapi.domain.call import NO_FACTS, App, Facts, Tag
from anyapi.errors import BadRequest
from anyapi.gateway.formats.abilities import BIG
from anyapi.gateway.formats.openai_responses import (
    REFUSED_TOOLS,
    STATEFUL,
    ResponsesRequest,
    error_code,
    error_event,
    needed_abilities,
    parse,
)

FUNCTION = {"type": "function", "name": "f", "parameters": {}}


def body(**fields):
    whole = {"model": "acme/one", "input": "héllo", **fields}
    return json.dumps({name: value for name, value in whole.items() if value != "absent"}).encode()


def sent(request):
    return {name: json.loads(bytes(raw)) for name, raw in request.fields.items()}


def refused(data, field):
    with pytest.raises(BadRequest) as caught:
        parse(data)
    assert caught.value.field == field
    assert "s3cret" not in str(caught.value)


def test_the_common_request():
    request = parse(body(temperature=0.5, instructions="i"))
    assert sent(request) == {"model": "acme/one", "input": "héllo", "temperature": 0.5, "instructions": "i"}
    assert (request.models, request.facts, request.app, request.policy_raw) == (("acme/one",), NO_FACTS, None, b"")
    assert (request.stream, request.wants_usage, request.adjusted) == (False, True, ())
    assert request.prompt_bytes == len(json.dumps("héllo")) + len('"i"')
    assert isinstance(request, ResponsesRequest)
    assert repr(request) == "<ResponsesRequest>"


@pytest.mark.parametrize("given", ["absent", None, 5, {}, True])
def test_input_must_be_a_string_or_a_list(given):
    refused(body(input=given), "input")


def test_items_must_be_objects():
    refused(body(input=["s3cret"]), "input")
    refused(body(input=[{"type": 5}]), "input")


@pytest.mark.parametrize("model", ["absent", None, 5])
def test_the_model_is_needed(model):
    refused(body(model=model), "model")


def test_policy_fields_are_taken_off():
    request = parse(body(data_policy={"training_allowed": False}, models=["a/b"], tags=["chat_completions:vision"], provider={"zdr": True}))
    assert sent(request).keys() == {"model", "input"}
    assert request.models == ("acme/one", "a/b")
    assert request.facts == Facts(tags=frozenset({Tag.VISION}))
    assert b"training_allowed" in request.policy_raw
    assert b"zdr" in request.policy_raw


def test_keys_that_stand_twice_are_refused():
    with pytest.raises(BadRequest):
        parse(b'{"model":"a/b","input":"x","input":"y"}')


def test_streams():
    assert parse(body(stream=True)).stream
    assert not parse(body(stream=None)).stream
    refused(body(stream="s3cret"), "stream")


@pytest.mark.parametrize("name", sorted(STATEFUL))
def test_what_keeps_state_is_refused(name):
    refused(body(**{name: "s3cret"}), name)
    refused(body(**{name: {"id": "s3cret"}}), name)
    for nothing in (None, False):
        assert sent(parse(body(**{name: nothing}))).keys() == {"model", "input"}


def test_store_never_leaves():
    assert (parse(body(store=True)).adjusted, parse(body(store=False)).adjusted, parse(body(store=None)).adjusted) == (("store",), (), ())
    assert "store" not in parse(body(store=True)).fields
    refused(body(store="s3cret"), "store")


def test_metadata_names_the_app():
    request = parse(body(metadata={"X-AnyAPI-App-ID": "x", "other": "y"}))
    assert (request.adjusted, "metadata" in request.fields) == (("metadata",), False)
    assert isinstance(request.app, App | None)
    assert parse(body(metadata=None)).adjusted == ()


@pytest.mark.parametrize("kind", [*sorted(REFUSED_TOOLS), "shell"])
def test_tools_that_hold_files_or_send_content_elsewhere_are_refused(kind):
    tool = {"type": kind, "server_url": "https://s3cret"}
    refused(body(tools=[FUNCTION, tool]), "tools[1]")
    item = {"type": "additional_tools", "role": "developer", "tools": [tool]}
    refused(body(input=[item]), "input[0].tools[0]")
    plain = json.dumps(tool)
    escaped = plain.replace(kind, "".join(f"\\u{ord(letter):04x}" for letter in kind))
    refused(b'{"model":"a/b","input":"x","tools":[%b]}' % escaped.encode(), "tools[0]")
    doubled = plain[:-1] + ', "type": "function"}'
    refused(b'{"model":"a/b","input":"x","tools":[%b]}' % doubled.encode(), "tools")


def test_the_type_of_an_unknown_tool_is_not_repeated():
    refused(body(tools=[FUNCTION, {"type": "s3cret"}]), "tools[1]")


def test_other_tools_pass():
    tools = [FUNCTION, {"type": "custom", "name": "c"}, {"type": "local_shell"}, {"type": "shell", "environment": {"type": "local"}}]
    assert sent(parse(body(tools=tools)))["tools"] == tools
    assert parse(body(tools=None)).facts == NO_FACTS
    refused(body(tools="s3cret"), "tools")
    refused(body(tools=["s3cret"]), "tools")


def test_web_search_is_a_fact():
    assert parse(body(tools=[{"type": "web_search_preview"}])).facts.web_search
    assert parse(body(input=[{"type": "additional_tools", "tools": [{"type": "web_search"}]}])).facts.web_search
    assert not parse(body(tools=[FUNCTION])).facts.web_search


def test_references_to_what_is_stored_are_refused():
    refused(body(input=[{"type": "item_reference", "id": "s3cret"}]), "input[0]")
    refused(body(input=[{"role": "user", "content": "x"}, {"id": "s3cret"}]), "input[1]")
    for kind in ("input_image", "input_file"):
        part = {"type": kind, "file_id": "s3cret"}
        refused(body(input=[{"role": "user", "content": [part]}]), "input[0].content[0].file_id")
        refused(body(input=[{"type": "function_call_output", "call_id": "c", "output": [part]}]), "input[0].output[0].file_id")
    nothing = [
        {"role": "user", "content": [{"type": "input_image", "file_id": None, "image_url": "u"}, "odd"]},
        {"role": "user", "content": "file_id"},
    ]
    assert sent(parse(body(input=nothing)))["input"] == nothing


USER = '{"role":"user","content":"x"}'


@pytest.mark.parametrize(
    "item",
    [
        '{"id":"s3cret","type":null,"type":"message","content":"x"}',
        '{"id":"s3cret","type":"message","type" : null,"role":"user"}',
        '{"id":"s3cret","role":null,"role":"user"}',
        '{"id":"s3cret","role":null,"r\\u006fle":"user"}',
        '{"id":"s3cret","typ\\u0065":null,"type":"reasoning"}',
        '{"type":"item_reference","id":"s3cret","type":"message","role":"user"}',
        '{"type":"tool_search_output","tools":[{"type":"mcp"}],"tools":[]}',
        '{"type":"tool_search_output","tools":[{"type":"web_search"}],"tools":null}',
        '{"type":"tool_search_output","t\\u006fols":[{"type":"web_search"}],"tools":[]}',
    ],
)
def test_what_an_item_refers_to_or_brings_does_not_depend_on_which_of_two_keys_counts(item):
    for items in (f"[{USER},{item}]", f"[{item}, {USER}]"):
        refused(f'{{"model":"a/b","input":{items}}}'.encode(), "input")


def test_an_item_of_which_nothing_is_asked_may_hold_a_key_twice():
    raw = '[{"type":"message","role":"user","content":[{"type":"input_text","text":"a","text":null}]},{"role":"user","content":"x","x":1,"x":2}]'
    assert bytes(parse(f'{{"model":"a/b","input":{raw}}}'.encode()).fields["input"]) == raw.encode()


def test_items_pass_as_they_are():
    raw = b'[ {"role":"user" ,"content":"a", "x":1.50}]'
    request = parse(b'{"model":"a/b","input":%b}' % raw)
    assert bytes(request.fields["input"]) == raw


def test_length_is_a_fact():
    assert parse(body(input="x" * BIG)).facts.least_tokens > 0


def test_abilities():
    def needs(**fields):
        return needed_abilities(parse(body(**fields)).fields)

    assert needs() == frozenset()
    assert needs(tools=[FUNCTION], reasoning={"effort": "low"}) == {"tools", "reasoning"}
    assert needs(tools=[], reasoning=None) == frozenset()
    assert needs(text={"format": {"type": "json_schema"}}) == {"structured_outputs"}
    parts = [{"type": kind} for kind in ("input_text", "input_image", "input_file", "input_audio")]
    assert needs(input=[{"role": "user", "content": parts}]) == {"vision", "pdf_input", "audio_input"}
    given_back = {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image"}, {"type": "input_text"}]}
    assert needs(input=[given_back]) == {"vision"}
    assert needs(input=[{**given_back, "output": "words"}, {**given_back, "output": {"type": "computer_screenshot"}}]) == frozenset()
    assert needs(input=[{"role": "user", "content": 5}]) == {"vision", "pdf_input", "audio_input"}


def test_what_is_needed_does_not_depend_on_which_of_two_keys_counts():
    for part in ('{"type":"input_image","type":"input_text"}', '{"type":"input_text","type":"input_image"}'):
        fields = {"input": msgspec.Raw(f'[{{"role":"user","content":[{part}]}}]'.encode())}
        assert needed_abilities(fields) == {"vision"}
    hidden = {"input": msgspec.Raw(b'"x"'), "text": msgspec.Raw(b'{"format":{"type":"json\\u005fschema"}}')}
    assert needed_abilities(hidden) == {"structured_outputs"}


def test_errors_in_a_stream():
    error = errors.UpstreamFailed("It broke.", {"attempts": 2})
    text = error_event(error, 7)
    (event,) = SSEDecoder().iter_bytes(iter([text]))
    assert event.event == "error"
    found = validate_type(type_=ResponseErrorEvent, value=event.json())
    assert (found.code, found.message, found.sequence_number, found.param) == ("server_error", "It broke.", 7, None)
    assert event.json()["error"]["type"] == "upstream_error"
    assert msgspec.json.decode(error_event(BadRequest("x", "input")).split(b"data: ")[1])["param"] == "input"


def test_the_inner_error_of_an_event_is_as_open_responses_has_it():
    """The code is a word, as in a failed response, and `param` is always there."""
    inner = msgspec.json.decode(error_event(errors.RateLimited("x")).split(b"data: ")[1])["error"]
    assert (inner["type"], inner["code"], inner["param"], inner["message"]) == ("rate_limit", "rate_limit_exceeded", None, "x")


def test_error_codes():
    assert error_code(errors.RateLimited("x")) == "rate_limit_exceeded"
    assert error_code(BadRequest("x")) == "invalid_prompt"
    assert error_code(errors.UpstreamTimedOut("x")) == error_code(ValueError()) == "server_error"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "role", "content", "tools", "file_id", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["model", "input", "tools", "stream", "store", "metadata", "prompt", "data_policy"]), JSON, max_size=5)
)
def test_any_body_is_read_or_refused(fields):
    try:
        request = parse(json.dumps(fields).encode())
    except BadRequest:
        return
    assert sent(request).items() <= fields.items()
