"""Chunks as the SDK reads them, and when an answer counts as whole."""

import msgspec
import pytest
from openai.types.chat import ChatCompletion
from tests.unit.upstream.chat_stream import chunks, message_of

from anyapi.domain.usage import TokenCount
from anyapi.upstream.translate.chat_chunks import (
    BAD,
    DONE,
    MOST_OPEN,
    ChunkWriter,
    EventTranslator,
    call_of,
    chunk_head,
    completion,
    ending,
    logprobs_of,
    new_id,
    usage_of,
)
from anyapi.upstream.translate.chat_chunks import (
    message_of as message,
)

HEAD = chunk_head('id"1', 7, "acme/é")
USAGE = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}


class Writing(ChunkWriter):
    """A translator that says two words and calls a tool."""

    __slots__ = ()

    def say(self):
        self._release(b'"content":"a"')
        self._open_call(3, "c", "f")
        self._add_arguments(3, '{"é":1}')
        self._close_call(3)
        return self._released()

    def end(self):
        self._release_end("tool_calls", USAGE)
        return self._released()


def writer(**changes):
    return Writing(HEAD, **{"wants_usage": True, "hide_reasoning": False, **changes})


def test_a_whole_answer():
    made = writer()
    said = made.say()
    assert (made.started, made.complete, made._ended()) == (True, False, False)
    found, done = chunks(said + made.end())
    assert done
    assert made.complete
    assert {(chunk.id, chunk.created, chunk.model) for chunk in found} == {('id"1', 7, "acme/é")}
    joined = message_of(found)
    assert (joined["role"], joined["content"], joined["tool_calls"][0]["function"]["arguments"]) == ("assistant", "a", '{"é":1}')
    assert [chunk.choices[0].finish_reason for chunk in found if chunk.choices][-1] == "tool_calls"
    assert found[-1].usage.total_tokens == 4


def test_nothing_comes_twice():
    made = writer()
    assert made.say()
    assert made._released() == b""


def test_an_answer_without_content_still_has_its_role():
    found, _ = chunks(writer(wants_usage=False).end())
    assert message_of(found) == {"role": "assistant", "content": ""}
    assert [chunk.usage for chunk in found] == [None]


def test_the_end():
    assert ending(HEAD, None) == DONE
    assert ending(HEAD, USAGE).endswith(b"\n\n" + DONE)


def test_it_does_not_print():
    assert repr(writer()) == "<Writing>"


def test_usage():
    count = TokenCount(10, 4, 6, 1)
    plain = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14, "prompt_tokens_details": {"cached_tokens": 6}}
    assert usage_of(None) is None
    assert usage_of(count, thinks=False) == plain
    assert usage_of(count) == {**plain, "completion_tokens_details": {"reasoning_tokens": 1}}
    written = usage_of(count, cache_written=0, thinks=False)
    assert written == {**plain, "prompt_tokens_details": {"cached_tokens": 6, "cache_write_tokens": 0}}


# --- whole answers


def test_a_completion():
    said = message("Hi", "hm", [{"type": "reasoning.text", "text": "hm"}], [call_of("c1", "f", "{}")])
    made = completion(("id1", 7, "acme/é"), said, "tool_calls", USAGE, logprobs_of([("H", -0.5, [("H", -0.5), ("J", -1.5)])]))
    found = ChatCompletion.model_validate_json(made, strict=True)
    assert (found.id, found.created, found.model, found.usage.total_tokens) == ("id1", 7, "acme/é", 4)
    choice = found.choices[0]
    assert (choice.message.content, choice.message.tool_calls[0].function.name, choice.finish_reason) == ("Hi", "f", "tool_calls")
    assert choice.message.model_extra["reasoning_content"] == "hm"
    assert [(one.token, one.bytes, len(one.top_logprobs)) for one in choice.logprobs.content] == [("H", [72], 2)]


def test_what_an_answer_lacks_is_not_there():
    assert message("", "", [], []) == {"role": "assistant", "content": "", "refusal": None}
    assert message("", "", [], [call_of("c1", "f", "")])["content"] is None
    assert "usage" not in msgspec.json.decode(completion(("i", 7, "m"), message("a", "", [], []), "stop", None))
    assert logprobs_of([]) is None
    assert new_id() != new_id()


@pytest.mark.parametrize(("call_id", "name"), [("", "f"), ("c", "")])
def test_a_call_without_id_or_name(call_id, name):
    with pytest.raises(ValueError, match="without id or name"):
        call_of(call_id, name, "{}")


# --- calls in pieces


def test_calls_in_pieces():
    made = writer()
    made._open_call(7, "c1", "f")
    made._open_call(9, "c2", "g")
    made._add_arguments(7, '{"a":')
    made._add_arguments(7, "")
    made._add_arguments(8, "lost")
    made._add_arguments(7, "1}")
    made._close_call(7)
    made._close_call(7)
    found, done = chunks(made._released() + made.end())
    assert [(one["index"], one["id"], one["function"]["arguments"]) for one in message_of(found)["tool_calls"]] == [
        (0, "c1", '{"a":1}'),
        (1, "c2", "{}"),
    ]
    assert (done, made._open) == (True, {})


def test_calls_that_cannot_be():
    made = writer()
    made._open_call(0, "c", "f")
    with pytest.raises(ValueError, match="twice"):
        made._open_call(0, "c", "f")
    for number in range(1, MOST_OPEN):
        made._open_call(number, "c", "f")
    with pytest.raises(ValueError, match="too many"):
        made._open_call(MOST_OPEN, "c", "f")


# --- events


class Reading(EventTranslator):
    """A provider that sends numbers, and ends with a zero."""

    __slots__ = ()

    def _take(self, data):
        number = int(data)
        self._head = self._head or chunk_head("i", self.created, self._model)
        if number:
            self._release(b'"content":"%d"' % number)
        else:
            self._release_end("stop", None)


def reading():
    return Reading(created=7, model="acme/x", wants_usage=False)


def test_events_are_read_one_by_one():
    made = reading()
    assert made.feed(b"data: 1\n\ndata: 2\n") == made.feed(b"") + Reading.feed(reading(), b"data: 1\n\n")
    found, done = chunks(made.feed(b"\ndata: 0\n\ndata: 5\n\n"))
    assert (message_of(found)["content"], done, made.complete, made.failure) == ("2", True, True, None)
    assert made.feed(b"data: 1\n\n") == b""


@pytest.mark.parametrize("data", [b"data: x\n\n", b"data: " + b"1" * 1_100_000])
def test_what_cannot_be_read_ends_the_stream(data):
    made = reading()
    assert made.feed(data) == b""
    assert (made.failure, made.complete) == (BAD, False)
    assert made.feed(b"data: 1\n\n") == b""
