"""What docs/routing.md says, through a running gateway in every client format: chains, the choice of a model, tags, wishes, what a failure costs.

What is permitted is compared with an oracle elsewhere (tests/policy, tests/hostile); here it is what a client sees.
"""

import itertools
import json
import time

import pytest
from tests.tools.gateway import simulated

from anyapi.simulator import FORMATS, ModelSpec, ProviderSpec, WireName, key_variable, read_fault
from anyapi.simulator.cast import ClaimedPolicy

WIRES = {str(wire): wire for wire in FORMATS}
FAULTS = {
    "empty": '{"kind": "empty"}',
    "error": '{"kind": "status", "status": 500}',
    "cut": '{"kind": "close", "at": 150}',
    "broken": '{"kind": "close", "at": 700}',
}
TRAINS = ClaimedPolicy("by_default", "indefinite", None, "no", "yes")
STRICT = ClaimedPolicy("never", "zero", 0, "default", "no")


def named(name, wire=WireName.OPENAI, dollars=1.0, policy=STRICT, fault=None, vision=True):
    """A provider that serves one model of its own name, which both prices are the same for."""
    models = (ModelSpec(f"acme/{name}", f"claude-sonnet-4-5-{name}", dollars, dollars, vision=vision),)
    faults = (read_fault(fault),) if fault else ()
    return ProviderSpec(f"sim-{name}", wire=wire, api_key=f"key-of-{name}", models=models, policy=policy, words=40, faults=faults)


