"""What Anthropic would refuse, and what a request means for cache and thinking."""

import json

import pytest

from anyapi.simulator.anthropic_read import read_request
from anyapi.simulator.call import REDACT, Cache, Parts, Rejected
from anyapi.simulator.seal import seal

CACHED = {"cache_control": {"type": "ephemeral"}}
THINKING = {"type": "enabled", "budget_tokens": 1024}


def text(words, **fields):
    return {"type": "text", "text": words, **fields}


def user(*blocks):
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks):
    return {"role": "assistant", "content": list(blocks)}


def read(*messages, **fields):
    body = {"model": "m", "max_tokens": 9, "messages": list(messages) or [user(text("Hello"))], **fields}
    return read_request(json.dumps(body).encode(), {"anthropic-version": "1"})


CALL, RESULT = {"type": "tool_use", "id": "t", "name": "n", "input": {}}, {"type": "tool_result", "tool_use_id": "t", "content": "done"}
SYSTEM = {"role": "system", "content": "Be brief."}
THOUGHT = {"type": "thinking", "thinking": "why", "signature": seal("why")}


def test_all_text_counts_and_attachments_are_counted():
    image, document = {"type": "image", "source": {}}, {"type": "document", "source": {}}
    result = {**RESULT, "content": [text("ef"), image]}
    call = read(user(text("cd"), image, document), assistant(THOUGHT, CALL), user(result), system=[text("ab")])
    assert call.prompt_bytes == len("abcdef")
    assert call.parts == Parts(images=2, documents=1, tool_results=1)


@pytest.mark.parametrize(
    ("messages", "fields", "cache"),
    [
        ([user(text("1234"))], {}, Cache()),
        ([user(text("1234", **CACHED), text("56"))], {}, Cache(0, 4)),
        ([user(text("1234"))], {"system": [text("ab", **CACHED)]}, Cache(0, 2)),
        ([user(text("1234"))], CACHED, Cache(0, 4)),
        ([user(text("1234", cache_control={"type": "ephemeral", "ttl": "1h"}))], {}, Cache(0, 4, "1h")),
        ([user(text("1234", **CACHED)), assistant(text("ok")), user(text("78", **CACHED))], {}, Cache(4, 4)),
        ([user(text("1234")), assistant(text("ok")), user(text("78"))], {"tools": [{"name": "n", **CACHED}]}, Cache()),
    ],
)
def test_the_cache(messages, fields, cache):
    assert read(*messages, **fields).cache == cache


def test_thinking():
    assert not read().reasoning
    assert read(thinking={"type": "adaptive"}).reasoning
    assert not read(thinking={"type": "disabled"}).reasoning
    assert read(thinking={"type": "adaptive", "display": "omitted"}).hide_reasoning
    assert read(user(text(REDACT)), thinking=THINKING).seal_reasoning


def test_tools_that_the_provider_runs_itself_are_never_called():
    tools = [
        {"type": "web_search_20250305", "name": "web_search"},
        {"name": "own", "input_schema": {}},
        {"type": "bash_20250124", "name": "bash"},
    ]
    assert [tool.name for tool in read(user(text("use the tools")), tools=tools).uses] == ["own", "bash"]


@pytest.mark.parametrize(
    "messages",
    [
        [user(text("x")), assistant(THOUGHT, CALL), user(RESULT)],
        [user(text("x")), assistant({**THOUGHT, "thinking": ""}, CALL), user(RESULT, text("and"))],
        [user(text("x")), assistant({"type": "redacted_thinking", "data": seal("why")}, CALL), user(RESULT)],
        [user(text("x")), assistant(THOUGHT, text("answer"))],
    ],
)
def test_reasoning_comes_back_with_its_mark(messages):
    assert read(*messages, thinking=THINKING).model == "m"


@pytest.mark.parametrize(
    ("messages", "word"),
    [
        ([user(text("x")), assistant({**THOUGHT, "thinking": "Why"}, text("a"))], "messages.1.content.0: Invalid `signature`"),
        ([user(text("x")), assistant({**THOUGHT, "signature": ""}, text("a"))], "Invalid `signature`"),
        ([user(text("x")), assistant(text("a"), {"type": "redacted_thinking", "data": "x"})], "messages.1.content.1: Invalid `data`"),
        ([user(text("x")), assistant(CALL), user(RESULT)], "Expected `thinking`"),
        ([user(text("x")), assistant(THOUGHT, CALL), user(text("no result"))], "no result"),
        ([user(RESULT)], "no call"),
        ([user(text("x")), assistant(THOUGHT, CALL)], "nobody answers"),
        ([{"role": "user", "content": [{"type": "tool_result", "content": 1}]}], ""),
    ],
)
def test_what_the_provider_would_refuse(messages, word):
    with pytest.raises(Rejected) as caught:
        read(*messages, thinking=THINKING)
    assert caught.value.status == 400
    assert word in caught.value.message


def test_without_thinking_a_call_needs_none():
    assert read(user(text("x")), assistant(CALL), user(RESULT)).uses == ()


def test_a_system_message_behind_a_users():
    """It counts as text and changes nothing of who spoke last."""
    said = read(user(text("use the tool")), SYSTEM, tools=[{"name": "n", "input_schema": {"type": "object"}}])
    assert [tool.name for tool in said.uses] == ["n"]
    assert said.prompt_bytes == len("use the tool" + "Be brief.")
    read(user(text("use the tool")), SYSTEM, assistant(THOUGHT, CALL), user(RESULT), SYSTEM, thinking=THINKING)
    for wrong in ([SYSTEM], [SYSTEM, user(text("x"))], [user(text("x")), assistant(text("y")), SYSTEM], [user(text("x")), SYSTEM, SYSTEM]):
        with pytest.raises(Rejected, match="system message must follow a user message"):
            read(*wrong)
