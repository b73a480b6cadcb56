"""Complete answers, checked with the OpenAI SDK's own types."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.domain.usage import TokenCount
from anyapi.upstream.adapter import Answer
from anyapi.upstream.translate.gemini_to_openai_chat import BROKEN, FINISH, FORMAT, REFUSED, translate

USAGE = {"promptTokenCount": 25, "candidatesTokenCount": 9, "thoughtsTokenCount": 4, "cachedContentTokenCount": 10, "totalTokenCount": 38}
TEXT = {"text": "Grüß Gott 🌍"}
BAD = Outcome(OutcomeKind.BAD_RESPONSE)


def candidate(parts, finish="STOP", **more):
    return {"content": {"parts": parts, "role": "model"}, "finishReason": finish, "index": 0, **more}


def call(name="get", args=None, signature=None, **more):
    made = {"functionCall": {"name": name, "args": {} if args is None else args, **more}}
    return {**made, "thoughtSignature": signature} if signature else made


def body(*candidates, **more):
    made = {"candidates": list(candidates), "usageMetadata": USAGE, "modelVersion": "gemini-x", "responseId": "resp1"}
    return msgspec.json.encode({**made, **more})


def read(data, *, hide=False):
    return translate(data, created=1_800_000_000, fallback_id="fresh", hide_reasoning=hide)


def made(parts, finish="STOP", *, hide=False, **more):
    answer = read(body(candidate(parts, finish, **more)), hide=hide)
    assert isinstance(answer, Answer)
    return answer, ChatCompletion.model_validate_json(answer.body, strict=True)


def said(parts, **more):
    return made(parts, **more)[1].choices[0].message.model_dump(exclude_unset=True)


IMAGE = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}
SHOWN = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}


def test_images():
    answer, completion = made([TEXT, IMAGE, {**IMAGE, "thoughtSignature": "sig"}, {**IMAGE, "thought": True}])
    message = completion.choices[0].message.model_dump(exclude_unset=True)
    assert (message["content"], message["images"]) == (TEXT["text"], [SHOWN, SHOWN])
    assert message["reasoning_details"] == [{"type": "reasoning.encrypted", "data": "sig", "format": FORMAT, "index": 0}]
    assert not answer.empty
    answer, completion = made([IMAGE])
    assert (answer.empty, completion.choices[0].message.content) == (False, "")


@pytest.mark.parametrize("blob", [{"mimeType": "audio/L16;rate=24000", "data": "AA=="}, {"mimeType": "image/png", "data": ""}, {}, 5])
def test_a_file_that_cannot_be_carried_is_no_answer(blob):
    assert read(body(candidate([TEXT, {"inlineData": blob}]))) == BAD


def test_text():
    answer, completion = made([TEXT, {"text": "!"}])
    assert (completion.id, completion.model, completion.created, completion.object) == (
        "resp1",
        "gemini-x",
        1_800_000_000,
        "chat.completion",
    )
    (choice,) = completion.choices
    assert (choice.index, choice.finish_reason, choice.message.content, choice.message.tool_calls) == (0, "stop", "Grüß Gott 🌍!", None)
    assert (answer.refused, answer.empty, answer.tokens) == (False, False, TokenCount(25, 13, 10, 4))
    assert completion.usage.completion_tokens_details.reasoning_tokens == 4
    assert "Gott" not in repr(answer)


def test_without_id_and_model():
    answer = read(msgspec.json.encode({"candidates": [candidate([call(), call()])]}))
    completion = ChatCompletion.model_validate_json(answer.body, strict=True)
    assert (completion.id, completion.model, completion.usage, answer.tokens) == ("fresh", "", None, None)
    assert [one.id for one in completion.choices[0].message.tool_calls] == ["call_fresh_0_0", "call_fresh_0_1"]


def test_calls_with_signatures():
    message = said([TEXT, call(args={"city": "東京"}, signature="S", id="a1"), call(name="now", id="a2")])
    assert message["content"] == TEXT["text"]
    assert message["tool_calls"] == [
        {
            "id": "a1",
            "type": "function",
            "function": {"name": "get", "arguments": '{"city":"東京"}'},
            "extra_content": {"google": {"thought_signature": "S"}},
        },
        {"id": "a2", "type": "function", "function": {"name": "now", "arguments": "{}"}},
    ]
    assert message["reasoning_details"] == [{"type": "reasoning.encrypted", "data": "S", "format": FORMAT, "id": "a1", "index": 0}]
    assert made([call()])[1].choices[0].finish_reason == "tool_calls"
    assert made([call()])[1].choices[0].message.content is None
    assert made([call()], "MAX_TOKENS")[1].choices[0].finish_reason == "length"
    assert not made([call()])[0].empty


def test_thoughts():
    parts = [
        {"text": "hm", "thought": True},
        {"text": "ha", "thought": True, "thoughtSignature": "T"},
        {"text": "So.", "thoughtSignature": "U"},
    ]
    message = said(parts)
    assert (message["content"], message["reasoning_content"]) == ("So.", "hmha")
    assert message["reasoning_details"] == [
        {"type": "reasoning.text", "text": "hm", "format": FORMAT, "index": 0},
        {"type": "reasoning.text", "text": "ha", "signature": "T", "format": FORMAT, "index": 1},
        {"type": "reasoning.encrypted", "data": "U", "format": FORMAT, "index": 2},
    ]
    hidden = said(parts, hide=True)
    assert "reasoning_content" not in hidden
    assert hidden["reasoning_details"] == [
        {"type": "reasoning.text", "signature": "T", "format": FORMAT, "index": 0},
        {"type": "reasoning.encrypted", "data": "U", "format": FORMAT, "index": 1},
    ]


@pytest.mark.parametrize(("reason", "finish"), sorted(FINISH.items()))
def test_finish_reasons(reason, finish):
    answer, completion = made([TEXT], reason)
    assert completion.choices[0].finish_reason == finish
    assert answer.refused is (reason in REFUSED)


def test_an_unknown_finish_reason_is_stop():
    assert made([TEXT], "SOMETHING_NEW")[1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize("reason", [None, "", "FINISH_REASON_UNSPECIFIED"])
def test_a_candidate_that_has_not_stopped_is_no_answer(reason):
    """Google: "If empty, the model has not stopped generating tokens."."""
    assert read(body(candidate([TEXT], reason))) == BAD


@pytest.mark.parametrize("reason", sorted(BROKEN))
def test_a_failed_generation_is_no_answer(reason):
    assert read(body(candidate([TEXT], reason))) == BAD


def test_a_blocked_prompt_is_a_refusal():
    answer = read(msgspec.json.encode({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 7}}))
    completion = ChatCompletion.model_validate_json(answer.body, strict=True)
    assert (completion.choices[0].finish_reason, completion.choices[0].message.content) == ("content_filter", "")
    assert (answer.refused, answer.empty, answer.tokens) == (True, True, TokenCount(7))


def test_an_empty_answer():
    for parts in ([], [{"text": ""}], [{"text": "", "thought": True}], [{"executableCode": {"code": "SECRET"}}]):
        answer, completion = made(parts)
        assert answer.empty
        assert not answer.refused
        assert completion.choices[0].message.content == ""
    answer = read(body({"finishReason": "SAFETY"}))
    assert (answer.empty, answer.refused) == (True, True)


def test_several_choices():
    answer = read(body(candidate([TEXT]), candidate([call()], "SAFETY", index=1)))
    completion = ChatCompletion.model_validate_json(answer.body, strict=True)
    assert [(choice.index, choice.finish_reason) for choice in completion.choices] == [(0, "stop"), (1, "content_filter")]
    assert completion.choices[1].message.tool_calls[0].id == "call_resp1_1_0"
    assert not answer.refused


def test_logprobs():
    result = {
        "chosenCandidates": [{"token": "Grüß", "logProbability": -0.5, "tokenId": 7}, {"token": "x", "logProbability": -1}],
        "topCandidates": [{"candidates": [{"token": "Grüß", "logProbability": -0.5}, {"token": "y", "logProbability": -2}]}],
    }
    content = made([TEXT], logprobsResult=result)[1].choices[0].logprobs.content
    assert [(token.token, token.logprob, token.bytes) for token in content] == [("Grüß", -0.5, list("Grüß".encode())), ("x", -1.0, [120])]
    assert [(token.token, token.logprob) for token in content[0].top_logprobs] == [("Grüß", -0.5), ("y", -2.0)]
    assert content[1].top_logprobs == []
    for odd in ({}, [], {"chosenCandidates": 5}):
        assert made([TEXT], logprobsResult=odd)[1].choices[0].logprobs is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        b"{}",
        b"[]",
        b"[" * 100_000,
        b'{"candidates":[]}',
        b'{"candidates":[5]}',
        b'{"candidates":[{"content":5}]}',
        b'{"candidates":[{"content":{"parts":[{"text":5}]}}]}',
        b'{"candidates":[{"content":{"parts":[{"functionCall":{}}]}}]}',
        b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":[1]}}]}}]}',
        b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","willContinue":true}}]}}]}',
        b'{"candidates":[{"content":{"parts":[{"text":"\xff"}]}}]}',
        b'{"candidates":[{},{}]}',
        b'{"promptFeedback":{}}',
    ],
)
def test_what_is_not_of_the_format(data):
    assert read(data) == BAD


def test_an_error_with_status_200():
    assert read(b'{"error":{"code":503,"status":"UNAVAILABLE","message":"SECRET"}}') == Outcome(OutcomeKind.OVERLOADED)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2**70) | st.text(max_size=5) | st.sampled_from(["STOP", "SAFETY"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "candidates",
                    "content",
                    "parts",
                    "text",
                    "thought",
                    "thoughtSignature",
                    "functionCall",
                    "name",
                    "args",
                    "finishReason",
                    "index",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(["candidates", "promptFeedback", "usageMetadata", "error", "responseId"]), ANY, max_size=5))
def test_random_answers_never_raise(tree):
    answer = read(msgspec.json.encode(tree))
    if isinstance(answer, Answer):
        ChatCompletion.model_validate_json(answer.body, strict=True)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_changed_bytes_never_raise(data):
    text = bytearray(body(candidate([TEXT, call(args={"a": 1}, signature="S"), {"text": "hm", "thought": True}])))
    for _ in range(data.draw(st.integers(1, 4))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    answer = read(bytes(text))
    assert isinstance(answer, Answer | Outcome)
