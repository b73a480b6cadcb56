"""Upstreams of accounts' own credentials: opened, kept, exchanged and withdrawn."""

import asyncio
import contextlib
import os
import subprocess
import sys

import msgspec
import pytest
from tests.unit.upstream.provider import answer, playing, post, reaching, silent
from tests.unit.wire.peers import listening, on_loop, until

from anyapi.crypto.envelope import seal
from anyapi.crypto.root_keys import RootKeys
from anyapi.crypto.sealed import Binding
from anyapi.crypto.secret import Secret
from anyapi.domain.catalogue import Auth
from anyapi.domain.decision import OutcomeKind
from anyapi.upstream.opening import Access
from anyapi.upstream.own import OwnCredential, Upstreams

KEYS = RootKeys([bytes(range(32))])
SECRET = "sk-of-the-account"


def own(number=1, port=9, secret=SECRET, version=1, keys=KEYS, auth=Auth.BEARER, **binding):
    bound = Binding(**{"account": "acme", "provider": "sim", "row": f"own:{number}", "version": version} | binding)
    return OwnCredential(bound, seal(Secret(secret), bound, keys), Access(f"http://127.0.0.1:{port}/v1", auth))


@contextlib.asynccontextmanager
async def upstreams(keys=KEYS):
    async with reaching(1) as other:
        yield Upstreams(other._wire, keys)


@on_loop
async def test_what_is_sealed_is_sent_to_its_origin_and_shown_nowhere():
    script = playing(answer(), then=silent)
    async with listening(script) as port, upstreams() as held:
        assert held.keep([own(port=port)]) == {}
        upstream = held["own:1"]
        connection = await upstream.connect()
        assert await post(connection, upstream) is None
        assert script.seen[0].field("authorization") == f"Bearer {SECRET}".encode()
        for value in (held, upstream, own(port=port)):
            assert SECRET not in repr(value)
        upstream.close()


@on_loop
async def test_one_that_did_not_change_keeps_its_connections():
    async with listening(playing(answer(), then=silent)) as port, upstreams() as held:
        first = own(port=port)
        held.keep([first])
        upstream = held["own:1"]
        connection = await upstream.connect()
        await post(connection, upstream)
        connection.release()
        assert held.keep([first, own(2)]) == {}
        assert held["own:1"] is upstream
        assert upstream.idle() is connection
        connection.abort()


@on_loop
async def test_one_that_is_gone_closes_what_is_idle_and_lets_what_runs_end():
    async def slowly(reader, writer):
        await reader.read(1)
        await finish.wait()
        writer.write(answer(b'{"late": 1}'))
        await silent(reader, writer)

    finish = asyncio.Event()
    async with listening(slowly) as slow, listening(playing(answer(), then=silent)) as quick, upstreams() as held:
        held.keep([own(1, slow), own(2, quick)])
        running, idle = held["own:1"], held["own:2"]
        busy, spare = await running.connect(), await idle.connect()
        await post(spare, idle)
        spare.release()
        waiting = asyncio.ensure_future(post(busy, running))
        await asyncio.sleep(0)
        assert held.keep([]) == {}
        assert dict(held) == {}
        await until(lambda: not idle._connections)
        finish.set()
        assert await waiting is None, "an answer that runs is not cut"
        assert busy.body == b'{"late": 1}'
        running.close()


@on_loop
async def test_a_request_on_its_way_meets_a_closed_door_and_may_go_on_elsewhere():
    async with upstreams() as held:
        for name in ("own:never", "env:nobody"):
            upstream = held[name]
            assert upstream.idle() is None
            assert await upstream.connect() is OutcomeKind.UNAUTHORIZED
        assert dict(held) == {}, "asking leaves nothing behind"
        assert "own:never" not in held


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda: own(version=2, secret="sk-the-newer-key"), id="sealed anew"),
        pytest.param(lambda: own(port=10), id="another origin"),
        pytest.param(lambda: own(auth=Auth.X_API_KEY), id="another header"),
    ],
)
@on_loop
async def test_one_that_changed_is_exchanged(change):
    async with upstreams() as held:
        held.keep([own()])
        before, after = held["own:1"], change()
        assert held.keep([after]) == {}
        assert held["own:1"] is not before
        held.keep([after])
        assert held["own:1"] is not before


@on_loop
async def test_what_cannot_be_opened_is_told_and_hinders_nobody():
    other_keys = RootKeys([bytes(range(40, 72))])
    moved = msgspec.structs.replace(own(3), binding=Binding("other", "sim", "own:3", 1))
    wanted = [own(1), own(2, keys=other_keys), moved, own(4, auth=Auth.SIGV4), own(5, secret="with a space"), own(6)]
    async with upstreams() as held:
        codes = {"own:2": "no_root_key", "own:3": "damaged", "own:5": "secret_unusable"}
        assert held.keep(wanted) == codes
        assert set(held) == {"own:1", "own:4", "own:6"}
        assert await held["own:3"].connect() is OutcomeKind.UNAUTHORIZED
        assert held.keep(wanted) == codes, "the same again, and nothing half done"


@on_loop
async def test_one_that_opened_and_was_tampered_with_is_withdrawn():
    async with upstreams() as held:
        good = own(1)
        held.keep([good])
        bad = msgspec.structs.replace(good, sealed=msgspec.structs.replace(good.sealed, ciphertext=os.urandom(60)))
        assert held.keep([bad]) == {"own:1": "damaged"}
        assert "own:1" not in held


@on_loop
async def test_the_operators_own_are_not_touched():
    async with reaching(1) as operators:
        held = Upstreams(operators._wire, KEYS)
        held["env:SIM"] = operators
        held.keep([own()])
        held.keep([])
        assert dict(held) == {"env:SIM": operators}


def test_the_cipher_is_loaded_with_the_first_stored_credential_only():
    code = "import sys, anyapi.bootstrap; print('cryptography.hazmat.primitives.ciphers.aead' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
