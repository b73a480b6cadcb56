"""Content parts: text, images, documents, audio; nothing is fetched, nothing is guessed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyapi.errors import BadRequest
from anyapi.upstream.translate import openai_parts_to_bedrock as parts
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.bedrock_family import Family

WHERE = "messages[0].content"


def made(content, kinds=parts.USER, family=Family.CLAUDE):
    notes = Adjustments()
    return parts.Parts(family, notes).blocks(content, WHERE, kinds), notes.names


def one(part, **changes):
    (block,), names = made([part], **changes)
    return block, names


def refused(part, kinds=parts.USER):
    with pytest.raises(BadRequest) as caught:
        made([part], kinds)
    return caught.value.field


def image(url, **more):
    return {"type": "image_url", "image_url": {"url": url, **more}}


def file(**fields):
    return {"type": "file", "file": fields}


def test_text():
    assert made("Hello") == ([{"text": "Hello"}], ())
    assert made([{"type": "text", "text": "a"}, {"type": "text", "text": " \n"}, {"type": "text", "text": "b"}])[0] == [
        {"text": "a"},
        {"text": "b"},
    ]
    assert made(" \n") == ([], ())
    assert one({"type": "refusal", "refusal": "No."}, kinds=parts.ASSISTANT) == ({"text": "No."}, ())


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("data:image/png;base64,QUJD", "png"),
        ("data:image/jpeg;base64,QUJD", "jpeg"),
        ("data:image/jpg;base64,QUJD", "jpeg"),
        ("data:IMAGE/WEBP;base64,QUJD", "webp"),
        ("data:image/gif;base64,QUJD", "gif"),
    ],
)
def test_images(url, kind):
    assert one(image(url, detail="auto")) == ({"image": {"format": kind, "source": {"bytes": "QUJD"}}}, ())


def test_the_detail_of_an_image_is_noted():
    assert one(image("data:image/png;base64,QUJD", detail="high"))[1] == ("messages.image_url.detail",)


@pytest.mark.parametrize(
    "url",
    ["https://example.org/a.png", "http://x/a.png", "s3://bucket/a.png", "data:image/svg+xml;base64,QUJD", "data:image/png,QUJD", "", 5],
)
def test_images_that_cannot_be_sent(url):
    assert refused(image(url)) == f"{WHERE}[0].image_url.url"


@pytest.mark.parametrize(("media", "kind"), sorted(parts.DOCUMENTS.items()))
def test_documents(media, kind):
    block, names = one(file(file_data=f"data:{media};base64,QUJD", filename=f"My report.{kind}"))
    assert block == {"document": {"format": kind, "name": "My report", "source": {"bytes": "QUJD"}}}
    assert names == ()


@pytest.mark.parametrize(
    ("given_name", "name", "names"),
    [
        (None, "document", ()),
        ("a.pdf", "a", ()),
        ("a b (1) [x]-y.pdf", "a b (1) [x]-y", ()),
        ("a_b.pdf", "a-b", ("messages.file.filename",)),
        ("a  b", "a b", ("messages.file.filename",)),
        ("../../etc/passwd", "------etc-passwd", ("messages.file.filename",)),
        ("", "document", ("messages.file.filename",)),
        ("   ", "document", ("messages.file.filename",)),
        ("x" * 500, "x" * 190, ("messages.file.filename",)),
    ],
)
def test_names_of_documents(given_name, name, names):
    block, noted = one(file(file_data="data:application/pdf;base64,QUJD", filename=given_name))
    assert (block["document"]["name"], noted) == (name, names)


def test_documents_have_different_names():
    blocks, _ = made([file(file_data="data:application/pdf;base64,QUJD", filename="a.pdf")] * 3)
    assert [block["document"]["name"] for block in blocks] == ["a", "a (2)", "a (3)"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"file_id": "file-1"}, "file_id"),
        ({}, "file_data"),
        ({"file_data": "https://example.org/a.pdf"}, "file_data"),
        ({"file_data": "data:application/zip;base64,QUJD"}, "file_data"),
        ({"file_data": "QUJD"}, "file_data"),
        ({"file_data": "data:application/pdf;base64,QUJD", "filename": 5}, "filename"),
    ],
)
def test_documents_that_cannot_be_sent(fields, field):
    assert refused(file(**fields)) == f"{WHERE}[0].file.{field}"


def test_audio():
    part = {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}}
    assert one(part) == ({"audio": {"format": "wav", "source": {"bytes": "QUJD"}}}, ())
    assert refused({"type": "input_audio", "input_audio": {"data": "QUJD", "format": "x"}}) == f"{WHERE}[0].input_audio.format"
    assert refused({"type": "input_audio", "input_audio": {"format": "wav"}}) == f"{WHERE}[0].input_audio.data"


@pytest.mark.parametrize("kind", ["video_url", "image_url", "file", "input_audio", "tool_use", 5, None])
def test_kinds_that_a_role_does_not_have(kind):
    assert refused({"type": kind}, parts.ASSISTANT) == f"{WHERE}[0].type"


@pytest.mark.parametrize("content", [5, {}, None, True])
def test_content_of_another_type(content):
    with pytest.raises(BadRequest) as caught:
        made(content)
    assert caught.value.field == WHERE


def cached(control, family=Family.CLAUDE):
    blocks, names = made([{"type": "text", "text": "a", "cache_control": control}], family=family)
    return blocks[1:], names


@pytest.mark.parametrize(
    ("control", "family", "points", "names"),
    [
        ({"type": "ephemeral"}, Family.CLAUDE, [{"cachePoint": {"type": "default"}}], ()),
        ({"type": "ephemeral", "ttl": "5m"}, Family.CLAUDE, [{"cachePoint": {"type": "default"}}], ()),
        ({"type": "ephemeral", "ttl": "1h"}, Family.CLAUDE, [{"cachePoint": {"type": "default", "ttl": "1h"}}], ()),
        ({"type": "ephemeral", "ttl": "1h"}, Family.NOVA, [{"cachePoint": {"type": "default"}}], ("cache_control.ttl",)),
        ({"type": "ephemeral"}, Family.OTHER, [], ("cache_control",)),
        (None, Family.CLAUDE, [], ()),
    ],
)
def test_cache_points(control, family, points, names):
    assert cached(control, family) == (points, names)


def test_a_cache_control_that_is_none():
    with pytest.raises(BadRequest) as caught:
        cached("ephemeral")
    assert caught.value.field == f"{WHERE}[0].cache_control"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(max_size=30), max_size=6))
def test_every_name_is_of_the_alphabet_and_different(names):
    blocks, _ = made([file(file_data="data:application/pdf;base64,QUJD", filename=name) for name in names])
    found = [block["document"]["name"] for block in blocks]
    assert len(set(found)) == len(names)
    for name in found:
        assert 1 <= len(name) <= 200
        assert not parts.NAME.search(name)
        assert "  " not in name
