"""Selectors of policy exceptions: yes, no, unknown."""

import pytest
from tests.unit.policy.samples import credential, endpoint

from anyapi.domain.call import Facts
from anyapi.domain.catalogue import Selector
from anyapi.policy.selectors import FLAGGED_COPIES, NEVER_SENT, Answer, Circumstances, all_of, any_feature, matches, where

YES, NO, UNKNOWN = Answer.YES, Answer.NO, Answer.UNKNOWN
HERE = Circumstances(
    endpoint(model="acme/one-2", upstream_model="One-2:cloud", privacy_mode="routed"),
    credential(account_states=frozenset({"safety"}), caller_region="eea", terms=frozenset({"addendum"})),
    Facts(),
)
BARE = Circumstances(endpoint(model="acme/one-2", upstream_model="One-2:cloud"), None, Facts())


@pytest.mark.parametrize(
    ("selector", "there", "bare"),
    [
        (Selector(), YES, YES),
        (Selector(models=("acme/one-2",)), YES, YES),
        (Selector(models=("other/*", "acme/one*")), YES, YES),
        (Selector(models=("acme/one",)), NO, NO),
        (Selector(endpoint_models=("*:cloud",)), YES, YES),
        (Selector(endpoint_models=("one*",)), NO, NO),
        (Selector(endpoint_privacy_mode=("routed",)), YES, UNKNOWN),
        (Selector(endpoint_privacy_mode=("other",)), NO, UNKNOWN),
        (Selector(account=("other", "safety")), YES, NO),
        (Selector(account=("other",)), NO, NO),
        (Selector(caller_region=("gb", "eea")), YES, UNKNOWN),
        (Selector(caller_region=("gb",)), NO, UNKNOWN),
        (Selector(terms=("addendum", "other")), YES, UNKNOWN),
        (Selector(terms=("other",)), UNKNOWN, UNKNOWN),
        (Selector(models=("acme/*",), terms=("other",)), UNKNOWN, UNKNOWN),
        (Selector(models=("x/*",), terms=("other",)), NO, NO),
        (Selector(features=("batch",), data=("personal",)), YES, YES),
    ],
)
def test_where(selector, there, bare):
    assert where(selector, HERE) is there
    assert where(selector, BARE) is bare


def test_the_whole_selector_is_read():
    """Each kind, put last, can turn a yes into a no."""
    fine = {"models": ("acme/*",), "endpoint_models": ("*",), "endpoint_privacy_mode": ("routed",), "account": ("safety",)}
    fine |= {"caller_region": ("eea",), "terms": ("addendum",)}
    assert where(Selector(**fine), HERE) is YES
    for name in fine:
        assert where(Selector(**(fine | {name: ("nothing",)})), HERE) is (UNKNOWN if name == "terms" else NO)


@pytest.mark.parametrize(
    ("features", "answer"),
    [
        (["batch"], NO),
        (["google-search-grounding"], NO),
        (["image-output"], NO),
        (["upstream"], UNKNOWN),
        (["batch", "upstream"], UNKNOWN),
        (["batch", "files"], NO),
    ],
)
def test_features_of_a_plain_request(features, answer):
    assert any_feature(features, Facts()) is answer


def test_images_in_the_answer_are_a_feature_that_a_request_may_use():
    assert any_feature(["batch", "image-output"], Facts(image_output=True)) is YES
    assert any_feature(["upstream", "image-output"], Facts(image_output=True)) is YES
    assert any_feature(["google-search-grounding"], Facts(image_output=True)) is NO
    assert any_feature(["image-output"], Facts(web_search=True)) is NO
    assert any_feature(["audio-output"], Facts(audio_output=True)) is YES
    assert any_feature(["audio-output"], Facts(image_output=True)) is NO


def test_web_search_is_a_feature_that_a_request_may_use():
    assert any_feature(["google-search-grounding"], Facts(web_search=True)) is YES
    assert any_feature(["upstream", "google-search-grounding"], Facts(web_search=True)) is YES
    assert any_feature(["upstream"], Facts(web_search=True)) is UNKNOWN


def test_every_feature_the_page_lists_is_never_sent():
    page = """batch batches files assistants assistant-api threads conversations agents libraries vector-stores fine-tuning evals videos
    stored-completions responses-store async-inference"""
    assert NEVER_SENT == set(page.split())
    assert {any_feature([feature], Facts(web_search=True, image_output=True, audio_output=True)) for feature in NEVER_SENT} == {NO}
    assert FLAGGED_COPIES == {"flagged-content", "csam-screening"}


def test_all_of():
    assert all_of() is YES
    assert all_of(YES, YES) is YES
    assert all_of(YES, UNKNOWN) is UNKNOWN
    assert all_of(UNKNOWN, NO, YES) is NO


def test_globs():
    assert matches("a/b-c", ["x", "a/?-*"])
    assert matches("a/b", ["[ab]/b"])
    assert not matches("A/b", ["a/*"])
    assert not matches("a/b", [])
