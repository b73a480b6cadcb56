"""A traced request: its row, and what is known beside it."""

from tests.conformance.samples import usage_row

from anyapi.domain.trace import Parent, TracedRequest


def test_without_a_caller_that_traces_and_without_a_send_there_is_the_row_alone():
    row = usage_row(1)
    assert TracedRequest(row) == TracedRequest(row, None, None)
    assert TracedRequest(row, Parent(b"t" * 16, b"s" * 8), 0.25).parent == Parent(b"t" * 16, b"s" * 8)
