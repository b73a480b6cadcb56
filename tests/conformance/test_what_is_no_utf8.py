"""What a provider sends that is no UTF-8 is no answer, in every client format at every provider: SDKs could not even read it.

Whether a stream fails, and what of it the client gets, does not depend on where reads end, and what follows the end is not looked at.
"""

import itertools
import json

import pytest
from tests.conformance.pairs import PAIRS, SPECS, asked

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.simulator import SimulationThread, WireName, read_fault
from anyapi.upstream.adapter import Answer

BAD = [b"\xf6\x80", b"\x80", b"\xed\xa0\x80", b"\xc3"]
WORD = "qqzzqq"
SAY = json.dumps({"kind": "say", "text": f"first {WORD} last"})
STREAMED = [pair for pair in PAIRS if pair.wire is not WireName.BEDROCK]
"""Bedrock's frames have checksums."""
ENDED = [pair for pair in STREAMED if pair.wire is not WireName.GEMINI]
"""Gemini's streams have no end of their own but the last answer."""
TAILS = [b"\xf6\x80\r\r\r", b"\xf6\x80", b"x\n\n", b"data: \xf6\n\n", b"\r\n", b": \xc3\xa9\n\n"]


@pytest.fixture(scope="module")
def simulation():
    with SimulationThread(SPECS) as running:
        yield running


def answered(pair, simulation, *, stream: bool) -> tuple[bytes, bytes]:
    """A client's request, and the provider's answer to it."""
    raw = json.dumps(asked(pair.dialect, words=True, stream=stream)).encode()
    simulation.script(f"sim-{pair.wire}", [[read_fault(SAY)]])
    status, body = pair.ask(simulation, pair.prepare(raw)[1])
    assert status == 200
    return raw, body


def fed(pair, raw: bytes, pieces) -> tuple[bytes, bool, bool]:
    """What the client gets; whether that is whole, and whether it failed."""
    reader = pair.adapter.open_stream(pair.prepare(raw)[0])
    out = b"".join([reader.feed(piece) for piece in pieces])
    out.decode()
    return out, reader.complete, reader.failure is not None


def chopped(stream: bytes, around: int):
    """In one piece, byte by byte, and in two and three pieces near a place."""
    yield [stream]
    yield [stream[at : at + 1] for at in range(len(stream))]
    cuts = [cut for cut in range(around - 3, around + 8) if 0 < cut < len(stream)]
    for first, second in itertools.combinations_with_replacement(cuts, 2):
        yield [stream[:first], stream[first:second], stream[second:]]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_a_whole_answer_is_none(pair, simulation, bad):
    raw, body = answered(pair, simulation, stream=False)
    request, _ = pair.prepare(raw)
    assert isinstance(pair.adapter.read_answer(body, request), Answer)
    assert body.count(WORD.encode()) == 1
    found = pair.adapter.read_answer(body.replace(WORD.encode(), bad), request)
    assert isinstance(found, Outcome)
    assert found.kind is OutcomeKind.BAD_RESPONSE


@pytest.mark.parametrize("pair", STREAMED, ids=str)
def test_a_stream_fails_wherever_reads_end(pair, simulation):
    raw, stream = answered(pair, simulation, stream=True)
    assert fed(pair, raw, [stream])[1:] == (True, False)
    at = stream.index(WORD.encode())
    for bad in BAD:
        broken = stream.replace(WORD.encode(), bad)
        for pieces in chopped(broken, at):
            out, complete, failed = fed(pair, raw, pieces)
            assert (complete, failed) == (False, True), pieces
            assert b"last" not in out


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("pair", ENDED, ids=str)
def test_what_follows_the_end_is_not_looked_at(pair, simulation, tail):
    raw, stream = answered(pair, simulation, stream=True)
    ends = {fed(pair, raw, pieces)[1:] for pieces in chopped(stream + tail, len(stream))}
    assert ends == {(True, False)}


@pytest.mark.parametrize("before", [b"x", b":", b"\xf6\x80", "é".encode()])
@pytest.mark.parametrize("pair", STREAMED, ids=str)
def test_an_end_behind_other_bytes_is_none_wherever_reads_end(pair, simulation, before):
    raw, stream = answered(pair, simulation, stream=True)
    at = stream.rstrip().rindex(b"data: ")
    spoilt = stream[:at] + before + stream[at:]
    ends = {fed(pair, raw, pieces)[1] for pieces in chopped(spoilt, at)}
    assert ends == {False}
