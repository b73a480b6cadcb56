"""No text of a caller's becomes a formula in somebody's spreadsheet."""

import pytest

from anyapi.control.spreadsheet import cell


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1+1"])
def test_what_looks_like_a_formula_gets_an_apostrophe(text):
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["plain", "a=b", "", -5, 1.5, None, True])
def test_everything_else_stays(value):
    assert cell(value) is value
