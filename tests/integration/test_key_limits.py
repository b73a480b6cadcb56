"""Limits of keys, end to end: a running gateway, official SDKs, simulated providers; many at once, kills, restarts, callers that leave.

What a key may spend is compared with what the usage rows say that its answers cost.
"""

import contextlib
import http.client
import json
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import anthropic
import openai
import pytest
from tests.integration.lab import FIRST, laboratory, provider, until
from tests.tools.gateway import simulated

from anyapi.control.channel import request_reload
from anyapi.crypto.api_keys import PROVISIONING_PREFIX, generate
from anyapi.domain.limits import CapPeriod
from anyapi.storage.rows import KeyRow, ProvisioningKeyRow

PLAIN, SLOW, HANGS, FAILS, EMPTY, CUT, DRIPS = (f"lab/{name}" for name in ("plain", "slow", "hangs", "fails", "empty", "cut", "drips"))
FAULTS = {
    PLAIN: "",
    SLOW: "@@stall/seconds:1.5",
    HANGS: "@@stall",
    FAILS: "@@status/status:500",
    EMPTY: "@@empty",
    CUT: "@@reset/at:3/of:events",
    DRIPS: "@@drip/seconds:0.1",
}
TIMEOUTS = "[server.upstream]\nfirst_byte_timeout = 20\nanswer_timeout = 20\nstream_idle_timeout = 20\n"
TOKENS = 100
"""Asked for as the longest answer of every request."""


def limited_key(gateway, **limits):
    """A key with limits, in force."""
    parts = generate()
    with gateway.store() as store:
        store.add_key(KeyRow(parts.id, parts.prefix, parts.sha256, "default", time.time(), **limits))
    if gateway.process is not None:
        assert request_reload(gateway.home / "control.sock", "keys")
    return parts


@contextlib.contextmanager
def lab(home):
    with laboratory(home, [provider(FIRST, FAULTS)], extra=TIMEOUTS) as made:
        yield made


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with lab(tmp_path_factory.mktemp("limits") / "home") as made:
        yield made.gateway


def post(gateway, parts, model, path="/v1/chat/completions", **fields):
    body = {"model": model, "max_tokens": TOKENS, "messages": [{"role": "user", "content": "Say it."}], **fields}
    return gateway.request("POST", path, body, {"Authorization": f"Bearer {parts.secret}"})


def limits_of(gateway, parts):
    return gateway.request("GET", "/v1/key", headers={"Authorization": f"Bearer {parts.secret}"}).json()["limits"]


def price_of_one(gateway, model, **fields):
    """The most that such a request can cost, as the gateway says it to a key that may spend nothing."""
    return post(gateway, limited_key(gateway, spend_cap=1e-9), model, **fields).json()["error"]["metadata"]["highest_cost"]


def rows_of(gateway, parts, wanted):
    """The usage rows of a key, when there are so many."""

    def found():
        return [row for row in gateway.usage() if row.key == parts.id]

    until(lambda: len(found()) >= wanted, f"{wanted} usage rows")
    return found()


def test_two_hundred_at_once_against_a_budget_for_ten(gateway):
    parts = limited_key(gateway, spend_cap=10 * price_of_one(gateway, SLOW))
    with ThreadPoolExecutor(200) as pool:
        statuses = Counter(answer.status for answer in pool.map(lambda _: post(gateway, parts, SLOW), range(200)))
    assert statuses[200] == 10
    assert set(statuses) <= {200, 402, 429}
    rows = rows_of(gateway, parts, 10)
    found = limits_of(gateway, parts)
    assert len(rows) == 10
    assert found["spent"] == pytest.approx(sum(row.cost for row in rows))
    assert 0 < found["spent"] <= found["spend_cap"]
    assert found["held"] == 0.0


def test_streams_at_once_never_hold_more_than_the_cap(gateway):
    cap = 3 * price_of_one(gateway, DRIPS, stream=True)
    parts = limited_key(gateway, spend_cap=cap)
    seen = []
    watching = threading.Event()

    def watch():
        while not watching.wait(0.02):
            found = limits_of(gateway, parts)
            seen.append(found["held"] + found["spent"])

    watcher = threading.Thread(target=watch)
    watcher.start()
    with ThreadPoolExecutor(20) as pool:
        statuses = Counter(pool.map(lambda _: post(gateway, parts, DRIPS, stream=True).status, range(20)))
    watching.set()
    watcher.join()
    assert statuses[200] >= 3
    assert max(seen) <= cap + 1e-9
    assert limits_of(gateway, parts)["held"] == 0.0


