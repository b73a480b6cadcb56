"""Asking, and what a client makes of the answer: whole, broken off, or none at all."""

import socket

import pytest

from anyapi.prove.caller import Caller, Ended, Outcome, all_at_once, ended, ends
from anyapi.prove.planted import Planted
from anyapi.prove.target import Answered


class Deaf:
    """A gateway that keeps what it is asked and answers alike."""

    key = "sk"

    def __init__(self, answer=None):
        self.asked, self.answer = [], answer or Answered(200, {}, b"{}")

    def request(self, method, path, body=None, headers=None, timeout=30.0):
        self.asked.append((method, path, body, headers))
        return self.answer

    def connect(self, timeout):
        raise ConnectionRefusedError


def test_a_stream_is_whole_only_with_its_terminal_marker():
    stream = {"content-type": "text/event-stream"}
    assert ended(Answered(200, stream, b"data: {}\n\ndata: [DONE]\n\n")) == Ended(200)
    assert ended(Answered(200, stream, b"data: {}\n\n")) == Ended(200, broken=True)
    assert ended(Answered(200, {"content-type": "application/json"}, b"{}")) == Ended(200)
    assert str(Ended(200, broken=True)) == "200 with an error event"
    assert ends(502, 504) == (Ended(502), Ended(504))


def test_every_request_holds_canaries_in_body_head_and_query():
    place, planted = Deaf(), Planted()
    mark = planted.new("one")
    Caller(place, None, planted).chat(mark)
    ((method, path, body, headers),) = place.asked
    assert method == "POST"
    assert all(mark.text in part for part in (path, body.decode(), headers["User-Agent"]))


def test_a_model_of_the_cast_is_asked_for_by_its_name_here():
    place, planted = Deaf(), Planted()
    Caller(place, None, planted, {b"acme/good": b"real/model"}).chat(planted.new("one"))
    assert b'"real/model"' in place.asked[0][2]
    assert b"acme/good" not in place.asked[0][2]


def test_no_answer_is_status_nought_and_takes_nothing_else_with_it():
    place, planted = Deaf(), Planted()
    raw = Outcome("raw", ends(0), lambda caller, mark: caller.raw(b"x"))
    plain = Outcome("plain", ends(200), lambda caller, mark: caller.chat(mark))
    assert [end for _, end in all_at_once(Caller(place, None, planted), [raw, plain])] == [Ended(0), Ended(200)]
    assert sorted(mark.label for mark in planted.marks.values()) == ["plain", "raw"], "they run at once, in any order"


@pytest.mark.parametrize(("sent", "status"), [(b"HTTP/1.1 204 No Content\r\n\r\n", 204), (b"", 0)])
def test_bytes_as_they_are(sent, status):
    here, there = socket.socketpair()
    place = Deaf()
    place.connect = lambda timeout: here
    there.sendall(sent)
    there.shutdown(socket.SHUT_WR)
    assert Caller(place, None, Planted()).raw(b"GET /\r\n\r\n").status == status
    assert there.recv(100) == b"GET /\r\n\r\n"
    there.close()
