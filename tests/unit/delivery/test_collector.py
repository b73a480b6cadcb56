"""What comes of an export to a collector, and what goes with it."""

import pytest
from tests.tools.collector import collecting

from anyapi.crypto.secret import Secret
from anyapi.delivery.collector import Collector


@pytest.mark.parametrize(
    ("status", "taken"),
    [(200, True), (400, False), (401, False), (404, False), (413, False), (429, None), (500, False), (503, None), (301, False)],
)
def test_what_a_status_means(status, taken):
    with collecting() as there:
        there.status, there.answer = status, b"words of its own"
        code = "ok" if taken else f"status_{status}"
        assert Collector(there.url, {}).send(b"body", 5.0) == (taken, code, b"words of its own" if taken else b"")


def test_headers_go_along_and_do_not_print():
    with collecting() as there:
        collector = Collector(there.url, {"authorization": Secret("Bearer abc")})
        assert collector.send(b"body", 5.0)[0]
        assert there.heads[0]["authorization"] == "Bearer abc"
        assert "abc" not in repr(vars(collector))


def test_one_that_is_away_or_slow_may_be_asked_later():
    assert Collector("http://127.0.0.1:9/v1/traces", {}).send(b"", 5.0)[:2] == (None, "refused")
    with collecting() as there:
        there.seconds = 30.0
        assert Collector(there.url, {}).send(b"", 0.2)[:2] == (None, "timed_out")


def test_nothing_goes_in_the_clear_to_a_public_address():
    assert Collector("http://8.8.8.8/v1/traces", {}).send(b"", 0.2)[:2] == (None, "plain_http")
