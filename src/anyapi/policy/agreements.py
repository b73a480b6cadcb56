"""Attested agreements: which of them cover a case, and what they change (docs/policy.md section 1.3). Checks no signature."""

from collections.abc import Iterable

import msgspec

from anyapi.domain.data_policy import Confidence, DataPolicy, Grade, Training
from anyapi.domain.ids import AccountId
from anyapi.domain.snapshot import Agreement
from anyapi.policy.selectors import Circumstances, matches
from anyapi.policy.standing import midnight


def covers(agreement: Agreement, here: Circumstances, account: AccountId | None) -> bool:
    """Whether it is about this provider, credential, account and model; whether it is in force is another question."""
    if agreement.provider != here.endpoint.provider:
        return False
    if agreement.credentials and (here.credential is None or here.credential.id not in agreement.credentials):
        return False
    if agreement.accounts and account not in agreement.accounts:
        return False
    return not agreement.models or matches(here.endpoint.model, agreement.models)


def in_force(agreement: Agreement, now: float) -> bool:
    """From the first instant of `valid_from` to just before `valid_until`."""
    return midnight(agreement.valid_from) <= now < midnight(agreement.valid_until)


def boundaries(agreements: Iterable[Agreement]) -> Iterable[float]:
    """The instants at which one begins or ends to be in force."""
    for agreement in agreements:
        yield midnight(agreement.valid_from)
        yield midnight(agreement.valid_until)


def applied(policy: DataPolicy, agreement: Agreement, here: Circumstances, *, zero_refused: bool) -> DataPolicy:
    """The facts with what the agreement states. `zero_refused`: an exception says that zero retention cannot be had."""
    stated: dict[str, object] = {}
    if agreement.training is Training.NEVER or _opted_out(agreement, policy):
        stated |= {"training": Training.NEVER, "training_confidence": Confidence.CONTRACTED}
    if agreement.retention is not None and (not zero_refused or here.endpoint.model in agreement.models):
        stated |= {"retention": agreement.retention, "retention_confidence": Confidence.CONTRACTED}
        stated |= _flagged(agreement)
    if agreement.human_review is not None:
        stated["human_review"] = agreement.human_review
    if agreement.certifications:
        stated["certifications"] = policy.certifications | agreement.certifications
        stated["contract_certifications"] = policy.contract_certifications - agreement.certifications
    if agreement.regions is not None:
        stated["regions"] = agreement.regions
    if not stated:
        return policy
    return msgspec.structs.replace(policy, grade=Grade.CONTRACTED, agreements=(*policy.agreements, agreement.id), **stated)


def _flagged(agreement: Agreement) -> dict[str, object]:
    """Silence about flagged copies signs nothing about them."""
    return {} if agreement.flagged_retention is None else {"flagged_retention": agreement.flagged_retention}


def _opted_out(agreement: Agreement, policy: DataPolicy) -> bool:
    """An opt-out counts only where the provider offers one."""
    return agreement.training_opt_out and policy.training is Training.OPT_OUT
