"""The adapter for OpenAI's own format: what is rewritten on the way out, and how answers and streams are read."""

import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.policy.samples import endpoint

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.domain.usage import TokenCount
from anyapi.upstream import openai_chat as module
from anyapi.upstream.adapter import Answer, OutboundChat, ProviderRow
from anyapi.upstream.openai_chat import ChatStream, OpenAIChat, read_usage
from anyapi.upstream.openai_errors import error_in

ADAPTER = OpenAIChat()
ENDPOINT = endpoint(upstream_model="their-name")
PLAIN = ProviderRow()


def call(fields=None, **more):
    """A request on its way out."""
    body = {"model": "acme/one", "messages": [{"role": "user", "content": "hé"}], **(fields or {})}
    return OutboundChat(msgspec.json.decode(json.dumps(body), type=dict[str, msgspec.Raw]), **more)


def sent(outbound, row=PLAIN):
    """What goes to the provider, decoded."""
    prepared = ADAPTER.prepare(outbound, ENDPOINT, row)
    assert prepared.path == b"/chat/completions"
    return json.loads(prepared.body), prepared.adjusted


# --- the way out


def test_only_the_model_is_rewritten():
    body, adjusted = sent(call({"temperature": 0.5, "x_unknown": [1, {"a": None}]}))
    assert body == {
        "model": "their-name",
        "messages": [{"role": "user", "content": "hé"}],
        "temperature": 0.5,
        "x_unknown": [1, {"a": None}],
    }
    assert adjusted == ()


def test_values_pass_byte_for_byte():
    raw = b'[ {"role" : "user","content":"\\u00e9", "n":1.0e3, "role":"doubled"} ]'
    outbound = OutboundChat({"model": msgspec.Raw(b'"m"'), "messages": msgspec.Raw(raw)})
    assert raw in ADAPTER.prepare(outbound, ENDPOINT, PLAIN).body


def test_the_call_is_not_changed_for_the_next_attempt():
    outbound = call({"user": "u", "max_completion_tokens": 5}, stream=True)
    before = {name: bytes(raw) for name, raw in outbound.fields.items()}
    sent(outbound, ProviderRow(accepts_store=True, drops=frozenset({"user"}), renames={"max_completion_tokens": "max_tokens"}))
    assert {name: bytes(raw) for name, raw in outbound.fields.items()} == before


@pytest.mark.parametrize("accepts", [True, False])
def test_store_is_false_or_absent(accepts):
    body, _ = sent(call(), ProviderRow(accepts_store=accepts))
    assert body.get("store", "absent") is (False if accepts else "absent") or body.get("store", "absent") == "absent"
    assert ("store" in body) is accepts


def test_what_a_provider_refuses_is_dropped_and_named():
    row = ProviderRow(drops=frozenset({"user", "logit_bias", "absent"}))
    body, adjusted = sent(call({"user": "u", "logit_bias": {}}), row)
    assert not {"user", "logit_bias"} & set(body)
    assert adjusted == ("logit_bias", "user")


def test_what_a_provider_calls_otherwise_is_renamed_and_named():
    row = ProviderRow(renames={"max_completion_tokens": "max_tokens", "seed": "random_seed"})
    body, adjusted = sent(call({"max_completion_tokens": 5, "max_tokens": 9}), row)
    assert (body["max_tokens"], "max_completion_tokens" in body, adjusted) == (9, False, ("max_completion_tokens",))
    body, adjusted = sent(call({"seed": 1}), row)
    assert (body["random_seed"], adjusted) == (1, ("seed",))


@pytest.mark.parametrize(
    ("stream", "wants", "accepts", "given_options", "expected"),
    [
        (True, False, True, "absent", {"include_usage": True}),
        (True, False, True, None, {"include_usage": True}),
        (True, False, True, {"include_usage": False, "x": 1}, {"include_usage": True, "x": 1}),
        (True, True, True, {"include_usage": True}, {"include_usage": True}),
        (True, True, False, {"include_usage": True}, "absent"),
        (True, False, False, "absent", "absent"),
        (False, False, True, "absent", "absent"),
        (False, False, False, {"x": 1}, "absent"),
    ],
)
def test_usage_is_asked_for_in_streams(stream, wants, accepts, given_options, expected):
    fields = {} if given_options == "absent" else {"stream_options": given_options}
    body, _ = sent(call(fields, stream=stream, wants_usage=wants), ProviderRow(accepts_stream_options=accepts))
    assert body.get("stream_options", "absent") == expected


