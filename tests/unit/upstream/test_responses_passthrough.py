"""Pass-through: requests, answers and streams go byte for byte; what is read of them is usage, refusal, failure and the end."""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.upstream.translate.responses_reading import closed, strict_events

from anyapi import errors
from anyapi.domain.catalogue import Endpoint
from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.domain.usage import TokenCount
from anyapi.upstream import responses_passthrough
from anyapi.upstream.adapter import Adapter, Answer, OutboundChat, ProviderRow, StreamReader
from anyapi.upstream.responses_passthrough import ResponsesPassthrough, outcome_of
from anyapi.upstream.translate.openai_responses_reasoning import pack

ENDPOINT = Endpoint("a/b", "openai", "openai/x", "gpt-x")
BAD = Outcome(OutcomeKind.BAD_RESPONSE)
USAGE = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 2},
    "output_tokens": 4,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 13,
}
MESSAGE = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "a"}]}


def prepared(row=ProviderRow(), **fields):
    call = OutboundChat({name: msgspec.Raw(value) for name, value in fields.items()})
    return ResponsesPassthrough().prepare(call, ENDPOINT, row)


def read(**fields):
    body = msgspec.json.encode({"id": "r", "object": "response", "status": "completed", "output": [MESSAGE], "usage": USAGE, **fields})
    return body, ResponsesPassthrough().read_answer(body, OutboundChat())


def test_it_is_an_adapter():
    made: Adapter = ResponsesPassthrough()
    reader: StreamReader = made.open_stream(OutboundChat())
    assert (reader.complete, reader.failure, reader.tokens, reader.started) == (False, None, None, False)
    assert made.classify(429, 5.0, b"") == Outcome(OutcomeKind.RATE_LIMITED, 5.0, 429)
    assert repr(reader) == "<ResponsesReader>"


def test_only_model_and_store_are_touched():
    odd = b'[{"role":"user", "content" : "\\u00e9", "a":1, "a":2}]'
    found = prepared(model=b'"acme/one"', input=odd, store=b"true", zzz=b'{ "x":1.50}')
    assert found.path == b"/responses"
    assert found.body == b'{"model":"gpt-x","input":' + odd + b',"store":false,"zzz":{ "x":1.50}}'
    assert found.adjusted == ()


def test_a_row_drops_fields():
    found = prepared(ProviderRow(drops=frozenset({"user", "top_p"})), input=b'"x"', user=b'"u"')
    assert b'"user"' not in found.body
    assert found.adjusted == ("user",)


def test_reasoning_sealed_here_goes_to_no_provider():
    ours = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": pack([{"type": "reasoning.text"}])}
    theirs = {**ours, "encrypted_content": "gAAA"}
    text = {"role": "user", "content": ours["encrypted_content"]}
    found = prepared(input=msgspec.json.encode([ours, theirs, text]))
    assert msgspec.json.decode(found.body)["input"] == [theirs, text]
    assert found.adjusted == ("input.reasoning",)
    quoted = msgspec.json.encode([text])
    assert prepared(input=quoted).adjusted == ()
    assert b'"input":' + quoted in prepared(input=quoted).body
    assert prepared(input=msgspec.json.encode(text["content"])).adjusted == ()


def test_a_complete_answer_passes_whole():
    body, answer = read()
    assert answer == Answer(body, TokenCount(9, 4, 2, 3))
    assert read(status="incomplete")[1] == Answer(read(status="incomplete")[0], TokenCount(9, 4, 2, 3))


def test_refusals():
    assert read(status="incomplete", incomplete_details={"reason": "content_filter"})[1].refused
    assert not read(status="incomplete", incomplete_details={"reason": "max_output_tokens"})[1].refused
    assert read(output=[{**MESSAGE, "content": [{"type": "refusal", "refusal": "no"}]}])[1].refused


@pytest.mark.parametrize(
    ("output", "empty"),
    [([], True), (None, True), ([{"type": "reasoning", "encrypted_content": "x"}], True), ([{"type": "function_call"}], False)],
)
def test_empty_answers(output, empty):
    assert read(output=output)[1].empty == empty


