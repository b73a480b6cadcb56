"""A refusal that another endpoint should mend and does not: it goes to the client as what it is, and nobody else's figures with it."""

import asyncio
import json

import pytest
from tests.unit.gateway.test_dispatch import ASKED, DECLINES, JSON, by_request, failing, speechless
from tests.unit.gateway.test_exchange import completion
from tests.unit.gateway.workbench import chat, gateway, hear, request
from tests.unit.policy.samples import MODEL
from tests.unit.upstream.provider import Requests, answer, chunked, playing, silent
from tests.unit.wire.peers import dialled, on_loop, until

from anyapi.domain.usage import TokenCount, UsageSource
from anyapi.gateway.declined import Declined

REFUSED = {"prompt_tokens": 10, "completion_tokens": 5}


def refusing(stream=False):
    """An answer whose provider declines, and states what it took."""
    if not stream:
        return answer(completion("", usage=REFUSED, finish="content_filter"), JSON)
    usage = b"data: " + json.dumps({"choices": [], "usage": REFUSED}).encode() + b"\n\n"
    end = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"content_filter"}]}\n\n'
    return chunked(end, usage, b"data: [DONE]\n\n")


SAYS = {
    b"/v1/chat/completions": b'"finish_reason":"content_filter"',
    b"/v1/messages": b'"stop_reason":"refusal"',
    b"/v1/responses": b'"reason":"content_filter"',
}
"""What a refusal says in each format."""
MENDED = {"failover_on": ["content_refusal"]}


@pytest.mark.parametrize("stream", [True, False])
@on_loop
async def test_tokens_of_a_refusal_are_not_those_of_the_endpoint_that_said_nothing(stream):
    begun = asyncio.Event()

    async def hanging(reader, _writer):
        await Requests(reader).next()
        begun.set()
        await silent(reader, _writer)

    async with gateway(playing(refusing(stream), then=silent), hanging) as running:
        async with dialled(running.port) as (_, writer):
            writer.write(request(chat(stream=stream, provider=MENDED)))
            await begun.wait()
        await until(lambda: running.usage.rows)
        (row,) = running.rows
        assert (row.outcome, row.endpoint, row.attempts) == ("client_gone", "p1/one", 2)
        assert (row.tokens, row.source, row.cost) == (TokenCount(), UsageSource.UNKNOWN, None)
        assert row.sent_to == (("p0/one", "p0-key"), ("p1/one", "p1-key"))


@pytest.mark.parametrize("path", [b"/v1/chat/completions", b"/v1/messages", b"/v1/responses"])
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("fault", [b"500 x", b"400 x", b"401 x", "refuses with an error", "leaves"])
@on_loop
async def test_a_refusal_goes_to_the_client_where_the_next_endpoint_fails(fault, stream, path):
    if fault == "leaves":
        other = playing()
    elif fault == "refuses with an error":
        other = by_request(answer(DECLINES[b"400 Risky"], JSON, status=b"400 Risky"))
    else:
        other = by_request(failing(fault))
    async with gateway(playing(refusing(stream), then=silent), other) as running:
        asked = {"model": MODEL, "stream": stream, **ASKED[path]}
        response = await running.post({**asked, "provider": MENDED}, path=path)
        assert (response.status, response.field("x-anyapi-endpoint")) == (200, b"p0/one")
        assert SAYS[path] in response.body.replace(b'": ', b'":')
        (row,) = running.rows
        assert (row.outcome, row.status, row.endpoint, row.attempts) == ("content_refused", 200, "p0/one", 2)
        assert (row.tokens, row.source, row.streamed) == (TokenCount(10, 5), UsageSource.MEASURED, stream)
        assert row.sent_to == (("p0/one", "p0-key"), ("p1/one", "p1-key"))
        assert response.field("content-type").startswith(b"text/event-stream") is stream


@pytest.mark.parametrize("stream", [True, False])
@on_loop
async def test_a_refusal_goes_to_the_client_where_the_next_endpoint_cannot_be_asked(stream):
    """Its format cannot express the request, or the server is closing: nobody else answered."""
    async with gateway(playing(refusing(stream), then=silent), silent) as running:
        speechless(running, "p1")
        response = await running.post(chat(stream=stream, provider=MENDED))
        assert (response.status, response.field("x-anyapi-endpoint")) == (200, b"p0/one")
    begun = asyncio.Event()

    async def hanging(reader, writer):
        await Requests(reader).next()
        begun.set()
        await silent(reader, writer)

    async with gateway(playing(refusing(stream), then=silent), hanging) as running, dialled(running.port) as (reader, writer):
        writer.write(request(chat(stream=stream, provider=MENDED)))
        await begun.wait()
        running.server.connections.copy().pop()._exchange.stop()
        (response,) = await hear(reader)
        assert (response.status, response.field("x-anyapi-endpoint")) == (200, b"p0/one")


def test_a_refusal_that_is_held_does_not_print():
    assert repr(Declined(b"secret words", None, (None, None), None, True, ())) == "<Declined>"
