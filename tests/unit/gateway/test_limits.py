"""What a client hears of a limit names it."""

from anyapi.gateway.limits import Limits


def test_a_body_that_is_too_large_hears_how_large_it_may_be():
    error = Limits(max_body_bytes=1234).body_too_large()
    assert "1234 bytes" in error.message
    assert error.metadata == {"max_body_bytes": 1234}
