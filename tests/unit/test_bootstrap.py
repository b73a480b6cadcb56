"""The parts put together: a whole gateway run in this process, where it listens, and what it reports."""

import asyncio
import contextlib
import datetime as dt
import gc
import http.client
import json
import logging
import os
import signal
import socket
import ssl
import threading
import time
from types import SimpleNamespace

import msgspec
import pytest
import trustme
from tests.tools.gateway import SEED, make_key
from tests.unit.wire.peers import on_loop
from tests.unit.wire.test_keepalive import ON, kept_alive

from anyapi import bootstrap, bootstrap_publisher, hygiene
from anyapi.bootstrap import Publisher, run
from anyapi.bootstrap_publisher import current_catalogue
from anyapi.config import load_config
from anyapi.control.channel import request_reload
from anyapi.crypto.envelope import seal
from anyapi.crypto.root_keys import RootKeys
from anyapi.crypto.sealed import Binding
from anyapi.crypto.secret import Secret
from anyapi.domain.snapshot import Tier
from anyapi.errors import ConfigError
from anyapi.simulator import SimulationThread, demo_config_toml
from anyapi.storage.connection import database_path
from anyapi.storage.events import EventKind, WriterEvent, WriterState
from anyapi.storage.rows import CredentialRow, Declared
from anyapi.storage.schema import prepare
from anyapi.storage.sqlite import SqliteStore
from anyapi.upstream.adapters import SERVED_PROTOCOLS
from anyapi.wire.loop_parts import LoopParts

NOW = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)


@pytest.fixture
def unharmed(monkeypatch):
    """What a gateway does to its whole process must not be done to the test run: dumps stay possible, collecting and logging go on."""
    monkeypatch.setattr(hygiene, "forbid_dumps", lambda: None)
    monkeypatch.setattr(logging.getLogger(), "handlers", list(logging.getLogger().handlers))
    yield
    gc.enable()


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "a home"
    folder.mkdir(mode=0o700)
    prepare(database_path(folder))
    return folder


def configured(home, toml="", server='listen = "127.0.0.1:0"'):
    """The configuration of a gateway that keeps its data in `home`."""
    file = home / "anyapi.toml"
    own = f"[server]\n{server}\n\n[control]\nenabled = false\n\n[storage]\ndata_dir = {json.dumps(str(home))}\n\n"
    file.write_text(own + toml, encoding="utf-8")
    return load_config(file, {"HOME": str(home)}, NOW)


class Visitor:
    """Waits for the address, does its visit on a thread of its own, and sends a signal to end the run."""

    def __init__(self, visit, number=signal.SIGTERM):
        self.visit, self.number, self.failure, self.ready_with = visit, number, None, None

    def __call__(self, snapshot, address):
        self.ready_with = (snapshot, address)
        self.thread = threading.Thread(target=self._go, args=(address,))
        self.thread.start()

    def _go(self, address):
        try:
            self.visit(address)
        except BaseException as failure:
            self.failure = failure
        finally:
            os.kill(os.getpid(), self.number)


def visited(config, visit=lambda _address: None, number=signal.SIGTERM):
    """Run a gateway while `visit(address)` runs; what that raises is raised."""
    visitor = Visitor(visit, number)
    run(config, visitor)
    visitor.thread.join()
    if visitor.failure is not None:
        raise visitor.failure
    return visitor.ready_with


