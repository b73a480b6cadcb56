"""Streams: translated event by event, cut at every byte, chunked at random; held memory is bounded and a cut has no end."""

import json
import pathlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.upstream.translate.anthropic_events import DONE, USAGE, USED, call, chunk, events_of, joined

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.domain.usage import TokenCount
from anyapi.upstream import sse
from anyapi.upstream.adapter import StreamReader
from anyapi.upstream.translate import carried_reasoning
from anyapi.upstream.translate.anthropic_stream_to_openai_chat import ChatStream
from anyapi.upstream.translate.openai_chat_stream_to_anthropic_messages import MessagesStream

BAD = Outcome(OutcomeKind.BAD_RESPONSE)
RECORDED = {path.stem: path.read_bytes() for path in sorted((pathlib.Path(__file__).parent / "recorded").glob("*.sse"))}
USED_CHUNK = b'data: {"id":"chatcmpl-1","choices":[],"usage":%b}\n\n' % json.dumps(USAGE).encode()
SIGNED = [
    {"reasoning_content": "h", "reasoning_details": [{"type": "reasoning.text", "text": "h", "index": 0}]},
    {"reasoning_content": "m", "reasoning_details": [{"type": "reasoning.text", "text": "m", "index": 0}]},
    {"reasoning_details": [{"type": "reasoning.text", "signature": "SIG", "format": "anthropic-claude-v1", "index": 0}]},
    {"reasoning_details": [{"type": "reasoning.encrypted", "data": "D", "format": "anthropic-claude-v1", "index": 1}]},
]
STREAMS = {
    "text": [
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Gr\u00fc"}),
        chunk({"content": "\u00df \U0001f30d\n"}),
        chunk({}, "stop"),
        USED_CHUNK,
    ],
    "thinking": [*map(chunk, SIGNED), chunk({"content": "a"}), chunk({}, "stop")],
    "tools": [
        chunk({"content": "ok"}),
        chunk(call(0, "t1", "f", "")),
        chunk(call(0, arguments='{"a"')),
        chunk(call(0, arguments=": 1}")),
        chunk(call(1, "t2", "g", "{}")),
        chunk({}, "tool_calls"),
        USED_CHUNK,
    ],
    "empty": [chunk({"role": "assistant", "content": ""}), chunk({}, "stop")],
}


def through(*parts):
    stream = MessagesStream()
    released = b"".join(map(stream.feed, parts))
    return stream, released


def said(*parts):
    """The content of a whole stream of these chunks; they stop, if they do not say why."""
    stopped = any(b'"finish_reason": "' in part for part in parts)
    stream, released = through(*parts, *([] if stopped else [chunk({}, "stop")]), DONE)
    assert (stream.complete, stream.failure) == (True, None)
    message, ended = joined(released)
    assert ended
    return message


def test_it_is_a_reader():
    stream: StreamReader = MessagesStream()
    assert (stream.complete, stream.failure, stream.tokens, stream.started) == (False, None, None, False)
    stream.feed(chunk({"content": "s3cret"}))
    assert (repr(stream), stream.started) == ("<MessagesStream>", True)


def test_text():
    stream, released = through(*STREAMS["text"], DONE)
    assert joined(released) == (
        {
            "id": "chatcmpl-1",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [{"type": "text", "text": "Gr\u00fc\u00df \U0001f30d\n"}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": USED,
        },
        True,
    )
    assert stream.tokens == TokenCount(100, 20, 60, 5)


def test_nothing_comes_before_the_first_content():
    stream = MessagesStream()
    assert stream.feed(b": OPENROUTER PROCESSING\n\n" + chunk({"role": "assistant", "content": ""}) + chunk({"content": None})) == b""
    assert not stream.started
    assert [event["type"] for event in events_of(stream.feed(chunk({"content": "a"})))] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
    ]


def test_an_answer_of_nothing():
    stream, released = through(*STREAMS["empty"], DONE)
    message, ended = joined(released)
    assert (message["content"], message["stop_reason"], ended, stream.started) == ([], "end_turn", True, False)
    assert stream.empty


def test_signed_thinking():
    assert said(*STREAMS["thinking"])["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "SIG"},
        {"type": "redacted_thinking", "data": "D"},
        {"type": "text", "text": "a"},
    ]


