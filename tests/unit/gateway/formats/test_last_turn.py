"""What a request is about is read from the user's last words, in every format, whatever else stands in it."""

import json

import msgspec
import pytest

from anyapi.gateway.formats import anthropic_messages, openai_chat, openai_embeddings, openai_responses
from anyapi.gateway.formats.last_turn import HEAD, LARGEST, TAIL, last_turn

MODEL = "lab/model"


def chat(messages):
    return openai_chat.parse(json.dumps({"model": MODEL, "messages": messages}).encode())


def user(content):
    return {"role": "user", "content": content}


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([user("one")], "one"),
        ([{"role": "system", "content": "be brief"}, user("one"), {"role": "assistant", "content": "answer"}, user(" two\n")], "two"),
        (
            [user([{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:x"}}, {"type": "text", "text": "b"}])],
            "a  b",
        ),
        ([user("asked"), user([{"type": "image_url", "image_url": {"url": "data:x"}}])], "asked"),
        ([user("é\u4e2d\ud83d\ude42")], "é中🙂"),
        ([{"role": "assistant", "content": "only"}], ""),
        ([user(None)], ""),
        ([user("")], ""),
        ([], ""),
    ],
)
def test_chat_completions(messages, words):
    body = json.dumps({"model": MODEL, "messages": messages}).encode()
    assert last_turn(openai_chat.parse(body)) == words


def test_messages():
    body = {"model": MODEL, "max_tokens": 5, "system": "be brief", "messages": [user("one"), user([{"type": "text", "text": "two"}])]}
    assert last_turn(anthropic_messages.parse(json.dumps(body).encode())) == "two"
    tool = user([{"type": "tool_result", "tool_use_id": "t", "content": "secret"}])
    body["messages"] = [user("asked"), {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "n", "input": {}}]}, tool]
    assert last_turn(anthropic_messages.parse(json.dumps(body).encode())) == "asked"


@pytest.mark.parametrize(
    "given",
    ["asked", [user("asked")], [{"type": "message", **user([{"type": "input_text", "text": "asked"}])}, {"type": "reasoning", "id": "r"}]],
)
def test_responses(given):
    assert last_turn(openai_responses.parse(json.dumps({"model": MODEL, "input": given}).encode())) == "asked"


def test_embeddings_are_about_nothing():
    assert last_turn(openai_embeddings.parse(json.dumps({"model": MODEL, "input": "asked"}).encode())) == ""


def test_of_a_long_text_its_beginning_and_end():
    words = last_turn(chat([user("b" * 500 + "m" * 500 + "e" * 500)]))
    assert words == "b" * HEAD + " " + "e" * TAIL
    assert len(last_turn(chat([user("x" * (HEAD + TAIL))]))) == HEAD + TAIL


@pytest.mark.parametrize(
    "raw",
    [
        b"[1]",
        b'["a"]',
        b'[{"role": 5, "content": "x"}]',
        b'[{"role": "user", "content": 7}]',
        b'[{"role": "user", "content": [3]}]',
        b"{}",
        b"[[[[",
    ],
)
def test_what_is_of_no_known_form_says_nothing(raw):
    request = chat([user("one")])
    request.fields["messages"] = msgspec.Raw(raw)
    assert last_turn(request) == ""


def test_a_request_that_is_too_large_is_not_looked_at():
    assert last_turn(chat([user("x" * LARGEST), user("asked")])) == ""
    assert last_turn(chat([user("x" * (LARGEST - 200)), user("asked")])) == "asked"


def test_a_request_that_was_let_go_says_nothing():
    request = chat([user("one")])
    request.forget()
    assert last_turn(request) == ""
