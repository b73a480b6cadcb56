"""What changed, in words that people read."""

import pytest
from tests.unit.policy.samples import COMPILED, block, context, endpoint, kept, provenance, provider

from anyapi.control.sentences import sentences, title
from anyapi.domain.catalogue import Override, PolicyException, Selector, Status

BEFORE = provider(policy=block("opt_out", kept("limited", 30), "contract", "unknown"), record=provenance("secondary", verified_at=COMPILED))
EXCEPTION = PolicyException(Selector(models=("*",)), Override())


def other(*policy, **fields):
    record = fields.pop("record", BEFORE.provenance)
    return provider(policy=block(*policy) if policy else BEFORE.policy, record=record, **fields)


CASES = [
    (BEFORE, other("never", kept("limited", 30), "contract", "unknown"), "It does not train on what is sent; before, it trained on what is sent unless opted out."),
    (other("unknown"), other("never"), "It does not train on what is sent; before, it said nothing about training."),
    (BEFORE, other("opt_out", kept(), "contract", "unknown"), "It keeps nothing; before, it kept content for 30 days."),
    (BEFORE, other("opt_out", kept("limited", 30), "default", "unknown"), "Zero retention can be had by default; before: by contract."),
    (BEFORE, other("opt_out", kept("limited", 30), "contract", "no"), "Nobody there reads content; before: it is not known whether people there read content."),
    (BEFORE, other(certifications=("soc2",)), "New among its certifications: soc2."),
    (other(regions=("us", "de")), other(regions=("de",)), "No longer among its regions of inference: us."),
    (BEFORE, other(storage_regions=("us",)), "New among its regions where data is kept: us."),
    (BEFORE, other(exceptions=(EXCEPTION,)), "Its exceptions changed: there are 1 now, there were 0. Its page lists them."),
    (BEFORE, other(free_tier=block()), "It has a free tier with facts of its own now."),
    (other(free_tier=block()), BEFORE, "It has no free tier with facts of its own any more."),
    (other(free_tier=block()), other(free_tier=block("unknown")), "On the free tier: It says nothing about training; before, it did not train on what is sent."),
    (BEFORE, other(record=provenance("primary", verified_at=COMPILED)), "The facts are known with confidence primary; before: secondary."),
    (BEFORE, other(record=provenance("secondary", verified_at=COMPILED.replace(day=30))), "The record was checked on 2026-11-30; before: 2026-11-24."),
    (BEFORE, other(record=provenance("secondary", verified_at=COMPILED, valid_until=COMPILED.replace(day=30))), "The record says that it is good until 2026-11-30; before: no date."),
    (BEFORE, other(record=provenance("secondary", verified_at=COMPILED, secondary_fields=("training",))), "Which of its facts rest on a third party changed."),
    (endpoint(), endpoint(region="de", id="p/one"), "It is in de now; before: no stated region."),
    (endpoint(), endpoint(free=True), "It is free now."),
    (endpoint(free=True), endpoint(), "It is no longer free."),
    (endpoint(status=Status.RETIRED), endpoint(), "It was retired and is served again."),
    (endpoint(), endpoint(model="acme/two", upstream_model="one"), "It is acme/two now; before: acme/one."),
    (endpoint(), endpoint(upstream_model="two", id="p/one"), "The provider's own name for it changed."),
    (endpoint(), endpoint(privacy_mode="routed"), "Its privacy mode or tier changed."),
    (None, endpoint(), "It is new: acme/one."),
    (endpoint(), None, "It is not in the catalogue any more."),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "sentence"), CASES, ids=[case[2][:40] for case in CASES])
def test_a_difference_is_one_sentence(before, after, sentence):
    assert sentences(before, after) == (sentence,)


def test_a_new_provider_says_what_it_does():
    assert sentences(None, other(certifications=("soc2", "iso27001"))) == (
        "It is new.",
        "It trains on what is sent unless opted out.",
        "It keeps content for 30 days.",
        "It is not known whether people there read content.",
        "It states iso27001, soc2.",
    )


def test_equal_records_have_nothing_to_say():
    assert sentences(BEFORE, BEFORE) == sentences(endpoint(), endpoint()) == ()


def test_titles_name_people_s_words():
    catalogue = context([provider("acme-cloud")]).catalogue
    assert title("provider:acme-cloud", catalogue) == "Acme-Cloud"
    assert title("endpoint:acme-cloud/m-1/large", catalogue) == "m-1/large at Acme-Cloud"
    assert title("provider:gone", catalogue) == "gone"
