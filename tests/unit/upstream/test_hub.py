"""Requests of another format by way of a chat completion: what is put together here, not what the translators do."""

import json
import pathlib

import msgspec
import pytest
from tests.unit.upstream.translate.anthropic_events import joined
from tests.unit.upstream.translate.responses_reading import replayed, strict_events

from anyapi.domain.catalogue import Capabilities, Endpoint
from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.errors import BadRequest
from anyapi.upstream.adapter import OutboundChat, ProviderRow
from anyapi.upstream.anthropic import AnthropicAdapter
from anyapi.upstream.gemini import GeminiAdapter
from anyapi.upstream.hub import MessagesOverChat, ResponsesOverChat
from anyapi.upstream.openai_chat import OpenAIChat

ENDPOINT = Endpoint("p/m", "acme/m", "p", "m-upstream", capabilities=Capabilities(reasoning=True))
CHAT = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}
EVENTS = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Yes."}}]}\n\n'
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}\n\n'
    b"data: [DONE]\n\n"
)
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "thinking"}]}


def outbound(**fields):
    return OutboundChat({name: msgspec.Raw(json.dumps(value).encode()) for name, value in fields.items()}, stream="stream" in fields)


def messages(**more):
    return outbound(model="acme/m", max_tokens=9, messages=[{"role": "user", "content": "Is it?"}], **more)


def responses(*items, **more):
    return outbound(model="acme/m", input=[*items, {"role": "user", "content": "Is it?"}], **more)


OVER = {
    "messages": (MessagesOverChat(OpenAIChat(), native=False), messages),
    "responses": (ResponsesOverChat(OpenAIChat(), native=False), responses),
}


def opened(name):
    """An adapter, and its reader of a stream whose request was prepared."""
    adapter, make = OVER[name]
    call = make(stream=True)
    adapter.prepare(call, ENDPOINT, ProviderRow())
    return adapter, adapter.open_stream(call)


@pytest.mark.parametrize("name", OVER)
def test_a_whole_answer_goes_there_and_back(name):
    adapter, make = OVER[name]
    call = make()
    prepared = adapter.prepare(call, ENDPOINT, ProviderRow())
    sent = json.loads(prepared.body)
    assert (prepared.path, sent["model"], sent["messages"]) == (b"/chat/completions", "m-upstream", [{"role": "user", "content": "Is it?"}])
    answer = adapter.read_answer(json.dumps(CHAT).encode(), call)
    assert b"Yes." in answer.body
    assert json.loads(answer.body)["usage"]["input_tokens"] == 3
    assert (answer.tokens.prompt, answer.tokens.completion) == (3, 1)


@pytest.mark.parametrize("name", OVER)
@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b'{"error":{"code":500}}', b'{"choices":[]}'])
def test_what_is_no_answer_is_an_outcome(name, body):
    adapter, make = OVER[name]
    call = make()
    adapter.prepare(call, ENDPOINT, ProviderRow())
    assert isinstance(adapter.read_answer(body, call), Outcome)


@pytest.mark.parametrize("name", OVER)
def test_a_stream_is_complete_only_at_its_end(name):
    for cut in range(len(EVENTS) + 1):
        _, reader = opened(name)
        out = reader.feed(EVENTS[:cut])
        assert reader.complete == (cut == len(EVENTS))
        assert reader.failure is None
        if reader.started:
            assert b"Yes." in out
    assert reader.tokens.prompt == 3


