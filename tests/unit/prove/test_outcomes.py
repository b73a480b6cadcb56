"""All classes of outcomes: enough of them, told apart by name, of every status."""

from anyapi.prove.caller import Ended
from anyapi.prove.outcomes import outcomes
from anyapi.prove.outcomes_here import ended_here


def test_there_are_enough_and_of_every_status():
    every = list(outcomes())
    assert len({one.name for one in every}) > 200
    statuses = {end.status for one in every for end in one.wanted}
    assert statuses >= {200, 400, 401, 403, 404, 405, 408, 413, 417, 429, 431, 502, 503, 504, 499}
    assert {end.broken for one in every for end in one.wanted} == {True, False}


def test_what_ends_here_is_among_them():
    every = [one.name for one in outcomes()]
    assert all(one.name in every for one in ended_here())
    assert Ended(499) in {end for one in outcomes() for end in one.wanted}
