import pytest

from anyapi.simulator.pairing import Turn, pairing_problem

ASK, CALL, RESULT = Turn("user"), Turn("assistant", ("a", "b")), Turn("user", results=("b", "a"))


@pytest.mark.parametrize(
    "turns",
    [
        [],
        [ASK, Turn("assistant")],
        [ASK, CALL, RESULT],
        [ASK, CALL, Turn("user", results=("a",)), Turn("user", results=("b",)), Turn("assistant")],
        [ASK, Turn("assistant", ("a",)), Turn("assistant", ("b",)), RESULT, CALL, RESULT],
    ],
)
def test_what_belongs_together(turns):
    assert pairing_problem(turns) is None


@pytest.mark.parametrize(
    ("turns", "word"),
    [
        ([ASK, CALL, ASK], "no result"),
        ([ASK, CALL, Turn("user", results=("a",))], "no result"),
        ([ASK, CALL, Turn("user", results=("a", "b", "c"))], "no call"),
        ([Turn("user", results=("a",))], "no call"),
        ([ASK, CALL], "nobody answers"),
    ],
)
def test_what_does_not(turns, word):
    assert word in pairing_problem(turns)
