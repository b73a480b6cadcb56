"""Cohere: what a request becomes, what an answer and a stream become, and conversations that go round."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion
from tests.unit.upstream.chat_stream import chunks, message_of

from anyapi.domain.catalogue import Capabilities, Endpoint
from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.domain.usage import TokenCount
from anyapi.errors import BadRequest
from anyapi.upstream.adapter import Adapter, Answer, OutboundChat, ProviderRow, StreamReader
from anyapi.upstream.cohere import FAILED, FINISH, CohereAdapter

ABILITIES = Capabilities(vision=True, tools=True, structured_outputs=True, reasoning=True)
ENDPOINT = Endpoint("a/b", "cohere", "cohere/command-a-plus", "command-a-plus-05-2026", max_output_tokens=64_000, capabilities=ABILITIES)
PLAIN = msgspec.structs.replace(ENDPOINT, capabilities=Capabilities(tools=True, structured_outputs=False))
OLDER = msgspec.structs.replace(ENDPOINT, upstream_model="command-r-plus-08-2024")
HELLO = [{"role": "user", "content": "Hello"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "get", "description": "Gets.", "parameters": SCHEMA}}
OTHER = {"type": "function", "function": {"name": "put"}}
JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "description": "d", "schema": SCHEMA}}
BAD = Outcome(OutcomeKind.BAD_RESPONSE)


def adapter():
    return CohereAdapter(clock=lambda: 1_800_000_000.9)


def call(*, stream=False, wants_usage=False, **fields):
    fields = {"model": "cohere/command-a-plus", "messages": HELLO, **fields}
    raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}
    return OutboundChat(raw, stream=stream, wants_usage=wants_usage)


def sent(endpoint=ENDPOINT, row=ProviderRow(), **fields):
    """What goes to Cohere, and what is named as adjusted."""
    prepared = adapter().prepare(call(**fields), endpoint, row)
    return msgspec.json.decode(prepared.body), prepared.adjusted


def turns(*messages, endpoint=ENDPOINT):
    body, adjusted = sent(endpoint, messages=list(messages))
    return body["messages"], adjusted


def refused(endpoint=ENDPOINT, **fields):
    with pytest.raises(BadRequest) as caught:
        sent(endpoint, **fields)
    assert "mark_" not in str(caught.value)
    return caught.value.field


def text(words):
    return [{"type": "text", "text": words}]


def test_it_is_an_adapter():
    made: Adapter = adapter()
    reader: StreamReader = made.open_stream(call(stream=True))
    assert (reader.complete, reader.failure, reader.tokens, reader.empty) == (False, None, None, True)
    assert made.walks(call())


# --- the request


def test_the_least_request():
    prepared = adapter().prepare(call(), ENDPOINT, ProviderRow())
    assert (prepared.path, prepared.headers, prepared.adjusted) == (b"/chat", b"", ())
    body = {"model": "command-a-plus-05-2026", "messages": [{"role": "user", "content": text("Hello")}]}
    assert msgspec.json.decode(prepared.body) == body
    assert "Hello" not in repr(prepared)
    assert sent(stream=True)[0] == {**body, "stream": True}


def test_every_setting_that_has_a_name_there():
    body, adjusted = sent(
        max_completion_tokens=100, temperature=1, top_p=0.5, top_k=40, stop=["a", "b"], seed=2**64 - 1, logprobs=True, presence_penalty=0.5,
        frequency_penalty=0,
    )  # fmt: skip
    assert {name: value for name, value in body.items() if name not in ("model", "messages")} == {
        "max_tokens": 100, "temperature": 1, "p": 0.5, "k": 40, "stop_sequences": ["a", "b"], "seed": 2**64 - 1, "logprobs": True,
        "presence_penalty": 0.5,
    }  # fmt: skip
    assert adjusted == ()


@pytest.mark.parametrize(
    ("fields", "expected", "adjusted"),
    [
        ({"top_p": 1}, {"p": 0.99}, ("top_p",)),
        ({"top_p": 0}, {"p": 0.01}, ("top_p",)),
        ({"top_p": 0.99}, {"p": 0.99}, ()),
        ({"seed": -1}, {}, ("seed",)),
        ({"max_tokens": 10**6}, {"max_tokens": 64_000}, ("max_tokens",)),
        ({"temperature": 0}, {"temperature": 0}, ()),
        ({"stop": "x"}, {"stop_sequences": ["x"]}, ()),
        ({"stop": []}, {}, ()),
        ({"logprobs": False, "n": 1, "top_logprobs": 0, "logit_bias": {}}, {}, ()),
        ({"user": "u", "store": False, "mark_1": 1}, {}, ("user", "store", "other")),
        ({"presence_penalty": 0, "frequency_penalty": 0.0}, {}, ()),
    ],
)
def test_what_becomes_of_settings(fields, expected, adjusted):
    body, names = sent(**fields)
    assert {name: value for name, value in body.items() if name not in ("model", "messages")} == expected
    assert names == adjusted


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"temperature": 1.5}, "temperature"),
        ({"frequency_penalty": -0.5}, "frequency_penalty"),
        ({"presence_penalty": 2}, "presence_penalty"),
        ({"presence_penalty": 0.5, "frequency_penalty": 0.5}, "presence_penalty"),
        ({"top_k": 501}, "top_k"),
        ({"top_p": 1.5}, "top_p"),
        ({"stop": ["a"] * 6}, "stop"),
        ({"stop": [""]}, "stop"),
        ({"n": 2}, "n"),
        ({"logprobs": True, "top_logprobs": 3}, "top_logprobs"),
        ({"logit_bias": {"1": 2}}, "logit_bias"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "system", "content": ""}]}, "messages"),
        ({"messages": [{"role": "mark_1", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "assistant", "content": "x", "audio": {"id": "mark_1"}}]}, "messages[0].audio"),
        ({"messages": [{"role": "tool", "tool_call_id": "c", "content": [{"type": "image_url"}]}]}, "messages[0].content[0].type"),
        ({"response_format": {"type": "mark_1"}}, "response_format.type"),
        ({"response_format": {"type": "json_object"}, "tools": [TOOL]}, "response_format"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "mark_1"}}, "tools": [TOOL]}, "tool_choice"),
        ({"tool_choice": {"type": "allowed_tools"}, "tools": [TOOL]}, "tool_choice.type"),
        ({"tools": [{"type": "custom"}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {"name": "mark_1-x"}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "function", "function": {"name": "1x"}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "function", "function": {"name": "x", "parameters": {"type": "array"}}}]}, "tools[0].function.parameters.type"),
        ({"reasoning_effort": "mark_1"}, "reasoning_effort"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_a_400_that_names_it(fields, field):
    assert refused(**fields) == field


@pytest.mark.parametrize("url", ["http://a/b.png", "data:image/tiff;base64,AA==", "ftp://mark_1", "data:text/plain,mark_1"])
def test_images_that_are_not_taken(url):
    content = [{"type": "image_url", "image_url": {"url": url}}]
    assert refused(messages=[{"role": "user", "content": content}]) == "messages[0].content[0].image_url.url"


@pytest.mark.parametrize(
    ("detail", "expected", "adjusted"),
    [(None, {}, ()), ("low", {"detail": "low"}, ()), ("auto", {"detail": "auto"}, ()), ("original", {}, ("messages.image_url.detail",))],
)
@pytest.mark.parametrize("url", ["https://example.com/a", "data:image/png;base64,AA=="])
def test_images(url, detail, expected, adjusted):
    image = {"url": url, **({} if detail is None else {"detail": detail})}
    content = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": image}]
    made, names = turns({"role": "user", "content": content})
    assert made[0]["content"] == [*text("What?"), {"type": "image_url", "image_url": {"url": url, **expected}}]
    assert names == adjusted


def test_system_messages_stay_where_they_are():
    made, names = turns({"role": "developer", "content": "Be brief."}, *HELLO, {"role": "system", "content": [*text("Now"), *text("")]})
    assert made == [
        {"role": "system", "content": text("Be brief.")},
        {"role": "user", "content": text("Hello")},
        {"role": "system", "content": text("Now")},
    ]
    assert names == ()


CALL = {"id": "c1", "type": "function", "function": {"name": "get", "arguments": ' {"city": "東京"} '}}


def test_a_tool_loop():
    made, names = turns(
        *HELLO,
        {"role": "assistant", "content": "I will look.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "Rain"},
        {"role": "tool", "tool_call_id": "c1", "content": ""},
    )
    assert made[1:] == [
        {
            "role": "assistant",
            "tool_plan": "I will look.",
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "get", "arguments": '{"city":"東京"}'}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": text("Rain")},
        {"role": "tool", "tool_call_id": "c1", "content": ""},
    ]
    assert names == ()


def test_what_a_message_holds_beside_its_content():
    made, names = turns(
        {"role": "user", "content": [{**text("a")[0], "cache_control": {"type": "ephemeral"}}], "name": "Bob"},
        {"role": "assistant", "content": None, "refusal": "No."},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "x", "is_error": True, "cache_control": {"type": "ephemeral"}},
    )
    assert [turn["role"] for turn in made] == ["user", "assistant", "assistant", "tool"]
    assert (made[1], sorted(made[2])) == ({"role": "assistant", "content": text("No.")}, ["role", "tool_calls"])
    assert names == ("messages.name", "cache_control", "messages.tool_result.is_error")


THOUGHT = {"type": "reasoning.text", "text": "hm", "index": 0}


@pytest.mark.parametrize(
    ("message", "endpoint", "thinking", "adjusted"),
    [
        ({"reasoning_content": "hm"}, ENDPOINT, ["hm"], ()),
        ({"reasoning_content": "hm", "reasoning_details": [THOUGHT]}, ENDPOINT, ["hm"], ()),
        ({"reasoning_content": "hm", "reasoning_details": []}, ENDPOINT, ["hm"], ()),
        ({"reasoning_details": [THOUGHT]}, ENDPOINT, [], ("messages.reasoning_details",)),
        ({"reasoning_content": "hm", "reasoning_details": [{**THOUGHT, "signature": "s"}]}, ENDPOINT, [], ("messages.reasoning_details",)),
        ({"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]}, ENDPOINT, [], ("messages.reasoning_details",)),
        ({"reasoning_details": 3}, ENDPOINT, [], ("messages.reasoning_details",)),
        ({"reasoning_content": "hm"}, PLAIN, [], ("messages.reasoning_content",)),
        ({}, ENDPOINT, [], ()),
    ],
)
def test_thinking_that_comes_back(message, endpoint, thinking, adjusted):
    made, names = turns(*HELLO, {"role": "assistant", "content": "Hi", **message}, endpoint=endpoint)
    assert made[1]["content"] == [*({"type": "thinking", "thinking": words} for words in thinking), *text("Hi")]
    assert names == adjusted


def test_thinking_without_words_or_calls_is_no_turn():
    assert len(turns(*HELLO, {"role": "assistant", "content": "", "reasoning_content": "hm"})[0]) == 1


@pytest.mark.parametrize(
    ("choice", "names", "said", "adjusted"),
    [
        (None, ["get", "put"], None, ()),
        ("auto", ["get", "put"], None, ()),
        ("none", ["get", "put"], "NONE", ()),
        ("required", ["get", "put"], "REQUIRED", ()),
        ({"type": "function", "function": {"name": "put"}}, ["put"], "REQUIRED", ("tools",)),
    ],
)
def test_tools_and_their_choice(choice, names, said, adjusted):
    body, noted = sent(tools=[TOOL, OTHER], tool_choice=choice)
    assert [tool["function"]["name"] for tool in body["tools"]] == names
    assert (body.get("tool_choice"), noted) == (said, adjusted)
    empty = {"type": "function", "function": {"name": "put", "parameters": {"type": "object", "properties": {}}}}
    assert [tool for tool in body["tools"] if tool != empty] == [TOOL] * ("get" in names)


def test_the_only_tool_named_is_the_only_tool_required():
    body, noted = sent(tools=[TOOL], tool_choice={"type": "function", "function": {"name": "get"}})
    assert (body["tools"], body["tool_choice"], noted) == ([TOOL], "REQUIRED", ())


@pytest.mark.parametrize("choice", ["none", "required", {"type": "function", "function": {"name": "get"}}])
def test_models_that_came_before_the_choice(choice):
    assert refused(OLDER, tools=[TOOL], tool_choice=choice) == "tool_choice"
    assert "tool_choice" not in sent(OLDER, tools=[TOOL], tool_choice="auto")[0]
    newer = msgspec.structs.replace(OLDER, upstream_model="command-r7b-12-2024")
    assert sent(newer, tools=[TOOL], tool_choice=choice)[0]["tool_choice"] in {"NONE", "REQUIRED"}


def strictly(tool, **more):
    return {**tool, "function": {**tool["function"], "strict": True, **more}}


@pytest.mark.parametrize(
    ("tools", "endpoint", "said", "adjusted"),
    [
        ([strictly(TOOL)], ENDPOINT, True, ()),
        ([strictly(TOOL), OTHER], ENDPOINT, None, ("tools.function.strict",)),
        ([strictly(OTHER)], ENDPOINT, None, ("tools.function.strict",)),
        ([strictly(TOOL)], PLAIN, None, ("tools.function.strict",)),
        ([TOOL], ENDPOINT, None, ()),
    ],
)
def test_strict_tools(tools, endpoint, said, adjusted):
    body, noted = sent(endpoint, tools=tools)
    assert (body.get("strict_tools"), noted) == (said, adjusted)


def test_hints_on_tools():
    marked = {**TOOL, "cache_control": {"type": "ephemeral"}}
    assert sent(tools=[marked], parallel_tool_calls=False)[1] == ("parallel_tool_calls", "cache_control")
    assert sent(tools=[], parallel_tool_calls=False, tool_choice="none") == (sent()[0], ())


@pytest.mark.parametrize(
    ("asked", "said", "adjusted"),
    [
        ({"type": "text"}, None, ()),
        ({"type": "json_object"}, {"type": "json_object"}, ()),
        (JSON_SCHEMA, {"type": "json_object", "json_schema": SCHEMA}, ("response_format.json_schema.description",)),
    ],
)
def test_formats(asked, said, adjusted):
    body, noted = sent(response_format=asked)
    assert (body.get("response_format"), noted) == (said, adjusted)
    if asked is JSON_SCHEMA:
        assert refused(PLAIN, response_format=asked) == "response_format"


@pytest.mark.parametrize(
    ("fields", "said", "adjusted"),
    [
        ({"reasoning_effort": "none"}, {"type": "disabled"}, ()),
        ({"reasoning_effort": "minimal"}, {"type": "enabled", "token_budget": 1024}, ()),
        ({"reasoning_effort": "low"}, {"type": "enabled", "token_budget": 2048}, ()),
        ({"reasoning_effort": "medium"}, {"type": "enabled", "token_budget": 8192}, ()),
        ({"reasoning_effort": "medium", "max_tokens": 1000}, {"type": "enabled", "token_budget": 800}, ()),
        ({"reasoning_effort": "medium", "max_tokens": 1}, {"type": "enabled", "token_budget": 1}, ()),
        ({"reasoning_effort": "high"}, {"type": "enabled"}, ()),
        ({"reasoning_effort": "max"}, {"type": "enabled"}, ("reasoning_effort",)),
        ({"reasoning": {"max_tokens": 5}}, {"type": "enabled", "token_budget": 5}, ()),
        ({"reasoning": {"enabled": False}}, {"type": "disabled"}, ()),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, {"type": "enabled", "token_budget": 2000}, ()),
        ({"thinking": {"type": "adaptive"}}, {"type": "enabled"}, ()),
        ({"thinking": {"type": "disabled"}}, {"type": "disabled"}, ()),
        ({}, None, ()),
    ],
)
def test_thinking(fields, said, adjusted):
    body, noted = sent(**fields)
    assert (body.get("thinking"), noted) == (said, adjusted)
    unable = sent(PLAIN, **fields)
    assert "thinking" not in unable[0]
    assert unable[1] == (() if said in (None, {"type": "disabled"}) else (next(name for name in fields if name != "max_tokens"),))


def test_what_the_row_drops():
    assert sent(row=ProviderRow(drops=frozenset({"seed"})), seed=1)[1] == ("seed",)


# --- the answer


def frame(content=(), finish="COMPLETE", **more):
    usage = {"billed_units": {"input_tokens": 37.0, "output_tokens": 28}, "tokens": {"input_tokens": 913, "output_tokens": 83}}
    message = {"role": "assistant", "content": [*content], **{name: more.pop(name) for name in ("tool_plan", "tool_calls") if name in more}}
    return msgspec.json.encode({"id": "i1", "finish_reason": finish, "message": message, "usage": {**usage, "cached_tokens": 12}, **more})


def read(body, **fields):
    outbound = call(**fields)
    adapter().prepare(outbound, ENDPOINT, ProviderRow())
    return adapter().read_answer(body, outbound)


def completed(body, **fields):
    answer = read(body, **fields)
    assert isinstance(answer, Answer), answer
    return answer, ChatCompletion.model_validate_json(answer.body, strict=True)


def test_an_answer():
    answer, made = completed(frame([{"type": "thinking", "thinking": "hm"}, *text("Hi"), *text(" there")]))
    assert (made.id, made.created, made.model, made.choices[0].finish_reason) == ("i1", 1_800_000_000, "cohere/command-a-plus", "stop")
    said = made.choices[0].message
    assert (said.content, said.model_extra["reasoning_content"], said.tool_calls, said.refusal) == ("Hi there", "hm", None, None)
    assert answer.tokens == TokenCount(prompt=37, completion=28, cached=12)
    assert (made.usage.prompt_tokens, made.usage.completion_tokens, made.usage.prompt_tokens_details.cached_tokens) == (37, 28, 12)
    assert (answer.refused, answer.empty) == (False, False)
    assert "hm" not in repr(answer)


def test_an_answer_with_calls():
    call_of = {"id": "get_1", "type": "function", "function": {"name": "get", "arguments": '{"city": "Paris"}'}}
    bare = {"id": "get_2", "type": "function", "function": {"name": "get", "arguments": ""}}
    answer, made = completed(frame(finish="TOOL_CALL", tool_plan="I will look.", tool_calls=[call_of, bare]))
    said = made.choices[0].message
    assert (said.content, made.choices[0].finish_reason, answer.empty) == ("I will look.", "tool_calls", False)
    assert [(one.id, one.function.name, one.function.arguments) for one in said.tool_calls] == [
        ("get_1", "get", '{"city": "Paris"}'),
        ("get_2", "get", "{}"),
    ]


def test_an_answer_without_words():
    answer, made = completed(frame(usage=None))
    assert (made.choices[0].message.content, answer.empty, answer.tokens, made.usage) == ("", True, None, None)


def test_thinking_that_nobody_wants_to_see():
    answer, made = completed(frame([{"type": "thinking", "thinking": "SECRET"}, *text("Hi")]), reasoning={"effort": "low", "exclude": True})
    assert b"SECRET" not in answer.body
    assert made.choices[0].message.content == "Hi"


def test_log_probabilities():
    items = [{"text": "H", "token_ids": [1], "logprobs": [-0.5]}, {"text": "ü", "token_ids": [2, 3], "logprobs": [-0.25, -0.25]}]
    _, made = completed(frame(text("Hü"), logprobs=items))
    found = made.choices[0].logprobs.content
    assert [(one.token, one.logprob, one.bytes, one.top_logprobs) for one in found] == [("H", -0.5, [72], []), ("ü", -0.5, [195, 188], [])]


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"tokens": {"input_tokens": 9, "output_tokens": 2}}, TokenCount(9, 2)),
        ({"billed_units": {"input_tokens": 3, "output_tokens": 2}, "cached_tokens": 90}, TokenCount(3, 2, 3)),
        ({"billed_units": {"input_tokens": 3, "output_tokens": 2, "search_units": None}, "cached_tokens": None}, TokenCount(3, 2)),
        ({"billed_units": {"input_tokens": 3}}, None),
        ({"billed_units": {"input_tokens": -3, "output_tokens": 2}}, None),
        ({"billed_units": {"input_tokens": 10**12, "output_tokens": 2}}, None),
        ({"billed_units": "x"}, None),
        ({}, None),
        ([], None),
    ],
)
def test_usage(usage, tokens):
    assert completed(frame(text("Hi"), usage=usage))[0].tokens == tokens


@pytest.mark.parametrize("reason", [*FINISH, "SOMETHING_NEW"])
@pytest.mark.parametrize("calls", [False, True])
def test_how_answers_end(reason, calls):
    called = [{"id": "1", "type": "function", "function": {"name": "get", "arguments": "{}"}}] if calls else []
    finish = completed(frame(text("Hi"), finish=reason, tool_calls=called))[1].choices[0].finish_reason
    assert finish == ("length" if reason == "MAX_TOKENS" else "tool_calls" if calls else "stop")
    assert FINISH.get(reason, finish) in {finish, "stop", "tool_calls"}


@pytest.mark.parametrize("reason", [*FAILED, "ERROR_TOXIC"])
def test_generations_that_failed(reason):
    assert read(frame(text("Hi"), finish=reason)) == Outcome(FAILED[reason.partition("_")[0]])
    assert read(frame(text("Hi"), error="mark_1")) == Outcome(OutcomeKind.SERVER_ERROR)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b"{}", b"\xff", b"[" * 100_000, b'{"id":"1","message":"invalid api token"}', b'{"finish_reason":7}',
        b'{"finish_reason":"COMPLETE","message":{"content":"x"}}',
        b'{"finish_reason":"TOOL_CALL","message":{"tool_calls":[{"id":"1"}]}}',
        b'{"finish_reason":"TOOL_CALL","message":{"tool_calls":[{"id":"1","function":{"name":"x","arguments":7}}]}}',
    ],
)  # fmt: skip
def test_what_is_no_answer(body):
    assert read(body) == BAD


def test_an_answer_without_an_id_gets_one():
    bodies = [msgspec.json.encode({**msgspec.json.decode(frame(text("Hi"))), "id": None}) for _ in range(2)]
    first, second = (completed(body)[1].id for body in bodies)
    assert first != second
    assert first.startswith("chatcmpl-")


# --- the stream


def event(kind, index=None, message=None, **fields):
    delta = {} if message is None else {"delta": {"message": message}}
    made = {"type": kind, **({} if index is None else {"index": index}), **delta, **fields}
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode(made))


OPENING = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
START = event("message-start", message=OPENING, id="s1")
USED = {"billed_units": {"input_tokens": 3, "output_tokens": 5}, "tokens": {"input_tokens": 30, "output_tokens": 50}, "cached_tokens": 2}


def end(reason="COMPLETE", **delta):
    return event("message-end", delta={"finish_reason": reason, "usage": USED, **delta})


def piece(words, kind="text", **more):
    return event("content-delta", 0, {"content": {kind: words}}, **more)


def tool(kind, index, **made):
    return event(f"tool-call-{kind}", index, {"tool_calls": made} if made else None)


CITED = {"start": 0, "end": 2, "text": "Hi", "sources": [{"type": "tool", "id": "c1:0", "tool_output": {}}], "type": "TEXT_CONTENT"}
WORDS = (
    START
    + event("content-start", 0, {"content": {"type": "thinking", "thinking": ""}})
    + piece("Hm", "thinking")
    + piece(", 東京", "thinking")
    + event("content-end", 0)
    + event("content-start", 1, {"content": {"type": "text", "text": ""}})
    + piece("Grüß", logprobs={"text": "Grüß", "token_ids": [1], "logprobs": [-0.5]})
    + piece(" 🙂")
    + event("citation-start", 0, {"citations": CITED})
    + event("citation-end", 0)
    + event("something-new", 0, {"words": "x"})
    + event("content-end", 1)
    + end()
    + b"data: [DONE]\n\n"
)
PARIS, ROME = '{"city":"Paris"}', '{"city":"Rome"}'
CALLS = (
    START
    + event("tool-plan-delta", message={"tool_plan": "I will"})
    + event("tool-plan-delta", message={"tool_plan": " look."})
    + tool("start", 0, id="get_1", type="function", function={"name": "get", "arguments": ""})
    + tool("delta", 0, function={"arguments": PARIS[:5]})
    + tool("delta", 0, function={"arguments": PARIS[5:]})
    + tool("end", 0)
    + tool("start", 1, id="get_2", type="function", function={"name": "get", "arguments": ROME})
    + tool("end", 1)
    + tool("start", 2, id="get_3", type="function", function={"name": "now", "arguments": ""})
    + tool("end", 2)
    + end("TOOL_CALL")
)


def opened(**fields):
    outbound = call(stream=True, wants_usage=True, **fields)
    adapter().prepare(outbound, ENDPOINT, ProviderRow())
    return adapter().open_stream(outbound)


def streamed(data, **fields):
    reader = opened(**fields)
    return reader, *chunks(reader.feed(data))


def test_a_stream_of_words():
    reader, parsed, done = streamed(WORDS)
    assert (reader.complete, reader.failure, reader.started, reader.empty, done) == (True, None, True, False, True)
    assert {(chunk.id, chunk.model, chunk.created) for chunk in parsed} == {("s1", "cohere/command-a-plus", 1_800_000_000)}
    said = message_of(parsed)
    assert (said["role"], said["content"], said["reasoning_content"]) == ("assistant", "Grüß 🙂", "Hm, 東京")
    assert [chunk.choices[0].finish_reason for chunk in parsed if chunk.choices][-1] == "stop"
    told = [chunk.choices[0].logprobs for chunk in parsed if chunk.choices and chunk.choices[0].logprobs]
    assert [(one.token, one.logprob) for found in told for one in found.content] == [("Grüß", -0.5)]
    assert (parsed[-1].choices, parsed[-1].usage.prompt_tokens, parsed[-1].usage.completion_tokens) == ([], 3, 5)
    assert reader.tokens == TokenCount(3, 5, 2)
    assert reader.feed(piece("more")) == b""


def test_a_stream_of_calls():
    reader, parsed, done = streamed(CALLS)
    assert (reader.complete, done) == (True, True)
    said = message_of(parsed)
    assert said["content"] == "I will look."
    assert [(one["index"], one["id"], one["function"]["name"], one["function"]["arguments"]) for one in said["tool_calls"]] == [
        (0, "get_1", "get", PARIS),
        (1, "get_2", "get", ROME),
        (2, "get_3", "now", "{}"),
    ]
    assert [chunk.choices[0].finish_reason for chunk in parsed if chunk.choices][-1] == "tool_calls"


def test_a_call_that_never_ended_is_ended():
    reader, parsed, _ = streamed(
        START + tool("start", 0, id="c", type="function", function={"name": "now", "arguments": ""}) + end("TOOL_CALL")
    )
    assert reader.complete
    assert message_of(parsed)["tool_calls"][0]["function"]["arguments"] == "{}"


def test_hidden_thinking_and_unwanted_usage():
    outbound = call(stream=True, reasoning={"effort": "low", "exclude": True})
    released = adapter().open_stream(outbound).feed(WORDS)
    assert b"Hm" not in released
    assert b"usage" not in released


@pytest.mark.parametrize("data", [WORDS, CALLS], ids=["words", "calls"])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_a_cut_at_any_byte_is_no_whole_answer(data, ending):
    data = data.replace(b"\n", ending)
    whole = opened().feed(data)
    last = data.index(b"message-end") + data[data.index(b"message-end") :].index(ending * 2) + len(ending)
    reader, released = opened(), b""
    for cut in range(len(data)):
        released += reader.feed(data[cut - 1 : cut]) if cut else b""
        assert whole.startswith(released)
        assert reader.failure is None
        if cut < last:
            assert (reader.complete, reader.tokens, b"[DONE]" in released) == (False, None, False)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, max(len(WORDS), len(CALLS))), max_size=30), st.sampled_from([WORDS, CALLS]))
def test_it_does_not_matter_how_the_bytes_arrive(places, data):
    cuts = sorted({0, len(data), *(min(place, len(data)) for place in places)})
    reader = opened()
    released = b"".join(reader.feed(data[start:stop]) for start, stop in zip(cuts, cuts[1:], strict=False))
    assert (released, reader.complete) == (opened().feed(data), True)


def test_nothing_is_released_before_something_is_said():
    reader = opened()
    assert reader.feed(START + event("content-start", 0, {"content": {"type": "text", "text": ""}})) == b""
    assert (reader.started, reader.empty) == (False, True)


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (piece("x"), BAD),
        (START + START, BAD),
        (START + b"data: {\n\n", BAD),
        (START + b"data: [DONE]\n\n", BAD),
        (START + b'data: {"message":"mark_1"}\n\n', BAD),
        (START + piece(7), BAD),
        (START + event("message-end", delta={}), BAD),
        (START + end("ERROR", error="mark_1"), Outcome(OutcomeKind.SERVER_ERROR)),
        (START + end("COMPLETE", error="mark_1"), Outcome(OutcomeKind.SERVER_ERROR)),
        (START + end("TIMEOUT"), Outcome(OutcomeKind.TIMED_OUT)),
        (START + tool("start", 0, id="", type="function", function={"name": "x"}), BAD),
        (START + tool("start", 0, id="c", type="function"), BAD),
        (START + tool("start", 0, id="c", function={"name": "x"}) * 2, BAD),
        (START + b"data: " + b"x" * 1_100_000, BAD),
    ],
)
def test_streams_that_fail(data, outcome):
    reader = opened()
    released = reader.feed(data)
    assert (reader.failure, reader.complete) == (outcome, False)
    assert b"[DONE]" not in released
    assert b"mark_1" not in released
    assert reader.feed(WORDS) == b""


def test_memory_does_not_grow_with_the_answer():
    reader, calls = opened(), b""
    reader.feed(START)
    for number in range(2000):
        calls = tool("start", number, id=f"c{number}", function={"name": "x"}) + tool("delta", number, function={"arguments": "{}"})
        reader.feed(piece("word ") + calls + tool("end", number))
    assert (reader._open, reader._out) == ({}, [])
    flood = b"".join(tool("start", 5000 + number, id="c", function={"name": "x"}) for number in range(300))
    assert reader.feed(flood) != b""
    assert reader.failure == BAD
    assert len(reader._open) <= 256


# --- errors


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, OutcomeKind.REJECTED),
        (401, OutcomeKind.UNAUTHORIZED),
        (402, OutcomeKind.UNAUTHORIZED),
        (404, OutcomeKind.BAD_RESPONSE),
        (422, OutcomeKind.REJECTED),
        (429, OutcomeKind.RATE_LIMITED),
        (498, OutcomeKind.CONTENT_REFUSED),
        (499, OutcomeKind.SERVER_ERROR),
        (500, OutcomeKind.SERVER_ERROR),
        (501, OutcomeKind.BAD_RESPONSE),
        (503, OutcomeKind.OVERLOADED),
        (504, OutcomeKind.TIMED_OUT),
    ],
)
def test_errors(status, kind):
    assert adapter().classify(status, 4.0, b'{"message":"mark_1"}') == Outcome(kind, 4.0, status)


# --- round trips


WORD = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | WORD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORD, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def said(draw):
    """A turn of a model as Cohere states it: thinking, then words, or a plan and calls."""
    content = [{"type": "thinking", "thinking": draw(WORD)}] if draw(st.booleans()) else []
    if draw(st.booleans()):
        return {"role": "assistant", "content": [*content, *text(draw(WORD))]}
    calls = [
        {
            "id": f"c{number}",
            "type": "function",
            "function": {"name": "get", "arguments": msgspec.json.encode(draw(st.dictionaries(WORD, JSON))).decode()},
        }
        for number in range(draw(st.integers(1, 3)))
    ]
    plan = {"tool_plan": draw(WORD)} if draw(st.booleans()) else {}
    return {"role": "assistant", **({"content": content} if content else {}), **plan, "tool_calls": calls}


def as_stream(message):
    made = START
    for one in message.get("content", ()):
        made += event("content-start", 0, {"content": one})
    if "tool_plan" in message:
        made += event("tool-plan-delta", message={"tool_plan": message["tool_plan"]})
    for number, one in enumerate(message.get("tool_calls", ())):
        made += tool("start", number, **one) + tool("end", number)
    return made + end("TOOL_CALL" if "tool_calls" in message else "COMPLETE")


def from_whole(message):
    body = frame(message.get("content", ()), **{name: message[name] for name in ("tool_plan", "tool_calls") if name in message})
    return completed(body)[1].choices[0].message.model_dump(exclude_unset=True)


def from_stream(message):
    reader, parsed, _ = streamed(as_stream(message))
    assert reader.complete
    return message_of(parsed)


@settings(max_examples=200, deadline=None)
@given(said(), st.sampled_from([from_whole, from_stream]))
def test_any_turn_goes_round(message, received):
    """No loss: an answer, and its stream, come back to Cohere as it had said it."""
    results = [{"role": "tool", "tool_call_id": one["id"], "content": "ok"} for one in message.get("tool_calls", ())]
    made, names = turns(*HELLO, received(message), *results)
    assert (made[1], names) == (message, ())
