import asyncio
import socket

from tests.unit.simulator.raw_client import receive

from anyapi.simulator.tcp import all_acknowledged, reset_on_close


def pair():
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    listener.close()
    return client, server


def test_a_reset_after_everything_arrived():
    client, server = pair()
    with client:
        server.sendall(b"x" * 50_000)
        asyncio.run(all_acknowledged(server))
        reset_on_close(server)
        server.close()
        received = receive(client)
        assert (received.end, len(received.raw)) == ("reset", 50_000)


def test_without_it_the_end_is_orderly():
    client, server = pair()
    with client:
        server.close()
        assert client.recv(1) == b""
