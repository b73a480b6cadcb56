"""All that a span may say: the allow-list of attributes, what each is for, and where in a usage row it is read.

Names that begin with `gen_ai.`, `http.` and `error.` are OpenTelemetry's (semantic conventions 1.44), all others ours.
INVARIANT: no account, key, project, app or credential is here, and nothing that a caller can choose; a test holds every row against that.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from anyapi.domain.usage import UsageRow, UsageSource

Value: TypeAlias = str | bool | float | tuple[str, ...] | None
"""None is left out."""
NO_ERROR = frozenset({"success", "content_refused"})
"""Outcomes that are no error: a model that declines has answered."""
OPERATIONS = {"embeddings": "embeddings"}
"""OpenTelemetry's names of our operations; all others are chats."""
PROVIDERS = {
    "amazon-bedrock": "aws.bedrock",
    "azure": "azure.ai.openai",
    "google-ai-studio": "gcp.gemini",
    "google-vertex": "gcp.vertex_ai",
    "mistral": "mistral_ai",
    "xai": "x_ai",
}
"""OpenTelemetry's names of providers, where they are not the catalogue's."""


class Field(NamedTuple):
    """One attribute."""

    purpose: str
    read: Callable[[UsageRow], Value]


def operation_of(row: UsageRow) -> str:
    """What OpenTelemetry calls it."""
    return OPERATIONS.get(row.operation, "chat")


def error_of(row: UsageRow) -> str | None:
    """The outcome where it is an error."""
    return None if row.outcome in NO_ERROR else row.outcome


def _provider_of(row: UsageRow) -> str | None:
    return None if row.provider is None else PROVIDERS.get(row.provider, row.provider)


def _counted(read: Callable[[UsageRow], int]) -> Callable[[UsageRow], int | None]:
    """A count of tokens, where it is known."""
    return lambda row: None if row.source is UsageSource.UNKNOWN else read(row)


BOTH = {
    "gen_ai.operation.name": Field("chat or embeddings", operation_of),
    "gen_ai.request.model": Field("the model, as the catalogue calls it", lambda row: row.model),
    "error.type": Field("how it ended, if not with an answer", error_of),
    "anyapi.endpoint": Field("the endpoint that the last attempt went to", lambda row: row.endpoint),
}
REQUEST = BOTH | {
    "http.request.method": Field("always POST", lambda _row: "POST"),
    "http.response.status_code": Field("the status that the caller got; 499 if it left before", lambda row: row.status),
    "anyapi.decision": Field("id of the decision, which the answer names too", lambda row: row.decision),
    "anyapi.operation": Field("the format in which the caller asked", lambda row: row.operation),
    "anyapi.outcome": Field("how it ended", lambda row: row.outcome),
    "anyapi.data_class": Field("the strictest data class in force", lambda row: row.data_class),
    "anyapi.provider": Field("the provider of the last attempt", lambda row: row.provider),
    "anyapi.attempts": Field("how many calls to providers were begun", lambda row: row.attempts),
    "anyapi.sent_to": Field(
        "the endpoints that it was written to, where these are not the one named here, once",
        lambda row: None if row.sent_to is None else tuple(endpoint for endpoint, _ in row.sent_to),
    ),
    "anyapi.streamed": Field("whether the answer was a stream", lambda row: row.streamed),
    "anyapi.first_token": Field("seconds until the first content went to the caller", lambda row: row.first_token),
    "anyapi.cost_usd": Field("US dollars by catalogue prices", lambda row: row.cost),
    "anyapi.token_source": Field("whether token counts are measured, estimated or unknown", lambda row: row.source.value),
    "anyapi.host": Field("the host that a router says answered", lambda row: row.host),
    "anyapi.evidence": Field("what the provider's own statements come to", lambda row: row.evidence),
}
"""Of the span of a request, which is a server's."""
SENT = BOTH | {
    "gen_ai.provider.name": Field("the provider, as OpenTelemetry calls it", _provider_of),
    "gen_ai.usage.input_tokens": Field("tokens of the prompt", _counted(lambda row: row.tokens.prompt)),
    "gen_ai.usage.output_tokens": Field("tokens of the answer", _counted(lambda row: row.tokens.completion)),
    "gen_ai.usage.cache_read.input_tokens": Field(
        "tokens of the prompt that the provider had cached", _counted(lambda row: row.tokens.cached)
    ),
    "gen_ai.usage.reasoning.output_tokens": Field("tokens of the answer that are reasoning", _counted(lambda row: row.tokens.reasoning)),
}
"""Of the span of what was sent to the provider, a client's."""
RESOURCE = {
    "service.name": "always anyapi",
    "service.version": "the version of this software",
    "service.instance.id": "a random id of this process",
}


def purposes() -> dict[str, str]:
    """Every attribute of spans with what it is for."""
    return {name: field.purpose for name, field in {**REQUEST, **SENT}.items()}


def read(fields: Mapping[str, Field], row: UsageRow) -> dict[str, str | bool | float | tuple[str, ...]]:
    """The attributes that a row has a value for."""
    return {name: value for name, field in fields.items() if (value := field.read(row)) is not None}
