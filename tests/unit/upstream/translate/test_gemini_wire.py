"""Token counts and arguments as Google states them."""

import msgspec
import pytest

from anyapi.domain.usage import TokenCount
from anyapi.upstream.translate import gemini_wire as wire

decode = msgspec.json.Decoder(wire.Response).decode


def usage(**fields):
    return wire.read_usage(msgspec.Raw(msgspec.json.encode(fields)))


def test_thoughts_and_the_cache():
    found = usage(
        promptTokenCount=100, candidatesTokenCount=20, thoughtsTokenCount=30, cachedContentTokenCount=64, toolUsePromptTokenCount=5, x=[1]
    )
    assert found.total() == TokenCount(prompt=105, completion=50, cached=64, reasoning=30)
    assert found.as_openai() == {
        "prompt_tokens": 105,
        "completion_tokens": 50,
        "total_tokens": 155,
        "prompt_tokens_details": {"cached_tokens": 64},
        "completion_tokens_details": {"reasoning_tokens": 30},
    }


def test_zero_is_not_written():
    assert usage(promptTokenCount=4).total() == TokenCount(4)


@pytest.mark.parametrize("fields", [{}, {"candidatesTokenCount": 5}, {"promptTokenCount": -1}, {"promptTokenCount": "4"}])
def test_what_is_not_stated(fields):
    assert usage(**fields).total() is None
    assert usage(**fields).as_openai() is None


def test_the_cache_cannot_give_more_than_the_prompt():
    assert usage(promptTokenCount=4, cachedContentTokenCount=9).total() == TokenCount(4, 0, 4)


def test_later_counts_replace():
    found = usage(promptTokenCount=4, candidatesTokenCount=1).updated(usage(candidatesTokenCount=7, thoughtsTokenCount=2))
    assert found.total() == TokenCount(4, 9, 0, 2)


def test_garbage_is_not_stated():
    for raw in (b"", b"[", b"5", b"[" * 100_000):
        assert wire.read_usage(msgspec.Raw(raw)) == wire.Usage()


@pytest.mark.parametrize(("args", "text"), [(b"", "{}"), (b'{"a": 1.50}', '{"a": 1.50}'), ('{"ö":"東"}'.encode(), '{"ö":"東"}')])
def test_arguments_are_the_providers_own_text(args, text):
    assert wire.FunctionCall("f", args=msgspec.Raw(args)).arguments() == text


@pytest.mark.parametrize("args", [b"[1]", b"null", b'"x"', b"{"])
def test_arguments_that_are_no_object(args):
    with pytest.raises(ValueError):
        wire.FunctionCall("f", args=msgspec.Raw(args)).arguments()


def test_known_and_blocked():
    assert not decode(b"{}").known
    assert not decode(b'{"x":1}').known
    assert not decode(b'{"promptFeedback":{}}').blocked
    assert decode(b'{"promptFeedback":{"blockReason":"OTHER"}}').blocked
    for body in (b'{"responseId":"x"}', b'{"usageMetadata":{}}', b'{"candidates":[{}]}', b'{"promptFeedback":{"blockReason":"OTHER"}}'):
        assert decode(body).known


def test_parts_of_other_kinds_are_read_as_nothing():
    part = (
        decode(b'{"candidates":[{"content":{"parts":[{"fileData":{"mimeType":"image/png","fileUri":"AA"}}]}}]}')
        .candidates[0]
        .content.parts[0]
    )
    assert part == wire.Part()


def test_an_image_is_a_data_address():
    shown = wire.Blob("image/png", "AA==").as_openai()
    assert shown == {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    assert wire.Part(inline_data=wire.Blob("image/png", "AA==")).says_something


@pytest.mark.parametrize("blob", [wire.Blob(), wire.Blob("image/png"), wire.Blob("audio/wav", "AA=="), wire.Blob("", "AA==")])
def test_what_is_no_image_has_no_place(blob):
    with pytest.raises(ValueError, match="no image"):
        blob.as_openai()
