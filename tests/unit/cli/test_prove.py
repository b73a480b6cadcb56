"""`anyapi prove`: what it prints of a report, and how it ends. What it does is shown in tests/privacy/test_prove.py."""

import json

import msgspec
import pytest
from click.testing import CliRunner
from tests.unit.prove.test_report import REPORT

from anyapi.cli import main
from anyapi.prove.report import key_of, signed


def run(*words):
    return CliRunner().invoke(main, ["prove", *words])


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "report"
    path.write_bytes(b"words\n" + msgspec.json.encode(signed(REPORT, key_of(None))) + b"\n")
    return path


def test_a_report_is_checked_without_a_store(bare, file):
    result = run("--verify", str(file))
    assert result.exit_code == 0
    assert "proven: 0 hits" in result.stdout
    assert "planted leaks found: 1 of 1" in result.stdout
    assert json.loads(run("--verify", str(file), "--json").stdout)["outcome_classes"] == 2
    assert not (bare / "data").exists()


def test_a_changed_report_is_refused(bare, file):
    file.write_bytes(file.read_bytes().replace(b'"hits":0', b'"hits":1'))
    result = run("--verify", str(file))
    assert result.exit_code == 1
    assert "signature is wrong" in result.output


def test_what_is_not_proven_is_said_in_words(bare, tmp_path):
    changes = {"unsearched": {"log": "a pipe"}, "missed": ("memory",), "ended_otherwise": ("one: 200",), "found": ("one in a",)}
    report = msgspec.structs.replace(REPORT, proven=False, hits=1, **changes)
    (tmp_path / "report").write_bytes(msgspec.json.encode(signed(report, key_of(None))))
    said = run("--verify", str(tmp_path / "report")).stdout
    for words in (
        "NOT searched: log: a pipe",
        "NOT proven: memory",
        "ended otherwise than it should: one: 200",
        "LEAK: one in a",
        "NOT PROVEN",
    ):
        assert words in said


def said_of(tmp_path, **changes):
    """The lines for people of a report like REPORT."""
    (tmp_path / "report").write_bytes(msgspec.json.encode(signed(msgspec.structs.replace(REPORT, **changes), key_of(None))))
    return run("--verify", str(tmp_path / "report")).stdout.splitlines()


def test_what_was_not_tried_is_named_by_reason_and_the_verdict_says_so(bare, tmp_path):
    lines = said_of(tmp_path, untried={"one": "no key is there", "two": "no key is there", "three": "limits"})
    assert "  not tried: one; two: no key is there" in lines
    assert "  not tried: three: limits" in lines
    assert lines[-1] == "proven: 0 hits in all that was tried; what was not is named above"
    assert said_of(tmp_path)[-1] == "proven: 0 hits"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ended_otherwise": ("one: 200", "two: 404")}, "2 kinds of requests ended otherwise"),
        ({"unsearched": {"log": "a pipe"}}, "1 places could not be searched"),
        ({"missed": ("memory",)}, "1 searches did not find"),
        ({"short_texts": 100, "short_left": 7}, "7 requests with short texts"),
    ],
)
def test_nothing_found_does_not_read_as_a_leak(bare, tmp_path, changes, words):
    last = said_of(tmp_path, proven=False, **changes)[-1]
    assert last.startswith("NOT PROVEN: 0 hits, nothing was found; but ")
    assert words in last
    assert said_of(tmp_path, proven=False, hits=3, **changes)[-1] == "NOT PROVEN: 3 hits"


def test_without_a_gateway_it_ends_with_3(bare):
    result = run("--data-dir", str(bare / "data"))
    assert result.exit_code == 3
    assert "No gateway runs" in result.output