def test_odd_usage_is_no_reason_to_refuse():
    assert read(usage={"input_tokens": "many"})[1].tokens is None


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"status": "failed", "error": {"code": "server_error", "message": "s3cret"}}, OutcomeKind.SERVER_ERROR),
        ({"status": "failed", "error": {"code": "rate_limit_exceeded"}}, OutcomeKind.RATE_LIMITED),
        ({"status": "failed", "error": {"code": "bio_policy"}}, OutcomeKind.CONTENT_REFUSED),
        ({"status": "failed", "error": {"code": "invalid_image"}}, OutcomeKind.REJECTED),
        ({"status": "failed", "error": {"code": "insufficient_quota"}}, OutcomeKind.UNAUTHORIZED),
        ({"status": "failed", "error": None}, OutcomeKind.SERVER_ERROR),
        ({"status": None, "error": {"message": "s3cret"}}, OutcomeKind.SERVER_ERROR),
        ({"status": "in_progress"}, OutcomeKind.BAD_RESPONSE),
        ({"status": "queued"}, OutcomeKind.BAD_RESPONSE),
        ({"object": "chat.completion"}, OutcomeKind.BAD_RESPONSE),
        ({"output": "s3cret"}, OutcomeKind.BAD_RESPONSE),
    ],
)
def test_what_is_no_answer(fields, kind):
    assert read(**fields)[1].kind is kind


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80))
def test_no_body_raises(body):
    assert isinstance(ResponsesPassthrough().read_answer(body, OutboundChat()), Answer | Outcome)


def event(kind, **fields):
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode({"type": kind, **fields}))


def response(status="completed", **fields):
    return {"id": "r", "object": "response", "status": status, "output": [], "usage": USAGE, **fields}


OPENING = event("response.created", response=response("in_progress", usage=None)) + event("response.in_progress", response={})
DELTA = event("response.output_text.delta", delta='Hé\n\n"', sequence_number=2)
END = event("response.completed", response=response())
STREAM = OPENING + event("response.output_item.added", item=MESSAGE) + DELTA + DELTA + END


def reader():
    return ResponsesPassthrough().open_stream(OutboundChat())


def test_a_stream_passes_byte_for_byte():
    stream = reader()
    assert stream.feed(STREAM) == STREAM
    assert (stream.complete, stream.failure, stream.started, stream.tokens) == (True, None, True, TokenCount(9, 4, 2, 3))
    assert stream.feed(DELTA) == b""


def test_nothing_is_released_before_something_is_said():
    stream = reader()
    assert stream.feed(OPENING + b": keep-alive\n\n") == b""
    assert not stream.started
    assert stream.feed(DELTA) == OPENING + b": keep-alive\n\n" + DELTA
    assert (stream.started, stream.sequence) == (True, 3)
    assert stream.feed(b": keep-alive\n\n") == b": keep-alive\n\n"


def test_an_empty_answer_is_released_at_its_end():
    stream = reader()
    assert stream.feed(OPENING) == b""
    assert stream.feed(END) == OPENING + END
    assert stream.complete


@pytest.mark.parametrize(
    ("events", "empty"),
    [
        ((event("response.completed", response=response(output=[])),), True),
        ((event("response.completed", response=response(output=[{"type": "message", "content": []}])),), True),
        ((event("response.completed", response=response(output=[{"type": "function_call", "name": "f"}])),), False),
        ((DELTA, event("response.completed", response=response(output=[]))), False),
        ((DELTA, END), False),
    ],
)
def test_an_answer_that_says_nothing_is_empty(events, empty):
    stream = reader()
    stream.feed(OPENING + b"".join(events))
    assert (stream.complete, stream.empty) == (True, empty)


def test_an_incomplete_answer_is_complete():
    stream = reader()
    end = event("response.incomplete", response=response("incomplete"))
    assert stream.feed(DELTA + end) == DELTA + end
    assert stream.complete


def test_a_stream_that_breaks_off_ends_as_a_failed_response():
    created = {"id": "resp_0a1b", "created_at": 1_800_000_000, "model": "gpt-x", "instructions": "s3cret", "temperature": 0.1}
    opening = event("response.created", response=created, sequence_number=0) + event("response.in_progress", response=created)
    stream = reader()
    assert stream.feed(opening + DELTA) == opening + DELTA
    error, failed = strict_events(closed(stream, errors.RateLimited("Slow.")), at=3)
    assert (error["type"], error["code"], failed["type"]) == ("error", "rate_limit_exceeded", "response.failed")
    told = failed["response"]
    assert (told["id"], told["created_at"], told["model"], told["status"]) == ("resp_0a1b", 1_800_000_000, "gpt-x", "failed")
    assert (told["error"], told["output"]) == ({"code": "rate_limit_exceeded", "message": "Slow."}, [])
    assert "s3cret" not in str(told)


@pytest.mark.parametrize("opening", [b"", event("response.created"), event("response.created", response={"id": 5})])
def test_a_response_that_was_never_named_cannot_fail_by_name(opening):
    stream = reader()
    stream.feed(opening + DELTA)
    assert stream.failed("server_error", "Cut.") == b""
    stream = reader()
    stream.feed(STREAM)
    assert stream.failed("server_error", "Cut.") == b""


