"""A running gateway forgets an account: its key is refused when the call returns, and no byte of its names is left, not even by answers
that were under way."""

import io
import json
import subprocess
import sys
import threading
import urllib.request
import zipfile

import pytest
from tests.conftest import LONG
from tests.integration.lab import FIRST, provider, until
from tests.tools.control_page import first_person
from tests.tools.gateway import simulated

SPEC = provider(FIRST, {"slow/words": "@@drip/seconds:0.4", "quick/words": ""})
CANARY = "canaryzoe"
ROUNDS = 50 if LONG else 3


def anyapi(gateway, *arguments, check=True):
    command = [sys.executable, "-m", "anyapi", *arguments, "--config", str(gateway.home / "anyapi.toml")]
    return subprocess.run(command, capture_output=True, text=True, check=check, timeout=60)


@pytest.fixture(scope="module")
def planes(tmp_path_factory):
    with simulated(tmp_path_factory.mktemp("deletion") / "home", [SPEC], control=True) as (gateway, _):
        yield gateway, first_person(gateway)


def made(page, number=""):
    """An account with a key, a project, a member, an invitation and a privacy request, all named by the canary."""
    account = f"{CANARY}{number}"
    assert page.send("POST", "/api/accounts", {"id": account, "name": f"{account} Ltd"})[0] == 201
    where = f"/api/accounts/{account}"
    page.send("POST", f"{where}/projects", {"id": f"{account}-project", "name": f"{account} project"})
    page.send("POST", f"{where}/members", {"email": f"{account}@x.org", "role": "admin"})
    page.send("PUT", f"{where}/settings/account/{account}", {"data_policy": {"data_class": "confidential"}})
    page.send("POST", f"{where}/requests", {"kind": "question", "words": f"who is {account}?"})
    key = page.send("POST", f"{where}/keys", {"name": f"{account} key", "project": f"{account}-project"})[1]["secret"]
    return account, {"Authorization": f"Bearer {key}", "X-AnyAPI-App-Name": f"{account}-app"}


def left(gateway):
    return [path.name for path in gateway.home.iterdir() if path.is_file() and CANARY.encode() in path.read_bytes().lower()]


def test_its_key_is_refused_at_once_and_what_was_under_way_leaves_nothing(planes):
    gateway, page = planes
    account, headers = made(page)
    for _ in range(3):
        assert gateway.chat(headers, model="quick/words", data_policy=None).status == 200
    answers = []
    slow = threading.Thread(
        target=lambda: answers.append(gateway.chat(headers, model="slow/words", data_policy=None, stream=True)), daemon=True
    )
    slow.start()
    until(lambda: gateway.process and page.send("GET", f"/api/accounts/{account}/usage/rows")[1], "rows of the account")
    plan = page.send("GET", f"/api/accounts/{account}/deletion")[1]
    assert plan["refused"] is None
    status, deleted = page.send("POST", f"/api/accounts/{account}/deletion", {"name": f"{account} Ltd"})
    refused = gateway.chat(headers, model="quick/words", data_policy=None)
    assert (status, refused.status) == (200, 401)
    assert deleted["report"]["wiped"] is True
    assert slow.is_alive(), "an answer is still under way, or the test proves less than it says"
    assert left(gateway) == []
    slow.join(20)
    assert answers[0].status == 200
    assert answers[0].events()[-1] == "[DONE]"
    until(lambda: any(row.account == "deleted" for row in gateway.usage()), "the row of the answer that ended late")
    assert left(gateway) == []
    assert CANARY not in gateway.log()
    with gateway.store() as store:
        records = [store.decision(row.decision) for row in gateway.usage()]
    assert {one.account for one in records if one} == {deleted["report"]["known_as"]}, "of those before it was deleted"


def test_again_and_again_no_request_is_accepted_after_the_call(planes):
    gateway, page = planes
    for number in range(ROUNDS):
        account, headers = made(page, number)
        seen, stop = [], threading.Event()

        def hammer(headers=headers, seen=seen, stop=stop):
            while not stop.is_set():
                seen.append(gateway.chat(headers, model="quick/words", data_policy=None).status)

        thread = threading.Thread(target=hammer, daemon=True)
        thread.start()
        until(lambda seen=seen: len(seen) > 2, "requests are being made")
        assert page.send("POST", f"/api/accounts/{account}/deletion", {"name": f"{account} Ltd"})[0] == 200
        after = len(seen)
        until(lambda seen=seen, after=after: len(seen) > after + 3, "requests after the call")
        stop.set()
        thread.join(10)
        assert set(seen[after + 1 :]) == {401}, "the one that was under way may have been answered"
        assert set(seen) == {200, 401}
    assert left(gateway) == []


def test_the_archive_over_the_wire_and_the_command_beside_a_running_gateway(planes, tmp_path):
    gateway, page = planes
    account, headers = made(page, "cli")
    assert gateway.chat(headers, model="quick/words", data_policy=None).status == 200
    export = page.send("POST", f"/api/accounts/{account}/exports")[1]
    request = urllib.request.Request(f"{page.url}/api/accounts/{account}/exports/{export['id']}/archive", headers={"cookie": page.cookie})
    with urllib.request.urlopen(request, timeout=20) as answer:
        bundle = zipfile.ZipFile(io.BytesIO(answer.read()))
    assert bundle.testzip() is None
    assert json.loads(bundle.read("privacy_messages.json"))[0]["words"] == f"who is {account}?"
    assert page.send("GET", f"/api/accounts/{account}/exports/{export['id']}")[1]["state"] == "done"
    anyapi(gateway, "accounts", "export", account, "--to", str(tmp_path / "taken.zip"))
    assert zipfile.ZipFile(tmp_path / "taken.zip").testzip() is None
    assert "nothing was deleted" in anyapi(gateway, "accounts", "delete", account, "--confirm", "x", check=False).stderr
    assert gateway.chat(headers, model="quick/words", data_policy=None).status == 200
    report = json.loads(anyapi(gateway, "accounts", "delete", account, "--confirm", f"{account} Ltd", "--json").stdout)
    assert gateway.chat(headers, model="quick/words", data_policy=None).status == 401
    assert (report["done"], report["wiped"]) == (True, True)
    assert left(gateway) == []