@pytest.mark.parametrize(("model", "status", "stream"), [(FAILS, 502, False), (EMPTY, 200, False), (EMPTY, 200, True), (CUT, 200, True)])
def test_what_failed_or_came_empty_costs_nothing(gateway, model, status, stream):
    parts = limited_key(gateway, spend_cap=2 * price_of_one(gateway, model, stream=stream))
    for _ in range(4):
        answer = post(gateway, parts, model, stream=stream)
        assert answer.status in {status, 503}  # its circuit opens after a while
    found = limits_of(gateway, parts)
    assert (found["spent"], found["held"]) == (0.0, 0.0)


@pytest.mark.parametrize("model", [HANGS, DRIPS])
def test_a_client_that_leaves_lets_go_of_its_hold(gateway, model):
    parts = limited_key(gateway, spend_cap=price_of_one(gateway, model, stream=True))
    body = json.dumps({"model": model, "max_tokens": TOKENS, "stream": True, "messages": [{"role": "user", "content": "Say it."}]}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {parts.secret}\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port)) as client:
        client.sendall(head.encode() + body)
        until(lambda: limits_of(gateway, parts)["held"] > 0, "a hold")
        if model == DRIPS:
            client.recv(100)
        assert post(gateway, parts, PLAIN).status == 429
    until(lambda: limits_of(gateway, parts)["held"] == 0.0, "the hold to end", 2.0)
    (row,) = rows_of(gateway, parts, 1)
    assert row.outcome == "client_gone"
    assert limits_of(gateway, parts)["spent"] == pytest.approx(row.cost or 0.0)


