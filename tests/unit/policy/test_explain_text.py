"""An explanation in words, to the letter."""

import datetime as dt

import msgspec
from tests.unit.policy.samples import block, context, credential, endpoint, kept, provenance, provider
from tests.unit.policy.test_explain import STRICT, explained

from anyapi.domain.catalogue import Override, PolicyException, Price, Selector
from anyapi.domain.decision import Change, EndpointHealth, Relaxation
from anyapi.domain.requirement import DataClass, Layer, Requirement, Settings
from anyapi.policy.explain_text import render_text
from anyapi.policy.explanation import RuleCost
from anyapi.policy.merge import DEFAULT_PRESETS, UNCONSTRAINED, merge


def test_the_whole_text():
    flagged = PolicyException(Selector(features=("flagged-content",)), Override(retention=kept("compliance", 730)))
    where = context(
        [
            provider("a", block(retention=kept("limited", 3)), record=provenance(source_url="https://a.test"), exceptions=(flagged,)),
            provider("b", block("by_default", kept("indefinite"))),
            provider("c"),
            provider("d", kind="local"),
        ],
        [endpoint(name, price=Price() if name == "d" else Price(1, 2.5)) for name in "abcd"],
        [credential("a"), credential("b"), credential("d")],
    )
    health = {"a/one": EndpointHealth(0.256, 81.4)}
    assert render_text(explained(where=where, models=("acme/one", "x/y"), health=health)) == (
        f"Requirement {STRICT.hash}\n"
        "  training_allowed: no (set by: account)\n"
        "  retention_days: 7 (set by: request)\n"
        "  human_review_allowed: no (set by: request)\n"
        "\n"
        "acme/one\n"
        "  Permitted, in this order: 2\n"
        "    1. d/one (credential d-key) [local]\n"
        "       price unknown in, unknown out per million tokens\n"
        "       training never; retention zero; human review no (declared, primary, verified 7 days ago)\n"
        "    2. a/one (credential a-key)\n"
        "       price $1 in, $2.5 out per million tokens, first token 0.26 s, 81 tokens/s\n"
        "       training never; retention limited 3 days; flagged copies compliance 730 days; human review no"
        " (declared, primary, verified 7 days ago, https://a.test)\n"
        "  Permitted by policy, but not available: 1\n"
        "    - c/one\n"
        "        no_credential: No credential for this provider is configured (or the local server is not).\n"
        "  Denied: 1\n"
        "    - b/one\n"
        "        training_by_default: The provider trains on what is sent. (set by: account)\n"
        "        retention_endless: The provider keeps content with no stated end; at most 7 days are allowed. (set by: request)\n"
        "\n"
        "1 of the models asked about are in no catalogue.\n"
        "\n"
        "What each rule costs:\n"
        "  training_allowed: without it 0 more usable endpoints\n"
        "  retention_days: without it 0 more usable endpoints\n"
        "  human_review_allowed: without it 0 more usable endpoints\n"
        "\n"
        "Smallest change that would admit one more endpoint (b/one):\n"
        "  training_allowed: from no to yes (set by: account)\n"
        "  retention_days: from 7 to any (set by: request)\n"
    )


def test_an_open_question():
    where = context([provider(record=provenance(valid_until=dt.date(2026, 1, 1)))])
    assert render_text(explained(UNCONSTRAINED, where)) == (
        f"Requirement {UNCONSTRAINED.hash}\n"
        "  nothing is required\n"
        "\n"
        "acme/one\n"
        "  Permitted, in this order: 1\n"
        "    1. p/one (credential p-key) [expired]\n"
        "       price $1 in, $2 out per million tokens\n"
        "       training unknown; retention unknown; human review unknown (declared, none, verified 7 days ago, EXPIRED)\n"
    )


def test_classes_lists_and_costs():
    requirement = merge(
        [(Layer.KEY, Settings(data_class=DataClass.REGULATED, regions=frozenset({"us", "eu"}), providers_only=frozenset()))],
        DEFAULT_PRESETS,
    )
    text = render_text(explained(requirement, context([provider(regions=("us",))])))
    assert "  regions: eu, us (set by: key)\n  providers.only: none (set by: key)\n" in text
    assert "  certifications_must_be_named: yes (set by: key)\n" in text
    assert "  min_confidence: primary (set by: key)\n" in text
    assert "  data class: regulated\n  a decision record is written to disk before anything is sent\n" in text


def test_costs_and_changes_in_words():
    found = msgspec.structs.replace(
        explained(Requirement(paid_only=True), context([provider()])),
        costs=(RuleCost("a", 1, None, 2.5), RuleCost("b", 2, 3.0, None), RuleCost("c", 0, 1.0, 1.0)),
        relaxation=Relaxation("e", (Change("regions", (), ("eu",), None), Change("certifications", (Layer.KEY,), ("a", "b"), ()))),
    )
    text = render_text(found)
    assert "  paid_only: yes\n" in text
    assert text.endswith(
        "What each rule costs:\n"
        "  a: without it 1 more usable endpoint, cheapest $2.5 instead of none\n"
        "  b: without it 2 more usable endpoints, cheapest unknown instead of $3\n"
        "  c: without it 0 more usable endpoints\n"
        "\n"
        "Smallest change that would admit one more endpoint (e):\n"
        "  regions: from eu to any\n"
        "  certifications: from a, b to none (set by: key)\n"
    )


def test_no_age_where_no_date_is_known():
    found = explained(UNCONSTRAINED, context([provider()]))
    (model,) = found.models
    row = model.permitted[0]
    bare = msgspec.structs.replace(row, policy=msgspec.structs.replace(row.policy, age_days=None))
    text = render_text(msgspec.structs.replace(found, models=(msgspec.structs.replace(model, permitted=(bare,)),)))
    assert "human review no (declared, primary)\n" in text


def test_several_layers_classes_and_flags_are_separated_by_commas():
    both = merge(
        [
            (Layer.KEY, Settings(training_allowed=False, data_class=DataClass.PUBLIC)),
            (Layer.GATEWAY, Settings(training_allowed=False, data_class=DataClass.INTERNAL)),
        ],
        DEFAULT_PRESETS,
    )
    where = context(
        [provider("a", block("unknown")), provider("b", block(retention=kept("zero", 0)), kind="local")],
        [endpoint("a"), endpoint("b", free=True)],
    )
    text = render_text(explained(both, where))
    assert "  training_allowed: no (set by: gateway, key)\n" in text
    assert "  data class: internal, public\n" in text
    assert "[free, local]\n" in text
    assert "; retention zero; " in text
    assert "is sent. (set by: gateway, key)\n" in text
    assert "  training_allowed: from no to yes (set by: gateway, key)\n" in text
