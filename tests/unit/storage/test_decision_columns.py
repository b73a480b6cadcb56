"""A decision record as columns and back."""

import pytest
from tests.conformance.samples import decision_record

from anyapi.storage.decision_columns import from_columns, to_columns
from anyapi.storage.statements import DECISION_COLUMNS


@pytest.mark.parametrize("changes", [{}, {"data_classes": (), "permitted": (), "denied": ()}], ids=["full", "empty"])
def test_a_record_comes_back(changes):
    record = decision_record(1, **changes)
    columns = to_columns(record)
    assert from_columns(columns) == record
    named = dict(zip(DECISION_COLUMNS, columns, strict=True))
    assert (named["key"], named["snapshot"], named["data_classes"]) == ("key_1", 3, "[]" if changes else '["confidential"]')
