"""A key that an account brought is in the store sealed and nowhere else, whatever is done with it: added, used, sealed anew, revoked.

What the search can find is shown in `test_planted_leaks.py`; that sealing holds against somebody who writes to the store, in `tests/unit/crypto`.
"""

import base64
import contextlib
import json
import os
import secrets
import sqlite3
import subprocess
import sys

import msgspec
from tests.privacy.outcomes import SERVER, Caller, providers
from tests.privacy.planted import Planted
from tests.privacy.sinks import Room, RoomGateway, Search, simulated_in


def run(gateway: RoomGateway, *command: str, secret: str = "") -> dict[str, object]:
    """What a command of `anyapi credentials` says as JSON; a secret goes to its standard input."""
    arguments = [sys.executable, "-m", "anyapi", "credentials", *command, "--json", "--config", str(gateway.home / "anyapi.toml")]
    environment = {**os.environ, **gateway.environment}
    ran = subprocess.run(arguments, input=secret, capture_output=True, text=True, env=environment, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert not secret or secret not in ran.stdout + ran.stderr
    return json.loads(ran.stdout)


def sealed(room: Room) -> list[tuple[bytes, bytes, int]]:
    """What the table holds of each secret: data key, ciphertext, version."""
    with contextlib.closing(sqlite3.connect(room.data / "anyapi.db")) as database:
        return database.execute("SELECT wrapped, ciphertext, version FROM credentials").fetchall()


def look(room: Room, gateway: RoomGateway, planted: Planted) -> Search:
    """Search every sink as it is now."""
    search = Search(planted.scanner())
    search.running(gateway)
    search.commands(gateway)
    search.files(room)
    assert search.seen["data"] > 0
    assert search.seen["anyapi credentials list --json"] > 0
    return search


def test_a_key_that_an_account_brought_is_only_in_the_store_and_sealed(tmp_path):
    room, planted = Room(tmp_path / "room"), Planted()
    roots = [secrets.token_bytes(32) for _ in range(2)]
    texts = [base64.b64encode(root).decode() for root in roots]
    file = room.credentials / "root.key"
    file.write_text(texts[0] + "\n")
    file.chmod(0o600)
    planted.secrets += texts
    specs = [spec for spec in providers(planted) if spec.id in {"sim-good", "sim-unauthorized"}]
    own = {spec.id: f"sk-own-{planted.new('key of an account')('key')}" for spec in specs}
    planted.secrets += own.values()
    # The provider takes only the account's key; the operator's, a second secret, would be refused.
    served = [msgspec.structs.replace(spec, api_key=own[spec.id]) for spec in specs]
    environment = room.environment() | {"ANYAPI_ROOT_KEY_FILE": str(file)}
    with simulated_in(room, served, environment, SERVER) as (gateway, simulation):
        planted.secrets.append(gateway.key)
        caller = Caller(gateway, simulation, planted)
        ids = [str(run(gateway, "add", "--provider", name, secret=secret)["id"]) for name, secret in own.items()]
        assert caller.chat(planted.new("own key")).status == 200
        assert caller.chat(planted.new("own key, refused"), "acme/unauthorized").status == 502
        assert str(gateway.usage(1)[0].credential).startswith("own:")
        first = sealed(room)
        assert len(first) == len(own)
        assert not look(room, gateway, planted).hits
        file.write_text(f"{texts[1]}\n{texts[0]}\n")
        assert gateway.stop() == 0
        gateway.start()
        assert len(run(gateway, "rotate")["sealed"]) == len(own)
        assert caller.chat(planted.new("own key, sealed anew")).status == 200
        assert {row[1] for row in sealed(room)}.isdisjoint(row[1] for row in first)
        run(gateway, "revoke", ids[0])
        assert sum(row[1] == b"" for row in sealed(room)) == 1
        assert not look(room, gateway, planted).hits
        assert gateway.stop() == 0
        search = Search(planted.scanner())
        search.files(room)
        assert not search.hits
