"""Who sends faster than it is read gives way to the others after each full buffer."""

import asyncio
import socket
import threading
import time

import pytest
from tests.unit.wire.peers import on_loop

from anyapi.wire.turns import give_way

SIZE = 64 * 1024
WORK = 0.005
"""Seconds that each read takes to be understood."""


class Transport:
    """Notes what is asked of it."""

    def __init__(self):
        self.asked, self.closing = [], False

    def is_closing(self):
        return self.closing

    def pause_reading(self):
        self.asked.append("pause")

    def resume_reading(self):
        self.asked.append("resume")


@pytest.mark.parametrize(
    ("reads", "closing", "wanted"), [(True, False, ["pause", "resume"]), (False, False, ["pause"]), (True, True, ["pause"])]
)
@on_loop
async def test_it_goes_on_in_the_next_turn_unless_somebody_paused_it(reads, closing, wanted):
    transport = Transport()
    give_way(asyncio.get_running_loop(), transport, lambda: reads)
    assert transport.asked == ["pause"]
    transport.closing = closing
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert transport.asked == wanted


@on_loop
async def test_what_is_gone_is_left_alone():
    gone = Transport()
    gone.closing = True
    give_way(asyncio.get_running_loop(), gone, lambda: True)
    give_way(asyncio.get_running_loop(), None, lambda: True)
    assert gone.asked == []


class Reader(asyncio.BufferedProtocol):
    """Takes its time with every read."""

    def __init__(self, polite):
        self.view, self.polite, self.count = memoryview(bytearray(SIZE)), polite, 0

    def connection_made(self, transport):
        self.transport = transport

    def get_buffer(self, _hint):
        return self.view

    def buffer_updated(self, nbytes):
        time.sleep(WORK)
        self.count += nbytes
        if self.polite and nbytes == SIZE:
            give_way(asyncio.get_running_loop(), self.transport, lambda: True)


@pytest.mark.parametrize("polite", [True, False])
@on_loop
async def test_others_have_their_turn_while_one_floods(polite):
    """The control is the other case: without it the loop reads on and on."""
    here, there = socket.socketpair()
    for end in (here, there):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * SIZE)
    here.setblocking(False)
    loop, stop = asyncio.get_running_loop(), threading.Event()

    def flood():
        there.settimeout(0.2)
        while not stop.is_set():
            try:
                there.send(bytes(16 * SIZE))
            except TimeoutError:
                continue
            except OSError:
                return

    flooding = threading.Thread(target=flood)
    transport, reader = await loop.create_connection(lambda: Reader(polite), sock=here)
    flooding.start()
    reads = []
    try:
        end = loop.time() + 1.0
        while loop.time() < end:
            before = reader.count
            await asyncio.sleep(0)
            reads.append((reader.count - before) / SIZE)
    finally:
        stop.set()
        transport.abort()
        await asyncio.to_thread(flooding.join)
        there.close()
    assert reader.count > 20 * SIZE
    assert (max(reads) <= 2) is polite, "reads of one connection in one turn of the loop"
