"""Zero-completion insurance (docs/routing.md): whether an answer held anything is the same whole and streamed, in every client format.

"Held nothing" means no text, no reasoning, no tool call, no refusal. An answer of thoughts alone costs what it costs: a reasoning model
with a small limit would otherwise spend past every cap.
"""

import json

import pytest
from tests.conformance.pairs import PAIRS, asked
from tests.unit.upstream import frames

from anyapi.simulator import WireName
from anyapi.upstream.adapter import Answer, Dialect

NOTHING, WORDS, THOUGHTS, SEALED, CALL = "nothing", "words", "thoughts", "sealed reasoning", "a call"
USAGE = {"prompt_tokens": 5, "completion_tokens": 9}
TOOL = {"name": "weather", "arguments": "{}"}
OPENAI = {
    NOTHING: {"content": ""},
    WORDS: {"content": "hi"},
    THOUGHTS: {"content": "", "reasoning_content": "hm"},
    "thoughts of a router": {"content": "", "reasoning": "hm"},
    SEALED: {"content": "", "reasoning_details": [{"type": "reasoning.encrypted", "data": "x", "format": "f", "index": 0}]},
    "an image": {"content": "", "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]},
    CALL: {"content": None, "tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": TOOL}]},
    "a refusal": {"content": None, "refusal": "I cannot."},
}
CLAUDE = {
    NOTHING: ({"type": "text", "text": ""}, ()),
    WORDS: ({"type": "text", "text": "hi"}, ({"type": "text_delta", "text": "hi"},)),
    THOUGHTS: (
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        ({"type": "thinking_delta", "thinking": "hm"}, {"type": "signature_delta", "signature": "s"}),
    ),
    "thoughts that are not shown": (
        {"type": "thinking", "thinking": "", "signature": "s"},
        ({"type": "signature_delta", "signature": "s"},),
    ),
    SEALED: ({"type": "redacted_thinking", "data": "x"}, ()),
    CALL: ({"type": "tool_use", "id": "c1", "name": "weather", "input": {}}, ({"type": "input_json_delta", "partial_json": "{}"},)),
}
GEMINI = {
    NOTHING: {"text": ""},
    WORDS: {"text": "hi"},
    THOUGHTS: {"text": "hm", "thought": True},
    SEALED: {"text": "", "thoughtSignature": "s"},
    "an image": {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
    CALL: {"functionCall": {"name": "weather", "args": {}}},
}
BEDROCK = {
    NOTHING: ({"text": ""}, [frames.text("")]),
    WORDS: ({"text": "hi"}, [frames.text("hi")]),
    THOUGHTS: ({"reasoningContent": {"reasoningText": {"text": "hm"}}}, [frames.delta(reasoningContent={"text": "hm"})]),
    SEALED: ({"reasoningContent": {"redactedContent": "eA=="}}, [frames.delta(reasoningContent={"redactedContent": "eA=="})]),
    CALL: ({"toolUse": {"toolUseId": "c1", "name": "weather", "input": {}}}, [frames.call(0, "weather", "c1")]),
}
COHERE = {NOTHING: {"type": "text", "text": ""}, WORDS: {"type": "text", "text": "hi"}, THOUGHTS: {"type": "thinking", "thinking": "hm"}}


def events(*values: object) -> bytes:
    return b"".join(b"data: %b\n\n" % json.dumps(value).encode() for value in values)


def openai_form(name: str) -> tuple[object, bytes]:
    choice = {"index": 0, "finish_reason": "length"}
    whole = {"id": "a", "model": "m", "choices": [{**choice, "message": {"role": "assistant", **OPENAI[name]}}], "usage": USAGE}
    chunks = [
        {"id": "a", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]},
        {"id": "a", "choices": [{"index": 0, "delta": OPENAI[name], "finish_reason": None}]},
        {"id": "a", "choices": [{**choice, "delta": {}}]},
        {"id": "a", "choices": [], "usage": USAGE},
    ]
    return whole, events(*chunks) + b"data: [DONE]\n\n"


def claude_form(name: str) -> tuple[object, bytes]:
    block, deltas = CLAUDE[name]
    empty = {key: value if key in {"type", "id", "name", "data"} else type(value)() for key, value in block.items()}
    message = {"id": "a", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None}
    usage = {"input_tokens": 5, "output_tokens": 9}
    streamed = (
        {"type": "message_start", "message": {**message, "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": empty},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": usage},
        {"type": "message_stop"},
    )
    return {**message, "content": [block], "stop_reason": "max_tokens", "usage": usage}, events(*streamed)


def gemini_form(name: str) -> tuple[object, bytes]:
    candidate = {"index": 0, "content": {"parts": [GEMINI[name]]}, "finishReason": "MAX_TOKENS"}
    whole = {"candidates": [candidate], "usageMetadata": {"promptTokenCount": 5, "thoughtsTokenCount": 9}, "responseId": "a"}
    return whole, events(whole)


def bedrock_form(name: str) -> tuple[object, bytes]:
    block, pieces = BEDROCK[name]
    usage = {"inputTokens": 5, "outputTokens": 9, "totalTokens": 14}
    whole = {"output": {"message": {"role": "assistant", "content": [block]}}, "stopReason": "max_tokens", "usage": usage}
    return whole, b"".join([frames.start(), *pieces, frames.block_stop(), frames.stop("max_tokens"), frames.metadata(**usage)])


def cohere_form(name: str) -> tuple[object, bytes]:
    usage = {"billed_units": {"input_tokens": 5, "output_tokens": 9}}
    streamed = (
        {"type": "message-start", "id": "a", "delta": {"message": {"role": "assistant"}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": COHERE[name]}}},
        {"type": "message-end", "delta": {"finish_reason": "MAX_TOKENS", "usage": usage}},
    )
    return {"id": "a", "finish_reason": "MAX_TOKENS", "message": {"content": [COHERE[name]]}, "usage": usage}, events(*streamed)


FORMS = {
    WireName.OPENAI: (openai_form, OPENAI),
    WireName.ANTHROPIC: (claude_form, CLAUDE),
    WireName.GEMINI: (gemini_form, GEMINI),
    WireName.BEDROCK: (bedrock_form, BEDROCK),
    WireName.COHERE: (cohere_form, COHERE),
}
CASES = [(pair, name) for pair in PAIRS if not pair.own for name in FORMS[pair.wire][1]]


def request_of(pair, *, stream: bool, hide: bool):
    body = asked(pair.dialect, stream=stream)
    if hide:
        del body["reasoning_effort"]
        body["reasoning"] = {"effort": "low", "exclude": True}
    return pair.prepare(json.dumps(body).encode())[0]


@pytest.mark.parametrize("hide", [False, True], ids=["shown", "excluded"])
@pytest.mark.parametrize(("pair", "name"), CASES, ids=lambda value: str(value))
def test_nothing_is_the_same_whole_and_streamed(pair, name, hide):
    if hide and pair.dialect is not Dialect.CHAT_COMPLETIONS:
        return  # the other formats cannot say so
    whole, streamed = FORMS[pair.wire][0](name)
    answer = pair.adapter.read_answer(json.dumps(whole).encode(), request_of(pair, stream=False, hide=hide))
    reader = pair.adapter.open_stream(request_of(pair, stream=True, hide=hide))
    reader.feed(streamed)
    assert isinstance(answer, Answer)
    assert (reader.complete, reader.failure) == (True, None)
    assert (answer.tokens is None, reader.tokens) == (False, answer.tokens)
    assert (answer.empty, reader.empty) == (name == NOTHING, name == NOTHING)
