"""Reports: signed, and a changed byte or another key is told."""

import json

import msgspec
import pytest

from anyapi.audit.notes import open_note
from anyapi.crypto.log_keys import LogKeys, make_key
from anyapi.errors import ConfigError
from anyapi.prove.report import Report, key_of, signed, verified

REPORT = Report(
    made_at="2026-11-27T12:00:00+00:00",
    version="1",
    gateway="http://127.0.0.1:8080",
    requests=2,
    outcome_classes=2,
    ended_otherwise=(),
    absent=(),
    canaries=80,
    sinks=1,
    searched={"database": 4096},
    unsearched={},
    hits=0,
    found=(),
    planted_leaks=1,
    planted_leaks_found=1,
    missed=(),
    waited=5.0,
    long_texts=1,
    short_texts=1,
    short_left=0,
    proven=True,
)


@pytest.fixture
def key(tmp_path):
    """The audit log's."""
    make_key(tmp_path / "audit.key")
    return key_of(LogKeys(tmp_path / "audit.key"))


def as_lines(made):
    """As `--json` prints it, and as the last line for people."""
    whole = json.loads(msgspec.json.encode(made))
    flat = {**whole["report"], "public_key": whole["public_key"], "signature": whole["signature"]}
    return json.dumps(flat).encode(), b"words for people\n" + json.dumps(whole).encode() + b"\n"


def test_what_was_signed_is_read_again(key):
    made = signed(REPORT, key)
    for text in as_lines(made):
        assert verified(text) == REPORT
        assert verified(text, made.public_key) == REPORT


def test_every_changed_value_is_told(key):
    flat = json.loads(as_lines(signed(REPORT, key))[0])
    for name, value in flat.items():
        changed = {"str": lambda v: v[:-5] + "AAAA=" if v.endswith("=") else v + "x", "bool": lambda v: not v, "int": lambda v: v + 1}.get(
            type(value).__name__,
            lambda v: ["x"] if isinstance(v, list) else {"x": "1"} if v == {} else {"database": 1} if isinstance(v, dict) else v + 1,
        )(value)
        with pytest.raises(ConfigError):
            verified(json.dumps({**flat, name: changed}).encode())


def test_who_knows_no_field_of_it_can_check_it(key):
    """As the handbook says: keys sorted, no white space, and a newline."""
    made = signed(REPORT, key)
    for text in as_lines(made):
        line = json.loads(text.splitlines()[-1])
        body = line.get("report", {name: value for name, value in line.items() if name not in {"public_key", "signature"}})
        note = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        open_note(f"{note}\n\n\u2014 {key.public.name} {made.signature}\n", key.public)


def test_another_key_is_told(key):
    other = str(key_of(None).public)
    with pytest.raises(ConfigError, match="another key"):
        verified(as_lines(signed(REPORT, key))[0], other)


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"nonsense", b'{"report": {}, "public_key": "x", "signature": 1}'])
def test_no_report(text):
    with pytest.raises(ConfigError, match="not a report"):
        verified(text)


def test_the_key_is_the_audit_logs_or_nobodys(tmp_path, key):
    assert str(key.public) == str(key_of(LogKeys(tmp_path / "audit.key")).public)
    assert str(key_of(None).public) != str(key_of(None).public)
