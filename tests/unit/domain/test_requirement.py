"""Settings and requirement: neutral by default."""

import pytest

from anyapi.domain.data_policy import Confidence
from anyapi.domain.requirement import RECORDED_CLASSES, SETTING_NAMES, DataClass, Layer, Requirement, Settings


def test_layers_from_floor_to_request_and_classes_weakest_first():
    assert [layer.value for layer in Layer] == ["gateway", "account", "project", "key", "request"]
    assert [name.value for name in DataClass] == ["public", "internal", "confidential", "regulated"]


def test_setting_names_are_the_fields_that_settings_and_requirement_share():
    assert set(SETTING_NAMES) == set(Settings.__struct_fields__) & set(Requirement.__struct_fields__)
    assert len(SETTING_NAMES) == 11
    for name in SETTING_NAMES:
        assert getattr(Settings(), name) == getattr(Requirement(), name)


def test_the_default_constrains_nothing():
    nothing = Settings()
    assert (nothing.training_allowed, nothing.human_review_allowed, nothing.retention_days) == (True, True, None)
    assert (nothing.regions, nothing.providers_only, nothing.min_confidence) == (None, None, Confidence.NONE)
    assert (nothing.data_class, nothing.more_classes) == (None, frozenset())


@pytest.mark.parametrize(
    ("classes", "needed"),
    [
        ((), False),
        (("public",), False),
        (("internal",), False),
        (("confidential",), True),
        (("regulated",), True),
        (("public", "regulated"), True),
    ],
)
def test_which_classes_need_a_durable_record(classes, needed):
    assert Requirement(data_classes=frozenset(map(DataClass, classes))).needs_durable_record is needed
    assert {"confidential", "regulated"} == RECORDED_CLASSES


@pytest.mark.parametrize(
    ("wanted", "named", "lacking"),
    [
        ("gateway", "gateway", False), ("gateway", "account", False), ("gateway", "project", True), ("gateway", "", True),
        ("account", "gateway", False), ("account", "account", False), ("account", "project", True), ("account", "request", True),
        ("project", "account", False), ("project", "project", False), ("project", "key", True),
        ("key", "key", False), ("key", "request", True), ("key", "request account", False),
        ("request", "request", False), ("request key", "request", True), ("request key", "key", False), ("request", "", True),
    ],
)  # fmt: skip
def test_who_may_name_the_certification_that_a_class_wants(wanted, named, lacking):
    layers = {
        "certifications_must_be_named": frozenset(map(Layer, wanted.split())),
        "certifications": frozenset(map(Layer, named.split())),
    }
    certifications = frozenset({"soc2"} if named else ())
    asked = Requirement(certifications_must_be_named=True, certifications=certifications, layers=layers)
    assert asked.lacks_named_certifications is lacking
    assert not Requirement(certifications=certifications, layers=layers).lacks_named_certifications


def test_nobody_knows_who_named_a_certification_so_nobody_did():
    assert Requirement(certifications_must_be_named=True).lacks_named_certifications
    assert Requirement(certifications_must_be_named=True, certifications=frozenset({"x"})).lacks_named_certifications
    held = {"certifications": frozenset({Layer.ACCOUNT})}
    assert Requirement(certifications_must_be_named=True, certifications=frozenset({"x"}), layers=held).lacks_named_certifications


def test_each_requirement_has_layers_of_its_own():
    assert Requirement().layers is not Requirement().layers
