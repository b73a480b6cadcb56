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


def think(port, text="Hello", **fields):
    return send(port, message(text, thinking={"type": "enabled", "budget_tokens": 1024}, **fields))


def test_thinking_is_signed_and_the_signature_is_checked(claude):
    block = think(claude).json["content"][0]
    history = [{"role": "user", "content": "x"}, {"role": "assistant", "content": [block]}, {"role": "user", "content": "y"}]
    assert send(claude, message(messages=history)).status == 200
    block["thinking"] += "!"
    assert send(claude, message(messages=history)).status == 400
    events = think(claude, stream=True).events
    signatures = [event["delta"]["signature"] for event in events if event.get("delta", {}).get("type") == "signature_delta"]
    assert signatures == [block["signature"]]


def test_thinking_that_is_kept_back_still_counts(sim, claude):
    shown = think(claude).json
    for display in ({"display": "omitted"}, {}):
        for stream in (False, True):
            text = "Hello" if display else "ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING"
            answer = send(claude, message(text, stream=stream, thinking={"type": "adaptive", **display}))
            assert b"I say what I always say" not in answer.content
            entry = sim.ledger("sim-claude")["entries"][-1]
            assert entry["completion_tokens"] == entry["completion_tokens_sent"] == shown["usage"]["output_tokens"]
            assert entry["reasoning_tokens"] == shown["usage"]["output_tokens_details"]["thinking_tokens"]
    assert answer.events[2]["content_block"]["type"] == "redacted_thinking"


@pytest.mark.parametrize(("ttl", "name"), [("5m", "ephemeral_5m_input_tokens"), ("1h", "ephemeral_1h_input_tokens")])
def test_cache_usage(sim, claude, ttl, name):
    system = [{"type": "text", "text": "12345678", "cache_control": {"type": "ephemeral", "ttl": ttl}}]
    first = send(claude, message("abcd", system=system)).json["usage"]
    assert (first["input_tokens"], first["cache_creation_input_tokens"], first["cache_read_input_tokens"]) == (1, 2, 0)
    assert first["cache_creation"][name] == 2
    turns = [{"role": "user", "content": "abcd"}, {"role": "assistant", "content": "efgh"}, {"role": "user", "content": "ijkl"}]
    events = send(claude, message(messages=turns, system=system, stream=True)).events
    for usage in (events[0]["message"]["usage"], events[-2]["usage"]):
        assert (usage["input_tokens"], usage["cache_creation_input_tokens"], usage["cache_read_input_tokens"]) == (3, 0, 2)
    ledger = sim.ledger("sim-claude")
    assert (ledger["cache_written_tokens"], ledger["cache_read_tokens"], ledger["prompt_tokens"]) == (2, 2, 3 + 5)
    assert [entry["cache_marks"] for entry in ledger["entries"]] == [1, 1]