@pytest.mark.parametrize("wants", [True, False])
@pytest.mark.parametrize("key", ['"include_usage"', '"include\\u005fusage"'])
def test_usage_is_asked_for_by_one_key(key, wants):
    """Of two equal keys a provider may take the first, and its answer would be counted by its size."""
    options = f'{{{key}:false,"x":1,"include_usage":true}}'
    fields = {"model": msgspec.Raw(b'"m"'), "stream_options": msgspec.Raw(options.encode())}
    prepared = ADAPTER.prepare(OutboundChat(fields, stream=True, wants_usage=wants), ENDPOINT, PLAIN)
    pairs = json.loads(prepared.body, object_pairs_hook=lambda found: found)
    assert sorted(dict(pairs)["stream_options"]) == [("include_usage", True), ("x", 1)]


# --- whole answers


def completion(message=None, usage=None, finish="stop", **more):
    """A completion as a provider sends it."""
    body = {"id": "x", "choices": [{"index": 0, "message": {"role": "assistant", **(message or {})}, "finish_reason": finish}], **more}
    return json.dumps(body if usage is None else {**body, "usage": usage}).encode()


USAGE = {"prompt_tokens": 3, "completion_tokens": 2}


def read(body):
    return ADAPTER.read_answer(body, call())


def test_an_answer_passes_as_it_is():
    body = completion({"content": "hello"}, USAGE)
    answer = read(body)
    assert answer.body is body
    assert (answer.tokens, answer.refused, answer.empty) == (TokenCount(3, 2), False, False)


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        (None, None),
        (USAGE, TokenCount(3, 2)),
        (
            {**USAGE, "prompt_tokens_details": {"cached_tokens": 1}, "completion_tokens_details": {"reasoning_tokens": 2}},
            TokenCount(3, 2, 1, 2),
        ),
        ({**USAGE, "prompt_tokens_details": {}, "completion_tokens_details": {"reasoning_tokens": None}}, TokenCount(3, 2)),
        ({**USAGE, "prompt_tokens_details": None, "extra": {"x": 1}}, TokenCount(3, 2)),
        ({"prompt_tokens": 3}, None),
        ({"completion_tokens": 3}, None),
        ({"prompt_tokens": -1, "completion_tokens": 2}, None),
        ({"prompt_tokens": 1, "completion_tokens": -2}, None),
        ({"prompt_tokens": "3", "completion_tokens": 2}, None),
        ({"prompt_tokens": 10**9, "completion_tokens": 2}, TokenCount(10**9, 2)),
        ({"prompt_tokens": 10**9 + 1, "completion_tokens": 2}, None),
        ({"prompt_tokens": 1, "completion_tokens": 10**30}, None),
        ({**USAGE, "prompt_tokens_details": {"cached_tokens": -1}}, None),
        (
            {**USAGE, "prompt_tokens_details": {"cached_tokens": 99}, "completion_tokens_details": {"reasoning_tokens": 99}},
            TokenCount(3, 2, 3, 2),
        ),
        ({"prompt_tokens": 3.5, "completion_tokens": 2}, None),
        ([], None),
        ("x", None),
        (7, None),
        ({**USAGE, "prompt_tokens_details": [1]}, None),
    ],
)
def test_usage_of_any_form(usage, tokens):
    answer = read(completion({"content": "hello"}, usage))
    assert isinstance(answer, Answer)
    assert answer.tokens == tokens
    assert read_usage(msgspec.Raw(json.dumps(usage).encode())) == tokens


