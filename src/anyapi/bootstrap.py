"""Names the concrete parts and puts them together: the one place that knows which store, which adapters, which loop.

`run` serves until SIGTERM or SIGINT. Importing this module imports nothing of the control plane's heavy libraries.
"""

import asyncio
import contextlib
import errno
import functools
import importlib
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import msgspec
import uvloop

from anyapi import hygiene, relaunch, scrubbing
from anyapi.bootstrap_audit import Entered, open_audit, started
from anyapi.bootstrap_cluster import Alone, Member
from anyapi.bootstrap_control import Beside, ControlReady, Parts, nobody_waits
from anyapi.bootstrap_listening import cannot_listen, server_tls
from anyapi.bootstrap_metrics import WRITERS, Sources, Writer, counted, metrics_page
from anyapi.bootstrap_publisher import Publisher, current_catalogue
from anyapi.bootstrap_ranking import Weekly, sampling_for, weekly
from anyapi.bootstrap_traces import NAME, SpanWriter, traced
from anyapi.config import Config, Listen
from anyapi.config_addresses import origins_of
from anyapi.control.channel import serve_channel
from anyapi.crypto.api_keys import digest
from anyapi.domain.evidence import Contradiction
from anyapi.domain.ids import CredentialId
from anyapi.domain.snapshot import Snapshot
from anyapi.gateway.lease import Lease, under
from anyapi.gateway.limits import Limits
from anyapi.gateway.outlets import Outlets, Watch
from anyapi.gateway.plane import DataPlane
from anyapi.gateway.privacy import Disclosure
from anyapi.gateway.routes import Router
from anyapi.gateway.sampling import Sampling
from anyapi.gateway.server import Server, listen_no_more
from anyapi.policy.periods import day_of
from anyapi.storage.audit_receipts import Receipts
from anyapi.storage.audit_writer import AuditWriter
from anyapi.storage.contradiction_writer import ContradictionWriter
from anyapi.storage.decision_writer import DecisionWriter
from anyapi.storage.driver import Driver
from anyapi.storage.drivers import driver_for
from anyapi.storage.events import EventKind, WriterEvent
from anyapi.storage.log_writer import LogWriter, Seal
from anyapi.storage.sql_ranking import SqlRanking
from anyapi.storage.sql_store import SqlStore
from anyapi.storage.usage_writer import UsageWriter
from anyapi.telemetry.counts import Counts
from anyapi.telemetry.log import Event, log, silence_libraries
from anyapi.telemetry.span_fields import purposes
from anyapi.upstream.adapter import Timeouts
from anyapi.upstream.adapters import SERVED_PROTOCOLS, adapter_for
from anyapi.upstream.dialer import Dialer
from anyapi.upstream.opening import Access, open_upstream
from anyapi.upstream.own import Upstreams
from anyapi.upstream.pool import Wire
from anyapi.upstream.reach import Reach
from anyapi.upstream.registry import row_of
from anyapi.wire.buffers import ReadBuffer
from anyapi.wire.keepalive import keep_alive
from anyapi.wire.loop_parts import LoopParts

BACKLOG = 4096
Writers: TypeAlias = tuple[UsageWriter, DecisionWriter, ContradictionWriter, AuditWriter, LogWriter]
SPENDING_DAYS = 62
"""How long it is known on which day a key spent what; of earlier days only the sum. Longer than any month and week."""


def run(config: Config, ready: Callable[[Snapshot, str], None], control_ready: ControlReady = nobody_waits) -> None:
    """Serve until told to stop. `ready` is called with the snapshot and the address once requests are answered. Raises `ConfigError`.

    `control_ready` is called in a thread with the control plane's address once that answers, and whether nobody is known to it yet.
    """
    silence_libraries()
    uvloop.run(_serve(config, ready, control_ready))


