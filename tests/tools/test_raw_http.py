"""Both ends of the raw-socket runner against each other, and the strict splitters against what they must refuse."""

import ssl

import pytest
import trustme
from tests.tools.raw_http import (
    Close,
    Exchange,
    HalfClose,
    Hold,
    Malformed,
    Pause,
    ReadRequest,
    Reset,
    Send,
    Upstream,
    WaitFor,
    connect,
    exchange,
    sliced,
    split_requests,
    split_responses,
)

REQUEST = b"POST /v1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\nok"


def test_exact_bytes_arrive_at_both_ends_however_they_are_sliced():
    odd = b"\x00\xff no HTTP at all\n\r\n"
    with Upstream([WaitFor(b"ends"), *sliced(ANSWER, 7, pause=0.001), Close()]) as upstream:
        seen = exchange(upstream.address, [*sliced(odd + b"ends", 3), HalfClose()], responses=None)
    assert upstream.connections == [odd + b"ends"]
    assert seen.received == ANSWER
    assert seen.closed
    assert [(r.status, r.body, r.field("x-a"), r.field("x-b")) for r in seen.responses()] == [(200, b"ok", b"b", None)]


def test_a_script_for_each_connection_and_requests_are_counted():
    first = [ReadRequest(2), Send(ANSWER + ANSWER), Hold()]
    second = [ReadRequest(), Send(b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), Hold()]
    with Upstream(first, second) as upstream:
        pipelined = exchange(upstream.address, [Send(REQUEST + REQUEST)], responses=2)
        single = exchange(upstream.address, [Send(REQUEST)])
        assert upstream.wait_until(lambda up: len(up.ends) == 2)
        again = exchange(upstream.address, [Send(REQUEST)])
    assert [r.status for r in pipelined.responses()] == [200, 200]
    assert [(r.status, r.body) for r in single.responses() + again.responses()] == [(503, b"abc")] * 2
    assert [r.body for r in upstream.requests()] == [b"hello"] * 4
    assert upstream.requests()[0][:2] == ("POST", b"/v1")
    assert upstream.requests()[0].field("host") == b"a"


@pytest.mark.parametrize(("last", "closed"), [(Hold(), False), (Close(), True)])
def test_whether_the_server_closes_is_seen(last, closed):
    with Upstream([ReadRequest(), Send(ANSWER), last]) as upstream:
        assert exchange(upstream.address, [Send(REQUEST)], close_within=0.2 if not closed else 5).closed is closed


def test_a_reset_is_told_from_a_close():
    with Upstream([ReadRequest(), Reset()]) as upstream:
        seen = exchange(upstream.address, [Send(REQUEST)])
    assert seen.reset
    assert seen.received == b""
    with pytest.raises(ConnectionRefusedError):
        exchange(upstream.address, [])


def test_a_server_that_closes_early_leaves_bytes_unsent_but_its_answer_is_read():
    with Upstream([WaitFor(b"POST"), Send(ANSWER), Close()]) as upstream:
        seen = exchange(upstream.address, [Send(b"POST"), WaitFor(b"ok"), *[Send(b"x" * 100_000)] * 200], responses=None)
    assert seen.unsent
    assert seen.received == ANSWER


def test_deadlines_end_what_would_hang():
    with Upstream([Hold()], deadline=20) as upstream:
        with pytest.raises(TimeoutError):
            exchange(upstream.address, [Send(REQUEST)], deadline=0.1)
        with pytest.raises(TimeoutError):
            exchange(upstream.address, [Pause(0.1), Send(REQUEST)], deadline=0.05)
        assert not upstream.wait_until(lambda _: False, seconds=0.01)


def test_a_script_that_fails_fails_the_test():
    with pytest.raises(Malformed), Upstream([ReadRequest(), Close()]) as upstream:
        exchange(upstream.address, [Send(b"GET / HTTP/1.1\nHost: a\r\n\r\n"), HalfClose()])


def test_tls_and_unix_sockets(tmp_path):
    authority = trustme.CA()
    server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(client)
    with Upstream([ReadRequest(), Send(ANSWER), Hold()], tls=server) as upstream:
        end = connect(upstream.address, tls=client, server_name="localhost")
        end.play([Send(REQUEST), WaitFor(b"ok")])
        end.sock.close()
    assert bytes(end.received) == ANSWER
    with pytest.raises(FileNotFoundError):
        connect(str(tmp_path / "missing.sock"))


def test_split_responses():
    data = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
        b"HTTP/1.1 204 \r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 404 No\r\nEmpty:\r\n\r\nrest"
    )
    responses, rest = split_responses(data, ["POST", "POST", "HEAD"], closed=True)
    assert [(r.status, r.body, r.interim) for r in responses] == [(200, b"", (100,)), (204, b"", ()), (200, b"", ()), (404, b"rest", ())]
    assert rest == b""
    responses, rest = split_responses(data, ["POST", "POST", "HEAD"], closed=False)
    assert (len(responses), rest) == (3, b"HTTP/1.1 404 No\r\nEmpty:\r\n\r\nrest")
    with pytest.raises(Malformed, match="left over|after the last"):
        Exchange(ANSWER + ANSWER[:-1], True, False, False, 0.0).responses()


@pytest.mark.parametrize("cut", range(len(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n")))
def test_a_cut_chunked_answer_is_incomplete_at_every_offset(cut):
    whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n"
    assert split_responses(whole[:cut], closed=True) == ([], whole[:cut])
    assert split_responses(whole, closed=False)[0][0].body == b"0123456789"


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b" HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\nA: b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\na\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n",
    ],
)
def test_a_sloppy_answer_is_refused(data):
    with pytest.raises(Malformed):
        split_responses(data, closed=True)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        b"GET / b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na",
    ],
)
def test_a_sloppy_request_is_refused(data):
    with pytest.raises(Malformed):
        split_requests(data)


def test_a_part_of_a_request_is_the_rest():
    for cut in range(1, len(REQUEST)):
        assert split_requests(REQUEST + REQUEST[:cut])[1] == REQUEST[:cut]
    with Upstream([WaitFor(REQUEST[:20]), Close()]) as upstream:
        exchange(upstream.address, [Send(REQUEST[:20])])
    with pytest.raises(Malformed, match="after the last complete request"):
        upstream.requests()
