"""Long changes of the database say how far they are; short ones say nothing."""

import pytest

from anyapi.cli.progress import told_progress


@pytest.mark.parametrize(
    ("done", "whole", "told"),
    [
        (10_000, 10_000, ""),
        (490_000, 1_200_000, ""),
        (500_000, 1_200_000, "500,000 of 1,200,000"),
        (1_200_000, 1_200_000, "1,200,000 of 1,200,000"),
    ],
)
def test_a_line_where_one_is_due(capsys, done, whole, told):
    told_progress(done, whole)
    said = capsys.readouterr()
    assert told in said.err
    assert bool(said.err) == bool(told)
    assert said.out == ""
