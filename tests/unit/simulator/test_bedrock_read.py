import json

import pytest

from anyapi.simulator.bedrock_read import read_request
from anyapi.simulator.call import REDACT, Cache, Parts, Rejected, Tool
from anyapi.simulator.seal import seal
from anyapi.simulator.wire import Target

TOOLS = {"tools": [{"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object"}}}} for name in ("one", "two")]}
POINT = {"cachePoint": {"type": "default"}}
CALL = {"toolUse": {"toolUseId": "t", "name": "one", "input": {}}}


def user(*blocks):
    return {"role": "user", "content": [{"text": block} if isinstance(block, str) else block for block in blocks]}


def assistant(*blocks):
    return {**user(*blocks), "role": "assistant"}


def result(*contents):
    return {"toolResult": {"toolUseId": "t", "content": list(contents)}}


def thought(text="why", signature=None):
    return {"reasoningContent": {"reasoningText": {"text": text, "signature": signature or seal("why")}}}


def read(*messages, target=Target("m"), **fields):
    return read_request(json.dumps({"messages": list(messages) or [user("Hello")], **fields}).encode(), target)


def test_all_text_counts_and_attachments_are_counted():
    image, document = {"image": {"format": "png", "source": {}}}, {"document": {"format": "pdf", "name": "n", "source": {}}}
    answers = result({"text": "ef"}, {"json": {"x": "gh", "y": 1}}, image)
    call = read(user("cd", image, document), assistant(thought(), CALL), user(answers), system=[{"text": "ab"}], toolConfig=TOOLS)
    assert call.prompt_bytes == len("abcdefgh")
    assert call.parts == Parts(images=2, documents=1, tool_results=1)


@pytest.mark.parametrize(
    ("messages", "fields", "cache"),
    [
        ([user("1234")], {}, Cache()),
        ([user("1234", POINT, "56")], {}, Cache(0, 4)),
        ([user("1234", {"cachePoint": {"type": "default", "ttl": "1h"}})], {}, Cache(0, 4, "1h")),
        ([user("1234")], {"system": [{"text": "ab"}, POINT]}, Cache(0, 2)),
        ([user("1234", POINT), assistant("ok"), user("78", POINT)], {}, Cache(4, 4)),
        ([user("1234")], {"toolConfig": {"tools": [*TOOLS["tools"], POINT]}}, Cache()),
    ],
)
def test_the_cache(messages, fields, cache):
    assert read(*messages, **fields).cache == cache


@pytest.mark.parametrize(
    ("said", "choice", "names"),
    [
        ("Hello", None, []),
        ("use the tool", None, ["one"]),
        ("use the tools", {"auto": {}}, ["one", "two"]),
        ("Hello", {"any": {}}, ["one"]),
        ("Hello", {"tool": {"name": "two"}}, ["two"]),
    ],
)
def test_tools(said, choice, names):
    config = {**TOOLS, **({"toolChoice": choice} if choice else {})}
    assert [tool.name for tool in read(user(said), toolConfig=config).uses] == names
    assert read(user("use the tool"), assistant(CALL), user(result({"text": "x"})), toolConfig=TOOLS).uses == ()
    assert read(user("use the tool"), toolConfig=TOOLS).uses == (Tool("one", {"type": "object"}),)


@pytest.mark.parametrize("name", ["thinking", "reasoning_config"])
def test_thinking(name):
    assert read(additionalModelRequestFields={name: {"type": "enabled"}}).reasoning
    assert not read(additionalModelRequestFields={name: {"type": "disabled"}, "top_k": 5}).reasoning
    assert read(user(REDACT)).seal_reasoning


def test_limits_and_structured_output():
    wanted = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"name": "n", "schema": '{"type":"null"}'}}}}
    call = read(
        inferenceConfig={"maxTokens": 3, "stopSequences": ["x"], "temperature": 0}, outputConfig=wanted, target=Target("m", stream=True)
    )
    assert (call.model, call.stream, call.max_tokens, call.stops, call.schema) == ("m", True, 3, ("x",), {"type": "null"})


def test_counting():
    body = {"input": {"converse": {"messages": [user("12345")]}}}
    assert read_request(json.dumps(body).encode(), Target("m", count=True)).prompt_bytes == 5


def test_reasoning_comes_back_with_its_mark():
    sealed = {"reasoningContent": {"redactedContent": seal("why")}}
    for block in (thought(), sealed):
        assert read(user("x"), assistant(block, CALL), user(result()), toolConfig=TOOLS).model == "m"


@pytest.mark.parametrize(
    ("messages", "fields", "word"),
    [
        ([], {"messages": []}, "made of messages"),
        ([{"role": "system", "content": []}], {}, "made of messages"),
        ([assistant("x")], {}, "start with a user message"),
        ([user("x"), user("y")], {}, "alternate"),
        ([user("x"), assistant(CALL), user(result())], {}, "toolConfig"),
        ([user("x"), assistant(CALL), user("y")], {"toolConfig": TOOLS}, "no result"),
        ([user(" ")], {}, "blank"),
        ([user("x"), assistant(thought("Why"))], {}, "signature"),
        ([user("x"), assistant({"reasoningContent": {"redactedContent": "AAAA"}})], {}, "signature"),
        ([user("x")], {"toolConfig": {**TOOLS, "toolChoice": {"tool": {"name": "three"}}}}, "not in tools"),
        ([user("x")], {"outputConfig": {"textFormat": {"structure": {"jsonSchema": {"schema": "{"}}}}}, "not valid"),
    ],
)
def test_what_amazon_would_refuse(messages, fields, word):
    with pytest.raises(Rejected) as caught:
        read(*messages, **fields)
    assert caught.value.status == 400
    assert word in caught.value.message
