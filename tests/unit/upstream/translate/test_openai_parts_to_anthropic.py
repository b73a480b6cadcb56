"""Content parts: text, images, files; nothing is fetched, nothing is guessed."""

import pytest

from anyapi.errors import BadRequest
from anyapi.upstream.translate import openai_parts_to_anthropic as parts
from anyapi.upstream.translate.adjustments import Adjustments


def one(part, kinds=parts.USER):
    notes = Adjustments()
    (block,) = parts.blocks([part], "messages[0].content", notes, kinds)
    return block, notes.names


def image(url, **more):
    return {"type": "image_url", "image_url": {"url": url, **more}}


def file(**fields):
    return {"type": "file", "file": fields}


@pytest.mark.parametrize(
    ("url", "media"),
    [
        ("data:image/png;base64,QUJD", "image/png"),
        ("data:image/jpeg;base64,QUJD", "image/jpeg"),
        ("data:image/jpg;base64,QUJD", "image/jpeg"),
        ("data:image/gif;base64,QUJD", "image/gif"),
        ("data:IMAGE/WEBP;base64,QUJD", "image/webp"),
    ],
)
def test_image_data(url, media):
    assert one(image(url)) == ({"type": "image", "source": {"type": "base64", "media_type": media, "data": "QUJD"}}, ())


def test_image_address():
    assert one(image("https://example.org/a.png", detail="auto")) == (
        {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}},
        (),
    )


def test_detail_is_noted():
    assert one(image("https://example.org/a.png", detail="low"))[1] == ("messages.image_url.detail",)


@pytest.mark.parametrize(
    "url", ["http://example.org/a.png", "data:image/svg+xml;base64,QUJD", "data:image/png,raw", "file:///etc/passwd", "", "ftp://x"]
)
def test_other_images_are_refused(url):
    with pytest.raises(BadRequest) as caught:
        one(image(url))
    assert caught.value.field == "messages[0].content[0].image_url.url"


def test_pdf():
    block, _ = one(file(file_data="data:application/pdf;base64,QUJD", filename="a.pdf"))
    assert block == {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "QUJD"}, "title": "a.pdf"}
    assert one(file(file_data="https://example.org/a.pdf"))[0]["source"] == {"type": "url", "url": "https://example.org/a.pdf"}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"file_id": "file-1"}, "file_id"),
        ({"file_data": "data:text/plain;base64,QUJD"}, "file_data"),
        ({"file_data": "QUJD"}, "file_data"),
        ({}, "file_data"),
        ({"file_data": "https://x/a.pdf", "filename": 5}, "filename"),
    ],
)
def test_other_files_are_refused(fields, field):
    with pytest.raises(BadRequest) as caught:
        one(file(**fields))
    assert caught.value.field == f"messages[0].content[0].file.{field}"


@pytest.mark.parametrize("kind", [None, 5, "image", "video_url", ["text"], {}])
def test_other_kinds_are_refused_without_repeating_them(kind):
    with pytest.raises(BadRequest) as caught:
        one({"type": kind, "text": "SECRET"})
    assert caught.value.field == "messages[0].content[0].type"
    assert "SECRET" not in caught.value.message
    assert "video_url" not in caught.value.message


def test_blank_text_gives_no_block():
    assert parts.blocks([{"type": "text", "text": " \n"}], "x", Adjustments(), parts.USER) == []
    assert parts.blocks("\t", "x", Adjustments(), parts.USER) == []


def test_text_keeps_its_blanks():
    assert parts.blocks(" a ", "x", Adjustments(), parts.USER) == [{"type": "text", "text": " a "}]
