"""Serves the control plane on the loop of its process: uvicorn on a socket of ours. Imported only after the data plane answers.

INVARIANT: nothing that the data plane needs imports this module: Litestar and uvicorn cost 10 MB and a second.
"""

import asyncio
import contextlib
import socket
from collections.abc import Generator, Iterable
from pathlib import Path

import uvicorn

from anyapi.control.app import create_app
from anyapi.control.attending import Attendant
from anyapi.control.connections import MOST, Bounded
from anyapi.control.delivering import Ways
from anyapi.control.oidc import OidcClient
from anyapi.control.passwords import Attempts
from anyapi.control.services import Services, Updating

__all__ = ["Attempts", "Attendant", "OidcClient", "Services", "Serving", "Updating", "Ways", "serve"]

PROXIES = ["127.0.0.1", "::1"]
BUILT = Path(__file__).resolve().parent.parent / "dashboard"
"""Where the wheel has the dashboard's pages."""


class _Server(uvicorn.Server):
    """Leaves signals to bootstrap, which stops both planes in order, and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Catch none."""
        yield


class Serving:
    """A running control plane. `close` ends it and waits for what it is answering, for a few seconds at most."""

    def __init__(self, server: _Server, task: "asyncio.Task[None]") -> None:
        self._server, self._task = server, task

    async def close(self) -> None:
        """Stop."""
        self._server.should_exit = True
        await asyncio.wait([self._task], timeout=5)
        self._task.cancel()


async def serve(
    services: Services, listener: socket.socket, certificate: Path | None = None, key: Path | None = None, proxies: Iterable[str] = ()
) -> Serving:
    """Answer on a listening socket until closed. Raises `ConfigError` if a route does not say who may call it.

    `proxies` are networks, in CIDR, of what may say for whom it asks, beside this machine.
    """
    # In a thread: it takes a quarter of a second, and the data plane shares the loop.
    app = await asyncio.to_thread(create_app, services, BUILT if (BUILT / "index.html").is_file() else None)
    config = uvicorn.Config(
        app,
        loop="none",
        http=Bounded,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=3,
        limit_concurrency=MOST,
        # Failed sign-ins are braked by address. Behind a proxy it is the last one in X-Forwarded-For that is no proxy's: anybody may
        # write that line, so it is believed of nobody else, whatever FORWARDED_ALLOW_IPS says, which uvicorn would read.
        forwarded_allow_ips=[*PROXIES, *proxies],
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    up = asyncio.create_task(server.up.wait())
    await asyncio.wait([up, task], return_when=asyncio.FIRST_COMPLETED)
    up.cancel()
    if task.done():
        task.result()  # raises what kept it from starting
    return Serving(server, task)
