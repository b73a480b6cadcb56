"""Anthropic's official TypeScript SDK, unmodified: the same transcript as at Anthropic's wire itself, and what differs by way of chat."""

import pytest
from tests.clients.node_sdks import (
    DENYING,
    FAILING,
    NAMES,
    POLICY,
    REFUSALS,
    Client,
    bodies,
    cast,
    disguised,
    documented,
    left_at_once,
    same,
    tell,
    unlisted,
)
from tests.tools.gateway import simulated

from anyapi.simulator import SimulationOptions, WireName

pytestmark = pytest.mark.timeout(180)

CLIENT = Client(WireName.ANTHROPIC, suffix="", policy={"policy": POLICY})
FORMS = ["plain", "stream", "helper", "tools", "tools stream", "runner", "structured", "image", "thinking", "beta"]
USES = [f"{kind}-{form}" for kind in FAILING for form in (("stream",) if kind == "cut" else ("plain", "stream"))]
ERRORS = {
    "limited": ("RateLimitError", 429, "rate_limit_error", "rate_limit"),
    "overloaded": ("ServiceUnavailableError", 503, "overloaded_error", "overloaded"),
    "broken": ("InternalServerError", 502, "api_error", "upstream_error"),
    "picky": ("BadRequestError", 400, "invalid_request_error", "bad_request"),
}
SPECS = cast([WireName.ANTHROPIC], {WireName.ANTHROPIC: USES}) + disguised([(WireName.ANTHROPIC, WireName.OPENAI)])
WORDS = f"This is {NAMES[WireName.ANTHROPIC]}."


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A gateway and simulated providers that keep what they receive."""
    with simulated(tmp_path_factory.mktemp("anthropic-typescript") / "home", SPECS, SimulationOptions(record_bodies=True)) as place:
        yield place


@pytest.fixture(scope="module")
def told(place):
    """The story at every target."""
    gateway, simulation = place
    targets = [CLIENT.through(gateway, forms=FORMS), CLIENT.straight(simulation, forms=FORMS, threadless=True), *CLIENT.slow(place)]
    targets.append(CLIENT.through(gateway, "translated", "openai-as", forms=FORMS))
    targets.append(CLIENT.through(gateway, "more", forms=["count", "headers"]))
    targets.append(CLIENT.through(gateway, "header alone", policy=None, headers=DENYING, forms=["plain", "stream", "beta"]))
    targets.append(CLIENT.through(gateway, "denied", policy={"data_policy": {"retention_days": 0}}, forms=["plain", "stream"]))
    targets.append(CLIENT.through(gateway, "wrong key", key="anyapi_sk_wrong", forms=["plain"]))
    targets.append(CLIENT.through(gateway, "unknown model", model="acme/nothing", forms=["plain"]))
    for use in USES:
        targets += CLIENT.both(place, use, f"anthropic-{use}", forms=[use.partition("-")[2]])
    return tell("anthropic", targets)


@pytest.mark.parametrize("form", FORMS)
def test_transcript_is_that_of_the_provider(told, form):
    """The tool runner begins a thread, which the gateway refuses as Anthropic does, and goes on with whole conversations."""
    same(told, CLIENT, form)


def test_the_provider_receives_what_the_sdk_sends_it(place, told):
    """What was refused was not sent."""
    ours, direct = bodies(place[1], "sim-anthropic")
    assert ours[: len(direct)] == direct
    assert len(ours) == len(direct) + 1, "one for the headers, none for counting, and none for what was refused"
    assert len(direct) > 10
    assert not place[1].ledger("sim-anthropic")["leaked"]


def test_a_stream_that_is_left_ends_at_the_provider_at_once(place, told):
    left_at_once(told, CLIENT, "cancel")
    rows = [row for row in place[0].usage() if row.model.startswith("anthropic-slow/")]
    assert [(row.operation, row.outcome, row.status) for row in rows] == [("messages", "client_gone", 499)]


def test_tools_went_round(told):
    """The story did what it says, or the comparisons above would be of nothing."""
    story = {form: told["through"][form]["value"] for form in FORMS}
    for form in ("tools", "tools stream"):
        first, second = story[form]
        assert [block["type"] for block in first["content"]] == ["thinking", "tool_use"]
        assert second["content"][-1]["text"].startswith(WORDS)
        assert second["usage"]["cache_read_input_tokens"] > 1000
    assert [message["stop_reason"] for message in story["runner"]] == ["tool_use", "end_turn"]
    assert story["structured"]["parsed_output"] == {"city": "text", "degrees": 1, "windy": True}
    assert story["stream"][-1]["type"] == "message_stop"


def test_headers_say_who_saw_the_request_and_counting_asks_nobody(told):
    headers = told["through more"]["headers"]["value"]
    assert headers["x-anyapi-provider"] == "sim-anthropic"
    assert (headers["x-anyapi-training-allowed"], headers["x-anyapi-retention-days"]) == ("false", "30")
    assert 0 < told["through more"]["count"]["value"]["input_tokens"] < 20


LISTED = {
    r"\.model$": "`model`, as the client named it",
    r"\.message\.usage\.(input|output)_tokens$": "`message_start` states zero usage",
    r"\.signature$": "Thinking that nobody signed carries the mark alone",
    r"\.usage\.(cache_creation|cache_creation_input_tokens|cache_read_input_tokens|input_tokens)$": "less what the cache gave and took",
}
"""Where a message that an OpenAI-format provider gave differs from Anthropic's: path, and why in docs/translation.md."""


def test_a_translated_answer_is_that_of_the_format_itself(told):
    """The simulated provider of OpenAI's format serves a model of the same name that says the same words."""
    documented(LISTED)
    seen = set()
    for form, outcome in told["through translated"].items():
        found, met = unlisted(outcome["value"], told["straight"][form]["value"], LISTED)
        assert not found, form
        seen |= met
    assert seen == set(LISTED), "a difference is listed that is none"


@pytest.mark.parametrize("use", USES)
def test_a_failing_provider_raises_the_class_that_the_sdk_knows(told, use):
    through, straight = (one["raised"] for way in ("through", "straight") for one in told[f"{way} {use}"].values())
    kind = use.partition("-")[0]
    assert "simulator" not in str(through), "the provider's own words came through"
    if kind == "cut":
        assert (through["kind"], through["type"]) == ("APIError", "api_error")
        assert straight["kind"] == "TypeError", "straight at the provider it is the connection that breaks, which no SDK gives a class"
        return
    error = through["body"]["error"]
    assert (through["kind"], through["status"], error["type"], error["details"]["error_code"]) == ERRORS[kind]
    assert through["kind"] == straight["kind"]


@pytest.mark.parametrize(("target", "kind", "status", "code"), REFUSALS)
def test_refusals_have_the_class_that_the_sdk_knows(told, target, kind, status, code):
    outcomes = told[f"through {target}"]
    assert outcomes
    for outcome in outcomes.values():
        raised = outcome["raised"]
        assert (raised["kind"], raised["status"], raised["body"]["error"]["details"]["error_code"]) == (kind, status, code)
