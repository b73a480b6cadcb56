"""The official Python SDK, unmodified, with OpenAI's Responses API: passed through, and translated for providers that do not serve it."""

import contextlib
import json
import re
import time

import openai
import pydantic
import pytest
from openai import OpenAI
from openai._models import validate_type
from openai.types.responses import ResponseStreamEvent
from tests.clients.transcripts import PICTURE, SEED_POLICY, last_body, transcript, without_ids
from tests.tools.gateway import received, simulated

from anyapi.simulator import FORMATS, ClaimedPolicy, ModelSpec, ProviderSpec, SimulationOptions, WireName, read_fault

NAMES = {
    WireName.OPENAI: "gpt-5.2",
    WireName.ANTHROPIC: "claude-sonnet-4-5",
    WireName.GEMINI: "gemini-3-pro",
    WireName.BEDROCK: "anthropic.claude-sonnet-4-5",
    WireName.COHERE: "command-a-plus-05-2026",
}
TRANSLATED = tuple(str(wire) for wire in FORMATS if wire is not WireName.OPENAI)
KEPT = ClaimedPolicy("never", "limited", 30)
FAILING = {
    "limited": ({"kind": "status", "status": 429, "retry_after": 7}, openai.RateLimitError, "rate_limit"),
    "overloaded": ({"kind": "status", "status": 503}, openai.InternalServerError, "overloaded"),
    "broken": ({"kind": "status", "status": 500}, openai.InternalServerError, "upstream_error"),
    "picky": ({"kind": "status", "status": 400}, openai.BadRequestError, "bad_request"),
}


def failing(name: str, wire: WireName, fault: dict[str, object]) -> ProviderSpec:
    """A provider with a standing fault."""
    identity = f"{wire}-{name}"
    return ProviderSpec(
        f"sim-{identity}",
        wire=wire,
        models=(ModelSpec(f"acme/{identity}", NAMES[wire], 1.0, 1.0),),
        faults=(read_fault(json.dumps(fault)),),
    )


SPECS = (
    *(
        ProviderSpec(f"sim-{wire}", wire=wire, models=(ModelSpec(f"acme/{wire}", name, 1.0, 1.0),), policy=KEPT)
        for wire, name in NAMES.items()
    ),
    *(
        ProviderSpec(
            f"sim-{wire}-slow", wire=wire, models=(ModelSpec(f"acme/{wire}-slow", NAMES[wire], 1.0, 1.0),), chunk_delay=0.02, words=2000
        )
        for wire in (WireName.OPENAI, WireName.ANTHROPIC)
    ),
    *(
        failing(f"{name}-{way}", wire, row[0])
        for name, row in FAILING.items()
        for wire in (WireName.OPENAI, WireName.ANTHROPIC)
        for way in ("whole", "streamed")  # one of its own for each, because a provider that failed is left alone for a while
    ),
    *(failing("cut", wire, {"kind": "close", "at": 6, "of": "events"}) for wire in (WireName.OPENAI, WireName.ANTHROPIC)),
)
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
TOOLS = [
    {"type": "function", "name": "weather", "description": "Weather of a city", "parameters": PARAMETERS, "strict": True},
    {
        "type": "function",
        "name": "time",
        "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]},
        "strict": False,
    },
]


class Weather(pydantic.BaseModel):
    """A structured output."""

    model_config = pydantic.ConfigDict(extra="forbid")
    city: str
    degrees: float
    windy: bool


