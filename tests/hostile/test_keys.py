"""T24, the part of API keys: nowhere at rest, no near miss accepted, dead at once when revoked, no timing that tells a guesser anything."""

import http.client
import itertools
import json
import math
import random
import statistics
import string
import subprocess
import sys
import threading
import time

import pytest
from tests.hostile.talk import envelope, head, post, sent, talk
from tests.tools.gateway import SEED, received, simulated
from tests.tools.raw_http import connect, split_responses

from anyapi.crypto.api_keys import generate
from anyapi.domain.ids import AccountId
from anyapi.storage.rows import KeyRow

PREFIX = "anyapi_sk_"
SHOWN = 4
"""Characters after the prefix that lists show."""
LETTERS = string.digits + string.ascii_letters
TRIES = 100_000


@pytest.fixture
def running(tmp_path):
    with simulated(tmp_path / "gateway") as pair:
        yield pair


def command(gateway, *arguments: str) -> str:
    """Run `anyapi` as a process of its own, as an operator would, beside the running gateway."""
    whole = [sys.executable, "-m", "anyapi", *arguments, "--config", str(gateway.home / "anyapi.toml")]
    done = subprocess.run(whole, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def create(gateway, *arguments: str) -> dict:
    return json.loads(command(gateway, "keys", "create", "--json", *arguments))


def status_with(gateway, key: str) -> int:
    return gateway.request("GET", "/v1/key", headers={"Authorization": f"Bearer {key}"}).status


def test_a_key_is_nowhere_at_rest(running):
    gateway, _ = running
    secrets = [gateway.key] + [create(gateway, "--name", f"n{number}", "--set", "retention_days=0")["api_key"] for number in range(3)]
    for secret in secrets:
        assert status_with(gateway, secret) == 200
        assert gateway.chat({"Authorization": f"Bearer {secret}"}).status == 200
        assert status_with(gateway, secret[:-1]) == 401
    listed = command(gateway, "keys", "list") + command(gateway, "keys", "list", "--json")
    live = b"".join(path.read_bytes() for path in gateway.home.rglob("*") if path.is_file())
    assert gateway.stop() == 0
    kept = live + b"".join(path.read_bytes() for path in gateway.home.rglob("*") if path.is_file())
    for secret in secrets:
        hidden = secret[len(PREFIX) + SHOWN :]
        pieces = {hidden[at : at + 8] for at in range(len(hidden) - 7)}
        assert not [piece for piece in pieces if piece.encode() in kept]
        assert not [piece for piece in pieces if piece in listed]
    assert secrets[0][: len(PREFIX) + SHOWN] in listed


def near_misses(key: str) -> list[str]:
    """Every replacement of one character by another that keys are made of, and what else goes wrong in copying."""
    replaced = [key[:at] + letter + key[at + 1 :] for at in range(len(key)) for letter in LETTERS if letter != key[at]]
    swapped = [key[:at] + key[at + 1] + key[at] + key[at + 2 :] for at in range(len(key) - 1) if key[at] != key[at + 1]]
    cut = [key[:length] for length in range(len(key))]
    longer = [key + letter for letter in ("0", "=", ",", key)] + [letter + key for letter in ("0", "Bearer", "x")]
    other = [key.upper(), key.lower(), key.swapcase(), key[::-1], f'"{key}"', f"{key},{key}", f"{key} {key}", key.replace("_", "-")]
    return list(dict.fromkeys([*replaced, *swapped, *cut, *longer, *other]))


def test_no_near_miss_of_a_key_is_accepted_and_none_reaches_a_provider(running):
    gateway, simulation = running
    misses = [miss for miss in near_misses(gateway.key) if miss != gateway.key]
    assert len(misses) > 2800
    before = received(simulation)
    body = json.dumps(SEED).encode()
    for some in (misses[at : at + 12] for at in range(0, len(misses), 12)):
        requests = b"".join(post(body, auth=b"Authorization: Bearer " + miss.encode()) for miss in some)
        answers = talk(gateway, requests, responses=len(some)).responses()
        assert [answer.status for answer in answers] == [401] * len(some)
    envelope(401, answers[-1].body)
    simulation.idle()
    assert received(simulation) == before


@pytest.mark.parametrize(
    "line",
    [
        b"Cookie: api_key=@KEY@",
        b"Authorization: Basic @KEY@",
        b"Authorization: @KEY@x",
        b"Proxy-Authorization: Bearer @KEY@",
        b"X-Auth-Token: @KEY@",
        b"X-API-Keys: @KEY@",
        b"Bearer: @KEY@",
        b"api-key: @KEY@",
    ],
)
def test_a_key_in_another_place_is_no_key(running, line):
    gateway, simulation = running
    before = sent(simulation)
    for first in (b"POST /v1/chat/completions HTTP/1.1", b"POST /v1/chat/completions?key=@KEY@&api_key=@KEY@ HTTP/1.1"):
        (answer,) = talk(gateway, post(json.dumps(SEED).encode(), line, line=first, auth=None)).responses()
        assert answer.status == 401
        assert answer.field("www-authenticate") == b"Bearer"
        assert gateway.key.encode() not in answer.body
    assert sent(simulation) == before


def test_both_places_of_a_key_are_accepted_and_two_keys_that_differ_are_not(running):
    gateway, _ = running
    other = create(gateway)["api_key"].encode()
    for lines in (
        (b"Authorization: Bearer @KEY@",),
        (b"x-api-key: @KEY@",),
        (b"authorization: bearer @KEY@",),
        (b"Authorization: Bearer @KEY@", b"X-Api-Key: @KEY@"),
    ):
        (answer,) = talk(gateway, head(*lines, line=b"GET /v1/key HTTP/1.1", auth=None), methods=("GET",)).responses()
        assert answer.status == 200
    (answer,) = talk(gateway, head(b"X-API-Key: " + other, line=b"GET /v1/key HTTP/1.1"), methods=("GET",)).responses()
    assert answer.status in {400, 401}


def test_a_revoked_key_is_dead_when_the_command_returns(running):
    """On a live gateway: on new connections, on one that used the key all the time, and for other keys nothing changes."""
    gateway, simulation = running
    made, bystander = create(gateway), create(gateway)
    outcomes: list[tuple[float, int]] = []
    stop = threading.Event()

    def hammer():
        while not stop.is_set():
            begun = time.monotonic()
            outcomes.append((begun, status_with(gateway, made["api_key"])))

    callers = [threading.Thread(target=hammer) for _ in range(3)]
    for caller in callers:
        caller.start()
    try:
        while len(outcomes) < 30:
            time.sleep(0.01)
        command(gateway, "keys", "revoke", made["id"])
        revoked = time.monotonic()
        count = len(outcomes)
        while len(outcomes) < count + 30:
            time.sleep(0.01)
    finally:
        stop.set()
        for caller in callers:
            caller.join(30)
    assert {status for begun, status in outcomes if begun >= revoked} == {401}
    assert 200 in {status for begun, status in outcomes if begun < revoked}
    assert {status for _, status in outcomes} == {200, 401}
    before = sent(simulation)
    assert gateway.chat({"Authorization": f"Bearer {made['api_key']}"}).status == 401
    assert sent(simulation) == before
    assert status_with(gateway, bystander["api_key"]) == 200
    assert gateway.stop() == 0
    gateway.start()
    assert status_with(gateway, made["api_key"]) == 401
    assert status_with(gateway, bystander["api_key"]) == 200


def test_a_connection_that_used_the_key_has_no_longer_life_than_the_key(running):
    gateway, _ = running
    made = create(gateway)
    request = head(line=b"GET /v1/key HTTP/1.1", auth=f"Authorization: Bearer {made['api_key']}".encode())
    assert talk_around(gateway, request, lambda: command(gateway, "keys", "revoke", made["id"])) == [200, 401]


def talk_around(gateway, request: bytes, between) -> list[int]:
    """The statuses of the same request before and after something happens, on one connection."""
    end = connect(("127.0.0.1", gateway.port), deadline=60.0)
    try:
        statuses = []
        for number in (1, 2):
            end.send(request.replace(b"@HOST@", b"localhost"))
            end.read_until(lambda number=number: len(split_responses(bytes(end.received), ("GET",) * 2, closed=False)[0]) == number)
            statuses = [answer.status for answer in split_responses(bytes(end.received), ("GET",) * 2, closed=False)[0]]
            if number == 1:
                between()
        return statuses
    finally:
        end.sock.close()


def test_a_key_that_expires_is_dead_at_that_moment(running):
    gateway, _ = running
    parts, now = generate(), time.time()
    with gateway.store() as store:  # the command line takes no span under a minute
        store.add_key(KeyRow(parts.id, parts.prefix, parts.sha256, AccountId("default"), now, expires_at=now + 2))
    create(gateway)  # has the gateway read the store again
    seen = []
    while time.time() < now + 2:
        seen.append(status_with(gateway, parts.secret))
    assert seen[0] == 200
    assert status_with(gateway, parts.secret) == 401
    assert "expired" in gateway.request("GET", "/v1/key", headers={"Authorization": f"Bearer {parts.secret}"}).json()["error"]["message"]


# Timing


def welch(first: list[float], second: list[float]) -> float:
    """Welch's t of two samples."""
    spread = statistics.variance(first) / len(first) + statistics.variance(second) / len(second)
    return (statistics.fmean(first) - statistics.fmean(second)) / math.sqrt(spread)


def cropped(values: list[float]) -> list[float]:
    """Without the slowest fifth, which is the scheduler's doing."""
    return sorted(values)[: len(values) * 4 // 5]


def test_welch_finds_a_difference_and_none_where_there_is_none():
    chance = random.Random(5)
    base = [chance.gauss(100, 10) for _ in range(5000)]
    same = [chance.gauss(100, 10) for _ in range(5000)]
    later = [chance.gauss(101.5, 10) for _ in range(5000)]
    assert abs(welch(base, same)) < 4.5
    assert abs(welch(base, later)) > 4.5


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_time_of_a_refusal_does_not_tell_how_much_of_a_key_is_right(running):
    gateway, _ = running
    right = gateway.key
    made = [generate().secret for _ in range(200)]
    kinds = {
        "a real key's beginning": [right[:40] + other[40:] for other in made],
        "random, of the right form": made,
        "random, no key at all": ["x" * 10 + other[10:] for other in made],
    }
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    chance = random.Random(7)
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    for _ in range(TRIES):
        kind = chance.choice(list(kinds))
        headers = {"Authorization": f"Bearer {chance.choice(kinds[kind])}"}
        begun = time.perf_counter_ns()
        connection.request("GET", "/v1/key", headers=headers)
        answer = connection.getresponse()
        answer.read()
        times[kind].append(float(time.perf_counter_ns() - begun))
        assert answer.status == 401
    connection.close()
    found = {pair: welch(cropped(times[pair[0]]), cropped(times[pair[1]])) for pair in itertools.combinations(kinds, 2)}
    print(f"\n{TRIES} tries, t: {found}")
    first, second, _ = kinds
    assert abs(found[first, second]) < 4.5
