import pytest

from anyapi.simulator.faults.base import Fault, PlacedFault
from anyapi.simulator.reply import Reply
from anyapi.simulator.steps import End, How, Send

HEAD, END = Send(b"HEAD"), End(How.KEEP)
STEPS = [HEAD, Send(b"aaaa", 1), Send(b"bb", 1), Send(b"0", 0), END]


@pytest.mark.parametrize(
    ("fault", "size"),
    [
        (PlacedFault(0), 0),
        (PlacedFault(5), 5),
        (PlacedFault("middle"), 5),
        (PlacedFault(99), 11),
        (PlacedFault(0, "body"), 4),
        (PlacedFault(3, "body"), 7),
        (PlacedFault("middle", "body"), 7),
        (PlacedFault(0, "events"), 4),
        (PlacedFault(1, "events"), 8),
        (PlacedFault("middle", "events"), 8),
        (PlacedFault(2, "events"), 10),
        (PlacedFault(9, "events"), 11),
    ],
)
def test_places(fault, size):
    before, after = fault.divide(STEPS, Reply(200, [], head_size=4))
    assert sum(len(step.data) for step in before) == size
    assert after[-1] == END


def test_a_fault_changes_nothing_by_itself():
    assert Fault().on_steps(STEPS, Reply(200, [])) is STEPS
