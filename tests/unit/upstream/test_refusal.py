"""Content refusals that come as errors: each provider's form, in every format; and what callers wrote makes none of another error."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.upstream.bedrock_errors import classify_bedrock, classify_bedrock_event
from anyapi.upstream.classify import classify_anthropic, classify_anthropic_event, classify_openai, classify_openai_event
from anyapi.upstream.classify_gemini import classify_gemini
from anyapi.upstream.cohere import CohereAdapter
from anyapi.upstream.openai_errors import error_in
from anyapi.upstream.refusal import CODES, WHOLE, declines, is_said
from anyapi.upstream.responses_passthrough import ResponsesReader, outcome_of

XAI = "Content violates usage guidelines. Team: t, API key ID: k, Model: grok-4, Failed check: SAFETY_CHECK_TYPE_BIO"
FORBIDDEN = "The caller does not have permission to execute the specified operation"
FLAGGED = 'openai/gpt-5 requires moderation on OpenAI. Your input was flagged for "violence". No credits were charged.'
PROMPT = "Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please try again: https://example.com"
LIMITED = "Invalid prompt: we've limited access to this content for safety reasons. This type of information may be used to harm people."
BLOCKED = "Output blocked by content filtering policy"
HOSTS = {"code": FORBIDDEN, "error": XAI}


def openai(message, **more):
    return {"error": {"message": message, **more}}


def passed_on(host, status=400):
    return openai("Provider returned error", code=status, metadata={"raw": json.dumps(host), "provider_name": "xAI"})


REFUSALS = {
    "xai": (403, {"code": FORBIDDEN, "error": XAI}),
    "xai, another code": (400, {"code": "permission-denied", "error": "Content violates usage guidelines."}),
    "xai, other words behind": (403, {"code": FORBIDDEN, "error": "Content violates usage guidelines. New words."}),
    "xai, through a proxy": (403, openai(XAI, type="invalid_request_error")),
    "openrouter": (403, openai(FLAGGED, code=403, metadata={"reasons": ["violence"], "flagged_input": "...", "provider_name": "OpenAI"})),
    "openrouter, reasons alone": (403, openai(FLAGGED, code=403, metadata={"reasons": ["violence"], "provider_name": "Azure"})),
    "openrouter, guardrail": (403, openai("Request blocked", code=403, metadata={"patterns": ["injection"]})),
    "openrouter, error type": (403, openai("x", code=403, metadata={"error_type": "content_policy_violation"})),
    "openrouter, a host's error": (403, openai("x", code=403, metadata={"error_type": "refusal"})),
    "openrouter for xai": (403, passed_on(HOSTS, 403)),
    "openrouter for azure": (400, passed_on(openai("The response was filtered", code="content_filter"))),
    "openrouter for anthropic": (400, passed_on({"type": "error", "error": {"type": "invalid_request_error", "message": BLOCKED}})),
    "alibaba": (400, openai("Input data may contain inappropriate content.", code="data_inspection_failed", type="data_inspection_failed")),
    "alibaba, its own format": (400, {"code": "DataInspectionFailed", "message": "Input data may contain inappropriate content."}),
    "deepseek": (400, openai("Content Exists Risk", type="invalid_request_error", param=None, code="invalid_request_error")),
    "deepseek, with an id": (400, openai("Content Exists Risk (request_id: req_01ABCxyz)", type="invalid_request_error")),
    "minimax": (422, openai("input new_sensitive (1026)", type="unprocessable_entity_error", http_code="422")),
    "minimax, the answer": (500, openai("output new_sensitive (1027)", type="api_error", http_code="500")),
    "moonshot": (400, openai("The request was rejected because it was considered high risk", code=400, type="content_filter")),
    "z.ai": (400, openai("System detected potentially unsafe or sensitive content in input or generation.", code="1301")),
    "z.ai in Chinese": (400, openai("\u7cfb\u7edf\u68c0\u6d4b\u5230\u5185\u5bb9", code="1301")),
    "openai": (400, openai(PROMPT, type="invalid_request_error", param=None, code="invalid_prompt")),
    "openai, limited": (400, openai(LIMITED, type="invalid_request_error", code="invalid_prompt")),
    "openai, cyber": (400, openai("This content was flagged for possible cybersecurity risk.", code="cyber_policy")),
    "azure": (400, openai("The response was filtered", code=None, innererror={"code": "ResponsibleAIPolicyViolation"})),
    "azure, in words": (400, openai("The response was filtered", code="content_filter", status=400)),
    "anthropic": (400, {"type": "error", "error": {"type": "invalid_request_error", "message": BLOCKED}}),
}
"""As each provider answers, with the status."""


@pytest.mark.parametrize("name", REFUSALS)
def test_a_content_refusal_is_known_whatever_its_status(name):
    status, said = REFUSALS[name]
    body = json.dumps(said).encode()
    for classify in (classify_openai, classify_anthropic):
        assert classify(status, 3.0, body) == Outcome(OutcomeKind.CONTENT_REFUSED, 3.0, status)
    assert classify_openai_event(body) == classify_anthropic_event(body) == Outcome(OutcomeKind.CONTENT_REFUSED)
    assert outcome_of(None, body).kind is OutcomeKind.CONTENT_REFUSED
    assert "error" not in said or error_in(body).kind is OutcomeKind.CONTENT_REFUSED


@pytest.mark.parametrize("message", [PROMPT, LIMITED])
def test_a_response_that_failed_so(message):
    error = {"code": "invalid_prompt", "message": message}
    failed = {"object": "response", "status": "failed", "error": error}
    assert outcome_of("invalid_prompt", json.dumps(failed).encode()).kind is OutcomeKind.CONTENT_REFUSED
    for event in ({"type": "response.failed", "response": failed}, {"type": "error", **error}, {"type": "error", "error": error}):
        reader = ResponsesReader()
        reader.feed(b"event: %b\ndata: %b\n\n" % (event["type"].encode(), json.dumps(event).encode()))
        assert reader.failure == Outcome(OutcomeKind.CONTENT_REFUSED)


@pytest.mark.parametrize("message", [BLOCKED, f"The model returned the following errors: {BLOCKED}", f" {BLOCKED}. ".upper()])
def test_at_bedrock(message):
    body = json.dumps({"message": message}).encode()
    assert classify_bedrock(400, None, body).kind is OutcomeKind.CONTENT_REFUSED
    assert classify_bedrock_event("validationException", body).kind is OutcomeKind.CONTENT_REFUSED
    assert classify_bedrock(403, None, body).kind is OutcomeKind.UNAUTHORIZED, "Bedrock refuses no content with that"


WORDS = (XAI, "Content violates usage guidelines.", "Content Exists Risk", "input new_sensitive (1026)", BLOCKED, PROMPT, FLAGGED)
QUOTES = (
    "Invalid value: '{}'",
    "messages.0.content: {} is not allowed",
    "{}: Extra inputs are not permitted",
    "`{}` is not a role",
    "'{}'",
)
"""How providers repeat what callers wrote."""


@pytest.mark.parametrize("quote", QUOTES)
@pytest.mark.parametrize("words", [*WORDS, *sorted(CODES), "flagged_input", "1301"])
def test_what_a_caller_wrote_makes_no_refusal_of_another_error(words, quote):
    text = quote.format(words)
    body = json.dumps(openai(text, type="invalid_request_error", code="invalid_value", param=words)).encode()
    for classify in (classify_openai, classify_anthropic, classify_bedrock, classify_gemini, CohereAdapter(lambda: 0.0).classify):
        assert classify(400, None, body).kind is OutcomeKind.REJECTED
        assert classify(403, None, body).kind is OutcomeKind.UNAUTHORIZED
    bare = () if quote.startswith("{}") else (text,)  # nobody who writes mere strings begins with what a caller wrote
    for error in (*bare, [text], {"detail": text}, {"message": text, "metadata": {"raw": text, "provider_name": words}}):
        assert classify_openai(403, None, json.dumps({"error": error}).encode()).kind is OutcomeKind.UNAUTHORIZED


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (
            403,
            {"code": FORBIDDEN, "error": "Your team has either used all available credits or reached its monthly spending limit."},
            "unauthorized",
        ),
        (403, openai("Key limit exceeded (total limit).", code=403), "unauthorized"),
        (403, openai("Forbidden", code=403, metadata={"provider_name": "OpenAI", "reasons": [], "flagged_input": None}), "unauthorized"),
        (402, openai("No credits", code=402, metadata={"reasons": ["x"]}), "unauthorized"),
        (403, openai("Forbidden", code=403, metadata="flagged_input"), "unauthorized"),
        (403, passed_on(passed_on(HOSTS)), "unauthorized"),
        (400, passed_on({"error": "Content violates nothing"}), "rejected"),
        (400, openai("Invalid prompt: the messages are not of the format.", code="invalid_prompt"), "rejected"),
        (400, openai(PROMPT, code="invalid_value"), "rejected"),
        (429, openai("High concurrency usage of this API", code="1302"), "rate_limited"),
        (400, openai("The parameter is not right", code="1301"), "rejected"),
        (400, openai({"message": BLOCKED}), "rejected"),
    ],
)
def test_what_is_like_one_and_is_none(status, said, kind):
    assert classify_openai(status, None, json.dumps(said).encode()).kind == kind


@given(st.text(max_size=60), st.sampled_from([*WORDS]), st.text(max_size=60))
def test_words_among_others_say_nothing(before, words, after):
    text = f"{before}{words}{after}"
    assert is_said(text) is (WHOLE.fullmatch(text.strip().lower()) is not None)
    if before.strip() and not before.lower().endswith("errors: "):
        assert not declines({"message": text}, frozenset())
        assert not declines(text, frozenset())
    assert not declines({"message": f"{words}: {after}?"}, frozenset())


@pytest.mark.parametrize("odd", [None, 5, [], True, {}, {"message": 5, "metadata": [], "code": []}, {"metadata": {"raw": 5}}])
def test_odd_errors_are_survived(odd):
    assert declines(odd, frozenset()) is False
    assert classify_openai(400, None, json.dumps({"error": odd}).encode()).kind is OutcomeKind.REJECTED


def test_a_long_message_is_looked_through_once():
    assert not is_said("content violates usage guidelines. " + "failed check: " * 200_000)