@pytest.mark.parametrize("name", OVER)
def test_a_refusal_in_a_stream_is_told_at_its_end(name):
    _, reader = opened(name)
    assert reader.feed(b'data: {"choices":[{"delta":{"refusal":"I cannot."}}]}\n\n') == b""
    out = reader.feed(b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
    assert b"I cannot." in out
    assert (reader.complete, reader.refused, reader.started, reader.empty) == (True, True, False, False)


@pytest.mark.parametrize("name", OVER)
def test_a_failure_on_the_providers_side_is_the_streams(name):
    adapter, reader = opened(name)
    reader.feed(b'data: {"error":{"message":"no","code":503}}\n\n')
    assert reader.failure is not None
    assert not reader.complete
    assert adapter.classify(503, None, b"").kind is OutcomeKind.OVERLOADED


def test_what_the_provider_cannot_take_is_named():
    adapter = MessagesOverChat(OpenAIChat(), native=False)
    prepared = adapter.prepare(messages(top_k=4), ENDPOINT, ProviderRow())
    assert prepared.adjusted == ("top_k",)
    assert "top_k" not in json.loads(prepared.body)
    kept = adapter.prepare(messages(top_k=4), ENDPOINT, ProviderRow(extensions=frozenset({"top_k"})))
    assert (kept.adjusted, json.loads(kept.body)["top_k"]) == ((), 4)
    with pytest.raises(BadRequest):
        adapter.prepare(messages(mcp_servers=[{"url": "https://example.com"}]), ENDPOINT, ProviderRow())


def test_a_field_that_the_client_did_not_write_is_said_to_be_on_the_way():
    """The provider's translator knows the chat completion alone, whose messages have other numbers."""
    lost = {"type": "function_call_output", "call_id": "c9", "output": "x"}
    with pytest.raises(BadRequest, match="by way of a chat completion") as caught:
        ResponsesOverChat(GeminiAdapter(), native=True).prepare(responses(lost), ENDPOINT, ProviderRow())
    assert caught.value.field == "messages[0].tool_call_id"
    with pytest.raises(BadRequest) as caught:
        ResponsesOverChat(GeminiAdapter(), native=True).prepare(responses({"type": "new"}), ENDPOINT, ProviderRow())
    assert (caught.value.field, "by way of" in caught.value.message) == ("input[0].type", False)


def test_the_limit_goes_by_the_name_that_the_provider_wants():
    adapter = MessagesOverChat(OpenAIChat(), native=False)
    sent = json.loads(adapter.prepare(messages(), ENDPOINT, ProviderRow(renames_limit=True)).body)
    assert (sent.get("max_tokens"), sent["max_completion_tokens"]) == (None, 9)
    assert json.loads(adapter.prepare(messages(), ENDPOINT, ProviderRow()).body)["max_tokens"] == 9


def test_reasoning_of_earlier_turns_only_goes_where_it_is_understood():
    strict, native = ResponsesOverChat(OpenAIChat(), native=False), ResponsesOverChat(AnthropicAdapter(), native=True)
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "So."}]}
    prepared = strict.prepare(responses(THOUGHT, said), ENDPOINT, ProviderRow())
    assert b"reasoning_" not in prepared.body
    assert "input.reasoning" in prepared.adjusted
    fields = frozenset({"reasoning_content", "reasoning_details"})
    kept = strict.prepare(responses(THOUGHT, said), ENDPOINT, ProviderRow(extensions=fields))
    assert b"reasoning_content" in kept.body
    call = responses(THOUGHT, said)
    native.prepare(call, ENDPOINT, ProviderRow())
    assert b"reasoning_" in bytes(call.hub.fields["messages"])


GEMINI_TOOLS = (pathlib.Path(__file__).parent / "translate/recorded/gemini/tools.sse").read_bytes()
SIGNATURE = "CuQBAb4+9vtFirstCallSignature=="
GEMINI_CALL = {"functionCall": {"name": "f", "args": {}, "id": "c1"}, "thoughtSignature": SIGNATURE}


