"""The official Node SDK, unmodified, in front of the gateway and straight at a provider: chat completions, responses, embeddings."""

import re

import pytest
from tests.clients.node_sdks import DENYING, FAILING, HERE, POLICY, Client, bodies, cast, comparable, disguised, left_at_once, same, tell
from tests.tools.gateway import received, simulated

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
    targets.append(CLIENT.through(gateway, "denied", policy=denied, forms=["chat plain", "chat stream", "responses plain", "embeddings plain"]))
    targets.append(CLIENT.through(gateway, "wrong key", key="anyapi_sk_wrong", forms=["chat plain"]))
    targets.append(CLIENT.through(gateway, "unknown model", model="acme/nothing", forms=["chat plain", "responses plain"]))
    for use in USES:
        kind, _, api = use.partition("-")
        targets += CLIENT.both(place, use, f"openai-{use}", forms=[f"{api} {'stream' if kind == 'cut' else 'plain'}"])
    return tell("openai", targets)


@pytest.mark.parametrize("form", FORMS)
def test_transcript_is_that_of_the_provider(told, form):
    same(told, CLIENT, form)