@pytest.mark.parametrize(
    ("message", "finish", "refused", "empty"),
    [
        ({"content": "hello"}, "stop", False, False),
        ({"content": ""}, "stop", False, True),
        ({"content": None}, "stop", False, True),
        ({}, "stop", False, True),
        ({"content": []}, "stop", False, True),
        ({"content": [{"type": "text", "text": "x"}]}, "stop", False, False),
        ({"content": None, "tool_calls": [{"id": "1"}]}, "tool_calls", False, False),
        ({"content": None, "tool_calls": []}, "stop", False, True),
        ({"content": None, "function_call": {"name": "f"}}, "function_call", False, False),
        ({"content": None, "reasoning_content": "hm"}, "length", False, False),
        ({"content": "", "reasoning": "hm"}, "length", False, False),
        ({"content": "", "reasoning": "", "reasoning_details": [], "images": []}, "length", False, True),
        ({"content": "", "reasoning": None, "reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]}, "length", False, False),
        ({"content": "", "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]}, "stop", False, False),
        ({"content": None, "audio": {"id": "a"}}, "stop", False, False),
        ({"content": "I", "refusal": ""}, "stop", False, False),
        ({"content": None, "refusal": "I cannot"}, "stop", True, False),
        ({"content": "part", "refusal": "I cannot"}, "stop", True, False),
        ({"content": "part"}, "content_filter", True, False),
        ({"content": None}, "content_filter", True, True),
        ({"content": "no reason"}, None, False, False),
    ],
)
def test_refused_and_empty(message, finish, refused, empty):
    answer = read(completion(message, USAGE, finish))
    assert isinstance(answer, Answer)
    assert (answer.refused, answer.empty) == (refused, empty)


def test_one_choice_with_content_is_enough():
    body = json.dumps({"choices": [{"message": {"content": ""}}, {"message": {"content": "x"}}]}).encode()
    assert not read(body).empty


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"not json",
        b'{"choices":[]}',
        b'{"choices":{}}',
        b'{"choices":[{}]}',
        b'{"choices":[1]}',
        b"<html>busy</html>",
        b'{"choices":[{"message":null}]}',
        b"\xff\xfe",
        b"[" * 5000,
        b'{"error":null}',
    ],
)
def test_what_is_no_completion_is_a_bad_response(body):
    assert read(body) == Outcome(OutcomeKind.BAD_RESPONSE)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "secret words", "code": 429}, OutcomeKind.RATE_LIMITED),
        ({"code": "503"}, OutcomeKind.OVERLOADED),
        ({"code": 500}, OutcomeKind.SERVER_ERROR),
        ({"status": 401}, OutcomeKind.UNAUTHORIZED),
        ({"code": None, "status": "429"}, OutcomeKind.RATE_LIMITED),
        ({"code": "content_filter"}, OutcomeKind.CONTENT_REFUSED),
        ({"code": "rate_limit_exceeded", "type": "tokens"}, OutcomeKind.RATE_LIMITED),
        ({"code": "insufficient_quota", "type": "rate_limit_error"}, OutcomeKind.UNAUTHORIZED),
        ({"code": "context_length_exceeded"}, OutcomeKind.REJECTED),
        ({"type": "invalid_request_error", "code": None}, OutcomeKind.REJECTED),
        ({"type": "overloaded_error"}, OutcomeKind.OVERLOADED),
        ({"type": "server_error", "code": "new_word"}, OutcomeKind.SERVER_ERROR),
        ({"code": 200}, OutcomeKind.SERVER_ERROR),
        ({"code": 99999}, OutcomeKind.SERVER_ERROR),
        ({"code": "9" * 3}, OutcomeKind.SERVER_ERROR),
        ({"code": "\u0664\u0662\u0669"}, OutcomeKind.RATE_LIMITED),
        ({}, OutcomeKind.SERVER_ERROR),
        ("only words", OutcomeKind.SERVER_ERROR),
        ([], OutcomeKind.SERVER_ERROR),
    ],
)
def test_an_error_in_a_200_is_an_error(error, kind):
    body = json.dumps({"error": error}).encode()
    assert read(body).kind is kind
    assert error_in(body).kind is kind


def test_errors_are_classified_elsewhere():
    outcome = ADAPTER.classify(429, 3.0, b'{"error":{"code":"insufficient_quota"}}')
    assert outcome == Outcome(OutcomeKind.UNAUTHORIZED, 3.0, 429)


# --- streams


