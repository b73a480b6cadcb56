"""A worker serves while it holds its lease, looked at for each call; without it the answer is a 503, whoever asks."""

import asyncio
import math

import pytest

from anyapi.gateway.call import Call
from anyapi.gateway.lease import Lease, under
from anyapi.gateway.routes import PLAIN


class Reply:
    """Keeps what is sent."""

    def __init__(self):
        self.sent = []

    def send(self, *what):
        self.sent.append(what)


async def served(call, reply):
    reply.send(200, b"", b"served")


def answers(lease, path=b"/v1/chat/completions", **fields):
    reply = Reply()
    asyncio.run(under(lease, served)(Call(method=b"POST", path=path, **fields), reply))
    ((status, rows, body),) = reply.sent
    return status, rows, body


def test_it_is_not_held_before_it_was_confirmed():
    assert Lease(10.0).until == -math.inf
    assert not Lease(10.0).held


def test_it_ends_at_its_time_and_not_before():
    now = [100.0]
    lease = Lease(10.0, lambda: now[0])
    lease.until = 110.0
    for at, status in ((100.0, 200), (109.999, 200), (110.0, 503), (1e9, 503)):
        now[0] = at
        assert answers(lease)[0] == status
    lease.until = 2e9
    assert answers(lease)[0] == 200


@pytest.mark.parametrize("credential", [None, b"anyapi_sk_nobody"])
def test_the_refusal_says_when_to_come_back_and_nothing_of_the_key(credential):
    status, rows, body = answers(Lease(1.0), credential=credential)
    assert status == 503
    assert b"retry-after: 1\r\n" in rows
    assert b'"type":"overloaded"' in body
    assert b"401" not in body


def test_messages_get_their_own_envelope():
    assert answers(Lease(1.0), b"/v1/messages")[2].startswith(b'{"type":"error"')


@pytest.mark.parametrize("path", PLAIN)
def test_pages_about_the_process_itself_are_served_all_the_same(path):
    assert answers(Lease(1.0), path.encode())[0] == 200
