import json

import pytest
from openai import OpenAI
from tests.unit.simulator.raw_client import ask, chat, get, stream

TOOL = {
    "type": "function",
    "function": {"name": "look_up", "parameters": {"type": "object", "required": ["q"], "properties": {"q": {"type": "string"}}}},
}


def test_a_completion(sim, port):
    answer = ask(port, chat("Hello"))
    assert answer.status == 200
    assert answer.complete
    body = answer.json
    text = body["choices"][0]["message"]["content"]
    assert text.startswith("This is claude-3.5-sonnet. ")
    assert "forgotten" in text
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["usage"] == {"prompt_tokens": 2, "completion_tokens": -(-len(text) // 4), "total_tokens": 2 - (-len(text) // 4)}


def test_a_stream_says_what_the_completion_says(port):
    whole = ask(port, chat()).json
    events = ask(port, stream(stream_options={"include_usage": True})).events
    assert events[-1] == "[DONE]"
    assert events[-2]["usage"] == whole["usage"]
    assert events[-2]["choices"] == []
    assert all(event["usage"] is None for event in events[:-2])
    assert "".join(event["choices"][0]["delta"].get("content") or "" for event in events[:-2]) == whole["choices"][0]["message"]["content"]
    assert [event["choices"][0]["finish_reason"] for event in events[:-2]][-2:] == [None, "stop"]


def test_no_usage_unless_asked(sim, port):
    assert not any("usage" in event for event in ask(port, stream()).events[:-1])
    assert sim.ledger("sim-zero")["entries"][0]["reported_prompt_tokens"] is None


def test_prompt_tokens_count_all_message_text_once(port):
    messages = [
        {"role": "system", "content": "abc"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "日"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
        },
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "tool_call_id": "x", "content": "12345"},
    ]
    assert ask(port, chat(messages=messages)).json["usage"]["prompt_tokens"] == 3


@pytest.mark.parametrize("choice", [None, "required", {"type": "function", "function": {"name": "look_up"}}])
def test_tool_calls(port, choice):
    text = "use the tool" if choice is None else "hello"
    fields = {"tools": [TOOL], **({"tool_choice": choice} if choice else {})}
    message = ask(port, chat(text, **fields)).json["choices"][0]
    assert message["finish_reason"] == "tool_calls"
    assert message["message"]["content"] is None
    call = message["message"]["tool_calls"][0]
    assert call["function"] == {"name": "look_up", "arguments": '{"q":"text"}'}
    events = ask(port, stream(text, **fields)).events
    deltas = [part for event in events[:-1] for part in event["choices"][0]["delta"].get("tool_calls", [])]
    assert "".join(part["function"].get("arguments", "") for part in deltas) == '{"q":"text"}'
    assert deltas[0]["function"]["name"] == "look_up"


def test_a_tool_result_is_answered_in_words(port):
    messages = [{"role": "user", "content": "use the tool"}, {"role": "tool", "tool_call_id": "c", "content": "done"}]
    assert ask(port, chat(messages=messages, tools=[TOOL])).json["choices"][0]["finish_reason"] == "stop"


def test_structured_output(port):
    wanted = {
        "type": "json_schema",
        "json_schema": {"name": "n", "schema": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}},
    }
    assert json.loads(ask(port, chat(response_format=wanted)).json["choices"][0]["message"]["content"]) == {"n": 1}


def test_log_probabilities_spell_the_text(port):
    choice = ask(port, chat(logprobs=True, top_logprobs=2)).json["choices"][0]
    entries = choice["logprobs"]["content"]
    assert "".join(entry["token"] for entry in entries) == choice["message"]["content"]
    assert all(len(entry["top_logprobs"]) == 2 and bytes(entry["bytes"]).decode() == entry["token"] for entry in entries)
    streamed = [event["choices"][0].get("logprobs") for event in ask(port, stream(logprobs=True)).events[:-1]]
    assert [part["content"][0]["token"] for part in streamed if part] == [entry["token"] for entry in entries]


def test_alternatives_and_reasoning(port):
    body = ask(port, chat(n=3, reasoning_effort="low")).json
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2]
    assert all(choice["message"]["reasoning_content"] for choice in body["choices"])
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0
    assert {event["choices"][0]["index"] for event in ask(port, stream(n=3)).events[:-1]} == {0, 1, 2}


