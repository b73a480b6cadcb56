"""Whose model it is."""

import pytest

from anyapi.domain.catalogue import Endpoint
from anyapi.upstream.translate.bedrock_family import Family, chooses_natively, claude_of, family_of

ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"


def endpoint(upstream, model="x/y"):
    return Endpoint("a/b", "amazon-bedrock", model, upstream)


@pytest.mark.parametrize(
    ("upstream", "model", "family"),
    [
        ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "x/y", Family.CLAUDE),
        ("global.amazon.nova-2-lite-v1:0", "x/y", Family.NOVA),
        ("openai.gpt-oss-120b", "x/y", Family.GPT_OSS),
        ("us.openai.gpt-6-sol", "x/y", Family.GPT),
        ("deepseek.v3-v1:0", "x/y", Family.DEEPSEEK),
        ("meta.llama4-scout-17b-instruct-v1:0", "meta/llama-4-scout", Family.OTHER),
        ("qwen.supernova", "x/supernova", Family.OTHER),
        (ARN, "anthropic/claude-opus-4.8", Family.CLAUDE),
        (ARN, "amazon/nova-lite-v1", Family.NOVA),
        (ARN, "x/y", Family.OTHER),
    ],
)
def test_family(upstream, model, family):
    assert family_of(endpoint(upstream, model)) is family


@pytest.mark.parametrize(
    ("upstream", "model", "version", "native"),
    [
        ("us.anthropic.claude-opus-4-8", "x/y", (4, 8), True),
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", "x/y", (3, 5), False),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "x/y", (4, 5), True),
        (ARN, "anthropic/claude-fable-5.1", (5, 1), True),
        ("amazon.nova-lite-v1:0", "amazon/nova-lite-v1", (0, 0), False),
    ],
)
def test_generation(upstream, model, version, native):
    generation = claude_of(endpoint(upstream, model))
    assert generation.version == version
    assert chooses_natively(generation) is native
