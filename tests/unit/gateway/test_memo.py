"""What is remembered: the strictest class, the earliest end, and the base that a memo goes by."""

import pytest
from tests.unit.policy.samples import NOW, context, provider

from anyapi.domain.call import NO_FACTS, NO_PREFERENCE
from anyapi.domain.requirement import DataClass, Layer, Requirement, Settings
from anyapi.gateway.memo import Asked, Decided
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
