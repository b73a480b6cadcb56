"""The meet: its laws, its layers, its hash."""

import hashlib
import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyapi.domain.data_policy import Confidence
from anyapi.domain.requirement import SETTING_NAMES, DataClass, Layer, Requirement, Settings
from anyapi.policy.merge import DEFAULT_PRESETS, UNCONSTRAINED, canonical_json, lift, meet, merge, tighten

G, A, P, K, R = Layer
names = st.frozensets(st.sampled_from(["a", "b", "c"]))
any_settings = st.builds(
    Settings,
    training_allowed=st.booleans(),
    retention_days=st.none() | st.sampled_from([0, 0.5, 1, 30, 30.0]),
    paid_only=st.booleans(),
    certifications=names,
    regions=st.none() | names,
    providers_only=st.none() | names,
    providers_ignore=names,
    human_review_allowed=st.booleans(),
    min_confidence=st.sampled_from([Confidence.NONE, Confidence.SECONDARY, Confidence.PRIMARY]),
    flagged_copies_counted=st.booleans(),
    certifications_must_be_named=st.booleans(),
    data_class=st.none() | st.sampled_from(DataClass),
    more_classes=st.frozensets(st.sampled_from(DataClass), max_size=1),
)
requirements = st.lists(st.tuples(st.sampled_from(Layer), any_settings), max_size=4).map(lambda layers: merge(layers, DEFAULT_PRESETS))


def merged(*layers):
    return merge(layers, DEFAULT_PRESETS)


@given(requirements, requirements, requirements)
@settings(max_examples=300, deadline=None)
def test_the_meet_is_a_semilattice(a, b, c):
    assert meet(a, a) == a
    assert meet(a, b) == meet(b, a)
    assert meet(meet(a, b), c) == meet(a, meet(b, c))
    assert meet(a, UNCONSTRAINED) == meet(UNCONSTRAINED, a) == a
    copy = msgspec.json.decode(msgspec.json.encode(UNCONSTRAINED), type=Requirement)
    assert meet(a, copy) == meet(copy, a) == a


@given(st.lists(st.tuples(st.sampled_from(Layer), any_settings), max_size=5))
@settings(max_examples=200, deadline=None)
def test_merge_and_tighten_are_the_meet_of_what_each_layer_lifts(layers):
    one_by_one = tightened = UNCONSTRAINED
    for layer, asked in layers:
        one_by_one = meet(one_by_one, lift(layer, asked, DEFAULT_PRESETS))
        tightened = tighten(tightened, layer, asked, DEFAULT_PRESETS)
    assert merge(layers, DEFAULT_PRESETS) == one_by_one == tightened
    assert merge(reversed(layers), DEFAULT_PRESETS) == one_by_one


@given(requirements)
@settings(max_examples=200, deadline=None)
def test_a_requirement_survives_json_and_names_the_layers_of_what_it_constrains(requirement):
    assert msgspec.json.decode(msgspec.json.encode(requirement), type=Requirement) == requirement
    neutral = Requirement()
    constrained = {name for name in SETTING_NAMES if getattr(requirement, name) != getattr(neutral, name)}
    assert set(requirement.layers) - {"data_class"} == constrained
    assert ("data_class" in requirement.layers) == bool(requirement.data_classes)
    assert all(requirement.layers.values())


def test_booleans_unions_and_intersections():
    low = Settings(
        training_allowed=False,
        paid_only=True,
        certifications={"x"},
        regions=frozenset({"eu", "us"}),
        providers_only=frozenset({"p", "q"}),
        providers_ignore=frozenset({"i"}),
        human_review_allowed=False,
        flagged_copies_counted=True,
        certifications_must_be_named=True,
    )
    low = msgspec.structs.replace(low, certifications=frozenset({"x"}))
    high = Settings(
        certifications=frozenset({"y"}),
        regions=frozenset({"us", "sg"}),
        providers_only=frozenset({"q", "r"}),
        providers_ignore=frozenset({"j"}),
    )
    for both in (merged((A, low), (R, high)), merged((R, high), (A, low))):
        assert (both.training_allowed, both.human_review_allowed) == (False, False)
        assert (both.paid_only, both.flagged_copies_counted, both.certifications_must_be_named) == (True, True, True)
        assert both.certifications == {"x", "y"}
        assert both.regions == {"us"}
        assert both.providers_only == {"q"}
        assert both.providers_ignore == {"i", "j"}
        one, two = {A}, {A, R}
        assert both.layers == {
            "training_allowed": one,
            "paid_only": one,
            "human_review_allowed": one,
            "flagged_copies_counted": one,
            "certifications_must_be_named": one,
            "certifications": two,
            "regions": two,
            "providers_only": two,
            "providers_ignore": two,
        }


