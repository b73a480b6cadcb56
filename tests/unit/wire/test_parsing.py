"""One set of callbacks for all parsers of a loop: each message reaches the connection that is being read."""

import httptools
import pytest

from anyapi.wire.parsing import Callbacks

ANSWERS = [b"HTTP/1.1 200 OK\r\nx-%b: %b\r\ncontent-length: 3\r\n\r\n%b" % (name, name, name * 3) for name in (b"a", b"b")]


class Hears:
    """Notes what it is told."""

    def __init__(self):
        self.heard = []

    def on_message_begin(self):
        self.heard.append("begin")

    def on_header(self, name, value):
        self.heard.append((name, value))

    def on_headers_complete(self):
        self.heard.append("head")

    def on_body(self, part):
        self.heard.append(part)

    def on_message_complete(self):
        self.heard.append("end")


def test_parsers_that_are_fed_in_turn_do_not_mix_what_they_read():
    callbacks, hearers = Callbacks(), [Hears(), Hears()]
    parsers = [httptools.HttpResponseParser(callbacks) for _ in hearers]
    for at in range(len(ANSWERS[0])):
        for hearer, parser, answer in zip(hearers, parsers, ANSWERS, strict=True):
            callbacks.reading = hearer
            parser.feed_data(answer[at : at + 1])
    for name, hearer in zip((b"a", b"b"), hearers, strict=True):
        assert hearer.heard == ["begin", (b"x-" + name, name), (b"content-length", b"3"), "head", name, name, name, "end"]


def test_what_a_callback_raises_ends_the_parsing():
    class Refuses(Hears):
        def on_header(self, name, value):
            raise ValueError("no")

    callbacks = Callbacks()
    callbacks.reading = Refuses()
    with pytest.raises(httptools.HttpParserCallbackError):
        httptools.HttpResponseParser(callbacks).feed_data(ANSWERS[0])


@pytest.mark.parametrize("name", ["on_message_begin", "on_header", "on_headers_complete", "on_body", "on_message_complete"])
def test_a_parser_holds_no_callback_of_its_own(name):
    """What it takes is the one object that there is, not a method made for it."""
    callbacks = Callbacks()
    assert getattr(callbacks, name) is getattr(callbacks, name)


def test_who_is_gone_is_let_go_of_and_nobody_else():
    callbacks, last, other = Callbacks(), Hears(), Hears()
    callbacks.reading = last
    callbacks.let_go(other)
    assert callbacks.reading is last
    callbacks.let_go(last)
    assert callbacks.reading is None
