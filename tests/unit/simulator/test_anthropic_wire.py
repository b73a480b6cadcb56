import pytest
from tests.unit.simulator.raw_client import ask, get

PATH = "/v1/messages"
VERSION = ("anthropic-version: 2023-06-01",)
TOOL = {"name": "look_up", "input_schema": {"type": "object", "required": ["q"], "properties": {"q": {"type": "integer"}}}}


def message(text="Hello", **fields):
    return {"model": "claude-x", "max_tokens": 500, "messages": [{"role": "user", "content": text}], **fields}


def send(port, body, headers=VERSION, path=PATH):
    return ask(port, body, path, headers)


def test_a_message(claude):
    body = send(claude, message(system="abcd")).json
    assert body["type"] == "message"
    assert body["content"] == [{"type": "text", "text": "This is claude-x. I speak messages."}]
    assert body["stop_reason"] == "end_turn"
    assert body["usage"] == {"input_tokens": 3, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 9}


def test_a_stream_builds_the_message(sim, claude):
    answer = send(claude, message(stream=True))
    events = answer.events
    assert [line for line in answer.content.split(b"\n") if line.startswith(b"event: ")] == [
        b"event: " + event["type"].encode() for event in events
    ]
    assert [event["type"] for event in events[:3]] == ["message_start", "ping", "content_block_start"]
    assert [event["type"] for event in events[-3:]] == ["content_block_stop", "message_delta", "message_stop"]
    assert events[0]["message"]["usage"]["input_tokens"] == 2
    assert events[-2]["usage"]["output_tokens"] == 9
    text = "".join(event["delta"]["text"] for event in events if event["type"] == "content_block_delta")
    assert text == "This is claude-x. I speak messages."
    entry = sim.ledger("sim-claude")["entries"][0]
    assert (entry["reported_prompt_tokens"], entry["reported_completion_tokens"]) == (2, 9)
    assert entry["completion_tokens_sent"] == 9


@pytest.mark.parametrize(("choice", "text"), [(None, "use the tool"), ({"type": "any"}, "Hi"), ({"type": "tool", "name": "look_up"}, "Hi")])
def test_tool_use(claude, choice, text):
    fields = {"tools": [TOOL], **({"tool_choice": choice} if choice else {})}
    body = send(claude, message(text, **fields)).json
    assert body["stop_reason"] == "tool_use"
    assert body["content"][0]["name"] == "look_up"
    assert body["content"][0]["input"] == {"q": 1}
    events = send(claude, message(text, stream=True, **fields)).events
    assert "".join(event["delta"]["partial_json"] for event in events if event["type"] == "content_block_delta") == '{"q":1}'


def test_a_tool_result_counts_and_is_answered_in_words(claude):
    messages = [
        {"role": "user", "content": "use the tool"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "look_up", "input": {"q": 1}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "abcd"}]}]},
    ]
    body = send(claude, message(messages=messages, tools=[TOOL])).json
    assert body["stop_reason"] == "end_turn"
    assert body["usage"]["input_tokens"] == 4


def test_thinking(claude):
    body = send(claude, message(thinking={"type": "enabled", "budget_tokens": 1024})).json
    assert [block["type"] for block in body["content"]] == ["thinking", "text"]
    events = send(claude, message(thinking={"type": "enabled"}, stream=True)).events
    kinds = [event["delta"]["type"] for event in events if event["type"] == "content_block_delta"]
    assert {"thinking_delta", "signature_delta", "text_delta"} <= set(kinds)
    assert len(send(claude, message(thinking={"type": "disabled"})).json["content"]) == 1


def test_limits(claude):
    assert send(claude, message(max_tokens=1)).json["stop_reason"] == "max_tokens"
    stopped = send(claude, message(stop_sequences=["speak"])).json
    assert (stopped["stop_reason"], stopped["stop_sequence"]) == ("stop_sequence", "speak")


def test_structured_output(claude):
    wanted = {"type": "json_schema", "schema": {"type": "array", "minItems": 1, "items": {"type": "boolean"}}}
    assert send(claude, message(output_format=wanted)).json["content"][0]["text"] == "[true]"
    assert send(claude, message(output_config={"format": wanted})).json["content"][0]["text"] == "[true]"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (message(), ()),
        (message(max_tokens=0), VERSION),
        ({"model": "m", "messages": [{"role": "user", "content": "x"}]}, VERSION),
        (message(messages=[]), VERSION),
        (message(messages=[{"role": "system", "content": "x"}]), VERSION),
        (b"{", VERSION),
    ],
)
def test_what_the_provider_would_refuse(claude, body, headers):
    answer = send(claude, body, headers)
    assert answer.status == 400
    assert answer.json["type"] == "error"
    assert answer.json["error"]["type"] == "invalid_request_error"


def test_count_tokens(sim, claude):
    assert send(claude, message("12345"), path=PATH + "/count_tokens").json == {"input_tokens": 2}
    ledger = sim.ledger("sim-claude")
    assert ledger["requests"] == 0
    assert ledger["other_requests"] == {"POST /v1/messages/count_tokens": 1}


def test_the_other_format_is_not_served(claude, port):
    assert ask(claude, message(), "/v1/chat/completions").status == 404
    assert ask(port, message(), PATH, VERSION).status == 404


def test_models(claude):
    assert get(claude, "/v1/models").json == {"data": [], "has_more": False, "first_id": None, "last_id": None}