def test_plain_thinking_is_marked():
    block = {"type": "thinking", "thinking": "hm", "signature": carried_reasoning.MARK}
    text = {"type": "text", "text": "a"}
    for name in ("reasoning", "reasoning_content"):
        assert said(chunk({name: "h", "content": ""}), chunk({name: "m", "content": None}), chunk({"content": "a"}))["content"] == [
            block,
            text,
        ]
    parts = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}]
    assert said(chunk({"content": parts}))["content"] == [block, text]


def test_a_signature_alone_belongs_to_the_plain_text_before_it():
    signature = {"reasoning_details": [{"type": "reasoning.text", "signature": "SIG", "format": "anthropic-claude-v1", "index": 0}]}
    assert said(chunk({"reasoning": "hm"}), chunk(signature))["content"] == [{"type": "thinking", "thinking": "hm", "signature": "SIG"}]
    assert said(chunk(signature))["content"] == [{"type": "thinking", "thinking": "", "signature": "SIG"}]


def test_what_other_providers_sealed_is_carried_with_its_pieces_joined():
    pieces = [
        {"type": "reasoning.encrypted", "data": part, "format": "openai-responses-v1", "id": "rs", "index": 0} for part in ("AB", "CD")
    ]
    content = said(*(chunk({"reasoning_details": [piece]}) for piece in pieces), chunk({"content": "a"}))["content"]
    assert carried_reasoning.unpack(content[0]["data"]) == {
        "type": "reasoning.encrypted",
        "data": "ABCD",
        "format": "openai-responses-v1",
        "id": "rs",
    }
    assert content[1:] == [{"type": "text", "text": "a"}]


def test_blocks_of_thinking_are_told_apart_by_index():
    details = [{"type": "reasoning.text", "text": "a", "index": 0}, {"type": "reasoning.text", "text": "b", "index": 1}]
    assert [block["thinking"] for block in said(*(chunk({"reasoning_details": [one]}) for one in details))["content"]] == ["a", "b"]


def test_a_mark_behind_the_last_words_is_left_out():
    """Clients take the last block for the answer: Claude Code printed nothing."""

    def kinds(*parts):
        return [block["type"] for block in said(*parts)["content"]]

    mark = {"reasoning_details": [{"type": "reasoning.encrypted", "data": "D", "format": "google-gemini-v1", "index": 0}]}
    for ending in ([chunk(mark), chunk({}, "stop")], [chunk(mark, "stop")]):
        assert kinds(chunk({"content": "a"}), *ending) == ["text"]
    between = kinds(chunk({"content": "a"}), chunk(mark), chunk({"content": "b"}), chunk({}, "stop"))
    assert between == ["text", "redacted_thinking", "text"]
    called = kinds(chunk({"content": "a"}), chunk(call(0, "t1", "f", "{}")), chunk(mark), chunk({}, "tool_calls"))
    assert called == ["text", "tool_use", "redacted_thinking"]
    assert kinds(chunk(mark), chunk({}, "stop")) == ["redacted_thinking"]


def test_the_message_states_the_name_that_is_given():
    stream = MessagesStream("acme/asked")
    assert b'"model":"acme/asked"' in b"".join(map(stream.feed, STREAMS["text"]))


def test_calls():
    message = said(*STREAMS["tools"])
    assert message["content"] == [
        {"type": "text", "text": "ok"},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}},
        {"type": "tool_use", "id": "t2", "name": "g", "input": {}},
    ]
    assert message["stop_reason"] == "tool_use"


def test_a_call_goes_on_as_its_arguments_come():
    stream = MessagesStream()
    stream.feed(chunk(call(0, "t1", "f")))
    assert events_of(stream.feed(chunk(call(0, arguments='{"a"'))))[-1]["delta"] == {"type": "input_json_delta", "partial_json": '{"a"'}


def test_calls_that_come_crosswise_lose_nothing():
    content = said(
        chunk(call(0, "t1", "f", '{"a"')),
        chunk(call(1, "t2", "g", '{"b"')),
        chunk(call(0, arguments=":1}")),
        chunk(call(2, "t3", "h", "{}")),
        chunk(call(1, arguments=":2}")),
        chunk({}, "tool_calls"),
    )["content"]
    assert [(block["id"], block["input"]) for block in content] == [("t1", {"a": 1}), ("t2", {"b": 2}), ("t3", {})]


