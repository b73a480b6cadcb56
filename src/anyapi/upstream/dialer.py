"""The one place that opens connections to providers: resolve, check every address, connect to the address that was checked.

No redirect is ever followed and no proxy variable is read, so nothing can be sent to a host that the operator did not configure. Private
addresses (RFC 1918, loopback, link-local, metadata services, ...) are refused unless the operator listed them; without TLS all that are not
listed are.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from typing import TypeAlias

from anyapi.errors import ConfigError

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052: where a network has only IPv6, this stands for all of IPv4, private addresses too."""
COMPATIBLE = ipaddress.IPv6Network("::/96")
"""RFC 4291, 2.5.5.1: deprecated, but still an IPv4 address. Holds `::` and `::1` too, which are none."""


UNICAST = ipaddress.IPv6Network("2000::/3")
"""All that is assigned for use anywhere (RFC 4291, 2.4); the rest, site-local addresses among it, may mean anything inside a network."""


class AddressRefused(OSError):
    """The name leads to an address that the operator did not allow."""


class Dialer:
    """Opens TCP connections, with the operator's list of private networks that are allowed."""

    __slots__ = ("_allowed", "timeout")

    def __init__(self, private_addresses: Sequence[str] = (), *, timeout: float = 5.0) -> None:
        """`private_addresses` in CIDR notation; `timeout` in seconds for resolving and connecting together."""
        try:
            self._allowed = tuple(ipaddress.ip_network(text) for text in private_addresses)
        except ValueError as error:
            raise ConfigError(f"not an address range: {error}", field="network.private_addresses") from None
        self.timeout = timeout

    async def open(self, host: str, port: int, protocol: asyncio.BaseProtocol, *, secure: bool) -> None:
        """Connect `protocol` to `host:port`. Raises `OSError`, `TimeoutError`, or `AddressRefused`.

        Without TLS (`secure` says whether there will be some) nothing goes to an address that the operator did not list: a name may
        lead anywhere, and keys and prompts would cross the Internet readable.
        """
        allowed = self.allows if secure else self.lists
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self.timeout):
            try:
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            except UnicodeError:
                raise AddressRefused("the host's name is none that DNS can hold") from None
            addresses = [entry[4][0] for entry in found if allowed(str(entry[4][0]))]
            if not addresses:
                raise AddressRefused("the host has no address that may be connected to")
            last: OSError | None = None
            for address in addresses:
                try:
                    await loop.create_connection(lambda: protocol, str(address), port)
                except OSError as error:
                    last = error
                else:
                    return
            raise last or OSError("no address answered")

    def allows(self, text: str) -> bool:
        """Whether an address (no name) may be connected to. IPv4 inside IPv6 is judged as the IPv4 that it is."""
        address = _address(text)
        if address is None:
            return False
        if address.is_global and not address.is_multicast and (address.version == 4 or address in UNICAST):
            return True
        return self._listed(address)

    def lists(self, text: str) -> bool:
        """Whether the operator listed an address, so that it is no matter of public networks."""
        address = _address(text)
        return address is not None and self._listed(address)

    def _listed(self, address: Address) -> bool:
        return any(address in network for network in self._allowed if network.version == address.version)


def _address(text: str) -> Address | None:
    """The address that a text is, IPv4 where it stands inside IPv6; None for what is none."""
    try:
        address: Address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return _inner(address) if isinstance(address, ipaddress.IPv6Address) else address


def _inner(address: ipaddress.IPv6Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    if address in NAT64 or (address in COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address
