"""The official Python SDK, unmodified, in front of the gateway: the seed request in every form, and the same at the provider itself."""

import base64
import contextlib
import json
import subprocess
import sys
import time

import openai
import pydantic
import pytest
from openai import OpenAI
from tests.clients.transcripts import DENIED, MESSAGES, MODEL, PICTURE, SEED_POLICY, TOOLS, UPSTREAM_MODEL, without_ids
from tests.tools.gateway import received, simulated

from anyapi.simulator import DEFAULT_PROVIDERS, ModelSpec, ProviderSpec, SimulationOptions, read_fault

PERMITTED = {"sim-30d", "sim-zero"}
EVERY_ENDPOINT = {f"{provider.id}/{UPSTREAM_MODEL}" for provider in DEFAULT_PROVIDERS}
SLOW = ProviderSpec("sim-slow", models=(ModelSpec("acme/slow", "slow", 1.0, 1.0),), chunk_delay=0.02, words=2000)
FAILING = {
    "limited": ({"kind": "status", "status": 429, "retry_after": 7}, openai.RateLimitError, "rate_limit"),
    "overloaded": ({"kind": "status", "status": 503}, openai.InternalServerError, "overloaded"),
    "broken": ({"kind": "status", "status": 500}, openai.InternalServerError, "upstream_error"),
    "picky": ({"kind": "status", "status": 400}, openai.BadRequestError, "bad_request"),
}
SPECS = (
    *DEFAULT_PROVIDERS,
    SLOW,
    *(
        ProviderSpec(f"sim-{name}", models=(ModelSpec(f"acme/{name}", name, 1.0, 1.0),), faults=(read_fault(json.dumps(fault)),))
        for name, (fault, _, _) in FAILING.items()
    ),
)


