"""Content parts: each kind, where it may stand, and what refers to a stored file."""

import pytest

from anyapi.errors import BadRequest
from anyapi.upstream.translate import openai_responses_parts_to_openai_chat as parts
from anyapi.upstream.translate.adjustments import Adjustments


def through(value, kinds=parts.USER):
    notes = Adjustments()
    return parts.content(value, "c", notes, kinds), notes.names


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("text", "text"),
        ([], ""),
        ([{"type": "input_text", "text": "a"}], "a"),
        ([{"type": "input_text", "text": "a"}, {"type": "output_text", "text": "b"}], [{"type": "text", "text": x} for x in "ab"]),
        (
            [{"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}}],
            [{"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}}],
        ),
        ([{"type": "input_image", "image_url": "u"}], [{"type": "image_url", "image_url": {"url": "u"}}]),
        ([{"type": "input_image", "image_url": "u", "detail": "low"}], [{"type": "image_url", "image_url": {"url": "u", "detail": "low"}}]),
        (
            [{"type": "input_file", "file_data": "d", "filename": "n.pdf"}],
            [{"type": "file", "file": {"file_data": "d", "filename": "n.pdf"}}],
        ),
        ([{"type": "input_file", "file_url": "https://x/y.pdf"}], [{"type": "file", "file": {"file_data": "https://x/y.pdf"}}]),
        (
            [{"type": "input_audio", "input_audio": {"data": "d", "format": "wav"}}],
            [{"type": "input_audio", "input_audio": {"data": "d", "format": "wav"}}],
        ),
    ],
)
def test_each_kind(given, made):
    assert through(given) == (made, ())


def test_what_is_not_carried_is_named():
    noisy = [{"type": "output_text", "text": "a", "annotations": [{"type": "url_citation"}], "logprobs": [{}]}]
    assert through(noisy, parts.ASSISTANT)[1] == ("input.annotations", "input.logprobs")
    assert through([{"type": "input_file", "file_data": "d", "detail": "high"}])[1] == ("input.file.detail",)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (5, "c"),
        (["x"], "c[0]"),
        ([{"type": "zzz"}], "c[0].type"),
        ([{"type": ["x"]}], "c[0].type"),
        ([{}], "c[0].type"),
        ([{"type": "input_text", "text": 5}], "c[0].text"),
        ([{"type": "input_image", "file_id": "f"}], "c[0].file_id"),
        ([{"type": "input_image"}], "c[0].image_url"),
        ([{"type": "input_file", "file_id": "f"}], "c[0].file_id"),
        ([{"type": "input_file"}], "c[0].file_data"),
        ([{"type": "refusal", "refusal": "r"}], "c[0].type"),
        ([{"type": "input_text", "text": "", "cache_control": 5}], "c[0].cache_control"),
    ],
)
def test_what_is_refused(given, field):
    with pytest.raises(BadRequest) as caught:
        through(given)
    assert caught.value.field == field
