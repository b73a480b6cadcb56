import email.utils
import gzip
import json
import time

import pytest
from tests.unit.simulator.formats import BY_NAME
from tests.unit.simulator.raw_client import ask, chat, stream

from anyapi.simulator import read_fault

VERSION = ("anthropic-version: 2023-06-01",)
MESSAGE = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "x"}], "stream": True}


def scripted(sim, provider="sim-zero", **fault):
    sim.script(provider, [read_fault(json.dumps(fault))])
    return sim.simulation[provider].port


def outcome(sim, provider="sim-zero"):
    return sim.ledger(provider)["entries"][-1]["outcome"]


@pytest.mark.parametrize(
    ("status", "kind"), [(400, "invalid_request_error"), (429, "requests"), (500, "server_error"), (503, "server_error")]
)
def test_status_with_json(sim, status, kind):
    answer = ask(scripted(sim, kind="status", status=status), stream())
    assert answer.status == status
    assert answer.json["error"]["type"] == kind
    assert outcome(sim) == "error"
    assert sim.ledger("sim-zero")["completion_tokens"] == 0


def test_status_in_messages(sim):
    answer = ask(scripted(sim, "sim-claude", kind="status", status=529, message="Overloaded"), MESSAGE, "/v1/messages", VERSION)
    assert answer.status == 529
    assert answer.json["error"] == {"type": "overloaded_error", "message": "Overloaded"}


def test_status_with_other_bodies(sim):
    assert ask(scripted(sim, kind="status", status=502, body="html"), chat()).body.startswith(b"<!DOCTYPE html>")
    assert ask(scripted(sim, kind="status", status=500, body="text", message="plain"), chat()).body == b"plain"
    assert ask(scripted(sim, kind="status", status=504, body="empty"), chat()).body == b""
    with pytest.raises(json.JSONDecodeError):
        _ = ask(scripted(sim, kind="status", status=500, body="cut_json"), chat()).json


@pytest.mark.parametrize("value", [2, 0, -1, 10**12, "Wed, 21 Oct 2099 07:28:00 GMT", "soon"])
def test_retry_after_is_written_as_it_is(sim, value):
    head = ask(scripted(sim, kind="status", status=429, retry_after=value), chat()).head
    assert f"\r\nretry-after: {value}\r\n".encode() in head


def test_retry_after_as_a_date(sim):
    head = ask(scripted(sim, kind="status", status=429, retry_after_date=60), chat()).head.decode()
    date = head.split("retry-after: ")[1].split("\r\n")[0]
    assert 50 < email.utils.parsedate_to_datetime(date).timestamp() - time.time() < 70


@pytest.mark.parametrize("make", [chat, stream])
def test_error_body_under_200(sim, make):
    answer = ask(scripted(sim, kind="error_body", message="no"), make())
    assert answer.status == 200
    assert answer.json["error"]["message"] == "no"
    assert outcome(sim) == "error"


def test_redirect(sim):
    answer = ask(scripted(sim, kind="redirect", location="http://127.0.0.1:1/elsewhere", status=307), chat())
    assert answer.status == 307
    assert b"\r\nlocation: http://127.0.0.1:1/elsewhere\r\n" in answer.head


@pytest.mark.parametrize(("at", "before"), [(0, 0), (3, 3), ("middle", None)])
def test_error_event(sim, at, before):
    answer = ask(scripted(sim, kind="error_event", at=at), stream())
    assert answer.complete
    assert "error" in answer.events[-1]
    assert len(answer.events) - 1 == before if before is not None else len(answer.events) > 4
    assert outcome(sim) == "error"


def test_error_event_and_on(sim):
    events = ask(scripted(sim, kind="error_event", at=1, then="continue"), stream()).events
    assert "error" in events[1]
    assert events[-1] == "[DONE]"


def test_error_event_in_messages(sim):
    answer = ask(scripted(sim, "sim-claude", kind="error_event", at=2), MESSAGE, "/v1/messages", VERSION)
    assert answer.content.split(b"\n\n")[2].startswith(b"event: error\n")
    assert answer.events[-1]["error"]["type"] == "overloaded_error"


def test_error_event_without_a_stream(sim):
    assert "error" in ask(scripted(sim, kind="error_event"), chat()).json


@pytest.mark.parametrize("mode", ["garbage", "truncated"])
def test_bad_json(sim, mode):
    answer = ask(scripted(sim, kind="bad_json", mode=mode), chat())
    assert answer.complete
    with pytest.raises(json.JSONDecodeError):
        _ = answer.json
    assert outcome(sim) == "malformed"
    assert sim.ledger("sim-zero")["entries"][0]["reported_prompt_tokens"] is None


@pytest.mark.parametrize("mode", ["garbage", "truncated"])
def test_bad_json_in_one_event(sim, mode):
    answer = ask(scripted(sim, kind="bad_json", mode=mode, at=2), stream())
    parts = [block.removeprefix(b"data: ") for block in answer.content.split(b"\n\n")[:-1]]
    json.loads(parts[1])
    json.loads(parts[3])
    with pytest.raises(json.JSONDecodeError):
        json.loads(parts[2])
    assert parts[-1] == b"[DONE]"


