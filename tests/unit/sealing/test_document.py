"""An entry's document: JSON of what came and went, in pieces, whatever characters are in it."""

import json

import pytest
from tests.conformance.samples import NOON, kept

from anyapi.sealing.document import FORMAT, PIECE, document, read


def whole(entry):
    return b"".join(document(entry))


def test_what_came_and_what_went_stand_in_it_as_they_were():
    made = kept(1, prompt='{"a": [1,  2], "é": "\\u00e9"}'.encode(), response=(b'{"b":', b"null}"), account="acme")
    text = whole(made)
    assert b'"prompt":{"a": [1,  2], "\xc3\xa9": "\\u00e9"},"response":{"b":null}}' in text
    found = json.loads(text)
    assert (found["format"], found["decision"], found["account"], found["at"]) == (FORMAT, made.entry.decision, "acme", NOON + 1)
    assert (found["operation"], found["model"], found["outcome"]) == ("chat_completions", "anthropic/claude-3.5-sonnet", "success")


@pytest.mark.parametrize("text", ['data: {"x":"\\n\\"é🦀"}\n\n', "\x00\x7f\u2028", ""])
def test_a_stream_is_one_text(text):
    made = kept(1, response=tuple(part.encode() for part in (text, "data: [DONE]\n\n")))
    made.streamed = True
    assert json.loads(whole(made))["response"] == text + "data: [DONE]\n\n"


def test_what_was_not_kept_is_null():
    found = json.loads(whole(kept(1, prompt=None, response=None)))
    assert (found["prompt"], found["response"]) == (None, None)


def test_no_piece_is_large():
    made = kept(1, prompt=b'"' + b"x" * 1_000_000 + b'"', response=(b"y" * 500_000,))
    made.streamed = True
    assert max(len(piece) for piece in document(made)) <= PIECE
    assert len(json.loads(whole(made))["prompt"]) == 1_000_000


@pytest.mark.parametrize("streamed", [False, True])
def test_halves_of_characters_are_read_and_all_else_stays(streamed):
    """The gateway passes them on, as JSON's grammar allows."""
    event = rb'{"b":"x\ud83d y","c":"\ud83d\ude00\\ud83d"}'
    made = kept(1, prompt=rb'{"a":"\ude00"}', response=(event,))
    made.streamed = streamed
    found = read(whole(made))
    assert json.loads(bytes(found.prompt)) == {"a": "\ufffd"}
    response = json.loads(bytes(found.response))
    if streamed:
        assert response == event.decode(), "in a text they are backslashes"
    else:
        assert response == {"b": "x\ufffd y", "c": "\U0001f600\\ud83d"}


def test_what_is_nested_too_deep_is_refused():
    with pytest.raises(ValueError, match="not an entry"):
        read(whole(kept(1, response=(b"[" * 100_000 + b"]" * 100_000,))))


def test_it_is_read_again_and_what_is_none_is_refused():
    made = kept(1)
    found = read(whole(made))
    assert (found.decision, bytes(found.prompt)) == (made.entry.decision, b'{"p":1}')
    assert '"p"' not in repr(found)
    for text in (b"", b"[]", b"{}", b"secret", whole(made)[:-1], whole(made).replace(b"log/1", b"log/2")):
        with pytest.raises(ValueError) as failed:
            read(text)
        assert "secret" not in str(failed.value)
        assert failed.value.__cause__ is None
