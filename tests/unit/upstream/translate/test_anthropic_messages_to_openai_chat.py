"""Requests: each field's end, and the round trip back to Anthropic, which loses nothing outside the documented list."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.upstream.translate.anthropic_events import plain, raws

from anyapi.domain.catalogue import Capabilities, Endpoint
from anyapi.errors import BadRequest
from anyapi.upstream.translate import openai_chat_to_anthropic
from anyapi.upstream.translate.anthropic_messages_to_openai_chat import LEFT_OUT, REFUSED, ChatFields, translate
from anyapi.upstream.translate.hub_target import HUB, STRICT

HELLO = [{"role": "user", "content": "Hello"}]
CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


def made(target=HUB, **fields):
    found = translate(raws({"model": "a/b", "max_tokens": 100, "messages": HELLO, **fields}), target)
    return plain(found.fields), found.adjusted


def refused(**fields):
    with pytest.raises(BadRequest) as caught:
        made(**fields)
    assert "s3cret" not in str(caught.value)
    return caught.value.field


SMALLEST = {"model": "a/b", "messages": HELLO, "max_tokens": 100}


def test_the_smallest_request():
    assert made() == (SMALLEST, ())
    assert made(system=None, stop_sequences=[], tools=None, stream=None) == (SMALLEST, ())


def test_system_comes_first():
    assert made(system="s")[0]["messages"] == [{"role": "system", "content": "s"}, *HELLO]
    blocks = [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}]
    assert made(system=blocks)[0]["messages"][0] == {"role": "system", "content": blocks}


def test_sampling_and_stops():
    found, notes = made(temperature=0.5, top_p=1, top_k=5, stop_sequences=["a", "b"])
    assert ({name: found[name] for name in found.keys() - SMALLEST.keys()}, notes) == (
        {"temperature": 0.5, "top_p": 1, "top_k": 5, "stop": ["a", "b"]},
        (),
    )
    found, notes = made(STRICT, top_k=5)
    assert ("top_k" in found, notes) == (False, ("top_k",))


def test_a_stream_asks_for_its_usage():
    assert made(stream=True)[0] == {**SMALLEST, "stream": True, "stream_options": {"include_usage": True}}
    assert made(stream=False)[0] == {**SMALLEST, "stream": False}


def test_a_cache_mark_at_the_top():
    assert made(cache_control={"type": "ephemeral"})[0]["cache_control"] == {"type": "ephemeral"}
    assert made(STRICT, cache_control={"type": "ephemeral"}) == (SMALLEST, ("cache_control",))


def test_the_users_id_is_never_sent():
    found, notes = made(metadata={"user_id": "s3cret"})
    assert (found, notes) == (SMALLEST, ("metadata",))


@pytest.mark.parametrize("name", sorted(LEFT_OUT))
def test_what_is_left_out_is_named(name):
    assert made(**{name: {"x": 1}}) == (SMALLEST, (name,))
    assert made(**{name: None}) == (SMALLEST, ())


def test_a_made_up_name_is_not_repeated():
    assert made(s3cret=1) == (SMALLEST, ("other",))


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_leaves_a_decision_to_the_provider_is_refused(name):
    assert refused(**{name: "s3cret"}) == name
    assert made(**{name: None}) == (SMALLEST, ())


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"model": 5}, "model"),
        ({"messages": "s3cret"}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": None}, "messages"),
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"system": 5}, "system"),
        ({"system": [{"type": "image"}]}, "system[0].type"),
        ({"temperature": 1.5}, "temperature"),
        ({"top_p": "s3cret"}, "top_p"),
        ({"top_k": -1}, "top_k"),
        ({"stop_sequences": "s3cret"}, "stop_sequences"),
        ({"stop_sequences": [5]}, "stop_sequences"),
        ({"stream": "s3cret"}, "stream"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0].type"),
    ],
)
def test_what_is_wrong_is_named(fields, field):
    assert refused(**fields) == field


def test_the_fields_are_not_changed_and_nothing_is_printed():
    fields = raws({"model": "s3cret", "max_tokens": 1, "messages": HELLO, "metadata": {}})
    before = {name: bytes(value) for name, value in fields.items()}
    found = translate(fields)
    assert {name: bytes(value) for name, value in fields.items()} == before
    assert repr(found) == repr(ChatFields({})) == "<ChatFields>"


def test_content_passes_as_it_stands_in_the_body():
    body = b'{"model":"m","max_tokens":5,"messages":[{"role":"user","content":[{"text":"\\u00e9\\/","type":"text"}, {"type":"text","text":"b"}]}]}'
    found = translate(msgspec.json.decode(body, type=dict[str, msgspec.Raw]))
    assert b'"\\u00e9\\/"' in bytes(found.fields["messages"])


# --- there and back

ENDPOINT = Endpoint(
    "a/b",
    "anthropic",
    "anthropic/x",
    "claude-sonnet-4-5",
    max_output_tokens=64_000,
    capabilities=Capabilities(vision=True, tools=True, structured_outputs=True, reasoning=True, pdf_input=True),
)


def back(request):
    """The request that reaches Anthropic by way of the hub."""
    hub = translate(raws(request))
    sent = openai_chat_to_anthropic.translate(hub.fields, ENDPOINT, stream=request.get("stream", False))
    return sent.body, (*hub.adjusted, *sent.adjusted)


MARK = {"type": "ephemeral"}
WORDS = st.text(min_size=1, max_size=12).filter(lambda text: bool(text.strip()))
NAMES = st.text("abcXYZ019_-", min_size=1, max_size=8)
BASE64 = st.text("ABCabc019+/", max_size=12)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.text(max_size=5), JSON, max_size=3)


def marked(block):
    return st.builds(lambda made, mark: {**made, "cache_control": MARK} if mark else made, block, st.booleans())


TEXT = marked(st.builds(lambda words: {"type": "text", "text": words}, WORDS))
IMAGE = marked(
    st.builds(lambda data: {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}, BASE64)
    | st.just({"type": "image", "source": {"type": "url", "url": "https://a/b.png"}})
)
PDF = marked(
    st.builds(
        lambda title, data: {
            "type": "document",
            "title": title,
            "source": {"type": "base64", "media_type": "application/pdf", "data": data},
        },
        WORDS,
        BASE64,
    )
)
THOUGHTS = st.lists(
    st.builds(lambda words, name: {"type": "thinking", "thinking": words, "signature": name}, st.text(max_size=8), NAMES)
    | st.builds(lambda data: {"type": "redacted_thinking", "data": data}, NAMES),
    max_size=2,
)
RESULT = st.one_of(st.none(), st.just(""), WORDS, st.lists(TEXT | IMAGE, max_size=2))


@st.composite
def conversations(draw):
    """Turns as clients make them: every call is answered in the next turn, and the last turn is a user's."""
    turns, calls = [], []
    for number in range(draw(st.integers(1, 3))):
        content = [draw(marked(_result(call, draw(RESULT), failed=draw(st.booleans())))) for call in calls]
        content += draw(st.lists(TEXT | IMAGE | PDF, min_size=0 if content else 1, max_size=3))
        lone = len(content) == 1 and content[0].keys() == {"type", "text"} and draw(st.booleans())
        turns.append({"role": "user", "content": content[0]["text"] if lone else content})
        calls = [f"toolu_{number}_{index}" for index in range(draw(st.integers(0, 3)))]
        uses = [{"type": "tool_use", "id": call, "name": draw(NAMES), "input": draw(OBJECTS)} for call in calls]
        if uses and draw(st.booleans()):
            uses[-1]["cache_control"] = MARK
        said = draw(st.lists(TEXT, min_size=0 if uses else 1, max_size=2))
        turns.append({"role": "assistant", "content": draw(THOUGHTS) + said + uses})
    content = [{"type": "tool_result", "tool_use_id": call, "content": "done"} for call in calls]
    return [*turns, {"role": "user", "content": [*content, {"type": "text", "text": "go on"}]}]


