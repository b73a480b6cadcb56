import itertools

import pytest

from anyapi.simulator.steps import End, How, Send, Wait, regroup, split_at, split_send

END = End(How.KEEP)
STEPS = [Send(b"head"), Wait(1.0), Send(b"abcdef", 1, 6, usage=True), Send(b"gh", 1), END]


def sent(steps):
    return b"".join(step.data for step in steps if isinstance(step, Send))


def test_the_last_part_completes_a_divided_piece():
    first, second = split_send(Send(b"abcdef", 1, 6, usage=True), 2)
    assert first == Send(b"ab")
    assert second == Send(b"cdef", 1, 6, usage=True)


@pytest.mark.parametrize("offset", range(14))
def test_split_at_every_offset(offset):
    before, after = split_at(STEPS, offset)
    assert sent(before) == b"headabcdefgh"[:offset]
    assert sent(after) == b"headabcdefgh"[offset:]
    assert after[-1] == END
    assert END not in before
    assert sum(step.events for step in before + after if isinstance(step, Send)) == 2


def test_a_wait_at_the_place_comes_after_it():
    before, after = split_at(STEPS, 4)
    assert before == [Send(b"head")]
    assert after[0] == Wait(1.0)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_regroup_keeps_bytes_marks_and_waits(size):
    steps = regroup(STEPS, itertools.repeat(size))
    assert sent(steps) == b"headabcdefgh"
    assert all(len(step.data) <= size for step in steps if isinstance(step, Send))
    assert [step for step in steps if not isinstance(step, Send)] == [Wait(1.0), END]
    assert sum(step.events for step in steps if isinstance(step, Send)) == 2
    assert sum(step.text_bytes for step in steps if isinstance(step, Send)) == 6
    assert sum(step.usage for step in steps if isinstance(step, Send)) == 1


def test_regroup_joins_across_borders():
    assert regroup([Send(b"ab", 1), Send(b"cd", 1), END], itertools.repeat(3)) == [Send(b"abc", 1), Send(b"d", 1), END]


def test_content_is_not_printed():
    assert "secret" not in repr(Send(b"secret words"))