class Weather(pydantic.BaseModel):
    """A structured output."""

    city: str
    degrees: float
    windy: bool


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A gateway and simulated providers."""
    with simulated(tmp_path_factory.mktemp("sdk") / "home", SPECS) as (gateway, simulation):
        yield gateway, simulation


@contextlib.contextmanager
def sdk(base_url: str, key: str, **more: object):
    """A client that never repeats a request and rejects an answer whose shape is not the documented one."""
    with OpenAI(base_url=base_url, api_key=key, max_retries=0, _strict_response_validation=True, **more) as client:
        yield client


@pytest.fixture
def client(place):
    """The SDK in front of the gateway."""
    gateway, _ = place
    with sdk(f"{gateway.url}/v1", gateway.key) as client:
        yield client


def ask(client: OpenAI, **more: object):
    """The seed request; fields go over its own."""
    fields = {"model": MODEL, "messages": MESSAGES, "extra_body": {"data_policy": SEED_POLICY}, **more}
    return client.chat.completions.create(**fields)


# --- the seed request


def test_seed_request_is_answered_by_a_permitted_endpoint(place, client):
    gateway, simulation = place
    before = received(simulation)
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=MESSAGES, extra_body={"data_policy": SEED_POLICY})
    answer = raw.parse()
    provider = raw.headers["x-anyapi-provider"]
    assert provider in PERMITTED
    assert raw.headers["x-anyapi-endpoint"] == f"{provider}/{UPSTREAM_MODEL}"
    assert raw.headers["x-anyapi-training-allowed"] == "false"
    assert raw.headers["x-anyapi-retention-days"] == "30"
    assert raw.headers["x-anyapi-decision"].startswith("dec_")
    assert raw.headers["x-anyapi-policy"]
    assert provider in answer.choices[0].message.content
    assert answer.usage.total_tokens > 0
    changed = {name for name, count in received(simulation).items() if count != before[name]}
    assert changed == {provider}
    assert not simulation.ledger(provider)["leaked"], "a policy field reached the provider"
    row = gateway.usage(1)[-1]
    assert (row.provider, row.status, row.outcome) == (provider, 200, "success")


def test_seed_request_streams(client):
    with ask(client, stream=True, stream_options={"include_usage": True}) as stream:
        assert stream.response.headers["x-anyapi-provider"] in PERMITTED
        chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "This is claude-3.5-sonnet" in text
    assert chunks[-1].usage.total_tokens > 0
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"


def test_usage_is_hidden_from_those_who_did_not_ask(client):
    with ask(client, stream=True) as stream:
        assert all(chunk.usage is None for chunk in stream)


def test_stream_helper_of_the_sdk(client):
    with client.chat.completions.stream(model=MODEL, messages=MESSAGES, extra_body={"data_policy": SEED_POLICY}) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert "content.delta" in kinds
    assert final.choices[0].message.content.startswith("This is claude-3.5-sonnet")


# --- refusals and errors


def test_nothing_permitted_is_a_403_that_names_every_endpoint_and_rule(place, client):
    gateway, simulation = place
    before = received(simulation)
    with pytest.raises(openai.PermissionDeniedError) as caught:
        ask(client, extra_body=DENIED)
    error = caught.value
    assert error.status_code == 403
    assert error.body["type"] == "no_eligible_endpoint"
    endpoints = error.body["metadata"]["endpoints"]
    assert {each["endpoint"] for each in endpoints} >= EVERY_ENDPOINT, "endpoints without a credential are listed besides these"
    for each in endpoints:
        assert each["reasons"], each
        for reason in each["reasons"]:
            assert reason["code"]
            assert reason["layers"] or reason["kind"] == "availability", reason
    by_name = {each["endpoint"]: {reason["code"] for reason in each["reasons"]} for each in endpoints}
    assert by_name[f"sim-30d/{UPSTREAM_MODEL}"] == {"retention_not_zero"}
    assert by_name[f"sim-zero/{UPSTREAM_MODEL}"] == {"provider_not_in_only"}
    assert by_name[f"sim-forever/{UPSTREAM_MODEL}"] == {"provider_not_in_only", "retention_not_zero"}
    relaxation = error.body["metadata"]["relaxation"]
    assert relaxation["endpoint"] in EVERY_ENDPOINT
    assert [change["layers"] for change in relaxation["changes"]] == [["request"]]
    assert received(simulation) == before, "something was sent although nothing was permitted"
    assert gateway.chat(**DENIED).status == 403


def test_streaming_does_not_change_a_refusal(place, client):
    _, simulation = place
    before = received(simulation)
    with pytest.raises(openai.PermissionDeniedError):
        ask(client, extra_body=DENIED, stream=True)
    assert received(simulation) == before


def test_wrong_key(place):
    gateway, _ = place
    with sdk(f"{gateway.url}/v1", "anyapi_sk_wrong") as client, pytest.raises(openai.AuthenticationError) as caught:
        ask(client)
    assert caught.value.body["type"] == "authentication_error"


def test_unknown_model_names_near_ones(client):
    with pytest.raises(openai.NotFoundError) as caught:
        ask(client, model="anthropic/claude-3.5-sonet")
    assert caught.value.body["type"] == "model_not_found"
    assert MODEL in json.dumps(caught.value.body)


def test_wrong_policy_names_the_field(client):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, extra_body={"data_policy": {"retention_days": "30"}})
    assert caught.value.param == "data_policy.retention_days"


@pytest.mark.parametrize("name", FAILING)
def test_errors_of_providers_have_the_class_that_the_sdk_knows(client, name):
    _, kind, wire_type = FAILING[name]
    with pytest.raises(kind) as caught:
        client.chat.completions.create(model=f"acme/{name}", messages=MESSAGES)
    assert caught.value.body["type"] == wire_type
    assert "simulator" not in json.dumps(caught.value.body), "the provider's own words came through"
    assert ("retry-after" in caught.value.response.headers) == (name == "limited")
    if name == "limited":
        assert 1 <= int(caught.value.response.headers["retry-after"]) <= 7


def test_no_endpoint_for_tags(client):
    with pytest.raises(openai.InternalServerError) as caught:
        ask(client, extra_body={"tags": ["chat_completions:computer_use"]})
    assert caught.value.status_code == 503
    assert caught.value.body["type"] == "no_endpoint_for_tags"
    assert caught.value.response.headers["x-should-retry"] == "false"


def test_cancelled_stream_ends_at_the_provider_too(place, client):
    gateway, simulation = place
    with client.chat.completions.create(model="acme/slow", messages=MESSAGES, stream=True) as stream:
        for number, _ in enumerate(stream):
            if number == 5:
                break
    simulation.idle()
    assert simulation.ledger("sim-slow")["outcomes"] == {"client_gone": 1}
    deadline = time.monotonic() + 5
    rows = []
    while time.monotonic() < deadline and not rows:
        rows = [row for row in gateway.usage() if row.model == "acme/slow"]
    assert [(row.outcome, row.status) for row in rows] == [("client_gone", 499)]


# --- policy without a word in the request


def test_a_header_is_enough(place, client):
    _, simulation = place
    with pytest.raises(openai.PermissionDeniedError):
        client.chat.completions.create(
            model=MODEL, messages=MESSAGES, extra_headers={"X-AnyAPI-Retention-Days": "0", "X-AnyAPI-Providers-Only": "sim-30d"}
        )
    raw = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=MESSAGES, extra_headers={"X-AnyAPI-Data-Class": "confidential"}
    )
    assert raw.headers["x-anyapi-provider"] == "sim-zero"


def test_a_key_is_enough(place, tmp_path):
    """A key made with a data class protects an application that knows nothing of policies; it is in force at once."""
    gateway, simulation = place
    arguments = [sys.executable, "-m", "anyapi", "keys", "create", "--data-class", "confidential", "--json", "--config"]
    made = subprocess.run([*arguments, str(gateway.home / "anyapi.toml")], capture_output=True, text=True, check=True)
    key = json.loads(made.stdout)["api_key"]
    with sdk(f"{gateway.url}/v1", key) as client:
        raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=MESSAGES)
        assert raw.headers["x-anyapi-provider"] == "sim-zero"
        assert raw.headers["x-anyapi-retention-days"] == "0"
        assert raw.headers["x-anyapi-training-allowed"] == "false"
        before = received(simulation)
        with pytest.raises(openai.PermissionDeniedError) as caught:
            client.chat.completions.create(model="acme/slow", messages=MESSAGES)
        # The request cannot loosen what the key asks for.
        with pytest.raises(openai.PermissionDeniedError):
            ask(client, extra_body={"data_policy": {"training_allowed": True, "retention_days": 365, "providers": {"only": ["sim-30d"]}}})
        assert received(simulation) == before
    layers = {layer for each in caught.value.body["metadata"]["endpoints"] for reason in each["reasons"] for layer in reason["layers"]}
    assert layers == {"key"}


# --- the same transcript as at the provider

MORE = [
    *MESSAGES,
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "time", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "12:00"},
]
IMAGE = [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": PICTURE}}]}]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "weather", "strict": True, "schema": Weather.model_json_schema()}}
FORMS = {
    "plain": {},
    "several choices": {"n": 3},
    "cut by length": {"max_tokens": 3},
    "stopped": {"stop": ["nothing"]},
    "logprobs": {"logprobs": True, "top_logprobs": 2},
    "tool": {"tools": TOOLS, "tool_choice": "required"},
    "named tool": {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "time"}}},
    "two tools": {"tools": TOOLS, "messages": [{"role": "user", "content": "use the tools"}]},
    "tool result": {"tools": TOOLS, "messages": MORE},
    "structured output": {"response_format": SCHEMA},
    "JSON": {"response_format": {"type": "json_object"}},
    "image": {"messages": IMAGE},
    "other scripts": {"messages": [{"role": "user", "content": '\u00e9\U0001f680\u2028 \\u0000 " \\ / <script>'}]},
    "reasoning": {"reasoning_effort": "low"},
    "seed and temperature": {"seed": 7, "temperature": 0.25, "top_p": 0.5, "user": "ada"},
}


def transcript(client: OpenAI, model: str, fields: dict[str, object], *, stream: bool, policy: dict[str, object]) -> object:
    """What the SDK gives, as JSON without ids."""
    fields = {"messages": MESSAGES, **fields, "model": model, "extra_body": policy}
    if stream:
        with client.chat.completions.create(**fields, stream=True, stream_options={"include_usage": True}) as events:
            return without_ids([event.model_dump() for event in events])
    return without_ids(client.chat.completions.create(**fields).model_dump())


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("form", FORMS)
def test_transcript_is_that_of_the_provider(place, client, form, stream):
    _, simulation = place
    policy = {"data_policy": {**SEED_POLICY, "providers": {"only": ["sim-30d"]}}}
    through = transcript(client, MODEL, FORMS[form], stream=stream, policy=policy)
    with sdk(simulation.base_urls["sim-30d"], "any-key") as direct:
        straight = transcript(direct, UPSTREAM_MODEL, FORMS[form], stream=stream, policy={})
    assert through == straight
    assert len(json.dumps(through)) > 200


def test_parse_gives_the_structured_output(client):
    answer = client.chat.completions.parse(model=MODEL, messages=MESSAGES, response_format=Weather, extra_body={"data_policy": SEED_POLICY})
    assert isinstance(answer.choices[0].message.parsed, Weather)


def test_image_reaches_the_provider_unchanged(tmp_path):
    """Messages pass byte for byte."""
    with simulated(tmp_path / "home", options=SimulationOptions(record_bodies=True)) as (gateway, simulation):
        with sdk(f"{gateway.url}/v1", gateway.key) as client:
            ask(client, messages=IMAGE)
        bodies = [body for name in PERMITTED for body in simulation.call(simulation.simulation[name].ledger.bodies_as_json)]
    assert len(bodies) == 1
    sent = json.loads(base64.b64decode(bodies[0]["body"]))
    assert sent["messages"] == IMAGE
    assert not {"data_policy", "provider", "tags", "models", "metadata"} & sent.keys()
    headers = {name.lower() for name, _ in bodies[0]["headers"]}
    assert not {name for name in headers if name.startswith(("x-anyapi", "x-stainless", "x-request-id"))}


def test_models_of_the_sdk(client):
    rows = client.models.list()
    seed = next(row for row in rows if row.id == MODEL)
    assert {each["provider"] for each in seed.endpoints} >= PERMITTED


def test_one_model_of_the_sdk(client):
    """The SDK writes the slash of an id as %2F."""
    assert client.models.retrieve(MODEL).id == MODEL
