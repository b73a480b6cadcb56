"""The snapshot's values hold no secret and nothing by default."""

import datetime as dt

import msgspec

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
    assert context.served_embeddings == set()


OWN = Credential("own:1", "p", Tier.PAID, account="acme")
OPERATORS = Credential("env:P", "p", Tier.PAID)


def context_of(own):
    return PolicyContext(Catalogue("v", dt.date(2026, 11, 24), {}, {}), {"p": (OPERATORS,)}, own_credentials=own)


def test_what_makes_equal_requirements_of_two_accounts_differ():
    plain = context_of({})
    assert not plain.differs_by_account
    assert context_of({"acme": {"p": (OWN,)}}).differs_by_account
    assert msgspec.structs.replace(plain, held={"acme": ()}).differs_by_account
    agreement = Agreement("agr", "p", "ops", "doc", dt.date(2026, 1, 1), dt.date(2027, 1, 1))
    for accounts, differs in ((frozenset(), False), (frozenset({"acme"}), True)):
        signed = msgspec.structs.replace(plain, agreements=(msgspec.structs.replace(agreement, accounts=accounts),))
        assert signed.differs_by_account is differs


def test_an_account_sees_its_own_credentials_before_the_operators_and_nobody_elses():
    context = context_of({"acme": {"p": (OWN,), "q": (OWN,)}, "other": {"p": (Credential("own:2", "p", account="other"),)}})
    assert context.seen_by("acme").credentials == {"p": (OWN, OPERATORS), "q": (OWN,)}
    assert [one.id for one in context.seen_by("other").credentials["p"]] == ["own:2", "env:P"]
    for account in ("stranger", None):
        assert context.seen_by(account).credentials == {"p": (OPERATORS,)}
    assert context.credentials == {"p": (OPERATORS,)}, "the context itself stays as it was"


def test_what_one_account_sees_cannot_be_widened_again():
    context = context_of({"acme": {"p": (OWN,)}})
    assert context.seen_by(None).seen_by("acme").credentials == {"p": (OPERATORS,)}
    assert context.seen_by("acme").seen_by("acme") == context.seen_by("acme")


def test_a_credential_that_stands_under_a_name_that_is_not_its_own_is_not_seen():
    assert context_of({"other": {"p": (OWN, OPERATORS)}}).seen_by("other").credentials == {"p": (OPERATORS,)}


def test_where_no_account_brought_anything_the_context_is_the_same_object():
    assert (context := context_of({})).seen_by("acme") is context
