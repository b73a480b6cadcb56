"""Which requests are traced, whose trace they join, and what of an attempt is noted. Over a whole gateway: tests/integration/test_traces.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conformance.samples import usage_row
from tests.unit.gateway.workbench import Rows

from anyapi.domain.trace import Parent
from anyapi.gateway.call import Call
from anyapi.gateway.tracing import Traced, Tracing, parent_of

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01".encode()


def taken(header, share=1.0, chance=0.5, watch=None):
    headers = {} if header is None else {b"traceparent": header}
    sink = Rows()
    return sink, Tracing(share, [].append, watch, lambda: chance).take(sink, None, None, None, Call(headers=headers))


@pytest.mark.parametrize(("flags", "sampled"), [("00", False), ("01", True), ("02", False), ("03", True), ("ff", True), ("fe", False)])
def test_a_well_formed_one(flags, sampled):
    assert parent_of(GOOD[:-2] + flags.encode()) == (Parent(bytes.fromhex(TRACE), bytes.fromhex(SPAN)), sampled)


@given(
    st.binary(max_size=70)
    | st.integers(0, 54).flatmap(lambda at: st.binary(min_size=1, max_size=2).map(lambda b: GOOD[:at] + b + GOOD[at + 1 :]))
)
def test_anything_at_all_is_either_well_formed_or_none(value):
    found = parent_of(value)
    if found is None:
        return
    (trace, span), _ = (found[0].trace, found[0].span), found[1]
    assert value[:52] == b"00-%b-%b" % (trace.hex().encode(), span.hex().encode())
    assert (len(value), len(trace), len(span)) == (55, 16, 8)
    assert any(trace)
    assert any(span)


@pytest.mark.parametrize("value", [None, b"", GOOD + b"\n", b" " + GOOD, GOOD.upper(), GOOD.replace(b"00-4", b"01-4"), GOOD + b"-00"])
def test_none(value):
    assert parent_of(value) is None


@pytest.mark.parametrize(
    ("header", "share", "traced"),
    [
        (None, 1.0, True),
        (None, 0.6, True),
        (None, 0.5, False),
        (None, 0.0, False),
        (GOOD, 0.0, True),
        (GOOD[:-1] + b"0", 1.0, False),
        (b"nonsense", 1.0, True),
        (b"nonsense", 0.0, False),
    ],
)
def test_which_are_traced(header, share, traced):
    sink, usage = taken(header, share)
    assert (type(usage) is Traced) is traced
    assert traced or usage is sink


def test_what_else_watches_comes_first():
    other = Rows()
    sink, usage = taken(None, watch=lambda *_: other)
    assert usage.usage is other
    assert taken(None, 0.0, watch=lambda *_: other)[1] is other


def test_the_row_goes_on_and_a_request_is_noted():
    sink, noted = Rows(), []
    traced = Traced(sink, noted.append, None)
    traced.accept()
    traced.sending(1)
    row = usage_row(1, attempts=1)
    traced.put(row)
    assert (sink.accepted, sink.rows) == (1, [row])
    (one,) = noted
    assert (one.row, one.parent) == (row, None)
    assert 0 <= one.sent_after < 1
    assert repr(traced) == "<Traced>"


@pytest.mark.parametrize(
    ("sending", "fields"),
    [
        ((), {"attempts": 1}),
        ((), {"attempts": 0, "endpoint": None, "provider": None, "credential": None}),
        ((1,), {"attempts": 2}),
        ((1,), {"attempts": 1, "sent_to": ()}),
        ((1, 2), {"attempts": 2, "sent_to": (("other", "env:SIM"),)}),
    ],
)
def test_a_last_attempt_that_was_not_written_has_no_time(sending, fields):
    noted = []
    traced = Traced(Rows(), noted.append, None)
    for attempt in sending:
        traced.sending(attempt)
    traced.put(usage_row(1, **fields))
    assert noted[0].sent_after is None
