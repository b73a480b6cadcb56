"""What is counted of a token is one cell, chosen uniformly; and counts are all that comes out."""

import math
from collections import Counter

from anyapi.ranking.sampler import Sampler


def tokens(count):
    return [number.to_bytes(16, "big") for number in range(count)]


def test_a_token_adds_to_one_cell_however_often_it_is_sampled():
    sampler = Sampler()
    for number in range(1000):
        sampler.add(b"one", ("a", "b", "c")[number % 3], number % 5)
    assert sum(sampler.counts(["a", "b", "c"], 5)) == 1


def test_the_cell_is_a_uniform_choice_among_the_samples():
    sampler, repeats = Sampler(), 3000
    for token in tokens(repeats):
        for topic in range(4):
            sampler.add(token, "a", topic)
    counts = sampler.counts(["a"], 4)
    assert sum(counts) == repeats
    assert sum((count - repeats / 4) ** 2 / (repeats / 4) for count in counts) < 16.27  # chi-square, 3 degrees of freedom, 0.1 %


def test_a_cell_that_was_sampled_more_often_is_chosen_more_often():
    sampler, repeats = Sampler(), 2000
    for token in tokens(repeats):
        for topic in (0, 0, 0, 1):
            sampler.add(token, "a", topic)
    first, _second = sampler.counts(["a"], 2)
    assert abs(first - repeats * 0.75) < 4 * math.sqrt(repeats * 0.75 * 0.25)


def test_what_lies_outside_the_domain_is_left_out():
    sampler = Sampler()
    for number, (model, topic) in enumerate([("a", 0), ("a", 1), ("gone", 1), ("b", 7), ("b", -1), ("b", 2)]):
        sampler.add(bytes([number]), model, topic)
    assert sampler.counts(["a", "b"], 3) == [1, 1, 0, 0, 0, 1]
    assert sampler.counts([], 3) == []


def test_what_was_added_can_be_taken_back():
    sampler = Sampler()
    for token in tokens(3):
        sampler.add(token, "a", 0)
    sampler.forget([tokens(3)[1], b"never seen"])
    assert sampler.counts(["a"], 1) == [2]


def test_it_gives_counts_and_nothing_else():
    """Neither order nor tokens come out: the same samples in another order, of other tokens, look the same from outside."""
    first, second = Sampler(), Sampler()
    samples = [("a", 0), ("b", 1), ("a", 1), ("a", 0)]
    for token, sample in zip(tokens(4), samples, strict=True):
        first.add(token, *sample)
    for token, sample in zip(tokens(9)[5:], reversed(samples), strict=True):
        second.add(token, *sample)
    assert first.counts(["a", "b"], 2) == second.counts(["a", "b"], 2) == [2, 1, 0, 1]
    assert repr(first) == "<Sampler>"
    assert Counter(name for name in dir(Sampler) if not name.startswith("_")) == Counter(["add", "counts", "forget"])
