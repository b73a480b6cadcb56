"""The most that a request can cost."""

import json

import pytest
from tests.unit.gateway.workbench import DISCLOSURE, Clock, chat, outlets, snapshot
from tests.unit.policy.samples import context, endpoint, provider
from tests.unit.wire.peers import on_loop

from anyapi.domain.catalogue import Operation, Price
from anyapi.gateway.call import Call
from anyapi.gateway.formats import anthropic_messages, openai_chat, openai_embeddings, openai_responses
from anyapi.gateway.most import MOST_ANSWERS, MOST_LOOKED_AT, NOTHING, UNSTATED_ANSWER, dearest, most_of
from anyapi.gateway.plane import DataPlane


def most(*ends, parse=openai_chat.parse, **fields):
    """Of a request to these endpoints."""
    providers = [provider(name) for name in sorted({end.provider for end in ends})]
    base = context(providers, list(ends), served_embeddings=frozenset({"openai-chat"}))
    plane = DataPlane(snapshot(base), outlets(), DISCLOSURE, Clock())
    request = parse(json.dumps(chat(**fields)).encode())
    asked = plane.ask(next(iter(plane.principals.values())), Call(), request)
    return most_of(request, asked, plane.decide(asked, request, "acme")), sum(len(raw) for raw in request.fields.values())


@on_loop
async def test_a_token_has_at_least_a_byte_and_an_answer_its_limit():
    found, size = most(endpoint(price=Price(3.0, 15.0)), max_tokens=100)
    assert found.amount == size * 3000 + 100 * 15_000
    assert (found.prompt, found.answer_token) == (size * 3000, 15_000)


@on_loop
async def test_the_dearest_endpoint_counts():
    cheap, dear = endpoint("p", price=Price(1.0, 2.0)), endpoint("q", price=Price(10.0, 20.0))
    assert most(cheap, dear, max_tokens=10)[0] == most(dear, max_tokens=10)[0]


@on_loop
async def test_what_policy_denies_costs_nothing():
    ends = [endpoint("p", price=Price(1.0, 2.0)), endpoint("q", price=Price(10.0, 20.0))]
    only = {"providers": {"only": ["p"]}}
    assert most(*ends, max_tokens=10, data_policy=only)[0] == most(ends[0], max_tokens=10)[0]


@pytest.mark.parametrize(
    ("record", "limit", "tokens"),
    [
        ({"max_output_tokens": 50}, None, 50),
        ({"max_output_tokens": 50}, 20, 20),
        ({"max_output_tokens": 50}, 80, 50),
        ({"context_length": 8192}, None, 8192),
        ({"context_length": None}, None, UNSTATED_ANSWER),
    ],
)
@on_loop
async def test_how_long_an_answer_may_be(record, limit, tokens):
    found, _ = most(endpoint(price=Price(0.0, 1.0), **record), max_tokens=limit)
    assert found.amount == tokens * 1000


@pytest.mark.parametrize(
    ("parse", "fields"),
    [
        (openai_chat.parse, {"max_completion_tokens": 7}),
        (anthropic_messages.parse, {"max_tokens": 7}),
        (openai_responses.parse, {"messages": None, "input": "hello", "max_output_tokens": 7}),
    ],
)
@on_loop
async def test_every_format_says_it_its_way(parse, fields):
    assert most(endpoint(price=Price(0.0, 1.0)), parse=parse, **fields)[0].amount == 7000


@pytest.mark.parametrize(
    ("parse", "fields"),
    [
        (openai_chat.parse, {"max_output_tokens": 1}),
        (openai_responses.parse, {"messages": None, "input": "hello", "max_tokens": 1}),
        (openai_responses.parse, {"messages": None, "input": "hello", "max_completion_tokens": 1}),
    ],
)
@on_loop
async def test_the_limit_of_another_format_limits_nothing(parse, fields):
    assert most(endpoint(price=Price(0.0, 1.0), max_output_tokens=50), parse=parse, **fields)[0].amount == 50_000


