"""Keep-alive on real sockets, as the kernel says."""

import asyncio
import socket

from tests.unit.wire.peers import on_loop

from anyapi.wire.keepalive import COUNT, IDLE, INTERVAL, keep_alive


def kept_alive(sock):
    """Whether a socket has it, and with which times."""
    on = sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    return on, *(sock.getsockopt(socket.IPPROTO_TCP, name) for name in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT))


ON = (1, IDLE, INTERVAL, COUNT)


def test_a_socket_has_it():
    with socket.socket() as sock:
        assert kept_alive(sock)[0] == 0
        keep_alive(sock)
        assert kept_alive(sock) == ON


def test_the_times_find_a_peer_that_is_gone_before_networks_forget_one_that_is_there():
    assert IDLE <= 60
    assert IDLE + INTERVAL * COUNT <= 120


@on_loop
async def test_what_a_listener_accepts_has_it_too():
    accepted = asyncio.get_running_loop().create_future()

    class Accepted(asyncio.Protocol):
        def connection_made(self, transport):
            accepted.set_result(transport)

    server = await asyncio.get_running_loop().create_server(Accepted, "127.0.0.1", 0)
    keep_alive(server.sockets[0])
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    assert kept_alive((await accepted).get_extra_info("socket")) == ON
    writer.close()
    (await accepted).close()
    server.close()
