"""Messages as clients send them: what is taken off, what is refused and with which field, and what passes untouched."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyapi.domain.call import NO_FACTS, App, Tag
from anyapi.errors import BadRequest
from anyapi.gateway.formats.anthropic_messages import MessagesRequest, looks_up, needed_abilities, parse, read_counted
from anyapi.upstream.adapter import OutboundChat
from anyapi.upstream.translate.anthropic_messages_to_openai_chat import REFUSED

MESSAGES = [{"role": "user", "content": "h\u00e9llo"}]


def body(**fields):
    whole = {"model": "anthropic/x", "max_tokens": 10, "messages": MESSAGES, **fields}
    return json.dumps({name: value for name, value in whole.items() if value != "absent"}).encode()


def sent(request):
    return {name: json.loads(bytes(raw)) for name, raw in request.fields.items()}


def refused(data, field):
    with pytest.raises(BadRequest) as caught:
        parse(data)
    assert caught.value.field == field
    assert "s3cret" not in str(caught.value)


def test_the_common_request():
    request = parse(body(system="s", temperature=0.5, new_field={"a": 1}))
    assert isinstance(request, OutboundChat)
    assert sent(request) == {
        "model": "anthropic/x",
        "max_tokens": 10,
        "messages": MESSAGES,
        "system": "s",
        "temperature": 0.5,
        "new_field": {"a": 1},
    }
    assert (request.models, request.facts, request.app, request.policy_raw) == (("anthropic/x",), NO_FACTS, None, b"")
    assert (request.stream, request.wants_usage, request.adjusted) == (False, False, ())
    assert request.prompt_bytes == len(json.dumps(MESSAGES)) + len('"s"')


def test_nothing_of_a_request_is_printed():
    request = parse(body(system="s3cret"))
    assert (repr(request), str(request), repr(MessagesRequest())) == ("<MessagesRequest>",) * 3


def test_values_pass_byte_for_byte():
    data = b'{"model":"m","max_tokens":1,"messages":[ {"role":"user", "content":"\\u00e9"}],"x":1.50}'
    request = parse(data)
    assert msgspec.json.encode(request.fields) == data


def test_streams_say_what_was_used():
    request = parse(body(stream=True))
    assert (request.stream, request.wants_usage) == (True, True)
    assert not parse(body(stream=False)).stream
    for value in (None, "s3cret", 1):
        refused(body(stream=value), "stream")


def test_our_fields_are_taken_off():
    policy = {"data_policy": {"training_allowed": False}, "provider": {"zdr": True}, "models": ["a/b"], "tags": ["chat_completions:vision"]}
    request = parse(body(**policy))
    assert sent(request).keys() == {"model", "max_tokens", "messages"}
    assert request.models == ("anthropic/x", "a/b")
    assert request.facts.tags == {Tag.VISION}
    assert request.policy.keys() == policy.keys()
    assert b"data_policy" in request.policy_raw


def test_the_users_id_goes_nowhere():
    for user in ("s3cret", 'user "s3cret" {}', "x" * 200, 5, None):
        request = parse(body(metadata={"user_id": user}))
        assert (request.app, request.adjusted, "metadata" in request.fields) == (App(), ("metadata",), False)
    assert parse(body(metadata={"user_id": "u", "app_id": "a"})).app == App(id="a")
    assert parse(body(metadata=None)).adjusted == ()
    refused(body(metadata="s3cret"), "metadata")
    refused(body(metadata={"app_id": "s3cret {}"}), "metadata.app_id")


@pytest.mark.parametrize("said", [{"previous_message_id": None}, {"previous_message_id": "msg_1"}, {}, 5])
def test_no_fingerprint_of_the_prompt_is_asked_for(said):
    request = parse(body(diagnostics=said))
    assert "diagnostics" not in request.fields
    assert request.adjusted == ("diagnostics",)
    assert parse(body(diagnostics=None)).adjusted == ()


def test_store():
    assert (parse(body(store=True)).adjusted, parse(body(store=False)).adjusted) == (("store",), ())
    assert "store" not in parse(body(store=False)).fields
    refused(body(store="s3cret"), "store")


@pytest.mark.parametrize("messages", ["absent", None, "s3cret", {}, 5])
def test_messages_must_be_a_list(messages):
    refused(body(messages=messages), "messages")


@pytest.mark.parametrize("limit", ["absent", None, "s3cret", -1, 1.5, True, 2**40])
def test_a_limit_is_required(limit):
    refused(body(max_tokens=limit), "max_tokens")


def test_a_limit_of_zero_warms_a_cache():
    assert parse(body(max_tokens=0)).fields["max_tokens"] == msgspec.Raw(b"0")


@pytest.mark.parametrize("model", ["absent", None, 5, "x" * 300])
def test_a_model_is_required(model):
    refused(body(model=model), "model")


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_keeps_state_or_decides_for_us_is_refused(name):
    refused(body(**{name: {"s3cret": 1}}), name)
    parse(body(**{name: None}))


def test_a_key_may_not_stand_twice():
    refused(b'{"model":"a","max_tokens":1,"messages":[],"max_tokens":2}', None)
    refused(b'{"model":"a","max_tokens":1,"messages":[],"\\u006dodel":"b"}', None)


FILE = {"type": "image", "source": {"type": "file", "file_id": "s3cret"}}


@pytest.mark.parametrize(
    "block",
    [
        FILE,
        {"type": "document", "source": FILE["source"]},
        {"type": "container_upload", "file_id": "s3cret"},
        {"type": "tool_result", "tool_use_id": "t", "content": [FILE]},
    ],
)
def test_stored_files_are_refused(block):
    refused(body(messages=[{"role": "user", "content": [block]}]), "messages")
    escaped = (
        body(messages=[{"role": "user", "content": [block]}])
        .replace(b'"file"', b'"f\\u0069le"')
        .replace(b"container_", b"container\\u005f")
    )
    refused(escaped, "messages")


def test_what_only_looks_like_a_stored_file_passes():
    use = {"type": "tool_use", "id": "t", "name": "f", "input": {"type": "file", "file_id": "x"}}
    text = {"type": "text", "text": '{"type":"file","file_id":"x"} container_upload', "file_id": None}
    parse(body(messages=[{"role": "assistant", "content": [use, text]}]))


@pytest.mark.parametrize(
    ("tools", "expected"),
    [
        ([{"name": "f", "input_schema": {}}], False),
        ([{"type": "web_search_20250305", "name": "web_search"}], True),
        ([{"type": "web_fetch_20250910", "name": "web_fetch"}], True),
        ([{"type": "custom", "name": "web_search", "description": "web_search", "input_schema": {}}], False),
        ([{"type": "bash_20250124", "name": "bash"}], False),
        (["web_search"], True),
        ("web_search", True),
        ({"type": "web_search_20250305"}, True),
    ],
)
def test_tools_that_look_things_up(tools, expected):
    raw = msgspec.Raw(msgspec.json.encode(tools))
    assert looks_up(raw) is expected
    assert looks_up(msgspec.Raw(bytes(raw).replace(b"w", b"\\u0077"))) is expected
    if isinstance(tools, list):
        assert parse(body(tools=tools)).facts.web_search is expected


def test_no_fact_depends_on_which_of_two_keys_wins():
    for tools in (b'[{"type":"web_search_x","type":"custom"}]', b'[{"type":"custom","type":"web_search_x"}]'):
        with pytest.raises(BadRequest):
            looks_up(msgspec.Raw(tools))


NOTHING = ("null", '"custom"', '"bash_20250124"')
SERVED = ('"web_search_20250305"', '"web_fetch_20250910"', '"code_execution_20250522"', '"mcp_toolset"')


@pytest.mark.parametrize(("comma", "colon"), [(",", ":"), (", ", ": "), (" ,", " :")])
@pytest.mark.parametrize("served", SERVED)
def test_a_kind_that_is_stated_twice_is_refused(served, comma, colon):
    """Whichever stands last, in whatever spelling, beside tools of the client's own or alone."""
    for first, second in [(served, nothing) for nothing in NOTHING] + [(nothing, served) for nothing in NOTHING]:
        for key in ("type", "\\u0074ype", "typ\\u0065", "\\u0074\\u0079\\u0070\\u0065"):
            members = comma.join((f'"name"{colon}"x"', f'"type"{colon}{first}', f'"{key}"{colon}{second}'))
            for tools in (f"[{{{members}}}]", f'[{{"name"{colon}"f"}}{comma}{{{members}}}]'):
                with pytest.raises(BadRequest, match="twice"):
                    looks_up(msgspec.Raw(tools.encode()))
                asked = body(tools="TOOLS").replace(b'"TOOLS"', tools.encode())
                for read in (parse, read_counted):
                    with pytest.raises(BadRequest, match="twice"):
                        read(asked)


