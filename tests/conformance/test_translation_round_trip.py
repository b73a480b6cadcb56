"""Requests of every client format at every provider format: nothing is lost on the way out, the provider understands it, and the answer
comes back with every word and call, whole and streamed alike.

The conversations are valid and hold only what docs/translation.md says is carried; what may be changed or left out is listed in `ADJUSTED`.
"""

import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from tests.conformance.conversations import Conversation, conversations, written
from tests.conformance.pairs import PAIRS, SPECS, Pair, leaves
from tests.conftest import LONG

from anyapi.simulator import SimulationThread, WireName, read_fault
from anyapi.upstream.adapter import Dialect

EXAMPLES = 200 if LONG else 20
"""For each pair."""
SECONDS = 1.0
"""No request may take longer to translate."""


@pytest.fixture(scope="module")
def simulation():
    with SimulationThread(SPECS) as running:
        yield running


ADJUSTED = {
    WireName.OPENAI: set(),
    WireName.ANTHROPIC: set(),
    WireName.GEMINI: {"messages.file.filename"},
    WireName.BEDROCK: {"messages.file.filename"},
    WireName.COHERE: set(),
}
"""What may be named as changed or left out, at each provider: the documented list for what is drawn, no more."""


def adjusted(pair: Pair, made: Conversation) -> set[str]:
    """What may be named for this conversation. Claude does not think where a tool is forced, or after calls whose thinking is not there."""
    allowed = set(ADJUSTED[pair.wire])
    if pair.wire is WireName.COHERE and unoffered(made):
        allowed.add("tools")
    if "effort" in made.settings and pair.wire in {WireName.ANTHROPIC, WireName.BEDROCK}:
        calls = any(turn[0] == "assistant" and turn[2] for turn in made.turns)
        allowed |= {"reasoning_effort"} if calls or made.choice not in {None, "auto"} else set()
    return allowed


def unoffered(made: Conversation) -> list[dict]:
    """The tools that stand beside one that must be called: Cohere is not offered them, because it has no word for the choice."""
    return [] if made.choice in {None, "auto", "required"} else [tool for tool in made.tools if tool["name"] != made.choice]


def numbers(made: Conversation) -> set[object]:
    """The numbers that must arrive."""
    return {made.settings[name] for name in ("max_tokens", "temperature", "top_p") if name in made.settings}


def check_request(pair: Pair, made: Conversation, body: bytes, adjusted: tuple[str, ...]) -> None:
    """Every mark and number is in what goes to the provider, or its field is named in the adjustments."""
    found = leaves(json.loads(body))
    text = "\n".join(part for part in found if isinstance(part, str))
    stops = made.settings.get("stop", []) if pair.dialect is Dialect.RESPONSES else []  # the format has no stop sequences
    missing = [mark for mark in made.marks if mark not in text and not any(mark in stop for stop in stops)]
    if "tools" in adjusted:
        gone = json.dumps(unoffered(made))
        missing = [mark for mark in missing if mark not in gone]
    assert not missing, (missing, adjusted)
    lost = numbers(made) - found
    assert all(any(name in adjusted for name, value in made.settings.items() if value == number) for number in lost), (lost, adjusted)


