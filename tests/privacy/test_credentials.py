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
from tests.privacy.sinks import Room, RoomGateway, Search, held, simulated_in
from tests.tools.google_account import account

from anyapi.prove.caller import Caller, Ended
from anyapi.prove.cast import SERVER, providers
from anyapi.prove.planted import Mark, Planted
from anyapi.simulator import ModelSpec, ProviderSpec, SimulationOptions, SimulationThread, WireName, read_fault


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


def clouds() -> list[ProviderSpec]:
    """A provider of each kind of credential that is no plain key."""
    words, known = [secrets.token_hex(16) for _ in range(4)], account()[1]
    served = {name: (ModelSpec(f"acme/{name}", name, 1.0, 1.0),) for name in ("vertex", "bedrock", "azure")}
    return [
        ProviderSpec("sim-tokens", wire=WireName.GOOGLE_TOKENS, api_key=known),
        ProviderSpec("sim-vertex", wire=WireName.VERTEX, api_key=known, models=served["vertex"]),
        ProviderSpec("sim-bedrock", wire=WireName.BEDROCK, api_key=":".join(words[:3]), models=served["bedrock"]),
        ProviderSpec("sim-azure", wire=WireName.AZURE, api_key=words[3], models=served["azure"]),
    ]


def sent(simulation: SimulationThread, name: str) -> list[str]:
    """The credentials that a provider was shown: tokens, signatures, and the assertions of exchanges."""
    found = simulation.call(lambda: list(simulation.simulation[name].ledger.bodies))
    shown = [value.rpartition(" ")[2].rpartition("=")[2] for body in found for key, value in body.headers if key.lower() == "authorization"]
    return shown + [body.body.decode().rpartition("assertion=")[2] for body in found if b"assertion=" in body.body]


def ask(caller: Caller, mark: Mark, name: str) -> Ended:
    """A request that every format can say."""
    return caller.post(mark, json.dumps({"model": f"acme/{name}", "messages": [{"role": "user", "content": mark("prompt")}]}).encode())


def test_credentials_of_clouds_stay_where_they_are_kept(tmp_path):
    """The operator's in files, an account's sealed; tokens and signatures that are made of them nowhere. Also where they are refused."""
    room, planted, specs = Room(tmp_path / "room"), Planted(), clouds()
    root = room.credentials / "root.key"
    root.write_text(base64.b64encode(secrets.token_bytes(32)).decode())
    root.chmod(0o600)
    planted.secrets += [root.read_text(), *account()[0].splitlines()[2:-2:8]]
    planted.secrets += [part for spec in specs[2:] for part in spec.api_key.split(":")]
    environment = room.environment() | {"ANYAPI_ROOT_KEY_FILE": str(root)}
    with simulated_in(room, specs, environment, SERVER, options=SimulationOptions(record_bodies=True)) as (gateway, simulation):
        caller = Caller(gateway, simulation, planted)
        for _ in ("the operator's", "the account's"):
            for name in ("vertex", "bedrock", "azure"):
                assert ask(caller, planted.new(f"at {name}"), name).status == 200
            for spec in specs[1:]:
                region = ["--variable", "region=eu-west-1"] if spec.id == "sim-bedrock" else []
                run(gateway, "add", "--provider", spec.id, *region, secret=held(spec, simulation))
        for name in ("vertex", "bedrock", "azure"):
            simulation.script(f"sim-{name}", [[read_fault('{"kind":"status","status":401}')]] * 4)
            assert ask(caller, planted.new(f"refused at {name}"), name).status == 502
        assert {str(row.credential)[:4] for row in gateway.usage(9)[3:]} == {"own:"}
        for spec in specs[:3]:
            planted.secrets += set(sent(simulation, spec.id))
        assert sum(one.startswith("ya29.") for one in planted.secrets) == 2, "one token of each upstream"
        assert not look(room, gateway, planted).hits
        assert gateway.stop() == 0
        search = Search(planted.scanner())
        search.files(room)
        assert not search.hits
