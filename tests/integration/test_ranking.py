"""The ranking through a whole gateway, on either database: requests of many accounts come in, a week ends, and the page shows counts.

The week ends when the test says so, and the process that draws noise is replaced by one that draws none, so that counts can be compared.
"""

import json
import time

import pytest
from tests.conformance.stores import BACKENDS
from tests.tools.gateway import add_key
from tests.unit.test_bootstrap import NOW, request, unharmed, visited

from anyapi import bootstrap_ranking
from anyapi.bootstrap_ranking import week_name, week_of
from anyapi.config import load_config
from anyapi.ranking import release
from anyapi.simulator import SimulationThread, demo_config_toml
from anyapi.storage.rows import AccountRow

__all__ = ["unharmed"]
MODEL = "anthropic/claude-3.5-sonnet"
CANARY = "zq7canary"
CODE = f"Write a Python function that removes duplicates from a list, call it {CANARY}."
HEALTH = "What are the side effects of ibuprofen, and should I see a doctor about my fever?"
NO_NOISE = """
import json, sys
asked = json.load(sys.stdin)
shown = [[place, count] for place, count in enumerate(asked["counts"]) if count >= asked["shown_from"]]
json.dump({"epsilon": 1.0, "shown": shown}, sys.stdout)
"""


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.__name__)
def backend(request, tmp_path):
    with request.param(tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def weeks(monkeypatch, tmp_path):
    """The current week, as a list of one that the test may change."""
    script = tmp_path / "no_noise.py"
    script.write_text(NO_NOISE)
    monkeypatch.setattr(release, "NOISE", script)
    monkeypatch.setattr(bootstrap_ranking, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(bootstrap_ranking, "LATER_SECONDS", 0.0)
    current = [week_of(time.time())]
    monkeypatch.setattr(bootstrap_ranking, "week_of", lambda _at: current[0])
    return current


def configured(backend, simulation, ranking):
    file = backend.directory / "anyapi.toml"
    own = (
        f'[server]\nlisten = "127.0.0.1:0"\n\n[control]\nenabled = false\n\n[storage]\ndata_dir = {json.dumps(str(backend.directory))}\n\n'
    )
    file.write_text(f"{own}[ranking]\n{ranking}\n\n{demo_config_toml(simulation.simulation.ports)}", encoding="utf-8")
    given = {} if backend.url is None else {"ANYAPI_DATABASE_URL": backend.url}
    return load_config(file, {"HOME": str(backend.directory), **given}, NOW)


def keys_of(backend, *accounts):
    backend.driver.prepare()
    with backend.store(time.time()) as store:
        for account in accounts:
            store.add_account(AccountRow(account, account, time.time()))
        return {account: add_key(store, account)[0] for account in accounts}


def ask(address, key, text, **fields):
    body = {"model": MODEL, "messages": [{"role": "user", "content": text}], **fields}
    status, answer = request(address, "POST", "/v1/chat/completions", json.dumps(body), key)
    assert status == 200, answer


def page(address, patience=20.0):
    """The page once it shows a week."""
    deadline = time.monotonic() + patience
    while True:
        status, body = request(address, "GET", "/v1/rankings")
        assert status == 200
        found = json.loads(body)
        if found["week"] is not None or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def test_a_week_of_many_accounts(unharmed, backend, weeks, capfd):
    crowd = [f"crowd-{number}" for number in range(37)]
    keys = keys_of(backend, *crowd, "left", "secretive", "strict", "ill")
    with backend.ranking() as ranking:
        ranking.take_part("left", part=False)
    pages, released = [], week_name(weeks[0])
    with SimulationThread() as simulation:

        def visit(address):
            assert page(address, patience=0.0)["week"] is None
            for _ in range(2):  # the first few may come before the model of topics is loaded; those that do not, count once all the same
                for account in crowd:
                    ask(address, keys[account], CODE, stream=account == "crowd-7")
            ask(address, keys["left"], CODE)
            ask(address, keys["secretive"], CODE, data_policy={"data_class": "confidential"})
            ask(address, keys["ill"], HEALTH)
            weeks[0] += 7
            pages.append(page(address))
            pages.append(json.loads(request(address, "GET", "/v1/privacy")[1]))

        visited(configured(backend, simulation, "enabled = true\nshare = 1.0"), visit)
    shown, privacy = pages
    assert shown["week"] == released
    assert shown["topics"] == [{"topic": "programming", "models": [{"model": MODEL, "count": 37, "share": 1.0}]}]
    assert [(each["model"], each["success"]) for each in shown["models"]] == [(MODEL, 1.0)]
    assert (shown["epsilon"], shown["delta"], shown["shown_from"], shown["sampling"]) == (1.0, 1e-6, 34, True)
    assert (privacy["sampling"]["available"], privacy["sampling"]["share"]) == (True, 1.0)
    assert f"event=ranking_released week={released}" in capfd.readouterr().err
    with backend.ranking() as ranking:
        assert [found.week for found in ranking.releases()] == [released]
    for file in backend.files():
        assert CANARY.encode() not in file.read_bytes()
        if file.name != "anyapi.toml":
            assert b"ibuprofen" not in file.read_bytes()


def test_off_is_off(unharmed, backend, weeks):
    keys, seen = keys_of(backend, "one"), []
    with SimulationThread() as simulation:

        def visit(address):
            ask(address, keys["one"], CODE)
            weeks[0] += 7
            time.sleep(0.5)
            seen.append(page(address, patience=0.0))
            seen.append(json.loads(request(address, "GET", "/v1/privacy")[1]))

        visited(configured(backend, simulation, "enabled = false"), visit)
    assert (seen[0]["week"], seen[0]["sampling"]) == (None, False)
    assert seen[1]["sampling"] == {"available": False}
    with backend.ranking() as ranking:
        assert ranking.releases() == ()
        assert ranking.spend(week_name(weeks[0] - 7), 1.0, 1e-6)