def _result(call, content, *, failed):
    made = {"type": "tool_result", "tool_use_id": call}
    if content is not None:
        made["content"] = content
    return st.just({**made, "is_error": True} if failed else made)


@st.composite
def requests(draw):
    request = {"model": "anthropic/x", "max_tokens": 8000, "messages": draw(conversations())}
    system = draw(st.none() | WORDS | st.lists(TEXT, min_size=1, max_size=2))
    if system is not None:
        request["system"] = system
    if draw(st.booleans()):
        request["tools"] = draw(
            st.lists(
                marked(st.builds(lambda name: {"name": name, "description": "d", "input_schema": CLOSED}, NAMES)), min_size=1, max_size=2
            )
        )
        choice = draw(st.sampled_from([None, {"type": "auto"}, {"type": "any"}, {"type": "none"}, {"type": "tool", "name": "f"}]))
        if choice is not None:
            alone = choice["type"] != "none" and draw(st.booleans())
            request["tool_choice"] = {**choice, "disable_parallel_tool_use": True} if alone else choice
    request |= draw(
        st.sampled_from([{}, {"thinking": {"type": "enabled", "budget_tokens": 2000}}, {"temperature": 0.5}, {"top_p": 0.25, "top_k": 7}])
    )
    if draw(st.booleans()):
        request["output_config"] = {"format": {"type": "json_schema", "schema": CLOSED}}
    for name, value in (("stop_sequences", ["END"]), ("stream", True), ("cache_control", MARK)):
        if draw(st.booleans()):
            request[name] = value
    return request


