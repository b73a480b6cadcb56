"""What a response repeats of its request, with the API's defaults where nothing was said."""

import msgspec
import pytest

from anyapi.errors import BadRequest
from anyapi.upstream.translate.openai_responses_echo import Echo, Reasoning, echo_of, reasoning_of, written
from anyapi.upstream.translate.openai_responses_tools_to_openai_chat import Tools


def echo(**fields):
    return echo_of(fields.get, Tools())


def settings_of(found):
    return msgspec.json.decode(b"{%b}" % found.settings)


def test_defaults():
    found = settings_of(echo())
    assert found == {
        "background": False,
        "store": False,
        "previous_response_id": None,
        "metadata": {},
        "instructions": None,
        "tools": [],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "top_p": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "top_logprobs": 0,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "reasoning": {"effort": None, "summary": None},
        "text": {"format": {"type": "text"}},
        "truncation": "disabled",
        "safety_identifier": None,
        "prompt_cache_key": None,
        "prompt_cache_retention": None,
    }


def test_what_was_asked_is_repeated():
    asked = {"temperature": 0.25, "instructions": "i", "user": "u", "truncation": "auto", "max_output_tokens": 9, "top_logprobs": 2}
    found = settings_of(echo(**asked, text={"verbosity": "low"}, reasoning={"effort": "low", "summary": "concise"}))
    assert {name: found[name] for name in asked} == asked
    assert found["text"] == {"format": {"type": "text"}, "verbosity": "low"}
    assert found["reasoning"] == {"effort": "low", "summary": "concise"}


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("temperature", 3, None),
        ("temperature", "s3cret", None),
        ("top_p", 2, None),
        ("user", 5, None),
        ("instructions", [], None),
        ("truncation", "s3cret", None),
        ("service_tier", "s3cret", None),
        ("prompt_cache_retention", "s3cret", None),
        ("include", "s3cret", None),
        ("include", [5], "include"),
        ("max_tool_calls", 0, None),
        ("reasoning", "s3cret", None),
        ("reasoning", {"summary": "s3cret"}, "reasoning.summary"),
    ],
)
def test_what_is_wrong_is_named(name, value, field):
    with pytest.raises(BadRequest) as caught:
        echo(**{name: value})
    assert caught.value.field == (field or name)
    assert "s3cret" not in str(caught.value)


def test_reasoning_is_read():
    assert reasoning_of({}.get) == Reasoning()
    older = {"reasoning": {"generate_summary": "auto", "mode": "standard", "context": "auto"}}
    assert reasoning_of(older.get) == Reasoning(None, "auto", ())


def test_what_cannot_be_written_is_refused():
    with pytest.raises(BadRequest):
        written({"a": "\ud800"})


def test_nothing_is_printed():
    assert repr(Echo(b"s3cret")) == "<Echo>"
