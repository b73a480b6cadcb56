"""Whose model an endpoint at Amazon Bedrock serves, because what Converse leaves to the model differs from vendor to vendor.

Converse is one format for all models; reasoning, `top_k` and caching are not part of it and are told to each vendor's model in its own
words. A vendor that is not listed gets none of them.
"""

import enum

from anyapi.domain.catalogue import Endpoint
from anyapi.upstream.translate.claude_generation import Generation, generation_of


class Family(enum.StrEnum):
    """The vendors whose own words are known here."""

    CLAUDE = "claude"
    NOVA = "nova"
    GPT_OSS = "gpt-oss"
    GPT = "gpt"
    DEEPSEEK = "deepseek"
    OTHER = "other"


_MARKS = (
    ("claude", Family.CLAUDE),
    ("amazon.nova", Family.NOVA),
    ("amazon/nova", Family.NOVA),
    ("gpt-oss", Family.GPT_OSS),
    ("openai", Family.GPT),
    ("deepseek", Family.DEEPSEEK),
)


def family_of(endpoint: Endpoint) -> Family:
    """Told by the provider's name for the model; by the catalogue's where that is an ARN, which need not say it."""
    for name in (endpoint.upstream_model, endpoint.model):
        for mark, family in _MARKS:
            if mark in name:
                return family
    return Family.OTHER


def claude_of(endpoint: Endpoint) -> Generation:
    """The generation of a Claude model; the oldest, which has no restriction, for another vendor's."""
    upstream = endpoint.upstream_model
    return generation_of(upstream if "claude" in upstream else endpoint.model)


def chooses_natively(generation: Generation) -> bool:
    """Whether Claude's own `tool_choice` is taken among the additional fields: from 4.5 on, and never beside Converse's `toolChoice`."""
    return generation.version >= (4, 5)
