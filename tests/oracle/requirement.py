"""The requirement: every layer's settings as single claims, then one table that says how equal-named claims combine."""

from fractions import Fraction

from tests.oracle.laws import CONFIDENCE_LADDER, LAWS, Laws

HOW = {
    "training_allowed": "must_be_false",
    "human_review_allowed": "must_be_false",
    "paid_only": "must_be_true",
    "flagged_copies_counted": "must_be_true",
    "certifications_must_be_named": "must_be_true",
    "retention_days": "least",
    "min_confidence": "highest",
    "certifications": "all_of",
    "providers_ignore": "all_of",
    "regions": "places",
    "providers_only": "common",
}
"""Each setting, and how the claims about it combine."""

CONSTRAINS_NOTHING = {
    "must_be_false": True,
    "must_be_true": False,
    "least": None,
    "highest": "none",
    "all_of": frozenset(),
    "common": None,
    "places": None,
}


def _plain(name: str, value: object) -> object:
    """A value as it is compared: sets for lists, fractions for numbers."""
    if HOW[name] in ("all_of", "common", "places"):
        return None if value is None else frozenset(value)
    if HOW[name] == "least":
        return None if value is None else Fraction(value)
    return value


def _classes(settings: dict) -> set:
    """Every data class that one layer names."""
    return {settings.get("data_class"), *settings.get("more_classes", ())} - {None}


def _claims(layers: list, presets: dict) -> list:
    """(layer, setting, value) of everything that is asked, the presets at the layer that named their class."""
    asked = []
    for layer, settings in layers:
        asked.append((layer, settings))
        asked += [(layer, presets[name]) for name in _classes(settings)]
    found = [(layer, name, _plain(name, value)) for layer, settings in asked for name, value in settings.items() if name in HOW]
    return [claim for claim in found if claim[2] != CONSTRAINS_NOTHING[HOW[claim[1]]]]


def _combined(how: str, values: list, laws: Laws) -> object:
    if how == "least":
        return min(values)
    if how == "highest":
        return max(values, key=CONFIDENCE_LADDER.index)
    if how == "all_of":
        return frozenset(item for value in values for item in value)
    if how == "common":
        return laws.narrowed(values)
    if how == "places":
        return laws.places_in_all(values)
    return how == "must_be_true"


def requirement(layers: list, presets: dict, laws: Laws = LAWS) -> dict:
    """What all layers ask together.

    In: `layers` as (layer, settings) pairs, `presets` by class name, settings as plain dicts. Out: every setting with its
    effective value (a Fraction of days, frozensets), `data_classes`, and `layers`: setting -> layers that hold the value.
    """
    claims = _claims(layers, presets)
    naming = [(layer, name) for layer, settings in layers for name in _classes(settings)]
    effective: dict = {"data_classes": frozenset(name for _, name in naming), "layers": {}}
    if naming:
        effective["layers"]["data_class"] = frozenset(layer for layer, _ in naming)
    for name, how in HOW.items():
        mine = [(layer, value) for layer, claimed, value in claims if claimed == name]
        if not mine:
            effective[name] = CONSTRAINS_NOTHING[how]
            continue
        effective[name] = _combined(how, [value for _, value in mine], laws)
        counts_all = how in ("all_of", "common", "places")
        effective["layers"][name] = frozenset(layer for layer, value in mine if counts_all or value == effective[name])
    return effective


def durable_record_needed(required: dict, laws: Laws = LAWS) -> bool:
    """Whether a decision record must be durable before anything is sent."""
    return any(name in laws.recorded_classes for name in required["data_classes"])
