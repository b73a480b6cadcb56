"""A row as columns and back."""

import pytest
from tests.conformance.samples import usage_row

from anyapi.domain.call import App
from anyapi.storage.usage_columns import from_columns, to_columns
from anyapi.storage.usage_statements import USAGE_COLUMNS


@pytest.mark.parametrize(
    "changes", [{}, {"app": App("i", "n", "1", "u", "s"), "streamed": False, "cost": None, "evidence": "agreed"}], ids=["some", "more"]
)
def test_a_row_comes_back(changes):
    row = usage_row(1, **changes)
    columns = to_columns(row)
    assert from_columns(columns) == row
    named = dict(zip(USAGE_COLUMNS, columns, strict=True))
    assert (named["prompt_tokens"], named["app_session_id"], named["source"]) == (100, row.app.session_id, "measured")
