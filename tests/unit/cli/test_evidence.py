"""`anyapi evidence`: what is listed, and that clearing says what it cleared."""

import json

import pytest
from tests.conformance.samples import NOON, contradiction

from anyapi.domain.evidence import EvidenceCode
from anyapi.storage.contradiction_writer import ContradictionWriter
from anyapi.storage.sqlite import SqliteStore

COMMAND = "evidence"


@pytest.fixture
def rows(data_dir):
    found = [contradiction(1), contradiction(1, credential="another"), contradiction(2, code=EvidenceCode.OTHER_HOST, host="deepseek")]
    with SqliteStore(data_dir, lambda: NOON):
        writer = ContradictionWriter(data_dir)
        for one in found:
            writer.put(one)
        writer.close()
    return found


def listed(run, *args):
    return [(row["endpoint"], row["credential"], row["code"]) for row in json.loads(run("list", "--json", *args).stdout)["contradictions"]]


def test_nothing_yet(run):
    assert "no provider has stated otherwise" in run("list").stdout
    assert listed(run) == []


def test_the_list(run, rows):
    assert listed(run) == [
        ("xai/grok-1", "env:XAI", "retained"),
        ("xai/grok-1", "another", "retained"),
        ("xai/grok-2", "env:XAI", "other_host"),
    ]
    text = run("list").stdout
    assert all(word in text for word in ("xai/grok-2", "deepseek", "2026-11-24 12:00", "in force", rows[0].decision))


def test_clearing_one_credential_and_then_all(run, rows):
    assert "1 cleared of xai/grok-1; no server is running" in run("clear", "xai/grok-1", "--credential", "another").stdout
    assert json.loads(run("clear", "xai/grok-1", "--json").stdout)["cleared"] == 1
    assert listed(run) == [("xai/grok-2", "env:XAI", "other_host")]
    assert len(listed(run, "--all")) == 3
    assert "cleared 20" in run("list", "--all").stdout


def test_what_is_wrong_is_named(run, rows):
    assert "Close to it: xai/grok-1" in run("clear", "xai/grok-11", code=1).output
    assert "There is no credential of that endpoint" in run("clear", "xai/grok-1", "--credential", "nobody", code=1).output
    run("clear", "xai/grok-1")
    assert "There is no contradicted endpoint" in run("clear", "xai/grok-1", code=1).output
    assert len(listed(run)) == 1
