import pytest
from tests.unit.simulator.formats import BY_NAME, frames
from tests.unit.simulator.raw_client import ask

from anyapi.simulator import ProviderSpec, SimulationThread, WireName, read_fault
from anyapi.simulator.bedrock_wire import BedrockWire
from anyapi.simulator.seal import seal
from anyapi.simulator.wire import Target

FORM = BY_NAME["bedrock"]
MODEL = "anthropic.claude-x-v1:0"


def converse(sim, *args, **kwargs):
    return FORM.ask(sim, *args, model=MODEL, **kwargs).json


def stream(sim, *args, **kwargs):
    return frames(FORM.ask(sim, *args, stream=True, model=MODEL, **kwargs).content)


def test_an_answer(sim):
    assert converse(sim) == {
        "output": {"message": {"role": "assistant", "content": [{"text": f"This is {MODEL}. I converse."}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 3, "outputTokens": 11, "totalTokens": 14, "cacheReadInputTokens": 0, "cacheWriteInputTokens": 0},
        "metrics": {"latencyMs": 1},
    }


def test_a_stream_of_frames(sim):
    answer = FORM.ask(sim, stream=True, model=MODEL)
    assert b"\r\ncontent-type: application/vnd.amazon.eventstream\r\n" in answer.head
    found = frames(answer.content)
    assert all(headers[":message-type"] == "event" and headers[":content-type"] == "application/json" for headers, _ in found)
    kinds = [headers[":event-type"] for headers, _ in found]
    assert (kinds[0], kinds[-3:]) == ("messageStart", ["contentBlockStop", "messageStop", "metadata"])
    assert "contentBlockStart" not in kinds
    assert "".join(payload["delta"]["text"] for _, payload in found if "delta" in payload) == f"This is {MODEL}. I converse."
    assert found[-1][1]["usage"] == converse(sim)["usage"]
    assert len({len(payload["p"]) for _, payload in found}) > 1


def test_tools(sim):
    uses = [block["toolUse"] for block in converse(sim, "use the tools", tools=True)["output"]["message"]["content"]]
    assert [(use["name"], use["input"]) for use in uses] == [("look_up", {"q": "text"}), ("write_down", {"q": "text"})]
    found = stream(sim, "use the tools", tools=True)
    starts = [payload["start"]["toolUse"]["name"] for headers, payload in found if headers[":event-type"] == "contentBlockStart"]
    assert starts == ["look_up", "write_down"]
    pieces = [payload["delta"]["toolUse"]["input"] for _, payload in found if payload.get("contentBlockIndex") == 1 and "delta" in payload]
    assert (len(pieces), "".join(pieces)) == (2, '{"q":"text"}')
    assert found[-2][1]["stopReason"] == "tool_use"


def test_reasoning_is_signed(sim):
    text = f"The request names {MODEL}; I say what I always say."
    block = converse(sim, thinking=True)["output"]["message"]["content"][0]
    assert block == {"reasoningContent": {"reasoningText": {"text": text, "signature": seal(text)}}}
    deltas = [
        payload["delta"]["reasoningContent"] for _, payload in stream(sim, thinking=True) if "reasoningContent" in payload.get("delta", {})
    ]
    assert "".join(delta.get("text", "") for delta in deltas) == text
    assert deltas[-1] == {"signature": seal(text)}
    sealed = converse(sim, "ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING", thinking=True)["output"]["message"]["content"][0]
    assert sealed == {"reasoningContent": {"redactedContent": seal(text)}}


def test_cache_usage(sim, bedrock):
    content = [{"text": "12345678"}, {"cachePoint": {"type": "default", "ttl": "1h"}}, {"text": "abcd"}]
    usage = ask(bedrock, {"messages": [{"role": "user", "content": content}]}, "/model/m/converse").json["usage"]
    assert (usage["inputTokens"], usage["cacheWriteInputTokens"], usage["totalTokens"]) == (1, 2, 3 + usage["outputTokens"])
    assert usage["cacheDetails"] == [{"ttl": "1h", "inputTokens": 2}]


@pytest.mark.parametrize(("style", "reason", "words"), [("content_filter", "content_filtered", 0), ("field", "guardrail_intervened", 1)])
def test_refusals(sim, style, reason, words):
    sim.script("sim-bedrock", [read_fault(f'{{"kind":"refusal","style":"{style}"}}')] * 2)
    body = converse(sim)
    assert (body["stopReason"], len(body["output"]["message"]["content"])) == (reason, words)
    assert stream(sim)[-2][1]["stopReason"] == reason


@pytest.mark.parametrize(("status", "name"), [(429, "ThrottlingException"), (400, "ValidationException"), (502, "InternalServerException")])
def test_errors_are_named_in_a_header(sim, status, name):
    sim.script("sim-bedrock", [read_fault(f'{{"kind":"status","status":{status},"message":"No."}}')])
    answer = FORM.ask(sim)
    assert f"\r\nx-amzn-errortype: {name}:http://internal.amazon.com/".encode() in answer.head
    assert answer.json == {"message": "No."}


@pytest.mark.parametrize("which", ["message", "prelude"])
def test_a_wrong_checksum(sim, which):
    sim.script("sim-bedrock", [read_fault(f'{{"kind":"bad_checksum","at":2,"which":"{which}"}}')])
    answer = FORM.ask(sim, stream=True)
    with pytest.raises(AssertionError):
        frames(answer.content)
    assert sim.ledger("sim-bedrock")["outcomes"] == {"malformed": 1}


def test_faults_of_text_streams_leave_frames_alone(sim):
    good = FORM.ask(sim, stream=True).content
    for kind in ("comments", "line_ends", "multiline_data"):
        sim.script("sim-bedrock", [read_fault(f'{{"kind":"{kind}"}}')])
        assert FORM.ask(sim, stream=True).content == good


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/model/a%3A0/converse", Target("a:0")),
        ("/model/arn%3Aaws%3Ax%2Fy/converse-stream", Target("arn:aws:x/y", stream=True)),
        ("/model/a@@status/status:429/converse", Target("a@@status/status:429")),
        ("/model/a/count-tokens", Target("a", count=True)),
        ("/model/a/invoke", None),
        ("/converse", None),
    ],
)
def test_paths(path, target):
    assert BedrockWire().target(path, "") == target


def test_counting(bedrock):
    body = {"input": {"converse": {"messages": [{"role": "user", "content": [{"text": "12345"}]}]}}}
    assert ask(bedrock, body, "/model/m/count-tokens").json == {"inputTokens": 2}


@pytest.mark.parametrize("key", ["bearer-key", "AKID:secret"])
def test_keys(key):
    with SimulationThread([ProviderSpec("b", wire=WireName.BEDROCK, api_key=key)]) as running:
        port = running.simulation["b"].port
        given = ask(port, FORM.body(), "/model/m/converse", (f"authorization: Bearer {key}",))
        assert given.status == (403 if ":" in key else 200)
        refused = ask(port, FORM.body(), "/model/m/converse")
        assert (refused.status, b"AccessDeniedException" in refused.head) == (403, True)
