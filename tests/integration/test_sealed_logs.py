"""Sealed prompt logs through a running gateway: who opted in, what is kept, who can read it, what is left when it was deleted.

Every identity of these tests stays in the test; the gateway is given public keys alone.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pyrage
import pytest
from tests.tools.gateway import simulated

from anyapi.control.channel import SOCKET_NAME, ask_reload
from anyapi.domain.prompt_log import Keeps, LogRule
from anyapi.domain.requirement import Layer
from anyapi.simulator import DEFAULT_PROVIDERS, ModelSpec, ProviderSpec
from anyapi.storage.contract_logs import RecipientRow
from anyapi.storage.sql_logs import SqlLogs
from anyapi.storage.sqlite_driver import SqliteDriver

MORE = (ProviderSpec("sim-vectors", models=(ModelSpec("acme/vectors", "vectors", 1.0, 0.0, dimensions=8),)),)
ALL = (1e18, "")
SETTLED = 10.0


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with simulated(tmp_path_factory.mktemp("sealed"), (*DEFAULT_PROVIDERS, *MORE)) as (gateway, simulation):
        yield gateway, simulation


@pytest.fixture
def gateway(running):
    """A gateway whose account keeps nothing yet."""
    gateway, _ = running
    with gateway.store() as store, opened(gateway) as logs:
        for _, layer, subject in store.log_rules("default"):
            store.drop_log_rule("default", layer, subject)
        for row in store.log_recipients("default"):
            store.drop_log_recipient("default", row.id)
        logs.clear_logs("default", time.time())
    reload(gateway)
    return gateway


def opened(gateway):
    return SqlLogs(SqliteDriver(gateway.home))


def command(gateway, *words, stdin=None, code=0):
    """Run `anyapi logs ...` on the gateway's store; give what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "anyapi", "logs", words[0], "--config", str(gateway.home / "anyapi.toml"), *words[1:]],
        input=stdin,
        capture_output=True,
        text=True,
        env=dict(os.environ),
        timeout=60,
    )
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def reload(gateway):
    assert ask_reload(gateway.home / SOCKET_NAME, "settings") is not None


def opt_in(gateway, *identities, layer=Layer.ACCOUNT, subject="default", **rule):
    with gateway.store() as store:
        for number, identity in enumerate(identities):
            store.add_log_recipient(RecipientRow(f"rcp_{time.time_ns()}_{number}", "default", str(identity.to_public()), "", time.time()))
        store.put_log_rule("default", layer, subject, LogRule(**{"keeps": Keeps.BOTH, **rule}), time.time())
    reload(gateway)


def entries(gateway, wanted=1):
    """What is listed, oldest first; waits until there are `wanted`."""
    deadline = time.monotonic() + SETTLED
    while True:
        with opened(gateway) as logs:
            found = logs.log_entries("default", ALL, 1000)[::-1]
        if len(found) >= wanted or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


def ciphertext(gateway, entry):
    with opened(gateway) as logs:
        pieces, number = [], 0
        while (piece := logs.log_piece("default", entry.decision, number)) is not None:
            pieces.append(piece)
            number += 1
    return b"".join(pieces)


def read(gateway, entry, identity):
    return json.loads(pyrage.decrypt(ciphertext(gateway, entry), [identity]))


def settled(gateway, count):
    """Wait until so many requests have usage rows, which go out before the log's entries do; then an entry's time and more."""
    assert len(gateway.usage(count)) == count
    time.sleep(0.3)


def test_by_default_nothing_is_kept_and_nothing_is_loaded(gateway):
    before = len(gateway.usage())
    assert gateway.chat().status == 200
    settled(gateway, before + 1)
    assert entries(gateway, 0) == []
    assert b"pyrage" not in Path(f"/proc/{gateway.pid}/maps").read_bytes()


def test_what_was_asked_and_answered_opens_with_the_identity_alone(gateway):
    mine, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    opt_in(gateway, mine)
    asked = {"model": "anthropic/claude-3.5-sonnet", "messages": [{"role": "user", "content": "über alles \u2028 🦀"}]}
    answer = gateway.request("POST", "/v1/chat/completions", asked)
    assert answer.status == 200
    (entry,) = entries(gateway)
    assert entry.decision == answer.headers["x-anyapi-decision"]
    assert (entry.outcome, entry.keeps, entry.recipients) == ("success", "both", (str(mine.to_public()),))
    assert entry.expires_at == pytest.approx(entry.at + 30 * 86400)
    document = read(gateway, entry, mine)
    assert document["prompt"] == asked
    assert document["response"] == answer.json()
    assert document["decision"] == entry.decision
    with pytest.raises(pyrage.DecryptError):
        read(gateway, entry, other)


def test_a_stream_is_kept_as_it_went_out(gateway):
    mine = pyrage.x25519.Identity.generate()
    opt_in(gateway, mine)
    answer = gateway.chat(stream=True)
    assert answer.body.endswith(b"data: [DONE]\n\n")
    (entry,) = entries(gateway)
    assert read(gateway, entry, mine)["response"] == answer.body.decode()


WAYS = [(path, stream) for path in ("/v1/messages", "/v1/responses", "/v1/embeddings") for stream in (False, True)][:-1]
"""All but streamed embeddings, which there are none of."""