def test_sdks_understand_what_they_are_told(gateway):
    parts = limited_key(gateway, requests_per_minute=2)
    asked = {"model": PLAIN, "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=parts.secret, max_retries=0) as client:
        first = client.chat.completions.with_raw_response.create(**asked)
        assert first.headers["x-ratelimit-remaining-requests"] == "1"
        streamed = client.responses.with_raw_response.create(model=PLAIN, max_output_tokens=50, input="hi", stream=True)
        assert streamed.headers["x-ratelimit-remaining-requests"] == "0"
        assert list(streamed.parse())[-1].type == "response.completed"
        with pytest.raises(openai.RateLimitError) as refused:
            client.chat.completions.create(**asked)
        assert 1 <= int(refused.value.response.headers["retry-after"]) <= 60
        assert refused.value.type == "rate_limit"
        with pytest.raises(openai.RateLimitError):
            client.embeddings.create(model=PLAIN, input="hi")
    with anthropic.Anthropic(base_url=gateway.url, api_key=parts.secret, max_retries=0) as client:
        with pytest.raises(anthropic.RateLimitError) as refused:
            client.messages.create(**asked)
        assert refused.value.body["error"]["type"] == "rate_limit_error"
        assert refused.value.response.headers["anthropic-ratelimit-requests-limit"] == "2"


def test_sdks_do_not_repeat_what_cannot_be_paid(gateway):
    parts = limited_key(gateway, spend_cap=0.0)
    asked = {"model": PLAIN, "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=parts.secret) as client:
        for call in (
            lambda: client.chat.completions.create(**asked),
            lambda: client.responses.create(model=PLAIN, input="hi"),
        ):
            with pytest.raises(openai.APIStatusError) as refused:
                call()
            assert (refused.value.status_code, refused.value.type) == (402, "insufficient_quota")
    with anthropic.Anthropic(base_url=gateway.url, api_key=parts.secret) as client, pytest.raises(anthropic.APIStatusError) as refused:
        client.messages.create(**asked)
    assert (refused.value.status_code, refused.value.body["error"]["type"]) == (402, "billing_error")
    assert rows_of(gateway, parts, 0) == []


def test_a_rotated_key_and_its_successor_share(gateway):
    old = limited_key(gateway, requests_per_minute=3)
    new = generate()
    with gateway.store() as store:
        store.replace_key(old.id, KeyRow(new.id, new.prefix, new.sha256, "default", time.time()), time.time() + 60)
    assert request_reload(gateway.home / "control.sock", "keys")
    assert [post(gateway, parts, PLAIN).status for parts in (old, new, old, new)] == [200, 200, 200, 429]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_spent_outlives_the_process_and_holds_do_not(tmp_path, number):
    with lab(tmp_path / "home") as made:
        gateway = made.gateway
        parts = limited_key(gateway, spend_cap=4 * price_of_one(gateway, SLOW), period=CapPeriod.MONTH)
        for _ in range(2):
            assert post(gateway, parts, PLAIN).status == 200
        spent = limits_of(gateway, parts)["spent"]
        assert spent == pytest.approx(sum(row.cost for row in rows_of(gateway, parts, 2)))
        hanging = threading.Thread(target=_ask_and_lose, args=(gateway, parts))
        hanging.start()
        until(lambda: limits_of(gateway, parts)["held"] > 0, "a hold")
        gateway.stop(number)
        hanging.join()
        if number == signal.SIGTERM:  # then it is waited for
            spent = sum(row.cost for row in rows_of(gateway, parts, 3))
        gateway.start()
        found = limits_of(gateway, parts)
        assert (found["spent"], found["held"]) == (pytest.approx(spent), 0.0)
        with gateway.store() as store:  # it does not go with the rows that it came from
            while store.purge_usage(time.time() + 1e6, 0.0):
                pass
        gateway.stop()
        gateway.start()
        assert limits_of(gateway, parts)["spent"] == pytest.approx(spent)


def _ask_and_lose(gateway, parts):
    with contextlib.suppress(OSError, http.client.HTTPException):
        post(gateway, parts, SLOW)


def test_a_limit_is_in_force_when_the_call_returns_and_so_is_its_end(tmp_path):
    """Over `/api/v1/keys`, beside a data plane that serves: what the control plane answered holds for the next request."""
    with simulated(tmp_path / "home", control=True) as (gateway, _):
        manager = generate(PROVISIONING_PREFIX)
        with gateway.store() as store:
            store.add_provisioning_key(ProvisioningKeyRow(manager.id, manager.prefix, manager.sha256, "default", time.time()))
        url = gateway.control_url()
        named = gateway.request("GET", "/api/v1/keys")
        assert (named.status, named.json()["error"]["metadata"]["control_url"]) == (404, f"{url}/api/v1/keys")

        def manage(method, path="", body=None, secret=manager.secret):
            data = None if body is None else json.dumps(body).encode()
            headers = {"content-type": "application/json", "authorization": f"Bearer {secret}"}
            request = urllib.request.Request(f"{url}/api/v1/keys{path}", data, headers, method=method)
            try:
                with urllib.request.urlopen(request, timeout=20) as answer:
                    return json.loads(answer.read())
            except urllib.error.HTTPError as error:
                return error.code

        made = manage("POST", body={"name": "app", "limit": 1})
        headers, one = {"Authorization": f"Bearer {made['key']}"}, f"/{made['data']['hash']}"
        assert gateway.chat(headers, max_tokens=20).status == 200
        assert gateway.chat({"Authorization": f"Bearer {manager.secret}"}).status == 401
        assert manage("GET", secret=made["key"]) == manage("GET", secret=gateway.key) == 401
        manage("PATCH", one, {"requests_per_minute": 1})  # what was asked before it had a rate is not counted
        assert gateway.chat(headers, max_tokens=20).status == 200
        for _ in range(20):
            manage("PATCH", one, {"requests_per_minute": 1})
            assert gateway.chat(headers, max_tokens=20).status == 429
            manage("PATCH", one, {"requests_per_minute": None, "disabled": True})
            assert gateway.chat(headers, max_tokens=20).status == 401
            manage("PATCH", one, {"disabled": False})
            assert gateway.chat(headers, max_tokens=20).status == 200
            manage("PATCH", one, {"limit": 0})
            assert gateway.chat(headers, max_tokens=20).status == 402
            manage("PATCH", one, {"limit": 1})
        until(lambda: manage("GET", one)["data"]["usage"] > 0, "what was spent")
        assert manage("DELETE", one) == {"deleted": True}
        assert gateway.chat(headers, max_tokens=20).status == 401
        assert made["key"] not in gateway.log() + "".join(path.read_bytes().decode("latin-1") for path in gateway.home.glob("anyapi.db*"))
