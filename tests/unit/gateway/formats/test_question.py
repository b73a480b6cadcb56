"""A question reads of a request's fields, in any format, what the request's own reader makes facts of."""

import json

import pytest

from anyapi.domain.call import NO_FACTS, PLAIN_FACTS, Facts
from anyapi.domain.catalogue import Operation
from anyapi.errors import BadRequest
from anyapi.gateway.formats import anthropic_messages, openai_chat, openai_responses
from anyapi.gateway.formats.abilities import BIG
from anyapi.gateway.formats.beyond import SEARCHING
from anyapi.gateway.formats.choice import facts_to_choose_by
from anyapi.gateway.formats.question import MOST_DEPTH, read

SAID = [{"role": "user", "content": "hello"}]
CONTENT = {
    "chat": (openai_chat.parse, {"messages": SAID}),
    "messages": (anthropic_messages.parse, {"messages": SAID, "max_tokens": 16}),
    "responses": (openai_responses.parse, {"input": "hello"}),
}
FUNCTION = {"type": "function", "name": "f", "function": {"name": "f"}}
SEARCH = {"type": "web_search"}
REQUESTS = [
    ("chat", {}),
    ("chat", {"stream": True}),
    ("chat", {"stream": None}),
    ("chat", {"tools": [FUNCTION]}),
    ("chat", {"tools": []}),
    ("chat", {"tools": None}),
    ("chat", {"tools": [FUNCTION, SEARCH]}),
    ("chat", {"tools": {"type": "function"}}),
    ("chat", {"functions": [{"name": "f"}]}),
    ("chat", {"web_search_options": {}}),
    ("chat", {"web_search_options": None}),
    ("chat", {"enable_search": False}),
    ("chat", {"enable_search": True}),
    ("chat", {"response_format": {"type": "json_schema", "json_schema": {}}}),
    ("chat", {"reasoning_effort": "high"}),
    ("chat", {"reasoning_effort": "none"}),
    ("chat", {"max_tokens": 9000, "max_completion_tokens": 4000}),
    ("chat", {"tags": ["chat_completions:vision"], "data_policy": {"retention_days": 3}}),
    ("messages", {"tools": [{"name": "f", "input_schema": {}}]}),
    ("messages", {"tools": [{"type": None, "name": "f", "input_schema": {}}]}),
    ("messages", {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
    ("messages", {"tools": [{"type": "web_fetch_20250910", "name": "web_fetch"}]}),
    ("messages", {"thinking": {"type": "enabled", "budget_tokens": 2000}}),
    ("messages", {"thinking": {"type": "disabled"}}),
    ("messages", {"output_config": {"format": {"type": "json_schema", "schema": {}}}}),
    ("messages", {"output_format": {"type": "json_schema"}, "max_tokens": 9000}),
    ("responses", {"stream": True, "tools": [FUNCTION]}),
    ("responses", {"tools": [{"type": "web_search_preview"}]}),
    ("responses", {"tools": [{"type": "namespace", "name": "n", "tools": [FUNCTION, SEARCH]}]}),
    ("responses", {"tools": [{"type": "namespace", "name": "n", "tools": [FUNCTION]}]}),
    ("responses", {"reasoning": {"effort": "low"}, "max_output_tokens": 9000}),
    ("responses", {"text": {"format": {"type": "json_schema", "name": "n", "schema": {}}}}),
]


@pytest.mark.parametrize(("form", "fields"), REQUESTS)
@pytest.mark.parametrize("asking", ["fields alone", "content too"])
def test_it_has_the_facts_of_the_request_that_it_asks_about(form, fields, asking):
    parse, content = CONTENT[form]
    request = parse(json.dumps({"model": "a/b", **content, **fields}).encode())
    body = {"model": "a/b", **(content if asking == "content too" else {}), **fields}
    question = read(json.dumps(body).encode())
    assert question.models == request.models
    assert question.policy_raw == request.policy_raw
    assert question.facts == request.facts
    assert question.needs() == request.needs()
    longest = facts_to_choose_by(request).choice.answer_tokens
    if asking == "content too" or longest != 16:  # which messages must state
        assert facts_to_choose_by(question).choice.answer_tokens == longest


@pytest.mark.parametrize("name", sorted(SEARCHING))
def test_every_field_that_has_a_provider_search_is_read(name):
    assert read(json.dumps({"model": "a/b", name: True}).encode()).facts == Facts(web_search=True)


def test_a_question_of_nothing_has_the_common_facts():
    assert read(b'{"model":"a/b"}').facts is NO_FACTS


PARTS = [
    ("messages", {"type": "image_url", "image_url": {"url": "u"}}, {"vision"}),
    ("messages", {"type": "image", "source": {}}, {"vision"}),
    ("messages", {"type": "document", "source": {}}, {"pdf_input"}),
    ("input", {"type": "input_image", "image_url": "u"}, {"vision"}),
    ("input", {"type": "input_file", "file_url": "u"}, {"pdf_input"}),
]


@pytest.mark.parametrize(("name", "part", "needs"), PARTS)
def test_of_content_that_is_there_all_the_same_kinds_count(name, part, needs):
    question = read(json.dumps({"model": "a/b", name: [{"role": "user", "content": [part]}]}).encode())
    assert question.needs() == needs
    question.facts = PLAIN_FACTS[Operation.EMBEDDINGS]
    assert question.needs() == frozenset()


def test_tools_may_come_as_items():
    asked = {
        "model": "a/b",
        "input": [{"type": "message", "role": "user", "content": "x"}, {"type": "additional_tools", "tools": [SEARCH]}],
    }
    assert read(json.dumps(asked).encode()).facts.web_search
    for given in ([{"type": "web_search_call", "id": "w"}], "web_search", ["web_search"], [1, 2]):
        assert not read(json.dumps({"model": "a/b", "input": given}).encode()).facts.web_search


def test_the_size_of_a_large_one_counts():
    body = json.dumps({"model": "a/b", "messages": [{"role": "user", "content": "word " * (BIG // 4)}]}).encode()
    assert read(body).facts.least_tokens == openai_chat.parse(body).facts.least_tokens > 0


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"stream": "yes"}, "stream"),
        ({"tags": ["chat_completions:telepathy"]}, "tags"),
        ({"plugins": [{"id": "web"}]}, "plugins"),
        ({"dataPolicy": {}}, "dataPolicy"),
        ({"model": 5}, "model"),
    ],
)
def test_what_every_format_refuses_is_refused(fields, field):
    with pytest.raises(BadRequest) as caught:
        read(json.dumps({"model": "a/b", **fields}).encode())
    assert caught.value.field == field


def nested(depth, inmost=b""):
    return b'{"model":"a/b","tools":[' + b'{"tools":[' * depth + inmost + b"]}" * depth + b"]}"


def test_what_cannot_be_read_counts_as_a_search():
    for tools in (b"[1]", b'"all"', b"{}", b'[{"type":5}]'):
        assert read(b'{"model":"a/b","tools":%b}' % tools).facts.web_search
    assert not read(nested(MOST_DEPTH)).facts.web_search
    assert read(nested(MOST_DEPTH, b'{"type":"web_search"}')).facts.web_search
    for deep in (MOST_DEPTH + 1, 500):
        assert read(nested(deep)).facts.web_search, "deeper than is looked into"


@pytest.mark.parametrize("tool", ['{"type":"web_search","type":"function"}', '{"type":"function", "\\u0074ype": "web_search"}'])
def test_no_fact_depends_on_which_of_two_keys_counts(tool):
    for where in (f'"tools":[{tool}]', f'"tools":[{{"tools":[{tool}]}}]', f'"input":[{{"tools":[{tool}]}}]'):
        with pytest.raises(BadRequest, match="twice"):
            read(f'{{"model":"a/b",{where}}}'.encode())


def test_it_does_not_print():
    question = read(b'{"model":"a/b","messages":"a secret"}')
    assert "secret" not in repr(question) + str(question)