def chunk(content="hi", **more):
    return {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": content}}], **more}


def event(value):
    return b"data: " + json.dumps(value).encode() + b"\n\n"


MARKER = b"data: [DONE]\n\n"
DONE = event({"id": "x", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}) + MARKER
"""A whole end: why the model stopped, and the terminal marker."""
USAGE_CHUNK = {"id": "c", "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 3}}
USUAL = event(chunk("one")) + event(chunk("tw\u00f6")) + event(chunk("", usage=None)) + event(USAGE_CHUNK) + DONE
SHOWN = USUAL.replace(event(USAGE_CHUNK), b"")


def feed(parts, *, hide=True):
    stream = ADAPTER.open_stream(call(stream=True, wants_usage=not hide))
    return b"".join(stream.feed(part) for part in parts), stream


def test_the_usual_stream():
    out, stream = feed([USUAL])
    assert out == SHOWN
    assert (stream.complete, stream.failure, stream.empty, stream.tokens) == (True, None, False, TokenCount(5, 3))


def test_who_asked_for_usage_gets_it():
    out, stream = feed([USUAL], hide=False)
    assert (out, stream.tokens) == (USUAL, TokenCount(5, 3))


def plain(data):
    """Blank lines as one: how many stand between two events says nothing, and those after a hidden event may go with it."""
    return re.sub(rb"\n{2,}", b"\n\n", data)


FORMS = {
    "lf": USUAL,
    "crlf": USUAL.replace(b"\n", b"\r\n"),
    "cr": USUAL.replace(b"\n", b"\r"),
    "comments": b": hello\n\n" + USUAL.replace(b"data: {", b": x\ndata: {"),
    "no space": USUAL.replace(b"data: ", b"data:"),
    "names": USUAL.replace(b"data: {", b"event: chunk\nid: 7\nretry: 10\ndata: {"),
    "two data lines": USUAL.replace(b'"choices"', b'\ndata: "choices"'),
    "more blank lines": USUAL.replace(b"\n\n", b"\n\n\n\n"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_cut_of_a_stream_gives_the_same(form):
    data = FORMS[form]
    whole, stream = feed([data])
    assert (stream.complete, stream.failure, stream.tokens) == (True, None, TokenCount(5, 3))
    assert json.dumps("tw\u00f6").encode() in whole
    assert b"completion_tokens" not in whole
    for at in range(1, len(data)):
        out, cut = feed([data[:at], data[at:]])
        assert (plain(out), cut.complete, cut.failure, cut.tokens) == (plain(whole), True, None, stream.tokens), at


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_slices_of_a_stream_give_the_same(form, size):
    data = FORMS[form]
    whole, _ = feed([data])
    out, stream = feed([data[at : at + size] for at in range(0, len(data), size)])
    assert (plain(out), stream.complete, stream.failure) == (plain(whole), True, None)


@given(st.lists(st.integers(1, len(USUAL) - 1), max_size=12), st.sampled_from(sorted(FORMS)))
def test_any_cuts_give_the_same(cuts, form):
    data = FORMS[form]
    edges = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    out, stream = feed([data[a:b] for a, b in zip(edges, edges[1:], strict=False)])
    assert plain(out) == plain(feed([data])[0])
    assert stream.complete


def test_only_whole_events_go_on():
    first, second = event(chunk("one")), event(chunk("two"))
    stream = ADAPTER.open_stream(call(stream=True))
    assert stream.feed(first + second[:-1]) == first
    assert stream.feed(second[-1:]) == second
    assert not stream.complete


ROLE = event({"id": "c", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "", "refusal": None}, "finish_reason": None}]})
FILTER = event({"id": "c", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]})


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    "says",
    [
        {"content": "x"},
        {"tool_calls": [{"index": 0}]},
        {"reasoning_content": "x"},
        {"something_new": {}},
        {"audio": {"id": "a"}},
    ],
)
def test_what_says_nothing_waits_for_what_does(says, together):
    said = event({"choices": [{"index": 0, "delta": {**says, "role": "assistant"}, "finish_reason": None}]})
    parts = [FILTER, ROLE, said, DONE]
    stream = ADAPTER.open_stream(call(stream=True))
    if together:
        assert stream.feed(b"".join(parts)) == b"".join(parts)
    else:
        assert [stream.feed(FILTER), stream.feed(ROLE), stream.started] == [b"", b"", False]
        assert stream.feed(said) == FILTER + ROLE + said
        assert stream.feed(DONE) == DONE
    assert (stream.started, stream.complete) == (True, True)


def refusing(words):
    return event({"choices": [{"index": 0, "delta": {"refusal": words}, "finish_reason": None}]})


@pytest.mark.parametrize("together", [True, False])
def test_a_refusal_waits_for_the_end(together):
    """As long as there is nothing but it, another endpoint can be asked, as after a whole answer that refuses."""
    parts = [FILTER, ROLE, refusing("I"), refusing(" cannot."), DONE]
    stream = ADAPTER.open_stream(call(stream=True))
    if together:
        assert stream.feed(b"".join(parts)) == b"".join(parts)
    else:
        assert [stream.feed(part) for part in parts] == [b"", b"", b"", b"", b"".join(parts)]
    assert (stream.complete, stream.refused, stream.started, stream.empty) == (True, True, False, False)


