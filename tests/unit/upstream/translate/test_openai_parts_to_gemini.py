"""Content parts: text, images, documents, audio, and what is refused."""

import pytest

from anyapi.errors import BadRequest
from anyapi.upstream.translate.adjustments import Adjustments
from anyapi.upstream.translate.openai_parts_to_gemini import ASSISTANT, AUDIO, TEXT, TOOL, USER, parts


def made(content, kinds=USER):
    notes = Adjustments()
    return parts(content, "messages[0].content", notes, kinds), notes.names


def refused(content, kinds=USER):
    with pytest.raises(BadRequest) as caught:
        made(content, kinds)
    assert "SECRET" not in caught.value.message
    return caught.value.field.removeprefix("messages[0].content")


def image(url, **more):
    return [{"type": "image_url", "image_url": {"url": url, **more}}]


def file(**fields):
    return [{"type": "file", "file": fields}]


def test_text():
    assert made("Hi") == ([{"text": "Hi"}], ())
    assert made("") == ([], ())
    assert made("  ") == ([{"text": "  "}], ())
    assert made([{"type": "text", "text": "a"}, {"type": "text", "text": ""}]) == ([{"text": "a"}], ())
    assert made([{"type": "refusal", "refusal": "No."}, {"type": "refusal", "refusal": ""}], ASSISTANT) == ([{"text": "No."}], ())


@pytest.mark.parametrize(
    ("url", "media"),
    [
        ("data:image/png;base64,AAAA", "image/png"),
        ("data:IMAGE/JPG;base64,AAAA", "image/jpeg"),
        ("data:image/webp;base64,AAAA", "image/webp"),
        ("data:image/heic;base64,AAAA", "image/heic"),
    ],
)
def test_inline_images(url, media):
    assert made(image(url)) == ([{"inlineData": {"mimeType": media, "data": "AAAA"}}], ())


def test_images_by_address():
    url = "https://example.org/a/b.PNG?x=1#y.gif"
    assert made(image(url)) == ([{"fileData": {"fileUri": url, "mimeType": "image/png"}}], ())


def test_detail_and_cache_control_are_noted():
    found, noted = made([{**image("data:image/png;base64,AAAA", detail="high")[0], "cache_control": {"type": "ephemeral"}}])
    assert len(found) == 1
    assert set(noted) == {"messages.image_url.detail", "cache_control"}
    assert made(image("data:image/png;base64,AAAA", detail="auto"))[1] == ()


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/a.png",
        "https://example.org/SECRET",
        "https://[::1/a.png",
        "data:image/gif;base64,AA",
        "data:image/png,AA",
        "x",
        "",
    ],
)
def test_images_that_are_refused(url):
    assert refused(image(url)) == "[0].image_url.url"


def test_documents():
    assert made(file(file_data="data:application/pdf;base64,AA")) == ([{"inlineData": {"mimeType": "application/pdf", "data": "AA"}}], ())
    assert made(file(file_data="data:text/plain;base64,AA", filename="a.txt"))[1] == ("messages.file.filename",)
    assert made(file(file_data="https://example.org/a.pdf"))[0] == [
        {"fileData": {"fileUri": "https://example.org/a.pdf", "mimeType": "application/pdf"}}
    ]
    assert refused(file(file_id="file-SECRET")) == "[0].file.file_id"
    assert refused(file(file_data="data:application/zip;base64,AA")) == "[0].file.file_data"
    assert refused(file(file_data="data:application/pdf;base64,AA", filename=5)) == "[0].file.filename"
    assert refused(file()) == "[0].file.file_data"


@pytest.mark.parametrize("kind", sorted(AUDIO))
def test_audio(kind):
    content = [{"type": "input_audio", "input_audio": {"data": "AA", "format": kind}}]
    assert made(content) == ([{"inlineData": {"mimeType": f"audio/{kind}", "data": "AA"}}], ())


def test_audio_that_is_refused():
    assert refused([{"type": "input_audio", "input_audio": {"data": "AA", "format": "midi"}}]) == "[0].input_audio.format"
    assert refused([{"type": "input_audio", "input_audio": {"data": 5, "format": "wav"}}]) == "[0].input_audio.data"


@pytest.mark.parametrize(
    ("content", "kinds", "field"),
    [
        (5, USER, ""),
        ([5], USER, "[0]"),
        ([{}], USER, "[0].type"),
        ([{"type": "video_url"}], USER, "[0].type"),
        ([{"type": ["text"]}], USER, "[0].type"),
        (image("data:image/png;base64,AA"), TEXT, "[0].type"),
        (image("data:image/png;base64,AA"), ASSISTANT, "[0].type"),
        ([{"type": "input_audio"}], TOOL, "[0].type"),
        ([{"type": "text", "text": 5}], TEXT, "[0].text"),
        ([{"type": "image_url", "image_url": "x"}], USER, "[0].image_url"),
    ],
)
def test_refusals(content, kinds, field):
    assert refused(content, kinds) == field
