"""Settings written as fields of a request's `data_policy` are read back as they were."""

import pytest

from anyapi.domain.data_policy import Confidence
from anyapi.domain.requirement import DataClass, Settings
from anyapi.policy.as_fields import data_policy
from anyapi.policy.parse import Known, parse_data_policy

KNOWN = Known(frozenset({"openai", "mistral"}), frozenset({"soc2", "iso27001"}))


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(training_allowed=False, retention_days=0.5, paid_only=True),
        Settings(certifications=frozenset({"soc2", "iso27001"}), regions=frozenset({"de"})),
        Settings(providers_only=frozenset({"openai"}), providers_ignore=frozenset({"mistral"})),
        Settings(human_review_allowed=False, min_confidence=Confidence.PRIMARY, flagged_copies_counted=True),
        Settings(data_class=DataClass.CONFIDENTIAL),
    ],
)
def test_what_is_written_is_read_back(settings):
    fields = data_policy(settings)
    assert (parse_data_policy(fields, KNOWN) if fields else Settings()) == settings


def test_nothing_asked_is_nothing_written():
    assert data_policy(Settings()) == {}


def test_several_classes_are_a_list():
    both = Settings(data_class=DataClass.INTERNAL, more_classes=frozenset({DataClass.CONFIDENTIAL}))
    assert data_policy(both) == {"data_class": ["confidential", "internal"]}