def test_a_refusal_beside_content_is_one_too():
    for parts in ([event(chunk("one")), refusing("no"), DONE], [refusing("no"), event(chunk("one")), DONE]):
        out, stream = feed(parts)
        assert out == b"".join(parts)
        assert (stream.complete, stream.refused, stream.started, stream.empty) == (True, True, True, False)


@pytest.mark.parametrize(
    "delta",
    [{"refusal": ""}, {"refusal": None}, {"content": '"refusal":"x'}, {"tool_calls": [{"function": {"arguments": '{"refusal":"x"}'}}]}],
)
def test_what_is_no_refusal(delta):
    parts = [event(chunk("one")), event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}), DONE]
    out, stream = feed(parts)
    assert (out, stream.complete, stream.refused) == (b"".join(parts), True, False)


@pytest.mark.parametrize("end", [event({"error": {"code": 503}}), MARKER, b"data: nonsense\n\n"])
def test_a_stream_that_fails_before_it_said_anything_has_told_the_client_nothing(end):
    out, stream = feed([ROLE, FILTER, end])
    assert (out, stream.started, stream.complete) == (b"", False, False)
    assert stream.failure is not None


def test_an_answer_of_nothing_is_told_at_its_end():
    out, stream = feed([ROLE, event({**USAGE_CHUNK, "choices": []}), DONE], hide=False)
    assert (out, stream.started, stream.complete) == (ROLE + event(USAGE_CHUNK) + DONE, False, True)


def test_what_waits_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "MAX_EVENT", 1000)
    out, stream = feed([ROLE] * 20)
    assert (out, stream.failure) == (b"", Outcome(OutcomeKind.BAD_RESPONSE))


def test_a_comment_alone_says_nothing():
    out, stream = feed([b": keep-alive\n\n"])
    assert (out, stream.empty) == (b": keep-alive\n\n", True)


def test_nothing_follows_the_terminal_marker():
    out, stream = feed([event(chunk()) + DONE + event(chunk("late")), event(chunk("later"))])
    assert out == event(chunk()) + DONE
    assert stream.complete


def test_the_marker_inside_of_a_text_ends_nothing():
    odd = event(chunk("[DONE]")) + event(chunk("\ndata: [DONE]\n\n"))
    out, stream = feed([odd, DONE])
    assert (out, stream.complete) == (odd + DONE, True)
    out, stream = feed([odd])
    assert not stream.complete


def test_the_marker_inside_of_an_odd_event_ends_nothing():
    odd = b": a comment\n" + event(chunk("[DONE]"))
    out, stream = feed([odd])
    assert (out, stream.complete, stream.failure) == (odd, False, None)


def test_usage_that_is_null_in_every_chunk_is_passed_over():
    """Written without a space, as most providers do."""
    data = b'data: {"choices":[{"delta":{"content":"x"}}],"usage":null}\n\n' * 3
    out, stream = feed([data, DONE])
    assert (out, stream.tokens, stream.complete) == (data + DONE, None, True)


LAYOUTS = {"tight": (",", ":"), "spaced": (", ", ": "), "odd": (" , ", " : ")}


@pytest.mark.parametrize("unfinished", [{}, {"finish_reason": None}, {"finish_reason": ""}], ids=["absent", "null", "empty"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("together", [True, False])
def test_the_marker_without_a_finish_reason_is_no_end(unfinished, layout, together):
    """A server that broke off may still write `[DONE]`; whatever came before it has gone on, and the marker has not."""

    def said(**choice):
        value = {"choices": [{"index": 0, "delta": {"content": '"finish_reason":"stop"'}, **choice}]}
        return b"data: " + json.dumps(value, separators=LAYOUTS[layout]).encode() + b"\n\n"

    opening = event({"choices": [], "prompt_filter_results": []})
    for last, ends in ((said(**unfinished), False), (said(finish_reason="stop"), True)):
        data = [opening, said(**unfinished), said(**unfinished), last, event(USAGE_CHUNK), MARKER]
        out, stream = feed([b"".join(data)] if together else data, hide=False)
        assert out == b"".join(data if ends else data[:-1])
        assert (stream.complete, stream.failure) == ((True, None) if ends else (False, Outcome(OutcomeKind.BAD_RESPONSE)))


@pytest.mark.parametrize("comment", [b': {"usage":1}\n', b": a comment\n", b": \"error\" 'usage'\n:\n"], ids=["usage", "plain", "error"])
@pytest.mark.parametrize("before", [b"", event(chunk("said"))], ids=["alone", "behind an event"])
def test_a_comment_in_the_event_of_a_marker_that_ends_nothing_goes_with_it(comment, before):
    """Half of an event was looked through for usage without end, and nobody else was served meanwhile."""
    out, stream = feed([before + comment + MARKER])
    assert (out, stream.complete, stream.failure) == (before, False, Outcome(OutcomeKind.BAD_RESPONSE))
    ended = event({"choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": "stop"}]})
    out, stream = feed([before + ended + comment + MARKER])
    assert (out, stream.complete, stream.failure) == (before + ended + comment + MARKER, True, None)


