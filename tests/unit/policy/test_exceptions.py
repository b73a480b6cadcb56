"""Exceptions laid over a record."""

import datetime as dt

from tests.unit.policy.samples import at, block, context, credential, endpoint, kept, provenance, provider

from anyapi.domain.call import Facts
from anyapi.domain.catalogue import Override, PolicyException, Selector
from anyapi.domain.data_policy import HumanReview, Training, ZeroRetention
from anyapi.domain.snapshot import Tier
from anyapi.policy.exceptions import Records, overlaid
from anyapi.policy.selectors import Circumstances

UNKNOWN_TERMS = Selector(terms=("t",))
SEARCH = "google-search-grounding"


def over(*exceptions, others=(), tier="paid", facts=None, **fields):
    """The standing of a provider with these (selector, override) exceptions."""
    item = provider(exceptions=tuple(PolicyException(selector, override) for selector, override in exceptions), **fields)
    here = Circumstances(endpoint(), credential(tier=tier), facts or Facts())
    records = Records.of(context([item, *others]), Tier(tier))
    return overlaid(records.standing(item), item.exceptions, here, records)


def test_only_the_named_fields_change_and_a_later_exception_wins():
    standing = over((Selector(), Override(training=Training.OPT_OUT)), (Selector(), Override(retention=kept("limited", 3))))
    assert (standing.training, standing.retention, standing.human_review) == ("opt_out", kept("limited", 3), "no")
    assert standing.flagged_retention is None
    standing = over((Selector(), Override(retention=kept("limited", 9))), (Selector(), Override(retention=kept("limited", 3))))
    assert standing.retention == kept("limited", 3)
    standing = over((Selector(), Override(human_review=HumanReview.YES, zero_retention=ZeroRetention.CONTRACT)))
    assert (standing.human_review, standing.zero_retention, standing.zero_refused) == ("yes", "contract", False)


def test_an_exception_that_does_not_apply_changes_nothing():
    plain = over()
    assert over((Selector(models=("other/*",)), Override(training=Training.UNKNOWN))) == plain
    assert over((Selector(features=("batch",)), Override(training=Training.UNKNOWN))) == plain
    assert over((Selector(features=(SEARCH,)), Override(training=Training.UNKNOWN))) == plain
    asked = over((Selector(features=(SEARCH,)), Override(training=Training.UNKNOWN)), facts=Facts(web_search=True))
    assert asked.training is Training.UNKNOWN


def test_the_place_counts_beside_a_feature():
    assert over((Selector(features=("odd",), models=("other/*",)), Override(training=Training.UNKNOWN))) == over()
    terms = over((Selector(features=(SEARCH,), terms=("t",)), Override(training=Training.OPT_OUT)), facts=Facts(web_search=True))
    assert terms.training is Training.OPT_OUT
    asked = Selector(features=(SEARCH,), terms=("t",))
    terms = over((asked, Override(training=Training.NEVER)), policy=block("by_default"), facts=Facts(web_search=True))
    assert terms.training is Training.BY_DEFAULT
    better = over((Selector(features=("odd",)), Override(training=Training.NEVER)), policy=block("by_default"))
    assert better.training is Training.BY_DEFAULT


def test_unknown_gives_the_worse_of_with_and_without():
    override = Override(training=Training.NEVER, retention=kept("limited", 3), human_review=HumanReview.NO)
    standing = over((UNKNOWN_TERMS, override), policy=block("opt_out", kept("zero"), "default", "yes"))
    assert (standing.training, standing.retention, standing.human_review) == ("opt_out", kept("limited", 3), "yes")


def test_an_exception_may_refuse_zero_retention_and_a_later_one_allow_it():
    no, yes = Override(zero_retention=ZeroRetention.NO), Override(zero_retention=ZeroRetention.APPROVAL)
    assert over((Selector(), no)).zero_refused
    assert over((Selector(), no), (Selector(), Override(training=Training.NEVER))).zero_refused
    assert not over((Selector(), no), (Selector(), yes)).zero_refused
    assert over((UNKNOWN_TERMS, no)).zero_refused
    assert not over(policy=block(zero_retention="no")).zero_refused
    assert not over((UNKNOWN_TERMS, yes), policy=block(zero_retention="no")).zero_refused


def test_flagged_copies_have_their_own_clock_and_nothing_else():
    override = Override(
        training=Training.UNKNOWN,
        retention=kept("compliance", 730),
        zero_retention=ZeroRetention.NO,
        human_review=HumanReview.YES,
        allowed_data="none",
        confidential_compute=True,
    )
    for feature in ("flagged-content", "csam-screening"):
        standing = over((Selector(features=(feature,)), override))
        assert standing.flagged_retention == kept("compliance", 730)
        assert standing == over_with_flagged(kept("compliance", 730))
    assert over((Selector(features=("flagged-content",)), Override(human_review=HumanReview.YES))) == over()
    assert over((Selector(features=("flagged-content",), models=("other/*",)), override)) == over()


def over_with_flagged(retention):
    return over((Selector(features=("flagged-content",)), Override(retention=retention)))


def test_a_later_flagged_clock_wins_and_an_uncertain_one_only_worsens():
    first = (Selector(features=("flagged-content",)), Override(retention=kept("compliance", 90)))
    shorter = Override(retention=kept("compliance", 9))
    assert over(first, (Selector(features=("csam-screening",)), shorter)).flagged_retention == kept("compliance", 9)
    uncertain = Selector(features=("csam-screening",), terms=("t",))
    assert over(first, (uncertain, shorter)).flagged_retention == kept("compliance", 90)
    assert over(first, (uncertain, Override(retention=kept("indefinite")))).flagged_retention == kept("indefinite")
    assert over((uncertain, shorter)).flagged_retention == kept("compliance", 9)