def request(address, method, path, body=None, key=None):
    host, port = address.rsplit("://", 1)[1].rsplit(":", 1)
    connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=10)
    try:
        connection.request(method, path, body, {"Authorization": f"Bearer {key}"} if key else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_serves_until_it_is_told_to_stop(unharmed, home, capfd, number):
    before = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    snapshot, address = visited(configured(home), lambda address: request(address, "GET", "/healthz"), number)
    assert (snapshot.version, snapshot.principals) == (1, {})
    assert address.startswith("http://127.0.0.1:")
    lines = capfd.readouterr().err.splitlines()
    assert [line.split()[1] for line in lines] == ["event=started", "event=stopping", "event=stopped"]
    assert f"listen={address}" in lines[0]
    assert "keys=0" in lines[0]
    assert not (home / "control.sock").exists()
    assert gc.isenabled()
    for name, handler in before.items():
        signal.signal(name, handler)


def test_why_a_provider_cannot_be_reached_is_logged_for_the_operator(unharmed, home, capfd):
    key, _ = make_key(home)
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    config = configured(home, demo_config_toml({"sim-zero": port}))
    answers = []

    def visit(address):
        answers.extend(request(address, "POST", "/v1/chat/completions", json.dumps(SEED), key)[0] for _ in range(3))

    visited(config, visit)
    assert set(answers) <= {502, 503}
    said = capfd.readouterr().err
    assert said.count("event=provider_unreachable credential=sim-zero host=127.0.0.1 code=refused\n") == 1
    assert said.count("event=provider_") == 1


def test_a_request_goes_all_the_way(unharmed, home):
    key, _ = make_key(home)
    with SimulationThread() as simulation:
        config = configured(home, demo_config_toml(simulation.simulation.ports))
        seen = []

        def visit(address):
            for _ in range(2):
                seen.append(request(address, "POST", "/v1/chat/completions", json.dumps(SEED), key))
            seen.append(request(address, "GET", "/readyz"))
            seen.append(request(address, "GET", "/v1/privacy"))

        visited(config, visit)
        assert [status for status, _ in seen] == [200, 200, 200, 200]
        assert simulation.ledger("sim-30d")["requests"] + simulation.ledger("sim-zero")["requests"] == 2
        privacy = json.loads(seen[-1][1])
        assert privacy["catalogue_version"] == config.catalogue.version
        assert privacy["memory_scrubbing"] == {"on": False, "verified_at_start": False}
    with SqliteStore(home, NOW.timestamp) as store:
        rows = store.usage_rows(0.0, 1e12, limit=10)
    assert [row.outcome for row in rows] == ["success", "success"]


def test_a_new_key_is_in_force_when_its_command_says_so(unharmed, home, capfd):
    seen = []

    def visit(address):
        key, _ = make_key(home)
        seen.append(request(address, "GET", "/v1/key", key=key)[0])
        seen.append(request_reload(home / "control.sock", "keys"))
        seen.append(request(address, "GET", "/v1/key", key=key)[0])

    visited(configured(home), visit)
    assert seen == [401, 2, 200]
    assert "event=snapshot version=2 keys=1" in capfd.readouterr().err


def test_large_bodies_are_read_only_for_known_keys(unharmed, home):
    key, _ = make_key(home)
    seen = []

    def visit(address):
        for one in (key, "anyapi_sk_wrong", None):
            seen.append(request(address, "POST", "/v1/chat/completions", b"x" * 200_000, one)[0])

    visited(configured(home), visit)
    assert seen == [400, 401, 401]


def test_configured_limits_are_the_servers(unharmed, home):
    seen = []
    config = configured(home, "[server.limits]\nmax_body_bytes = 1000\nmax_headers = 5\n")
    visited(config, lambda address: seen.append(request(address, "POST", "/v1/explain", b"x" * 1001)[0]))
    assert seen == [413]


def test_an_address_that_is_taken(unharmed, home):
    with socket.create_server(("127.0.0.1", 0)) as other:
        config = configured(home, server=f'listen = "127.0.0.1:{other.getsockname()[1]}"')
        with pytest.raises(ConfigError, match=r"server.listen: cannot listen on 127.0.0.1:\d+: .*Another server is there.*ANYAPI_LISTEN"):
            visited(config)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_clients_connections_are_kept_alive(unharmed, home, host):
    """So that what stands between does not forget them while an answer is awaited. The kernel hands it on from the listener."""
    seen = []

    def visit(address):
        with socket.create_connection(("127.0.0.1", int(address.rsplit(":", 1)[1]))) as client:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(65536)
            seen.extend(kept_alive(sock) for sock in others_ends(client))

    visited(configured(home, server=f'listen = "{host}:0"'), visit)
    assert seen == [ON]


def others_ends(client):
    """The sockets of this process that a client's socket is connected to."""
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(name))) as sock:
            if sock.family == client.family and sock.getpeername() == client.getsockname():
                yield sock


