"""The snapshot's values hold no secret and nothing by default."""

import datetime as dt

from anyapi.domain.catalogue import Catalogue
from anyapi.domain.snapshot import Agreement, Credential, PolicyContext, Tier


def test_a_credential_is_undeclared_until_declared_and_has_no_secret():
    credential = Credential("key", "p")
    assert credential.tier is Tier.UNDECLARED
    assert (credential.region, credential.caller_region, credential.account_states, credential.terms) == (None, None, set(), set())
    assert not {"secret", "key", "token", "value"} & set(Credential.__struct_fields__)


def test_an_agreement_states_nothing_by_itself():
    agreement = Agreement("agr", "p", "ops", "doc", dt.date(2026, 1, 1), dt.date(2027, 1, 1))
    assert (agreement.training, agreement.training_opt_out, agreement.retention, agreement.human_review) == (None, False, None, None)
    assert (agreement.certifications, agreement.regions) == (frozenset(), None)


def test_a_context_serves_nothing_by_default_and_records_are_good_for_180_days():
    context = PolicyContext(Catalogue("v", dt.date(2026, 11, 24), {}, {}))
    assert (context.credentials, context.agreements, context.served_protocols, context.span_days) == ({}, (), set(), 180)
