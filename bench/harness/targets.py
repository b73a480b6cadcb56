"""What a phase is aimed at: an address, a key, and the names that its models have there. How each is started is in its own module."""

import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .bodies import LARGE_REQUEST_BYTES, Scenario, request_body
from .routes import Route, messages_body

CREDENTIAL = "bench-provider-credential-0001"
"""What the mock provider accepts; no gateway may pass its caller's own key on."""


@dataclass(frozen=True)
class Address:
    """Where a target listens on loopback, and how it names the mock's models (`{}` stands for the scenario)."""

    port: int
    model: str

    def body(self, scenario: Scenario, *, route: Route = Route.CHAT, large: bool = False, with_policy: bool = False) -> bytes:
        """The request body of a scenario, as this address wants it."""
        model = self.model.format(route.model(scenario))
        if route.asks_messages:
            return messages_body(model, scenario)
        if large:
            return request_body(model, scenario, size=LARGE_REQUEST_BYTES, with_policy=with_policy)
        return request_body(model, scenario, with_policy=with_policy)


@dataclass(frozen=True)
class Target:
    """A running gateway (or the mock itself, to measure against). `keys` are used in turn."""

    name: str
    process: subprocess.Popen[bytes]
    keys: tuple[str, ...]
    plain: Address
    tls: Address | None = None
    """Where the same is asked with TLS between gateway and provider."""
    data_dir: Path | None = None


def free_port() -> int:
    """A port on loopback that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
