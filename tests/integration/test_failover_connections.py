"""T09, the part below HTTP: names that do not resolve, certificates that must not be believed, servers that accept and say nothing.

Each broken endpoint stands before a good one over TLS; with the good one gone, the caller gets an error the SDK raises on. Nothing is ever sent to
a server whose certificate does not hold: the simulators' ledgers count what arrived.
"""

import contextlib
import datetime as dt
import socket
import ssl

import pytest
import trustme
from tests.integration.lab import CONNECT, LEAKY, SENTENCES, TIMEOUTS, ask, provider, requests_read, sdk, whole_answer
from tests.tools.gateway import running_gateway

from anyapi.simulator import SimulationOptions, SimulationThread, demo_config_toml
from anyapi.simulator.faults import read_fault

GOOD, OPEN = "tls-good", "tls-open"
BAD_CERTIFICATES = ("tls-expired", "tls-not-yet", "tls-wrong-name", "tls-self-signed", "tls-unknown-ca", "tls-only-ca-name")
NO_SERVER = ("no-such-name", "no-listener", "never-accepts", "never-shakes-hands", "speaks-plain-http", "closes-at-once")
GRACE = 1.0
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


def model_of(name: str) -> str:
    return f"wire/{name}"


def alone(name: str) -> str:
    """A model that only the broken endpoint serves (and one that policy forbids)."""
    return f"wire/{name}-alone"


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def certificates(authority: trustme.CA) -> dict[str, trustme.LeafCert]:
    """One that holds for 127.0.0.1, and those that must not be believed."""
    stranger = trustme.CA()
    itself = trustme.CA(organization_name="itself")
    return {
        GOOD: authority.issue_cert("127.0.0.1"),
        "tls-expired": authority.issue_cert("127.0.0.1", not_before=NOW - 30 * DAY, not_after=NOW - DAY),
        "tls-not-yet": authority.issue_cert("127.0.0.1", not_before=NOW + DAY, not_after=NOW + 30 * DAY),
        "tls-wrong-name": authority.issue_cert("provider.example"),
        "tls-self-signed": itself.issue_cert("127.0.0.1"),
        "tls-unknown-ca": stranger.issue_cert("127.0.0.1"),
        # The address stands in the common name only, which counts for nothing since RFC 6125.
        "tls-only-ca-name": authority.issue_cert("other.example", common_name="127.0.0.1"),
    }


@contextlib.contextmanager
def odd_servers():
    """Ports where something listens, or nothing, but never a provider."""
    with contextlib.ExitStack() as stack:

        def listening(backlog: int) -> socket.socket:
            server = stack.enter_context(socket.socket())
            server.bind(("127.0.0.1", 0))
            server.listen(backlog)
            return server

        full, silent, closed = listening(0), listening(16), stack.enter_context(socket.socket())
        closed.bind(("127.0.0.1", 0))  # bound, so that nobody else gets the port; not listening
        for _ in range(4):  # the queue of connections that nobody accepts is full: the kernel drops what comes after
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        yield {
            "no-listener": f"https://127.0.0.1:{closed.getsockname()[1]}/v1",
            "never-accepts": f"https://127.0.0.1:{full.getsockname()[1]}/v1",
            "never-shakes-hands": f"https://127.0.0.1:{silent.getsockname()[1]}/v1",
            "no-such-name": "https://does-not-exist.invalid/v1",
        }


class Wire:
    """The gateway, its official client, and the simulations behind it."""

    def __init__(self, gateway, client, simulations) -> None:
        self.gateway, self.client, self.simulations = gateway, client, simulations
        self.asked = 0

    def ask(self, model: str, *, stream: bool):
        """One request, the broken endpoint first."""
        self.asked += 1
        return ask(self.client, model, stream=stream, order=[model.removeprefix("wire/").removesuffix("-alone"), GOOD])

    def rows(self, wanted: int) -> list:
        """The newest usage rows, once every request has one."""
        rows = self.gateway.usage(self.asked)
        assert len(rows) == self.asked
        return rows[-wanted:]

    def received(self, name: str) -> int:
        """Requests for anything that a provider has read."""
        return requests_read(self.simulations[name].ledger(name))