def test_the_items_of_a_response_over_gemini_follow_each_other():
    """Its signature comes with a call, and reasoning items come before the call that they belong to."""
    adapter, call = ResponsesOverChat(GeminiAdapter(), native=True), responses(stream=True, include=["reasoning.encrypted_content"])
    adapter.prepare(call, ENDPOINT, ProviderRow())
    last = replayed(strict_events(adapter.open_stream(call).feed(GEMINI_TOOLS)))
    kinds = [item["type"] for item in last["response"]["output"]]
    assert kinds == ["reasoning", "message", "reasoning", "function_call", "function_call", "function_call"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_signature_of_gemini_is_carried_once_and_comes_back(stream):
    adapter, call = MessagesOverChat(GeminiAdapter(), native=True), messages(**({"stream": True} if stream else {}))
    adapter.prepare(call, ENDPOINT, ProviderRow())
    if stream:
        content = joined(adapter.open_stream(call).feed(GEMINI_TOOLS))[0]["content"]
    else:
        body = {"candidates": [{"content": {"parts": [GEMINI_CALL]}, "finishReason": "STOP"}]}
        content = json.loads(adapter.read_answer(json.dumps(body).encode(), call).body)["content"]
    sealed = [block for block in content if block["type"] == "redacted_thinking"]
    assert len(sealed) == 1
    calls = [block for block in content if block["type"] == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": block["id"], "content": "ok"} for block in calls]
    back = messages()
    turns = [json.loads(bytes(back.fields["messages"]))[0], {"role": "assistant", "content": content}, {"role": "user", "content": results}]
    back.fields["messages"] = msgspec.Raw(json.dumps(turns).encode())
    gemini = Endpoint("g/m", "acme/m", "g", "gemini-3-pro", capabilities=Capabilities(reasoning=True, tools=True))
    sent = json.loads(adapter.prepare(back, gemini, ProviderRow()).body)
    parts = [part for turn in sent["contents"] for part in turn["parts"] if "functionCall" in part]
    assert [part.get("thoughtSignature") for part in parts] == [SIGNATURE, *[None] * (len(calls) - 1)]


def test_beta_headers_reach_the_inner_adapter():
    call = messages()
    call.beta_headers = ((b"anthropic-beta", b"one"),)
    MessagesOverChat(OpenAIChat(), native=False).prepare(call, ENDPOINT, ProviderRow())
    assert call.hub.beta_headers == call.beta_headers


def test_forgetting_lets_both_forms_of_the_content_go():
    call = messages()
    MessagesOverChat(OpenAIChat(), native=False).prepare(call, ENDPOINT, ProviderRow())
    call.forget()
    assert (call.fields, call.hub) == ({}, None)


def test_an_answer_without_a_request_is_a_mistake_of_ours():
    with pytest.raises(TypeError):
        ResponsesOverChat(OpenAIChat(), native=False).open_stream(responses())


def test_a_message_states_the_model_as_the_client_named_it():
    """Else Claude Code takes the answer for another model's and gives its thinking back to nobody."""
    adapter, make = OVER["messages"]
    for echo, stated in [("claude-x", "claude-x"), (None, "m")]:
        call = make(stream=True)
        call.echo = echo
        adapter.prepare(call, ENDPOINT, ProviderRow())
        assert json.loads(adapter.read_answer(json.dumps(CHAT).encode(), call).body)["model"] == stated
    call = make(stream=True)
    call.echo = "claude-x"
    adapter.prepare(call, ENDPOINT, ProviderRow())
    assert b'"model":"claude-x"' in adapter.open_stream(call).feed(EVENTS)


@pytest.mark.parametrize("name", OVER)
def test_half_of_a_character_is_translated_as_what_cannot_be_shown(name):
    adapter, make = OVER[name]
    call = make()
    adapter.prepare(call, ENDPOINT, ProviderRow())
    whole = adapter.read_answer(json.dumps(CHAT).replace("Yes.", r"\uD83D and \ud83d\ude00").encode(), call)
    assert "\ufffd and \U0001f600" in json.dumps(msgspec.json.decode(whole.body), ensure_ascii=False)
    call = make(stream=True)
    adapter.prepare(call, ENDPOINT, ProviderRow())
    stream = adapter.open_stream(call)
    out = stream.feed(EVENTS.replace(b"Yes.", rb"\ud83d"))
    assert stream.complete
    assert "\ufffd" in out.decode() or rb"\ufffd" in out


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("name", OVER)
def test_a_character_that_two_events_hold_half_of_each_stays_one(name, together):
    adapter, make = OVER[name]
    call = make(stream=True)
    adapter.prepare(call, ENDPOINT, ProviderRow())
    stream = adapter.open_stream(call)
    halves = [b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % text for text in (rb"Yes \ud83d", rb"\ude00.")]
    parts = [*halves, b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n']
    out = b"".join(map(stream.feed, [b"".join(parts)] if together else parts)).decode()
    assert stream.complete
    assert ("\U0001f600." in out or r"\ud83d\ude00." in out, "\ufffd" in out) == (True, False)
