import json

import pytest

from anyapi.simulator.call import Cache, Parts, Rejected, Tool
from anyapi.simulator.prompt import IMPLICIT_LEAST
from anyapi.simulator.responses_read import read_request
from anyapi.simulator.seal import seal

TOOLS = [{"type": "function", "name": name, "parameters": {"type": "object"}} for name in ("one", "two")] + [{"type": "web_search"}]


def read(given="Hello", **fields):
    return read_request(json.dumps({"model": "m", "input": given, **fields}).encode())


def test_all_text_counts():
    items = [
        {"role": "developer", "content": "ab"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "cd"}, {"type": "input_image", "image_url": "x"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "ef"}, {"type": "refusal", "refusal": "g"}]},
        {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "not counted"}], "encrypted_content": seal("x")},
        {"type": "function_call", "call_id": "c", "name": "one", "arguments": '{"not":"counted"}'},
        {"type": "function_call_output", "call_id": "c", "output": "hi"},
        {
            "type": "function_call_output",
            "call_id": "c",
            "output": [{"type": "input_text", "text": "j"}, {"type": "input_file", "file_data": "x"}],
        },
    ]
    call = read(items, instructions="k")
    assert call.prompt_bytes == len("abcdefghijk")
    assert call.parts == Parts(images=1, documents=1, tool_results=2)


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({}, []),
        ({"given": "use the tool"}, ["one"]),
        ({"given": "use the tools"}, ["one", "two"]),
        ({"given": "use the tools", "parallel_tool_calls": False}, ["one"]),
        ({"given": "use the tools", "tool_choice": "none"}, []),
        ({"tool_choice": "required"}, ["one"]),
        ({"tool_choice": {"type": "function", "name": "two"}}, ["two"]),
        ({"tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "two"}]}}, ["two"]),
        ({"given": [{"role": "user", "content": "use the tool"}, {"type": "function_call_output", "output": "x"}]}, []),
    ],
)
def test_tools(fields, names):
    assert [tool.name for tool in read(tools=TOOLS, **fields).uses] == names


def test_a_tool_without_parameters():
    assert read("use the tool", tools=[{"type": "function", "name": "one", "parameters": None}]).uses == (Tool("one", {}),)


def test_reasoning():
    assert not read().reasoning
    assert not read(reasoning={"effort": "none"}).reasoning
    hidden = read(reasoning={"effort": "low"}, include=["reasoning.encrypted_content"])
    assert (hidden.reasoning, hidden.hide_reasoning, hidden.seal_reasoning) == (True, True, True)
    assert not read(reasoning={"summary": "auto"}).hide_reasoning


def test_output():
    wanted = {"type": "json_schema", "name": "n", "schema": {"type": "string"}}
    assert read(text={"format": wanted}).schema == {"type": "string"}
    assert read(text={"format": {"type": "json_object"}}).json_object
    assert read(top_logprobs=2).logprobs == 2
    assert read(include=["message.output_text.logprobs"]).logprobs == 0
    assert read().logprobs is None
    assert read(max_output_tokens=3).max_tokens == 3


def test_the_answer_repeats_what_was_given():
    call = read(temperature=0.5, instructions=None, tools=TOOLS, unknown=1)
    assert {name: json.loads(bytes(value)) for name, value in call.echo.items()} == {"temperature": 0.5, "tools": TOOLS}


def test_the_cache_is_implicit():
    items = [{"role": "user", "content": "a" * IMPLICIT_LEAST}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    assert read(items).cache == Cache(IMPLICIT_LEAST)
    assert read(items[:1]).cache == Cache()


@pytest.mark.parametrize(
    "fields",
    [
        {"given": []},
        {"given": 1},
        {"previous_response_id": "r"},
        {"background": True},
        {"given": [{"type": "item_reference", "id": "x"}]},
        {"given": [{"type": "reasoning", "encrypted_content": seal("x")[:-1]}]},
        {"tools": TOOLS, "tool_choice": {"type": "function", "name": "three"}},
    ],
)
def test_what_a_provider_would_refuse(fields):
    with pytest.raises(Rejected) as caught:
        read(**fields)
    assert caught.value.status == 400
