"""Limits of the data plane towards clients: heads, bodies, pipelining, and what Expect may promise before a body is read."""

import contextlib
import time

import pytest
from tests.hostile.talk import BODY, ask, case, envelope, head, post, talk
from tests.tools.gateway import add_key, received, simulated
from tests.tools.raw_http import WaitFor

from anyapi.simulator.faults import read_fault

MIB = 1 << 20
MOST_BODY = 32 * MIB
MOST_HEAD = 32 * 1024
MOST_FIELDS = 100
UNAUTHENTICATED = 64 * 1024
MOST_PIPELINED = 16
WRONG_KEY = b"Authorization: Bearer anyapi_sk_" + b"0" * 36


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with simulated(tmp_path_factory.mktemp("limits") / "gateway") as pair:
        yield pair


@pytest.fixture(scope="module")
def gateway(running):
    return running[0]


@contextlib.contextmanager
def nothing_sent(simulation):
    before = received(simulation)
    yield
    simulation.idle()
    assert received(simulation) == before


def padded(size: int) -> bytes:
    """A valid body of exactly so many bytes, most of them a picture: text of that size would fit no model."""
    picture = BODY.replace(b'"Hello"', b'[{"type": "image_url", "image_url": {"url": "data:image/png;base64,%s"}}]')
    return picture % (b"a" * (size - len(picture) + 2))


# Sizes


def test_as_many_fields_as_allowed(gateway):
    already = len(head().split(b"\r\n")) - 3 + 1  # with the length, without first line and the two empty rests
    fields = [b"X-%d: a" % number for number in range(MOST_FIELDS - already)]
    assert ask(gateway, post(BODY, *fields)).status == 200
    answer = ask(gateway, post(BODY, *fields, b"X-One-More: a"))
    assert answer.status == 431
    envelope(431, answer.body)


@pytest.mark.parametrize("piece", [0, 1000], ids=["at-once", "in-pieces"])
def test_head_size(gateway, piece):
    def answer_to(size):
        payload = post(BODY, b"X-A: " + b"a" * (size - len(post(b"", b"X-A: "))))
        script = case("padded", payload, 200, slice=piece).script(gateway.key, "localhost")
        return ask(gateway, *script)

    assert answer_to(MOST_HEAD - 1000).status == 200
    answer = answer_to(MOST_HEAD + 1000)
    assert answer.status == 431
    envelope(431, answer.body)


def test_body_of_the_largest_size_is_served(gateway):
    assert gateway.request("POST", "/v1/chat/completions", padded(MOST_BODY)).status == 200


@pytest.mark.parametrize("size", [MOST_BODY + 1, 1 << 40, 1 << 62])
def test_larger_body_is_refused_by_its_declared_length_before_it_comes(running, size):
    gateway, simulation = running
    with nothing_sent(simulation):
        seen = talk(gateway, head(b"Content-Length: %d" % size), close_within=5.0)
    (answer,) = seen.responses()
    error = envelope(413, answer.body)
    assert error["metadata"]["max_body_bytes"] == MOST_BODY
    assert str(MOST_BODY) in error["message"]
    assert seen.closed


def test_larger_body_is_refused_when_it_comes_in_chunks(running):
    gateway, simulation = running
    pieces = [b"100000\r\n" + b" " * MIB + b"\r\n"] * 33
    with nothing_sent(simulation):
        seen = talk(gateway, head(b"Transfer-Encoding: chunked"), *pieces, close_within=5.0)
    (answer,) = seen.responses()
    assert envelope(413, answer.body)["metadata"]["max_body_bytes"] == MOST_BODY
    assert seen.closed


def test_bodies_that_never_end_do_not_fill_the_memory(tmp_path):
    """Thirty of the largest size took a gigabyte: one key has half of what there is room for, and the rest is left to others."""
    with (
        simulated(tmp_path / "gateway", server="[server.limits]\nmax_body_bytes = 1048576") as (gateway, _),
        contextlib.ExitStack() as stack,
    ):
        with gateway.store() as store:
            other, _ = add_key(store)
        gateway.stop()
        gateway.start()
        statuses = []
        for _ in range(6):
            end = stack.enter_context(contextlib.closing(gateway.connect(5.0)))
            start = head(b"Content-Length: %d" % MIB).replace(b"@KEY@", gateway.key.encode()).replace(b"@HOST@", b"localhost")
            with contextlib.suppress(ConnectionError):
                end.sendall(start + b" " * (MIB - 1000))
            end.settimeout(0.5)
            try:
                statuses.append(end.recv(1000)[9:12])
            except TimeoutError:
                statuses.append(b"waits")
        assert statuses == [b"waits"] * 4 + [b"503"] * 2
        assert gateway.request("POST", "/v1/chat/completions", BODY).status == 200, "small requests need no room"
        large = padded(MIB)
        assert gateway.request("POST", "/v1/chat/completions", large).status == 503
        assert gateway.request("POST", "/v1/chat/completions", large, {"Authorization": f"Bearer {other}"}).status == 200
        stack.close()
        deadline = time.monotonic() + 5
        while gateway.request("POST", "/v1/chat/completions", large).status != 200:
            assert time.monotonic() < deadline, "what was let go is still counted"


