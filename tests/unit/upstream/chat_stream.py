"""Reading a translated chat completion stream as the OpenAI SDK would, for the tests of every translator of streams."""

from openai.lib.streaming._deltas import accumulate_delta
from openai.types.chat import ChatCompletionChunk

from anyapi.upstream import sse


def chunks(released):
    """The chunks, read as strictly as the SDK can, and whether `[DONE]` came; only whole events may have been released."""
    assert released == b"" or released.endswith(b"\n\n")
    found = [data for _name, data in sse.events(released)]
    assert released.count(b"\n\n") == len(found)
    done = bool(found) and found[-1] == b"[DONE]"
    return [ChatCompletionChunk.model_validate_json(data, strict=True) for data in (found[:-1] if done else found)], done


def message_of(parsed, index=0):
    """Join the deltas of one choice the way the SDK's stream helper does."""
    joined = {}
    for chunk in parsed:
        for choice in chunk.choices:
            if choice.index == index:
                joined = accumulate_delta(joined, choice.delta.model_dump(exclude_unset=True))
    return joined
