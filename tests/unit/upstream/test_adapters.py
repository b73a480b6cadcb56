"""Which adapter serves which client format at which provider."""

import msgspec
import pytest

from anyapi.domain.catalogue import Auth, ProviderApi
from anyapi.upstream.adapter import Dialect, OutboundChat
from anyapi.upstream.adapters import CHATS, EMBEDDINGS, OPENAI, RESPONSES, SERVED_EMBEDDINGS, SERVED_PROTOCOLS, adapter_for
from anyapi.upstream.anthropic_passthrough import AnthropicPassthrough
from anyapi.upstream.hub import MessagesOverChat, ResponsesOverChat
from anyapi.upstream.responses_passthrough import ResponsesPassthrough
from anyapi.upstream.translate.carried_reasoning import MARK
from anyapi.upstream.translate.openai_responses_reasoning import PREFIX


def api(protocol, *also):
    return ProviderApi("https://example.com", protocol, Auth.BEARER, also_speaks=also)


@pytest.mark.parametrize("protocol", sorted(SERVED_PROTOCOLS))
def test_a_chat_is_the_providers_own_adapter(protocol):
    assert type(adapter_for(Dialect.CHAT_COMPLETIONS, api(protocol))) is CHATS[protocol]


@pytest.mark.parametrize("protocol", sorted(SERVED_EMBEDDINGS))
def test_embeddings(protocol):
    assert type(adapter_for(Dialect.EMBEDDINGS, api(protocol))) is EMBEDDINGS[protocol]


def test_the_same_format_passes_through_and_every_other_goes_by_way_of_chat():
    for protocol in SERVED_PROTOCOLS:
        messages, responses = (adapter_for(dialect, api(protocol)) for dialect in (Dialect.MESSAGES, Dialect.RESPONSES))
        assert type(messages) is (AnthropicPassthrough if protocol == "anthropic-messages" else MessagesOverChat)
        assert type(responses) is ResponsesOverChat
    assert type(adapter_for(Dialect.RESPONSES, api(OPENAI, RESPONSES))) is ResponsesPassthrough
    assert type(adapter_for(Dialect.RESPONSES, api("bedrock", RESPONSES))) is ResponsesOverChat, "its responses have another address"


def test_who_looks_through_a_request():
    """All that build it anew. What passes does only where it may hold reasoning that was sealed here."""
    plain = OutboundChat({"messages": msgspec.Raw(b"[]"), "input": msgspec.Raw(b"[]")})
    ours = OutboundChat({"messages": msgspec.Raw(f'["{MARK}"]'.encode()), "input": msgspec.Raw(f'["{PREFIX}"]'.encode())})
    native = {
        Dialect.CHAT_COMPLETIONS: OPENAI,
        Dialect.MESSAGES: "anthropic-messages",
        Dialect.RESPONSES: OPENAI,
        Dialect.EMBEDDINGS: OPENAI,
    }
    for dialect, own in native.items():
        for protocol in SERVED_EMBEDDINGS if dialect is Dialect.EMBEDDINGS else SERVED_PROTOCOLS:
            adapter = adapter_for(dialect, api(protocol, RESPONSES))
            assert adapter.walks(plain) is (protocol != own)
            assert adapter.walks(ours) is (protocol != own or dialect in (Dialect.MESSAGES, Dialect.RESPONSES))


@pytest.mark.parametrize("dialect", Dialect)
def test_a_protocol_that_is_not_served_is_no_adapter(dialect):
    with pytest.raises(KeyError):
        adapter_for(dialect, msgspec.structs.replace(api(OPENAI), protocol="cohere"))
