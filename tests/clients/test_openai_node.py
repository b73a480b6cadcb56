"""The official Node SDK, unmodified, in front of the gateway and straight at a provider: chat completions, responses, embeddings."""

import re

import pytest
from tests.clients.node_sdks import (
    DENYING,
    FAILING,
    HERE,
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

CLIENT = Client(WireName.OPENAI, policy={"policy": POLICY})
CHAT = ["plain", "stream", "helper", "tools", "tools stream", "runner", "structured", "image", "reasoning"]
RESPONSES = ["plain", "stream", "tools", "tools stream", "structured", "image"]
EMBEDDINGS = ["plain", "float", "base64", "short"]
FORMS = [*(f"chat {name}" for name in CHAT), *(f"responses {name}" for name in RESPONSES), *(f"embeddings {name}" for name in EMBEDDINGS)]
USES = [f"{kind}-{api}" for kind in FAILING for api in ("chat", "responses")]
ERRORS = {
    "limited": ("RateLimitError", 429, "rate_limit"),
    "overloaded": ("InternalServerError", 503, "overloaded"),
    "broken": ("InternalServerError", 502, "upstream_error"),
    "picky": ("BadRequestError", 400, "bad_request"),
}
SPECS = cast([WireName.OPENAI], {WireName.OPENAI: USES}) + disguised([(WireName.OPENAI, WireName.ANTHROPIC)])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A gateway and simulated providers that keep what they receive."""
    with simulated(tmp_path_factory.mktemp("openai-node") / "home", SPECS, SimulationOptions(record_bodies=True)) as place:
        yield place


@pytest.fixture(scope="module")
def told(place):
    """The story at every target."""
    gateway, simulation = place
    targets = [CLIENT.through(gateway, forms=FORMS), CLIENT.straight(simulation, forms=FORMS), *CLIENT.slow(place)]
    targets.append(CLIENT.through(gateway, "translated", "anthropic-as", forms=[form for form in FORMS if "embeddings" not in form]))
    targets.append(CLIENT.through(gateway, "more", forms=["headers", "models"]))
    targets.append(CLIENT.through(gateway, "header alone", policy=None, headers=DENYING, forms=["chat plain", "chat stream"]))
    denied = {"data_policy": {"retention_days": 0}}
    targets.append(
        CLIENT.through(gateway, "denied", policy=denied, forms=["chat plain", "chat stream", "responses plain", "embeddings plain"])
    )
    targets.append(CLIENT.through(gateway, "wrong key", key="anyapi_sk_wrong", forms=["chat plain"]))
    targets.append(CLIENT.through(gateway, "unknown model", model="acme/nothing", forms=["chat plain", "responses plain"]))
    for use in USES:
        kind, _, api = use.partition("-")
        targets += CLIENT.both(place, use, f"openai-{use}", forms=[f"{api} {'stream' if kind == 'cut' else 'plain'}"])
    return tell("openai", targets)


@pytest.mark.parametrize("form", FORMS)
def test_transcript_is_that_of_the_provider(told, form):
    same(told, CLIENT, form)


def test_the_provider_receives_what_the_sdk_sends_it(place, told):
    """But for the usage that the gateway asks for in every stream; what was refused was not sent."""
    ours, direct = bodies(place[1], "sim-openai")
    assert len(ours) == len(direct) + 1, "one for the headers, and none for what was refused"
    for sent, expected in zip(ours, direct, strict=False):
        usage = {"stream_options": {"include_usage": True}} if sent.get("stream") and "messages" in sent else {}
        assert sent == {**expected, **usage}
    assert len(direct) > 20
    assert not place[1].ledger("sim-openai")["leaked"]


@pytest.mark.parametrize("form", ["chat cancel", "responses cancel"])
def test_a_stream_that_is_left_ends_at_the_provider_at_once(place, told, form):
    left_at_once(told, CLIENT, form)
    operation = "chat_completions" if form.startswith("chat") else "responses"
    rows = [row for row in place[0].usage() if row.model == "openai-slow/gpt-4o-mini" and row.operation == operation]
    assert [(row.outcome, row.status) for row in rows] == [("client_gone", 499)]


def test_tools_went_round(told):
    """The story did what it says, or the comparisons above would be of nothing."""
    story = {form: told["through"][form]["value"] for form in FORMS}
    assert [len(story[form]) for form in ("chat tools", "chat tools stream", "responses tools", "responses tools stream")] == [2, 2, 2, 2]
    assert story["chat tools"][1]["choices"][0]["message"]["content"].startswith("This is gpt-4o-mini.")
    assert [message["role"] for message in story["chat runner"][1]] == ["user", "assistant", "tool", "assistant"]
    assert story["chat structured"]["choices"][0]["message"]["parsed"] == {"city": "text", "degrees": 1, "windy": True}
    assert story["responses structured"]["output_parsed"] == {"city": "text", "degrees": 1, "windy": True}
    assert [item["type"] for item in story["responses tools"][0]["output"]] == ["reasoning", "function_call"]
    assert [len(story[f"embeddings {form}"]["data"][0]["embedding"]) for form in ("plain", "float", "short")] == [8, 8, 4]


def test_headers_say_who_saw_the_request(told):
    headers = told["through more"]["headers"]["value"]
    assert headers["x-anyapi-provider"] == "sim-openai"
    assert (headers["x-anyapi-training-allowed"], headers["x-anyapi-retention-days"]) == ("false", "30")
    assert headers["x-anyapi-decision"].startswith("dec_")
    assert "openai/gpt-4o-mini" in told["through more"]["models"]["value"]


LISTED = {
    r"usage\.prompt_tokens_details$": "of which `cached_tokens` and `cache_write_tokens`",
    r"usage\.completion_tokens_details$": "of which `reasoning_tokens`",
    r"message\.reasoning_details$": "`reasoning_details` with signature or sealed data",
    r"\.encrypted_content$": "A reasoning item's `encrypted_content` carries what the provider needs back",
    r"\.output\.\*\.status$": "`reasoning` items, first",
    r"\.(frequency_penalty|presence_penalty|prompt_cache_key|prompt_cache_retention|safety_identifier|user)$": "with its defaults for what was not asked",
    r"\.text\.verbosity$": "`text.verbosity` only where it was asked for",
}
"""Where a chat completion or a response that Anthropic gave differs from the one that OpenAI gives: path, and why in docs/translation.md."""


def test_a_translated_answer_is_that_of_the_format_itself(told):
    """The simulated Anthropic serves a model of the same name that says the same words."""
    documented(LISTED)
    seen = set()
    for form, outcome in told["through translated"].items():
        translated, straight = outcome["value"], told["straight"][form]["value"]
        if form == "chat stream":  # the role is in the first delta, so one chunk less; the next form compares what they add up to
            assert len(translated) == len(straight) - 1
            continue
        if form == "chat helper":
            translated, straight = translated[1], straight[1]
        found, met = unlisted(translated, straight, LISTED)
        assert not found, form
        seen |= met
    assert seen == set(LISTED), "a difference is listed that is none"


@pytest.mark.parametrize("use", USES)
def test_a_failing_provider_raises_the_class_that_the_sdk_knows(told, use):
    through, straight = (one["raised"] for way in ("through", "straight") for one in told[f"{way} {use}"].values())
    kind = use.partition("-")[0]
    assert "simulator" not in str(through), "the provider's own words came through"
    if kind == "cut":  # straight at the provider it is the connection that breaks: an error that no SDK gives a class
        assert (through["kind"], straight["kind"]) == ("APIError", "TypeError")
        assert through["type"] == "upstream_error"
        return
    assert (through["kind"], through["status"], through["type"]) == ERRORS[kind]
    assert through["kind"] == straight["kind"]


@pytest.mark.parametrize(("target", "kind", "status", "wire_type"), REFUSALS)
def test_refusals_have_the_class_that_the_sdk_knows(told, target, kind, status, wire_type):
    outcomes = told[f"through {target}"]
    assert outcomes
    for outcome in outcomes.values():
        raised = outcome["raised"]
        assert (raised["kind"], raised["status"], raised["type"]) == (kind, status, wire_type)


def test_a_refusal_lists_every_endpoint_with_its_rules(told):
    endpoints = told["through denied"]["chat plain"]["raised"]["body"]["metadata"]["endpoints"]
    assert "sim-openai/gpt-4o-mini" in {each["endpoint"] for each in endpoints}
    assert all(each["reasons"] for each in endpoints)


def test_the_lock_file_names_no_registry():
    """It works with any mirror, and says nothing of where it was made. `funding` is what packages say of themselves."""
    lock = (HERE / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert not re.findall(r"https?:", re.sub(r'"funding": (\{[^}]*\}|\[[^\]]*\])', "", lock))
    assert re.search(r"\"integrity\": \"sha512-", lock)
