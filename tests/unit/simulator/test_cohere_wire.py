import json

import pytest
from tests.unit.simulator.formats import NAMES, SCHEMA
from tests.unit.simulator.raw_client import ask, get

from anyapi.simulator import ProviderSpec, SimulationThread, WireName, read_fault
from anyapi.simulator.cohere_wire import CohereWire
from anyapi.simulator.wire import Target

PATH = "/v2/chat"
KEY = "simulated-key"
CALL = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
TOOLS = [{"type": "function", "function": {"name": name, "description": "d", "parameters": SCHEMA}} for name in NAMES]


def body(text="Hello", **fields):
    return {"model": "command-x", "messages": [{"role": "user", "content": text}], **fields}


def chat(port, text="Hello", **fields):
    return ask(port, body(text, **fields), PATH).json


def stream(port, text="Hello", **fields):
    return ask(port, body(text, stream=True, **fields), PATH).events


def said(events, kind="text"):
    parts = [event["delta"]["message"]["content"] for event in events if event["type"].startswith("content-") and "delta" in event]
    return "".join(part.get(kind, "") for part in parts)


def test_an_answer(cohere):
    answer = chat(cohere)
    assert answer.pop("id").startswith("sim-")
    units = {"input_tokens": 2, "output_tokens": 9}
    assert answer == {
        "message": {"role": "assistant", "content": [{"type": "text", "text": "This is command-x. I speak of plans."}]},
        "finish_reason": "COMPLETE",
        "usage": {"billed_units": units, "tokens": units, "cached_tokens": 0},
    }


def test_a_stream(cohere):
    events, whole = stream(cohere), chat(cohere)
    assert [event["type"] for event in events if event["type"] != "content-delta"] == [
        "message-start",
        "content-start",
        "content-end",
        "message-end",
    ]
    assert said(events) == whole["message"]["content"][0]["text"]
    assert events[-1]["delta"] == {name: whole[name] for name in ("finish_reason", "usage")}


def test_thinking(cohere):
    thinking = {"type": "enabled", "token_budget": 100}
    whole, events = chat(cohere, thinking=thinking), stream(cohere, thinking=thinking)
    text = "The request names command-x; I say what I always say."
    assert whole["message"]["content"][0] == {"type": "thinking", "thinking": text}
    assert said(events, "thinking") == text
    assert [event["index"] for event in events if event["type"] == "content-start"] == [0, 1]
    assert len(chat(cohere, thinking={"type": "disabled"})["message"]["content"]) == 1


def test_calls(cohere):
    whole, events = chat(cohere, "use the tools", tools=TOOLS), stream(cohere, "use the tools", tools=TOOLS)
    assert (whole["finish_reason"], [call["function"]["name"] for call in whole["message"]["tool_calls"]]) == ("TOOL_CALL", list(NAMES))
    assert [event["delta"]["message"]["tool_calls"]["function"]["name"] for event in events if event["type"] == "tool-call-start"] == [
        *NAMES
    ]
    pieces = [event for event in events if event["type"] == "tool-call-delta" and event["index"] == 1]
    assert (
        "".join(event["delta"]["message"]["tool_calls"]["function"]["arguments"] for event in pieces)
        == (whole["message"]["tool_calls"][1]["function"]["arguments"])
    )
    assert "tool_calls" not in chat(cohere, "use the tools", tools=TOOLS, tool_choice="NONE")["message"]
    assert len(chat(cohere, tools=TOOLS, tool_choice="REQUIRED")["message"]["tool_calls"]) == 1


def test_a_result_is_answered_in_words(cohere):
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "use the tool"}]},
        {"role": "assistant", "tool_plan": "I will.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "found"}]},
    ]
    assert chat(cohere, messages=messages, tools=TOOLS)["finish_reason"] == "COMPLETE"


def test_log_probabilities(cohere):
    whole, events = chat(cohere, logprobs=True), stream(cohere, logprobs=True)
    text = whole["message"]["content"][0]["text"]
    assert "".join(item["text"] for item in whole["logprobs"]) == text
    assert "".join(event["logprobs"]["text"] for event in events if "logprobs" in event) == text


@pytest.mark.parametrize(
    ("fields", "finish"),
    [
        ({"max_tokens": 2}, "MAX_TOKENS"),
        ({"stop_sequences": ["speak"]}, "STOP_SEQUENCE"),
        ({"temperature": 1, "p": 0.5, "k": 3}, "COMPLETE"),
    ],
)
def test_why_an_answer_ends(cohere, fields, finish):
    assert chat(cohere, **fields)["finish_reason"] == finish
    assert stream(cohere, **fields)[-1]["delta"]["finish_reason"] == finish


def test_structured_outputs(cohere):
    wanted = {"type": "json_object", "json_schema": SCHEMA}
    assert set(json.loads(chat(cohere, response_format=wanted)["message"]["content"][0]["text"])) == {"q"}
    assert "answer" in json.loads(chat(cohere, response_format={"type": "json_object"})["message"]["content"][0]["text"])


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": []},
        {"messages": [{"role": "developer", "content": "x"}]},
        {"messages": [{"role": "user", "content": ""}]},
        {"messages": [{"role": "user", "content": [{"type": "file"}]}]},
        {"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": {"url": "https://a/b.png"}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AA=="}}]}]},
        {"messages": [{"role": "tool", "tool_call_id": "c9", "content": "x"}]},
        {"messages": [{"role": "assistant", "tool_calls": [{**CALL, "type": "x"}]}]},
        {"messages": [{"role": "user", "content": "x", "name": "Bob"}]},
        {"unknown": 1},
        {"temperature": 1.1},
        {"p": 1},
        {"k": 501},
        {"seed": -1},
        {"frequency_penalty": 0.5, "presence_penalty": 0.5},
        {"stop_sequences": ["a"] * 6},
        {"stop_sequences": [""]},
        {"tool_choice": "REQUIRED"},
        {"tool_choice": "AUTO", "tools": TOOLS},
        {"tools": [{"type": "function", "function": {"name": "a-b", "parameters": SCHEMA}}]},
        {"tools": [{"type": "function", "function": {"name": "a"}}]},
        {"tools": [{"type": "function", "function": {"name": "a", "parameters": {"type": "object"}}}], "strict_tools": True},
        {"tools": TOOLS, "response_format": {"type": "json_object"}},
        {"thinking": {"type": "enabled", "token_budget": 0}},
    ],
)
def test_what_cohere_would_refuse(cohere, fields):
    answer = ask(cohere, body(**fields), PATH)
    assert (answer.status, set(answer.json)) == (400, {"id", "message"})


def test_a_key():
    with SimulationThread((ProviderSpec("own", wire=WireName.COHERE, api_key=KEY),)) as running:
        port = running.simulation["own"].port
        assert ask(port, body(), PATH).json["message"] == "no api key supplied"
        assert ask(port, body(), PATH, ("Authorization: Bearer wrong",)).status == 401
        assert ask(port, body(), PATH, (f"Authorization: Bearer {KEY}",)).status == 200
        assert get(port, "/v1/models", (f"Authorization: Bearer {KEY}",)).json == {"models": []}


def test_a_generation_that_fails(sim, cohere):
    sim.script("sim-cohere", [read_fault('{"kind":"failed"}')])
    assert stream(cohere)[-1]["delta"]["finish_reason"] == "ERROR"


def test_the_rest_of_the_contract():
    wire = CohereWire()
    assert (wire.target("/v1/chat", ""), wire.target(PATH, "")) == (None, Target())
    assert (wire.error_headers(400), wire.count(None)) == ([], None)
