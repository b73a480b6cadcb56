"""Why a provider rejects a request, as far as it can be told in words of ours. Pure; nothing here raises.

The error is searched for a code, a few known words and the name of a field, and then dropped. INVARIANT: what is given is a member of a
list in this file, whatever the provider wrote.
"""

import re

from anyapi.domain.decision import CONTEXT_LENGTH

TOO_LONG = frozenset({CONTEXT_LENGTH, "exceed_context_size_error"})
"""What a context that is too small is called by OpenAI and those who copy it, and by llama.cpp."""
WORDS = re.compile(
    r"(?:maximum|available|model's) (?:context|prompt) (?:length|size)"  # vLLM, DeepSeek, Mistral, Fireworks, xAI, llama.cpp
    r"|(?:prompt|input) is too long"  # Anthropic, Bedrock
    r"|exceeds? (?:the )?context (?:limit|length|window|size)"  # Anthropic, with max_tokens
    r"|input token count .{0,40}exceeds the maximum number of tokens"  # Gemini
    r"|too many tokens: "
    r"|input tokens exceed the configured limit"  # OpenAI's responses
    r"|`inputs` tokens \+ `max_new_tokens` must be",  # text-generation-inference
    re.DOTALL,
)
"""How a context that is too small is said where there is no code for it, in lower case."""
NAMED = re.compile(r"`([a-z_]+)`|([a-z_]+)[:.\[]")
"""How Anthropic begins: `messages.0.content: ...`, `max_tokens: ...`, and with a name in backticks."""
FIELDS = frozenset(
    {
        "cache_control", "context_management", "dimensions", "encoding_format", "frequency_penalty", "include", "input", "instructions",
        "logit_bias", "logprobs", "max_completion_tokens", "max_output_tokens", "max_tokens", "max_tool_calls", "messages", "metadata",
        "modalities", "n", "output_config", "output_format", "parallel_tool_calls", "prediction", "presence_penalty", "prompt_cache_key",
        "prompt_cache_retention", "reasoning", "reasoning_effort", "response_format", "safety_identifier", "seed", "service_tier", "stop",
        "stop_sequences", "stream", "stream_options", "system", "temperature", "text", "thinking", "tool_choice", "tools", "top_k",
        "top_logprobs", "top_p", "truncation", "user", "verbosity", "web_search_options",
    }
)  # fmt: skip
"""Fields of requests that may be named: those that callers write, in each format."""


def why_rejected(codes: frozenset[str], text: str, param: object = None) -> str | None:
    """What is wrong with a request, by the codes (in lower case) and the message of an error, and by the field that it names.

    `CONTEXT_LENGTH`, or the name of a field; None where neither can be told.
    """
    if codes & TOO_LONG or WORDS.search(text.lower()):
        return CONTEXT_LENGTH
    named = NAMED.match(f"{param}:" if isinstance(param, str) else text)
    name = named and (named[1] or named[2])
    return name if name in FIELDS else None
