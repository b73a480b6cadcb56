"""Large requests are read and translated in a thread: the loop goes on, the limit is on values, and who leaves is noticed."""

import asyncio
import json

import msgspec
import pytest
from tests.unit.gateway.test_exchange import ok
from tests.unit.gateway.workbench import chat, gateway, request, talk
from tests.unit.upstream.provider import playing, silent
from tests.unit.wire.peers import dialled, on_loop, until

from anyapi.errors import BadRequest
from anyapi.gateway import apart as module
from anyapi.gateway.apart import HUGE, LARGE, MOST_VALUES, apart, check_values, read_large
from anyapi.gateway.formats import anthropic_messages, openai_chat
from anyapi.upstream.hub import MessagesOverChat

BLOCK = {"type": "text", "text": "a, [b] {c}"}


def messages(blocks, **more):
    """A request of so many blocks. Its word `base64` keeps it from being refused as longer than the model's context."""
    content = [{"type": "text", "text": "base64"}, *[BLOCK] * blocks]
    return {"model": "acme/one", "max_tokens": 9, "messages": [{"role": "user", "content": content}], **more}


class Ticks:
    """Counts the loop's turns, and how many of them passed while requests were prepared."""

    def __init__(self, monkeypatch):
        self.count, self.meanwhile = 0, []
        prepare, ticks = MessagesOverChat.prepare, self

        def counting(*given):
            before = ticks.count
            try:
                return prepare(*given)
            finally:
                ticks.meanwhile.append(ticks.count - before)

        monkeypatch.setattr(MessagesOverChat, "prepare", counting)

    async def run(self):
        while True:
            self.count += 1
            await asyncio.sleep(0)


async def ask(running, body):
    (response,) = await talk(running.port, request(body, path=b"/v1/messages"))
    return response


@on_loop
async def test_the_loop_goes_on_while_a_large_request_is_translated(monkeypatch):
    ticks = Ticks(monkeypatch)
    async with gateway(playing(ok(), ok(), then=silent)) as running:
        ticking = asyncio.ensure_future(ticks.run())
        assert (await ask(running, messages(10))).status == 200
        assert (await ask(running, messages(60_000))).status == 200
        ticking.cancel()
    small, large = ticks.meanwhile
    assert small == 0, "no thread for the common request"
    assert large > 20


@on_loop
async def test_counting_a_large_prompt_lets_the_loop_go_on():
    turns = []

    async def tick():
        while True:
            turns.append(None)
            await asyncio.sleep(0)

    async with gateway(silent) as running:
        ticking = asyncio.ensure_future(tick())
        sent = request(messages(60_000), path=b"/v1/messages/count_tokens")
        async with dialled(running.port) as (reader, writer):
            writer.write(sent)
            await writer.drain()
            before = len(turns)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        ticking.cancel()
    assert len(turns) - before > 20


@pytest.mark.parametrize("stream", [False, True])
@on_loop
async def test_too_many_values_are_a_400_that_names_the_field(monkeypatch, stream):
    monkeypatch.setattr(module, "MOST_VALUES", 20_000)
    async with gateway(playing(ok(), then=silent)) as running:
        response = await ask(running, messages(10_000, stream=stream))
        error = json.loads(response.body)["error"]
        assert (response.status, error["type"], error["param"]) == (400, "invalid_request_error", "messages")
        assert "more than 20000 values" in error["message"]
        body = chat(messages=[{"role": "user", "content": [BLOCK] * 10_000}])
        assert (await running.post(body)).status == 200, "the same format passes whole"


@on_loop
async def test_whoever_leaves_while_a_thread_is_at_work_has_nothing_sent(monkeypatch):
    prepare, seen = MessagesOverChat.prepare, []

    def noting(*given):
        seen.append(given)
        return prepare(*given)

    monkeypatch.setattr(MessagesOverChat, "prepare", noting)
    async with gateway(silent) as running:
        async with dialled(running.port) as (_, writer):
            writer.write(request(messages(60_000), path=b"/v1/messages"))
            await until(lambda: seen)
        await until(lambda: running.usage.rows)
        (row,) = running.rows
        assert (row.outcome, row.status) == ("client_gone", 499)


@on_loop
async def test_a_huge_body_is_read_in_a_thread_and_a_mistake_in_it_is_told_as_ever():
    body = json.dumps(messages(1, system="x" * HUGE)).encode()
    assert (await read_large(anthropic_messages.parse, body)).large
    with pytest.raises(BadRequest, match="messages"):
        await read_large(anthropic_messages.parse, json.dumps({"model": "m", "x": "y" * HUGE}).encode())
    assert (await read_large(openai_chat.parse, json.dumps(chat(user="x" * LARGE)).encode())).large
    with pytest.raises(ZeroDivisionError):
        await apart(lambda: 1 / 0)


def test_the_limit_counts_all_fields_together():
    raw = msgspec.Raw(b"[" + b",".join([b"1"] * (MOST_VALUES // 2)) + b"]")
    check_values({"messages": raw, "tools": raw})
    with pytest.raises(BadRequest, match="values") as caught:
        check_values({"messages": raw, "tools": raw, "stop": msgspec.Raw(b'["a","b"]')})
    assert caught.value.field == "stop"


def test_a_long_text_is_one_value():
    check_values({"messages": msgspec.Raw(b'"' + b'{\\",[' * 1_000_000 + b'"')})


FULL = json.dumps(
    {"choices": [{"message": {"content": "hi", "tool_calls": [{"function": {}}] * 60_000}, "finish_reason": "stop"}]}
).encode()


@pytest.mark.parametrize(
    ("fields", "status"),
    [({}, 502), ({"logprobs": True}, 200), ({"top_logprobs": 5}, 200), ({"include": ["message.output_text.logprobs"]}, 200)],
)
@on_loop
async def test_an_answer_that_is_too_full_is_none(fields, status):
    assert len(FULL) > HUGE
    async with gateway(playing(ok(FULL), ok(FULL), ok(FULL), then=silent)) as running:
        response = await running.post(chat(**fields))
        assert response.status == status
        (row,) = running.rows
        assert row.outcome == ("upstream_error" if status == 502 else "success")