@pytest.mark.parametrize(
    ("floor", "asked", "left"),
    [
        ({"eea"}, {"de"}, {"de"}),
        ({"eea", "us"}, {"eu", "local"}, {"eu"}),
        ({"eu"}, {"de", "no"}, {"de"}),
        ({"eea"}, {"us"}, set()),
        ({"eea", "de"}, {"eu", "us"}, {"eu", "de"}),
    ],
)
def test_regions_are_met_as_places_and_not_as_names(floor, asked, left):
    low, high = Settings(regions=frozenset(floor)), Settings(regions=frozenset(asked))
    for both in (merged((A, low), (R, high)), merged((R, high), (A, low))):
        assert (both.regions, both.layers) == (left, {"regions": {A, R}})


def test_all_layers_with_the_same_value_are_remembered():
    same = Settings(training_allowed=False, retention_days=7, min_confidence=Confidence.SECONDARY)
    both = merged((G, same), (K, same))
    assert set(both.layers.values()) == {frozenset({G, K})}
    assert set(both.layers) == {"training_allowed", "retention_days", "min_confidence"}


@pytest.mark.parametrize("order", list(itertools.permutations([0, 1, 2])))
def test_the_smallest_retention_and_the_highest_confidence_win_and_name_only_their_layers(order):
    layers = [
        (G, Settings(retention_days=30, min_confidence=Confidence.PRIMARY)),
        (P, Settings(retention_days=7.5, min_confidence=Confidence.SECONDARY)),
        (R, Settings(retention_days=7.5)),
    ]
    both = merged(*(layers[place] for place in order))
    assert (both.retention_days, both.min_confidence) == (7.5, Confidence.PRIMARY)
    assert both.layers == {"retention_days": {P, R}, "min_confidence": {G}}


def test_an_intersection_that_becomes_empty_stays_empty_and_is_not_anywhere():
    both = merged((A, Settings(regions=frozenset({"eu"}))), (R, Settings(regions=frozenset({"us"}))))
    assert both.regions == frozenset()
    assert meet(both, UNCONSTRAINED).regions == frozenset()
    assert merged((R, Settings(providers_only=frozenset()))).providers_only == frozenset()


def test_a_requirement_made_by_hand_without_layers_is_met_all_the_same():
    by_hand = Requirement(retention_days=3.0, min_confidence=Confidence.PRIMARY)
    both = meet(by_hand, lift(R, Settings(retention_days=9), DEFAULT_PRESETS))
    assert (both.retention_days, both.min_confidence) == (3, Confidence.PRIMARY)
    assert both.layers == {"retention_days": frozenset(), "min_confidence": frozenset()}


def test_presets_are_those_of_the_page():
    assert dict(DEFAULT_PRESETS) == {
        DataClass.PUBLIC: Settings(),
        DataClass.INTERNAL: Settings(training_allowed=False, retention_days=30),
        DataClass.CONFIDENTIAL: Settings(training_allowed=False, retention_days=0, human_review_allowed=False, flagged_copies_counted=True),
        DataClass.REGULATED: Settings(
            training_allowed=False,
            min_confidence=Confidence.PRIMARY,
            flagged_copies_counted=True,
            certifications_must_be_named=True,
        ),
    }


def test_a_class_is_met_in_at_the_layer_that_named_it():
    both = merged((A, Settings(data_class=DataClass.INTERNAL, retention_days=90)), (R, Settings(data_class=DataClass.CONFIDENTIAL)))
    assert both.data_classes == {DataClass.INTERNAL, DataClass.CONFIDENTIAL}
    assert both.needs_durable_record
    assert both.retention_days == 0
    assert both.layers == {
        "training_allowed": {A, R},
        "retention_days": {R},
        "human_review_allowed": {R},
        "flagged_copies_counted": {R},
        "data_class": {A, R},
    }


def test_public_sets_nothing_but_is_remembered():
    lifted = lift(K, Settings(data_class=DataClass.PUBLIC), DEFAULT_PRESETS)
    assert lifted.data_classes == {DataClass.PUBLIC}
    assert lifted.layers == {"data_class": {K}}
    assert not lifted.needs_durable_record
    assert lifted.hash != UNCONSTRAINED.hash