SPECS = (
    *(named(name, wire, 5.0 + place) for place, (name, wire) in enumerate(WIRES.items())),
    *(named(f"{name}-{fault}", wire, 50.0, TRAINS, text) for name, wire in WIRES.items() for fault, text in FAULTS.items()),
    named("cheap", dollars=2.0, policy=TRAINS),
    named("blind", dollars=3.0, vision=False),
    named("strict", dollars=4.0),
    ProviderSpec("sim-vectors", models=(ModelSpec("acme/vectors", "vectors", 1.0, 0.0, dimensions=8),), policy=STRICT),
    ProviderSpec("sim-vectors-error", models=(ModelSpec("acme/vectors-error", "vectors", 1.0, 0.0, dimensions=8),), faults=(read_fault(FAULTS["error"]),)),
)  # fmt: skip
NO_TRAINING = {"data_policy": {"training_allowed": False}}
PROMPT = "What about my lamp?"
BODIES = {
    "chat/completions": {"messages": [{"role": "user", "content": PROMPT}]},
    "messages": {"messages": [{"role": "user", "content": PROMPT}], "max_tokens": 500},
    "responses": {"input": PROMPT},
}
URL = "https://example.com/lamp.png"
IMAGES = {
    "chat/completions": {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": URL}}]}]},
    "messages": {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": URL}}]}]},
    "responses": {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": URL}]}]},
}
FORMATS = list(itertools.product(BODIES, (False, True)))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    keys = {key_variable(spec.id): spec.api_key for spec in SPECS if spec.api_key}
    with simulated(tmp_path_factory.mktemp("routing") / "home", SPECS, environment=keys) as (gateway, simulation):
        yield gateway, simulation


def ask(place, path, headers=None, **fields):
    return place[0].request("POST", f"/v1/{path}", {**BODIES.get(path, {"input": PROMPT}), **fields}, headers)


def row_of(place, answer):
    """The usage row of an answer, once it is written."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        for row in reversed(place[0].usage()):
            if row.decision == answer.headers["x-anyapi-decision"]:
                return row
        time.sleep(0.02)
    raise AssertionError("no usage row was written")


def error_type(path, answer):
    error = answer.json()["error"]
    return error["details"]["error_code"] if path == "messages" else error["type"]


def told_model(answer, stream):
    """The model as the body names it."""
    if not stream:
        return answer.json()["model"]
    events = [json.loads(data) for data in answer.events() if data != "[DONE]"]
    return next(
        found["model"] for event in events for found in (event, event.get("message", {}), event.get("response", {})) if found.get("model")
    )


# --- anyapi/auto


@pytest.mark.parametrize(("path", "stream"), FORMATS)
def test_the_cheapest_that_is_permitted_answers_and_is_named(place, path, stream):
    answer = ask(place, path, model="anyapi/auto", stream=stream)
    assert (answer.status, answer.headers["x-anyapi-model"], answer.headers["x-anyapi-provider"]) == (200, "acme/cheap", "sim-cheap")
    assert told_model(answer, stream) == "claude-sonnet-4-5-cheap"
    answer = ask(place, path, model="anyapi/auto", stream=stream, **NO_TRAINING)
    assert (answer.status, answer.headers["x-anyapi-model"]) == (200, "acme/blind")


@pytest.mark.parametrize(("path", "stream"), FORMATS)
def test_what_the_request_uses_is_looked_at_in_its_own_format(place, path, stream):
    answer = ask(place, path, model="anyapi/auto", stream=stream, **NO_TRAINING, **IMAGES[path])
    assert (answer.status, answer.headers["x-anyapi-model"]) == (200, "acme/strict"), answer.body


@pytest.mark.parametrize("name", WIRES)
@pytest.mark.parametrize(("path", "stream"), FORMATS)
def test_the_model_that_answered_is_named_whatever_the_providers_format(place, path, stream, name):
    """Not the one that was asked for, which is none. Bedrock and Cohere do not name their model, so there it is the catalogue's id."""
    answer = ask(place, path, model="anyapi/auto", stream=stream, provider={"only": [f"sim-{name}"]})
    assert (answer.status, answer.headers["x-anyapi-model"]) == (200, f"acme/{name}"), answer.body
    assert told_model(answer, stream) in {f"acme/{name}", f"claude-sonnet-4-5-{name}"}


@pytest.mark.parametrize("path", BODIES)
def test_a_choice_that_policy_leaves_nothing_to_is_refused_in_short(place, path):
    answer = ask(place, path, model="anyapi/auto", data_policy={"certifications": ["hipaa-baa"]})
    assert (answer.status, error_type(path, answer)) == (403, "no_eligible_endpoint")
    error = answer.json()["error"]
    assert "certification_missing" in error["message"]
    metadata = error["metadata"]
    assert (len(metadata["endpoints"]), metadata["reasons"][0]["layers"]) == (10, ["request"])
    assert metadata["left_out"] + 10 == metadata["reasons"][0]["endpoints"]
    assert len(answer.body) < 8000


def test_the_choice_fails_over_to_the_next_model(place):
    gateway, simulation = place
    simulation.script("sim-blind", [[read_fault(FAULTS["error"])]])
    for path in BODIES:
        simulation.script("sim-blind", [[read_fault(FAULTS["error"])]])
        answer = ask(place, path, model="anyapi/auto", **NO_TRAINING, provider={"only": ["sim-blind", "sim-strict"], "sort": "price"})
        assert (answer.status, answer.headers["x-anyapi-model"]) == (200, "acme/strict")
    simulation.script("sim-blind", [])
    gateway.usage(1)


@pytest.mark.parametrize("body", [{"model": "anyapi/auto"}, {"model": "acme/vectors", "models": ["acme/vectors"]}, {"model": "acme/vectors", "tags": ["chat_completions:vision"]}])  # fmt: skip
def test_embeddings_name_one_model(place, body):
    answer = ask(place, "embeddings", **body)
    assert (answer.status, error_type("embeddings", answer)) == (400, "bad_request")


# --- chains, tags, wishes


@pytest.mark.parametrize(("path", "stream"), FORMATS)
def test_a_chain_goes_on_where_the_first_fails_is_unknown_or_is_not_permitted(place, path, stream):
    for first in ("acme/openai-error", "nobody/nothing", "acme/cheap"):
        answer = ask(place, path, model=first, models=["acme/strict"], stream=stream, **(NO_TRAINING if first == "acme/cheap" else {}))
        assert (answer.status, answer.headers["x-anyapi-model"]) == (200, "acme/strict"), first
    answer = ask(place, path, model="nobody/nothing", models=["nobody/else"], stream=stream)
    assert (answer.status, error_type(path, answer)) == (404, "model_not_found")


@pytest.mark.parametrize(("path", "stream"), FORMATS)
def test_tags(place, path, stream):
    answer = ask(place, path, model="acme/blind", models=["acme/strict"], tags=["chat_completions:vision"], stream=stream)
    assert (answer.status, answer.headers["x-anyapi-model"]) == (200, "acme/strict")
    for model in ("acme/strict", "anyapi/auto"):
        answer = ask(place, path, model=model, tags=["chat_completions:vision", "chat_completions:computer_use"], stream=stream)
        assert (answer.status, error_type(path, answer)) == (503, "no_endpoint_for_tags")
        assert answer.headers["x-should-retry"] == "false"
        answer = ask(place, path, model=model, tags=["chat_completions:sight"], stream=stream)
        assert (answer.status, error_type(path, answer)) == (400, "bad_request")
        assert "chat_completions:url_context" in answer.json()["error"]["message"]
        assert "sight" not in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    ("wish", "model"),
    [
        ({"order": ["sim-strict"]}, "acme/strict"),
        ({"only": ["sim-strict", "sim-openai"]}, "acme/strict"),
        ({"ignore": ["sim-blind", "sim-strict"]}, "acme/openai"),
        ({"max_price": {"prompt": 3}}, "acme/blind"),
        ({"order": ["sim-strict", "sim-cheap"], "allow_fallbacks": False}, "acme/strict"),
        ({"zdr": True, "sort": "price"}, "acme/blind"),
    ],
)
def test_wishes(place, path, wish, model):
    answer = ask(place, path, model="anyapi/auto", provider=wish, **NO_TRAINING)
    assert (answer.status, answer.headers["x-anyapi-model"]) == (200, model)


@pytest.mark.parametrize("path", BODIES)
def test_require_parameters_looks_at_what_the_format_uses(place, path):
    chain = {"model": "acme/blind", "models": ["acme/strict"], **IMAGES[path]}
    assert ask(place, path, **chain, provider={"require_parameters": True}).headers["x-anyapi-model"] == "acme/strict"


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("wish", [{"max_price": {"prompt": 1}}, {"only": []}, {"only": ["sim-vectors"]}])
def test_wishes_that_leave_nothing_are_no_bypass(place, path, wish):
    answer = ask(place, path, model="anyapi/auto", provider=wish)
    assert (answer.status, error_type(path, answer)) in {(404, "model_not_found"), (403, "no_eligible_endpoint")}


# --- what a failure costs, and whose request it was


@pytest.mark.parametrize("name", WIRES)
@pytest.mark.parametrize(("path", "stream"), FORMATS)
def test_an_answer_costs_what_it_says_and_an_empty_or_failed_one_nothing(place, path, stream, name):
    answer = ask(place, path, model=f"acme/{name}", stream=stream)
    row = row_of(place, answer)
    assert (answer.status, row.outcome, row.source.value) == (200, "success", "measured")
    assert row.cost == pytest.approx((row.tokens.prompt + row.tokens.completion) * (5.0 + list(WIRES).index(name)) / 1e6)
    assert row.cost > 0
    for fault in FAULTS:
        answer = ask(place, path, model=f"acme/{name}-{fault}", stream=stream)
        row = row_of(place, answer)
        if fault == "broken" and not stream:
            continue  # a whole answer is shorter
        assert row.cost == 0.0, (fault, row.outcome, row.tokens, answer.body)
        assert (row.outcome == "success") is (fault == "empty"), (fault, row.outcome)


def test_embeddings_cost_what_they_say_and_nothing_where_they_failed(place):
    for model, status in (("acme/vectors", 200), ("acme/vectors-error", 502)):
        answer = ask(place, "embeddings", model=model)
        assert (answer.status, row_of(place, answer).cost > 0) == (status, status == 200)


@pytest.mark.parametrize("path", [*BODIES, "embeddings"])
def test_the_app_is_written_down_in_every_format(place, path):
    model = "acme/vectors" if path == "embeddings" else "anyapi/auto"
    fields = {"app_id": "a1", "app_name": "n1", "app_version": "v1", "session_id": "s1"}
    headers = {f"X-AnyAPI-App-{name}": f"header-{name}" for name in ("ID", "Name", "Version", "User-ID", "Session-ID")}
    answer = ask(place, path, model=model, metadata=fields)
    assert answer.status == 200
    app = row_of(place, answer).app
    assert (app.id, app.name, app.version, app.session_id) == ("a1", "n1", "v1", "s1")
    answer = ask(place, path, headers, model=model, metadata=fields)
    assert answer.status == 200
    app = row_of(place, answer).app
    assert (app.id, app.name, app.user_id) == ("header-ID", "header-Name", "header-User-ID")
    assert ask(place, path, {"X-AnyAPI-App-ID": "two words"}, model=model).status == 400
