"""What a choice of the model depends on, by format: abilities, the size of the prompt, the longest answer. The rates of docs/routing.md."""

import base64
import json
import re
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyapi.gateway.formats import anthropic_messages, openai_chat, openai_responses
from anyapi.gateway.formats.choice import (
    SHORTEST_FILE,
    STEP,
    TOKENS_A_FILE,
    estimated_tokens,
    facts_to_choose_by,
    files_in,
    longest_answer,
    rounded_up,
)

PICTURE = base64.b64encode(bytes(range(256)) * 40).decode()
TOOLS = {
    "chat": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
    "messages": [{"name": "f", "input_schema": {}}],
    "responses": [{"type": "function", "name": "f", "parameters": {}}],
}
REASONING = {"chat": {"reasoning_effort": "low"}, "messages": {"thinking": {"type": "adaptive"}}, "responses": {"reasoning": {}}}
FORMAT = {
    "chat": {"response_format": {"type": "json_schema", "json_schema": {}}},
    "messages": {"output_config": {"format": {"type": "json_schema"}}},
    "responses": {"text": {"format": {"type": "json_schema"}}},
}
IMAGE = {
    "chat": {"type": "image_url", "image_url": {"url": "data:image/png;base64," + PICTURE}},
    "messages": {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}},
    "responses": {"type": "input_image", "image_url": "data:image/png;base64," + PICTURE},
}
PDF = {
    "chat": {"type": "file", "file": {"file_data": "data:application/pdf;base64," + PICTURE}},
    "messages": {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PICTURE}},
    "responses": {"type": "input_file", "file_data": "data:application/pdf;base64," + PICTURE},
}
PARSE = {"chat": openai_chat.parse, "messages": anthropic_messages.parse, "responses": openai_responses.parse}
LIMIT = {"chat": "max_completion_tokens", "messages": "max_tokens", "responses": "max_output_tokens"}


def read(form, content="Hello", **more):
    """A request in one of the formats that leaves the model to the gateway."""
    turns = [{"role": "user", "content": content}]
    body = {"model": "anyapi/auto", ("input" if form == "responses" else "messages"): turns, **more}
    if form == "messages":
        body.setdefault("max_tokens", 10)
    return PARSE[form](json.dumps(body).encode())


@pytest.mark.parametrize("form", PARSE)
def test_abilities_are_found_in_every_format(form):
    assert facts_to_choose_by(read(form)).uses == frozenset()
    assert facts_to_choose_by(read(form, stream=True)).uses == {"streaming"}
    asked = {"tools": TOOLS[form], **REASONING[form], **FORMAT[form], "stream": True}
    everything = facts_to_choose_by(read(form, [IMAGE[form], PDF[form]], **asked)).uses
    assert everything == {"tools", "reasoning", "structured_outputs", "vision", "pdf_input", "streaming"}


@pytest.mark.parametrize("form", PARSE)
def test_what_is_known_already_stays(form):
    request = read(form, tags=["chat_completions:vision"])
    assert facts_to_choose_by(request).tags == request.facts.tags != frozenset()


@pytest.mark.parametrize("form", PARSE)
def test_the_longest_answer_is_not_rounded(form):
    assert facts_to_choose_by(read(form, **{LIMIT[form]: 64_001})).choice.answer_tokens == 64_001


@pytest.mark.parametrize("form", PARSE)
@pytest.mark.parametrize("kind", [IMAGE, PDF])
def test_a_file_counts_as_one_and_not_as_text(form, kind):
    bare, held = (estimated_tokens(read(form, content).fields) for content in ("Hello", [kind[form]]))
    assert TOKENS_A_FILE <= held - bare < TOKENS_A_FILE + 100


def test_a_long_document_counts_by_its_length():
    data = b'"' + b"QUJD" * 100_000 + b'"'
    assert estimated_tokens({"input": msgspec.Raw(data)}) == 12_500 + 1


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("The lamp is replaced free of charge. " * 100, 800, 1600),
        ("def f(x):\n    return x + 1\n" * 100, 900, 1800),
        ("灯は無料で交換されます。" * 100, 900, 3000),
    ],
)
def test_the_estimate_of_text_is_a_little_high(text, least, most):
    assert least <= estimated_tokens({"messages": msgspec.Raw(json.dumps(text, ensure_ascii=False).encode())}) <= most


def test_words_without_spaces_are_no_file():
    assert estimated_tokens({"input": msgspec.Raw(b"x" * 1023)}) == 341
    assert estimated_tokens({"input": msgspec.Raw(b"x" * 1024)}) == TOKENS_A_FILE


@pytest.mark.parametrize(
    ("fields", "most"),
    [
        ({}, 0),
        ({"max_tokens": b"7"}, 7),
        ({"max_tokens": b"7", "max_completion_tokens": b"9"}, 9),
        ({"max_output_tokens": b"9"}, 0),
        ({"max_tokens": b"-1"}, 0),
        ({"max_tokens": b"null"}, 0),
        ({"max_tokens": b'"7"'}, 0),
        ({"max_tokens": b"1" + b"0" * 4000}, 2**31),
        ({"max_tokens": b"1" + b"0" * 15}, 2**31),
    ],
)
def test_the_longest_answer(fields, most):
    assert longest_answer(openai_chat.ChatRequest({name: msgspec.Raw(raw) for name, raw in fields.items()})) == most


@pytest.mark.parametrize("form", PARSE)
def test_the_limit_of_another_format_limits_nothing(form):
    others = {LIMIT[other]: 7 for other in LIMIT if other != form}
    if form == "chat":
        del others["max_tokens"]
    request = read(form, **{LIMIT[form]: 9, **others})
    assert longest_answer(request) == 9


@pytest.mark.parametrize(("tokens", "rounded"), [(0, 0), (1, 1), (15, 15), (16, 16), (17, 18), (31, 32), (1000, 1024), (1025, 1152)])
def test_sizes_are_rounded_up(tokens, rounded):
    assert rounded_up(tokens) == rounded


def test_sizes_are_rounded_by_less_than_an_eighth_and_few_differ():
    found = {tokens: rounded_up(tokens) for tokens in range(1, 70_000)}
    assert all(tokens <= size < tokens * 1.125 for tokens, size in found.items())
    assert len(set(found.values())) < 130


EDGES = [0, 1, STEP - 1, STEP, STEP + 1, SHORTEST_FILE - 1, SHORTEST_FILE, SHORTEST_FILE + STEP - 1, SHORTEST_FILE + STEP, 5000]


@given(
    st.lists(st.tuples(st.sampled_from([b"a", b"/", b"_"]), st.sampled_from(EDGES), st.sampled_from([b"", b" ", b'"' * 700])), max_size=8)
)
def test_runs_are_found_wherever_they_stand(pieces):
    text = b"".join(letter * length + behind for letter, length, behind in pieces)
    runs = [found.end() - found.start() for found in re.finditer(rb"[a/_]+", text)]
    assert list(files_in(msgspec.Raw(text))) == [length for length in runs if length >= SHORTEST_FILE]


def test_runs_that_are_just_too_short_take_no_time():
    text = msgspec.Raw(b'"' + (b"a" * (SHORTEST_FILE - 1) + b" ") * 8192 + b'"')
    began = time.process_time()
    assert not list(files_in(text))
    assert time.process_time() - began < 2, "8 MB: tried anew at each letter it takes a quarter of a minute"
