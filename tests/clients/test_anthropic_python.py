"""Anthropic's official Python SDK, unmodified: the same transcript as at Anthropic's wire itself, and valid messages from other providers."""

import contextlib
import json
import time

import anthropic
import pydantic
import pytest
from anthropic import Anthropic
from tests.clients.transcripts import PICTURE, SEED_POLICY, last_body, transcript, without_ids
from tests.tools.gateway import received, simulated

from anyapi.simulator import FORMATS, ClaimedPolicy, ModelSpec, ProviderSpec, SimulationOptions, WireName, read_fault

NAMES = {
    WireName.ANTHROPIC: "claude-opus-4-5",
    WireName.OPENAI: "gpt-5.2",
    WireName.GEMINI: "gemini-3-pro",
    WireName.BEDROCK: "anthropic.claude-opus-4-5",
    WireName.COHERE: "command-a-plus-05-2026",
}
TRANSLATED = tuple(str(wire) for wire in FORMATS if wire is not WireName.ANTHROPIC)
BOTH = [WireName.ANTHROPIC, WireName.OPENAI]
"""One provider that is passed through to, one that is translated for."""
KEPT = ClaimedPolicy("never", "limited", 30)
FAILING = {
    "limited": ({"kind": "status", "status": 429, "retry_after": 7}, anthropic.RateLimitError, "rate_limit_error", "rate_limit"),
    "overloaded": ({"kind": "status", "status": 503}, anthropic.InternalServerError, "overloaded_error", "overloaded"),
    "broken": ({"kind": "status", "status": 500}, anthropic.InternalServerError, "api_error", "upstream_error"),
    "picky": ({"kind": "status", "status": 400}, anthropic.BadRequestError, "invalid_request_error", "bad_request"),
}


def failing(name: str, wire: WireName, fault: dict[str, object]) -> ProviderSpec:
    """A provider with a standing fault."""
    identity = f"{wire}-{name}"
    models = (ModelSpec(f"acme/{identity}", NAMES[wire], 1.0, 1.0),)
    return ProviderSpec(f"sim-{identity}", wire=wire, models=models, faults=(read_fault(json.dumps(fault)),))


SPECS = (
    *(
        ProviderSpec(f"sim-{wire}", wire=wire, models=(ModelSpec(f"acme/{wire}", name, 1.0, 1.0),), policy=KEPT)
        for wire, name in NAMES.items()
    ),
    *(
        ProviderSpec(f"sim-{wire}-slow", wire=wire, models=(ModelSpec(f"acme/{wire}-slow", NAMES[wire]),), chunk_delay=0.02, words=2000)
        for wire in BOTH
    ),
    *(
        failing(f"{name}-{way}", wire, row[0])
        for name, row in FAILING.items()
        for wire in BOTH
        for way in ("whole", "streamed")  # one of its own for each, because a provider that failed is left alone for a while
    ),
    *(failing("cut", wire, {"kind": "close", "at": 5, "of": "events"}) for wire in BOTH),
)
TOOLS = [
    {
        "name": "weather",
        "description": "Weather of a city",
        "input_schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
    {
        "name": "time",
        "input_schema": {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]},
        "cache_control": {"type": "ephemeral"},
    },
]


class Weather(pydantic.BaseModel):
    """A structured output."""

    model_config = pydantic.ConfigDict(extra="forbid")
    city: str
    degrees: float
    windy: bool


IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE.partition(",")[2]}}
LONG = "You are careful. " * 400
"""Long enough to be worth caching."""
CACHED = [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 4000}
FORMS = {
    "plain": {},
    "system": {"system": "Be brief."},
    "cut by length": {"max_tokens": 3},
    "stopped": {"stop_sequences": ["simulated"]},
    "tool": {"tools": TOOLS, "tool_choice": {"type": "any"}},
    "named tool": {"tools": TOOLS, "tool_choice": {"type": "tool", "name": "time"}},
    "two tools": {"tools": TOOLS, "messages": [{"role": "user", "content": "use the tools"}]},
    "structured output": {"output_config": {"format": {"type": "json_schema", "schema": Weather.model_json_schema()}}},
    "image": {"messages": [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, IMAGE]}]},
    "other scripts": {"messages": [{"role": "user", "content": '\u00e9\U0001f680\u2028 \\u0000 " \\ / <script>'}]},
    "thinking": THINKING,
    "cache": {"system": CACHED},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A gateway and simulated providers that keep what they receive."""
    options = SimulationOptions(record_bodies=True)
    with simulated(tmp_path_factory.mktemp("anthropic") / "home", SPECS, options) as (gateway, simulation):
        yield gateway, simulation


@contextlib.contextmanager
def sdk(base_url: str, key: str):
    """A client that never repeats a request and rejects an answer, or an event, whose shape is not the documented one."""
    with Anthropic(base_url=base_url, api_key=key, max_retries=0, _strict_response_validation=True) as client:
        yield client


@pytest.fixture
def client(place):
    """The SDK in front of the gateway."""
    gateway, _ = place
    with sdk(gateway.url, gateway.key) as client:
        yield client


@pytest.fixture
def direct(place):
    """The SDK straight at the provider that speaks Anthropic's format."""
    with sdk(place[1].base_urls["sim-anthropic"], "any-key") as client:
        yield client


def ask(client: Anthropic, model: str, **fields: object):
    """One request; fields go over the usual."""
    return client.messages.create(**{"model": model, "max_tokens": 500, "messages": [{"role": "user", "content": "Hello"}], **fields})


# --- passed through: the same transcript as at the provider


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("form", FORMS)
def test_transcript_is_that_of_the_provider(place, client, direct, form, stream):
    policy = {"extra_body": {"data_policy": SEED_POLICY}}
    through = transcript(ask, client, "acme/anthropic", {**FORMS[form], **policy}, stream=stream)
    sent = last_body(place[1], "sim-anthropic")
    straight = transcript(ask, direct, NAMES[WireName.ANTHROPIC], FORMS[form], stream=stream)
    assert through == straight
    assert sent == last_body(place[1], "sim-anthropic"), "the provider received something else than the SDK sends"
    assert not place[1].ledger("sim-anthropic")["leaked"]
    assert len(json.dumps(through)) > 200


