"""What a request needs, by kind: read through escapes, and everything where it cannot be read."""

import json

import msgspec
import pytest

from anyapi.domain.call import Tag
from anyapi.errors import BadRequest
from anyapi.gateway.formats.abilities import BIG, abilities_of_parts, least_tokens, needed_abilities, read_tags


def raw(value):
    return msgspec.Raw(json.dumps(value).encode())


def fields(**more):
    return {"messages": raw([{"role": "user", "content": "x"}]), **{name: raw(value) for name, value in more.items()}}


@pytest.mark.parametrize(
    ("messages", "abilities"),
    [
        ([], set()),
        ([{"role": "user", "content": "an image_url in words"}], set()),
        ([{"role": "user", "content": None}, {"role": "assistant"}], set()),
        ([{"role": "user", "content": [{"type": "text", "text": "image_url"}]}], set()),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}], {"vision"}),
        ([{"role": "user", "content": [{"type": "file"}, {"type": "input_audio"}]}], {"pdf_input", "audio_input"}),
        ([{"content": "x"}, {"content": [{"type": "image_url"}]}], {"vision"}),
        ("no list", {"vision", "audio_input", "pdf_input"}),
        ([5], {"vision", "audio_input", "pdf_input"}),
        ([{"content": 5}], {"vision", "audio_input", "pdf_input"}),
        ([{"content": ["x"]}], {"vision", "audio_input", "pdf_input"}),
    ],
)
def test_kinds_of_parts(messages, abilities):
    assert abilities_of_parts(raw(messages)) == abilities


LONG_TEXT = {"type": "text", "text": 'Say "image_url", with quotes. ' * (BIG // 30)}


@pytest.mark.parametrize(
    ("parts", "abilities"),
    [([], set()), ([{"type": "image_url"}], {"vision"}), ([{"type": "file"}, {"type": "input_audio"}], {"pdf_input", "audio_input"})],
)
def test_large_messages_are_searched_for_kinds_and_not_decoded(parts, abilities):
    messages = raw([{"role": "user", "content": [LONG_TEXT, *parts]}])
    assert len(messages) > BIG
    assert abilities_of_parts(messages) == abilities


def test_an_escaped_letter_in_large_messages_may_spell_any_kind():
    text = json.dumps([{"role": "user", "content": [LONG_TEXT, {"type": "image_url"}]}]).replace('"image', '"\\u0069mage')
    assert abilities_of_parts(msgspec.Raw(text.encode())) == {"vision", "pdf_input", "audio_input"}


@pytest.mark.parametrize(
    "messages",
    [
        b'[{"content":[{"type":"image_url","type":"text"}]}]',
        b'[{"content":[{"type":"text","type":"image_url"}]}]',
        b'[{"content":[{"type":"image_url","t\\u0079pe":"text"}]}]',
        b'[{"content":[{"type":"image_url"}],"content":"x"}]',
    ],
)
def test_a_kind_that_may_count_counts(messages):
    assert "vision" in abilities_of_parts(msgspec.Raw(messages))


def test_a_key_that_stands_twice_brings_no_kind_that_is_not_named():
    assert abilities_of_parts(msgspec.Raw(b'[{"content":[{"type":"image_url","type":"text"}]}]')) == {"vision"}
    assert abilities_of_parts(msgspec.Raw(b'[{"content":[{"type":"text","text":"a","text":"b"}]}]')) == set()
    assert abilities_of_parts(msgspec.Raw(b'[{"content":[{"type":"text","text":"image_url"}],"name":"file"}]')) == set()


def test_an_escaped_kind_is_the_same_kind():
    assert abilities_of_parts(msgspec.Raw(b'[{"content":[{"type":"im\\u0061ge_url"}]}]')) == {"vision"}


@pytest.mark.parametrize(
    ("more", "abilities"),
    [
        ({}, set()),
        ({"tools": [{"type": "function"}]}, {"tools"}),
        ({"functions": [{"name": "f"}]}, {"tools"}),
        ({"tools": [], "functions": None}, set()),
        ({"response_format": {"type": "json_schema"}}, {"structured_outputs"}),
        ({"response_format": {"type": "text"}}, set()),
        ({"reasoning_effort": "low"}, {"reasoning"}),
        ({"reasoning_effort": "none"}, set()),
        ({"reasoning_effort": None, "reasoning": None}, set()),
        ({"reasoning": {}}, {"reasoning"}),
        ({"tools": [{}], "reasoning": {}, "temperature": 1}, {"tools", "reasoning"}),
    ],
)
def test_parameters_need_abilities(more, abilities):
    assert needed_abilities(fields(**more)) == abilities


def test_a_format_may_be_written_with_escapes():
    escaped = {"response_format": msgspec.Raw(b'{"type":"json\\u005fschema"}')}
    assert needed_abilities(escaped) == {"structured_outputs"}


def test_what_has_no_messages_needs_no_kinds_of_parts():
    assert needed_abilities({"model": raw("m"), "tools": raw([{}])}) == {"tools"}
    assert needed_abilities({}) == set()


@pytest.mark.parametrize("tag", Tag)
def test_every_tag_can_be_asked_for(tag):
    assert read_tags(raw([f"chat_completions:{tag.value}"])) == {tag}


def test_several_tags_and_none():
    assert read_tags(raw(["chat_completions:vision", "chat_completions:vision", "chat_completions:reasoning"])) == {
        Tag.VISION,
        Tag.REASONING,
    }
    assert read_tags(raw([])) == frozenset()


@pytest.mark.parametrize("value", ["chat_completions:vision", {}, None, [1], [None], 5])
def test_tags_are_a_list_of_strings(value):
    with pytest.raises(BadRequest, match="list of strings") as caught:
        read_tags(raw(value))
    assert caught.value.field == "tags"


@pytest.mark.parametrize("name", ["vision", "chat_completions:sight", "secret-word", "", "CHAT_COMPLETIONS:VISION"])
def test_an_unknown_tag_lists_the_known_ones_and_is_not_repeated(name):
    with pytest.raises(BadRequest, match=r"Known are: chat_completions:vision, .*chat_completions:url_context") as caught:
        read_tags(raw(["chat_completions:vision", name]))
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize(
    ("size", "tokens"), [(0, 0), (BIG, 0), (BIG + 1, 4096), (2 * BIG - 1, 4096), (2 * BIG, 8192), (32 * 1024 * 1024, 524288)]
)
def test_the_least_tokens_are_a_power_of_two(size, tokens):
    assert least_tokens(b"x" * size) == tokens


def test_a_body_with_data_inside_has_no_lower_bound():
    assert least_tokens(b"x" * BIG + b"data:image/png;base64,") == 0
