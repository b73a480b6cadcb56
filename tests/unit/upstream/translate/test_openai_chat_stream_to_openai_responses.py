"""Streams: strictly valid events, the same output as the complete answer, and no completion for a stream that was cut at any byte."""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai._models import construct_type_unchecked
from openai._types import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ResponseStreamEvent
from tests.unit.upstream.translate.responses_reading import asked, closed, replayed, sent, strict_events

from anyapi import errors
from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.upstream.adapter import Answer
from anyapi.upstream.translate import openai_chat_to_openai_responses
from anyapi.upstream.translate.openai_chat_stream_to_openai_responses import ResponsesStream
from anyapi.upstream.translate.openai_responses_open_items import LIMIT

TOOLS = [{"type": "function", "name": "get"}, {"type": "custom", "name": "patch"}]
HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_800_000_000, "model": "m"}
USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
BAD = Outcome(OutcomeKind.BAD_RESPONSE)


def chunk(finish=None, logprobs=None, **delta):
    made = {**HEAD, "choices": [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": logprobs}]}
    return b"data: %b\n\n" % msgspec.json.encode(made)


def call(index, arguments=None, name=None, call_id=None):
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    piece = {"index": index, "function": function, **({"id": call_id, "type": "function"} if call_id else {})}
    return {"tool_calls": [piece]}


END = b"data: %b\n\ndata: [DONE]\n\n" % msgspec.json.encode({**HEAD, "choices": [], "usage": USAGE})
ROLE = chunk(role="assistant", content="")
STREAMS = {
    "text": [ROLE, chunk(content="Hé"), chunk(content=' "wörld" 🌍\n'), chunk("stop"), END],
    "length": [ROLE, chunk(content="x"), chunk("length"), END],
    "empty": [ROLE, chunk("stop"), END],
    "tools": [
        ROLE,
        chunk(content="I look"),
        chunk(**call(0, "", "get", "c1")),
        chunk(**call(0, '{"a":')),
        chunk(**call(1, "", "patch", "c2")),
        chunk(**call(0, "1}")),
        chunk(**call(1, '{"input":"p\\n"}')),
        chunk("tool_calls"),
        END,
    ],
    "thinking": [
        chunk(role="assistant", reasoning_content="hm", reasoning_details=[{"type": "reasoning.text", "text": "hm", "index": 0}]),
        chunk(reasoning_content="m", reasoning_details=[{"type": "reasoning.text", "text": "m", "index": 0}]),
        chunk(reasoning_details=[{"type": "reasoning.text", "signature": "sig", "format": "anthropic-claude-v1", "index": 0}]),
        chunk(reasoning_details=[{"type": "reasoning.encrypted", "data": "d", "format": "anthropic-claude-v1", "index": 1}]),
        chunk(content="a"),
        chunk(**call(0, "{}", "get", "c1")),
        chunk("tool_calls"),
        END,
    ],
    "plain reasoning": [chunk(reasoning="hm"), chunk(reasoning="m"), chunk(content="a"), chunk("stop"), END],
    "refusal": [ROLE, chunk(refusal="I can"), chunk(refusal="not"), chunk("stop"), END],
    "chances": [
        chunk(content="a", logprobs={"content": [{"token": "a", "logprob": -1, "bytes": [97], "top_logprobs": []}], "refusal": None}),
        chunk("stop"),
        END,
    ],
}
WHOLE = {name: b"".join(parts) for name, parts in STREAMS.items()}


def stream(**request):
    return ResponsesStream(asked(stream=True, tools=TOOLS, **request).echo, lambda: 1_800_000_009.5)


def through(name, **request):
    reader = stream(**request)
    return reader, strict_events(reader.feed(WHOLE[name]))


def kinds(events):
    return [event["type"].removeprefix("response.") for event in events]


def test_text():
    reader, events = through("text")
    assert (reader.complete, reader.failure, reader.started, reader.sequence) == (True, None, True, len(events))
    assert kinds(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    last = replayed(events)["response"]
    assert last["output"][0]["content"][0]["text"] == 'Hé "wörld" 🌍\n'
    assert last["usage"]["total_tokens"] == 7
    assert (last["created_at"], last["completed_at"]) == (1_800_000_000, 1_800_000_009)


def test_tools_whose_pieces_mix():
    _, events = through("tools")
    output = replayed(events)["response"]["output"]
    assert [item["type"] for item in output] == ["message", "function_call", "custom_tool_call"]
    assert (output[1]["arguments"], output[1]["call_id"]) == ('{"a":1}', "c1")
    assert (output[2]["input"], output[2]["call_id"]) == ("p\n", "c2")


def test_an_incomplete_answer():
    reader, events = through("length")
    last = replayed(events)
    assert reader.complete
    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    assert last["response"]["output"][0]["status"] == "incomplete"


@pytest.mark.parametrize("summary", ["auto", None])
def test_thinking_goes_round(summary):
    _, events = through("thinking", reasoning={"summary": summary})
    output = replayed(events)["response"]["output"]
    assert [item["type"] for item in output] == ["reasoning", "reasoning", "message", "function_call"]
    items = [{"role": "user", "content": "x"}, *output, {"type": "function_call_output", "call_id": "c1", "output": "o"}]
    message = sent(asked(input=items, tools=TOOLS))["messages"][1]
    assert message["reasoning_content"] == "hmm"
    assert message["reasoning_details"] == [
        {"type": "reasoning.text", "text": "hmm", "signature": "sig", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "d", "format": "anthropic-claude-v1", "index": 1},
    ]


def test_log_probabilities():
    _, events = through("chances")
    assert [event["logprobs"] for event in events if event["type"].endswith("delta")] == [
        [{"token": "a", "bytes": [97], "logprob": -1, "top_logprobs": []}]
    ]
    assert replayed(events)["response"]["output"][0]["content"][0]["logprobs"]


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_the_sdk_builds_the_same_response(name):
    _, events = through(name)
    state = ResponseStreamState(input_tools=[], text_format=omit)
    for event in events:
        state.handle_event(construct_type_unchecked(type_=ResponseStreamEvent, value=event))
    if events[-1]["type"] == "response.completed":
        built = state._completed_response.to_dict()
        assert [item["id"] for item in built["output"]] == [item["id"] for item in events[-1]["response"]["output"]]


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_every_chunking_gives_the_same_bytes(name):
    whole = stream().feed(WHOLE[name])
    for ends in (b"\n", b"\r\n", b"\r"):
        data = WHOLE[name].replace(b"\n", ends)
        reader = stream()
        assert b"".join(reader.feed(data[at : at + 1]) for at in range(len(data))) == whole
        shuffle = random.Random(name)
        reader, at, released = stream(), 0, b""
        while at < len(data):
            size = shuffle.randint(1, 40)
            released += reader.feed(data[at : at + size])
            at += size
        assert released == whole


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_cut_at_every_byte_it_is_never_complete(name):
    data = WHOLE[name]
    whole, seen = stream().feed(data), b""
    for end in range(len(data)):
        reader = stream()
        released = reader.feed(data[:end])
        if end < len(data) - 1:  # of the last blank line, one line end may be missing with CR alone, never with LF
            assert not reader.complete
            assert b"response.completed" not in released
            assert b"response.incomplete" not in released
        assert whole.startswith(released)
        closing = reader.failed("server_error", "Cut.") if reader.complete else closed(reader, errors.UpstreamFailed("Cut."))
        if released + closing == seen:
            continue
        seen = released + closing
        events = strict_events(seen)
        if reader.complete:
            assert closing == b""
        else:
            assert kinds(events)[-2:] == ["error", "failed"] if released else kinds(events) == ["error"]
            assert events[-1].get("error", events[-1].get("response"))
        assert reader.feed(data[end:]) == b""


def test_nothing_is_released_before_content():
    reader = stream()
    assert reader.feed(ROLE) == b""
    assert not reader.started
    assert reader.feed(chunk(content="a"))
    assert reader.started


@pytest.mark.parametrize(
    "odd",
    [
        b"data: [DONE]\n\n",
        b"data: {\n\n",
        b"data: 5\n\n",
        b'data: {"error":{"message":"s3cret"}}\n\n',
        b'data: {"choices":[{"delta":{"content":5}}]}\n\n',
        b"data: " + b"x" * (1024 * 1024 + 1),
        chunk(**call(0, "{}", None, "c1")) + chunk("tool_calls") + END,
    ],
)
def test_what_is_no_chat_stream_fails(odd):
    reader = stream()
    before = reader.feed(chunk(content="a"))
    after = reader.feed(odd)
    assert (reader.complete, reader.failure) == (False, BAD)
    assert b"s3cret" not in before + after
    assert reader.feed(END) == b""
    events = strict_events(before + after + closed(reader, errors.RateLimited("Slow.")))
    assert events[-2]["message"] == "Slow."
    assert events[-1]["response"]["error"] == {"code": "rate_limit_exceeded", "message": "Slow."}


def test_an_unknown_code_is_a_server_error_to_the_schema():
    reader = stream()
    released = reader.feed(chunk(content="a"))
    events = strict_events(released + closed(reader, errors.UpstreamTimedOut("Late.")))
    assert events[-2]["code"] == "server_error"
    assert events[-1]["response"]["error"]["code"] == "server_error"


def test_items_open_and_close_one_after_the_other():
    """A call that begins too early waits, and so does what is said in the midst of a call. `replayed` checks the order of all events."""
    reader = stream()
    data = [
        chunk(**call(0, '{"a"', "get", "c1")),
        chunk(**call(1, "{}", "get", "c2")),
        chunk(content="meanwhile"),
        chunk(**call(2, "[", "get", "c3")),
        chunk(**call(0, ":1}")),
        chunk(content=" and after"),
        chunk(**call(2, "]")),
    ]
    released = reader.feed(b"".join(data))
    assert kinds(strict_events(released))[-2:] == ["function_call_arguments.delta"] * 2
    output = replayed(strict_events(released + reader.feed(chunk("tool_calls") + END)))["response"]["output"]
    assert [item.get("arguments") or item["content"][0]["text"] for item in output] == ['{"a":1}', "meanwhile and after", "{}", "[]"]


def test_more_of_a_call_that_was_over_is_no_stream():
    reader = stream()
    reader.feed(chunk(**call(0, "{}", "get", "c1")) + chunk(content="a") + chunk(**call(0, "{}")))
    assert reader.failure == BAD


def test_calls_without_an_index():
    pieces = [
        {"id": "c1", "function": {"name": "get", "arguments": "{"}},
        {"function": {"arguments": "}"}},
        {"id": "c2", "function": {"name": "get", "arguments": "[]"}},
        {"id": "c1", "function": {"arguments": " "}},
    ]
    reader = stream()
    data = b"".join(chunk(tool_calls=[piece]) for piece in pieces) + chunk("tool_calls") + END
    output = replayed(strict_events(reader.feed(data)))["response"]["output"]
    assert [(item["call_id"], item["arguments"]) for item in output] == [("c1", "{}"), ("c2", "[]")]


def test_calls_of_one_index_are_told_apart_by_id():
    """Some servers call every index 0."""
    pieces = [chunk(**call(0, "{}", "get", "c1")), chunk(**call(0, "[", "get", "c2")), chunk(**call(0, "]"))]
    output = replayed(strict_events(stream().feed(b"".join(pieces) + chunk("tool_calls") + END)))["response"]["output"]
    assert [(item["call_id"], item["arguments"]) for item in output] == [("c1", "{}"), ("c2", "[]")]


def test_a_new_id_without_a_name_begins_no_call():
    """Some servers draw one for every piece."""
    pieces = [chunk(**call(0, "{", "get", "c1")), chunk(**call(0, "}", None, "c2"))]
    output = replayed(strict_events(stream().feed(b"".join(pieces) + chunk("tool_calls") + END)))["response"]["output"]
    assert [(item["call_id"], item["arguments"]) for item in output] == [("c1", "{}")]


def test_thinking_among_the_parts_of_the_content():
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "a"}]
    events = strict_events(stream().feed(chunk(content=parts[:1]) + chunk(content=parts[1:]) + chunk("stop") + END))
    thought, message = replayed(events)["response"]["output"]
    assert (thought["content"][0]["text"], message["content"][0]["text"]) == ("hm", "a")
    body = msgspec.json.encode({**HEAD, "choices": [{"index": 0, "message": {"content": parts}, "finish_reason": "stop"}]})
    whole = openai_chat_to_openai_responses.translate(Answer(body, None), asked().echo, now=0.0)
    assert [item["type"] for item in msgspec.json.decode(whole.body)["output"]] == ["reasoning", "message"]


def test_the_tier_may_be_stated_late():
    late = {**HEAD, "choices": [], "service_tier": "flex"}
    reader = stream()
    data = chunk(content="a") + b"data: %b\n\n" % msgspec.json.encode(late) + chunk("stop") + END
    assert replayed(strict_events(reader.feed(data)))["response"]["service_tier"] == "flex"


def test_an_event_too_long_to_hold_fails():
    reader = stream()
    assert reader.feed(b"data: " + b"x" * (1024 * 1024 + 1)) == b""
    assert reader.failure == BAD
    assert kinds(strict_events(closed(reader, errors.UpstreamFailed("Odd.")))) == ["error"]


def test_only_the_first_choice_is_read():
    other = {**HEAD, "choices": [{"index": 1, "delta": {"content": "no"}, "finish_reason": "stop"}]}
    reader = stream()
    released = reader.feed(chunk(content="yes") + b"data: %b\n\n" % msgspec.json.encode(other))
    assert b'"no"' not in released
    reader.feed(b"data: [DONE]\n\n")
    assert reader.failure == BAD


@pytest.mark.parametrize(
    "flood",
    [
        chunk(content="x" * 60_000),
        chunk(reasoning_content="x" * 60_000),
        chunk(**call(0, "x" * 60_000, "get", "c1")),
        b"".join(chunk(**call(at, None, None, "c")) for at in range(100)),
        b"".join(chunk(content="a") + chunk(reasoning="b") for at in range(50)),
    ],
)
def test_what_is_kept_is_bounded(flood):
    reader = stream()
    for turn in range(10_000):
        data = flood.replace(b'"index":0,"func', b'"index":%d,"func' % turn) if b'"get"' in flood else flood
        if b'"id":"c"' in flood:
            data = b"".join(chunk(**call(turn * 100 + at, None, None, "c")) for at in range(100))
        reader.feed(data)
        if reader.failure is not None:
            break
    assert reader.failure == BAD
    assert reader._events.kept <= LIMIT + 70_000


def test_nothing_is_printed():
    assert repr(stream(instructions="s3cret")) == "<ResponsesStream>"


TEXT = st.text(max_size=8)
PIECES = st.one_of(
    st.builds(lambda text: {"content": text}, TEXT),
    st.builds(lambda text: {"refusal": text}, TEXT),
    st.builds(lambda text: {"reasoning_content": text}, TEXT),
    st.builds(lambda text, at: {"reasoning_details": [{"type": "reasoning.text", "text": text, "index": at}]}, TEXT, st.integers(0, 1)),
    st.builds(lambda text, at: call(at, text, ["get", "patch"][at], f"c{at}"), TEXT, st.integers(0, 1)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=12), st.booleans())
def test_the_stream_says_what_the_complete_answer_says(pieces, summary):
    request = {"reasoning": {"summary": "auto" if summary else None}}
    reader = stream(**request)
    last = replayed(strict_events(reader.feed(b"".join(chunk(**piece) for piece in pieces) + chunk("stop") + END)))
    assert reader.complete
    message = {"content": "", "refusal": "", "reasoning_content": ""}
    calls = {}
    for piece in pieces:
        for name in message:
            message[name] += piece.get(name, "")
        for detail in piece.get("reasoning_details", []):
            message["reasoning_content"] += detail["text"]
        for one in piece.get("tool_calls", []):
            made = calls.setdefault(
                one["index"], {"id": one["id"], "type": "function", "function": {"name": one["function"]["name"], "arguments": ""}}
            )
            made["function"]["arguments"] += one["function"]["arguments"]
    body = {
        **HEAD,
        "choices": [{"index": 0, "message": {**message, "tool_calls": list(calls.values())}, "finish_reason": "stop"}],
        "usage": USAGE,
    }
    echo = asked(stream=True, tools=TOOLS, **request).echo
    complete = openai_chat_to_openai_responses.translate(Answer(msgspec.json.encode(body), None), echo, now=0)
    assert said(last["response"]) == said(msgspec.json.decode(complete.body))


def said(response):
    """Texts by kind, and calls: what does not depend on how the output was cut into items."""
    found = {"output_text": "", "refusal": "", "reasoning": ""}
    calls = set()
    for item in response["output"]:
        for part in [*(item.get("content") or []), *item.get("summary", [])]:
            kind = part["type"] if part["type"] in found else "reasoning"
            found[kind] += part.get("text", part.get("refusal"))
        if item["type"].endswith("_call"):
            calls.add((item["call_id"], item["name"], item.get("arguments", item.get("input"))))
    return found, calls


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.binary(max_size=30)
        | st.sampled_from([b"data: ", b"\n\n", b"{}", b'{"choices":[{"delta":{"content":"a"}}]}', *STREAMS["tools"]]),
        max_size=12,
    )
)
def test_garbage_never_completes_unseen(pieces):
    reader = stream()
    released = b"".join(reader.feed(piece) for piece in pieces)
    events = strict_events(released)
    assert reader.complete == (bool(events) and events[-1]["type"] in ("response.completed", "response.incomplete"))
