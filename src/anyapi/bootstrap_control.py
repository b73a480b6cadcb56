"""Puts the control plane together beside a data plane that answers already. Its heavy libraries are imported here and not before."""

import asyncio
import contextlib
import functools
import importlib
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

import msgspec

from anyapi.bootstrap_listening import cannot_listen, server_tls
from anyapi.catalogue.load import load_catalogue
from anyapi.config import Config, catalogue_over
from anyapi.errors import StorageError
from anyapi.gateway.plane import DataPlane
from anyapi.gateway.privacy import inventory
from anyapi.gateway.rankings import rankings_of
from anyapi.storage.audit_reader import AuditReader
from anyapi.storage.driver import Driver, code_of
from anyapi.storage.drivers import driver_for
from anyapi.storage.rows import DEFAULT_ACCOUNT
from anyapi.storage.sql_holdings import SqlHoldings
from anyapi.storage.sql_logs import SqlLogs
from anyapi.storage.sql_people import SqlPeople
from anyapi.storage.sql_ranking import SqlRanking
from anyapi.storage.sql_requests import SqlRequests
from anyapi.storage.sql_review import SqlReview
from anyapi.storage.sql_store import SqlStore
from anyapi.telemetry.log import Event, log
from anyapi.upstream.dialer import Dialer

RETRY_SECONDS = 2.0
"""Between two tries to start, while the store fails."""
ControlReady = Callable[[str, bool], None]
"""Hears of the control plane's address, and whether nobody is known to it yet."""


class Parts(msgspec.Struct, frozen=True):
    """What the control plane needs of the data plane that runs beside it."""

    plane: DataPlane
    reload: Callable[[], Awaitable[int]]
    address: str
    """Where the data plane answers."""
    unusable: Callable[[], Mapping[str, str]]
    """Stored credentials that it cannot use, each with the code of the reason."""


def nobody_waits(_address: str, _first_run: bool) -> None:  # noqa: FBT001 what ControlReady says
    """For callers that do not want to hear of it."""


class Beside:
    """A control plane that starts while the data plane serves, and may be told to end before it has."""

    def __init__(self, config: Config, parts: Parts, ready: ControlReady) -> None:
        """Begin to start it, if the configuration has it."""
        self._starting = asyncio.create_task(_started(config, parts, ready)) if config.control.enabled else None

    async def until(self, stop: asyncio.Event) -> None:
        """Wait for `stop`. Raises what kept the control plane from starting; a store that fails does not, it is waited for."""
        stopped = asyncio.create_task(stop.wait())
        if self._starting is not None:
            await asyncio.wait([stopped, self._starting], return_when=asyncio.FIRST_COMPLETED)
            if self._starting.done():
                self._starting.result()
        await stopped

    async def close(self) -> None:
        """End it, however far it came."""
        if self._starting is None:
            return
        if not self._starting.done():
            self._starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            running = await self._starting
            await running.aclose()


async def _started(config: Config, parts: Parts, ready: ControlReady) -> contextlib.AsyncExitStack:
    """`_start`, again and again while the store fails: the data plane serves meanwhile, and nobody would start this by hand."""
    told = False
    while True:
        try:
            return await _start(config, parts, ready)
        except StorageError as error:
            if not told:
                log(Event.STORE_FAILED, code=code_of(error))
            told = True
        await asyncio.sleep(RETRY_SECONDS)


async def _start(config: Config, parts: Parts, ready: ControlReady) -> contextlib.AsyncExitStack:
    """Serve the control API and the dashboard; closing what is given ends it. Raises `ConfigError` when the address is taken.

    Whatever takes long or waits for a disk is done in a thread: the data plane answers meanwhile.
    """
    tls, oidc = config.control.tls, config.control.oidc
    async with contextlib.AsyncExitStack() as stack:
        if tls is not None:
            server_tls(tls, "control.tls")  # uvicorn makes one of its own, and would say of a wrong one only that
        listener = stack.enter_context(_bind(config))
        address = (config.control.public_url or f"{'https' if tls else 'http'}://{_named(listener)}").removesuffix("/")
        serving = await asyncio.to_thread(importlib.import_module, "anyapi.control.serving")
        # Two connections of its own: one that the data plane waits for must not be busy with somebody's page, nor signing in with usage.
        driver = driver_for(config.data_dir, config.database_url)
        stores = await asyncio.to_thread(_stores, stack, driver)
        people = stores.people
        allows, hooks = Dialer(config.networks.private_addresses).allows, Dialer(config.networks.webhook_addresses).allows
        updates = config.updates.update_url, config.updates.public_keys, config.smtp is not None, config.root_keys
        updating = serving.Updating(load_catalogue, functools.partial(catalogue_over, config), allows, hooks, *updates)
        services = serving.Services(
            **stores._asdict(),
            rankings=lambda week: rankings_of(parts.plane, week),
            receipts=parts.plane.outlets.receipts,
            audit=lambda: AuditReader(driver),
            updating=updating,
            attempts=serving.Attempts(time.monotonic),
            in_force=lambda: parts.plane.snapshot,
            reload=parts.reload,
            floor=config.policy,
            inventory=lambda: inventory(parts.plane.disclosure),
            clock=time.time,
            secure=config.control.secure,
            data_plane_url=parts.address,
            default_account=DEFAULT_ACCOUNT,
            oidc=oidc and serving.OidcClient(oidc.service, config.oidc_secret, f"{address}/api/session/oidc/return", time.time),
            privacy=config.privacy,
            keys_per_account=config.control.keys_per_account,
            usage_days=config.usage_ttl_days,
            keeper=functools.cache(lambda: importlib.import_module("anyapi.own_credentials").Keeper(config)),
            unusable=parts.unusable,
        )
        running = await serving.serve(services, listener, tls and tls.certificate, tls and tls.key, config.control.proxies)
        stack.push_async_callback(running.close)
        parts.plane.disclosure = parts.plane.disclosure._replace(control_url=address)
        attendant = serving.Attendant(services, serving.Ways(config.smtp, allows, hooks, config.root_keys, address, config.privacy_hook))
        stack.push_async_callback(asyncio.to_thread, attendant.close)
        first_run = await asyncio.to_thread(people.people_count) == 0
        log(Event.CONTROL_STARTED, listen=address)
        await asyncio.to_thread(ready, address, first_run)
        return stack.pop_all()


class _Stores(NamedTuple):
    """By the names that the control plane's services have for them."""

    store: SqlStore
    people: SqlPeople
    requests: SqlRequests
    holdings: SqlHoldings
    review: SqlReview
    logs: SqlLogs
    ranking: SqlRanking


def _stores(stack: contextlib.AsyncExitStack, driver: Driver) -> _Stores:
    """One of each, over two connections that are closed with the stack."""
    store, people = stack.enter_context(SqlStore(driver)), stack.enter_context(SqlPeople(driver))
    return _Stores(store, people, SqlRequests(people), SqlHoldings(store), SqlReview(people), SqlLogs(store), SqlRanking(people))


def _bind(config: Config) -> socket.socket:
    listen = config.control.listen
    host, port = listen.host or "127.0.0.1", listen.port or 0
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(128)
    except OSError as error:
        busy = "Another server is there: set control.listen (ANYAPI_CONTROL_LISTEN goes before it), or control.enabled = false"
        raise cannot_listen(listen, error, "control.listen", busy) from None
    listener.setblocking(False)  # noqa: FBT003 its only parameter
    return listener


def _named(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
