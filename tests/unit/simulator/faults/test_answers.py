import pytest
from tests.unit.simulator.raw_client import ask, chat, stream

from anyapi.simulator import read_fault as fault

USAGE = {"stream_options": {"include_usage": True}}


def scripted(sim, *faults):
    sim.script("sim-zero", [list(faults)])
    return sim.simulation["sim-zero"].port


def test_say(sim):
    port = scripted(sim, fault('{"kind":"say","text":"canary 77","reasoning":"why"}'))
    message = ask(port, chat()).json["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("canary 77", "why")


def test_say_so_many_words(sim):
    port = scripted(sim, fault('{"kind":"say","text":"a b c","words":100}'))
    events = ask(port, stream()).events
    text = "".join(event["choices"][0]["delta"].get("content", "") for event in events[:-1])
    assert text.split()[:4] == ["a", "b", "c", "a"]
    assert len(text.split()) == 100
    assert len(events) == 103


def test_the_text_is_not_printed():
    assert "canary" not in repr(fault('{"kind":"say","text":"canary"}'))


TOOL = {"type": "function", "function": {"name": "time", "parameters": {"type": "object", "properties": {}}}}


@pytest.mark.parametrize(
    ("fields", "more", "calls"),
    [
        ("", {"tools": [TOOL], "tool_choice": "required"}, [("time", '{"zone":"\u4f60"}')]),
        ("", {"tools": [TOOL]}, []),
        ('"tool":"other",', {"tools": [TOOL]}, [("other", '{"zone":"\u4f60"}')]),
    ],
)
def test_call_with_other_arguments(sim, fields, more, calls):
    port = scripted(sim, fault(f'{{"kind":"call",{fields}"arguments":{{"zone":"\u4f60"}}}}'))
    choice = ask(port, chat(**more)).json["choices"][0]
    made = choice["message"].get("tool_calls") or []
    assert [(call["function"]["name"], call["function"]["arguments"]) for call in made] == calls
    assert choice["finish_reason"] == ("tool_calls" if calls else "stop")
    assert "zone" not in repr(fault('{"kind":"call","arguments":{"zone":"x"}}'))


@pytest.mark.parametrize("make", [chat, stream])
def test_refusal_by_finish_reason(sim, make):
    port = scripted(sim, fault('{"kind":"refusal"}'))
    answer = ask(port, make())
    choices = [answer.json["choices"][0]] if make is chat else [event["choices"][0] for event in answer.events[:-1]]
    assert choices[-1]["finish_reason"] == "content_filter"
    assert sim.ledger("sim-zero")["outcomes"] == {"content_refused": 1}


@pytest.mark.parametrize("make", [chat, stream])
def test_refusal_field(sim, make):
    port = scripted(sim, fault('{"kind":"refusal","style":"field"}'))
    answer = ask(port, make())
    if make is chat:
        message = answer.json["choices"][0]["message"]
        assert message["content"] is None
        refusal = message["refusal"]
    else:
        refusal = "".join(event["choices"][0]["delta"].get("refusal") or "" for event in answer.events[:-1])
    assert refusal == "I cannot help with that."
    assert sim.ledger("sim-zero")["outcomes"] == {"content_refused": 1}


@pytest.mark.parametrize("make", [chat, stream])
def test_empty(sim, make):
    port = scripted(sim, fault('{"kind":"empty"}'))
    answer = ask(port, make(**(USAGE if make is stream else {})))
    usage = answer.json["usage"] if make is chat else answer.events[-2]["usage"]
    assert usage["completion_tokens"] == 0
    assert usage["prompt_tokens"] > 0
    if make is chat:
        assert answer.json["choices"][0]["message"]["content"] == ""
    assert sim.ledger("sim-zero")["completion_tokens"] == 0


@pytest.mark.parametrize("make", [chat, stream])
def test_failed(sim, make):
    whole = ask(sim.simulation["sim-zero"].port, chat()).json["choices"][0]["message"]["content"]
    answer = ask(scripted(sim, fault('{"kind":"failed"}')), make())
    choices = [answer.json["choices"][0]] if make is chat else [event["choices"][0] for event in answer.events[:-1]]
    said = "".join(choice.get("delta", choice.get("message")).get("content") or "" for choice in choices)
    assert (said, choices[-1]["finish_reason"]) == (whole[: len(whole) // 2], "error")
    assert sim.ledger("sim-zero")["outcomes"] == {"answered": 1, "error": 1}


@pytest.mark.parametrize("make", [chat, stream])
def test_missing_usage(sim, make):
    port = scripted(sim, fault('{"kind":"usage","mode":"missing"}'))
    answer = ask(port, make(**(USAGE if make is stream else {})))
    bodies = [answer.json] if make is chat else answer.events[:-1]
    assert not any(body.get("usage") for body in bodies)
    ledger = sim.ledger("sim-zero")
    assert ledger["completion_tokens"] > 0
    assert ledger["reported_completion_tokens"] == 0
    assert ledger["entries"][0]["reported_completion_tokens"] is None


@pytest.mark.parametrize("make", [chat, stream])
def test_zero_usage(sim, make):
    port = scripted(sim, fault('{"kind":"usage","mode":"zero"}'))
    answer = ask(port, make(**(USAGE if make is stream else {})))
    usage = answer.json["usage"] if make is chat else answer.events[-2]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (0, 0)
    assert sim.ledger("sim-zero")["entries"][0]["reported_completion_tokens"] == 0
    assert sim.ledger("sim-zero")["completion_tokens"] > 0


def test_giant_line(sim):
    port = scripted(sim, fault('{"kind":"giant_line","mib":1.5}'))
    answer = ask(port, stream())
    assert max(len(line) for line in answer.content.split(b"\n")) > 1.5 * 1024 * 1024
    assert answer.events[-1] == "[DONE]"


def test_giant_body(sim):
    port = scripted(sim, fault('{"kind":"giant_line","mib":0.5}'))
    answer = ask(port, chat())
    assert len(answer.json["choices"][0]["message"]["content"]) > 0.5 * 1024 * 1024
    assert answer.json["usage"]["completion_tokens"] < 100


def test_refusal_in_messages(sim, claude):
    sim.script(
        "sim-claude",
        [(fault('{"kind":"refusal","style":"field"}'),), (fault('{"kind":"usage"}'),), (fault('{"kind":"giant_line","mib":0.1}'),)],
    )
    body = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "x"}]}
    headers = ("anthropic-version: 1",)
    refused = ask(claude, body, "/v1/messages", headers).json
    assert (refused["content"][0]["text"], refused["stop_reason"]) == ("I cannot help with that.", "refusal")
    assert sim.ledger("sim-claude")["outcomes"] == {"content_refused": 1}
    streamed = ask(claude, {**body, "stream": True}, "/v1/messages", headers).events
    assert "usage" not in streamed[0]["message"]
    assert "usage" not in streamed[-2]
    assert max(len(line) for line in ask(claude, {**body, "stream": True}, "/v1/messages", headers).content.split(b"\n")) > 100_000
