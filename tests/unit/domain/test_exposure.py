"""The words of the exposure ledger: there is one for not knowing, and it is not a number."""

from anyapi.domain.exposure import Keeping, RetentionClock


def test_not_knowing_has_a_word_and_no_end():
    assert RetentionClock(Keeping.UNKNOWN, None, None).until is None
    assert {each.value for each in Keeping} == {"nothing", "until", "indefinitely", "unknown"}
