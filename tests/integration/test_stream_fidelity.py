"""T10: a stream arrives as it was sent, however it is cut into packets; one that was cut off is an error, at whatever byte it was cut.

The readers are tested without a network at every byte offset of recorded streams of both formats; the gateway at the events' borders.
"""

import asyncio
import json
import random

import openai
import pytest
from tests.conftest import LONG
from tests.integration import recordings
from tests.integration.lab import FIRST, LEAKY, laboratory, provider, upstream_name
from tests.integration.raw_client import call
from tests.integration.recordings import ANTHROPIC, OPENAI, REQUESTS, events_of, record, with_fixed_ids, with_plain_ends

from anyapi.simulator import SimulationThread
from anyapi.simulator.cast import WireName
from anyapi.upstream.openai_chat import ChatStream as OpenAIStream
from anyapi.upstream.translate.anthropic_stream_to_openai_chat import ChatStream as AnthropicStream

CUTS = 200 if LONG else 30
"""Of each format, through the gateway."""
IN_A_ROW = 4
"""Failures that an endpoint may have before its circuit opens."""
MODELS = [f"cut/model-{number:03}" for number in range(CUTS // IN_A_ROW + 2)]
MODEL = MODELS[0]
CLAUDE, OPEN = "lab-claude", "lab-open"
PROVIDERS = {OPENAI: FIRST, ANTHROPIC: CLAUDE}
WIRES = (OPENAI, ANTHROPIC)
CHUNKINGS = 500 if LONG else 25
"""Of each recording: 10,000 of each format in the long run."""
SEEDS = 20 if LONG else 3
WARM = 1000 if LONG else 100
"""Requests before the first one that counts, so that all ids of the simulator are equally long."""


def specs():
    return [provider(FIRST, MODELS), provider(CLAUDE, MODELS, wire=WireName.ANTHROPIC), provider(OPEN, MODELS, policy=LEAKY)]


@pytest.fixture(scope="module")
def recorded():
    """All recordings: {wire: {name: bytes}}."""
    with SimulationThread(specs()) as simulation:
        return {
            wire: {request.name: record(simulation, PROVIDERS[wire], wire, upstream_name(MODEL), request) for request in REQUESTS[wire]}
            for wire in WIRES
        }


def reader(wire: str):
    """A reader whose client asked for usage, so that nothing is left out."""
    return OpenAIStream(hide_usage=False) if wire == OPENAI else AnthropicStream(created=0, wants_usage=True)


def read(wire: str, pieces) -> tuple[bytes, object]:
    stream = reader(wire)
    return b"".join([stream.feed(piece) for piece in pieces]), stream


def marker_end(wire: str, data: bytes) -> int:
    """Where the terminal marker's data ends; the line ends after it are not counted."""
    marker = b"data: [DONE]" if wire == OPENAI else b'"type":"message_stop"'
    return data.rindex(marker) + len(marker)


def cut_in_pieces(data: bytes, generator: random.Random) -> list[bytes]:
    pieces, place = [], 0
    largest = generator.choice((1, 2, 3, 7, 40, 300))
    while place < len(data):
        size = generator.randint(1, largest)
        pieces.append(data[place : place + size])
        place += size
    return pieces


def check_prefix(wire: str, data: bytes, end: int, out: bytes, stream, whole: bytes) -> None:
    """What a reader has released after the first `end` bytes of a recording."""
    assert whole.startswith(out), "something was made up"
    assert not out or out.endswith(b"\n\n"), "not at the border of an event"
    assert stream.failure is None
    assert stream.complete == (out == whole), "complete means that all was released"
    assert not (stream.complete and end < marker_end(wire, data)), f"{end} of {len(data)} bytes passed off as the whole"


@pytest.mark.parametrize("wire", WIRES)
def test_a_recording_cut_at_every_byte_is_not_complete(recorded, wire):
    for name, data in recorded[wire].items():
        whole, stream = read(wire, [data])
        assert stream.complete, name
        stream, out = reader(wire), b""
        for end in range(1, len(data) + 1):
            out += stream.feed(data[end - 1 : end])
            check_prefix(wire, data, end, out, stream, whole)
        assert stream.complete, name


@pytest.mark.parametrize("wire", WIRES)
def test_a_recording_cut_anywhere_in_one_read_is_not_complete(recorded, wire):
    generator = random.Random(7)
    for data in recorded[wire].values():
        whole, _ = read(wire, [data])
        ends = range(len(data)) if LONG else sorted(generator.sample(range(len(data)), 60))
        for end in ends:
            out, stream = read(wire, [data[:end]])
            check_prefix(wire, data, end, out, stream, whole)


@pytest.mark.parametrize("wire", WIRES)
def test_a_recording_that_ends_in_good_order_may_lack_its_last_line_ends_and_no_more(recorded, wire):
    generator = random.Random(13)
    for name, data in recorded[wire].items():
        whole, _ = read(wire, [data])
        last = marker_end(wire, data)
        cuts = {*range(max(0, last - 40), len(data)), *generator.sample(range(len(data)), 20)}
        for end in sorted(cuts):
            out, stream = read(wire, [data[:end]])
            out += stream.end()
            assert stream.complete == (not data[end:].strip(b"\r\n") or end > last), (name, data[end:])
            assert not stream.complete or out == whole, name


@pytest.mark.parametrize("wire", WIRES)
def test_how_it_is_cut_into_packets_changes_nothing(recorded, wire):
    generator = random.Random(11)
    for name, data in recorded[wire].items():
        whole, _ = read(wire, [data])
        for _ in range(CHUNKINGS):
            out, stream = read(wire, cut_in_pieces(data, generator))
            assert out == whole, name
            assert stream.complete, name


def test_the_same_format_passes_byte_for_byte(recorded):
    for name, data in recorded[OPENAI].items():
        out, stream = read(OPENAI, [data])
        assert out == with_plain_ends(data), name
        assert stream.empty is (name in {"empty", "refusal"}), name  # a filtered answer holds nothing either


@pytest.mark.parametrize("name", [request.name for request in REQUESTS[ANTHROPIC]])
def test_the_other_format_is_translated_without_loss_however_it_is_spelled(recorded, name):
    out, stream = read(ANTHROPIC, [recorded[ANTHROPIC][name]])
    chunks = [json.loads(event[6:]) for event in events_of(out)[:-1]]
    assert stream.complete
    text = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
    assert text == claude_text(recorded[ANTHROPIC][name])


def claude_text(data: bytes) -> str:
    """The text of an Anthropic stream, read in the simplest way there is."""
    text = ""
    for event in with_plain_ends(data).decode().split("\n\n"):
        lines = [line[6:] for line in event.split("\n") if line.startswith("data: ")]
        value = json.loads("\n".join(lines)) if lines else {}
        if value.get("delta", {}).get("type") == "text_delta":
            text += value["delta"]["text"]
    return text


@pytest.mark.parametrize(
    "data",
    [
        b'data: {"choices":[{}\n\ndata: {}]}\n\n',
        b"data: {'not': json}\n\n",
        b'data: {"choices":[\n\n',
        b"<html></html>\n\n",
        b"\xff\xfe\n\n",
        b'data: {"choices":[]}\n\ndata: nothing\n\n',
        b'{"id":"x","choices":[]}\n\n',
    ],
    ids=["two-halves", "not-json", "half", "html", "not-text", "second-event", "no-field"],
)
def test_what_is_not_of_the_format_fails(data):
    out, stream = read(OPENAI, [data, b"data: [DONE]\n\n"])
    assert stream.failure is not None
    assert not stream.complete
    assert b"DONE" not in out


# --- through the gateway


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with laboratory(tmp_path_factory.mktemp("fidelity") / "home", specs()) as lab:
        for wire, name in PROVIDERS.items():
            for _ in range(WARM - lab.simulation.ledger(name)["requests"]):
                record(lab.simulation, name, wire, upstream_name(MODEL), REQUESTS[wire][0])
        yield lab


def through_gateway(lab, fields: dict[str, object]) -> bytes:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Say it."}], "stream": True, "stream_options": {"include_usage": True}}
    body |= {"provider": {"only": [FIRST]}, **fields}
    lab.asked += 1
    heard = asyncio.run(call(lab.gateway.port, lab.gateway.key, body))
    assert heard.status == 200, heard.body
    assert heard.whole
    return heard.body


@pytest.mark.parametrize("request_", REQUESTS[OPENAI], ids=lambda request: request.name)
def test_streams_pass_the_gateway_byte_for_byte(lab, request_):
    direct = record(lab.simulation, FIRST, OPENAI, upstream_name(MODEL), request_)
    faults = list(request_.faults)
    for seed in range(SEEDS):
        lab.script(FIRST, [*faults, {"kind": "rechunk", "seed": seed, "largest": (5, 64, 700)[seed % 3]}])
        assert with_fixed_ids(through_gateway(lab, dict(request_.fields))) == with_plain_ends(with_fixed_ids(direct))


def wire_ends(data: bytes, wire: str) -> list[int]:
    """Where each event ends on the wire, chunk framing included, counted from the first byte of the body."""
    ends, place = [], 0
    for event in events_of(data):
        place += len(b"%x\r\n" % len(event)) + len(event) + 2
        ends.append(place)
    assert wire == OPENAI or len(ends) > 5
    return ends


def borders(ends: list[int], most: int) -> list[int]:
    """Offsets at the events' borders, one before and one after: of chunks (their CRLF) and of the events in them."""
    around = sorted({end + step for end in ends for step in (-3, -2, -1, 0, 1)})
    return sorted({*around[:: max(1, len(around) // (most - 6))][: most - 6], *around[-6:]})


@pytest.mark.parametrize("wire", WIRES)
def test_a_stream_that_is_cut_off_is_an_error_of_the_sdk(lab, wire):
    name = PROVIDERS[wire]
    request = REQUESTS[wire][0]
    ends = wire_ends(record(lab.simulation, name, wire, upstream_name(MODEL), request), wire)
    last_data_ends = ends[-1] - 2
    lab.rows_seen = len(lab.gateway.usage(lab.asked))
    cuts = borders(ends, CUTS)
    expected = []
    for number, cut in enumerate(cuts):
        fault = {"kind": ("close", "reset")[number % 2], "at": cut, "of": "body"}
        model = MODELS[number // IN_A_ROW]
        whole = lab.answer_of(name, model)
        lab.script(name, fault, fault)
        result = lab.ask(model, stream=True, order=(), provider={"only": [name]})
        complete = cut >= last_data_ends
        expected.append(complete)
        assert (result.error is None) == complete, f"cut at byte {cut} of {ends[-1]}: {result}"
        assert result.error is None or isinstance(result.error, openai.APIError)
        assert result.text == whole if complete else whole.startswith(result.text)
        assert lab.simulation.ledger(name)["in_flight"] == 0
    lab.restore()
    rows = lab.new_rows()
    assert [row.outcome == "success" for row in rows] == expected
    assert expected.count(False) >= len(cuts) - 10
    assert all(not row.cost for row in rows if row.outcome != "success"), "a failed completion costs nothing"


def test_the_recordings_are_what_they_say(recorded):
    """Twenty of each format, and each ends with the format's own marker."""
    for wire, names in recorded.items():
        assert len(names) >= 20
        assert all(recordings.with_plain_ends(data).endswith(b"\n\n") for data in names.values())
        assert all(data.count(b"[DONE]" if wire == OPENAI else b"message_stop") >= 1 for data in names.values())
