"""What large bodies may hold together, and one key of it."""

from tests.unit.gateway.workbench import KEY, chat, gateway, request
from tests.unit.upstream.provider import answer, playing, silent
from tests.unit.wire.peers import dialled, on_loop, until

from anyapi.gateway.holding import LARGEST_BODIES, Held
from anyapi.gateway.limits import Limits

EVENTS = b"content-type: text/event-stream"
OPEN = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n" + EVENTS + b"\r\n\r\n"
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
LARGE = chat(messages=[{"role": "user", "content": "x" * 100_000}])


def test_one_key_has_half_and_all_have_the_whole():
    held, most = Held(100), 100 * LARGEST_BODIES
    assert held.take("a", b"one", most // 2)
    assert not held.take("a", b"one", 1)
    assert not held.take("b", b"one", 1)
    assert held.take("c", b"two", most // 2)
    assert not held.take("d", b"three", 1)
    held.let_go("a")
    held.let_go("a")
    assert held.take("d", b"three", most // 2)
    assert not held.take("d", b"three", 1)


def test_what_is_let_go_leaves_nothing_behind():
    held = Held(100)
    for connection in "abc":
        assert held.take(connection, b"one", 5)
        assert held.take(connection, b"one", 5)
    for connection in "abcd":
        held.let_go(connection)
    assert (held._total, dict(held._by_caller), held._of) == (0, {}, {})


@on_loop
async def test_what_came_is_held_until_its_answer_begins_or_ends_or_the_client_goes():
    async def stream(_reader, writer):
        writer.write(OPEN + b"%x\r\n%b\r\n" % (len(EVENT), EVENT))
        await silent(_reader, writer)

    ok = answer(b'{"choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop"}]}', b"content-type: application/json")
    async with gateway(playing(ok, b"", then=stream)) as running:
        held = running.server.held
        assert (await running.post(LARGE)).status == 200
        assert held._total == 0, "the answer is there"
        async with dialled(running.port) as (reader, writer):
            writer.write(request(LARGE | {"stream": True}))
            await reader.readuntil(b"hi")
            assert held._total == 0, "its answer has begun, and goes on"
        async with dialled(running.port) as (_, writer):
            writer.write(request(LARGE)[:-10])
            await until(lambda: held._total > 65_536)
        await until(lambda: held._total == 0)


@on_loop
async def test_without_room_a_large_body_is_refused_and_a_small_one_is_not():
    ok = answer(b'{"choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop"}]}', b"content-type: application/json")
    async with gateway(playing(*[ok] * 3, then=silent), limits=Limits(max_body_bytes=200_000)) as running:
        held = running.server.held
        assert held.take("others", KEY, LARGEST_BODIES * 100_000 - 1000)
        refused = await running.post(LARGE)
        assert (refused.status, refused.field("retry-after")) == (503, b"1")
        assert (await running.post()).status == 200
        held.let_go("others")
        assert (await running.post(LARGE)).status == 200
