from tests.unit.simulator.raw_client import ask, chat

from anyapi.simulator import ModelSpec, ProviderSpec, SimulationOptions, SimulationThread, read_fault
from anyapi.simulator.provider import RunningProvider
from anyapi.simulator.request import Request


def turns(running, count):
    port = running.simulation["p"].port
    results = []
    for _ in range(count):
        try:
            received = ask(port, chat())
            results.append(received.status if received.raw else received.end)
        except ConnectionRefusedError:
            results.append("refused")
        except ConnectionError:
            results.append("reset")
    return results


def test_which_format_a_request_is_in():
    provider = RunningProvider(ProviderSpec("p", models=(ModelSpec("a/b", "b", dimensions=3),)), SimulationOptions())
    found = [provider.find(Request("POST", path, "", [], b"")) for path in ("/v1/chat/completions", "/v1/responses/input_tokens", "/v1/x")]
    assert [match and (match[0].completion_path, match[1].count) for match in found] == [
        ("/v1/chat/completions", False),
        ("/v1/responses", True),
        None,
    ]
    assert provider.find(Request("GET", "/v1/responses", "", [], b"")) is None
    assert provider.dimensions == {"b": 3}


def test_refusals_take_their_turn_in_the_script():
    with SimulationThread([ProviderSpec("p")]) as running:
        fail, refuse = read_fault('{"kind":"status","status":500}'), read_fault('{"kind":"refuse"}')
        running.script("p", [fail, refuse, refuse, None, fail])
        assert turns(running, 7) == [500, "reset", "reset", 200, 500, 200, 200]


def test_a_refusal_at_the_end_of_the_script_waits_for_the_next_connection():
    with SimulationThread([ProviderSpec("p")]) as running:
        running.script("p", [None, read_fault('{"kind":"refuse","count":null}')])
        assert turns(running, 4) == [200, "reset", "reset", "reset"]
        running.script("p", [])
        assert turns(running, 1) == [200]


def test_standing_refusals():
    reset = ProviderSpec("p", faults=(read_fault('{"kind":"refuse"}'),))
    with SimulationThread([reset]) as running:
        assert turns(running, 3) == ["reset"] * 3
    closed = ProviderSpec("p", faults=(read_fault('{"kind":"refuse","mode":"closed"}'),))
    with SimulationThread([closed]) as running:
        assert turns(running, 2) == ["refused"] * 2


def test_the_script_counts_down():
    with SimulationThread([ProviderSpec("p")]) as running:
        running.script("p", [None, None])
        turns(running, 1)
        assert running.simulation["p"].turns_left == 1