def test_the_marker_alone_is_no_answer():
    out, stream = feed([MARKER])
    assert (out, stream.complete, stream.failure, stream.started) == (b"", False, Outcome(OutcomeKind.BAD_RESPONSE), False)


def test_a_stream_without_its_marker_is_not_complete():
    out, stream = feed([USUAL[: -len(DONE)]])
    assert (stream.complete, stream.failure) == (False, None)
    assert out == SHOWN[: -len(DONE)]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (chunk("x", usage=USAGE), True),
        ({"choices": [], "usage": USAGE}, False),
        ({"usage": USAGE}, False),
        ({"choices": [], "usage": None}, True),
        ({"choices": [], "usage": {"odd": 1}}, True),
        ({"choices": []}, True),
        ({"choices": [], "note": '"usage"'}, True),
    ],
)
def test_only_the_usage_chunk_is_hidden(value, kept):
    out, stream = feed([event(value) + event(chunk())])
    assert (event(value) in out) is kept
    assert event(chunk()) in out
    assert (stream.tokens is not None) == (value.get("usage") == USAGE)


def test_the_last_usage_counts():
    out, stream = feed([event(chunk(usage={"prompt_tokens": 5, "completion_tokens": n})) for n in (1, 2, 9)])
    assert stream.tokens == TokenCount(5, 9)
    assert out.count(b"data:") == 3


def test_a_usage_chunk_alone_leaves_nothing():
    out, stream = feed([event(USAGE_CHUNK), DONE])
    assert (out, stream.tokens) == (DONE, TokenCount(5, 3))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "secret words", "code": 429}, OutcomeKind.RATE_LIMITED),
        ("secret words", OutcomeKind.SERVER_ERROR),
        ("Content violates usage guidelines. Team: secret", OutcomeKind.CONTENT_REFUSED),
        ([1], OutcomeKind.SERVER_ERROR),
    ],
)
def test_an_error_event_stops_the_stream_before_it(error, kind):
    out, stream = feed([event(chunk("one")) + event({"error": error}) + event(chunk("two")) + DONE, event(chunk("three"))])
    assert out == event(chunk("one"))
    assert (stream.failure.kind, stream.complete) == (kind, False)


ERRORS_OF_ANY_FORM = {
    "named": (b'event: error\ndata: {"message":"SECRET","code":503}\n\n', OutcomeKind.OVERLOADED),
    "named, with what a chunk has": (b'event:error\ndata: {"choices":[],"message":"SECRET"}\n\n', OutcomeKind.SERVER_ERROR),
    "named, no JSON object": (b'event: error\ndata: "SECRET"\n\n', OutcomeKind.SERVER_ERROR),
    "bare": (event({"object": "error", "message": "SECRET", "type": "BadRequestError", "code": 400}), OutcomeKind.REJECTED),
    "bare, without a code": (event({"object": "error", "message": "SECRET"}), OutcomeKind.SERVER_ERROR),
    "bare, by its type": (event({"message": "SECRET", "type": "rate_limit_exceeded"}), OutcomeKind.RATE_LIMITED),
    "detail": (event({"detail": "SECRET stack trace"}), OutcomeKind.SERVER_ERROR),
    "detail, two lines": (b'data: {"detail":\ndata: "SECRET"}\n\n', OutcomeKind.SERVER_ERROR),
    "choices that are none": (
        event({"choices": None, "base_resp": {"status_code": 1004, "status_msg": "SECRET"}}),
        OutcomeKind.SERVER_ERROR,
    ),
    "choices of another form": (event({"choices": "SECRET"}), OutcomeKind.SERVER_ERROR),
    "words": (event("SECRET"), OutcomeKind.SERVER_ERROR),
    "words that decline": (event("Content Exists Risk"), OutcomeKind.CONTENT_REFUSED),
    "in the error that chunks have": (event({"choices": None, "error": {"message": "SECRET", "code": 429}}), OutcomeKind.RATE_LIMITED),
}
"""Errors in a stream, as servers of the format write them, with what they mean."""


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("begun", [event(chunk("one")), b""], ids=["begun", "first"])
@pytest.mark.parametrize(("error", "kind"), ERRORS_OF_ANY_FORM.values(), ids=ERRORS_OF_ANY_FORM)
def test_no_word_of_an_error_of_any_form_goes_on(error, kind, begun, together):
    parts = [begun, error, event(chunk("more")) + DONE]
    out, stream = feed([b"".join(parts)] if together else parts)
    assert out == begun
    assert (stream.failure.kind, stream.complete) == (kind, False)