@pytest.fixture(scope="module")
def wire(tmp_path_factory):
    home = tmp_path_factory.mktemp("wire") / "home"
    authority = trustme.CA()
    everything = [*BAD_CERTIFICATES, *NO_SERVER]
    names = [model_of(name) for name in everything]
    specs = {GOOD: provider(GOOD, [*names, model_of(GOOD)]), OPEN: provider(OPEN, [*map(alone, everything), *names], policy=LEAKY)}
    specs |= {name: provider(name, [model_of(name), alone(name)]) for name in everything}
    with contextlib.ExitStack() as stack:
        simulations = {
            name: stack.enter_context(SimulationThread([specs[name]], SimulationOptions(ssl_context=server_context(certificate))))
            for name, certificate in certificates(authority).items()
        }
        plain = [OPEN, "speaks-plain-http", "closes-at-once"]
        simulations |= {name: stack.enter_context(SimulationThread([specs[name]])) for name in plain}
        simulations["closes-at-once"].script("closes-at-once", [read_fault('{"kind":"refuse","count":null}')])
        urls = {name: simulation.base_urls[name] for name, simulation in simulations.items()}
        urls |= {name: urls[name].replace("http://", "https://") for name in ("speaks-plain-http", "closes-at-once")}
        urls |= stack.enter_context(odd_servers())
        toml = demo_config_toml(dict.fromkeys(specs, 1), list(specs.values()))
        for name, url in urls.items():
            head, mark, tail = toml.partition(f"[providers.{name}]")
            toml = head + mark + tail.replace("http://127.0.0.1:1/v1", url, 1)
        trusted = home.parent / "trusted.pem"
        authority.cert_pem.write_to_path(str(trusted))
        environment = {"SSL_CERT_FILE": str(trusted), "SSL_CERT_DIR": ""}
        gateway = stack.enter_context(running_gateway(home, toml + TIMEOUTS, environment=environment))
        yield Wire(gateway, stack.enter_context(sdk(gateway)), simulations)


def right_answer(model: str, name: str = GOOD) -> str:
    return whole_answer(model, SENTENCES.get(name, f"Provider {name} answers."))


@pytest.mark.parametrize("name", [*BAD_CERTIFICATES, *NO_SERVER])
def test_the_next_endpoint_answers_or_the_sdk_raises(wire, name):
    modes = [True] if name.startswith("never") else [False, True]
    results = [wire.ask(model_of(name), stream=stream) for stream in modes]
    nothing_left = wire.ask(alone(name), stream=True)
    *rows, last = wire.rows(len(modes) + 1)
    for result, row in zip(results, rows, strict=True):
        assert result.error is None, result.error
        assert result.text == right_answer(model_of(name))
        assert (row.outcome, row.provider) == ("success", GOOD)
        assert row.attempts in (1, 2), "one that could not be sent may count or not"
        assert result.seconds <= CONNECT + GRACE
    assert nothing_left.status in (502, 504)
    assert (last.status, last.outcome) == (nothing_left.status, {502: "upstream_error", 504: "upstream_timeout"}[nothing_left.status])
    assert last.attempts <= 2
    assert not last.cost
    assert nothing_left.seconds <= 2 * CONNECT + GRACE
    assert wire.received(OPEN) == 0
    if name in BAD_CERTIFICATES:
        assert wire.received(name) == 0, "something was sent to a server that could not prove who it is"


@pytest.mark.parametrize(
    "fault",
    [
        '{"kind":"close","at":"middle","of":"body"}',
        '{"kind":"reset","at":"middle","of":"body"}',
        '{"kind":"no_done"}',
        '{"kind":"stall","at":"middle","of":"body"}',
    ],
)
def test_a_stream_over_tls_that_breaks_is_an_error(wire, fault):
    model = model_of(GOOD)
    wire.simulations[GOOD].script(GOOD, [read_fault(fault)])
    result = wire.ask(model, stream=True)
    after = wire.ask(model, stream=True)
    assert result.error is not None, f"truncated as success: {result.text!r}"
    assert right_answer(model).startswith(result.text)
    assert after.text == right_answer(model)
    assert [row.outcome for row in wire.rows(2)] == ["interrupted", "success"]


@pytest.mark.parametrize("url", ["https://two..dots/v1", f"https://{'long' * 16}.example/v1"], ids=["empty-label", "long-label"])
def test_a_name_that_no_lookup_can_hold_is_refused_or_passed_over(tmp_path, url):
    """Two places may find out: the configuration, which then says so, or the connection, which then fails as any other does."""
    model = "wire/name"
    specs = [provider("odd", [model]), provider(GOOD, [model])]
    with SimulationThread(specs[1:]) as simulation:
        toml = demo_config_toml({"odd": 1, **simulation.simulation.ports}, specs).replace("http://127.0.0.1:1/v1", url)
        try:
            with running_gateway(tmp_path / "home", toml + TIMEOUTS) as gateway, sdk(gateway, timeout=2 * CONNECT + GRACE) as client:
                result = ask(client, model, stream=False, order=["odd", GOOD])
        except AssertionError as refused:
            result = str(refused)
    if isinstance(result, str):
        assert "base_url" in result
    else:
        assert result.error is None, result.error
        assert result.text == right_answer(model)
