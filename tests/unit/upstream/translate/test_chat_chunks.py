"""Chunks as the SDK reads them, and when an answer counts as whole."""

from tests.unit.upstream.chat_stream import chunks, message_of

from anyapi.domain.usage import TokenCount
from anyapi.upstream.translate.chat_chunks import DONE, ChunkWriter, chunk_head, ending, usage_of

HEAD = chunk_head('id"1', 7, "acme/é")
USAGE = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}


class Writing(ChunkWriter):
    """A translator that says two words and calls a tool."""

    __slots__ = ()

    def say(self):
        self._release(b'"content":"a"')
        self._release(b'"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":""}}]')
        self._release_arguments(0, '{"é":1}')
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
