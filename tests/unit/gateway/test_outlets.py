"""What a plane without a store has: a log that takes nothing."""

from tests.conformance.samples import kept

from anyapi.gateway.outlets import NO_LOG


def test_without_a_store_nothing_is_held():
    assert NO_LOG.hold(0) is False
    assert NO_LOG.release(1) is None
    assert NO_LOG.put(kept(1), 1) is None
