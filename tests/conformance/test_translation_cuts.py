"""T10: a provider's stream cut at every byte, in every client format at every provider: what the client has then is an error to its SDK.

Without a network: the stream is recorded from the simulated provider, cut, read by the pair's reader, and ended as the gateway ends it
(`gateway/exchange.py`: the format's error event unless the reader says that it is complete). The official SDK then reads the bytes.
Through a gateway: `tests/integration/test_cuts_of_every_format.py`.
"""

import json
import re

import anthropic
import httpx2
import openai
import pytest
from tests.conformance.pairs import PAIRS, QUESTION, SPECS, asked

from anyapi.errors import UpstreamFailed
from anyapi.simulator import SimulationThread, read_fault
from anyapi.upstream.adapter import Dialect

SAY = {"kind": "say", "text": 'Zürich 🙂 data: [DONE] "message_stop" {"error":1} response.completed'}
ERROR = UpstreamFailed("The provider's answer broke off before its end.", {})
ERRORS = {Dialect.MESSAGES: anthropic.APIError}


MADE_HERE = re.compile(rb"(chatcmpl-?|\"(?:created|created_at|completed_at)\":)[0-9a-f]+")
"""Ids and times of answers whose provider states none."""


@pytest.fixture(scope="module")
def simulation():
    with SimulationThread(SPECS) as running:
        yield running


def recorded(pair, simulation, form: str):
    """The request of a pair, and the stream with which its provider answers."""
    words = form == "words"
    if words:
        simulation.script(f"sim-{pair.wire}", [[read_fault(json.dumps(SAY))]])
    raw = json.dumps(asked(pair.dialect, words=words)).encode()
    request, prepared = pair.prepare(raw)
    status, stream = pair.ask(simulation, prepared)
    assert status == 200, stream
    return raw, stream


def reader_of(pair, raw: bytes):
    """A new reader for a new request: one may note something for its answer."""
    request, _ = pair.prepare(raw)
    return request, pair.adapter.open_stream(request)


def sdk_reads(dialect: Dialect, data: bytes) -> None:
    """Have the official SDK read a stream to its end. Raises what the SDK raises."""
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=data))
    client_of = anthropic.Anthropic if dialect is Dialect.MESSAGES else openai.OpenAI
    with (
        httpx2.Client(transport=transport) as inner,
        client_of(api_key="k", base_url="http://localhost/v1", http_client=inner, max_retries=0) as client,
    ):
        if dialect is Dialect.MESSAGES:
            with client.messages.stream(model="m", max_tokens=9, messages=[QUESTION]) as events:
                events.get_final_message()
        elif dialect is Dialect.RESPONSES:
            with client.responses.create(model="m", input="q", stream=True) as events:
                assert list(events)[-1].type in {"response.completed", "response.incomplete"}
        else:
            with client.chat.completions.create(model="m", messages=[QUESTION], stream=True) as events:
                finished = [choice.finish_reason for chunk in events for choice in chunk.choices if choice.finish_reason]
            assert finished


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("form", ["words", "reasoning and a call"])
@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_only_a_blank_line_may_lack_where_the_message_ended_whole(pair, simulation, form, ends):
    """A provider that ends its answer in good order: the SDKs take a last event whose blank line is missing, and nothing less."""
    raw, stream = recorded(pair, simulation, form)
    if pair.wire != "bedrock":
        stream = stream.replace(b"\r\n", b"\n").replace(b"\n", ends)
    _, reader = reader_of(pair, raw)
    whole = MADE_HERE.sub(b"", reader.feed(stream) + reader.end())
    assert (reader.complete, reader.end()) == (True, b"")
    taken = []
    for end in sorted({*range(0, len(stream), 23), *range(len(stream) - 60, len(stream))}):
        _, reader = reader_of(pair, raw)
        out = MADE_HERE.sub(b"", reader.feed(stream[:end]) + reader.end())
        lacking = stream[end:]
        if reader.complete:
            taken.append(end)
            assert out == whole
        assert reader.complete == (pair.wire != "bedrock" and not lacking.strip(b"\r\n")), lacking
    assert len(taken) >= (0 if pair.wire == "bedrock" else 2 * len(ends))
    sdk_reads(pair.dialect, reader_of(pair, raw)[1].feed(stream))


@pytest.mark.parametrize("form", ["words", "reasoning and a call"])
@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_a_cut_at_any_byte_is_an_error_of_the_sdk(pair, simulation, form):
    raw, stream = recorded(pair, simulation, form)
    request, reader = reader_of(pair, raw)
    whole = reader.feed(stream)
    assert (reader.complete, reader.failure) == (True, None)
    sdk_reads(pair.dialect, whole)
    request, reader = reader_of(pair, raw)
    out, seen, completed = b"", set(), []
    for end in range(len(stream)):
        if end:
            out += reader.feed(stream[end - 1 : end])
        assert reader.failure is None
        assert MADE_HERE.sub(b"", whole).startswith(MADE_HERE.sub(b"", out)), "something was made up"
        assert out == b"" or out.endswith(b"\n\n"), "not at the border of an event"
        if reader.complete:
            completed.append(end)
            assert MADE_HERE.sub(b"", out) == MADE_HERE.sub(b"", whole), "complete before all was released"
            continue
        client_sees = out + request.error_event(ERROR, getattr(reader, "sequence", 0))
        if client_sees not in seen:
            seen.add(client_sees)
            with pytest.raises(ERRORS.get(pair.dialect, openai.APIError)):
                sdk_reads(pair.dialect, client_sees)
    assert len(seen) > 3, "nothing was released before the end"
    # Only line ends, or the chunk that ends the event-stream's framing, may be missing where a stream counts as complete.
    assert all(not stream[end:].strip(b"\r\n") or pair.wire == "gemini" or b"[DONE]" in stream[end - 16 : end] for end in completed), (
        completed
    )