async def _serve(config: Config, ready: Callable[[Snapshot, str], None], control_ready: ControlReady) -> None:
    loop = asyncio.get_running_loop()
    scrubs = relaunch.configured(os.environ)
    hygiene.forbid_dumps()
    loop.set_exception_handler(_report_loop)
    with contextlib.ExitStack() as stack:
        store, usage, decisions, evidence = _open_stores(config, stack)
        audit, logs = open_audit(config, stack, _report_writer, store.driver), _open_logs(stack, store.driver)
        shared = LoopParts(loop, scrubbing=scrubs)
        stack.callback(shared.sweep.close)
        upstreams = _upstreams(config, shared)
        ranking, sampling = SqlRanking(store), sampling_for(config.ranking)
        sinks, known = (usage, decisions, logs, Entered(audit)), current_catalogue(config, stack)
        publisher = Publisher(config, store, upstreams, evidence.waiting, sinks, known, ranking)
        group = await _group(config, publisher, (usage, decisions), stack)
        audit.note("start", started(config))  # now that no other server has this directory
        snapshot = await publisher.begin()
        publisher.refuse_without_root_key()
        writers, counts, (watch, spans) = (usage, decisions, evidence, audit, logs), Counts(), _watch(config, sampling, stack)
        outlets = counted(_outlets(config, upstreams, writers, group, publisher.note, watch), config, counts)
        plane = DataPlane(snapshot, outlets, _disclosure(config, scrubs=scrubs, samples=sampling is not None))
        publisher.publish = functools.partial(_publish, plane, sampling, audit)  # before anybody is answered by it
        server = _server(config, plane, shared, group.lease)
        collector = scrubbing.Collector(loop, scrubbing=scrubs)

        await group.follow(publisher, snapshot.version)  # before anybody can connect: who has no lease yet would refuse
        listener, address = await _listen(config, server) if config.server.enabled else (None, _expected(config))
        stop = _told_to_stop(loop)

        def met(dashboard: str, first_run: bool) -> None:  # noqa: FBT001 what ControlReady says
            server.dashboard_origins = origins_of(dashboard)
            control_ready(dashboard, first_run)

        if listener is not None:
            log(Event.STARTED, listen=address, scrubbing=str(scrubs).lower(), keys=len(snapshot.principals))
            ready(snapshot, address)
        control = Beside(config, Parts(plane, group.in_force, config.server.public_url or address, lambda: publisher.unusable), met)
        told = Sources(counts, plane, server, _named(writers, spans))
        async with weekly(_weekly(config, sampling, ranking, (plane, group.in_force))), metrics_page(config, shared, told):
            await control.until(stop)
        log(Event.STOPPING, connections=len(server.connections))
        if listener is not None:
            await listen_no_more(listener)
        group.quiet()
        await asyncio.gather(control.close(), server.drain())
        await group.close()
        for upstream in outlets.upstreams.values():
            upstream.close()
        collector.close()
    log(Event.STOPPED)


def _told_to_stop(loop: asyncio.AbstractEventLoop) -> asyncio.Event:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(name, stop.set)
    return stop


def _open_stores(config: Config, stack: contextlib.ExitStack) -> tuple[SqlStore, UsageWriter, DecisionWriter, ContradictionWriter]:
    """The store and its writers, closed in reverse when the stack is: what is still to be written is written then."""
    driver = driver_for(config.data_dir, config.database_url)
    store = stack.enter_context(SqlStore(driver, time.time))
    store.fold_spending(day_of(time.time()) - SPENDING_DAYS)
    usage = UsageWriter(config.data_dir, time.time, default_days=config.usage_ttl_days, report=_report_writer, driver=driver)
    stack.callback(usage.close)
    decisions = DecisionWriter(driver, report=_report_writer)
    stack.callback(decisions.close)
    evidence = ContradictionWriter(driver, report=_report_writer)
    stack.callback(evidence.close)
    if usage.unknown_at_start:
        log(Event.UNKNOWN_ROWS, count=usage.unknown_at_start)
    return store, usage, decisions, evidence


def _open_logs(stack: contextlib.ExitStack, driver: Driver) -> LogWriter:
    """The writer of sealed logs. It deletes what has expired, also where nobody has a log any more."""
    logs = LogWriter(driver, time.time, _seal, report=_report_writer)
    stack.callback(logs.close)
    return logs


def _seal() -> Seal:
    """The seal of prompt logs: loaded when there is something to seal, since most gateways never have."""
    found: Seal = importlib.import_module("anyapi.sealing.sealer").Sealer()
    return found


async def _group(
    config: Config, publisher: "Publisher", writers: tuple[UsageWriter, DecisionWriter], stack: contextlib.ExitStack
) -> Alone | Member:
    """Who hears of changes: this process alone, by a socket in the data directory, or every worker on one PostgreSQL."""
    if config.database_url is None:
        channel = await serve_channel(config.data_dir / "control.sock", publisher.reload, lambda: publisher.unusable)
        stack.callback(channel.close)
        return Alone(publisher, channel.close)
    usage, decisions = writers
    member = Member(config, _report_writer, decisions.abandon, usage.flush)
    publisher.number = member.newest
    return member