@pytest.mark.parametrize("kind", ["response.completed", "response.incomplete"])
@pytest.mark.parametrize(
    ("status", "ends"), [("in_progress", False), ("queued", False), ("cancelled", False), ("failed", False), (None, True)]
)
def test_an_ending_of_a_response_that_says_it_still_runs_is_none(kind, status, ends):
    stream = reader()
    end = event(kind, response=response(status))
    assert stream.feed(OPENING + DELTA + end) == OPENING + DELTA + (end if ends else b"")
    assert (stream.complete, stream.failure) == ((True, None) if ends else (False, BAD))


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"])
def test_every_chunking_gives_the_same_events(ends):
    data = STREAM.replace(b"\n", ends)
    stream = reader()
    assert b"".join(stream.feed(data[at : at + 1]) for at in range(len(data))).replace(b"\n\n\n", b"\n\n") == STREAM
    assert stream.complete
    shuffle = random.Random(5)
    for _ in range(50):
        stream, at, released = reader(), 0, b""
        while at < len(data):
            size = shuffle.randint(1, 60)
            released += stream.feed(data[at : at + size])
            at += size
        assert released.replace(b"\n\n\n", b"\n\n") == STREAM
        assert stream.complete


def test_cut_at_every_byte_it_is_never_complete():
    for end in range(len(STREAM)):
        stream = reader()
        released = stream.feed(STREAM[:end])
        assert not stream.complete
        assert stream.failure is None
        assert STREAM.startswith(released)
        assert b"response.completed" not in released


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        (event("error", code="rate_limit_exceeded", message="s3cret"), OutcomeKind.RATE_LIMITED),
        (event("error", error={"code": "insufficient_quota", "message": "s3cret"}), OutcomeKind.UNAUTHORIZED),
        (event("error", message="s3cret"), OutcomeKind.SERVER_ERROR),
        (event("error", response=5), OutcomeKind.SERVER_ERROR),
        (
            event("response.failed", response=response("failed", error={"code": "bio_policy", "message": "s3cret"})),
            OutcomeKind.CONTENT_REFUSED,
        ),
        (event("response.failed", response=response("failed", error=None)), OutcomeKind.SERVER_ERROR),
        (event("response.completed"), OutcomeKind.BAD_RESPONSE),
        (b"data: [DONE]\n\n", OutcomeKind.BAD_RESPONSE),
        (b"data: {}\n\n", OutcomeKind.BAD_RESPONSE),
        (b"event: response.completed\ndata: {\n\n", OutcomeKind.BAD_RESPONSE),
    ],
)
def test_failures(last, kind):
    stream = reader()
    released = stream.feed(OPENING + DELTA + last + DELTA)
    assert released == OPENING + DELTA
    assert (stream.complete, stream.failure.kind) == (False, kind)
    assert stream.feed(END) == b""
    alone = reader()
    assert (alone.feed(OPENING + last), alone.started) == (b"", False)
    assert alone.failure.kind is kind


def test_the_data_says_what_an_event_is_not_its_name():
    stream = reader()
    lying = b"event: response.output_text.delta\ndata: %b\n\n" % msgspec.json.encode({"type": "error", "code": "server_error"})
    assert stream.feed(DELTA + lying) == DELTA
    assert stream.failure.kind is OutcomeKind.SERVER_ERROR
    bare = b'data: {"type":"response.completed",\ndata: "response":%b}\n\n' % msgspec.json.encode(response())
    stream = reader()
    assert stream.feed(DELTA + bare) == DELTA + bare
    assert stream.complete


def test_what_is_held_back_is_bounded(monkeypatch):
    monkeypatch.setattr(responses_passthrough, "LIMIT", 100_000)
    stream = reader()
    while stream.failure is None:
        assert stream.feed(OPENING) == b""
        assert len(stream._held) <= 101_000
    assert stream.failure == BAD
    long = reader()
    assert long.feed(DELTA + b"data: " + b"x" * 99_000) == DELTA
    assert long.failure is None
    assert long.feed(b"x" * 2000) == b""
    assert long.failure == BAD


def test_every_listed_code_has_its_meaning():
    for code, kind in responses_passthrough.CODES.items():
        assert outcome_of(code, b"") == Outcome(kind)


NO_CR = st.binary(max_size=20).map(lambda data: data.replace(b"\r", b"\n"))


@settings(max_examples=300, deadline=None)
@given(st.lists(NO_CR | st.sampled_from([OPENING, DELTA, END, b"data: ", b"\n\n", b"event: error\n", b'{"type":"x"}']), max_size=10))
def test_garbage_is_a_failure_or_passes_as_it_is(pieces):
    stream = reader()
    released = b"".join(stream.feed(piece) for piece in pieces)
    assert released == b"" or stream.started
    assert not (stream.complete and stream.failure)
    assert b"".join(pieces).startswith(released)
