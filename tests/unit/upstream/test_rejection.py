"""Why a request was rejected: how providers say it, and that no word of theirs comes out."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyapi.domain.decision import CONTEXT_LENGTH, OutcomeKind
from anyapi.upstream.bedrock_errors import classify_bedrock, classify_bedrock_event
from anyapi.upstream.classify import classify_anthropic, classify_openai
from anyapi.upstream.classify_gemini import classify_gemini
from anyapi.upstream.cohere import CohereAdapter
from anyapi.upstream.rejection import FIELDS, why_rejected
from anyapi.upstream.responses_passthrough import outcome_of

TOO_LONG = (
    "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.",
    "This endpoint's maximum context length is 131072 tokens. However, you requested about 140000 tokens",
    "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
    "The prompt is too long: 140000, model maximum context length: 131072",
    "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
    "the request exceeds the available context size, try increasing it",
    "prompt is too long: 210000 tokens > 200000 maximum",
    "input length and `max_tokens` exceed context limit: 199000 + 8192 > 200000",
    "Your input exceeds the context window of this model. Please adjust your input and try again.",
    "Input tokens exceed the configured limit of 272000 tokens.",
    "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    "too many tokens: total number of tokens in the prompt cannot exceed 4081",
    "Input is too long for requested model.",
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097.",
)
OTHERS = ("max_tokens is too large: 100000. This model supports at most 16384 completion tokens.", "string too long", "secret", "")


def error(message, **more):
    return json.dumps({"error": {"message": message, **more}, "message": message}).encode()


@pytest.mark.parametrize("text", TOO_LONG)
def test_a_context_that_is_too_small_is_known_by_its_words(text):
    assert why_rejected(frozenset(), text) == CONTEXT_LENGTH
    for classify in (classify_openai, classify_anthropic, classify_gemini, classify_bedrock, CohereAdapter(lambda: 0.0).classify):
        outcome = classify(400, None, error(text))
        assert (outcome.kind, outcome.why) == (OutcomeKind.REJECTED, CONTEXT_LENGTH)
        assert classify(500, None, error(text)).why is None
    assert classify_bedrock_event("validationException", error(text)).why == CONTEXT_LENGTH


@pytest.mark.parametrize("text", OTHERS)
def test_other_words_are_no_context(text):
    assert why_rejected(frozenset(), text) != CONTEXT_LENGTH


@pytest.mark.parametrize("code", ["context_length_exceeded", "exceed_context_size_error"])
def test_a_context_that_is_too_small_is_known_by_its_code(code):
    assert classify_openai(400, None, error("", code=code)).why == CONTEXT_LENGTH
    assert classify_openai(400, None, error("", type=code)).why == CONTEXT_LENGTH


def test_a_failed_response_says_why():
    assert outcome_of("context_length_exceeded", error("", code="context_length_exceeded")).why == CONTEXT_LENGTH


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("messages.0.content.1.image.source: secret", "messages"),
        ("max_tokens: 100000 > 64000", "max_tokens"),
        ("tools[3]: secret", "tools"),
        ("`temperature` and `top_p` cannot both be specified", "temperature"),
        ("secret: 3", None),
        ("text that is secret", None),
        ("`secret` is wrong", None),
    ],
)
def test_anthropic_names_a_field_in_its_first_words(text, named):
    assert classify_anthropic(400, None, error(text)).why == named


def test_fields_of_other_makers_are_not_named():
    """Gemini's and Bedrock's names are not those that a caller wrote."""
    for classify in (classify_gemini, classify_bedrock):
        assert classify(400, None, error("temperature: secret")).why is None


@given(st.text(), st.one_of(st.none(), st.text(), st.integers()), st.frozensets(st.text(), max_size=2))
def test_what_comes_out_is_always_ours(text, param, codes):
    assert why_rejected(codes, text, param) in {None, CONTEXT_LENGTH, *FIELDS}