SCHEMA = {"format": {"type": "json_schema", "name": "weather", "strict": True, "schema": Weather.model_json_schema()}}
QUESTION = {"role": "user", "content": "Hello"}
IMAGE = [
    {
        "role": "user",
        "content": [{"type": "input_text", "text": "What is this?"}, {"type": "input_image", "image_url": PICTURE, "detail": "auto"}],
    }
]
FORMS = {
    "plain": {},
    "items": {"input": [QUESTION], "instructions": "Be brief."},
    "cut by length": {"max_output_tokens": 3},
    "tool": {"tools": TOOLS, "tool_choice": "required"},
    "named tool": {"tools": TOOLS, "tool_choice": {"type": "function", "name": "time"}},
    "two tools": {"tools": TOOLS, "input": "use the tools"},
    "structured output": {"text": SCHEMA},
    "image": {"input": IMAGE},
    "other scripts": {"input": '\u00e9\U0001f680\u2028 \\u0000 " \\ / <script>'},
    "reasoning": {"reasoning": {"effort": "low", "summary": "auto"}},
    "sealed reasoning": {"reasoning": {"effort": "low"}, "include": ["reasoning.encrypted_content"]},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A gateway and simulated providers that keep what they receive."""
    options = SimulationOptions(record_bodies=True)
    with simulated(tmp_path_factory.mktemp("responses") / "home", SPECS, options) as (gateway, simulation):
        yield gateway, simulation


@contextlib.contextmanager
def sdk(base_url: str, key: str):
    """A client that never repeats a request and rejects an answer, or an event, whose shape is not the documented one."""
    with OpenAI(base_url=base_url, api_key=key, max_retries=0, _strict_response_validation=True) as client:
        yield client


@pytest.fixture
def client(place):
    """The SDK in front of the gateway."""
    gateway, _ = place
    with sdk(f"{gateway.url}/v1", gateway.key) as client:
        yield client


@pytest.fixture
def direct(place):
    """The SDK straight at the provider that serves responses itself."""
    with sdk(place[1].base_urls["sim-openai"], "any-key") as client:
        yield client


def ask(client: OpenAI, model: str, **fields: object):
    """One request; nothing is stored, with and without the gateway."""
    return client.responses.create(**{"model": model, "input": "Hello", "store": False, **fields})


# --- passed through: the same transcript as at the provider


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("form", FORMS)
def test_transcript_is_that_of_the_provider(place, client, direct, form, stream):
    policy = {"extra_body": {"data_policy": SEED_POLICY}}
    through = transcript(ask, client, "acme/openai", {**FORMS[form], **policy}, stream=stream)
    sent = last_body(place[1], "sim-openai")
    straight = transcript(ask, direct, NAMES[WireName.OPENAI], FORMS[form], stream=stream)
    assert through == straight
    assert sent == last_body(place[1], "sim-openai"), "the provider received something else than the SDK sends"
    assert not place[1].ledger("sim-openai")["leaked"]
    assert len(json.dumps(through)) > 200


def two_turns(client: OpenAI, model: str, *, stream: bool = False, **fields: object):
    """A tool is called, and its result handed back with everything that the first answer held; both answers."""
    conversation = [{"role": "user", "content": "use the tool"}]  # not by tool_choice: a model that must call one does not think
    fields = {**fields, "tools": TOOLS}
    if stream:
        with ask(client, model, input=conversation, stream=True, **fields) as events:
            first = list(events)[-1].response
    else:
        first = ask(client, model, input=conversation, **fields)
    conversation += [item.model_dump(exclude_none=True) for item in first.output]
    calls = [item for item in first.output if item.type == "function_call"]
    conversation += [{"type": "function_call_output", "call_id": call.call_id, "output": "Sunny"} for call in calls]
    second = ask(client, model, input=conversation, **fields)
    return first, second


def test_two_turns_with_a_tool_and_sealed_reasoning_reach_the_provider_unchanged(place, client, direct):
    fields = {"reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}
    through = two_turns(client, "acme/openai", **fields)
    sent = last_body(place[1], "sim-openai")
    straight = two_turns(direct, NAMES[WireName.OPENAI], **fields)
    assert [without_ids(answer.model_dump()) for answer in through] == [without_ids(answer.model_dump()) for answer in straight]
    assert without_ids(sent) == without_ids(last_body(place[1], "sim-openai"))
    kinds = [item.get("type", "message") for item in sent["input"]]
    assert kinds == ["message", "reasoning", "function_call", "function_call_output"]
    assert through[1].output_text.startswith("This is gpt-5.2.")


# --- translated: a valid response all the same


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("wire", TRANSLATED)
def test_a_translated_answer_is_a_valid_response(client, wire, form, stream):
    """Strict validation is on: the SDK itself judges every field of answers and events."""
    if stream:
        with ask(client, f"acme/{wire}", **FORMS[form], stream=True) as events:
            seen = list(events)
        assert [event.sequence_number for event in seen] == list(range(len(seen)))
        assert (seen[0].type, seen[-1].type) == (
            "response.created",
            "response.incomplete" if form == "cut by length" else "response.completed",
        )
        answer = seen[-1].response
        deltas = "".join(event.delta for event in seen if event.type == "response.output_text.delta")
        assert deltas == answer.output_text
        done = {event.output_index: event.item for event in seen if event.type == "response.output_item.done"}
        assert [done[index] for index in range(len(done))] == answer.output
    else:
        answer = ask(client, f"acme/{wire}", **FORMS[form])
    assert answer.usage.input_tokens > 0
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert answer.store is False
    check(form, answer, wire)


def check(form: str, answer, wire: str) -> None:
    """What the form asks for is in the answer."""
    calls = [item for item in answer.output if item.type == "function_call"]
    kinds = [item.type for item in answer.output]
    if form in {"tool", "named tool", "two tools"}:
        assert [call.name for call in calls] == {"tool": ["weather"], "named tool": ["time"], "two tools": ["weather", "time"]}[form]
        assert all(json.loads(call.arguments) for call in calls)
        assert len({call.call_id for call in calls}) == len(calls)
    elif form == "structured output":
        Weather.model_validate_json(answer.output_text)
    elif form == "cut by length":
        assert (answer.status, answer.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    else:
        assert answer.output_text.startswith(f"This is {NAMES[wire]}.")
    if form == "reasoning":
        assert "message" in kinds
        assert any(part.text for item in answer.output if item.type == "reasoning" for part in item.summary)
    if form == "sealed reasoning":
        assert any(item.encrypted_content for item in answer.output if item.type == "reasoning")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("wire", TRANSLATED)
def test_two_turns_with_a_tool_at_a_provider_that_wants_its_reasoning_back(place, client, wire, stream):
    """The simulated provider checks the signatures: reasoning that came back changed would be a 400. Cohere signs nothing."""
    asked = {"reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}
    first, second = two_turns(client, f"acme/{wire}", stream=stream, **asked)
    back = r'"type": "thinking"' if wire == "cohere" else r'"(signature|thoughtSignature|thought_signature)"'
    assert re.search(back, json.dumps(last_body(place[1], f"sim-{wire}")))
    assert [item.name for item in first.output if item.type == "function_call"] == ["weather"]
    assert second.output_text.startswith(f"This is {NAMES[wire]}.")


@pytest.mark.parametrize("wire", NAMES)
def test_parse_gives_the_structured_output(client, wire):
    answer = client.responses.parse(model=f"acme/{wire}", input="Hello", text_format=Weather, store=False)
    assert isinstance(answer.output_parsed, Weather)


@pytest.mark.parametrize("wire", NAMES)
def test_stream_helper_of_the_sdk(client, wire):
    with client.responses.stream(model=f"acme/{wire}", input="Hello", store=False) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_response()
    assert "response.output_text.delta" in kinds
    assert final.output_text.startswith(f"This is {NAMES[wire]}.")


# --- refusals, errors, cancelling


@pytest.mark.parametrize("wire", [WireName.OPENAI, WireName.ANTHROPIC])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", FAILING)
def test_errors_have_the_class_that_the_sdk_knows(client, name, stream, wire):
    _, kind, wire_type = FAILING[name]
    with pytest.raises(kind) as caught:
        ask(client, f"acme/{wire}-{name}-{'streamed' if stream else 'whole'}", stream=stream)
    assert caught.value.body["type"] == wire_type
    assert "simulator" not in json.dumps(caught.value.body), "the provider's own words came through"


@pytest.mark.parametrize("wire", [WireName.OPENAI, WireName.ANTHROPIC])
def test_a_stream_that_breaks_off_raises(client, wire):
    """Never a short answer that looks whole."""
    with ask(client, f"acme/{wire}-cut", stream=True) as stream, pytest.raises(openai.APIError) as caught:
        list(stream)
    assert caught.value.body["type"] == "upstream_error"


@pytest.mark.parametrize("wire", [WireName.OPENAI, WireName.ANTHROPIC])
def test_a_stream_that_breaks_off_ends_as_a_failed_response(place, wire):
    """Read event by event, as clients do that wait for the format's own ending; the SDK's types must take it."""
    answer = place[0].request("POST", "/v1/responses", {"model": f"acme/{wire}-cut", "input": "Hello", "stream": True})
    events = [validate_type(type_=ResponseStreamEvent, value=json.loads(data)) for data in answer.events()]
    assert [event.type for event in events[-2:]] == ["error", "response.failed"]
    assert "response.completed" not in [event.type for event in events]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert (events[-1].response.id, events[-1].response.status) == (events[0].response.id, "failed")
    assert events[-1].response.error.code == "server_error"


def test_nothing_permitted_is_a_403(place, client):
    before = received(place[1])
    with pytest.raises(openai.PermissionDeniedError) as caught:
        ask(client, "acme/openai", extra_body={"data_policy": {"retention_days": 0}})
    assert caught.value.body["type"] == "no_eligible_endpoint"
    with pytest.raises(openai.PermissionDeniedError):
        ask(client, "acme/anthropic", stream=True, extra_body={"data_policy": {"retention_days": 0}})
    assert received(place[1]) == before


def test_wrong_key(place):
    with sdk(f"{place[0].url}/v1", "anyapi_sk_wrong") as client, pytest.raises(openai.AuthenticationError):
        ask(client, "acme/openai")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"background": True}, "background"),
        ({"conversation": "c"}, "conversation"),
    ],
)
def test_what_needs_a_store_is_refused_by_name(client, fields, param):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, "acme/openai", **fields)
    assert caught.value.param == param


def test_web_search_alone_is_refused_where_the_route_is_translated(client):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, "acme/anthropic", tools=[{"type": "web_search"}])
    assert "web_search" in caught.value.body["message"]


def test_web_search_beside_other_tools_is_left_out_and_named_where_the_route_is_translated(client):
    """Codex offers it unless told otherwise."""
    raw = client.responses.with_raw_response.create(model="acme/anthropic", input="use the tool", tools=[{"type": "web_search"}, *TOOLS])
    assert "tools.web_search" in raw.headers["x-anyapi-adjusted"].split(", ")
    assert [tool.name for tool in raw.parse().tools] == ["weather", "time"]
    passed = client.responses.with_raw_response.create(model="acme/openai", input="use the tool", tools=[{"type": "web_search"}, *TOOLS])
    assert "x-anyapi-adjusted" not in passed.headers


@pytest.mark.parametrize("wire", [WireName.OPENAI, WireName.ANTHROPIC])
def test_cancelled_stream_ends_at_the_provider_too(place, client, wire):
    gateway, simulation = place
    with ask(client, f"acme/{wire}-slow", stream=True) as stream:
        for number, _ in enumerate(stream):
            if number == 8:
                break
    simulation.idle()
    assert simulation.ledger(f"sim-{wire}-slow")["outcomes"] == {"client_gone": 1}
    deadline = time.monotonic() + 5
    rows = []
    while time.monotonic() < deadline and not rows:
        rows = [row for row in gateway.usage() if row.model == f"acme/{wire}-slow"]
    assert [(row.operation, row.outcome, row.status) for row in rows] == [("responses", "client_gone", 499)]
