"""A usage row as the columns of its table, in the order of `USAGE_COLUMNS`, and back."""

from collections.abc import Sequence

import msgspec

from anyapi.domain.call import App
from anyapi.domain.usage import TokenCount, UsageRow
from anyapi.storage import usage_statements as statements

_TOKENS = tuple((name, f"{name}_tokens") for name in TokenCount.__struct_fields__)
_APP = tuple((name, f"app_{name}") for name in App.__struct_fields__)


def to_columns(row: UsageRow) -> tuple[str | float | None, ...]:
    """Give the values of a row."""
    tokens, app = row.tokens, row.app
    return (
        row.decision,
        row.at,
        row.account,
        row.key,
        row.operation,
        row.model,
        row.outcome,
        row.status,
        row.source.value,
        tokens.prompt,
        tokens.completion,
        tokens.cached,
        tokens.reasoning,
        row.project,
        app.id,
        app.name,
        app.version,
        app.user_id,
        app.session_id,
        row.provider,
        row.endpoint,
        row.credential,
        row.data_class,
        row.streamed,
        row.attempts,
        row.duration,
        row.first_token,
        row.cost,
        row.host,
        row.evidence,
        None if row.sent_to is None else msgspec.json.encode(row.sent_to).decode(),
    )


def from_columns(values: Sequence[str | float | bytes | None]) -> UsageRow:
    """Build the row again."""
    named = dict(zip(statements.USAGE_COLUMNS, values, strict=True))
    nested: dict[str, object] = {
        "tokens": {name: named[column] for name, column in _TOKENS},
        "app": {name: named[column] for name, column in _APP},
    }
    sent_to = named["sent_to"]
    listed = None if sent_to is None else msgspec.json.decode(str(sent_to))
    return msgspec.convert({**named, **nested, "streamed": bool(named["streamed"]), "sent_to": listed}, UsageRow)
