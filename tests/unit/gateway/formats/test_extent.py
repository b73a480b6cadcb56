"""How much a large request holds: counted as bytes, whatever its layout, and refused before it is looked through."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyapi.errors import BadRequest
from anyapi.gateway.formats import anthropic_messages, extent, openai_chat, openai_embeddings, openai_responses
from anyapi.gateway.formats.extent import (
    LARGEST_FIELD,
    LONG,
    MOST_FIELDS,
    MOST_IN_ANSWER,
    MOST_VALUES,
    count_values,
    is_readable,
    might_hold,
    refuse_many,
)

CHAT = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}


def values_in(value):
    """Opening brackets and commas of a value, counted the slow way."""
    if isinstance(value, dict):
        return 1 + max(0, len(value) - 1) + sum(map(values_in, value.values()))
    if isinstance(value, list):
        return 1 + max(0, len(value) - 1) + sum(map(values_in, value))
    return 0


TEXTS = st.text(alphabet='a{[,"\\\n]}é', max_size=6) | st.sampled_from(['\n"' * 40, "\\" * 65, "{" * 200])
JSON = st.recursive(
    st.none() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet='a{,"', max_size=3), inner, max_size=4),
    max_leaves=20,
)


@given(JSON, st.sampled_from([(",", ":"), (", ", ": ")]))
def test_what_is_counted(value, separators):
    raw = msgspec.Raw(json.dumps(value, separators=separators, ensure_ascii=False).encode())
    count = values_in(value)
    assert count_values(raw, 1000) == count <= might_hold(raw)
    assert count_values(raw, count // 2) == min(count, count // 2 + 1)


@given(st.dictionaries(TEXTS, JSON, max_size=5))
def test_fields_of_the_outer_object_are_told_from_those_inside(value):
    assert extent._outer_commas(json.dumps(value).encode()) == max(0, len(value) - 1)


@pytest.mark.parametrize("text", [b"", b'"', b'{"a', b'{"a\\', b'"' + b"\\" * 1001, b'["' + b'\\"' * 9000, b"[" * 9, b"]" * 9])
def test_what_is_no_json_ends_the_count(text):
    assert count_values(text, 100) <= text.count(b"[") + text.count(b"{")
    assert extent._outer_commas(text) == 0


def test_a_small_request_is_not_counted_and_a_long_text_is_one_value():
    refuse_many(b"[" + b"1," * (LONG // 2 - 2) + b"1]", "input")
    refuse_many(b'"' + b'{\\",[' * 1_000_000 + b'"', "input")
    with pytest.raises(BadRequest, match="more than 250000 values") as caught:
        refuse_many(b"[" + b"1," * LONG + b"1]", "input")
    assert caught.value.field == "input"


def many(piece, count=LONG):
    """So many pieces of JSON, one after the other: enough to be more than a request may hold."""
    return ",".join([piece] * count)


def object_of(count, value="1"):
    return "{" + ",".join(f'"k{number}":{value}' for number in range(count)) + "}"


PARSE = {
    "chat": (openai_chat.parse, '"messages":[]'),
    "messages": (anthropic_messages.parse, '"max_tokens":1,"messages":[]'),
    "responses": (openai_responses.parse, '"input":"x"'),
    "embeddings": (openai_embeddings.parse, '"input":"x"'),
}


@pytest.mark.parametrize("count", [MOST_FIELDS, 400_000])
@pytest.mark.parametrize("parse", PARSE)
def test_a_request_has_so_many_fields(parse, count):
    read, content = PARSE[parse]
    with pytest.raises(BadRequest, match="more than 1000 fields at the top"):
        read(f'{{"model":"m",{content},{object_of(count)[1:]}'.encode())


def test_a_request_of_many_values_has_few_fields():
    body = f'{{"model":"m","messages":[{many("{}")}],"extra":{object_of(400_000)}}}'.encode()
    assert openai_chat.parse(body).models == ("m",), "the same format passes whole"


FULL = {
    "chat": [
        ("messages", '"messages":[{"role":"user","content":[%s,{"file_id":null}]}]', "{}", LONG),
        ("tools", '"messages":[],"tools":[%s]', "{}", 10_001),
        ("body", '"messages" : [%s]', "{}", LONG),
    ],
    "messages": [
        ("messages", '"max_tokens":1,"messages":[{"role":"user","content":[%s,"\\u0041"]}]', "{}", LONG),
        ("tools", '"max_tokens":1,"messages":[],"tools":[%s]', "{}", LONG),
    ],
    "responses": [
        ("tools", '"input":"x","tools":[%s]', "{}", LONG),
        ("input", '"input":[%s]', '{"role":""}', 1_000_001),
        ("input", '"input":[{"role":"user","content":[%s,"\\u0041"]}]', "{}", LONG),
    ],
    "embeddings": [("input", '"input":[%s]', "1", 1_000_001), ("input", '"input":[%s]', '""', 1_000_001)],
}
"""By format: the field that is refused, the rest of the body, what it holds, and how many of them."""


@pytest.mark.parametrize(("parse", "which"), [(parse, which) for parse, cases in FULL.items() for which in range(len(cases))])
def test_what_would_be_looked_through_is_refused_by_its_name(parse, which):
    field, body, piece, count = FULL[parse][which]
    with pytest.raises(BadRequest) as caught:
        PARSE[parse][0](('{"model":"m",' + body % many(piece, count) + "}").encode())
    assert caught.value.field == field


@pytest.mark.parametrize("field", ["metadata", "tags", "models", "provider", "data_policy", "providerOptions"])
def test_a_field_that_is_no_content_has_an_end(field):
    large = object_of(40_000 if field != "providerOptions" else 200)
    assert len(large) > LARGEST_FIELD or field == "providerOptions"
    with pytest.raises(BadRequest) as caught:
        openai_chat.parse(json.dumps({**CHAT, field: json.loads(large)}).encode())
    assert caught.value.field == field
    assert "may have" in caught.value.message or "may name" in caught.value.message


def test_options_of_others_may_be_long():
    """The Vercel AI SDK sends them beside a gateway's, a prediction among them."""
    options = {"openai": {"prediction": "x" * 200_000}, "gateway": {"zeroDataRetention": True}}
    assert openai_chat.parse(json.dumps({**CHAT, "providerOptions": options}).encode()).adjusted == ("providerOptions",)


def test_the_limit_is_the_one_that_the_page_states():
    assert MOST_VALUES == 250_000


@pytest.mark.parametrize(
    ("answer", "readable"),
    [
        ('{"a":[' + many("{}", LONG // 3 - 9) + "]}", True),
        ('{"a":[' + many("{}", LONG) + "]}", False),
        ('{"a":[' + many("[1]", MOST_IN_ANSWER + 1) + '],"b":"' + "x" * LONG + '"}', False),
        ('{"a":[' + many("1", MOST_VALUES - 9) + '],"b":"' + "x" * LONG + '"}', True),
        (object_of(MOST_VALUES + 1), False),
        ('{"a":"' + '{\\"k\\":[]},' * LONG + '"}', True),
        ('"' * LONG * 2, True),
    ],
    ids=["small", "objects", "lists", "tokens", "keys", "a long text", "no JSON"],
)
def test_an_answer_that_is_too_full_is_not_read(answer, readable):
    assert is_readable(answer.encode()) is readable
