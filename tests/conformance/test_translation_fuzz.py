"""T05: whatever JSON comes instead of a request or an answer, each pair of formats gives a request, an answer or one of AnyAPI's own errors.

A good conversation, or a good answer of a provider, is spoilt in one to three places: a value becomes another one of any type, with numbers
that no float or integer of 64 bits holds and with values nested more deeply than anybody reads; a field goes; a field comes.
"""

import json
import struct
import time
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conformance.conversations import Conversation, conversations, written
from tests.conformance.pairs import PAIRS, SPECS
from tests.conftest import LONG

from anyapi.domain.decision import Outcome
from anyapi.errors import BadRequest
from anyapi.simulator import SimulationThread, WireName

EXAMPLES = 1000 if LONG else 40
"""For each pair, requests and answers each."""
SECONDS = 1.0
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
RAW = {
    "@deep list@": "[" * 100_000 + "]" * 100_000,
    "@deep object@": '{"a":' * 20_000 + "1" + "}" * 20_000,
    "@deep enough@": "[" * 400 + "]" * 400,
    "@huge@": "1" + "0" * 400,
    "@more than a float@": "1e999",
    "@less than a float@": "-1e999",
    "@tiny@": "1e-999",
    "@64 bits@": "18446744073709551616",
    "@lone surrogate@": '"\\ud800"',
    "@nul@": '"\\u0000"',
    "@long@": '"' + "x" * 300_000 + '"',
}
"""JSON that Python's own objects cannot hold, by the string that stands for it until it is written."""
ANY = st.recursive(
    st.sampled_from([None, True, False, 0, -1, 1.5, 2**63, -(2**63), "", "text", "user", "auto", *RAW]) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "text", "content", "id", "name", "role", "é", ""]), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = st.sampled_from(
    ["type", "text", "content", "id", "name", "role", "index", "function", "input", "parts", "usage", "tool_calls", "error", "x"]
)


def encoded(tree: object) -> bytes:
    """The tree as JSON, with what stands for raw JSON replaced by it."""
    text = json.dumps(tree, ensure_ascii=False)
    for name, raw in RAW.items():
        text = text.replace(json.dumps(name), raw)
    return text.encode("utf-8", "surrogatepass")


def places(tree: object) -> list[tuple[object, object]]:
    """Every container with each of its keys or indexes."""
    found, waiting = [], [tree]
    while waiting:
        part = waiting.pop()
        inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
        for key, value in list(inner):
            found.append((part, key))
            waiting.append(value)
    return found


def spoil(draw, tree: object) -> None:
    """Change a tree in one to three places."""
    for _ in range(draw(st.integers(1, 3))):
        container, key = draw(st.sampled_from(places(tree))) if places(tree) else (None, None)
        how = draw(st.sampled_from(["replace", "remove", "add", "wrap", "unwrap"]))
        if container is None:
            return
        value = container[key]
        if how == "remove":
            del container[key]
        elif how == "add" and isinstance(value, dict):
            value[draw(NAMES)] = draw(ANY)
        elif how == "wrap":
            container[key] = [value] if draw(st.booleans()) else {draw(NAMES): value}
        elif how == "unwrap" and isinstance(value, list) and value:
            container[key] = value[0]
        else:
            container[key] = draw(ANY)


def no_constants(name: str) -> None:
    """NaN and Infinity are no JSON."""
    raise AssertionError(name)


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_any_request_is_translated_or_refused(pair):
    """Nothing but `BadRequest`, within a second, and what is sent is JSON."""
    reached = {"sent": 0, "refused": 0}

    @settings(max_examples=EXAMPLES, suppress_health_check=QUIET)
    @given(st.data())
    def check(data):
        tree = written(data.draw(conversations()), pair.dialect)
        spoil(data.draw, tree)
        body = encoded(tree)
        started = time.perf_counter()
        refusal = None
        try:
            _, prepared = pair.prepare(body)
        except BadRequest as said:
            refusal = str(said)
        reached["refused" if refusal else "sent"] += 1
        if refusal is None:
            json.loads(prepared.body, parse_constant=no_constants)
        else:
            assert len(refusal) < 600, "a value of the request is repeated"
        assert time.perf_counter() - started < SECONDS

    check()
    assert min(reached.values()) >= EXAMPLES // 20, f"the examples do not reach both ends: {reached}"


