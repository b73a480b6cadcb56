"""Measured speed, end to end: `sort` goes by what two providers really did, one that begins at once and is slow, one that begins late.

The numbers are those of explain, and agree with the usage rows.
"""

import json

import pytest
from tests.tools.gateway import simulated

from anyapi.simulator import ModelSpec, ProviderSpec, read_fault

SLOW, FAST = "sim-slow", "sim-fast"
PAUSE, LATE, HALFWAY = 0.02, 0.3, 0.6
"""Seconds: before every event of the slow one, before the fast one's head, in the midst of the slow one's whole answer."""
FAULTS = {
    True: {
        SLOW: [{"kind": "drip", "seconds": PAUSE}],
        FAST: [{"kind": "stall", "at": 0, "of": "response", "seconds": LATE}, {"kind": "drip", "seconds": PAUSE / 8}],
    },
    False: {
        SLOW: [{"kind": "stall", "at": "middle", "of": "body", "seconds": HALFWAY}],
        FAST: [{"kind": "stall", "at": 0, "of": "response", "seconds": LATE}],
    },
}
"""By whether a stream is asked for. Over the whole attempt too the fast one is faster."""
MODELS = {True: "acme/streamed", False: "acme/whole"}
PROMPT = [{"role": "user", "content": "Hello"}]
SPECS = tuple(
    ProviderSpec(name, words=60, models=tuple(ModelSpec(model, model.partition("/")[2], dollars, dollars) for model in MODELS.values()))
    for name, dollars in ((SLOW, 1.0), (FAST, 9.0))
)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with simulated(tmp_path_factory.mktemp("speed") / "home", SPECS) as (gateway, simulation):
        yield gateway, simulation


def asked(place, *, stream, **provider):
    """The provider that answered, and its usage row. Each is as slow as it was."""
    gateway, simulation = place
    for name, faults in FAULTS[stream].items():
        simulation.script(name, [[read_fault(json.dumps(fault)) for fault in faults]])
    before = len(gateway.usage())
    body = {"model": MODELS[stream], "messages": PROMPT, "stream": stream, "provider": provider}
    answer = gateway.request("POST", "/v1/chat/completions", body)
    assert answer.status == 200
    (row,) = gateway.usage(before + 1)[before:]
    assert (row.outcome, row.attempts) == ("success", 1)
    return answer.headers["x-anyapi-provider"], row


def explained(place, *, stream):
    """What explain says of each endpoint, by provider."""
    (model,) = place[0].request("POST", "/v1/explain", {"model": MODELS[stream]}).json()["models"]
    return {row["provider"]: row for row in model["permitted"]}


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_the_endpoint_that_writes_faster_comes_first_by_throughput(place, stream):
    assert {(row["latency"], row["throughput"]) for row in explained(place, stream=stream).values()} == {(None, None)}
    rows = {}
    for name in (SLOW, FAST):
        answered, rows[name] = asked(place, stream=stream, order=[name])
        assert answered == name
    said = explained(place, stream=stream)
    for name, row in rows.items():
        seconds = row.duration - row.first_token if stream else row.duration
        assert said[name]["throughput"] == pytest.approx(row.tokens.completion / seconds, rel=0.25)
        assert said[name]["latency"] == pytest.approx(row.first_token, rel=0.25)
    assert said[SLOW]["throughput"] * 1.5 < said[FAST]["throughput"]
    assert asked(place, stream=stream, sort="throughput")[0] == FAST
    assert asked(place, stream=stream, sort="price")[0] == SLOW
    assert asked(place, stream=stream, sort="latency")[0] == (SLOW if stream else FAST)