def test_ipv6(unharmed, home):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    seen = []
    _, address = visited(configured(home, server='listen = "[::1]:0"'), lambda address: seen.append(request(address, "GET", "/healthz")[0]))
    assert address.startswith("http://[::1]:")
    assert seen == [200]


# --- unix sockets


def over_unix(path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(str(path))
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return sock.recv(65536)


@pytest.fixture
def path(tmp_path_factory):
    """A short path: a unix socket's may not be long."""
    return tmp_path_factory.mktemp("s") / "s"


def at(home, path):
    return configured(home, server=f'listen = "unix:{path}"')


def test_a_unix_socket(unharmed, home, path):
    seen = []
    _, address = visited(at(home, path), lambda _address: seen.extend([over_unix(path), path.stat().st_mode & 0o777]))
    assert address == f"unix:{path}"
    assert seen[0].startswith(b"HTTP/1.1 200 OK")
    assert seen[1] == 0o660


def test_a_stale_socket_is_taken_over(unharmed, home, path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert path.is_socket()
    seen = []
    visited(at(home, path), lambda _address: seen.append(over_unix(path)))
    assert seen[0].startswith(b"HTTP/1.1 200 OK")


def test_the_socket_of_a_running_server_is_left_to_it(unharmed, home, path):
    with socket.socket(socket.AF_UNIX) as live:
        live.bind(str(path))
        live.listen()
        with pytest.raises(ConfigError, match="Another server is there"):
            visited(at(home, path))
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


def test_a_file_that_is_no_socket_is_left(unharmed, home, path):
    path.write_text("precious")
    with pytest.raises(ConfigError, match="cannot listen"):
        visited(at(home, path))
    assert path.read_text() == "precious"


# --- TLS


@pytest.fixture
def certificate(tmp_path):
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    return authority, f'[server.tls]\ncertificate = "{tmp_path}/cert.pem"\nkey = "{tmp_path}/key.pem"\n'


def test_over_tls(unharmed, home, certificate):
    authority, toml = certificate
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.set_alpn_protocols(["h2", "http/1.1"])
    seen = []

    def visit(address):
        port = int(address.rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port), 10) as sock, context.wrap_socket(sock, server_hostname="127.0.0.1") as secured:
            secured.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            seen.extend([secured.selected_alpn_protocol(), secured.recv(65536)])

    _, address = visited(configured(home, toml), visit)
    assert address.startswith("https://127.0.0.1:")
    assert seen[0] == "http/1.1"
    assert seen[1].startswith(b"HTTP/1.1 200 OK")


def test_a_certificate_that_cannot_be_used(unharmed, home, certificate, tmp_path):
    _, toml = certificate
    (tmp_path / "key.pem").write_text("no key, but a secret")
    with pytest.raises(ConfigError, match=r"server.tls: no PEM text") as caught:
        visited(configured(home, toml))
    assert "secret" not in str(caught.value)


# --- parts


def test_snapshots_are_numbered_and_published(home, capsys):
    config = configured(home)
    with SqliteStore(home, NOW.timestamp) as store:
        publisher, published = Publisher(config, store), []
        assert publisher.build().version == 1
        assert asyncio.run(publisher.reload()) == 2, "nobody serves yet"
        publisher.publish = published.append
        make_key(home)
        assert asyncio.run(publisher.reload()) == 3
        assert [(one.version, len(one.principals)) for one in published] == [(3, 1)]
        assert published[0].context.served_protocols == SERVED_PROTOCOLS
    assert "event=snapshot version=3 keys=1" in capsys.readouterr().err


ROOT, OTHER_ROOT = bytes(range(32)), bytes(range(70, 102))


def keep_credential(home, number, root=ROOT, provider="openai", sealed_for=None, **changes):
    """Put a credential of the default account into the store of `home`; `sealed_for`: another place than the one it stands in."""
    bound = Binding("default", provider, f"own:{number:016x}", 1)
    sealed = seal(Secret(f"sk-of-account-{number}"), sealed_for or bound, RootKeys([root]))
    row = CredentialRow(
        bound.row, bound.account, provider, Tier.PAID, "", Declared(), sealed.key_id, sealed.wrapped, sealed.ciphertext, 1, float(number)
    )
    with SqliteStore(home, NOW.timestamp) as store:
        store.add_credential(msgspec.structs.replace(row, **changes))
    return row.id


def with_root_key(home, root=ROOT):
    return msgspec.structs.replace(configured(home), root_keys=RootKeys([root]))


def publishing(config, check):
    """Have a publisher on a loop, with upstreams, over the store of `config`."""

    @on_loop
    async def go():
        shared = LoopParts(asyncio.get_running_loop())
        upstreams = bootstrap._upstreams(config, shared)
        with SqliteStore(config.data_dir, NOW.timestamp) as store:
            await check(Publisher(config, store, upstreams), upstreams, store)
        shared.sweep.close()

    go()


def test_a_stored_credential_is_published_with_its_upstream_and_goes_when_revoked(home, capsys):
    name = keep_credential(home, 1)

    async def check(publisher, upstreams, store):
        snapshot = publisher.build()
        (credential,) = snapshot.context.own_credentials["default"]["openai"]
        assert (credential.id, credential.account, credential.tier) == (name, "default", Tier.PAID)
        assert b"authorization: Bearer sk-of-account-1\r\n" in upstreams[name].head(b"/x", b"", b"")
        assert "sk-of" not in repr(snapshot) + repr(upstreams) + repr(publisher._config)
        assert (upstreams[name].host, publisher.unusable) == ("api.openai.com", {})
        published = []
        publisher.publish = published.append
        store.revoke_credential(name, NOW.timestamp())
        await publisher.reload()
        assert published[0].context.own_credentials == {}
        assert name not in upstreams

    publishing(with_root_key(home), check)
    assert "credentials_unusable" not in capsys.readouterr().err


def test_stored_credentials_that_cannot_be_used_are_left_out_and_told(home, capsys, monkeypatch):
    monkeypatch.setattr(bootstrap_publisher, "SERVED_PROTOCOLS", SERVED_PROTOCOLS - {"cohere"})
    good = keep_credential(home, 1)
    moved = keep_credential(home, 2, sealed_for=Binding("other", "openai", "own:x", 1))
    locked = keep_credential(home, 3, root=OTHER_ROOT)
    strange = keep_credential(home, 4, provider="nobody")
    placeless = keep_credential(home, 5, provider="azure")
    unserved = keep_credential(home, 6, provider="cohere")
    codes = {moved: "damaged", locked: "no_root_key", strange: "provider_unknown", placeless: "address_unusable", unserved: "not_served"}

    async def check(publisher, upstreams, _store):
        snapshot = publisher.build()
        assert [one.id for one in snapshot.context.own_credentials["default"]["openai"]] == [good]
        assert set(snapshot.context.own_credentials["default"]) == {"openai"}
        assert publisher.unusable == codes
        assert list(upstreams) == [good]
        publisher.build()
        with pytest.raises(ConfigError, match="1 stored credentials are sealed under a root key that is not here"):
            publisher.refuse_without_root_key()

    config = with_root_key(home)
    publishing(config, check)
    lines = [line for line in capsys.readouterr().err.splitlines() if "credentials_unusable" in line]
    assert len(lines) == len(codes), "each reason once, and not again as long as nothing changes"
    assert all("count=1" in line for line in lines)
    assert "sk-of" not in "".join(lines)


def test_it_does_not_start_without_the_root_key_of_a_stored_credential(unharmed, home):
    keep_credential(home, 1)
    for config in (configured(home), with_root_key(home, OTHER_ROOT)):
        with pytest.raises(ConfigError, match="root key that is not here"):
            visited(config)
    with SqliteStore(home, NOW.timestamp) as store:
        store.revoke_credential(store.credentials()[0].id, 1.0)
    visited(configured(home))


def test_nothing_that_could_use_a_stored_credential_publishes_none(home):
    keep_credential(home, 1)
    with SqliteStore(home, NOW.timestamp) as store:
        assert Publisher(with_root_key(home), store).build().context.own_credentials == {}


def test_what_accounts_have_to_accept_is_noted_beside_the_loop_and_one_reload_after_the_other(home):
    """It takes 0.2 s where a hundred accounts review first."""
    config, threads, under_way = configured(home), [], []
    with contextlib.ExitStack() as stack:
        store, current = stack.enter_context(SqliteStore(home, NOW.timestamp)), current_catalogue(config, stack)
        refresh = current.refresh

        def slow():
            under_way.append(1)
            assert len(under_way) == 1
            threads.append(threading.current_thread())
            time.sleep(0.05)
            under_way.pop()
            return refresh()

        current.refresh = slow
        publisher = Publisher(config, store, current=current)

        @on_loop
        async def check():
            assert await asyncio.gather(*(publisher.reload() for _ in range(3))) == [1, 2, 3]

        check()
    assert threading.main_thread() not in threads
    assert len(threads) == 3


def test_what_is_served():
    assert SERVED_PROTOCOLS == {
        *("openai-chat", "azure-openai", "anthropic-messages", "gemini", "vertex", "vertex-anthropic", "vertex-openai", "bedrock", "cohere")
    }


def test_secrets_are_only_in_the_upstreams(home):
    toml = '[[credentials]]\nid = "mine"\nprovider = "openai"\ntier = "paid"\nenv = "MY_KEY"\n'
    file = home / "anyapi.toml"
    file.write_text(f"[storage]\ndata_dir = {json.dumps(str(home))}\n\n{toml}")
    config = load_config(file, {"HOME": str(home), "MY_KEY": "sk-very-secret"}, NOW)

    @on_loop
    async def check():
        shared = LoopParts(asyncio.get_running_loop())

        state = WriterState(0, 0, 0, 0, failing=False)
        usage, decisions, evidence, audit = (SimpleNamespace(state=state, put=None, driver=None, flush=None) for _ in range(4))
        lease = SimpleNamespace(held=True)
        writers = (usage, decisions, evidence, audit, SimpleNamespace())
        group, noted = SimpleNamespace(lease=lease, slices=None), []
        outlets = bootstrap._outlets(config, bootstrap._upstreams(config, shared), writers, group, noted.append)
        shared.sweep.close()
        upstream = outlets.upstreams["mine"]
        assert (upstream.host, upstream.port) == ("api.openai.com", 443)
        assert b"authorization: Bearer sk-very-secret\r\n" in upstream.head(b"/x", b"", b"")
        assert "sk-very" not in repr(outlets)
        assert outlets.ready()
        for writer in (usage, decisions, evidence, audit):
            writer.state = WriterState(0, 0, 0, 0, failing=True)
            assert not outlets.ready()
            writer.state = state
        lease.held = False
        assert not outlets.ready()

    check()


@pytest.mark.parametrize(
    ("kind", "event"), [(EventKind.FAILED, "writer_failed"), (EventKind.RECOVERED, "writer_recovered"), (EventKind.LOST, "rows_lost")]
)
def test_what_a_writer_says_is_logged(capsys, kind, event):
    bootstrap._report_writer(WriterEvent("usage", kind, "SQLITE_FULL", 3))
    assert capsys.readouterr().err.endswith(f" event={event} writer=usage code=SQLITE_FULL count=3\n")


@pytest.mark.parametrize(
    ("context", "kind"), [({"exception": ValueError("secret"), "message": "secret"}, "ValueError"), ({"message": "secret"}, "NoneType")]
)
def test_of_what_the_loop_could_not_deliver_only_the_kind_is_logged(capsys, context, kind):
    bootstrap._report_loop(None, context)
    text = capsys.readouterr().err
    assert text.endswith(f" event=internal_error kind={kind}\n")
    assert "secret" not in text
