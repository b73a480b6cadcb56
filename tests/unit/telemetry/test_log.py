"""The log takes fields of an allow-list and words of our own making, nothing else."""

import errno
import io
import logging
import re
import sys
import threading

import pytest

from anyapi.telemetry import log as module
from anyapi.telemetry.log import FIELDS, Event, log, silence_libraries


def logged(capsys, event=Event.STARTED, **fields):
    log(event, **fields)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err.removesuffix("\n")


@pytest.mark.parametrize("event", Event)
def test_every_event_is_one_line(capsys, event):
    line = logged(capsys, event, count=3)
    assert re.fullmatch(rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ event={event.value} count=3", line)


def test_the_time_is_utc(capsys, monkeypatch):
    monkeypatch.setattr(module.time, "gmtime", lambda: (2026, 12, 1, 2, 3, 4, 0, 0, 0))
    assert logged(capsys) == "2026-12-01T02:03:04Z event=started"


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_fields_of_the_list(capsys, name):
    assert logged(capsys, **{name: "word"}).endswith(f" {name}=word")


@pytest.mark.parametrize("name", ["message", "error", "body", "text", "prompt", "key", "url", "path", "Listen", ""])
def test_no_other_field(capsys, name):
    with pytest.raises(ValueError, match="allow-list"):
        log(Event.STARTED, listen="x", **{name: "secret"})
    assert capsys.readouterr() == ("", "")


def test_the_list_is_short_and_has_no_room_for_text():
    of_the_process = {"listen", "version", "scrubbing", "keys", "kind", "code", "count", "writer", "seconds", "connections"}
    ids_of_ours = {"endpoint", "credential", "host", "decision"}
    assert of_the_process | ids_of_ours | {"week"} == FIELDS


@pytest.mark.parametrize("value", ["two words", 'a"b', "line\nbreak", "tab\t", "\x1b[31m", "\x00", "secret prompt of somebody", "\u2028"])
def test_what_is_no_word_is_not_written(capsys, value):
    assert logged(capsys, kind=value).endswith(" kind=?")


@pytest.mark.parametrize(("value", "word"), [(1, "1"), (0.5, "0.5"), ("http://127.0.0.1:80", "http://127.0.0.1:80"), ("é", "é"), ("", "")])
def test_words_and_numbers(capsys, value, word):
    assert logged(capsys, listen=value).endswith(f" listen={word}")


def test_a_word_has_a_length(capsys):
    assert logged(capsys, listen="x" * 500).endswith("listen=" + "x" * 128)


def test_fields_stand_in_the_order_given(capsys):
    assert logged(capsys, keys=1, listen="a").endswith("event=started keys=1 listen=a")


def keep_hooks(monkeypatch):
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)


def test_what_libraries_log_is_not_repeated(capsys, monkeypatch):
    """Without a handler Python itself prints their warnings, words and all."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    keep_hooks(monkeypatch)
    silence_libraries()
    library = logging.getLogger("some.library")
    library.warning("error ignored: %s", "canary")
    assert capsys.readouterr() == ("", "")
    try:
        raise RuntimeError("canary")
    except RuntimeError:
        library.exception("canary %s", "canary")
    out, err = capsys.readouterr()
    assert (out, err.split(" ", 1)[1]) == ("", "event=internal_error kind=some.library\n")


def test_what_ends_a_thread_is_told_by_its_kind(capsys, monkeypatch):
    """Python prints the text of the exception, and the lines that led to it."""

    def fail():
        raise RuntimeError("canary")

    keep_hooks(monkeypatch)
    silence_libraries()
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    out, err = capsys.readouterr()
    assert (out, err.split(" ", 1)[1]) == ("", "event=internal_error kind=RuntimeError\n")


def test_what_cannot_be_raised_is_told_by_its_kind(capsys, monkeypatch):
    class Finalized:
        def __del__(self):
            raise ValueError("canary")

    keep_hooks(monkeypatch)
    silence_libraries()
    Finalized()
    out, err = capsys.readouterr()
    assert (out, err.split(" ", 1)[1]) == ("", "event=internal_error kind=ValueError\n")


def test_a_log_that_cannot_be_written_breaks_nothing(monkeypatch):
    class Full(io.StringIO):
        def write(self, _text):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sys, "stderr", Full())
    log(Event.STOPPED)
