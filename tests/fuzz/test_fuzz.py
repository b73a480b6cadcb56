"""T05: every target of `tests/fuzz/targets.py` holds its promises for its corpus, for neighbours of it, and as long as atheris looks for more.

`make test` takes the corpus and NEIGHBOURS mutations for each target, without looking at coverage. `make test-long` has atheris search for
ANYAPI_TEST_FUZZ_SECONDS of CPU for each target (120; before a release 1800), where it is installed. To repeat a finding: the failure prints it.
"""

import base64
import importlib.util
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conformance.pairs import Pair
from tests.conftest import LONG
from tests.fuzz import audit_targets, corpus, pair_targets, wire_targets
from tests.fuzz.mutation import MARK, Mutator
from tests.fuzz.targets import TARGETS, run

from anyapi.crypto import api_keys
from anyapi.domain.usage import TokenCount
from anyapi.errors import BadRequest
from anyapi.gateway.client import Connection
from anyapi.gateway.formats import strict_json
from anyapi.policy import parse
from anyapi.upstream import dialer, event_stream, sse
from anyapi.upstream.adapter import Answer, Prepared
from anyapi.upstream.connection import UpstreamConnection

ROOT = Path(__file__).parents[2]
SECONDS = int(os.environ.get("ANYAPI_TEST_FUZZ_SECONDS", "120"))
NEIGHBOURS = 2000 if LONG else 100
LARGEST = 20_000
MOST_OF_A_CORPUS = 200_000
"""Bytes of a corpus file: it is read by people's tools."""


def run_all(target, neighbours=0):
    """Give the corpus to its target, and mutations of it. A failure tells which input it was."""
    known, chance = corpus.inputs(target), random.Random(20261127)
    mutator = Mutator(known)
    for number in range(len(known) + neighbours):
        data = known[number] if number < len(known) else mutator.mutate(chance.choice(known), LARGEST, chance.randrange(1 << 32))
        try:
            run(target, data)
        except Exception as error:
            raise AssertionError(f"{target}: {error!r} of {base64.b64encode(data).decode()}") from error


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_and_its_neighbours_break_no_promise(target):
    assert corpus.inputs(target), "a target without a corpus: python -m tests.fuzz.keep"
    run_all(target, NEIGHBOURS)


@pytest.mark.long
@pytest.mark.timeout(SECONDS * 25)
@pytest.mark.parametrize("target", TARGETS)
def test_atheris_finds_no_broken_promise(target, tmp_path):
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed (requirements/fuzz.lock: for Linux on x86-64)")
    command = [sys.executable, "-m", "tests.fuzz.run", target, str(SECONDS), str(tmp_path / "found")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    crashes = [
        base64.b64encode(path.read_bytes()).decode() for path in (tmp_path / "found").glob("*-*") if not path.name.startswith("known-")
    ]
    told = re.search(r"=== Uncaught Python exception: ===\n.*?\n\n", done.stderr, re.DOTALL)
    assert done.returncode == 0, (crashes, told[0] if told else done.stderr[-2000:])
    counted = re.search(r"(\d+) inputs in", done.stdout) or re.search(
        r"Done (\d+) runs", done.stderr
    )  # the latter where the machine was busy
    assert counted, done.stderr[-2000:]
    assert int(counted[1]) > 100, "hardly anything was tried"


def test_every_corpus_belongs_to_a_target_and_is_small():
    chosen, found = [*corpus.PLACE.glob("corpus/*")], [*corpus.PLACE.glob("found/*")]
    assert {path.name for path in chosen} == {f"{target}.txt" for target in TARGETS}
    assert {path.name for path in found} <= {path.name for path in chosen}
    assert max(path.stat().st_size for path in chosen) <= MOST_OF_A_CORPUS


# Each judge is shown to bite: a fault is planted in the product, and the target's own corpus finds it.


def nothing_split(data, start):
    """The last line end taken for the end of an event."""
    return data.rfind(b"\n", start) + 1


FAULTS = {
    "sse": (sse, "_boundary", nothing_split),
    "event-stream": (event_stream.Decoder, "feed", lambda self, data: [event_stream.Message({}, data)]),
    "json-intake": (strict_json, "is_plain", lambda body, fields: True),
    "policy-intake": (wire_targets, "merge", lambda layers, presets: parse.parse_data_policy({}, wire_targets.KNOWN)),
    "api-key": (api_keys, "_LENGTH", 47),
    "address-guard": (dialer.Dialer, "allows", lambda self, text: ":" in text),
    "evidence": (wire_targets, "from_body", lambda evidence, body, name_of: body.decode("latin-1")),
    "http-client": (Connection, "on_body", lambda self, part: None),
    "http-provider": (UpstreamConnection, "on_body", lambda self, part: None),
    "audit": (audit_targets, "split_note", lambda note: (note, "", b"", b"")),
    "embeddings-gemini": (pair_targets, "PATH", re.compile(rb"/nowhere")),
}
"""By target: what is replaced, and by what."""


@pytest.mark.parametrize("target", FAULTS)
def test_a_planted_fault_is_found(target, monkeypatch):
    monkeypatch.setattr(*FAULTS[target])
    with pytest.raises(AssertionError):
        run_all(target, 3000)


PAIR = "chat_completions-anthropic"


def quoting(_body):
    raise BadRequest(f"{MARK % 1} is no model")


ANSWERS = {"a counter out of bounds": Answer(b"{}", TokenCount(1, 2, 3, 4)), "an answer that is no JSON": Answer(b"{NaN}", None)}


@pytest.mark.parametrize("fault", ANSWERS)
def test_a_wrong_answer_is_found(fault, monkeypatch):
    monkeypatch.setattr(type(TARGETS[PAIR].adapter), "read_answer", lambda self, body, call: ANSWERS[fault])
    with pytest.raises(AssertionError):
        run_all(PAIR)


def test_a_text_that_disappears_is_found(monkeypatch):
    real = Pair.prepare

    def emptied(self, body):
        request, prepared = real(self, body)
        return request, Prepared(prepared.path, b"{}", prepared.headers)

    monkeypatch.setattr(Pair, "prepare", emptied)
    with pytest.raises(AssertionError, match="disappeared"):
        run_all(PAIR)


def test_a_refusal_that_quotes_is_found(monkeypatch):
    monkeypatch.setitem(pair_targets.PARSERS, TARGETS[PAIR].pair.dialect, quoting)
    with pytest.raises(AssertionError, match="repeated"):
        run_all(PAIR)


def test_mutations_are_the_same_for_the_same_seed():
    known = corpus.inputs("sse")
    one, other = Mutator(known), Mutator(known)
    assert [one.mutate(known[0], 100, seed) for seed in range(50)] == [other.mutate(known[0], 100, seed) for seed in range(50)]
    assert len({one.mutate(known[0], 100, seed) for seed in range(50)}) > 30