BENIGN = {
    "Azure's opening": event({"choices": [], "prompt_filter_results": [{"prompt_index": 0}], "usage": None}),
    "a comment": b": OPENROUTER PROCESSING\n\n",
    "usage alone": event({"usage": {"prompt_tokens": 5, "completion_tokens": 3}}),
    "usage beside choices that are none": event({"choices": None, "usage": {"prompt_tokens": 5, "completion_tokens": 3}}),
    "sources": event({**chunk(""), "citations": ["https://example.com"], "search_results": [{"title": "error"}]}),
    "metadata": event({"choices": [{"delta": {"content": "", "provider_metadata": {"gateway": {"routing": {"error": None}}}}}]}),
    "a name": b"event: message\n" + event(chunk("more")),
    "fields without data": b"event: error\nid: 7\n\n",
    "a word": event({**chunk('event: error {"detail": "choices"}')}),
}
"""What providers of the format are known to send beside usual chunks."""


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("said", BENIGN.values(), ids=BENIGN)
def test_what_is_no_error_goes_on(said, together):
    parts = [event(chunk("one")), said, DONE]
    out, stream = feed([b"".join(parts)] if together else parts, hide=False)
    assert (out, stream.failure, stream.complete) == (b"".join(parts), None, True)


@pytest.mark.parametrize("said", [b"", event(chunk("one"))])
def test_an_error_says_more_than_a_terminal_marker_behind_it(said):
    """Servers end a stream that failed with both, in one write."""
    _, stream = feed([said + event({"error": {"code": "rate_limit_exceeded"}}) + MARKER])
    assert stream.failure == Outcome(OutcomeKind.RATE_LIMITED)
    assert not stream.complete


@pytest.mark.parametrize("error", [None, "", []])
def test_an_empty_error_is_none(error):
    value = event({**chunk(), "error": error})
    out, stream = feed([value, DONE])
    assert (out, stream.failure, stream.complete) == (value + DONE, None, True)


def test_the_word_error_in_a_text_is_none():
    value = event(chunk('an "error": {"code": 500}'))
    out, stream = feed([value])
    assert (out, stream.failure) == (value, None)


@pytest.mark.parametrize("together", [True, False])
def test_a_finish_reason_that_says_failure_is_one_whatever_follows(together):
    events = [event(chunk("half")), event({"choices": [{"delta": {}, "finish_reason": "error"}]}), DONE]
    out, stream = feed([b"".join(events)] if together else events)
    assert (out, stream.failure, stream.complete) == (events[0], Outcome(OutcomeKind.SERVER_ERROR), False)


def test_a_whole_answer_whose_finish_reason_says_failure_is_none():
    failed, good = {"message": {"content": "half"}, "finish_reason": "error"}, {"message": {"content": "x"}, "finish_reason": "stop"}
    assert read(json.dumps({"choices": [failed]}).encode()) == Outcome(OutcomeKind.SERVER_ERROR)
    assert read(json.dumps({"choices": [good, failed]}).encode()) == Outcome(OutcomeKind.SERVER_ERROR)
    limited = read(json.dumps({"choices": [failed], "error": {"code": 429}}).encode())
    assert (limited.kind, limited.status) == (OutcomeKind.RATE_LIMITED, 429)


def test_an_error_alone_leaves_nothing():
    out, stream = feed([event({"error": {"code": 500}})])
    assert (out, stream.failure.kind, stream.empty) == (b"", OutcomeKind.SERVER_ERROR, True)


