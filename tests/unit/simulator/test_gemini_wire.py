import json

import pytest
from tests.unit.simulator.formats import BY_NAME, VERTEX
from tests.unit.simulator.raw_client import ask, get

from anyapi.simulator import ProviderSpec, SimulationThread, WireName, read_fault
from anyapi.simulator.gemini_wire import GeminiWire, VertexWire
from anyapi.simulator.seal import seal
from anyapi.simulator.wire import Target

PATH = "/v1beta/models/gemini-x:"
KEY = "simulated-key"


def contents(text="Hello", **fields):
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **fields}


def generate(port, text="Hello", **fields):
    return ask(port, contents(text, **fields), PATH + "generateContent").json


def stream(port, text="Hello", **fields):
    return ask(port, contents(text, **fields), PATH + "streamGenerateContent?alt=sse")


def test_a_response(gemini):
    body = generate(gemini)
    assert body.pop("responseId").startswith("sim-")
    said = {"parts": [{"text": "This is gemini-x. I speak contents."}], "role": "model"}
    assert body == {
        "candidates": [{"content": said, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {
            "promptTokenCount": 2,
            "totalTokenCount": 11,
            "candidatesTokenCount": 9,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 2}],
        },
        "modelVersion": "gemini-x",
    }


def test_a_stream_ends_with_reason_and_usage_and_its_lines_in_crlf(gemini):
    answer = stream(gemini)
    assert answer.content.count(b"\r\n\r\n") == answer.content.count(b"\n") // 2 == len(answer.events)
    assert [event["candidates"][0].get("finishReason") for event in answer.events] == [None] * (len(answer.events) - 1) + ["STOP"]
    assert answer.events[-1]["usageMetadata"] == generate(gemini)["usageMetadata"]
    assert answer.events[0]["usageMetadata"] == {"promptTokenCount": 2, "totalTokenCount": 2}


@pytest.mark.parametrize("thoughts", [True, False])
def test_thoughts(sim, gemini, thoughts):
    fields = {"generationConfig": {"thinkingConfig": {"includeThoughts": thoughts}}}
    body, events = generate(gemini, **fields), stream(gemini, **fields).events
    text = "The request names gemini-x; I say what I always say."
    for parts in (
        body["candidates"][0]["content"]["parts"],
        [part for event in events for part in event["candidates"][0]["content"]["parts"]],
    ):
        assert "".join(part["text"] for part in parts if part.get("thought")) == (text if thoughts else "")
        assert parts[-1]["thoughtSignature"] == seal(text)
    assert body["usageMetadata"]["thoughtsTokenCount"] == 13
    assert body["usageMetadata"]["candidatesTokenCount"] == 9
    whole, streamed = sim.ledger("sim-gemini")["entries"]
    assert whole["completion_tokens_sent"] == streamed["completion_tokens_sent"] == 22


def test_calls_of_functions(gemini):
    tools = [
        {
            "functionDeclarations": [
                {"name": name, "parameters": {"type": "OBJECT", "required": ["q"], "properties": {"q": {"type": "INTEGER"}}}}
                for name in ("a", "b")
            ]
        }
    ]
    for parts in (
        generate(gemini, "use the tools", tools=tools)["candidates"][0]["content"]["parts"],
        [part for event in stream(gemini, "use the tools", tools=tools).events[:-1] for part in event["candidates"][0]["content"]["parts"]],
    ):
        assert [part["functionCall"]["name"] for part in parts] == ["a", "b"]
        assert all(part["functionCall"]["args"] == {"q": 1} and part["functionCall"]["id"] for part in parts)
        assert ["thoughtSignature" in part for part in parts] == [True, False]


def test_vertex_gives_calls_no_id(sim):
    call = BY_NAME["vertex"].ask(sim, "use the tool", tools=True).json["candidates"][0]["content"]["parts"][0]["functionCall"]
    assert call == {"name": "look_up", "args": {"q": "text"}}


def test_candidates_schema_and_log_probabilities(gemini):
    config = {"candidateCount": 2, "responseSchema": {"type": "STRING", "enum": ["A"]}, "responseLogprobs": True, "logprobs": 1}
    candidates = generate(gemini, generationConfig=config)["candidates"]
    assert [candidate["index"] for candidate in candidates] == [0, 1]
    assert candidates[0]["content"]["parts"][0]["text"] == '"A"'
    assert candidates[0]["logprobsResult"]["chosenCandidates"][0]["token"] == '"A"'
    events = stream(gemini, generationConfig=config).events
    assert {event["candidates"][0]["index"] for event in events} == {0, 1}
    assert ["candidatesTokenCount" in event["usageMetadata"] for event in events][-1]