def normal(request):
    """The same request as Anthropic reads it anyway: strings are blocks, and a result of nothing has no content."""

    def blocks(content):
        return [{"type": "text", "text": content}] if isinstance(content, str) else content

    def block(made):
        if made["type"] != "tool_result":
            return made
        rest = {name: value for name, value in made.items() if name != "content"}
        return {**rest, "content": blocks(made["content"])} if made.get("content") else rest

    turns = [{**turn, "content": [block(made) for made in blocks(turn["content"])]} for turn in request["messages"]]
    whole = {**request, "model": ENDPOINT.upstream_model, "messages": turns}
    if "system" in whole:
        whole["system"] = blocks(whole["system"])
    return whole


@given(requests())
def test_there_and_back_nothing_is_lost(request):
    sent, adjusted = back(request)
    assert json.loads(msgspec.json.encode(sent)) == json.loads(json.dumps(normal(request)))
    assert adjusted == ()


def test_what_is_lost_on_the_way_round_is_the_documented_list():
    """One line each; docs/translation.md says the same."""

    def difference(**fields):
        request = {"model": "m", "max_tokens": 8000, "messages": HELLO, **fields}
        sent, adjusted = back(request)
        expected = normal(request)
        return {name for name in {*sent, *expected} if sent.get(name) != expected.get(name)}, adjusted

    user, assistant = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}
    use = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    assert difference(metadata={"user_id": "u"}) == ({"metadata"}, ("metadata",))
    assert difference(temperature=1) == ({"temperature"}, ())  # the default
    assert difference(messages=[user, {"role": "assistant", "content": [use, {"type": "text", "text": "b"}]}, user])[1] == (
        "messages.order",
    )
    assert difference(
        messages=[user, {"role": "assistant", "content": [{"type": "text", "text": "  "}, {"type": "text", "text": "b"}]}, user]
    ) == (
        {"messages"},
        (),  # blank text, which Anthropic refuses
    )
    results = [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "r"}]}, user]
    assert difference(messages=[user, {"role": "assistant", "content": [use]}, *results]) == ({"messages"}, ())  # neighbours are one turn
    assert difference(output_config={"effort": "low"}) == ({"output_config", "thinking"}, ())  # an effort alone asks to think
    assert difference(service_tier="auto") == ({"service_tier"}, ("service_tier",))
    assert difference(messages=[user, assistant, {"role": "system", "content": "s"}, user])[1] == ("messages.system",)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "text", "role", "content", "source", "data", "media_type", "thinking", "id", "name", "input", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
KINDS = st.sampled_from(
    ["text", "image", "document", "thinking", "redacted_thinking", "tool_use", "tool_result", "search_result", "base64", "url", "x"]
)
ODD = st.dictionaries(
    st.sampled_from(
        ["text", "source", "data", "media_type", "thinking", "signature", "id", "tool_use_id", "name", "input", "content", "title", "url"]
    ),
    ANY,
    max_size=5,
)
BLOCKS = st.builds(lambda kind, rest: {"type": kind, **rest}, KINDS, ODD)
TURNS = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "system", "x"]), "content": st.lists(BLOCKS | ANY, max_size=3) | ANY}
    ),
    max_size=3,
)
FIELDS = st.fixed_dictionaries(
    {"model": st.just("m") | ANY, "max_tokens": st.just(5) | ANY, "messages": TURNS | ANY},
    optional={
        name: ANY
        for name in ("system", "tools", "tool_choice", "thinking", "output_config", "stop_sequences", "stream", "temperature", "x")
    },
)


@given(FIELDS, st.sampled_from([HUB, STRICT]))
def test_whatever_comes_is_translated_or_refused(fields, target):
    try:
        found = translate(raws(fields), target)
    except BadRequest:
        return
    plain(found.fields)
