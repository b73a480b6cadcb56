"""Where a credential may be used: the provider's address with its placeholders filled, and the region that lies in. Opens nothing."""

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from anyapi.catalogue.locations import PLACES, VARIABLES
from anyapi.catalogue.provider_record import host_of, is_private_host
from anyapi.catalogue.vocabulary import PLACEHOLDER_VALUE
from anyapi.config_values import Config, Listen, is_loopback
from anyapi.domain.catalogue import Catalogue, Provider
from anyapi.policy.regions import lies_inside

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_HOSTS = {
    "//global-aiplatform.googleapis.com/": "//aiplatform.googleapis.com/",
    "//us-aiplatform.googleapis.com/": "//aiplatform.us.rep.googleapis.com/",
    "//eu-aiplatform.googleapis.com/": "//aiplatform.eu.rep.googleapis.com/",
}
"""Locations of Vertex AI that are no single region have hosts of another form."""


LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


class Surroundings(msgspec.Struct, frozen=True):
    """What decides whether a credential can be used."""

    catalogue: Catalogue
    env: Mapping[str, str]
    listen: Listen
    private_addresses: tuple[str, ...]


def own_base_url(config: Config, provider: Provider, variables: Mapping[str, str]) -> tuple[str, str | None]:
    """Where an account's own credential is used, and why it cannot be (None when it can).

    Placeholders are filled from `variables` alone: the operator's own deployment is not where an account's key belongs.
    """
    around = Surroundings(config.catalogue, {}, config.server.listen, config.networks.private_addresses)
    return usable_url(provider, variables, around)


def usable_url(provider: Provider, variables: Mapping[str, str], around: Surroundings) -> tuple[str, str | None]:
    """The filled base URL, and why it cannot be used (None when it can)."""
    names = dict(provider.api.variables)
    base_url = provider.api.base_url
    for name in dict.fromkeys(_PLACEHOLDER.findall(base_url)):
        hint = f"{names[name]}, or `variables.{name}` of a credential" if name in names else f"`variables.{name}` of a credential"
        if name not in variables:
            return base_url, f"its address needs {name}: set {hint}"
        # A value with a slash or a dot would send the key to a host of somebody else's choice.
        if not PLACEHOLDER_VALUE.fits(variables[name]):
            return base_url, f"{name} must be {PLACEHOLDER_VALUE.description}: correct {hint}"
        base_url = base_url.replace(f"{{{name}}}", variables[name])
    for plain, special in _HOSTS.items():
        base_url = base_url.replace(plain, special)
    return base_url, _hindrance(base_url, around)


def origins_of(url: str) -> frozenset[str]:
    """The origins (RFC 6454) under which browsers know a page at this address: on loopback it has several names."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", "" if parts.port is None else f":{parts.port}"
    names = LOOPBACK_NAMES if is_loopback(host) else (f"[{host}]" if ":" in host else host,)
    return frozenset(f"{parts.scheme}://{name}{port}" for name in names)


def region_of(declared: str | None, variables: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The region that a credential is pinned to, and why that cannot be said (None when it can).

    A location in the address pins it: requests go to that host. What is declared may be wider than that, never elsewhere.
    """
    location = next((variables[name] for name in VARIABLES if name in variables), None)
    if location is None:
        return declared, None
    place = PLACES.get(location)
    if place is None:
        return declared, None if declared else f"it is not known where {location} lies: say so with `region` of a credential"
    if declared is not None and not lies_inside(place, declared):
        return declared, f"`region` says {declared}, but its address is in {location}, which is {place}"
    return declared or place, None


def _hindrance(base_url: str, around: Surroundings) -> str | None:
    """Why an address cannot be connected to; None when it can."""
    host = host_of(base_url)
    if _is_ourselves(base_url, host, around.listen):
        return "its address is where this gateway listens itself; give it another port"
    if base_url.startswith("http://") and not is_private_host(host) and _is_address(host) and not _allowed(host, around.private_addresses):
        return f'plain http crosses public networks readable: use https, or write [network] private_addresses = ["{host}/{_width(host)}"]'
    if is_private_host(host) and not _allowed(host, around.private_addresses):
        network = "127.0.0.0/8" if host == "localhost" else f"{host}/{_width(host)}"
        return f'its address is private; to allow it, write [network] private_addresses = ["{network}"]'
    return None


def _width(host: str) -> int:
    return 128 if ":" in host else 32


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_ourselves(base_url: str, host: str, listen: Listen) -> bool:
    if listen.port is None or listen.host is None or not is_loopback(host):
        return False
    port = re.fullmatch(r"https?://(?:\[[^\]]*\]|[^/:]*):(\d+)(?:/.*)?", base_url)
    return port is not None and int(port.group(1)) == listen.port and (listen.is_local or listen.host in ("0.0.0.0", "::"))


def _allowed(host: str, networks: tuple[str, ...]) -> bool:
    addresses = ("127.0.0.1", "::1") if host == "localhost" or host.endswith(".localhost") else (host,)
    for text in networks:
        try:
            network = ipaddress.ip_network(text)
        except ValueError:
            continue  # noted where the section was read
        if any(ipaddress.ip_address(address) in network for address in addresses):
            return True
    return False