def test_ends(sim, gemini):
    assert generate(gemini, generationConfig={"maxOutputTokens": 1})["candidates"][0]["finishReason"] == "MAX_TOKENS"
    sim.script(
        "sim-gemini",
        [read_fault(f'{{"kind":"refusal","style":"{style}"}}') for style in ("content_filter", "content_filter", "field", "field")],
    )
    assert generate(gemini)["candidates"] == [{"finishReason": "SAFETY", "index": 0}]
    assert stream(gemini).events[-1]["candidates"] == [{"finishReason": "SAFETY", "index": 0}]
    for body in (generate(gemini), stream(gemini).events[0]):
        assert "candidates" not in body
        assert body["promptFeedback"] == {"blockReason": "PROHIBITED_CONTENT"}
        assert sim.ledger("sim-gemini")["entries"][-1]["completion_tokens"] == 0


def test_usage_of_zero(sim, gemini):
    sim.script("sim-gemini", [read_fault('{"kind":"usage","mode":"zero"}')])
    usage = generate(gemini)["usageMetadata"]
    assert (usage["promptTokenCount"], usage["totalTokenCount"], "candidatesTokenCount" in usage) == (0, 0, False)


@pytest.mark.parametrize(("status", "name"), [(429, "RESOURCE_EXHAUSTED"), (503, "UNAVAILABLE"), (418, "UNKNOWN")])
def test_errors(sim, gemini, status, name):
    sim.script("sim-gemini", [read_fault(f'{{"kind":"status","status":{status},"message":"No."}}')])
    assert generate(gemini) == {"error": {"code": status, "message": "No.", "status": name}}


@pytest.mark.parametrize(
    ("wire", "path", "query", "target"),
    [
        (GeminiWire(), "/v1beta/models/a:generateContent", "", Target("a")),
        (GeminiWire(), "/v1/models/a%20b:generateContent", "x=1", Target("a b")),
        (GeminiWire(), "/v1beta/models/a:countTokens", "", Target("a", count=True)),
        (GeminiWire(), "/v1beta/models/a@@status/status:429:streamGenerateContent", "alt=sse", Target("a@@status/status:429", stream=True)),
        (GeminiWire(), "/v1beta/models/a:streamGenerateContent", "", None),
        (GeminiWire(), "/v1beta/models/a:predict", "", None),
        (GeminiWire(), VERTEX.replace("MODEL", "a:generateContent"), "", None),
        (VertexWire(), VERTEX.replace("MODEL", "a:generateContent"), "", Target("a")),
        (VertexWire(), "/v1beta1/publishers/google/models/a:countTokens", "", Target("a", count=True)),
        (VertexWire(), "/v1beta/models/a:generateContent", "", None),
    ],
)
def test_paths(wire, path, query, target):
    assert wire.target(path, query) == target


def test_keys_counts_and_the_list():
    with SimulationThread([ProviderSpec("g", wire=WireName.GEMINI, api_key=KEY)]) as running:
        port, vertex = running.simulation["g"].port, VERTEX.replace("MODEL", "m:generateContent")
        for path, headers in (
            (PATH + "generateContent", (f"x-goog-api-key: {KEY}",)),
            (f"{PATH}generateContent?key={KEY}", ()),
            (vertex, (f"authorization: Bearer {KEY}",)),
        ):
            assert ask(port, contents(), path, headers).status == 200
        refused = ask(port, contents(), PATH + "generateContent", ("x-goog-api-key: wrong",))
        assert (refused.status, refused.json["error"]["details"][0]["reason"]) == (400, "API_KEY_INVALID")
        assert ask(port, contents(), vertex, ("authorization: Bearer wrong",)).json["error"]["status"] == "UNAUTHENTICATED"
        assert get(port, f"/v1beta/models?key={KEY}").json == {"models": []}
        assert ask(port, contents("12345"), f"{PATH}countTokens?key={KEY}").json["totalTokens"] == 2
        assert KEY not in json.dumps(running.ledger("g"))
