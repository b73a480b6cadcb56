"""A plane without a store takes what it is given, keeps nothing, and has no receipts."""

from tests.conformance.samples import kept, usage_row

from anyapi.domain.receipt import NoReceipt
from anyapi.gateway.outlets import NO_LOG, Outlets

BARE = Outlets(adapters=None, rows=None, upstreams={}, usage=None, decisions=None, ready=lambda: True)


def test_nothing_is_kept_and_nothing_is_found():
    assert BARE.audit(usage_row(1), ()) is None
    assert BARE.contradicted(None) is None
    assert BARE.receipts("default", "dec_1") is NoReceipt.UNKNOWN


def test_nothing_is_held_for_a_log():
    assert BARE.logs is NO_LOG
    assert NO_LOG.hold(0) is False
    assert NO_LOG.release(1) is None
    assert NO_LOG.put(kept(1), 1) is None
