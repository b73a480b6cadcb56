"""What a span may say is a list that ends, and nothing that names a caller is on it."""

import msgspec
import pytest
from tests.conformance.samples import usage_row

from anyapi.domain.call import App
from anyapi.domain.usage import UsageRow, UsageSource
from anyapi.telemetry.span_fields import BOTH, OPERATIONS, PROVIDERS, REQUEST, RESOURCE, SENT, purposes, read
from anyapi.upstream.adapter import Dialect

CALLERS = {"account", "key", "project", "app", "credential"}
"""Fields of a row that say whose request it was."""
OPENTELEMETRY = {
    "error.type",
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.reasoning.output_tokens",
    "http.request.method",
    "http.response.status_code",
}
"""Names of OpenTelemetry's semantic conventions 1.44, copied from there; all others are ours."""


def leaves(value, path=""):
    """Every text of a row, by its field."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from leaves(getattr(value, name), f"{path}.{name}".strip("."))


def marked():
    """A row whose every text is unique."""
    texts = {
        field.name: f"mark-{field.name}"
        for field in msgspec.structs.fields(UsageRow)
        if field.name
        not in {"at", "status", "source", "tokens", "app", "streamed", "attempts", "duration", "first_token", "cost", "sent_to"}
    }
    app = App(**{name: f"mark-app-{name}" for name in App.__struct_fields__})
    sent_to = (("mark-first", "mark-credential-first"), (texts["endpoint"], texts["credential"]))
    return usage_row(1, **{**texts, "app": app, "sent_to": sent_to})


def test_no_text_of_a_row_that_names_a_caller_is_read():
    row = marked()
    texts = dict(leaves(row))
    assert {path.split(".")[0] for path in texts} >= CALLERS
    said = str([read(REQUEST, row), read(SENT, row)])
    kept = {path for path, text in texts.items() if text in said and path != "source"}
    assert kept == {"decision", "operation", "model", "outcome", "provider", "endpoint", "data_class", "host", "evidence"}
    assert not [text for path, text in texts.items() if path.split(".")[0] in CALLERS and text in said]
    assert "mark-first" in said
    assert "mark-credential" not in said


def test_names_are_opentelemetrys_or_begin_with_ours():
    names = {name for name in {*REQUEST, *SENT} if not name.startswith("anyapi.")}
    assert names == OPENTELEMETRY
    assert not [name for name in names if "message" in name or "content" in name or name.endswith((".prompt", ".completion"))]
    assert set(BOTH) == set(REQUEST) & set(SENT)


def test_every_attribute_has_a_purpose():
    assert set(purposes()) == {*REQUEST, *SENT}
    assert all(len(purpose) > 3 for purpose in [*purposes().values(), *RESOURCE.values()])


def test_what_is_not_known_is_left_out():
    row = usage_row(1, source=UsageSource.UNKNOWN, cost=None, first_token=None, provider=None, endpoint=None, data_class=None)
    assert not [name for name in read(SENT, row) if ".usage." in name or "provider" in name]
    left = {
        "anyapi.cost_usd",
        "anyapi.first_token",
        "anyapi.provider",
        "anyapi.endpoint",
        "anyapi.data_class",
        "anyapi.sent_to",
        "error.type",
    }
    assert left.isdisjoint(read(REQUEST, row))


@pytest.mark.parametrize(
    ("outcome", "error"), [("success", None), ("content_refused", None), ("client_gone", "client_gone"), ("overloaded", "overloaded")]
)
def test_an_error_is_named_by_the_outcome(outcome, error):
    assert read(SENT, usage_row(1, outcome=outcome)).get("error.type") == error


def test_operations_and_providers_are_called_as_opentelemetry_calls_them():
    assert {read(BOTH, usage_row(1, operation=dialect.value))["gen_ai.operation.name"] for dialect in Dialect} == {"chat", "embeddings"}
    assert set(OPERATIONS) <= {dialect.value for dialect in Dialect}
    assert read(SENT, usage_row(1, provider="amazon-bedrock"))["gen_ai.provider.name"] == "aws.bedrock"
    assert read(SENT, usage_row(1, provider="groq"))["gen_ai.provider.name"] == "groq"


def test_the_providers_that_are_called_otherwise_are_in_the_catalogue():
    from anyapi.catalogue.load import load_catalogue

    assert set(PROVIDERS) <= set(load_catalogue().providers)