def test_bad_json_keeps_the_event_line(sim):
    answer = ask(scripted(sim, "sim-claude", kind="bad_json", mode="truncated", at=3), MESSAGE, "/v1/messages", VERSION)
    assert answer.content.split(b"\n\n")[3].startswith(b"event: content_block_delta\ndata: {")


def test_bad_json_keeps_the_line_ends(sim):
    fault = {"kind": "bad_json", "mode": "truncated", "at": 0}
    answer = ask(scripted(sim, "sim-gemini", **fault), BY_NAME["gemini"].body(), "/v1beta/models/m:streamGenerateContent?alt=sse")
    assert answer.content.split(b"\r\n\r\n")[0].startswith(b'data: {"candidates":')
    assert len(answer.content.split(b"\r\n\r\n")) > 3


def test_line_ends_replace_crlf_too(sim):
    fault = {"kind": "line_ends", "ending": "cr"}
    answer = ask(scripted(sim, "sim-gemini", **fault), BY_NAME["gemini"].body(), "/v1beta/models/m:streamGenerateContent?alt=sse")
    assert b"\n" not in answer.content
    assert answer.events[-1]["candidates"][0]["finishReason"] == "STOP"


def test_a_bad_checksum_needs_frames(sim):
    answer = ask(scripted(sim, kind="bad_checksum"), stream())
    assert answer.events[-1] == "[DONE]"
    assert outcome(sim) == "answered"


@pytest.mark.parametrize("drop", [1, 2, 3])
def test_no_done(sim, drop):
    whole = ask(scripted(sim, kind="usage"), stream()).events
    answer = ask(scripted(sim, kind="no_done", drop=drop), stream())
    assert answer.complete
    assert len(answer.events) == len(whole) - drop
    assert outcome(sim) == "cut"


def test_no_message_stop(sim):
    answer = ask(scripted(sim, "sim-claude", kind="no_done"), MESSAGE, "/v1/messages", VERSION)
    assert answer.events[-1]["type"] == "message_delta"


@pytest.mark.parametrize(("ending", "bytes_"), [("crlf", b"\r\n\r\n"), ("cr", b"\r\r")])
def test_line_ends(sim, ending, bytes_):
    answer = ask(scripted(sim, kind="line_ends", ending=ending), stream())
    assert bytes_ in answer.content
    assert (b"\n" in answer.content) == (ending == "crlf")
    assert answer.events[-1] == "[DONE]"
    assert outcome(sim) == "answered"


def test_comments(sim):
    answer = ask(scripted(sim, kind="comments", text="PROCESSING"), stream())
    assert answer.content.count(b": PROCESSING\n\n") == len(answer.events)


def test_multiline_data(sim):
    answer = ask(scripted(sim, kind="multiline_data"), stream())
    assert answer.content.count(b"data: {\ndata: ") == len(answer.events) - 1
    assert answer.events[0]["object"] == "chat.completion.chunk"


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("crlf", b"x-note: one\r\nset-cookie: injected=1\r\n"),
        ("bare_lf", b"x-note: one\nset-cookie: injected=1\r\n"),
        ("bare_cr", b"x-note: one\rset-cookie: injected=1\r\n"),
        ("nul", b"x-note: one\0two\r\n"),
        ("many", b"x-note-199: value\r\n"),
        ("huge", b"x-note: " + b"a" * 1024 * 1024),
        ("folded", b"x-note: one\r\n two\r\n"),
        ("both_lengths", b"transfer-encoding: chunked\r\n"),
    ],
)
def test_bad_headers(sim, variant, expected):
    answer = ask(scripted(sim, kind="bad_headers", variant=variant), chat())
    assert expected in answer.head + b"\r\n"
    assert b"chatcmpl" in answer.body


def test_both_lengths_in_a_stream(sim):
    assert b"content-length: 5\r\n" in ask(scripted(sim, kind="bad_headers", variant="both_lengths"), stream()).head


@pytest.mark.parametrize("status", [100, 102, 103])
def test_informational(sim, status):
    raw = ask(scripted(sim, kind="informational", status=status, count=2), chat()).raw
    assert raw.count(b"HTTP/1.1 %d " % status) == 2
    assert b"\r\n\r\nHTTP/1.1 200 OK\r\n" in raw


def test_gzip_lie(sim):
    answer = ask(scripted(sim, kind="gzip_lie"), chat())
    assert b"content-encoding: gzip\r\n" in answer.head
    with pytest.raises(gzip.BadGzipFile):
        gzip.decompress(answer.body)
    assert answer.json


def test_content_type(sim):
    answer = ask(scripted(sim, kind="content_type", value="text/plain"), stream())
    assert b"\r\ncontent-type: text/plain\r\n" in answer.head
    assert answer.events[-1] == "[DONE]"
