"""What is remembered: the strictest class, the earliest end, and the base that a memo goes by."""

import gc

import pytest
from tests.unit.policy.samples import NOW, context, provider

from anyapi.domain.call import NO_FACTS, NO_PREFERENCE
from anyapi.domain.requirement import DataClass, Layer, Requirement, Settings
from anyapi.gateway import memo as module
from anyapi.gateway.memo import MOST_ASKED, MOST_JUDGED, Asked, Decided, Memory
from anyapi.policy.decide import decide
from anyapi.policy.merge import DEFAULT_PRESETS, UNCONSTRAINED, lift


@pytest.mark.parametrize(
    ("classes", "strictest"),
    [
        ([], None),
        (["public"], "public"),
        (["public", "internal"], "internal"),
        (["regulated", "public"], "regulated"),
        (["confidential", "internal"], "confidential"),
        (["confidential", "regulated"], "regulated"),
    ],
)
def test_the_strictest_class_names_the_request(classes, strictest):
    settings = Settings(more_classes=frozenset(map(DataClass, classes)))
    asked = Asked(UNCONSTRAINED, lift(Layer.REQUEST, settings, DEFAULT_PRESETS), NO_PREFERENCE)
    assert asked.data_class == strictest


def test_it_keeps_its_base_and_starts_empty():
    base = Requirement()
    asked = Asked(base, UNCONSTRAINED, NO_PREFERENCE)
    assert asked.base is base
    assert asked.memo == {}
    assert Asked(base, UNCONSTRAINED, NO_PREFERENCE).memo is not asked.memo


def test_several_decisions_hold_until_the_first_of_them_ends():
    decision = decide(UNCONSTRAINED, "acme/one", NO_FACTS, context([provider()]), None, NOW)
    early = type(decision)(**{**{name: getattr(decision, name) for name in decision.__struct_fields__}, "valid_until": NOW + 5})
    decided = Decided((decision, early))
    assert (decided.valid_until, decided.model, decided.route, decided.rows) == (NOW + 5, "acme/one", None, {})


def decided():
    """A decision for two endpoints."""
    return Decided((decide(UNCONSTRAINED, "acme/one", NO_FACTS, context([provider("a"), provider("b")]), None, NOW),))


def test_what_callers_ask_in_ever_new_ways_is_bounded_as_a_whole(monkeypatch):
    """One caller with many questions, or many with one: of neither is more remembered than so many endpoints."""
    memory = Memory()
    monkeypatch.setattr(module, "MOST_JUDGED", 30)
    asked = [Asked(UNCONSTRAINED, UNCONSTRAINED, NO_PREFERENCE) for _ in range(50)]
    for number, each in enumerate(asked):
        memory.keep((number, None, b"", ()), each)
        for question in range(number % 3 + 1):
            memory.remember(each, question, decided())
        held = [found for known in memory.asked.values() for found in known.memo.values()]
        assert 3 * len(held) <= 30
        assert each.memo
    assert MOST_JUDGED > 10_000


def test_one_caller_alone_is_bounded_too(monkeypatch):
    monkeypatch.setattr(module, "MOST_JUDGED", 30)
    memory, asked = Memory(), Asked(UNCONSTRAINED, UNCONSTRAINED, NO_PREFERENCE)  # not among those remembered: its policy is too long
    for question in range(100):
        assert memory.remember(asked, question, decided()) is asked.memo[question]
        assert len(asked.memo) <= 10


def test_decisions_under_a_second_key_take_next_to_no_room(monkeypatch):
    monkeypatch.setattr(module, "MOST_JUDGED", 30)
    memory, asked = Memory(), Asked(UNCONSTRAINED, UNCONSTRAINED, NO_PREFERENCE)
    first = memory.remember(asked, "first", decided())
    for question in range(27):
        memory.remember(asked, question, Decided(first.decisions), shared=True)
    assert asked.memo["first"] is first
    memory.remember(asked, "more", Decided(first.decisions), shared=True)
    assert list(asked.memo) == ["more"]


def test_memory_that_is_dropped_is_gone_at_once():
    """Without the garbage collector: what stood when a snapshot was put in force is left out of what that looks at."""
    gc.disable()
    try:
        before = remembered()
        memory = Memory()
        for number in range(10):
            asked = Asked(UNCONSTRAINED, UNCONSTRAINED, NO_PREFERENCE)
            memory.keep((number, None, b"", ()), asked)
            first = memory.remember(asked, "first", decided())
            memory.remember(asked, "second", Decided(first.decisions), shared=True)
        assert remembered() == before + 30
        del memory, asked, first
        assert remembered() == before
    finally:
        gc.enable()


def remembered():
    """How much of it there is in this process, other tests' too."""
    return sum(isinstance(each, Asked | Decided) for each in gc.get_objects())


def test_so_much_that_is_asked_is_remembered(monkeypatch):
    monkeypatch.setattr(module, "MOST_ASKED", 10)
    memory = Memory()
    for number in range(100):
        memory.keep((number, None, b"", ()), Asked(UNCONSTRAINED, UNCONSTRAINED, NO_PREFERENCE))
        assert len(memory.asked) <= 10
    assert MOST_ASKED > 1000
