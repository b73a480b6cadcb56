"""With a prompt log on, no content is anywhere on the server but inside the seal: the same round of canaries, and the same search.

What proves that something was kept at all: opened with the identity, which the gateway never had, the canaries are in it.
"""

import json
import time

import pyrage
import pytest
from tests.conftest import LONG
from tests.privacy.outcomes import rounds
from tests.privacy.sinks import Room, Search, simulated_in
from tests.privacy.test_canary import complete

from anyapi.control.channel import SOCKET_NAME, ask_reload
from anyapi.domain.prompt_log import Keeps, LogRule
from anyapi.domain.requirement import Layer
from anyapi.prove.caller import Caller
from anyapi.prove.cast import ONE_HOST, SERVER, providers
from anyapi.prove.planted import Planted
from anyapi.storage.contract_logs import RecipientRow
from anyapi.storage.sql_logs import SqlLogs
from anyapi.storage.sqlite_driver import SqliteDriver

pytestmark = pytest.mark.timeout(900 if LONG else 120)
ROUNDS = 10 if LONG else 1
LARGE = "x" * 280_000
"""Makes an entry so large that another process seals it."""


def opt_in(gateway, identity):
    with gateway.store() as store:
        store.add_log_recipient(RecipientRow("rcp_test", "default", str(identity.to_public()), "test", time.time()))
        store.put_log_rule("default", Layer.ACCOUNT, "default", LogRule(Keeps.BOTH), time.time())
    assert ask_reload(gateway.home / SOCKET_NAME, "settings") is not None


def opened(logs, identity):
    """Every entry's document."""
    for entry in logs.log_entries("default", (1e18, ""), 100_000):
        pieces = []
        while (piece := logs.log_piece("default", entry.decision, len(pieces))) is not None:
            pieces.append(piece)
        yield pyrage.decrypt(b"".join(pieces), [identity])


def test_with_a_log_on_content_is_nowhere_but_in_the_seal(tmp_path):
    room, planted, identity = Room(tmp_path / "room"), Planted(), pyrage.x25519.Identity.generate()
    planted.secrets.append(str(identity))
    with simulated_in(room, providers(planted), server=SERVER, extra=ONE_HOST) as (gateway, simulation):
        planted.secrets.append(gateway.key)
        opt_in(gateway, identity)
        caller = Caller(gateway, simulation, planted)
        rounds(caller, ROUNDS)
        large = planted.new("large, sealed in another process")
        assert caller.chat(large, model="acme/good", user=large("user"), **{large("unknown field"): LARGE}).status == 200
        search = Search(planted.scanner())
        search.running(gateway)
        search.own_files(room)  # with the -wal and -shm of a running gateway; test_canary.py looks through the machine's shared folders too
        assert gateway.stop() == 0
        search.own_files(room)
        complete(search, planted)
        rows = gateway.usage()
    with SqlLogs(SqliteDriver(room.data)) as logs:
        documents = list(opened(logs, identity))
    inside = b"".join(documents)
    found = {mark.label for text, mark in planted.marks.items() if text.encode() in inside}
    accepted = {row.decision for row in rows if row.outcome != "unknown"}
    kept = {json.loads(document)["decision"] for document in documents}
    assert kept <= accepted
    assert len(kept) > 0.9 * len(accepted), "but for those that say `store: false`"
    assert large.label in found
    assert len(found) >= 80
    assert any(label.startswith("answers of") for label in found)
    print(f"{len(rows)} requests, {len(kept)} kept, {len(found)} kinds of content in them, {len(search.seen)} sinks, 0 hits")