def test_any_key_of_a_tool_that_stands_twice_is_refused_and_what_lies_deeper_only_where_a_provider_runs_it():
    for tools in (b'[{"name":"f","name":"g"}]', b'[{"name":"f","input_schema":{},"input_schema":{}}]', b'[{"type":null,"type":null}]'):
        with pytest.raises(BadRequest, match="twice"):
            looks_up(msgspec.Raw(tools))
    deeper = b'[{"name":"f",%b"input_schema":{"x":1,"x":2}}]'
    for kind in (b"", b'"type":null,', b'"type":"custom",'):
        assert looks_up(msgspec.Raw(deeper % kind)) is False
    with pytest.raises(BadRequest, match="twice"):
        looks_up(msgspec.Raw(deeper % b'"type":"web_search_20250305",'))


def test_a_long_prompt_has_a_least_length():
    assert parse(body(system="x" * 300_000)).facts.least_tokens == 4096
    assert parse(body(system="x" * 1000)).facts.least_tokens == 0


def test_needed_abilities():
    blocks = [{"type": "image", "source": {"type": "url", "url": "u"}}, {"type": "document", "source": {"type": "text", "data": "d"}}]
    fields = {
        "messages": [{"role": "user", "content": blocks}],
        "tools": [{"name": "f"}],
        "thinking": {"type": "adaptive"},
        "output_format": {},
    }
    assert needed_abilities(parse(body(**fields)).fields) == {"vision", "pdf_input", "tools", "reasoning", "structured_outputs"}
    assert needed_abilities(parse(body(tools=[])).fields) == set()
    assert needed_abilities(parse(body(output_config={"format": {}})).fields) == {"structured_outputs"}
    assert needed_abilities(parse(body(output_config={"effort": "low"}, thinking={"type": "disabled"})).fields) == set()


