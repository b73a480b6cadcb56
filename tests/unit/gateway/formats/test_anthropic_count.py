"""The estimate: it grows with what is sent, knows images and files, and is never far below what tokenizers say."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyapi.gateway.formats.anthropic_count import TOKENS_A_PAGE, TOKENS_AN_IMAGE, TOKENS_WITH_TOOLS, count_tokens, estimate
from anyapi.gateway.formats.anthropic_messages import read_counted

ENGLISH = "The quick brown fox jumps over the lazy dog, and then it sleeps until the evening comes. "
"""20 tokens, about, in the tokenizers of the larger providers."""


def counted(content="a", **fields):
    return estimate(read_counted(json.dumps({"model": "m", "messages": [{"role": "user", "content": content}], **fields}).encode()))


def test_the_answer():
    request = read_counted(b'{"model":"m","messages":[{"role":"user","content":"Hello, world"}]}')
    assert json.loads(count_tokens(request)) == {"input_tokens": 7}


def test_text():
    assert 1 <= counted("") < 10
    assert 2000 <= counted(ENGLISH * 100) <= 3000
    assert counted("\u4f60\u597d" * 100) >= 200
    assert counted([{"type": "text", "text": ENGLISH}]) >= counted(ENGLISH)


def test_everything_that_is_read_counts():
    plain = counted()
    assert counted(system=ENGLISH) >= plain + 20
    assert counted(system=[{"type": "text", "text": ENGLISH}]) >= plain + 20
    assert counted(tools=[{"name": "f", "description": ENGLISH, "input_schema": {}}]) >= plain + TOKENS_WITH_TOOLS + 20
    assert counted(tools=[]) == plain
    assert counted([{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": ENGLISH}]}]) >= plain + 20
    assert counted([{"type": "tool_use", "id": "t", "name": "f", "input": {"text": ENGLISH, "number": 5}}]) >= plain + 20
    assert counted([{"type": "thinking", "thinking": ENGLISH, "signature": "x" * 10_000}]) < plain + 60


@pytest.mark.parametrize(("size", "pages"), [(10, 1), (250_000, 3)])
def test_images_and_files_count_by_kind_not_by_bytes(size, pages):
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * size}}
    assert TOKENS_AN_IMAGE <= counted([image]) <= TOKENS_AN_IMAGE + 20
    assert TOKENS_AN_IMAGE <= counted([{"type": "image", "source": {"type": "url", "url": "https://a/b.png"}}]) <= TOKENS_AN_IMAGE + 20
    file = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "A" * size}}
    assert pages * TOKENS_A_PAGE <= counted([file]) <= pages * TOKENS_A_PAGE + 20
    text = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a" * size}}
    assert counted([text]) >= size / 4


@given(st.text(max_size=200), st.text(max_size=200))
def test_more_text_is_never_less(first, second):
    assert counted(first + second) >= counted(first)
