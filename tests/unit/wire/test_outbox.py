"""Writes of one turn: in order, together, before the turn is over, and none of them lost to a transport that closed."""

import asyncio

from tests.unit.wire.peers import on_loop

from anyapi.wire.outbox import MOST, Outbox


def busy():
    """An outbox of the running loop, with two requests being answered."""
    box = Outbox(asyncio.get_running_loop())
    box.active = 2
    return box


@on_loop
async def test_with_one_request_alone_it_goes_out_at_once():
    box = busy()
    box.active, written = 1, []
    box.put(written.append, b"now")
    assert written == [b"now"]


@on_loop
async def test_with_more_it_goes_out_when_the_turn_ends():
    box = busy()
    written = []
    box.put(written.append, b"a")
    box.put(written.append, b"b")
    assert written == []
    await asyncio.sleep(0)
    assert written == [b"a", b"b"]
    box.put(written.append, b"c")
    await asyncio.sleep(0)
    assert written == [b"a", b"b", b"c"]


@on_loop
async def test_nothing_overtakes_what_waits():
    box = busy()
    written = []
    box.put(written.append, b"a")
    box.active = 1
    box.put(written.append, b"b")
    assert written == []
    box.flush()
    assert written == [b"a", b"b"]


@on_loop
async def test_flushed_once():
    box = busy()
    written = []
    box.put(written.append, b"a")
    box.flush()
    await asyncio.sleep(0)
    assert written == [b"a"]


@on_loop
async def test_what_is_much_does_not_wait():
    box = busy()
    written = []
    piece = bytes(MOST // 2 + 1)
    box.put(written.append, piece)
    assert written == []
    box.put(written.append, piece)
    assert written == [piece, piece]
    box.put(written.append, b"small")
    assert len(written) == 2


@on_loop
async def test_a_closed_transport_costs_the_others_nothing():
    box = busy()
    written = []

    def closed(_data):
        raise RuntimeError("unable to perform operation on a closed transport")

    box.put(closed, b"a")
    box.put(written.append, b"b")
    box.flush()
    assert written == [b"b"]


@on_loop
async def test_what_a_write_puts_goes_out_in_the_next_turn():
    box = busy()
    written = []

    def answers(data):
        written.append(data)
        box.put(written.append, b"more")

    box.put(answers, b"a")
    box.flush()
    assert written == [b"a"]
    await asyncio.sleep(0)
    assert written == [b"a", b"more"]


@on_loop
async def test_it_does_not_print_what_waits():
    box = busy()
    box.put(len, b"content")
    assert "content" not in repr(box)
    assert "1" in repr(box)
