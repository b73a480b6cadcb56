"""The fields of an OpenAI chat completion request, sorted by what Bedrock's Converse can make of them. Translates none of them."""

from collections.abc import Callable, Mapping

from anyapi.upstream.translate.chat_fields import COMMON, HINTS, UNSAID, Rules

TRANSLATED = COMMON | {"cache_control"}

REFUSED: Mapping[str, tuple[Callable[[object], bool], str]] = {
    **UNSAID,
    "logprobs": (lambda value: value is False, "it gives no log probabilities."),
    "frequency_penalty": (lambda value: value == 0, "it has no penalties."),
    "presence_penalty": (lambda value: value == 0, "it has no penalties."),
}
"""Fields whose meaning would be lost, each with the values that ask for nothing, and the reason."""

LEFT_OUT = HINTS | {"seed"}
"""Left out and named; a name not listed here is named `other`."""

RULES = Rules("Bedrock", TRANSLATED, REFUSED, LEFT_OUT)