def test_calls_of_one_index_or_none_are_told_apart_by_id():
    for index in (0, None):
        content = said(*(chunk(call(index, f"t{number}", "f", f'{{"a":{number}}}')) for number in range(2)))["content"]
        assert [(block["id"], block["input"]) for block in content] == [("t0", {"a": 0}), ("t1", {"a": 1})]
    content = said(chunk(call(None, "t0", "f", '{"a"')), chunk(call(None, arguments=":1}")))["content"]
    assert [block["input"] for block in content] == [{"a": 1}]


def test_a_new_id_without_a_name_begins_no_call():
    """Some servers draw one for every piece."""
    content = said(chunk(call(0, "t0", "f", '{"a"')), chunk(call(0, "t1", arguments=":1}")))["content"]
    assert [(block["id"], block["input"]) for block in content] == [("t0", {"a": 1})]


def test_what_hangs_on_a_call_is_carried():
    content = said(chunk(call(0, "t1", "f", "{}", extra_content={"x": 1})), chunk(call(1, "t2", "f", {"a": 1})))["content"]
    assert [block["type"] for block in content] == ["redacted_thinking", "tool_use", "tool_use"]
    assert carried_reasoning.unpack(content[0]["data"])["extra_content"] == {"x": 1}
    assert content[2]["input"] == {"a": 1}


def test_a_refusal():
    message = said(chunk({"refusal": "no"}), chunk({}, "content_filter"))
    assert (message["content"], message["stop_reason"]) == ([{"type": "text", "text": "no"}], "refusal")


def test_other_choices_are_not_asked_for_and_not_told():
    other = chunk({"content": "b"}).replace(b'"index": 0', b'"index": 1')
    assert said(chunk({"content": "a"}), other)["content"] == [{"type": "text", "text": "a"}]


def test_without_usage_the_counts_are_zero():
    assert said(chunk({"content": "a"}))["usage"]["output_tokens"] == 0
    assert through(chunk({"content": "a"}, "stop"), DONE)[0].tokens is None
    assert said(chunk({"content": "a"}, usage={"prompt_tokens": "x"}))["usage"]["output_tokens"] == 0


@pytest.mark.parametrize(
    ("data", "failure"),
    [
        (b'data: {"error":{"message":"s3cret"}}\n\n', Outcome(OutcomeKind.SERVER_ERROR)),
        (b"data: {\n\n", BAD),
        (b"data: []\n\n", BAD),
        (b"data: [DONE\n\n", BAD),
        (b'data: {"choices":5}\n\n', BAD),
        (b'data: {"choices":[],"x":"\xff"}\n\n', BAD),
        (chunk({"content": 5}), BAD),
        (chunk({"reasoning_details": ["x"]}), BAD),
        (chunk(call(0)), BAD),
        (chunk(call(0, "t")), BAD),
        (chunk(call(0, "t", "f", "{}")) + chunk({}, "stop") + chunk(call(0, arguments="x")), BAD),
        (b"data: " + b"x" * (sse.LIMIT + 10), BAD),
    ],
)
@pytest.mark.parametrize("begun", [False, True])
def test_what_is_not_of_the_format_ends_it(data, failure, begun):
    stream = MessagesStream()
    if begun:
        stream.feed(chunk({"content": "a"}))
    released = stream.feed(data) + stream.feed(chunk({"content": "b"})) + stream.feed(DONE)
    assert stream.failure == failure
    assert not stream.complete
    assert b"message_stop" not in released
    assert b"s3cret" not in released


def test_after_the_end_nothing_counts():
    stream, released = through(chunk({"content": "a"}, "stop") + DONE + chunk({"content": "b"}), chunk({"content": "c"}))
    assert stream.complete
    assert joined(released)[0]["content"] == [{"type": "text", "text": "a"}]


