"""How much of what is left is given away at once."""

from hypothesis import given
from hypothesis import strategies as st

from anyapi.domain.slices import portion

AMOUNTS = st.integers(0, 10**15)


@given(AMOUNTS, st.integers(-(10**12), 10**15))
def test_never_more_than_there_is_and_never_less_than_asked_where_there_is_enough(wanted, room):
    given_away = portion(wanted, room)
    assert 0 <= given_away <= max(0, room)
    assert given_away >= min(wanted, max(0, room))
    assert wanted or not given_away


def test_an_eighth_of_much_and_of_little_what_was_asked():
    assert [portion(1, room) for room in (0, 1, 31, 32, 800)] == [0, 1, 1, 4, 100]