def words_and_calls(dialect: Dialect, body: bytes) -> tuple[str, list[tuple[str, object]]]:
    """The text of an answer, and its calls with their arguments."""
    answer = json.loads(body)
    if dialect is Dialect.CHAT_COMPLETIONS:
        message = answer["choices"][0]["message"]
        calls = [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in message.get("tool_calls") or []]
        return message.get("content") or "", calls
    if dialect is Dialect.MESSAGES:
        blocks = answer["content"]
        text = "".join(block["text"] for block in blocks if block["type"] == "text")
        return text, [(block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"]
    items = answer["output"]
    text = "".join(part["text"] for item in items if item["type"] == "message" for part in item["content"])
    return text, [(item["name"], json.loads(item["arguments"])) for item in items if item["type"] == "function_call"]


def streamed_words_and_calls(dialect: Dialect, stream: bytes) -> tuple[str, list[tuple[str, object]]]:
    """The same, put together from a stream."""
    datas = [line[6:] for line in stream.decode().split("\n") if line.startswith("data: ")]
    events = [json.loads(data) for data in datas if data != "[DONE]"]
    if dialect is Dialect.RESPONSES:
        assert events[-1]["type"] == "response.completed"
        return words_and_calls(dialect, json.dumps(events[-1]["response"]).encode())
    text, names, arguments = "", {}, {}
    if dialect is Dialect.CHAT_COMPLETIONS:
        assert datas[-1] == "[DONE]"
        for delta in (choice["delta"] for event in events for choice in event["choices"]):
            text += delta.get("content") or ""
            for call in delta.get("tool_calls") or []:
                names.setdefault(call["index"], call["function"].get("name"))
                arguments[call["index"]] = arguments.get(call["index"], "") + (call["function"].get("arguments") or "")
    else:
        assert events[-1]["type"] == "message_stop"
        for event in events:
            if event["type"] == "content_block_start" and event["content_block"]["type"] == "tool_use":
                names[event["index"]], arguments[event["index"]] = event["content_block"]["name"], ""
            delta = event.get("delta", {})
            text += delta.get("text", "")
            if delta.get("type") == "input_json_delta":
                arguments[event["index"]] += delta["partial_json"]
    return text, [(names[index], json.loads(arguments[index] or "{}")) for index in sorted(names)]


def shows_reasoning(pair: Pair, made: Conversation, adjusted: tuple[str, ...]) -> bool:
    """Whether the provider thinks and the client sees it: a provider of responses shows a summary only where one was asked for."""
    return "effort" in made.settings and "reasoning_effort" not in adjusted and not pair.own


def reasoning_of(out: bytes) -> str:
    """All strings of an answer or a stream, put together."""
    datas = [line[6:] for line in out.decode().split("\n") if line.startswith("data: {")] or [out.decode()]
    texts: list[str] = []
    for data in datas:
        waiting = [json.loads(data)]
        while waiting:
            part = waiting.pop()
            if isinstance(part, dict):
                waiting += [value for name, value in part.items() if name in SHOWN]
            elif isinstance(part, list):
                waiting += part
            elif isinstance(part, str):
                texts.append(part)
    return "".join(texts)


SHOWN = {"choices", "message", "delta", "reasoning_content", "content", "thinking", "output", "response", "text"}
"""Fields of answers and events in which reasoning stands, or what holds it."""


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_nothing_is_lost_there_and_back(pair, simulation):
    """Whatever was asked whole is asked as a stream too; both must give the same words and calls."""

    @settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(conversations(pair.attachments))
    def check(made):
        said = f'Zürich 東京 🙂 {made.marks[-1]} \u2028 "quoted" back\\slash'
        called = made.choice in {"required", *(tool["name"] for tool in made.tools)}
        words = not called and not made.schema
        why = f"because {said}"
        found = []
        for stream in (False, True):
            made.settings["stream"] = stream
            started = time.perf_counter()
            request, prepared = pair.prepare(json.dumps(written(made, pair.dialect)).encode())
            assert time.perf_counter() - started < SECONDS
            check_request(pair, made, prepared.body, prepared.adjusted)
            assert set(prepared.adjusted) <= adjusted(pair, made), prepared.adjusted
            if words:
                simulation.script(f"sim-{pair.wire}", [[read_fault(json.dumps({"kind": "say", "text": said, "reasoning": why}))]])
            status, body = pair.ask(simulation, prepared)
            assert status == 200, body
            if stream:
                reader = pair.adapter.open_stream(request)
                out = reader.feed(body)
                assert (reader.complete, reader.failure) == (True, None)
                found.append(streamed_words_and_calls(pair.dialect, out))
            else:
                out = pair.adapter.read_answer(body, request).body
                found.append(words_and_calls(pair.dialect, out))
            if words and shows_reasoning(pair, made, prepared.adjusted):
                assert why in reasoning_of(out), out
        whole, streamed = found
        assert whole == streamed
        text, calls = whole
        if called:
            assert calls, whole
            assert {name for name, _ in calls} <= {tool["name"] for tool in made.tools}
            assert all(
                set(arguments) == set(tool["parameters"]["required"])
                for name, arguments in calls
                for tool in made.tools
                if tool["name"] == name
            )
        elif made.schema:
            assert set(json.loads(text)) == set(made.schema["required"])
        else:
            assert text == said

    check()


def test_a_loss_is_found():
    """A mark, or a limit, that does not arrive."""
    pair = PAIRS[1]
    made = Conversation(system=["sys_1"], turns=[("user", [("text", "user_2")])], settings={"max_tokens": 6001, "stream": False})
    made.marks = ["sys_1", "user_2"]
    _, prepared = pair.prepare(json.dumps(written(made, pair.dialect)).encode())
    check_request(pair, made, prepared.body, ())
    for gone in (b"sys_1", b"user_2", b"6001"):
        with pytest.raises(AssertionError):
            check_request(pair, made, prepared.body.replace(gone, b"0"), ())
