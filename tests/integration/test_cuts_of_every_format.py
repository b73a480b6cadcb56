"""T10 through the gateway, for every client format at every provider format: a stream that is cut at the border of an event, one byte before
or one after it, is an error that the official SDK raises, and no success in the usage table. Without a network, at every byte:
`tests/conformance/test_translation_cuts.py`.
"""

import json
import socket

import anthropic
import openai
import pytest
from tests.conformance.pairs import APIS, MODELS, PARSERS, Pair, headers_of
from tests.conftest import LONG
from tests.tools.gateway import simulated

from anyapi.simulator import ModelSpec, ProviderSpec, WireName, read_fault
from anyapi.upstream.adapter import Dialect

PAIRS = tuple(Pair(dialect, wire, own=(dialect, wire) == (Dialect.RESPONSES, WireName.OPENAI)) for dialect in PARSERS for wire in APIS)
"""The gateway's configuration says that the simulated provider of OpenAI's format serves responses."""
CUTS = 132 if LONG else 12
"""At most, spread over the stream; the long run has room for all of them."""
IN_A_ROW = 4
"""Failures that an endpoint may have before its circuit opens; each is tried twice, so its ids stay below 10 and equally long."""
QUESTION = [{"role": "user", "content": "Say it."}]
BODIES = {
    Dialect.CHAT_COMPLETIONS: {"messages": QUESTION},
    Dialect.MESSAGES: {"messages": QUESTION, "max_tokens": 500},
    Dialect.RESPONSES: {"input": "Say it.", "store": False},
}


def provider(name: str, wire: WireName) -> ProviderSpec:
    return ProviderSpec(f"sim-{name}", wire=wire, models=(ModelSpec(f"cut/{name}", MODELS[wire], 1.0, 1.0),), words=14)


def name_of(pair: Pair, number: int) -> str:
    """One of the providers of a pair."""
    return f"{pair.dialect.replace('_', '-')}-{pair.wire}-{number}"


SPECS = tuple(provider(name_of(pair, number), pair.wire) for pair in PAIRS for number in range(CUTS // IN_A_ROW + 1))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with simulated(tmp_path_factory.mktemp("cuts") / "home", SPECS) as (gateway, simulation):
        yield gateway, simulation


def chunk_ends(pair: Pair, simulation, name: str) -> list[int]:
    """Where each chunk of the provider's answer ends, framing included, counted from the first byte of the body: one event is one chunk."""
    _, prepared = pair.prepare(json.dumps({"model": "cut/x", "stream": True, **BODIES[pair.dialect]}).encode())
    extra = "".join(f"{key}: {value}\r\n" for key, value in headers_of(prepared).items())
    path = APIS[pair.wire][1] + prepared.path.decode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n{extra}"
    with socket.create_connection(("127.0.0.1", simulation.simulation.ports[f"sim-{name}"])) as connection:
        connection.sendall(f"{head}Content-Length: {len(prepared.body)}\r\n\r\n".encode() + prepared.body)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    body, ends, at = answer.partition(b"\r\n\r\n")[2], [], 0
    while True:
        size = int(body[at : body.index(b"\r\n", at)], 16)
        if size == 0:
            return ends
        at = body.index(b"\r\n", at) + 2 + size + 2
        ends.append(at)


def ask(pair: Pair, gateway, model: str) -> tuple[str, Exception | None]:
    """What the SDK of a format gives: the text, and the error it raised."""
    text, error = "", None
    try:
        if pair.dialect is Dialect.MESSAGES:
            with anthropic.Anthropic(base_url=gateway.url, api_key=gateway.key, max_retries=0) as client:
                with client.messages.stream(model=model, **BODIES[pair.dialect]) as events:
                    for event in events:
                        text += event.text if event.type == "text" else ""
                    assert events.get_final_message().stop_reason == "end_turn"
            return text, None
        with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as client:
            if pair.dialect is Dialect.RESPONSES:
                with client.responses.create(model=model, stream=True, **BODIES[pair.dialect]) as events:
                    for event in events:
                        text += event.delta if event.type == "response.output_text.delta" else ""
                    assert event.type == "response.completed"
            else:
                with client.chat.completions.create(model=model, stream=True, **BODIES[pair.dialect]) as events:
                    for chunk in events:
                        text += "".join(choice.delta.content or "" for choice in chunk.choices)
    except (openai.APIError, anthropic.APIError) as problem:
        error = problem
    return text, error


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_a_cut_near_the_border_of_an_event_is_an_error_of_the_sdk(place, pair):
    gateway, simulation = place
    before = len(gateway.usage())
    spare = name_of(pair, CUTS // IN_A_ROW)
    ends = chunk_ends(pair, simulation, spare)
    whole, error = ask(pair, gateway, f"cut/{spare}")
    assert (error, len(whole.split())) == (None, 14)
    around = sorted({end + step for end in ends for step in (-1, 0, 1)})
    cuts = around if len(around) <= CUTS else [*around[:: len(around) // (CUTS - 4)][: CUTS - 4], *around[-4:]]
    assert len(cuts) == min(CUTS, len(around)) > 9
    seen = []
    for number, cut in enumerate(cuts):
        name = name_of(pair, number // IN_A_ROW)
        fault = read_fault(json.dumps({"kind": ("close", "reset")[number % 2], "at": cut, "of": "body"}))
        simulation.script(f"sim-{name}", [[fault], [fault]])
        text, error = ask(pair, gateway, f"cut/{name}")
        simulation.script(f"sim-{name}", [])
        assert text == whole if error is None else whole.startswith(text)
        assert error is not None or cut >= ends[-1] - 2, f"cut at byte {cut} of {ends[-1]}, and no error"
        seen.append(error is None)
    assert seen.count(False) >= len(cuts) - 4
    rows = gateway.usage(before + 1 + len(cuts))[before:]
    assert {row.operation for row in rows} == {pair.dialect}
    assert [row.outcome == "success" for row in rows] == [True, *seen]
