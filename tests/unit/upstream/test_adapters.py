"""Which adapter serves which client format at which provider."""

import msgspec
import pytest

from anyapi.catalogue.vocabulary import NOT_SERVED, PROTOCOLS
from anyapi.domain.catalogue import Auth, ProviderApi
from anyapi.domain.decision import BEYOND_LIMITS
from anyapi.upstream.adapter import Dialect, OutboundChat
from anyapi.upstream.adapters import (
    ANTHROPIC,
    AZURE_DATED,
    CHATS,
    EMBEDDINGS,
    OPENAI,
    RESPONSES,
    SERVED_EMBEDDINGS,
    SERVED_PROTOCOLS,
    VERTEX_ANTHROPIC,
    VERTEX_OPENAI,
    adapter_for,
)
from anyapi.upstream.anthropic_passthrough import AnthropicPassthrough
from anyapi.upstream.hub import MessagesOverChat, ResponsesOverChat
from anyapi.upstream.readdressed import AzureDated, ClaudeAtVertex, OpenAIAtVertex
from anyapi.upstream.responses_passthrough import ResponsesPassthrough
from anyapi.upstream.translate.carried_reasoning import MARK
from anyapi.upstream.translate.openai_responses_echo import Echo
from anyapi.upstream.translate.openai_responses_reasoning import PREFIX


def api(protocol, *also):
    return ProviderApi("https://example.com", protocol, Auth.BEARER, also_speaks=also)


ELSEWHERE = {AZURE_DATED: AzureDated, VERTEX_ANTHROPIC: ClaudeAtVertex, VERTEX_OPENAI: OpenAIAtVertex}
"""Known formats at other addresses."""


def parts(adapter):
    """The types of an adapter and of those inside it, from the outermost."""
    found = []
    while adapter is not None:
        found.append(type(adapter))
        adapter = getattr(adapter, "_inner", None)
    return found


@pytest.mark.parametrize("protocol", sorted(SERVED_PROTOCOLS))
def test_a_chat_is_the_providers_own_adapter(protocol):
    wrapped = [ELSEWHERE[protocol]] if protocol in ELSEWHERE else []
    assert parts(adapter_for(Dialect.CHAT_COMPLETIONS, api(protocol))) == [*wrapped, type(CHATS[protocol]())]


@pytest.mark.parametrize("protocol", sorted(SERVED_EMBEDDINGS))
def test_embeddings(protocol):
    wrapped = [ELSEWHERE[protocol]] if protocol in ELSEWHERE else []
    assert parts(adapter_for(Dialect.EMBEDDINGS, api(protocol))) == [*wrapped, EMBEDDINGS[protocol]]


@pytest.mark.parametrize("protocol", sorted(SERVED_PROTOCOLS))
def test_the_same_format_passes_through_and_every_other_goes_by_way_of_chat(protocol):
    chat = parts(adapter_for(Dialect.CHAT_COMPLETIONS, api(protocol)))
    messages, responses = (parts(adapter_for(dialect, api(protocol))) for dialect in (Dialect.MESSAGES, Dialect.RESPONSES))
    assert messages == ([*chat[:-1], AnthropicPassthrough] if protocol in {ANTHROPIC, VERTEX_ANTHROPIC} else [MessagesOverChat, *chat])
    assert responses == [ResponsesOverChat, *chat]


def test_the_words_of_the_catalogue_say_which_have_no_adapter():
    assert PROTOCOLS - NOT_SERVED == SERVED_PROTOCOLS
    assert NOT_SERVED < PROTOCOLS


def test_responses_of_the_providers_own():
    assert parts(adapter_for(Dialect.RESPONSES, api(OPENAI, RESPONSES))) == [ResponsesPassthrough]
    assert parts(adapter_for(Dialect.RESPONSES, api(AZURE_DATED, RESPONSES))) == [AzureDated, ResponsesPassthrough]
    assert type(adapter_for(Dialect.RESPONSES, api("bedrock", RESPONSES))) is ResponsesOverChat, "its responses have another address"


def test_who_looks_through_a_request():
    """All that build it anew. What passes does only where it may hold reasoning that was sealed here."""
    plain = OutboundChat({"messages": msgspec.Raw(b"[]"), "input": msgspec.Raw(b"[]")})
    ours = OutboundChat({"messages": msgspec.Raw(f'["{MARK}"]'.encode()), "input": msgspec.Raw(f'["{PREFIX}"]'.encode())})
    native = {
        Dialect.CHAT_COMPLETIONS: {OPENAI, VERTEX_OPENAI, AZURE_DATED},
        Dialect.MESSAGES: {ANTHROPIC, VERTEX_ANTHROPIC},
        Dialect.RESPONSES: {OPENAI, VERTEX_OPENAI, AZURE_DATED},
        Dialect.EMBEDDINGS: {OPENAI, VERTEX_OPENAI, AZURE_DATED},
    }
    for dialect, own in native.items():
        for protocol in SERVED_EMBEDDINGS if dialect is Dialect.EMBEDDINGS else SERVED_PROTOCOLS:
            adapter = adapter_for(dialect, api(protocol, RESPONSES))
            assert adapter.walks(plain) is (protocol not in own)
            assert adapter.walks(ours) is (protocol not in own or dialect in (Dialect.MESSAGES, Dialect.RESPONSES))


@pytest.mark.parametrize("dialect", Dialect)
def test_a_protocol_that_is_not_served_is_no_adapter(dialect):
    with pytest.raises(KeyError):
        adapter_for(dialect, msgspec.structs.replace(api(OPENAI), protocol="vertex-mistral"))


@pytest.mark.parametrize("also", [(), (RESPONSES,)])
@pytest.mark.parametrize("dialect", [Dialect.CHAT_COMPLETIONS, Dialect.MESSAGES, Dialect.RESPONSES])
@pytest.mark.parametrize("protocol", sorted(SERVED_PROTOCOLS - {"bedrock"}))
def test_an_event_longer_than_is_held_is_told_from_one_that_makes_no_sense(protocol, dialect, also):
    """By identity: it says nothing of the endpoint. Bedrock's frames have a limit of their own."""
    adapter = adapter_for(dialect, api(protocol, *also))
    call = OutboundChat(stream=True, hub=OutboundChat(stream=True), echo=Echo() if dialect is Dialect.RESPONSES else None)
    long, odd = adapter.open_stream(call), adapter.open_stream(call)
    long.feed(b"data: " + b"x" * 4 * 1024 * 1024)
    assert long.failure is BEYOND_LIMITS
    odd.feed(b"data: \xff\n\n")
    assert (odd.failure, odd.failure is BEYOND_LIMITS) == (BEYOND_LIMITS, False)
