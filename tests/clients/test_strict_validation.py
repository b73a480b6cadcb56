"""The official SDKs with `_strict_response_validation=True`, which rejects every answer and event whose shape is not the documented one.

Responses and messages over every wire are in `test_openai_python_responses.py` and `test_anthropic_python.py`, and chat completions that pass
through in `test_openai_python.py`, strict as well. Here is the rest: translated chat completions, embeddings, lists of models, and what a
provider does otherwise than usual (no usage, an empty answer, a refusal), in all formats.
"""

import asyncio
import contextlib
import json

import anthropic
import openai
import pytest
from openai.types import CreateEmbeddingResponse
from tests.clients.test_openai_python import FORMS, Weather
from tests.clients.traffic import CHAT, DECLINED, FAULTS, NAMES, REFUSED, SPECS
from tests.clients.transcripts import MESSAGES
from tests.tools.gateway import simulated

from anyapi.simulator import FORMATS, WireName

TRANSLATED = tuple(str(wire) for wire in FORMATS if wire is not WireName.OPENAI)
ANSWERING = [fault for fault in FAULTS if fault != "cut"]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """A gateway in front of every wire."""
    with simulated(tmp_path_factory.mktemp("strict") / "home", SPECS) as (gateway, _):
        yield gateway


@pytest.fixture
def client(gateway):
    """OpenAI's SDK."""
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0, _strict_response_validation=True) as client:
        yield client


@pytest.fixture
def claude(gateway):
    """Anthropic's SDK."""
    with anthropic.Anthropic(base_url=gateway.url, api_key=gateway.key, max_retries=0, _strict_response_validation=True) as claude:
        yield claude


def chat(client, model, *, stream, **fields):
    """A chat completion: its text, its calls, why it ended and what it used, put together if it came in pieces."""
    fields = {"messages": MESSAGES, **fields, "model": model}
    if not stream:
        answer = client.chat.completions.create(**fields)
        return (
            [choice.message.content or "" for choice in answer.choices],
            [call.function.name for call in answer.choices[0].message.tool_calls or []],
            answer.choices[0].finish_reason,
            answer.usage,
        )
    texts, calls, finish, usage = {}, [], None, None
    with client.chat.completions.create(**fields, stream=True, stream_options={"include_usage": True}) as events:
        for chunk in events:
            usage = chunk.usage or usage
            for choice in chunk.choices:
                texts[choice.index] = texts.get(choice.index, "") + (choice.delta.content or "")
                calls += [call.function.name for call in choice.delta.tool_calls or [] if call.function.name]
                finish = choice.finish_reason or finish
    return [texts[index] for index in sorted(texts)], calls, finish, usage


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("wire", TRANSLATED)
def test_a_translated_chat_completion(client, wire, form, stream):
    if (CHAT, wire, form) in REFUSED:
        with pytest.raises(openai.BadRequestError) as caught:
            chat(client, f"acme/{wire}", stream=stream, **FORMS[form])
        assert caught.value.param
        return
    texts, calls, finish, usage = chat(client, f"acme/{wire}", stream=stream, **FORMS[form])
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 0
    expected = {"tool": ["weather"], "named tool": ["time"], "two tools": ["weather", "time"]}.get(form, [])
    assert calls == expected
    assert finish == ("tool_calls" if expected else "length" if form == "cut by length" else "stop")
    assert len(texts) == FORMS[form].get("n", 1)
    if form == "structured output":
        Weather.model_validate_json(texts[0])
    elif form == "JSON":
        json.loads(texts[0])
    elif not expected and form != "cut by length":
        assert all(text.startswith(f"This is {NAMES[wire]}.") for text in texts)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("fault", ANSWERING)
@pytest.mark.parametrize("wire", NAMES)
def test_what_is_otherwise_than_usual_is_of_the_documented_shape(client, claude, wire, fault, stream):
    """In all three formats. What passes through without usage is the provider's own answer, which strict validation may reject."""
    model = f"acme/{wire}-{fault.replace(' ', '-')}"
    own = {WireName.OPENAI: "responses", WireName.ANTHROPIC: "messages"}.get(wire) if fault == "no usage" else None
    if (str(wire), fault) in DECLINED:
        with pytest.raises(openai.BadRequestError, match="content reasons"):
            chat(client, model, stream=stream)
        with pytest.raises(anthropic.BadRequestError, match="content reasons"):
            claude.messages.create(model=model, max_tokens=500, messages=MESSAGES)
        return
    texts, _, finish, _ = chat(client, model, stream=stream)
    if fault == "refuses":
        assert finish == "content_filter"
    if fault == "empty":
        assert not "".join(texts)
    if own != "responses":
        answer = client.responses.create(model=model, input="Hello", store=False, stream=stream)
        if stream:
            *_, last = answer
            answer = last.response
        assert answer.status in {"completed", "incomplete"}
    if own != "messages":
        asked = {"model": model, "max_tokens": 500, "messages": MESSAGES}
        if stream:
            with claude.messages.stream(**asked) as events:
                message = events.get_final_message()
        else:
            message = claude.messages.create(**asked)
        assert message.stop_reason in {"end_turn", "refusal"}


def test_embeddings(gateway, client):
    """Numbers, as the documented shape has them; the base64 that the SDK asks for by itself is read by it when it is not strict."""
    model = "acme/vectors"
    answer = client.embeddings.create(model=model, input=["a", "b"], encoding_format="float")
    assert isinstance(answer, CreateEmbeddingResponse)
    assert [len(row.embedding) for row in answer.data] == [8, 8]
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as usual:
        decoded = usual.embeddings.create(model=model, input=["a", "b"])
    for row, other in zip(answer.data, decoded.data, strict=True):
        assert row.embedding == pytest.approx(other.embedding, abs=1e-6)


def test_lists_of_models(client, claude):
    names = {row.id for row in client.models.list()}
    assert names == {row.id for row in claude.models.list()} >= {"acme/openai", "acme/vectors"}
    assert client.models.retrieve("acme/openai").owned_by == "acme"
    assert (claude.models.retrieve("acme/openai").lifecycle, claude.models.retrieve("acme/openai").max_input_tokens) == ("active", 200_000)


def test_the_asynchronous_clients(gateway):
    """A stream of each format at each wire, all at once."""

    async def run():
        settings = {"api_key": gateway.key, "max_retries": 0, "_strict_response_validation": True}
        async with contextlib.AsyncExitStack() as stack:
            client = await stack.enter_async_context(openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", **settings))
            claude = await stack.enter_async_context(anthropic.AsyncAnthropic(base_url=gateway.url, **settings))

            async def chats(model):
                events = await client.chat.completions.create(model=model, messages=MESSAGES, stream=True)
                return "".join([choice.delta.content or "" async for chunk in events for choice in chunk.choices])

            async def responses(model):
                events = await client.responses.create(model=model, input="Hello", store=False, stream=True)
                return [event async for event in events][-1].response.output_text

            async def messages(model):
                async with claude.messages.stream(model=model, max_tokens=500, messages=MESSAGES) as events:
                    return await events.get_final_text()

            return await asyncio.gather(*(ask(f"acme/{wire}") for wire in NAMES for ask in (chats, responses, messages)))

    texts = asyncio.run(run())
    assert texts == [f"This is {NAMES[wire]}. I am a simulated provider." for wire in NAMES for _ in range(3)]