def _weekly(
    config: Config, sampling: Sampling | None, ranking: SqlRanking, parts: tuple[DataPlane, Callable[[], Awaitable[int]]]
) -> Weekly | None:
    """What releases the ranking of models; nothing is sampled before it runs, and nothing at all by a control plane alone."""
    plane, in_force = parts
    if sampling is None or not config.server.enabled:
        return None
    sampling.leave_out(plane.snapshot.left_out)
    return Weekly(
        sampling,
        config.ranking.share,
        ranking,
        lambda: SqlStore(driver_for(config.data_dir, config.database_url)),
        lambda: tuple(plane.context.catalogue.models),
        in_force,
        time.time,
    )


def _watch(config: Config, sampling: Sampling | None, stack: contextlib.ExitStack) -> tuple[Watch | None, SpanWriter | None]:
    """What usage rows pass by: what samples, what makes spans, or nothing; and what sends the spans. Raises `ConfigError`."""
    if not config.server.enabled:
        return None, None
    return traced(config.traces, None if sampling is None else sampling.take, stack, _report_writer)


def _named(writers: Writers, spans: SpanWriter | None) -> dict[str, Writer]:
    """All that write, by the names that metrics call them."""
    named: dict[str, Writer] = dict(zip(WRITERS, writers, strict=True))
    return named if spans is None else named | {NAME: spans}


def _disclosure(config: Config, *, scrubs: bool, samples: bool) -> Disclosure:
    """What `/v1/privacy` says of this configuration."""
    return Disclosure(
        usage_ttl_days=config.usage_ttl_days,
        scrubbing=scrubs,
        scrubbing_checked=scrubs and scrubbing.works(),
        policy_url=config.privacy.policy_url,
        terms_url=config.privacy.terms_url,
        contact=config.privacy.contact,
        answer_days=config.privacy.answer_days,
        catalogue_version=config.catalogue.version,
        control_url=config.control.public_url,
        dumps_forbidden=hygiene.dumps_forbidden(),
        swap=hygiene.swap().value,
        sampled_share=config.ranking.share if samples else None,
        spans=None if config.traces.endpoint is None else purposes(),
        unrecorded=config.audit.unrecorded,
    )


def _server(config: Config, plane: DataPlane, shared: LoopParts, lease: Lease | None) -> Server:
    """The side towards clients, with the configured limits."""
    limits = config.server.limits

    def may_send(credential: bytes | None) -> bool:
        known = credential is not None and digest(credential) in plane.principals
        return known or (lease is not None and not lease.held)  # then nobody is told that a key is unknown

    router = Router(plane)
    server = Server(
        router.handle if lease is None else under(lease, router.handle),
        may_send,
        Limits(**{name: getattr(limits, name) for name in type(limits).__struct_fields__}),
        shared,
        report=lambda error: log(Event.INTERNAL_ERROR, kind=type(error).__name__),
        failed=router.failed,
        cors_origins=frozenset(config.server.cors_origins),
    )
    if config.control.public_url is not None:  # served by this process or by another of the same configuration
        server.dashboard_origins = origins_of(config.control.public_url)
    return server


def _publish(plane: DataPlane, sampling: Sampling | None, audit: AuditWriter, snapshot: Snapshot) -> None:
    if sampling is not None:
        sampling.leave_out(snapshot.left_out)
    plane.disclosure = plane.disclosure._replace(catalogue_version=snapshot.context.catalogue.version)
    plane.publish(snapshot)
    audit.outdate()


def _upstreams(config: Config, shared: LoopParts) -> Upstreams:
    """The upstreams of the operator's credentials, and what opens accounts' own later."""
    dialer = Dialer(config.networks.private_addresses, timeout=config.server.upstream.connect_timeout)
    cipher = ReadBuffer(size=64 * 1024, scrubbing=False)
    wire = Wire(shared, dialer, cipher)
    upstreams = Upstreams(wire, config.root_keys)
    for credential in config.credentials:
        api = config.catalogue.providers[credential.provider].api
        if api.protocol in SERVED_PROTOCOLS:
            access = Access(config.base_urls[credential.id], api.auth, config.variables[credential.id])
            upstream = upstreams[credential.id] = open_upstream(wire, access, config.secrets.get(credential.id))
            upstream.reach = Reach(functools.partial(_report_reach, credential.id, upstream.host))
    return upstreams


