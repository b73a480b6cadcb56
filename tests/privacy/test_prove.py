"""`anyapi prove` as operators run it: a demo that it starts itself, and a gateway that runs already. What its search can find, it shows itself.

The other tests of this folder use the same canaries, requests and search on gateways of their own.
"""

import json
import os
import subprocess
import sys

import pytest
from tests.tools.gateway import simulated

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(
        os.geteuid() != 0, reason="SKIPPED LOUDLY: needs root to read another process's memory: `anyapi prove` is NOT checked"
    ),
]
NAMED = {"hits", "outcome_classes", "canaries", "sinks", "planted_leaks_found", "planted_leaks", "public_key", "signature"}


def run(folder, *words):
    return subprocess.run(
        [sys.executable, "-m", "anyapi", "prove", *words], capture_output=True, text=True, check=False, timeout=170, cwd=folder
    )


def test_a_demo_is_proven_and_the_report_is_signed(tmp_path):
    ran = run(tmp_path, "--demo", "--json")
    (line,) = ran.stdout.splitlines()
    report = json.loads(line)
    assert report.keys() >= NAMED
    wrong = {name: report[name] for name in ("ended_otherwise", "unsearched", "missed", "found") if report[name]}
    assert (report["hits"], wrong, report["proven"], ran.returncode) == (0, {}, True, 0), ran.stderr
    assert report["outcome_classes"] >= 200
    assert report["absent"] == []
    assert report["searched"]["traces"] > 100_000
    assert report["canaries"] > 10_000
    assert report["planted_leaks_found"] == report["planted_leaks"] == report["sinks"] == len(report["searched"]) == 9
    assert report["searched"]["process memory"] > 30_000_000
    assert report["long_texts"] >= 28
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"
    file = tmp_path / "report"
    file.write_text(ran.stdout)
    assert run(tmp_path, "--verify", str(file), "--public-key", report["public_key"]).returncode == 0
    file.write_text(ran.stdout.replace('"hits": 0', '"hits": 1'))
    assert run(tmp_path, "--verify", str(file)).returncode == 1
    print({name: report[name] for name in ("outcome_classes", "canaries", "sinks", "planted_leaks_found", "hits", "short_left")})


@pytest.mark.long
def test_a_running_gateway_is_proven(tmp_path):
    with simulated(tmp_path / "home", control=True) as (gateway, simulation):
        here = ("--config", str(gateway.home / "anyapi.toml"), "--url", gateway.url, "--log", str(gateway.home / "gateway.log"))
        ran = run(tmp_path, *here, "--json", "--model", "openai/gpt-4o-mini", "--wait", "5")
        report = json.loads(ran.stdout)
        wrong = {name: report[name] for name in ("ended_otherwise", "unsearched", "missed", "found") if report[name]}
        assert (report["hits"], wrong, report["proven"], ran.returncode) == (0, {}, True, 0), ran.stderr
        assert report["outcome_classes"] >= 100
        assert report["planted_leaks_found"] == report["sinks"] == 8
        asked = sum(simulation.ledger(name)["requests"] for name in simulation.base_urls)
        assert asked == 6, "only what --model names is sent to a provider: in three formats, whole and streamed"
        with gateway.store() as store:
            made = [key for key in store.keys() if key.name == "anyapi prove"]
        assert [key.revoked_at is not None for key in made] == [True], "the key that was made for it is revoked"
        key = subprocess.run(
            [sys.executable, "-m", "anyapi", "audit", "key", *here[:2], "--json"], capture_output=True, text=True, check=True
        )
        assert json.loads(key.stdout)["key"] == report["public_key"], "what signs checkpoints signs this too"


@pytest.mark.long
def test_what_cannot_be_looked_at_is_said_and_not_proven(tmp_path):
    with simulated(tmp_path / "home", control=True) as (gateway, _):
        ran = run(tmp_path, "--config", str(gateway.home / "anyapi.toml"), "--url", gateway.url, "--json", "--wait", "0")
    report = json.loads(ran.stdout)
    assert ran.returncode == 1
    assert report["proven"] is False
    assert "--log" in report["unsearched"]["log"], "its standard output is a pipe of this test"


def test_without_a_gateway_there_is_nothing_to_prove(tmp_path):
    (tmp_path / "anyapi.toml").write_text("")
    ran = run(tmp_path, "--data-dir", str(tmp_path / "data"))
    assert ran.returncode == 3
    assert "No gateway runs" in ran.stderr