@pytest.mark.parametrize("name", STREAMS)
def test_a_cut_at_any_byte_has_no_end(name):
    data = b"".join(STREAMS[name]) + DONE
    _, whole = through(data)
    for cut in range(len(data)):
        stream, released = through(data[:cut])
        assert not stream.complete, cut
        assert b"message_stop" not in released
        assert whole.startswith(released)
        events_of(released)
        assert released + stream.feed(data[cut:]) == whole


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_chunks_do_not_matter(name, end):
    data = (b"".join(STREAMS[name]) + DONE).replace(b"\n", end)
    _, whole = through(data)
    chance = random.Random(name)
    for _ in range(100):
        cuts = sorted(chance.sample(range(len(data)), 8))
        parts = [data[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        assert through(*parts)[1] == whole


@pytest.mark.parametrize("name", sorted(RECORDED.keys() - {"error"}))
def test_anthropics_own_streams_go_round(name):
    chat = ChatStream(created=1, wants_usage=True)
    released = through(chat.feed(RECORDED[name]))[1]
    message, ended = joined(released)
    expected, _ = joined(RECORDED[name])
    assert ended
    assert message["content"] == expected["content"]
    assert message["stop_reason"] == expected["stop_reason"]
    for count in ("input_tokens", "output_tokens", "cache_read_input_tokens"):
        assert message["usage"][count] == (expected["usage"].get(count) or 0)


# --- bounds


def test_reasoning_may_be_long_but_its_marks_may_not():
    stream = MessagesStream()
    for _ in range(20_000):
        stream.feed(chunk({"reasoning_details": [{"type": "reasoning.text", "text": "x" * 100, "format": "x", "id": "a", "index": 0}]}))
    assert stream.failure is None
    sealed = {"reasoning_details": [{"type": "reasoning.encrypted", "data": "x" * 10_000, "index": 0}]}
    for _ in range(sse.LIMIT // 10_000 + 1):
        stream.feed(chunk(sealed))
    assert stream.failure == BAD


def test_what_was_said_is_not_held():
    stream = MessagesStream()
    for number in range(300):
        stream.feed(chunk({"reasoning_details": [{"type": "reasoning.encrypted", "data": "x" * 10_000, "index": number}]}))
    assert stream.failure is None


def test_waiting_calls_are_bounded():
    stream = MessagesStream()
    stream.feed(chunk(call(0, "t1", "f", '{"a"')) + chunk(call(1, "t2", "f")))
    for _ in range(sse.LIMIT // 10_000 + 1):
        stream.feed(chunk(call(1, arguments="x" * 10_000)))
    assert stream.failure == BAD


def test_long_arguments_of_the_open_call_are_not_held():
    stream = MessagesStream()
    stream.feed(chunk(call(0, "t1", "f", '{"a":"')))
    for _ in range(sse.LIMIT // 10_000 + 1):
        stream.feed(chunk(call(0, arguments="x" * 10_000)))
    stream.feed(chunk(call(0, arguments='"}')))
    assert b"content_block_stop" in stream.feed(chunk(call(1, "t2", "f", "{}")))
    assert stream.failure is None


DELTAS = st.fixed_dictionaries(
    {},
    optional={
        "content": st.text(max_size=4)
        | st.none()
        | st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": st.text(max_size=3)}), max_size=2),
        "reasoning_content": st.text(max_size=4),
        "reasoning_details": st.lists(
            st.fixed_dictionaries(
                {"type": st.sampled_from(["reasoning.text", "reasoning.encrypted", "reasoning.summary", "x"]), "index": st.integers(0, 2)},
                optional={
                    "text": st.text(max_size=3),
                    "data": st.text(max_size=3),
                    "signature": st.text(max_size=3),
                    "summary": st.text(max_size=3),
                },
            ),
            max_size=2,
        ),
        "tool_calls": st.lists(
            st.fixed_dictionaries(
                {
                    "index": st.integers(0, 2),
                    "function": st.fixed_dictionaries({}, optional={"name": st.just("f"), "arguments": st.sampled_from(["{}", "", "{"])}),
                },
                optional={"id": st.sampled_from(["a", "b"])},
            ),
            max_size=2,
        ),
    },
)


@given(st.lists(st.tuples(DELTAS, st.sampled_from([None, None, None, "stop", "tool_calls"])), max_size=8))
def test_whatever_comes_the_events_are_anthropics(pieces):
    stream, released = through(*(chunk(delta, finish) for delta, finish in pieces), DONE)
    texts = "".join("".join(part["text"] for part in c) if isinstance(c := delta.get("content"), list) else c or "" for delta, _ in pieces)
    message, ended = joined(released)
    assert ended == stream.complete == (stream.failure is None)
    if ended:
        assert "".join(block["text"] for block in message["content"] if block["type"] == "text") == texts


def test_a_terminal_marker_without_a_finish_reason_is_no_end():
    stream, released = through(chunk({"content": "a"}), USED_CHUNK, DONE)
    assert (stream.complete, stream.failure, joined(released)[1]) == (False, BAD, False)


@given(st.lists(st.binary(max_size=40) | st.sampled_from([*STREAMS["tools"], DONE]), max_size=6))
def test_it_never_raises(parts):
    stream, released = through(*parts)
    events_of(released)
    assert not (stream.complete and stream.failure)
