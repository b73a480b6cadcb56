"""A plane without an audit log takes what it is given and has no receipts."""

from tests.conformance.samples import usage_row

from anyapi.domain.receipt import NoReceipt
from anyapi.gateway.outlets import Outlets

BARE = Outlets(adapters=None, rows=None, upstreams={}, usage=None, decisions=None, ready=lambda: True)


def test_nothing_is_kept_and_nothing_is_found():
    assert BARE.audit(usage_row(1), ()) is None
    assert BARE.contradicted(None) is None
    assert BARE.receipts("default", "dec_1") is NoReceipt.UNKNOWN
