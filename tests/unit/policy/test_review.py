"""What an update does to a requirement: gained, lost, waiting, and what expires soon."""

import msgspec
from tests.unit.policy.samples import COMPILED, NOW, block, context, endpoint, kept, provenance, provider

from anyapi.domain.requirement import Layer, Settings
from anyapi.domain.snapshot import Past
from anyapi.policy.merge import merge
from anyapi.policy.review import effect, expiring, permitted, withheld
from anyapi.policy.standing import DAY, midnight

ZERO = merge([(Layer.ACCOUNT, Settings(retention_days=0))], {})
KEEPS, NOTHING = provider("a", block(retention=kept("limited", 30))), provider("a")


def test_gained_and_lost_by_model_with_or_without_a_credential():
    old = context([KEEPS, provider("b")], [endpoint("a"), endpoint("b")], [])
    new = context([NOTHING, provider("b", block(retention=kept("unknown")))], [endpoint("a"), endpoint("b"), endpoint("a", "acme/two")], [])
    found = effect(ZERO, old, new, "acme", NOW)
    assert found.gained == {"acme/one": ("a/one",), "acme/two": ("a/two",)}
    assert found.lost == {"acme/one": ("b/one",)}
    assert effect(ZERO, new, new, "acme", NOW).gained == {}


def test_what_waits_is_what_a_review_alone_withholds():
    ends = [endpoint("a"), endpoint("b"), endpoint("b", "acme/two")]
    found = context([NOTHING, provider("b", block(retention=kept("unknown")))], ends)
    past = Past(providers={"a": KEEPS, "b": None})
    under_review = msgspec.structs.replace(found, held={"acme": (past,)})
    assert withheld(ZERO, under_review, "acme", NOW) == {"acme/one": ("a/one",)}
    assert withheld(ZERO, under_review, "other", NOW) == {}
    assert permitted(ZERO, under_review.catalogue.models.values(), under_review, "acme", NOW) == {"acme/one": (), "acme/two": ()}


def test_an_expiry_is_announced_thirty_days_ahead_by_the_clock_that_is_given():
    ends = midnight(COMPILED) + 180 * DAY
    found = context([provider("a"), provider("b", record=provenance(valid_until=COMPILED.replace(day=30)))])
    assert [each.provider for each in expiring(found, midnight(COMPILED))] == ["b"]
    assert [each.provider for each in expiring(found, ends - 30 * DAY - 1)] == ["b"]
    assert [(each.provider, each.ends) for each in expiring(found, ends - 30 * DAY)] == [
        ("b", midnight(COMPILED.replace(day=30))),
        ("a", ends),
    ]
    assert len(expiring(found, ends + DAY)) == 2