@pytest.mark.parametrize(
    "bad",
    [
        b"data: not json\n\n",
        b"data: {\n\n",
        b'data: {"choices":[{}\n\ndata: {}]}\n\n',
        b"data: {}\n{}\n\n",
        b'data: {"a":\n1}\n\n',
        b"data: {} {}\n\n",
        b"data: {},{}\n\n",
        b"<html></html>\n\n",
        b"\xff\xff\n\n",
        b"data: {}\n\nnonsense\n\n",
        b"data : {}\n\n",
        b"data: " + b"[" * 5000 + b"\n\n",
        b"data: [DONE\n\n",
        b"DATA: {}\n\n",
    ],
)
def test_what_is_no_stream_of_json_fails(bad):
    out, stream = feed([event(chunk()), bad, DONE])
    assert out == event(chunk())
    assert (stream.failure, stream.complete) == (Outcome(OutcomeKind.BAD_RESPONSE), False)


def test_garbage_before_the_marker_is_no_success():
    out, stream = feed([event(chunk()) + b"data: oops\n\n" + DONE])
    assert (out, stream.failure.kind, stream.complete) == (b"", OutcomeKind.BAD_RESPONSE, False)


@pytest.mark.parametrize("over", [0, 1])
def test_what_is_held_back_is_limited(monkeypatch, over):
    monkeypatch.setattr(module, "MAX_EVENT", 1000)
    start = b'data: {"choices":[],"x":"'
    out, stream = feed([start, b"y" * (1000 + over - len(start))])
    assert out == b""
    assert (stream.failure is not None) == bool(over)
    assert len(stream._rest) <= 1000
    if not over:
        assert stream.feed(b'"}\n\n' + event(chunk())).endswith(b'y"}\n\n' + event(chunk()))


def test_an_event_above_the_limit_in_one_read_is_fine(monkeypatch):
    monkeypatch.setattr(module, "MAX_EVENT", 1000)
    big = event(chunk("y" * 5000))
    out, stream = feed([big])
    assert (out, stream.failure) == (big, None)


def test_the_limit_is_a_mebibyte():
    _, stream = feed([b"data: " + b"y" * (1 << 20)])
    assert stream.failure == Outcome(OutcomeKind.BAD_RESPONSE)


def test_after_a_failure_nothing_goes_on():
    stream = ChatStream(hide_usage=True)
    assert stream.feed(b"nonsense\n\n") == b""
    assert stream.feed(event(chunk())) == b""
    assert stream.empty


@pytest.mark.parametrize(
    ("delta", "empty"),
    [
        ({"role": "assistant", "content": ""}, True),
        ({"content": None, "refusal": None, "tool_calls": []}, True),
        ({}, True),
        ({"content": "a"}, False),
        ({"content": " "}, False),
        ({"refusal": "no"}, False),
        ({"reasoning_content": "hm"}, False),
        ({"reasoning_details": [{"type": "reasoning.text"}]}, False),
        ({"tool_calls": [{"index": 0, "function": {"name": "f"}}]}, False),
        ({"function_call": {"name": "f"}}, False),
    ],
)
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" ,", "  :  ")])
def test_an_answer_that_says_nothing_is_empty(delta, empty, separators):
    deltas = [{"role": "assistant", "content": ""}, delta]
    data = b"".join(
        b"data: %b\n\n" % json.dumps({"choices": [one], "usage": None}, separators=separators).encode()
        for one in (*({"index": 0, "delta": delta} for delta in deltas), {"index": 0, "delta": {}, "finish_reason": "stop"})
    )
    stream = ChatStream(hide_usage=True)
    stream.feed(data + b"data: [DONE]\n\n")
    assert (stream.complete, stream.empty) == (True, empty)


HALF = "\ud83d"


def test_half_of_a_character_is_part_of_an_answer():
    """Written as an escape: JSON has it, and SDKs read it."""
    body = completion({"content": f"{HALF} one"}, USAGE)
    answer = read(body)
    assert (answer.body, answer.tokens.completion, answer.empty) == (body, USAGE["completion_tokens"], False)


def test_a_stream_that_is_cut_within_a_character_passes_as_it_came():
    pieces = [event(chunk("\ud83d")) + event(chunk("\ude00")), event(USAGE_CHUNK) + DONE]
    out, stream = feed(pieces, hide=False)
    assert (out, stream.complete, stream.tokens.completion) == (b"".join(pieces), True, 3)


def test_an_error_beside_half_of_a_character_stays_an_error():
    out, stream = feed([event(chunk("one")) + event({"error": {"message": f"secret {HALF}", "code": 429}})])
    assert (out, stream.failure.kind) == (event(chunk("one")), OutcomeKind.RATE_LIMITED)
    assert read(completion({"content": HALF}, None).replace(b'"stop"', b'"error"')).kind is OutcomeKind.SERVER_ERROR