def test_several_classes_at_one_layer_are_all_met_in():
    both = merged((R, Settings(data_class=DataClass.INTERNAL, more_classes=frozenset({DataClass.REGULATED}))))
    assert both.data_classes == {DataClass.INTERNAL, DataClass.REGULATED}
    assert (both.retention_days, both.min_confidence) == (30, Confidence.PRIMARY)
    assert merged((R, Settings(more_classes=frozenset({DataClass.INTERNAL})))).retention_days == 30


def test_an_edited_preset_is_used_and_a_forgotten_one_keeps_its_meaning():
    presets = {DataClass.CONFIDENTIAL: Settings(retention_days=5)}
    edited = lift(R, Settings(data_class=DataClass.CONFIDENTIAL), presets)
    assert (edited.retention_days, edited.training_allowed, edited.needs_durable_record) == (5, True, True)
    assert lift(R, Settings(data_class=DataClass.INTERNAL), presets).retention_days == 30


def test_what_constrains_nothing_changes_nothing():
    some = lift(A, Settings(paid_only=True), DEFAULT_PRESETS)
    assert lift(A, Settings(), DEFAULT_PRESETS) is UNCONSTRAINED
    assert merge([], DEFAULT_PRESETS) is UNCONSTRAINED
    assert merge([(A, Settings())], DEFAULT_PRESETS) is UNCONSTRAINED
    assert tighten(some, R, Settings(), DEFAULT_PRESETS) is some
    assert meet(some, some) is some
    assert meet(some, UNCONSTRAINED) is some
    assert meet(UNCONSTRAINED, some) is some


def test_canonical_json_holds_only_what_constrains_sorted_and_without_layers():
    requirement = merged(
        (A, Settings(training_allowed=False, regions=frozenset({"us", "eu"}), min_confidence=Confidence.PRIMARY)),
        (R, Settings(retention_days=30, data_class=DataClass.PUBLIC)),
    )
    expected = b'{"data_classes":["public"],"min_confidence":"primary","regions":["eu","us"],"retention_days":30,"training_allowed":false}'
    assert canonical_json(requirement) == expected
    assert requirement.hash == hashlib.sha256(expected).hexdigest()[:32]
    assert canonical_json(UNCONSTRAINED) == b"{}"
    assert UNCONSTRAINED.hash == "44136fa355b3678a1146ad16f7e8649e"
    assert canonical_json(merged((R, Settings(retention_days=0.5)))) == b'{"retention_days":0.5}'


def test_the_hash_is_that_of_the_constraints_whoever_set_them():
    asked = Settings(training_allowed=False, retention_days=30)
    assert lift(A, asked, DEFAULT_PRESETS).hash == lift(R, msgspec.structs.replace(asked, retention_days=30.0), DEFAULT_PRESETS).hash
    assert lift(A, asked, DEFAULT_PRESETS) != lift(R, asked, DEFAULT_PRESETS)
    zero = lift(A, Settings(retention_days=-0.0), DEFAULT_PRESETS)
    assert zero == lift(A, Settings(retention_days=0), DEFAULT_PRESETS)
    assert str(zero.retention_days) == "0.0"


def test_every_setting_alone_gives_a_hash_of_its_own():
    alone = [
        Settings(training_allowed=False),
        Settings(retention_days=1),
        Settings(paid_only=True),
        Settings(certifications=frozenset({"x"})),
        Settings(regions=frozenset()),
        Settings(providers_only=frozenset()),
        Settings(providers_ignore=frozenset({"x"})),
        Settings(human_review_allowed=False),
        Settings(min_confidence=Confidence.SECONDARY),
        Settings(flagged_copies_counted=True),
        Settings(certifications_must_be_named=True),
        Settings(data_class=DataClass.PUBLIC),
    ]
    assert len({lift(R, asked, DEFAULT_PRESETS).hash for asked in alone}) == len(alone) == len(SETTING_NAMES) + 1


def test_who_named_the_certification_is_part_of_the_hash_where_it_counts():
    regulated, soc2 = Settings(data_class=DataClass.REGULATED), Settings(certifications=frozenset({"soc2"}))
    by_key, by_request = merged((K, regulated), (K, soc2)), merged((K, regulated), (R, soc2))
    assert b"certifications_named" not in canonical_json(by_key)
    assert b'"certifications_named":false' in canonical_json(by_request)
    assert by_key.hash != by_request.hash
    assert merged((A, regulated), (A, soc2)).hash == by_key.hash
    assert b"certifications_named" not in canonical_json(merged((K, regulated)))
