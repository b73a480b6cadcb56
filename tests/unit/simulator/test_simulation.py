import asyncio
import contextlib
import socket
import ssl

import pytest
import trustme
import uvloop
from tests.tools.postgres import free_port
from tests.unit.simulator.raw_client import ask, chat, request_bytes, stream, talk

from anyapi.simulator import ProviderSpec, Simulation, SimulationOptions, SimulationThread, read_fault, start_simulation


async def ask_async(port, body):
    return await asyncio.to_thread(ask, port, body)


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run])
def test_on_the_callers_loop(runner):
    async def check():
        async with Simulation([ProviderSpec("a"), ProviderSpec("b")]) as sim:
            assert sim["a"].port != sim["b"].port
            assert sim.base_urls["a"] == f"http://127.0.0.1:{sim['a'].port}/v1"
            assert (await ask_async(sim["a"].port, chat())).status == 200
            sim["b"].script([read_fault('{"kind":"status","status":500}')])
            assert (await ask_async(sim["b"].port, chat())).status == 500
            await sim.idle()
            assert sim["a"].ledger.totals.requests == 1
        with pytest.raises(ConnectionRefusedError):
            await ask_async(sim["a"].port, chat())

    runner(check())


def test_start_and_close():
    async def check():
        sim = await start_simulation([ProviderSpec("a")])
        port = sim["a"].port
        sim["a"].script([read_fault('{"kind":"stall"}')])
        stalled = asyncio.create_task(ask_async(port, chat()))
        while not sim["a"].ledger.in_flight:
            await asyncio.sleep(0)
        await sim.close()
        assert (await stalled).raw == b""

    asyncio.run(check())


def test_equal_ids_are_refused():
    with pytest.raises(ValueError, match="same id"):
        Simulation([ProviderSpec("a"), ProviderSpec("a")])


def test_a_port_in_use_is_an_error():
    with SimulationThread([ProviderSpec("a")]) as running:
        options = SimulationOptions(port=running.simulation["a"].port)
        with pytest.raises(OSError, match="in use"), SimulationThread([ProviderSpec("a")], options):
            pass


def test_consecutive_ports():
    seen = None
    while seen is None:  # somebody else may have the next one, or take either in between
        first = free_port()
        with (
            contextlib.suppress(OSError),
            SimulationThread([ProviderSpec("a"), ProviderSpec("b")], SimulationOptions(port=first)) as running,
        ):
            seen = running.simulation.ports
    assert seen == {"a": first, "b": first + 1}


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_tls_with_resets_at_an_exact_byte(loop):
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(client)
    with SimulationThread([ProviderSpec("a")], SimulationOptions(ssl_context=server), loop) as running:
        port = running.simulation["a"].port
        assert running.base_urls["a"] == f"https://127.0.0.1:{port}/v1"

        def over_tls(body):
            with (
                socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
                client.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=True) as sock,
            ):
                return talk(sock, request_bytes(body))

        assert over_tls(chat()).json["choices"]
        assert over_tls(stream()).events[-1] == "[DONE]"
        running.script("a", [read_fault('{"kind":"reset","at":100}')])
        assert len(over_tls(chat()).raw) == 100
        running.script("a", [read_fault('{"kind":"refuse"}')])
        assert over_tls(chat()).raw == b""