@pytest.mark.parametrize(
    ("n", "answers"),
    [(3, 3), (10**9, MOST_ANSWERS), (0, 1), (-4, 1), (None, 1), (5.0, 5), (1e300, MOST_ANSWERS), ("5", MOST_ANSWERS), ([], MOST_ANSWERS)],
)
@on_loop
async def test_several_answers(n, answers):
    assert most(endpoint(price=Price(0.0, 1.0)), max_tokens=7, n=n)[0].amount == answers * 7000


@on_loop
async def test_the_context_bounds_the_prompt():
    text = [{"role": "user", "content": "word " * 5000}]
    assert most(endpoint(price=Price(1.0, 0.0), context_length=4096), messages=text)[0].amount == 4096 * 1000


FILE = "A" * 2000
HELD = {
    "chat": [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + FILE}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64," + FILE}},
        {"type": "input_audio", "input_audio": {"format": "wav", "data": FILE}},
    ],
    "messages": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": FILE}}],
    "responses": [{"type": "input_image", "image_url": "data:image/png;base64," + FILE}, {"type": "input_file", "file_data": FILE}],
}
READ = {"chat": openai_chat.parse, "messages": anthropic_messages.parse, "responses": openai_responses.parse}


async def tokens_of(part, form="chat"):
    """Of a request, what is set aside for all but the text of a part, and how long that text is."""
    turns = [{"role": "user", "content": [part]}]
    fields = {"messages": None, "input": turns} if form == "responses" else {"messages": turns}
    found, size = most(endpoint(price=Price(1.0, 0.0), context_length=None), parse=READ[form], max_tokens=1, **fields)
    return found.amount // 1000, size


@pytest.mark.parametrize(("form", "part"), [(form, part) for form, parts in HELD.items() for part in parts])
@on_loop
async def test_files_are_estimated(form, part):
    tokens, size = await tokens_of(part, form)
    assert size - len(FILE) - 30 < tokens - 1600 <= size - len(FILE)


@on_loop
async def test_a_long_file_counts_by_its_length():
    tokens, size = await tokens_of({"type": "input_audio", "input_audio": {"format": "wav", "data": "A" * 100_000}})
    assert tokens == size - 100_000 + 100_000 // 32


@pytest.mark.parametrize(
    "part",
    [
        {"type": "text", "text": FILE},
        {"type": "text", "text": "data:image/png;base64," + FILE},
        {"type": "text", "text": "word " * 1000},
        {"type": "input_audio", "input_audio": {"format": "wav", "data": "A" * 1000}},
        {"type": "input_audio", "input_audio": {"format": "wav", "data": "\u8a9e" * 1000}},
        {"type": "input_audio", "input_audio": {"format": "wav", "data": "A" * (MOST_LOOKED_AT + 1)}},
        {"type": "text", "text": json.dumps({"data": FILE})},
    ],
)
@on_loop
async def test_text_counts_byte_by_byte_also_where_it_looks_like_a_file(part):
    tokens, size = await tokens_of(part)
    assert tokens == size


@on_loop
async def test_a_tool_is_text_whatever_its_keys_are():
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"data": FILE}}}]
    found, size = most(endpoint(price=Price(1.0, 0.0), context_length=None), max_tokens=1, tools=tools)
    assert found.amount == size * 1000


@on_loop
async def test_embeddings_have_no_answer_and_no_common_context():
    end = endpoint(price=Price(1.0, None), operations=(Operation.EMBEDDINGS,), context_length=10)
    found, size = most(end, parse=openai_embeddings.parse, messages=None, input=["word " * 100] * 10)
    assert found.amount == size * 1000 > 5_000_000


@on_loop
async def test_what_has_no_price_counts_as_free():
    assert most(endpoint(price=Price(None, None)), max_tokens=10)[0].amount == 0
    assert dearest([NOTHING]) == NOTHING


@on_loop
async def test_auto_is_bounded_by_those_it_may_try():
    ends = [endpoint("p", f"acme/m{number}", price=Price(0.0, float(number))) for number in range(1, 40)]
    found, _ = most(*ends, model="anyapi/auto", max_tokens=1)
    assert found.amount == 16 * 1000
    found, _ = most(*ends, model="anyapi/auto", max_tokens=1, provider={"sort": "latency"})
    assert found.amount == 39 * 1000