def two_turns(client: Anthropic, model: str, *, stream: bool = False, **fields: object):
    """A tool is called, and its result handed back behind everything that the first answer held; both answers."""
    fields = {**THINKING, "system": CACHED, "tools": TOOLS, **fields}
    conversation = [{"role": "user", "content": [{"type": "text", "text": "use the tools", "cache_control": {"type": "ephemeral"}}]}]
    if stream:
        with client.messages.stream(model=model, messages=conversation, **fields) as events:
            first = events.get_final_message()
    else:
        first = ask(client, model, messages=conversation, **fields)
    conversation.append({"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in first.content]})
    calls = [block for block in first.content if block.type == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": "Sunny"} for call in calls]
    conversation.append({"role": "user", "content": [*results, {"type": "text", "text": "So?", "cache_control": {"type": "ephemeral"}}]})
    return first, ask(client, model, messages=conversation, **fields)


def test_two_turns_with_tools_thinking_and_cache_reach_the_provider_unchanged(place, client, direct):
    through = two_turns(client, "acme/anthropic")
    sent = last_body(place[1], "sim-anthropic")
    straight = two_turns(direct, NAMES[WireName.ANTHROPIC])
    assert [without_ids(answer.model_dump()) for answer in through] == [without_ids(answer.model_dump()) for answer in straight]
    assert without_ids(sent) == without_ids(last_body(place[1], "sim-anthropic"))
    assert [block["type"] for block in sent["messages"][1]["content"]] == ["thinking", "tool_use", "tool_use"]
    assert sent["system"] == CACHED
    assert json.dumps(sent).count('"cache_control"') == 4
    assert through[1].usage.cache_read_input_tokens > 0
    assert through[1].content[-1].text.startswith("This is claude-opus-4-5.")


def test_beta_headers_and_the_end_user(place, client):
    """The first go on; the second is not for the provider."""
    ask(client, "acme/anthropic", extra_headers={"anthropic-beta": "context-1m-2025-08-07"}, metadata={"user_id": "ada"})
    entry = place[1].call(place[1].simulation["sim-anthropic"].ledger.bodies_as_json)[-1]
    headers = {name.lower(): value for name, value in entry["headers"]}
    assert headers["anthropic-beta"] == "context-1m-2025-08-07"
    assert headers["anthropic-version"] == "2023-06-01"
    assert not [name for name in headers if name.startswith(("x-stainless", "x-anyapi"))]
    assert "metadata" not in last_body(place[1], "sim-anthropic")


@pytest.mark.parametrize("wire", BOTH)
def test_the_beta_methods_of_the_sdk_as_claude_code_uses_them(place, client, wire):
    """They add `?beta=true` to the path and a header."""
    asked = {"model": f"acme/{wire}", "max_tokens": 500, "messages": [{"role": "user", "content": "Hello"}]}
    answer = client.beta.messages.create(**asked, betas=["interleaved-thinking-2025-05-14"])
    assert answer.content[0].text.startswith(f"This is {NAMES[wire]}.")
    with client.beta.messages.stream(**asked, betas=["interleaved-thinking-2025-05-14"]) as events:
        assert events.get_final_message().content[0].text == answer.content[0].text
    assert client.beta.messages.count_tokens(model=asked["model"], messages=asked["messages"]).input_tokens > 0
    entry = place[1].call(place[1].simulation[f"sim-{wire}"].ledger.bodies_as_json)[-1]
    sent = {name.lower(): value for name, value in entry["headers"]}.get("anthropic-beta")
    assert sent == ("interleaved-thinking-2025-05-14" if wire == "anthropic" else None)


# --- translated: a valid message all the same


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("wire", TRANSLATED)
def test_a_translated_answer_is_a_valid_message(client, wire, form, stream):
    """Strict validation is on, and the SDK's own accumulator puts the events together."""
    if stream:
        fields = {"max_tokens": 500, "messages": [{"role": "user", "content": "Hello"}], **FORMS[form]}
        with client.messages.stream(model=f"acme/{wire}", **fields) as events:
            kinds = [event.type for event in events]
            answer = events.get_final_message()
        assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")
        assert kinds.count("content_block_start") == kinds.count("content_block_stop") == len(answer.content)
    else:
        answer = ask(client, f"acme/{wire}", **FORMS[form])
    assert (answer.type, answer.role) == ("message", "assistant")
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 0
    check(form, answer, wire)


def check(form: str, answer, wire: str) -> None:
    """What the form asks for is in the answer."""
    text = "".join(block.text for block in answer.content if block.type == "text")
    calls = [block for block in answer.content if block.type == "tool_use"]
    if form in {"tool", "named tool", "two tools"}:
        assert [call.name for call in calls] == {"tool": ["weather"], "named tool": ["time"], "two tools": ["weather", "time"]}[form]
        assert all(call.input for call in calls)
        assert len({call.id for call in calls}) == len(calls)
        assert answer.stop_reason == "tool_use"
    elif form == "structured output":
        Weather.model_validate_json(text)
    elif form == "cut by length":
        assert answer.stop_reason == "max_tokens"
    else:
        assert text.startswith(f"This is {NAMES[wire]}.")
        assert answer.stop_reason == "end_turn"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("wire", TRANSLATED)
def test_two_turns_with_tools_and_thinking_at_other_providers(client, wire, stream):
    """Providers that sign their reasoning check it: reasoning that came back changed would be a 400."""
    first, second = two_turns(client, f"acme/{wire}", stream=stream)
    assert [block.name for block in first.content if block.type == "tool_use"] == ["weather", "time"]
    assert "".join(block.text for block in second.content if block.type == "text").startswith(f"This is {NAMES[wire]}.")


@pytest.mark.parametrize("wire", NAMES)
def test_parse_gives_the_structured_output(client, wire):
    messages = [{"role": "user", "content": "Hello"}]
    answer = client.messages.parse(model=f"acme/{wire}", max_tokens=500, messages=messages, output_format=Weather)
    assert isinstance(answer.parsed_output, Weather)


# --- counting


@pytest.mark.parametrize("wire", NAMES)
def test_counting_tokens_asks_no_provider(place, client, wire):
    before = received(place[1])
    few = client.messages.count_tokens(model=f"acme/{wire}", messages=[{"role": "user", "content": "Hello"}])
    many = client.messages.count_tokens(model=f"acme/{wire}", messages=[{"role": "user", "content": "Hello"}], system=LONG, tools=TOOLS)
    assert 0 < few.input_tokens < 20
    assert 1000 < many.input_tokens < 4000
    assert received(place[1]) == before


# --- refusals, errors, cancelling


@pytest.mark.parametrize("wire", BOTH)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", FAILING)
def test_errors_have_the_class_that_the_sdk_knows(client, name, stream, wire):
    _, kind, wire_type, code = FAILING[name]
    with pytest.raises(kind) as caught:
        ask(client, f"acme/{wire}-{name}-{'streamed' if stream else 'whole'}", stream=stream)
    assert (caught.value.type, caught.value.error_code) == (wire_type, code)
    assert "simulator" not in json.dumps(caught.value.body), "the provider's own words came through"


@pytest.mark.parametrize("wire", BOTH)
def test_a_stream_that_breaks_off_raises(client, wire):
    """Never a short answer that looks whole."""
    with ask(client, f"acme/{wire}-cut", stream=True) as stream, pytest.raises(anthropic.APIError):
        list(stream)


@pytest.mark.parametrize("wire", BOTH)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_nothing_permitted_is_a_403(place, client, wire, stream):
    before = received(place[1])
    with pytest.raises(anthropic.PermissionDeniedError) as caught:
        ask(client, f"acme/{wire}", stream=stream, extra_body={"data_policy": {"retention_days": 0}})
    error = caught.value.body["error"]
    assert (error["type"], error["details"]["error_code"]) == ("permission_error", "no_eligible_endpoint")
    assert all(each["reasons"] for each in error["metadata"]["endpoints"])
    assert received(place[1]) == before


def test_a_header_is_enough(client):
    with pytest.raises(anthropic.PermissionDeniedError):
        ask(client, "acme/anthropic", extra_headers={"X-AnyAPI-Retention-Days": "0"})


def test_wrong_key(place):
    with sdk(place[0].url, "anyapi_sk_wrong") as client, pytest.raises(anthropic.AuthenticationError) as caught:
        ask(client, "acme/anthropic")
    assert caught.value.body["error"]["type"] == "authentication_error"


def test_the_request_id_is_the_decision(place, client):
    """On answers, errors and streams that break off: what a person can hand to the operator."""
    answer = client.messages.with_raw_response.create(
        model="acme/anthropic", max_tokens=50, messages=[{"role": "user", "content": "Hello"}]
    )
    assert answer.parse()._request_id == answer.headers["x-anyapi-decision"]
    with pytest.raises(anthropic.APIStatusError) as caught:
        ask(client, "acme/anthropic-overloaded-whole")
    assert caught.value.request_id == caught.value.body["request_id"] == caught.value.response.headers["x-anyapi-decision"]
    with ask(client, "acme/anthropic-cut", stream=True) as stream, pytest.raises(anthropic.APIError) as broken:
        list(stream)
    assert broken.value.body["request_id"] == stream.response.headers["request-id"] == stream.response.headers["x-anyapi-decision"]


def test_unknown_paths_below_messages_and_a_large_body_without_a_key(place, client):
    with pytest.raises(anthropic.NotFoundError) as caught:
        client.messages.batches.retrieve("msgbatch_1")
    assert caught.value.body["error"]["type"] == "not_found_error"
    with sdk(place[0].url, "anyapi_sk_wrong") as stranger, pytest.raises(anthropic.AuthenticationError) as refused:
        ask(stranger, "acme/anthropic", system="x" * 2_000_000)
    assert refused.value.body["error"]["type"] == "authentication_error"


def test_unknown_model(client):
    with pytest.raises(anthropic.NotFoundError) as caught:
        ask(client, "acme/nothing")
    assert caught.value.body["error"]["type"] == "not_found_error"


def test_the_key_from_the_environment_as_claude_code_sets_it(place, monkeypatch):
    """ANTHROPIC_BASE_URL and ANTHROPIC_AUTH_TOKEN, and nothing in the code."""
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", place[0].url)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", place[0].key)
    with Anthropic(max_retries=0, _strict_response_validation=True) as client:
        assert ask(client, "acme/anthropic").content[0].text.startswith("This is claude-opus-4-5.")


@pytest.mark.parametrize("wire", BOTH)
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
    assert [(row.operation, row.outcome, row.status) for row in rows] == [("messages", "client_gone", 499)]
