"""Decisions for the tests of the audit log: real ones, of a small catalogue."""

import msgspec
from tests.unit.policy.samples import MODEL, NOW, block, context, credential, kept, provider

from anyapi.domain.call import NO_FACTS
from anyapi.policy.decide import decide
from anyapi.policy.merge import UNCONSTRAINED


def decisions(requirement=UNCONSTRAINED, *, catalogue="v1", credentials=None, account=None):
    """What is permitted of one model at two providers: `a` keeps for 30 days, `b` keeps nothing."""
    providers = [provider("a", block(retention=kept("limited", 30))), provider("b")]
    given = [credential("a", "cred-a"), credential("b", "cred-b")] if credentials is None else credentials
    world = context(providers, credentials=given)
    world = msgspec.structs.replace(world, catalogue=msgspec.structs.replace(world.catalogue, version=catalogue))
    return (decide(requirement, MODEL, NO_FACTS, world, account, NOW),)
