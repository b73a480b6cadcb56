"""Keys, leaks and the ledger's view of single requests."""

import pytest
from tests.unit.simulator.raw_client import ask, chat, get, stream

from anyapi.simulator import DEFAULT_PROVIDERS, ProviderSpec, SimulationThread, WireName, read_fault

ANSWER_KEY = "sk-simulated-key"


@pytest.mark.parametrize(("value", "shown"), [(True, True), (False, False), (None, None), ("x", "other"), ({"a": 1}, "other")])
def test_store_is_noted(sim, port, value, shown):
    ask(port, chat(store=value))
    ask(port, chat())
    assert [entry["store"] for entry in sim.ledger("sim-zero")["entries"]] == [shown, "absent"]


def test_leaks_are_named(sim, port):
    fields = {"data_policy": {}, "provider": 1, "providerOptions": None, "models": [], "tags": "x"}
    ask(port, chat(**fields), headers=("X-AnyAPI-Data-Class: internal", "X-Sim-Tag: t-1"))
    ledger = sim.ledger("sim-zero")
    assert ledger["entries"][0]["leaked"] == ("data_policy", "provider", "providerOptions", "models", "tags", "x-anyapi-data-class")
    assert ledger["entries"][0]["tag"] == "t-1"
    assert ledger["leaked"]["tags"] == 1
    ask(port, chat())
    assert sim.ledger("sim-zero")["entries"][1]["leaked"] == ()


def test_totals_are_sums(sim, port):
    whole = ask(port, chat("x" * 40)).json["usage"]
    streamed = ask(port, stream("y" * 41, stream_options={"include_usage": True})).events[-2]["usage"]
    ledger = sim.ledger("sim-zero")
    for name in ("prompt_tokens", "completion_tokens"):
        assert ledger[name] == ledger[f"reported_{name}"] == whole[name] + streamed[name]
    assert ledger["models"] == {"claude-3.5-sonnet": 2}
    assert ledger["entries"][1]["chunks_sent"] == len(ask(port, stream(stream_options={"include_usage": True})).events)


def test_no_content_in_the_ledger(sim, port):
    ask(port, chat("secretword", user="secretuser"), headers=("authorization: Bearer secretkey",))
    assert "secret" not in repr(sim.ledger("sim-zero"))


def test_unknown_models(sim, port):
    answer = ask(port, chat(model="anthropic/claude-3.5-sonnet"))
    assert answer.status == 404
    assert answer.json["error"]["code"] == "model_not_found"
    assert sim.ledger("sim-zero")["entries"][0]["model"] == "anthropic/claude-3.5-sonnet"


def test_faults_by_model_name(sim, port):
    answer = ask(port, chat(model="claude-3.5-sonnet@@status/status:418"))
    assert answer.status == 418
    entry = sim.ledger("sim-zero")["entries"][0]
    assert (entry["model"], entry["faults"], entry["status"]) == ("claude-3.5-sonnet", ("status",), 418)
    assert ask(port, chat(model="claude-3.5-sonnet@@nonsense")).status == 400


def test_a_script_goes_before_the_model_and_then_it_is_over(sim, port):
    sim.script("sim-zero", [read_fault('{"kind":"status","status":503}'), None])
    model = "claude-3.5-sonnet@@status/status:418"
    assert [ask(port, chat(model=model)).status for _ in range(3)] == [503, 200, 418]


@pytest.mark.parametrize(
    ("wire", "path", "header", "extra"),
    [
        (WireName.OPENAI, "/v1/chat/completions", f"authorization: Bearer {ANSWER_KEY}", ()),
        (WireName.ANTHROPIC, "/v1/messages", f"x-api-key: {ANSWER_KEY}", ("anthropic-version: 1",)),
        (WireName.ANTHROPIC, "/v1/messages", f"authorization: Bearer {ANSWER_KEY}", ("anthropic-version: 1",)),
    ],
)
def test_a_key_can_be_required(wire, path, header, extra):
    with SimulationThread([ProviderSpec("p", wire=wire, api_key=ANSWER_KEY)]) as running:
        port = running.simulation["p"].port
        body = chat(max_tokens=5)
        assert ask(port, body, path, (header, *extra)).status == 200
        for wrong in ((), ("authorization: Bearer wrong",), ("x-api-key: wrong",), (f"authorization: Basic {ANSWER_KEY}",)):
            answer = ask(port, body, path, (*wrong, *extra))
            assert answer.status == 401
            assert ANSWER_KEY not in answer.raw.decode()
        assert get(port, "/v1/models").status == 401
        assert get(port, "/v1/models", (header,)).status == 200
        assert running.ledger("p")["outcomes"] == {"answered": 1, "rejected": 4}


def test_standing_faults_options_and_delays():
    spec = ProviderSpec("p", words=40, echo="canary", chunk_delay=0.001, reasoning=True)
    failing = ProviderSpec("f", faults=(read_fault('{"kind":"status","status":500}'),))
    with SimulationThread([spec, failing]) as running:
        text = ask(running.simulation["p"].port, chat()).json["choices"][0]["message"]
        assert text["content"].endswith("canary")
        assert text["reasoning_content"]
        assert ask(running.simulation["p"].port, stream()).events[-1] == "[DONE]"
        assert [ask(running.simulation["f"].port, chat()).status for _ in range(2)] == [500, 500]
        running.script("f", [None])
        assert [ask(running.simulation["f"].port, chat()).status for _ in range(2)] == [200, 500]


def test_the_same_everywhere():
    assert {spec.id for spec in DEFAULT_PROVIDERS} == {"sim-forever", "sim-30d", "sim-zero", "sim-free", "sim-unknown"}
