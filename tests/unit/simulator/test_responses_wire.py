"""OpenAI responses, read by OpenAI's SDK in its strict mode: every object and event has to be what its types say."""

import pytest
from openai import OpenAI, RateLimitError
from pydantic import TypeAdapter
from tests.unit.simulator.raw_client import ask

from anyapi.simulator import read_fault
from anyapi.simulator.seal import seal

PATH = "/v1/responses"
MODEL = "claude-3.5-sonnet"
TOOLS = [
    {
        "type": "function",
        "name": name,
        "strict": True,
        "parameters": {"type": "object", "required": ["q"], "properties": {"q": {"type": "integer"}}},
    }
    for name in ("one", "two")
]
REQUESTS = {
    "plain": {},
    "reasoning": {"reasoning": {"effort": "low", "summary": "auto"}},
    "sealed": {"reasoning": {"effort": "low"}, "include": ["reasoning.encrypted_content"]},
    "tools": {"input": "use the tools", "tools": TOOLS, "reasoning": {"effort": "high", "summary": "detailed"}},
    "schema": {"text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}, "verbosity": "low"}},
    "short": {"max_output_tokens": 2},
    "chances": {"include": ["message.output_text.logprobs"], "top_logprobs": 2},
    "fields": {
        "instructions": "Be.",
        "metadata": {"a": "b"},
        "store": False,
        "temperature": 0.2,
        "user": "u",
        "parallel_tool_calls": False,
    },
}
SPOILED = {
    "said": None,
    "filtered": '{"kind":"refusal"}',
    "refused": '{"kind":"refusal","style":"field"}',
    "empty": '{"kind":"empty"}',
    "failed": '{"kind":"failed"}',
    "silent": '{"kind":"usage"}',
}


@pytest.fixture
def client(sim):
    with OpenAI(base_url=sim.base_urls["sim-zero"], api_key="k", max_retries=0, _strict_response_validation=True) as client:
        yield client


def whole(port, **fields):
    return ask(port, {"model": MODEL, "input": "Hello", **fields}, PATH).json


def events(port, **fields):
    return ask(port, {"model": MODEL, "input": "Hello", "stream": True, **fields}, PATH).events


@pytest.mark.parametrize("spoiled", SPOILED)
@pytest.mark.parametrize("fields", REQUESTS.values(), ids=REQUESTS)
def test_the_official_sdk_reads_it(sim, client, fields, spoiled):
    fault = SPOILED[spoiled] and read_fault(SPOILED[spoiled])
    sim.script("sim-zero", [fault, fault] if fault else [])
    answer = client.responses.create(**{"model": MODEL, "input": "Hello", **fields})
    with client.responses.create(**{"model": MODEL, "input": "Hello", "stream": True, **fields}) as stream:
        found = list(stream)
    assert [event.sequence_number for event in found] == list(range(len(found)))
    assert found[0].type == "response.created"
    assert found[-1].type == f"response.{answer.status}"
    ours, theirs = (object_.model_dump_json().replace("_" + object_.id.rpartition("_")[2], "") for object_ in (answer, found[-1].response))
    assert ours == theirs


@pytest.mark.parametrize("fields", REQUESTS.values(), ids=REQUESTS)
def test_the_events_build_the_answer(port, fields):
    found = events(port, **fields)
    items = found[-1]["response"]["output"]
    for index, item in enumerate(items):
        own = [event for event in found if event.get("output_index") == index]
        assert (own[0]["type"], own[-1]["type"], own[-1]["item"]) == ("response.output_item.added", "response.output_item.done", item)
        deltas = "".join(event["delta"] for event in own if event["type"].endswith(".delta"))
        text = {"message": lambda: item["content"][0]["text"], "function_call": lambda: item["arguments"]}
        assert deltas == text.get(item["type"], lambda: "".join(part["text"] for part in item["summary"]))()
        assert {event["item_id"] for event in own[1:-1]} <= {item["id"]}


def test_a_plain_answer(port):
    body = whole(port)
    assert body["output"][0]["content"] == [
        {"type": "output_text", "annotations": [], "logprobs": [], "text": body["output"][0]["content"][0]["text"]}
    ]
    assert (body["status"], body["error"], body["incomplete_details"]) == ("completed", None, None)
    usage = body["usage"]
    assert (usage["input_tokens"], usage["total_tokens"]) == (2, 2 + usage["output_tokens"])
    assert usage["input_tokens_details"] == {"cached_tokens": 0, "cache_write_tokens": 0}


def test_reasoning_is_shown_or_sealed(port):
    shown = whole(port, reasoning={"summary": "auto", "effort": "low"})
    text = shown["output"][0]["summary"][0]["text"]
    assert (text.startswith("The request names"), "encrypted_content" in shown["output"][0]) == (True, False)
    assert shown["usage"]["output_tokens_details"]["reasoning_tokens"] == -(-len(text) // 4)
    sealed = whole(port, reasoning={"effort": "low"}, include=["reasoning.encrypted_content"])
    assert sealed["output"][0]["summary"] == []
    assert sealed["output"][0]["encrypted_content"] == seal(text)
    assert sealed["usage"] == shown["usage"]
    again = [*sealed["output"], {"role": "user", "content": "and?"}]
    assert whole(port, input=again)["status"] == "completed"
    again[0]["encrypted_content"] = "AAAA"
    assert "verified" in whole(port, input=again)["error"]["message"]


def test_function_calls_and_their_outputs(port):
    body = whole(port, input="use the tools", tools=TOOLS)
    assert [(item["type"], item["name"], item["arguments"]) for item in body["output"]] == [
        ("function_call", name, '{"q":1}') for name in ("one", "two")
    ]
    outputs = [{"type": "function_call_output", "call_id": item["call_id"], "output": "done"} for item in body["output"]]
    after = whole(port, input=[{"role": "user", "content": "use the tools"}, *body["output"], *outputs], tools=TOOLS)
    assert after["output"][0]["type"] == "message"


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [('{"kind":"refusal"}', "incomplete", {"reason": "content_filter"}), ('{"kind":"failed"}', "failed", None)],
)
def test_other_ends(sim, port, kind, status, reason):
    sim.script("sim-zero", [read_fault(kind)] * 2)
    body, found = whole(port), events(port)
    assert (body["status"], body["incomplete_details"]) == (status, reason)
    assert (body["error"] is not None) == (status == "failed")
    assert found[-1]["type"] == f"response.{status}"
    assert whole(port, max_output_tokens=1)["incomplete_details"] == {"reason": "max_output_tokens"}


def test_a_refusal_in_words(sim, port):
    sim.script("sim-zero", [read_fault('{"kind":"refusal","style":"field"}')] * 2)
    assert whole(port)["output"][0]["content"] == [{"type": "refusal", "refusal": "I cannot help with that."}]
    assert "".join(event["delta"] for event in events(port) if event["type"] == "response.refusal.delta") == "I cannot help with that."


def test_input_tokens(sim, port):
    assert ask(port, {"model": MODEL, "input": "12345"}, PATH + "/input_tokens").json == {
        "object": "response.input_tokens",
        "input_tokens": 2,
    }
    assert sim.ledger("sim-zero")["requests"] == 0


def test_the_sdk_raises_on_errors(sim, client):
    sim.script("sim-zero", [read_fault('{"kind":"status","status":429}'), read_fault('{"kind":"error_event"}')])
    with pytest.raises(RateLimitError):
        client.responses.create(model=MODEL, input="x")
    with client.responses.create(model=MODEL, input="x", stream=True) as stream, pytest.raises(Exception, match="told to fail"):
        list(stream)


def test_structured_output_by_the_sdks_parser(client):
    wanted = TypeAdapter(dict[str, int])
    schema = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}, "additionalProperties": False}
    answer = client.responses.create(
        model=MODEL, input="x", text={"format": {"type": "json_schema", "name": "n", "schema": schema, "strict": True}}
    )
    assert wanted.validate_json(answer.output_text) == {"n": 1}