@pytest.mark.parametrize(("path", "stream"), WAYS)
def test_every_format_is_kept(gateway, path, stream):
    mine = pyrage.x25519.Identity.generate()
    opt_in(gateway, mine)
    model = {"model": "acme/vectors" if path == "/v1/embeddings" else "anthropic/claude-3.5-sonnet"}
    said = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 50} if path == "/v1/messages" else {"input": "Hello"}
    body = {**model, **said, **({"stream": True} if stream else {})}
    answer = gateway.request("POST", path, body)
    assert answer.status == 200, answer.body
    (entry,) = entries(gateway)
    document = read(gateway, entry, mine)
    assert document["prompt"] == body
    assert document["response"] == (answer.body.decode() if stream else answer.json())


@pytest.mark.parametrize(("keeps", "prompt", "response"), [("prompts", True, False), ("responses", False, True), ("both", True, True)])
def test_only_the_fields_asked_for_are_kept(gateway, keeps, prompt, response):
    mine = pyrage.x25519.Identity.generate()
    opt_in(gateway, mine, keeps=Keeps(keeps), ttl_days=0.5)
    gateway.chat()
    (entry,) = entries(gateway)
    document = read(gateway, entry, mine)
    assert (document["prompt"] is not None, document["response"] is not None) == (prompt, response)
    assert entry.expires_at == pytest.approx(entry.at + 43200)


def test_a_share_is_drawn_request_by_request(gateway):
    opt_in(gateway, pyrage.x25519.Identity.generate(), share=0.5)
    before = len(gateway.usage())
    for _ in range(100):
        gateway.chat()
    settled(gateway, before + 100)
    assert 25 <= len(entries(gateway, 0)) <= 75  # outside by chance: 4 in 10 million


def test_store_false_is_never_kept(gateway):
    opt_in(gateway, pyrage.x25519.Identity.generate())
    before = len(gateway.usage())
    assert gateway.chat(store=False).status == 200
    assert gateway.chat(store=True).status == 200
    settled(gateway, before + 2)
    assert len(entries(gateway)) == 1


def test_a_key_may_be_left_out_or_be_the_only_one(gateway):
    with gateway.store() as store:
        (key,) = store.keys("default")
    mine = pyrage.x25519.Identity.generate()
    opt_in(gateway, mine)
    opt_in(gateway, layer=Layer.KEY, subject=key.id, keeps=Keeps.NOTHING)
    before = len(gateway.usage())
    gateway.chat()
    settled(gateway, before + 1)
    assert entries(gateway, 0) == []
    with gateway.store() as store:
        store.drop_log_rule("default", Layer.ACCOUNT, "default")
    opt_in(gateway, layer=Layer.KEY, subject=key.id, keeps=Keeps.PROMPTS)
    gateway.chat()
    assert len(entries(gateway)) == 1


def test_a_rule_without_a_recipient_keeps_nothing(gateway):
    opt_in(gateway)
    before = len(gateway.usage())
    gateway.chat()
    settled(gateway, before + 1)
    assert entries(gateway, 0) == []


def test_two_recipients_read_the_same_entry(gateway):
    both = [pyrage.x25519.Identity.generate() for _ in range(2)]
    opt_in(gateway, *both)
    gateway.chat()
    (entry,) = entries(gateway)
    assert read(gateway, entry, both[0]) == read(gateway, entry, both[1])


@pytest.mark.parametrize("data_class", ["confidential", "internal"])
def test_a_data_class_neither_switches_it_on_nor_off(gateway, data_class):
    gateway.chat(data_policy={"data_class": data_class})
    opt_in(gateway, pyrage.x25519.Identity.generate())
    answer = gateway.chat(data_policy={"data_class": data_class})
    assert [entry.decision for entry in entries(gateway)] == [answer.headers["x-anyapi-decision"]]


def test_a_refusal_keeps_the_prompt_and_a_client_that_leaves_what_it_got(gateway):
    mine = pyrage.x25519.Identity.generate()
    opt_in(gateway, mine)
    refused = gateway.chat(data_policy={"providers": {"only": ["nobody-of-these"]}})
    assert refused.status == 400  # not accepted, so nothing of it is kept
    refused = gateway.chat(data_policy={"retention_days": 0, "regions": ["aq"]})
    assert refused.status == 403
    (entry,) = entries(gateway)
    assert entry.outcome == "no_eligible_endpoint"
    assert read(gateway, entry, mine)["response"] is None


def test_large_entries_are_sealed_in_another_process(gateway):
    mine = pyrage.x25519.Identity.generate()
    opt_in(gateway, mine)
    text = "x" * 3_000_000
    gateway.chat(messages=[{"role": "user", "content": text}])
    (entry,) = entries(gateway)
    assert entry.bytes > 3_000_000
    children = " ".join(path.read_text() for path in Path(f"/proc/{gateway.pid}/task").glob("*/children")).split()
    assert [child for child in children if b"anyapi.sealing.apart" in Path(f"/proc/{child}/cmdline").read_bytes()]
    assert read(gateway, entry, mine)["prompt"]["messages"][0]["content"] == text


def test_the_command_opts_in_and_reads_beside_a_running_gateway(gateway, tmp_path):
    """What each command says and refuses: tests/unit/cli/test_logs.py."""
    mine = pyrage.x25519.Identity.generate()
    (tmp_path / "identity").write_text(f"# mine\n{mine}\n")
    assert "reads what is kept" in command(gateway, "add-recipient", str(mine.to_public()), "--name", "Ann")
    assert "keeps both of 100% for 7 days; in force" in command(gateway, "on", "--days", "7")
    answer = gateway.chat()
    (entry,) = entries(gateway)
    shown = json.loads(command(gateway, "read", entry.decision, "--identity", str(tmp_path / "identity")))
    assert shown["response"] == answer.json()
