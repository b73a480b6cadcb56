"""Blocks become parts: what each becomes, what is noted, what is refused and where."""

import pytest
from tests.unit.upstream.translate.anthropic_events import raws, resolved

from anyapi.errors import BadRequest
from anyapi.upstream.translate import anthropic_blocks_to_openai_parts as parts
from anyapi.upstream.translate.hub_target import HUB, STRICT, Carrier

MARK = {"type": "ephemeral", "ttl": "1h"}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}


def made(block, target=HUB, kinds=parts.USER):
    carrier = Carrier(target)
    return resolved(parts.parts_of(raws(block), "m", carrier, kinds)), carrier.notes.names


def refused(block, kinds=parts.USER):
    with pytest.raises(BadRequest) as caught:
        made(block, kinds=kinds)
    assert "s3cret" not in str(caught.value)
    return caught.value.field


def text(words):
    return {"type": "text", "text": words}


def test_text():
    assert made({"type": "text", "text": "hé\n", "cache_control": None, "citations": None}) == ([text("hé\n")], ())
    assert made({"type": "text", "text": "x", "cache_control": MARK}) == ([{**text("x"), "cache_control": MARK}], ())
    assert made({"type": "text", "text": "x", "cache_control": MARK}, STRICT) == ([text("x")], ("cache_control",))
    assert made({"type": "text", "text": "x", "citations": [{}], "s3cret": 1})[1] == ("messages.text.citations", "messages.other")


@pytest.mark.parametrize("media", sorted(parts.IMAGES))
def test_images(media):
    block = {"type": "image", "source": {"type": "base64", "media_type": media, "data": "AA\\/+="}, "cache_control": MARK}
    expected = {"type": "image_url", "image_url": {"url": f"data:{media};base64,AA\\/+="}, "cache_control": MARK}
    assert made(block) == ([expected], ())


def test_an_address_of_an_image():
    block = {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}, "transformations": {"x": 1}}
    assert made(block) == ([{"type": "image_url", "image_url": {"url": "https://a/b.png"}}], ("messages.image.transformations",))


def test_a_pdf():
    file = {"type": "file", "file": {"filename": "t", "file_data": "data:application/pdf;base64,JVBE"}}
    assert made({"type": "document", "source": PDF, "title": "t", "citations": {"enabled": False}}) == ([file], ())
    file["file"]["filename"] = "document.pdf"
    assert made({"type": "document", "source": PDF}) == ([file], ())
    found, notes = made({"type": "document", "source": PDF, "context": "c", "citations": {"enabled": True}, "cache_control": MARK})
    assert found == [text("c"), {**file, "cache_control": MARK}]
    assert notes == ("messages.document.citations", "messages.document.context")
    address = {"type": "document", "source": {"type": "url", "url": "https://a/b.pdf"}}
    assert made(address)[0][0]["file"]["file_data"] == "https://a/b.pdf"


def test_documents_of_text():
    plain = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "d"}, "title": "t", "cache_control": MARK}
    assert made(plain) == ([text("t"), {**text("d"), "cache_control": MARK}], ("messages.document",))
    image = {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}}
    blocks = {"type": "document", "source": {"type": "content", "content": [text("d"), image]}}
    assert made(blocks)[0] == [text("d"), {"type": "image_url", "image_url": {"url": "https://a/b.png"}}]
    assert made({"type": "document", "source": {"type": "content", "content": "d"}})[0] == [text("d")]


def test_search_results():
    block = {"type": "search_result", "title": "t", "source": "s", "content": [text("a"), text("b")], "citations": {"enabled": True}}
    assert made(block) == ([text("t"), text("s"), text("a"), text("b")], ("messages.search_result",))


@pytest.mark.parametrize(
    ("block", "field"),
    [
        ({"type": "s3cret"}, "m.type"),
        ({}, "m.type"),
        ({"type": "server_tool_use", "id": "x"}, "m.type"),
        ({"type": "web_search_tool_result"}, "m.type"),
        ({"type": "container_upload", "file_id": "x"}, "m.type"),
        ({"type": "text"}, "m.text"),
        ({"type": "text", "text": 5}, "m.text"),
        ({"type": "image"}, "m.source"),
        ({"type": "image", "source": {"type": "file", "file_id": "s3cret"}}, "m.source.type"),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/s3cret", "data": "A"}}, "m.source.media_type"),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/png"}}, "m.source.data"),
        ({"type": "image", "source": {"type": "url"}}, "m.source.url"),
        ({"type": "document", "source": {"type": "file", "file_id": "s3cret"}}, "m.source.type"),
        ({"type": "document", "source": {**PDF, "media_type": "text/s3cret"}}, "m.source.media_type"),
        ({"type": "document", "source": {"type": "text"}}, "m.source.data"),
        ({"type": "document", "source": {"type": "content", "content": [{"type": "document"}]}}, "m.source.content[0].type"),
        ({"type": "document", "source": {"type": "content", "content": [5]}}, "m.source.content[0]"),
        ({"type": "search_result", "title": "t"}, "m.source"),
    ],
)
def test_what_cannot_be_expressed_is_named(block, field):
    assert refused(block) == field


def test_a_role_takes_its_own_kinds():
    assert refused({"type": "image", "source": {}}, parts.TEXT) == "m.type"


def test_content_of_one_text_is_a_string():
    assert parts.as_content([]) == ""
    assert parts.as_content([text("a")]) == "a"
    for several in ([text("a"), text("b")], [{**text("a"), "cache_control": MARK}], [{"type": "file", "file": {}}]):
        assert parts.as_content(several) is several
