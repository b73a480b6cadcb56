"""The metrics page of a data-plane process, at an address of its own: what it tells is the operator's alone, so no tenant can reach it."""

import contextlib
import importlib
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import NamedTuple, Protocol

import msgspec

from anyapi import __version__
from anyapi.bootstrap_listening import cannot_listen
from anyapi.config import Config
from anyapi.domain.snapshot import Snapshot
from anyapi.gateway.apart import apart
from anyapi.gateway.call import Call
from anyapi.gateway.client import Connection
from anyapi.gateway.limits import Limits
from anyapi.gateway.outlets import Outlets
from anyapi.gateway.plane import DataPlane
from anyapi.gateway.server import Server
from anyapi.policy.review import SOON_DAYS, expiring
from anyapi.storage.events import WriterState
from anyapi.telemetry.counts import Counted, Counts, Gauge, Labelled, Reading
from anyapi.telemetry.log import Event, log
from anyapi.wire.loop_parts import LoopParts

PATH = b"/metrics"
PLAIN_TEXT = b"content-type: text/plain; charset=utf-8\r\n"
LIMITS = Limits(max_connections=64, max_body_bytes=1024)
"""Scrapers are few, and send no body."""
WRITERS = ("usage", "decisions", "evidence", "audit", "logs")
"""Those that are always there."""


class Writer(Protocol):
    """What writes rows in a thread of its own."""

    @property
    def state(self) -> WriterState:
        """Its figures."""
        ...


class Sources(NamedTuple):
    """What the page tells of."""

    counts: Counts
    plane: DataPlane
    server: Server
    writers: Mapping[str, Writer]
    """By name."""


def counted(outlets: Outlets, config: Config, counts: Counts) -> Outlets:
    """The same outlets; where the operator asked for metrics, what passes by them is counted."""
    if config.metrics.listen is None:
        return outlets
    return msgspec.structs.replace(outlets, usage=Counted(outlets.usage, counts), refused=counts.refuse)


@contextlib.asynccontextmanager
async def metrics_page(config: Config, shared: LoopParts, sources: Sources) -> AsyncIterator[None]:
    """Serve the page for the block, where the operator asked for one. Raises `ConfigError` where the address is taken."""
    where = config.metrics.listen
    if where is None:
        yield
        return
    server = Server(partial(_answer, sources), lambda _credential: False, LIMITS, shared, report=sources.server.report)
    try:
        listener = await shared.loop.create_server(server.protocol, where.host, where.port or 0, reuse_address=True)
    except OSError as error:
        busy = "Another server is there. Each process has a page of its own: one started by hand gets its port by ANYAPI_METRICS_LISTEN"
        raise cannot_listen(where, error, "metrics.listen", busy) from None
    port = listener.sockets[0].getsockname()[1]
    log(Event.METRICS_STARTED, listen=f"http://{msgspec.structs.replace(where, port=port)}{PATH.decode()}")
    try:
        yield
    finally:
        listener.close()
        for connection in tuple(server.connections):
            connection.abort()


async def _answer(sources: Sources, call: Call, reply: Connection) -> None:
    if call.path != PATH:
        reply.send(404, PLAIN_TEXT, b"Metrics are at /metrics; nothing else is here.\n")
    elif call.method not in {b"GET", b"HEAD"}:
        reply.send(405, PLAIN_TEXT + b"allow: GET, HEAD\r\n", b"Metrics are read with GET.\n")
    else:
        # In a thread, and the library loaded by the first who asks: the page may have thousands of lines.
        body, media_type = await apart(_page, sources.counts.copy(), sources, sources.plane.snapshot)
        reply.send(200, b"content-type: %b\r\n" % media_type.encode(), body)


def _page(counts: Counts, sources: Sources, snapshot: Snapshot) -> tuple[bytes, str]:
    exposition = importlib.import_module("anyapi.telemetry.exposition")
    reading = Reading(counts, [*_now(sources, snapshot), *_written(sources.writers)])
    return exposition.page(reading, __version__), exposition.CONTENT_TYPE


def _now(sources: Sources, snapshot: Snapshot) -> list[Gauge]:
    """How things stand in this process."""
    plane, server = sources.plane, sources.server
    connections = tuple(server.connections)  # in one step: the loop goes on meanwhile
    running = sum(each.current is not None for each in connections)
    ends: Labelled = {(each.provider,): each.ends for each in expiring(snapshot.context, plane.clock())}
    about_ends = f"When a provider's record ends, within {SOON_DAYS:g} days, or has ended (Unix time): from then on it counts as unknown."
    return [
        Gauge("anyapi_ready", "1 while this process takes requests, as /readyz says.", (), {(): plane.outlets.ready()}),
        Gauge("anyapi_connections", "Connections from clients.", (), {(): len(connections)}),
        Gauge("anyapi_requests_running", "Requests that are being answered.", (), {(): running}),
        Gauge("anyapi_snapshot_version", "Number of the settings in force.", (), {(): snapshot.version}),
        Gauge("anyapi_keys", "API keys in force.", (), {(): len(snapshot.principals)}),
        Gauge("anyapi_scrubbing", "1 where freed memory is overwritten.", (), {(): plane.disclosure.scrubbing_checked}),
        Gauge(
            "anyapi_circuit_open",
            "1 for an endpoint that is not asked now, because it failed.",
            ("endpoint",),
            {(endpoint,): 1 for endpoint in plane.health.open_circuits()},
        ),
        Gauge("anyapi_catalogue_record_ends_timestamp_seconds", about_ends, ("provider",), ends),
    ]


def _written(writers: Mapping[str, Writer]) -> list[Gauge]:
    states = {(name,): writer.state for name, writer in writers.items()}

    def each(read: Callable[[WriterState], float]) -> Labelled:
        return {name: read(state) for name, state in states.items()}

    return [
        Gauge("anyapi_rows_written", "Rows that a writer has stored.", ("writer",), each(lambda state: state.written), counter=True),
        Gauge("anyapi_rows_lost", "Rows that had to be given up.", ("writer",), each(lambda state: state.lost), counter=True),
        Gauge("anyapi_rows_waiting", "Rows that wait to be stored.", ("writer",), each(lambda state: state.waiting)),
        Gauge("anyapi_writer_failing", "1 while a writer cannot store what it is given.", ("writer",), each(lambda state: state.failing)),
    ]