def test_finish_reason_length(port):
    choice = ask(port, chat(max_completion_tokens=2)).json["choices"][0]
    assert choice["finish_reason"] == "length"
    assert choice["message"]["content"] == "This is "


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"model":"m"}',
        b'{"model":"m","messages":[]}',
        b'{"model":1,"messages":[{"role":"user"}]}',
        json.dumps(chat(n=0)).encode(),
        b"\xff",
    ],
)
def test_what_a_provider_would_refuse(sim, port, body):
    answer = ask(port, body)
    assert answer.status == 400
    assert answer.json["error"]["type"] == "invalid_request_error"
    assert sim.ledger("sim-zero")["outcomes"] == {"rejected": 1}


def test_a_wrong_type_is_named_without_its_value(port):
    assert "secret" not in ask(port, {"model": "m", "messages": "secret"}).json["error"]["message"]


def test_models(port):
    names = [row["id"] for row in get(port, "/v1/models").json["data"]]
    assert names == ["claude-3.5-sonnet", "gpt-4o-mini", "llama-3.3-70b-instruct", "mistral-small-4"]


def test_the_official_sdk_reads_it(sim):
    with OpenAI(base_url=sim.base_urls["sim-30d"], api_key="sk-any", max_retries=0) as client:
        whole = client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "Hi"}])
        with client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "Hi"}], stream=True) as events:
            text = "".join(event.choices[0].delta.content or "" for event in events)
        assert text == whole.choices[0].message.content
        assert [model.id for model in client.models.list()][1] == "gpt-4o-mini"


def test_reasoning_in_its_newer_spelling_and_switched_off(port):
    assert ask(port, chat(reasoning={"effort": "low"})).json["choices"][0]["message"]["reasoning_content"]
    assert "reasoning_content" not in ask(port, chat(reasoning_effort="none")).json["choices"][0]["message"]


def test_allowed_tools(port):
    other = {"type": "function", "function": {"name": "other", "parameters": {}}}
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "other"}}]}
    choice = ask(port, chat(tools=[TOOL, other], tool_choice={"type": "allowed_tools", "allowed_tools": allowed})).json["choices"][0]
    assert [call["function"]["name"] for call in choice["message"]["tool_calls"]] == ["other"]


@pytest.mark.parametrize("parallel", [True, False])
def test_parallel_tool_calls(port, parallel):
    tools = [TOOL, {"type": "function", "function": {"name": "other", "parameters": {}}}]
    events = ask(port, stream("use the tools", tools=tools, parallel_tool_calls=parallel)).events
    deltas = [part for event in events[:-1] for part in event["choices"][0]["delta"].get("tool_calls", [])]
    assert {part["index"] for part in deltas} == ({0, 1} if parallel else {0})
    assert len({part["id"] for part in deltas if "id" in part}) == 1 + parallel


def test_what_is_not_text_is_counted_in_the_ledger(sim, port):
    parts = [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "data:,"}}, {"type": "file", "file": {}}]
    messages = [
        {"role": "user", "content": parts},
        {"role": "assistant", "content": "x"},
        {"role": "tool", "tool_call_id": "c", "content": "y"},
    ]
    ask(port, chat(messages=messages))
    entry = sim.ledger("sim-zero")["entries"][0]
    assert (entry["images"], entry["documents"], entry["tool_results"]) == (1, 1, 1)


def test_a_long_beginning_comes_from_the_cache(sim, port):
    messages = [{"role": "user", "content": "a" * 5000}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    assert ask(port, chat(messages=messages)).json["usage"]["prompt_tokens_details"] == {"cached_tokens": 1152}
    assert sim.ledger("sim-zero")["cache_read_tokens"] == 1152


@pytest.mark.parametrize(
    "fields",
    [{}, {"n": 2}, {"logprobs": True, "top_logprobs": 2}, {"tools": [TOOL], "tool_choice": "required"}, {"max_tokens": 1}, {"stop": "is"}],
)
def test_the_official_sdk_reads_it_in_its_strict_mode(sim, fields):
    asked = {"model": "claude-3.5-sonnet", "messages": [{"role": "user", "content": "Hi"}], **fields}
    with OpenAI(base_url=sim.base_urls["sim-zero"], api_key="k", max_retries=0, _strict_response_validation=True) as client:
        whole = client.chat.completions.create(**asked)
        chunks = list(client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].usage == whole.usage
    ends = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    assert ends == [choice.finish_reason for choice in whole.choices]
