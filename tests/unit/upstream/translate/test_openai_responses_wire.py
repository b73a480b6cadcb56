"""The pieces that are read leniently, and the response object."""

import msgspec
import pytest
from tests.unit.upstream.translate.responses_reading import strict_response

from anyapi.upstream.translate import openai_responses_wire as wire
from anyapi.upstream.translate.openai_responses_echo import echo_of
from anyapi.upstream.translate.openai_responses_tools_to_openai_chat import Tools

ODD = [b"", b"null", b"5", b'"x"', b"[]", b"{}", b"[5]", b'[{"type":"url_citation"}]', b'{"content":5}', b"[" * 3000]


def raw(value):
    return msgspec.Raw(msgspec.json.encode(value))


@pytest.mark.parametrize("text", ODD)
def test_odd_forms_are_nothing(text):
    given = msgspec.Raw(text)
    assert wire.logprobs_of(given) == []
    assert wire.annotations_of(given) == []
    assert wire.usage_of(given) == b"null"
    assert wire.tier_of(given) == "default"
    details = wire.details_of(wire.Said(reasoning_details=given))
    assert details == ([{"type": "url_citation"}] if b"url" in text else [])


def test_texts():
    assert wire.Said(content="a").text == "a"
    assert wire.Said(content=[wire.Part("text", "a"), wire.Part("thinking", "x"), wire.Part("text", "b")]).text == "ab"
    assert wire.Said().text == ""
    assert wire.thought_of(wire.Said(reasoning_content=raw("a"), reasoning=raw("b"))) == "a"
    assert wire.thought_of(wire.Said(reasoning=raw("b"))) == "b"
    assert wire.thought_of(wire.Said(reasoning=raw({"effort": "low"}))) == ""


def test_usage():
    given = {
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "total_tokens": 99,
        "prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 1, "audio_tokens": 7},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    assert msgspec.json.decode(wire.usage_of(raw(given))) == {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 1},
        "output_tokens": 4,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 13,
    }
    assert wire.usage_of(raw({"prompt_tokens": -1, "completion_tokens": 4})) == b"null"


def test_log_probabilities():
    given = {"content": [{"token": "é", "logprob": -0.5, "bytes": None, "top_logprobs": [{"token": "e", "logprob": -2, "bytes": [101]}]}]}
    assert wire.logprobs_of(raw(given)) == [
        {"token": "é", "bytes": [195, 169], "logprob": -0.5, "top_logprobs": [{"token": "e", "bytes": [101], "logprob": -2}]}
    ]


def test_citations():
    given = [{"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 1, "end_index": 2}}, {"type": "other"}]
    assert wire.annotations_of(raw(given)) == [{"type": "url_citation", "url": "u", "title": "t", "start_index": 1, "end_index": 2}]


def test_heads():
    head = wire.head_of(wire.Completion(id='chatcmpl-a"b', model="m", created=5.7, service_tier=raw("flex")), 9)
    assert (head.id, head.model, head.created, head.tier) == ("chatcmplab", "m", 5, "flex")
    assert head.named("msg", 2) == "msg_chatcmplab_2"
    assert wire.head_of(wire.Completion(created=-1), 9.5) == wire.Head("0", "", 9)
    assert len(wire.head_of(wire.Completion(id="x" * 500), 0).named("msg", 4000)) <= 64


@pytest.mark.parametrize("ending", [wire.RUNNING, wire.COMPLETED, *wire.ENDINGS.values()])
def test_the_response_object(ending):
    echo = echo_of({"instructions": "i"}.get, Tools())
    text = wire.response(wire.Head("a", 'm"', 5), echo, wire.Outcome(ending))
    found = strict_response(msgspec.json.decode(text))
    assert (found.id, found.model, found.created_at, found.status, found.instructions) == ("resp_a", 'm"', 5, ending.status, "i")
