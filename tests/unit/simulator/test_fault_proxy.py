import asyncio
import contextlib
import socket
import struct
import time

import pytest
import uvloop
from tests.unit.simulator.raw_client import Received, ask, chat, request_bytes, stream

from anyapi.simulator import ProviderSpec, Simulation
from anyapi.simulator.fault_proxy import Action, FaultProxy, Flow, Plan


@pytest.fixture(params=[asyncio.run, uvloop.run])
def run(request):
    return request.param


@contextlib.asynccontextmanager
async def proxied(*plans):
    async with Simulation([ProviderSpec("p")]) as sim, FaultProxy("127.0.0.1", sim["p"].port, plans) as proxy:
        yield sim["p"], proxy


async def ask_async(port, body) -> Received:
    return await asyncio.to_thread(ask, port, body)


def test_carries_everything_by_default(run):
    async def check():
        async with proxied() as (provider, proxy):
            through, direct = await ask_async(proxy.port, stream()), await ask_async(provider.port, stream())
            assert through.events[-1] == "[DONE]"
            assert len(through.raw) == len(direct.raw)
            await proxy.finished()
            carried = proxy.connections[0]
            assert carried.to_client.carried == len(through.raw)
            assert carried.to_server.carried == len(request_bytes(stream()))

    run(check())


@pytest.mark.parametrize(("action", "end"), [(Action.CLOSE, "closed"), (Action.RESET, "reset")])
@pytest.mark.parametrize("at", [0, 1, 250])
def test_cuts_the_answer_at_a_byte(run, action, end, at):
    async def check():
        async with proxied(Plan(to_client=Flow(at=at, action=action))) as (_, proxy):
            try:
                received = await ask_async(proxy.port, chat())
            except ConnectionError:  # reset before the request was written
                received = Received(b"", "reset")
            assert len(received.raw) == at
            if at:
                assert received.end == end
            assert (await ask_async(proxy.port, chat())).status == 200

    run(check())


@pytest.mark.parametrize("action", [Action.CLOSE, Action.RESET])
@pytest.mark.parametrize("at", [1, 20, 150])
def test_cuts_the_request_at_a_byte(run, action, at):
    async def check():
        async with proxied(Plan(to_server=Flow(at=at, action=action))) as (provider, proxy):
            received = await ask_async(proxy.port, chat())
            assert received.raw == b""
            assert proxy.connections[0].to_server.carried == at
            while provider.ledger.totals.wire_bytes != at:
                await asyncio.sleep(0)
            assert provider.ledger.totals.requests == 0

    run(check())


def test_cuts_before_the_first_byte_of_the_request(run):
    async def check():
        async with proxied(Plan(to_server=Flow(at=0, action=Action.RESET))) as (provider, proxy):
            with contextlib.suppress(ConnectionError):
                assert (await ask_async(proxy.port, chat())).raw == b""
            assert provider.ledger.totals.wire_bytes == 0

    run(check())


def test_stalls_and_goes_on(run):
    async def check():
        async with proxied(Plan(to_client=Flow(at=100, action=Action.STALL, stall_seconds=0.2))) as (_, proxy):
            begun = time.monotonic()
            assert (await ask_async(proxy.port, chat())).complete
            assert time.monotonic() - begun >= 0.2

    run(check())


@pytest.mark.parametrize("at", [0, 100])
def test_stalls_until_the_client_leaves(run, at):
    async def check():
        async with proxied(Plan(to_client=Flow(at=at, action=Action.STALL))) as (provider, proxy):
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            writer.write(request_bytes(chat()))
            await reader.readexactly(at)
            while provider.ledger.totals.outcomes["answered"] != 1:
                await asyncio.sleep(0)
            assert proxy.connections[0].to_client.carried == at
            writer.close()
            await writer.wait_closed()
            await proxy.finished()

    run(check())


def test_stalled_requests_never_arrive(run):
    async def check():
        async with proxied(Plan(to_server=Flow(at=30, action=Action.STALL))) as (provider, proxy):
            _, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            writer.write(request_bytes(chat()))
            while proxy.connections == [] or proxy.connections[0].to_server.carried < 30:
                await asyncio.sleep(0)
            await writer.drain()
            assert provider.ledger.totals.requests == 0
            writer.close()
            await writer.wait_closed()

    run(check())


def test_splits_writes(run):
    async def check():
        sizes = []

        class Count(asyncio.Protocol):
            def data_received(self, data):
                sizes.append(len(data))

        server = await asyncio.get_running_loop().create_server(Count, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        # Slow enough for the receiver to see each write by itself.
        async with FaultProxy("127.0.0.1", port, [Plan(to_server=Flow(pieces=(3, 5), bytes_per_second=200))]) as proxy:
            _, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            writer.write(b"x" * 19)
            while sum(sizes) < 19:
                await asyncio.sleep(0.001)
            writer.close()
            await writer.wait_closed()
        server.close()
        assert sizes == [3, 5, 3, 5, 3]

    run(check())


def test_drips_at_a_rate(run):
    async def check():
        async with proxied(Plan(to_client=Flow(pieces=(50,), bytes_per_second=2000))) as (_, proxy):
            begun = time.monotonic()
            received = await ask_async(proxy.port, chat())
            assert received.complete
            assert time.monotonic() - begun >= (len(received.raw) - 50) / 2000

    run(check())


def test_delays_the_first_byte(run):
    async def check():
        async with proxied(Plan(to_server=Flow(delay=0.1), to_client=Flow(delay=0.1))) as (_, proxy):
            begun = time.monotonic()
            assert (await ask_async(proxy.port, chat())).complete
            assert time.monotonic() - begun >= 0.2

    run(check())


def test_refuses(run):
    async def check():
        async with proxied(Plan(refuse=True)) as (provider, proxy):
            with contextlib.suppress(ConnectionError):
                assert (await ask_async(proxy.port, chat())).raw == b""
            assert (await ask_async(proxy.port, chat())).status == 200
            assert provider.ledger.totals.connections == 1

    run(check())


def test_passes_a_reset_on(run):
    async def check():
        async with proxied() as (provider, proxy):
            _, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            writer.write(request_bytes(chat(), keep=True))
            while provider.ledger.totals.requests != 1:
                await asyncio.sleep(0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            await proxy.finished()
            while provider.connections:
                await asyncio.sleep(0)

    run(check())


def test_a_target_that_is_not_there(run):
    async def check():
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            async with FaultProxy("127.0.0.1", free.getsockname()[1]) as proxy:
                with contextlib.suppress(ConnectionError):
                    assert (await ask_async(proxy.port, chat())).raw == b""

    run(check())


def test_close_ends_what_is_open():
    async def check():
        async with proxied(Plan(to_client=Flow(at=0, action=Action.STALL))) as (_, proxy):
            waiting = asyncio.create_task(ask_async(proxy.port, chat()))
            while not proxy.connections:
                await asyncio.sleep(0)
            await proxy.close()
            with contextlib.suppress(ConnectionError):
                assert (await waiting).raw == b""

    asyncio.run(check())