def test_flagged_copies_beside_other_features_make_two_exceptions():
    override = Override(retention=kept("limited", 5), human_review=HumanReview.YES)
    never = over((Selector(features=("batch", "flagged-content")), override))
    assert (never.retention, never.flagged_retention, never.human_review) == (kept("zero"), kept("limited", 5), "no")
    asked = over((Selector(features=(SEARCH, "flagged-content")), override), facts=Facts(web_search=True))
    assert (asked.retention, asked.flagged_retention, asked.human_review) == (kept("limited", 5), kept("limited", 5), "yes")
    named = Override(same_as_provider="q", retention=kept("limited", 5))
    first = over((Selector(features=(SEARCH, "flagged-content")), named), facts=Facts(web_search=True), others=[provider("q")])
    assert first.flagged_retention == kept("limited", 5)


def test_restrictions_and_guarantees_are_shown():
    standing = over((Selector(), Override(allowed_data="no personal data", confidential_compute=True)))
    assert standing.restrictions == ("allowed data: no personal data", "confidential compute")
    standing = over((Selector(data=("personal",)), Override(allowed_data="none", training=Training.UNKNOWN, confidential_compute=True)))
    assert (standing.restrictions, standing.training) == (("allowed data: none",), "never")
    assert over((Selector(data=("personal",), models=("other/*",)), Override(allowed_data="none"))) == over()
    assert over((Selector(data=("personal",)), Override(training=Training.UNKNOWN))) == over()
    uncertain = over((UNKNOWN_TERMS, Override(allowed_data="none", confidential_compute=True)))
    assert uncertain.restrictions == ("allowed data: none",)
    assert over((Selector(), Override(confidential_compute=False))) == over()
    twice = (Selector(), Override(allowed_data="none"))
    assert over(twice, twice).restrictions == ("allowed data: none",)


CLOUD = provider(
    "q",
    policy=block("opt_out", kept("limited", 30), "contract", "unknown", ("u",)),
    record=provenance("secondary", valid_until=dt.date(2027, 1, 1), source_url="q", verified_at=dt.date(2026, 10, 1)),
    certifications=("iso27001",),
    regions=("us",),
    storage_regions=("us",),
    free_tier=block("by_default"),
)


def test_same_as_provider_puts_the_named_record_in_place_of_all():
    flagged = (Selector(features=("flagged-content",)), Override(retention=kept("compliance", 9)))
    shown = (Selector(), Override(allowed_data="none"))
    standing = over(
        flagged,
        shown,
        (Selector(), Override(same_as_provider="q", human_review=HumanReview.NO)),
        others=[CLOUD],
        kind="local",
        certifications=("soc2",),
        regions=("eu",),
    )
    assert (standing.training, standing.retention, standing.zero_retention) == ("opt_out", kept("limited", 30), "contract")
    assert (standing.human_review, standing.secondary_use) == ("no", ("u",))
    assert (standing.certifications, standing.regions, standing.storage_regions) == ({"iso27001"}, {"us"}, {"us"})
    assert (standing.training_confidence, standing.retention_confidence) == ("secondary", "secondary")
    assert (standing.ends, standing.verified_at, standing.provenance) == (at(2027, 1, 1), dt.date(2026, 10, 1), CLOUD.provenance)
    assert (standing.local, standing.free_tier, standing.flagged_retention) == (False, True, None)
    assert standing.restrictions == ("allowed data: none",)


def test_same_as_provider_takes_the_lower_confidence_and_the_earlier_end_of_the_two():
    low = provenance("none", valid_until=dt.date(2026, 12, 24))
    standing = over((Selector(), Override(same_as_provider="q")), others=[CLOUD], record=low)
    assert (standing.training_confidence, standing.retention_confidence) == ("none", "none")
    assert standing.ends == at(2026, 12, 24)


def test_same_as_provider_uses_the_named_free_tier_and_keeps_our_own():
    standing = over((Selector(), Override(same_as_provider="q")), others=[CLOUD], tier="undeclared")
    assert standing.training is Training.BY_DEFAULT
    free = over((Selector(), Override(same_as_provider="z")), others=[provider("z")], free_tier=block())
    assert free.free_tier
    assert not over((Selector(), Override(same_as_provider="z")), others=[provider("z")]).free_tier


def test_forwarding_to_a_local_server_is_not_local_either():
    assert not over((Selector(), Override(same_as_provider="z")), others=[provider("z", kind="local")], kind="local").local


def test_same_as_provider_may_bring_a_refusal_of_zero_retention():
    no = provider("q", policy=block(zero_retention="no"))
    assert over((Selector(), Override(same_as_provider="q")), others=[no]).zero_refused
    assert not over((Selector(), Override(same_as_provider="q")), others=[CLOUD]).zero_refused


def test_an_unknown_provider_name_makes_every_fact_unknown():
    standing = over((Selector(), Override(same_as_provider="nobody")), regions=("eu",), kind="local")
    assert (standing.training, standing.human_review, standing.zero_retention) == ("unknown", "unknown", "unknown")
    assert (standing.retention, standing.regions, standing.local) == (kept("unknown"), set(), False)


def test_an_uncertain_forwarding_is_the_worse_of_both():
    standing = over((UNKNOWN_TERMS, Override(same_as_provider="q")), others=[CLOUD], kind="local", regions=("us",))
    assert (standing.training, standing.local, standing.regions, standing.certifications) == ("opt_out", False, {"us"}, set())
    assert standing.free_tier