@pytest.mark.parametrize("auth", [None, WRONG_KEY, b"Authorization: Bearer x"], ids=["none", "unknown", "no-key-at-all"])
@pytest.mark.parametrize("chunked", [False, True], ids=["by-length", "chunked"])
def test_large_body_of_a_caller_without_key_is_not_read(gateway, auth, chunked):
    if chunked:
        size = UNAUTHENTICATED + 1
        parts = [head(b"Transfer-Encoding: chunked", auth=auth), b"%x\r\n" % (MIB * 20) + b" " * size]
    else:
        parts = [head(b"Content-Length: %d" % (UNAUTHENTICATED + 1), auth=auth)]
    seen = talk(gateway, *parts, close_within=5.0)
    (answer,) = seen.responses()
    assert answer.status in {401, 413}
    assert "key" in envelope(answer.status, answer.body)["message"]
    assert seen.closed


def test_the_limit_of_the_configuration_is_the_one_that_holds_and_is_named(tmp_path):
    server = "[server.limits]\nmax_body_bytes = 100000\nmax_headers = 10\nmax_header_bytes = 2000"
    with simulated(tmp_path / "gateway", server=server) as (gateway, _):
        assert gateway.request("POST", "/v1/chat/completions", padded(100_000)).status == 200
        error = envelope(413, gateway.request("POST", "/v1/chat/completions", padded(100_001)).body)
        assert error["metadata"]["max_body_bytes"] == 100_000
        assert ask(gateway, post(BODY, *[b"X-%d: a" % number for number in range(10)])).status == 431
        assert ask(gateway, post(BODY, b"X-A: " + b"a" * 1500)).status == 200
        assert ask(gateway, post(BODY, b"X-A: " + b"a" * 2000)).status == 431


# Pipelining and Expect


def numbered(count: int) -> bytes:
    return b"".join(post(BODY, b"X-Request-ID: n%d" % number) for number in range(count))


def test_pipelined_requests_are_answered_in_order(running):
    gateway, simulation = running
    before = sum(received(simulation).values())
    answers = talk(gateway, numbered(MOST_PIPELINED), responses=MOST_PIPELINED).responses()
    assert [answer.field("x-request-id") for answer in answers] == [b"n%d" % number for number in range(MOST_PIPELINED)]
    assert {answer.status for answer in answers} == {200}
    assert sum(received(simulation).values()) - before == MOST_PIPELINED


def test_too_many_pipelined_requests_end_the_connection_after_the_answers_that_were_due(running):
    gateway, simulation = running
    for provider in simulation.base_urls:
        simulation.script(provider, [read_fault('{"kind": "stall", "at": 0, "seconds": 0.3}')])
    before = sum(received(simulation).values())
    seen = talk(gateway, numbered(200), responses=None)
    for provider in simulation.base_urls:
        simulation.script(provider, [])
    answers = seen.responses()
    *served, last = answers
    assert [answer.field("x-request-id") for answer in served] == [b"n%d" % number for number in range(len(served))]
    assert {answer.status for answer in served} == {200}
    assert 1 <= len(served) <= MOST_PIPELINED + 2
    assert last.status == 400
    assert "pipelined" in envelope(400, last.body)["message"]
    simulation.idle()
    assert sum(received(simulation).values()) - before == len(served)


EXPECT = b"Expect: 100-continue"


def test_expect_is_met_before_the_body_is_sent(gateway):
    seen = talk(gateway, head(EXPECT, b"Content-Length: %d" % len(BODY)), WaitFor(b"HTTP/1.1 100 Continue\r\n\r\n"), BODY)
    (answer,) = seen.responses()
    assert (answer.interim, answer.status) == ((100,), 200)


def test_expect_without_a_body_is_answered_at_once(gateway):
    assert ask(gateway, head(EXPECT, line=b"GET /v1/key HTTP/1.1"), method="GET").status == 200
    assert ask(gateway, post(b"", EXPECT)).status == 400


@pytest.mark.parametrize(
    "request_head",
    [
        head(EXPECT, b"Content-Length: %d" % (MOST_BODY + 1)),
        head(EXPECT, b"Content-Length: %d" % (UNAUTHENTICATED + 1), auth=None),
        head(EXPECT, b"Content-Length: %d" % (UNAUTHENTICATED + 1), auth=WRONG_KEY),
        head(b"Expect: something-else", b"Content-Length: 100"),
        head(EXPECT, b"Content-Length: 100", host=b"Host: a b"),
    ],
    ids=["too-large", "no-key", "wrong-key", "another-expectation", "bad-host"],
)
def test_a_request_refused_by_its_head_gets_no_continue_and_its_body_is_not_awaited(running, request_head):
    gateway, simulation = running
    with nothing_sent(simulation):
        seen = talk(gateway, request_head, close_within=5.0)
    (answer,) = seen.responses()
    assert answer.interim == ()
    assert 400 <= answer.status < 500
    envelope(answer.status, answer.body)
    assert answer.field("connection") == b"close"
    assert seen.closed


def test_http_10_clients_get_no_continue(gateway):
    line = b"POST /v1/chat/completions HTTP/1.0"
    (answer,) = talk(gateway, post(BODY, EXPECT, line=line), responses=None).responses()
    assert (answer.interim, answer.status) == ((), 200)
