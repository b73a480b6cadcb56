"""The one place that opens connections: which addresses may be connected to, in every way that they can be written."""

import asyncio
import contextlib
import socket
from types import SimpleNamespace

import pytest
from tests.unit.wire.peers import listening, on_loop

from anyapi.errors import ConfigError
from anyapi.upstream.dialer import AddressRefused, Dialer

PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450:4001:80b::200e"]
NOT_PUBLIC = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.2.1",
    "192.168.0.1",
    "198.18.0.1",
    "203.0.113.5",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "4000::1",
    "ff02::1",
    "ff0e::1",
    "2001:db8::1",
    "100::1",
]
INSIDE = {
    "mapped": "::ffff:{}",
    "mapped, in hexadecimal": "::ffff:{hex}",
    "mapped, in full": "0000:0000:0000:0000:0000:ffff:{hex}",
    "6to4": "2002:{hex}::1",
    "NAT64": "64:ff9b::{}",
    "NAT64, in hexadecimal": "64:ff9b::{hex}",
    "compatible": "::{}",
}


def inside(form, text):
    """An IPv4 address inside an IPv6 one."""
    a, b, c, d = map(int, text.split("."))
    return INSIDE[form].format(text, hex=f"{a:02x}{b:02x}:{c:02x}{d:02x}")


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_may_be_connected_to(text):
    assert Dialer().allows(text)


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_others_may_not(text):
    assert not Dialer().allows(text)


@pytest.mark.parametrize("form", INSIDE)
@pytest.mark.parametrize("text", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.1.1"])
def test_ipv4_inside_ipv6_is_judged_as_what_it_is(form, text):
    written = inside(form, text)
    assert not Dialer().allows(written)
    assert Dialer([f"{text}/32"]).allows(written)
    assert not Dialer(["::/0"]).allows(written), "a list of IPv6 networks says nothing of IPv4"


@pytest.mark.parametrize("form", INSIDE)
def test_public_ipv4_inside_ipv6_is_public(form):
    assert Dialer().allows(inside(form, "8.8.8.8"))


@pytest.mark.parametrize(
    ("networks", "allowed", "refused"),
    [
        (["127.0.0.0/8"], ["127.0.0.1", "127.9.9.9", "1.1.1.1"], ["10.0.0.1", "::1", "128.0.0.0.1"]),
        (["10.1.2.3/32"], ["10.1.2.3"], ["10.1.2.4", "10.1.2.2"]),
        (["::1/128"], ["::1"], ["::2", "127.0.0.1", "::"]),
        (["fd00::/8"], ["fd00::1", "fdff::1"], ["fc00::1", "fe80::1"]),
        (["fe80::/10"], ["fe80::1", "fe80::1%eth0"], ["fd00::1"]),
        (["10.0.0.0/8", "fd00::/8"], ["10.0.0.1", "fd00::1"], ["192.168.0.1"]),
        (["0.0.0.0/0"], ["127.0.0.1", "169.254.169.254"], ["::1", "fd00::1"]),
    ],
)
def test_the_operators_list_adds_what_it_names(networks, allowed, refused):
    dialer = Dialer(networks)
    assert all(dialer.allows(text) for text in allowed)
    assert not any(dialer.allows(text) for text in refused)


@pytest.mark.parametrize(
    "text", ["", "example.com", "localhost", "127.1", "0x7f000001", "2130706433", "127.0.0.1:80", "[::1]", "1.2.3", " 1.1.1.1"]
)
def test_what_is_no_address_is_refused(text):
    assert not Dialer(["0.0.0.0/0", "::/0"]).allows(text)


@pytest.mark.parametrize("text", ["x", "10.0.0.1/8", "10.0.0.0/33", "300.0.0.0/8"])
def test_a_wrong_range_is_a_configuration_error(text):
    with pytest.raises(ConfigError, match=r"network.private_addresses"):
        Dialer([text])


class Said(asyncio.Protocol):
    def __init__(self):
        self.received, self.transport = asyncio.get_running_loop().create_future(), None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.received.set_result(data)
        self.transport.close()


async def greet(reader, writer):
    writer.write(b"hello")
    await reader.read(1)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@on_loop
async def test_it_connects_to_what_is_allowed(host):
    """`localhost` may lead to `::1` too, where nobody listens: the next address is tried."""
    async with listening(greet) as port:
        said = Said()
        await Dialer(["127.0.0.0/8", "::1/128"]).open(host, port, said, secure=True)
        assert await said.received == b"hello"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "2130706433", "0x7f.1"])
@on_loop
async def test_nothing_is_sent_to_what_is_not(host):
    """However it is written: the address that was resolved is the one that is checked."""
    met = []

    async def script(reader, writer):
        met.append(host)

    async with listening(script) as port:
        with pytest.raises(AddressRefused):
            await Dialer().open(host, port, Said(), secure=True)
    assert met == []


@on_loop
async def test_only_the_allowed_ones_of_several_addresses_are_tried():
    async with listening(greet) as port:
        said = Said()
        await Dialer(["127.0.0.1/32"]).open("localhost", port, said, secure=True)
        assert said.transport.get_extra_info("peername") == ("127.0.0.1", port)
        await said.received


@on_loop
async def test_nobody_there():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            await Dialer(["127.0.0.1/32"]).open("127.0.0.1", bound.getsockname()[1], Said(), secure=True)


@on_loop
async def test_a_name_that_does_not_exist():
    with pytest.raises(OSError, match="."):
        await Dialer().open("nowhere.invalid", 443, Said(), secure=True)


@on_loop
async def test_connecting_is_limited_in_time():
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port, waiting = full.getsockname()[1], []
        try:
            for _ in range(4):  # the queue of connections that nobody accepts is full now: the next hears nothing
                waiting.append(socket.socket())
                waiting[-1].setblocking(False)
                waiting[-1].connect_ex(("127.0.0.1", port))
            with pytest.raises(TimeoutError):
                await Dialer(["127.0.0.1/32"], timeout=0.1).open("127.0.0.1", port, Said(), secure=True)
        finally:
            for sock in waiting:
                sock.close()


@pytest.mark.parametrize("host", ["a..example", "x" * 70 + ".example"])
@on_loop
async def test_a_name_that_dns_cannot_hold_is_refused(host):
    with pytest.raises(AddressRefused):
        await Dialer().open(host, 443, Said(), secure=True)


@on_loop
async def test_without_tls_nothing_goes_to_an_address_that_is_not_listed(monkeypatch):
    """The name of a local server that leads to a public address (another resolver, a typo) must not carry keys and prompts there."""
    asked = []

    async def resolved(*_, **__):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 8000))]

    async def connect(_factory, host, _port):
        asked.append(host)

    monkeypatch.setattr(asyncio, "get_running_loop", lambda: SimpleNamespace(getaddrinfo=resolved, create_connection=connect))
    for dialer, secure, met in (
        (Dialer(["10.0.0.0/8"]), False, []),
        (Dialer(["10.0.0.0/8"]), True, ["93.184.216.34"]),
        (Dialer(["93.184.216.34/32"]), False, ["93.184.216.34"]),
    ):
        asked.clear()
        with contextlib.nullcontext() if met else pytest.raises(AddressRefused):
            await dialer.open("gpu.example", 8000, asyncio.Protocol(), secure=secure)
        assert asked == met