@pytest.fixture(scope="module")
def simulation():
    with SimulationThread(SPECS) as running:
        yield running


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_any_answer_is_translated_or_an_outcome(pair, simulation):
    """A provider is not trusted: whatever it answers is an answer in the client's format or an outcome, never an exception."""
    reached = {"answer": 0, "outcome": 0}

    @settings(max_examples=EXAMPLES, suppress_health_check=QUIET)
    @given(st.data())
    def check(data):
        made = data.draw(conversations(pair.attachments))
        made.settings["stream"] = False
        request, prepared = pair.prepare(json.dumps(written(made, pair.dialect)).encode())
        status, answer = pair.ask(simulation, prepared)
        assert status == 200
        tree = json.loads(answer)
        spoil(data.draw, tree)
        body = encoded(tree)
        started = time.perf_counter()
        found = pair.adapter.read_answer(body, request)
        assert time.perf_counter() - started < SECONDS
        if isinstance(found, Outcome):
            reached["outcome"] += 1
        else:
            reached["answer"] += 1
            if pair.translated:
                json.loads(found.body, parse_constant=no_constants)

    check()
    assert min(reached.values()) >= EXAMPLES // 20, f"the examples do not reach both ends: {reached}"


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_any_stream_is_read_or_fails(pair, simulation):
    """Bytes that changed, and events of another shape: never an exception, never the end of an answer that failed."""
    made = Conversation(turns=[("user", [("text", "use the tool")])], settings={"max_tokens": 6000, "effort": "low", "stream": True})
    made.tools = [{"name": "weather", "description": "", "parameters": {"type": "object", "properties": {}}}]
    raw = json.dumps(written(made, pair.dialect)).encode()
    _, prepared = pair.prepare(raw)
    status, stream = pair.ask(simulation, prepared)
    assert status == 200
    reached = {"complete": 0, "failed": 0}

    @settings(max_examples=EXAMPLES, suppress_health_check=QUIET)
    @given(st.data())
    def check(data):
        text = spoilt_stream(data.draw, stream)
        request, _ = pair.prepare(raw)
        reader, size, out = pair.adapter.open_stream(request), data.draw(st.sampled_from([1 << 20, 1000, 37])), b""
        started = time.perf_counter()
        for at in range(0, len(text), size):
            out += reader.feed(text[at : at + size])
        assert time.perf_counter() - started < SECONDS
        assert out == b"" or out.endswith(b"\n\n")
        assert not (reader.complete and reader.failure)
        reached["complete" if reader.complete else "failed"] += 1

    check()
    assert min(reached.values()) >= 1, f"the examples do not reach both ends: {reached}"


@pytest.mark.parametrize("pair", PAIRS, ids=str)
@pytest.mark.parametrize("form", ["answer", "stream", "error"])
def test_a_byte_that_is_no_text_is_nowhere_an_exception(pair, form, simulation):
    """0xFF at every place of an answer, and of a stream at as many as there is time for."""
    made = Conversation(
        turns=[("user", [("text", "use the tool")])], settings={"max_tokens": 6000, "effort": "low", "stream": form == "stream"}
    )
    made.tools = [{"name": "weather", "description": "", "parameters": {"type": "object", "properties": {}}}]
    raw = json.dumps(written(made, pair.dialect)).encode()
    request, prepared = pair.prepare(raw)
    _, text = pair.ask(simulation, prepared)
    if form == "error":
        text = b'{"type": "error", "message": "m", "error": {"type": "t", "code": "c", "status": "s", "message": "m", "details": [{"@type": "d"}]}}'
    for at in range(0, len(text), 1 if form != "stream" or LONG else 1 + len(text) // 100):
        spoilt = text[:at] + b"\xff" + text[at + 1 :]
        if form == "stream":
            pair.adapter.open_stream(pair.prepare(raw)[0]).feed(spoilt)
        elif form == "answer":
            pair.adapter.read_answer(spoilt, request)
        else:
            assert isinstance(pair.adapter.classify(400, None, spoilt), Outcome)


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_an_event_without_end_in_small_pieces_costs_little(pair):
    """Of what is held back no byte is looked at, or copied, once for each read."""
    body = written(Conversation(turns=[("user", [("text", "hi")])], settings={"max_tokens": 100, "stream": True}), pair.dialect)
    request, _ = pair.prepare(json.dumps(body).encode())
    reader, size = pair.adapter.open_stream(request), 400_000
    lengths = struct.pack(">II", size, 0)
    start = lengths + struct.pack(">I", zlib.crc32(lengths)) if pair.wire == WireName.BEDROCK else b'data: {"a": "'
    assert reader.feed(start) == b""
    started = time.process_time()
    for _ in range(0, size - 100, 10):
        assert reader.feed(b"x" * 10) == b""
    assert time.process_time() - started < SECONDS
    assert reader.failure is None


def spoilt_stream(draw, stream: bytes) -> bytes:
    """A stream with some bytes changed, or, where it is of lines, with the JSON of one event spoilt, doubled or left out."""
    lines = stream.split(b"\n")
    datas = [number for number, line in enumerate(lines) if line.startswith(b"data: {")]
    if datas and draw(st.booleans()):
        number = draw(st.sampled_from(datas))
        how = draw(st.sampled_from(["spoil", "spoil", "double", "leave out"]))
        if how == "spoil":
            tree = json.loads(lines[number][6:])
            spoil(draw, tree)
            lines[number] = b"data: " + encoded(tree)
        else:
            lines[number : number + 1] = [lines[number], b"", lines[number]] if how == "double" else []
        return b"\n".join(lines)
    text = bytearray(stream)
    for _ in range(draw(st.integers(0, 4))):
        text[draw(st.integers(0, len(text) - 1))] = draw(st.integers(0, 255))
    return bytes(text)