def test_what_is_needed_does_not_depend_on_which_of_two_keys_counts():
    for block in (b'{"type":"image","type":"text"}', b'{"type":"text","type":"image"}'):
        assert needed_abilities({"messages": msgspec.Raw(b'[{"role":"user","content":[%b]}]' % block)}) == {"vision"}
    none = {"messages": msgspec.Raw(b"[]")}
    for thinking in (
        b'{"type":"enabled","type":"disabled"}',
        b'{"type":"disabled","type":"enabled"}',
        b'{"type":"enabled","a":"disabled"}',
    ):
        assert needed_abilities({**none, "thinking": msgspec.Raw(thinking)}) == {"reasoning"}
    assert needed_abilities({**none, "thinking": msgspec.Raw(b"null")}) == set()
    assert needed_abilities({**none, "output_config": msgspec.Raw(b'{"f\\u006frmat":{}}')}) == {"structured_outputs"}


def test_counting_needs_no_limit():
    request = read_counted(body(max_tokens="absent"))
    assert (request.models, request.stream) == (("anthropic/x",), False)
    with pytest.raises(BadRequest):
        read_counted(body(messages="absent"))


@given(
    st.binary(max_size=80)
    | st.dictionaries(
        st.sampled_from(["model", "messages", "max_tokens", "stream", "tools", "metadata", "store", "data_policy", "container", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=4), inner),
        ),
    ).map(lambda fields: json.dumps(fields).encode())
)
def test_whatever_comes_is_read_or_refused(data):
    try:
        request = parse(data)
    except BadRequest:
        return
    assert request.models


def test_the_one_model_that_was_named_is_kept_for_the_answer():
    assert parse(body()).echo == "anthropic/x"
    assert parse(body(models=["a/b"])).echo is None
    assert parse(body(model="anyapi/auto")).echo is None
