"""The fields of an OpenAI chat completion request, sorted by what Bedrock's Converse can make of them. Translates none of them."""

from collections.abc import Callable, Mapping

from anyapi.upstream.translate.chat_fields import Rules

TRANSLATED = frozenset(
    {
        "model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "stop",
        "tools", "tool_choice", "parallel_tool_calls", "response_format", "reasoning_effort", "reasoning", "thinking", "cache_control",
    }
)  # fmt: skip

REFUSED: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "n": (lambda value: value == 1, "it gives one choice. Send one request for each."),
    "logprobs": (lambda value: value is False, "it gives no log probabilities."),
    "top_logprobs": (lambda value: value == 0, "it gives no log probabilities."),
    "logit_bias": (lambda value: value == {}, "it has no token bias."),
    "frequency_penalty": (lambda value: value == 0, "it has no penalties."),
    "presence_penalty": (lambda value: value == 0, "it has no penalties."),
    "modalities": (lambda value: value == ["text"], "it is asked for text only."),
    "audio": (lambda _value: False, "it is asked for text only."),
    "functions": (lambda value: value == [], "send `tools`, which replaced it."),
    "function_call": (lambda _value: False, "send `tool_choice`, which replaced it."),
    "web_search_options": (lambda _value: False, "web search is not offered there."),
    "moderation": (lambda _value: False, "it has no such setting."),
}
"""Fields whose meaning would be lost, each with the values that ask for nothing, and the reason."""

LEFT_OUT = frozenset(
    {
        "seed", "service_tier", "store", "metadata", "user", "safety_identifier", "prediction", "verbosity", "prompt_cache_key",
        "prompt_cache_options", "prompt_cache_retention", "include_reasoning", "min_p", "top_a", "repetition_penalty", "transforms",
        "route", "usage", "enable_thinking", "chat_template_kwargs", "extra_body",
    }
)  # fmt: skip
"""Fields that are hints, or mean something at another provider only. Left out and named; a name not listed here is named `other`."""

RULES = Rules("Bedrock", TRANSLATED, REFUSED, LEFT_OUT)
