"""Known formats at other addresses: the path, and what little the body says otherwise there. Everything else is the inner adapter's."""

import msgspec
import pytest

from anyapi.domain.catalogue import Capabilities, Endpoint
from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.upstream.adapter import Adapter, Answer, OutboundChat, ProviderRow
from anyapi.upstream.anthropic import AnthropicAdapter
from anyapi.upstream.anthropic_passthrough import AnthropicPassthrough
from anyapi.upstream.openai_chat import OpenAIChat
from anyapi.upstream.openai_embeddings import OpenAIEmbeddings
from anyapi.upstream.readdressed import AzureDated, ClaudeAtVertex, OpenAIAtVertex
from anyapi.upstream.responses_passthrough import ResponsesPassthrough

ENDPOINT = Endpoint("a/b", "a", "a/b", "claude-opus-4-7@default", max_output_tokens=100, capabilities=Capabilities(tools=True))
EVIL = msgspec.structs.replace(ENDPOINT, upstream_model="../x y\r\nh: 1?a=b#c%")
MESSAGES = [{"role": "user", "content": "Hello"}]
STORES = ProviderRow(accepts_store=True)


def call(*, stream=False, beta=(), **fields):
    raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in {"model": "a/b", "messages": MESSAGES, **fields}.items()}
    return OutboundChat(raw, stream=stream, beta_headers=beta)


@pytest.mark.parametrize(("stream", "manner"), [(False, b"rawPredict"), (True, b"streamRawPredict")])
@pytest.mark.parametrize("inner", [AnthropicAdapter, AnthropicPassthrough])
def test_claude_at_vertex(inner, stream, manner):
    beta = ((b"anthropic-beta", b"b-1"),)
    more = {"max_tokens": 9, "metadata": {"user_id": "u"}}
    made: Adapter = ClaudeAtVertex(inner())
    prepared, plain = (one.prepare(call(stream=stream, beta=beta, **more), ENDPOINT, ProviderRow()) for one in (made, inner()))
    assert prepared.path == b"/publishers/anthropic/models/claude-opus-4-7@default:" + manner
    assert prepared.headers == b"anthropic-beta: b-1\r\n", "its version goes into the body"
    sent, own = msgspec.json.decode(prepared.body), msgspec.json.decode(plain.body)
    assert own.pop("model") == "claude-opus-4-7@default"
    assert sent == {**own, "anthropic_version": "vertex-2023-10-16"}
    assert prepared.adjusted == plain.adjusted
    assert made.prepare(call(max_tokens=9), EVIL, ProviderRow()).path == (
        b"/publishers/anthropic/models/..%2Fx%20y%0D%0Ah%3A%201%3Fa%3Db%23c%25:rawPredict"
    )


def test_the_bytes_of_a_message_are_not_touched():
    spelled = msgspec.Raw(b'[ {"content" : "\\u0041", "role":"user", "new": 1.50} ]')
    request = OutboundChat({"model": msgspec.Raw(b'"a/b"'), "max_tokens": msgspec.Raw(b"9"), "messages": spelled})
    assert bytes(spelled) in ClaudeAtVertex(AnthropicPassthrough()).prepare(request, ENDPOINT, ProviderRow()).body


def test_openai_at_vertex():
    prepared = OpenAIAtVertex(OpenAIChat()).prepare(call(), ENDPOINT, ProviderRow())
    assert prepared.path == b"/endpoints/openapi/chat/completions"
    assert msgspec.json.decode(prepared.body)["model"] == "claude-opus-4-7@default"


@pytest.mark.parametrize(
    ("inner", "fields", "path"),
    [
        (OpenAIChat, {}, b"/deployments/claude-opus-4-7%40default/chat/completions?api-version=2024-10-21"),
        (OpenAIEmbeddings, {"input": "x"}, b"/deployments/claude-opus-4-7%40default/embeddings?api-version=2024-10-21"),
        (ResponsesPassthrough, {"input": "x"}, b"/responses?api-version=2024-10-21"),
    ],
)
def test_azure_by_a_dated_version(inner, fields, path):
    prepared = AzureDated(inner(), "2024-10-21").prepare(call(**fields), ENDPOINT, STORES)
    assert (prepared.path, prepared.headers) == (path, b"")


def test_a_deployment_or_version_cannot_leave_its_place():
    prepared = AzureDated(OpenAIChat(), "a&b=c").prepare(call(), EVIL, ProviderRow())
    assert prepared.path == b"/deployments/..%2Fx%20y%0D%0Ah%3A%201%3Fa%3Db%23c%25/chat/completions?api-version=a%26b%3Dc"


def test_an_older_version_is_not_sent_store():
    assert b"store" in OpenAIChat().prepare(call(), ENDPOINT, STORES).body
    assert b"store" not in AzureDated(OpenAIChat(), "v").prepare(call(), ENDPOINT, STORES).body


@pytest.mark.parametrize("wrapped", [lambda one: ClaudeAtVertex(one), lambda one: OpenAIAtVertex(one), lambda one: AzureDated(one, "v")])
def test_answers_are_the_formats_own(wrapped):
    made = wrapped(OpenAIChat())
    body = b'{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]}'
    assert made.read_answer(body, call()) == OpenAIChat().read_answer(body, call()) == Answer(body, None)
    reader = made.open_stream(call(stream=True))
    assert reader.feed(b"data: [DONE]\n\n") == b"data: [DONE]\n\n"
    assert reader.complete
    assert made.classify(429, 2.0, b"") == Outcome(OutcomeKind.RATE_LIMITED, 2.0, 429)
