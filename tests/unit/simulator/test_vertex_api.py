"""Vertex AI for access tokens: three formats at three paths, and nobody without a token."""

import time

import pytest
from tests.tools.google_account import account
from tests.unit.simulator.formats import BY_NAME
from tests.unit.simulator.raw_client import ask

from anyapi.simulator import ProviderSpec, SimulationThread, WireName
from anyapi.simulator.google_tokens import minted
from anyapi.simulator.vertex_api import PLACE

KNOWN = account()[1]
CLAUDE = f"{PLACE}/publishers/anthropic/models/claude-opus-4-7%40default"


@pytest.fixture(scope="module")
def port():
    with SimulationThread([ProviderSpec("v", wire=WireName.VERTEX, api_key=KNOWN)]) as running:
        yield running.simulation["v"].port


def bearer(seconds=60.0):
    return (f"authorization: Bearer {minted(KNOWN.partition(':')[0], time.time() + seconds)}",)


def claude(**changes):
    body = BY_NAME["messages"].body() | {"anthropic_version": "vertex-2023-10-16"} | changes
    return {name: value for name, value in body.items() if value is not None and name != "model"} | (
        {"model": changes["model"]} if "model" in changes else {}
    )


def test_the_three_formats(port):
    gemini = ask(port, BY_NAME["vertex"].body(), f"{PLACE}/publishers/google/models/gemini:generateContent", bearer())
    assert "This is gemini." in gemini.json["candidates"][0]["content"]["parts"][0]["text"]
    message = ask(port, claude(), f"{CLAUDE}:rawPredict", bearer())
    assert message.json["model"] == "claude-opus-4-7@default"
    events = ask(port, claude(stream=True), f"{CLAUDE}:streamRawPredict", bearer()).events
    assert (events[0]["type"], events[-1]["type"]) == ("message_start", "message_stop")
    chat = ask(port, BY_NAME["chat"].body(model="meta/llama"), f"{PLACE}/endpoints/openapi/chat/completions", bearer())
    assert chat.json["model"] == "meta/llama"


@pytest.mark.parametrize("headers", [(), ("authorization: Bearer ya29.x.1.y",), bearer(-1.0), (f"x-goog-api-key: {KNOWN}",)])
def test_nobody_without_a_token_that_is_good(port, headers):
    assert ask(port, claude(), f"{CLAUDE}:rawPredict", headers).status == 401


@pytest.mark.parametrize(
    ("body", "manner", "headers"),
    [
        (claude(anthropic_version=None), "rawPredict", ()),
        (claude(anthropic_version="2023-06-01"), "rawPredict", ()),
        (claude(model="claude"), "rawPredict", ()),
        (claude(stream=True), "rawPredict", ()),
        (claude(), "streamRawPredict", ()),
        (claude(), "rawPredict", ("anthropic-version: 2023-06-01",)),
        (b"[]", "rawPredict", ()),
    ],
)
def test_what_vertex_words_otherwise_must_be_so(port, body, manner, headers):
    assert ask(port, body, f"{CLAUDE}:{manner}", (*bearer(), *headers)).status == 400


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions", "/v1beta/models/gemini:generateContent", f"{CLAUDE}:countTokens"])
def test_other_paths_are_not_there(port, path):
    assert ask(port, claude(), path, bearer()).status == 404