def _outlets(
    config: Config,
    upstreams: Upstreams,
    writers: Writers,
    group: Alone | Member,
    noted: Callable[[Contradiction], None],
    watch: Watch | None = None,
) -> Outlets:
    """`noted` hears of a contradiction when it waits to be written; usage rows pass by `watch`."""
    usage, decisions, evidence, audit, logs = writers
    lease, slices = group.lease, group.slices

    def ready() -> bool:
        return may_decide() and not any(writer.state.failing for writer in (usage, decisions, evidence, audit))

    def contradicted(found: Contradiction) -> None:
        evidence.put(found)
        noted(found)
        fields = {"endpoint": found.endpoint, "credential": found.credential, "code": found.code.value, "decision": found.decision}
        log(Event.EVIDENCE_CONTRADICTS, **fields, **({} if found.host is None else {"host": found.host}))

    def may_decide() -> bool:
        return lease is None or lease.held

    limits = config.server.upstream
    return Outlets(
        adapters=adapter_for,
        rows=row_of,
        upstreams=upstreams,
        usage=usage,
        decisions=decisions,
        ready=ready,
        may_decide=may_decide,
        contradicted=contradicted,
        logs=logs,
        audit=audit.put,
        receipts=Receipts(audit.driver, audit.flush, flush_usage=usage.flush),
        watch=watch,
        timeouts=Timeouts(limits.first_byte_timeout, limits.stream_idle_timeout, limits.answer_timeout),
        accounts={} if slices is None else slices.accounts,
        slices=slices,
    )


async def _listen(config: Config, server: Server) -> tuple[asyncio.Server, str]:
    """Listen where the configuration says. Raises `ConfigError` when the address is taken or the certificate cannot be read."""
    loop = server.loop
    factory: Callable[[], asyncio.BaseProtocol] = server.protocol
    if config.server.tls is not None:
        context = server_tls(config.server.tls, "server.tls")
        cipher = ReadBuffer(size=64 * 1024, scrubbing=False).view
        factory = functools.partial(server.secured, context, cipher)
    where = config.server.listen
    try:
        if where.socket is not None:
            _remove_stale(where.socket)
            listener: asyncio.Server = await loop.create_unix_server(factory, str(where.socket), backlog=BACKLOG)
            where.socket.chmod(0o660)
            return listener, str(where)
        # Workers that share a PostgreSQL may share a port: the kernel deals connections out to them.
        shared = config.database_url is not None
        listener = await loop.create_server(factory, where.host, where.port or 0, backlog=BACKLOG, reuse_address=True, reuse_port=shared)
    except OSError as error:
        raise cannot_listen(
            where, error, "server.listen", "Another server is there: stop it, or set server.listen (ANYAPI_LISTEN goes before it)"
        ) from None
    for each in listener.sockets:
        keep_alive(each)
    port = listener.sockets[0].getsockname()[1]
    return listener, _expected(config, msgspec.structs.replace(where, port=port))


def _expected(config: Config, where: Listen | None = None) -> str:
    """Where the data plane answers, or will in another process of this configuration."""
    return f"{'https' if config.server.tls is not None else 'http'}://{where or config.server.listen}"


def _remove_stale(path: Path) -> None:
    """Remove a socket file that nobody listens on any more; anything else is left and makes listening fail."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        else:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))  # the loop would take it away without asking


def _report_writer(event: WriterEvent) -> None:
    names = {EventKind.FAILED: Event.WRITER_FAILED, EventKind.RECOVERED: Event.WRITER_RECOVERED, EventKind.LOST: Event.ROWS_LOST}
    log(names[event.kind], writer=event.writer, code=event.code, count=event.count)


def _report_reach(credential: CredentialId, host: str, reason: str | None) -> None:
    if reason is None:
        log(Event.PROVIDER_REACHED, credential=credential, host=host)
    else:
        log(Event.PROVIDER_UNREACHABLE, credential=credential, host=host, code=reason)


def _report_loop(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """What the event loop could not deliver: its kind, never its text, which may hold content."""
    log(Event.INTERNAL_ERROR, kind=type(context.get("exception")).__name__)
