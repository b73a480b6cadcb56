"""Settings in words: what is written can be read back, field by field."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyapi.cli.rules import FIELDS, apply, assignments, clear, stored_name, summary
from anyapi.domain.data_policy import Confidence
from anyapi.domain.requirement import DataClass, Settings
from anyapi.errors import BadRequest
from anyapi.policy.as_fields import data_policy
from anyapi.policy.parse import DATA_POLICY, Known, parse_data_policy

KNOWN = Known(providers=frozenset({"groq", "openai", "xai"}), certifications=frozenset({"soc2", "iso27001"}))
SETTINGS = st.builds(
    Settings,
    training_allowed=st.booleans(),
    retention_days=st.none() | st.integers(0, 10_000).map(float) | st.sampled_from([0.5, 0.25, 12.125]),
    paid_only=st.booleans(),
    certifications=st.frozensets(st.sampled_from(sorted(KNOWN.certifications))),
    regions=st.none() | st.frozensets(st.sampled_from(["eu", "de", "us"]), min_size=1),
    providers_only=st.none() | st.frozensets(st.sampled_from(sorted(KNOWN.providers)), min_size=1),
    providers_ignore=st.frozensets(st.sampled_from(sorted(KNOWN.providers))),
    human_review_allowed=st.booleans(),
    min_confidence=st.sampled_from([Confidence.NONE, Confidence.SECONDARY, Confidence.PRIMARY]),
    flagged_copies_counted=st.booleans(),
    data_class=st.none() | st.sampled_from(DataClass),
)


@given(SETTINGS)
def test_words_read_back_give_the_same_settings(settings):
    words = [f"{field}={text}" for field, text in assignments(settings).items()]
    assert apply(Settings(), words, KNOWN) == settings
    assert clear(settings, assignments(settings)) == Settings()


@given(SETTINGS)
def test_the_json_form_is_a_data_policy_that_a_request_could_send(settings):
    assert parse_data_policy(data_policy(settings), KNOWN) == settings


def test_the_fields_are_those_of_a_request():
    assert {field.partition(".")[0] for field in FIELDS} == set(DATA_POLICY)
    assert all(stored_name(field) in Settings.__struct_fields__ for field in FIELDS)


def test_several_classes_are_all_shown():
    settings = apply(Settings(), ["data_class=internal,confidential"], KNOWN)
    assert summary(settings) == "data_class=confidential,internal"
    assert data_policy(settings) == {"data_class": ["confidential", "internal"]}
    assert apply(settings, ["data_class=public"], KNOWN) == Settings(data_class=DataClass.PUBLIC)


def test_nothing_asked_is_a_dash():
    assert summary(Settings()) == "-"


@pytest.mark.parametrize("words", ["", "=", "=1", "zz-canary", "zz-canary=1"])
def test_words_that_are_no_assignment(words):
    with pytest.raises(BadRequest) as caught:
        apply(Settings(), [words], KNOWN)
    assert "retention_days" in caught.value.message
