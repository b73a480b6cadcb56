"""The shipped catalogue, every model and endpoint: the policy core decides as the oracle does, for each tier, class and age."""

import itertools

import msgspec
import pytest
from tests import oracle
from tests.oracle.laws import midnight
from tests.policy.comparison import LONG, requirement_differences, verdict_differences

from anyapi.catalogue.load import load_catalogue
from anyapi.domain.call import Facts
from anyapi.domain.data_policy import Confidence, Retention, RetentionKind
from anyapi.domain.requirement import DataClass, Layer, Settings
from anyapi.domain.snapshot import Agreement, Credential, PolicyContext, Tier
from anyapi.policy.availability import asked_of
from anyapi.policy.decide import decide
from anyapi.policy.merge import DEFAULT_PRESETS, merge

pytestmark = pytest.mark.timeout(600)
DEMANDS = (
    *(Settings(data_class=name) for name in DataClass),
    Settings(training_allowed=False, retention_days=30.0),
    Settings(paid_only=True, human_review_allowed=False, regions=frozenset({"eea"})),
    Settings(data_class=DataClass.REGULATED, certifications=frozenset({"soc2"})),
    Settings(certifications=frozenset({"hipaa-baa"}), min_confidence=Confidence.SECONDARY, retention_days=1.0, flagged_copies_counted=True),
)


@pytest.mark.parametrize("tier", Tier)
def test_the_real_catalogue_is_decided_as_the_oracle_does(tier):
    catalogue = load_catalogue()
    credentials = {name: (Credential(f"{name}-key", name, tier),) for name in catalogue.providers}
    served = frozenset({"openai-chat"})
    context = PolicyContext(catalogue, credentials, served_protocols=served, served_embeddings=served)
    plain = msgspec.to_builtins(context)
    compiled = float(midnight(catalogue.compiled.isoformat()))
    models = list(catalogue.models) if LONG else list(catalogue.models)[:: 1 if tier is Tier.PAID else 5]
    judged = 0
    for settings, age in itertools.product(DEMANDS, (0.0, 180 * 86400.0)):
        required = oracle.requirement([("account", msgspec.to_builtins(settings))], msgspec.to_builtins(DEFAULT_PRESETS))
        requirement = merge([(Layer.ACCOUNT, settings)], DEFAULT_PRESETS)
        assert requirement_differences(requirement, required) == []
        for model in models:
            facts = Facts(web_search=tier is Tier.FREE, operation=asked_of([catalogue.models[model]]), image_output=tier is Tier.PAID)
            verdicts = oracle.judge(required, model, msgspec.to_builtins(facts), plain, None, compiled + age)
            decision = decide(requirement, model, facts, context, None, compiled + age)
            assert verdict_differences(decision, verdicts, facts=True) == [], model
            judged += len(verdicts)
    print(f"{judged} verdicts over {len(models)} models")
    assert judged > 1000


@pytest.mark.parametrize("tier", Tier)
@pytest.mark.parametrize("feature", ["web_search", "image_output", "audio_output"])
def test_whoever_asks_for_a_feature_is_permitted_nothing_more(tier, feature):
    """Features store beside what is stored anyway, so an exception on one must not hide a longer clock."""
    catalogue = load_catalogue()
    credentials = {name: (Credential(f"{name}-key", name, tier),) for name in catalogue.providers}
    context = PolicyContext(catalogue, credentials, served_protocols=frozenset(item.api.protocol for item in catalogue.providers.values()))
    now = float(midnight(catalogue.compiled.isoformat()))
    served = 0
    for days in (0.0, 30.0, 55.0, 90.0):
        requirement = merge([(Layer.KEY, Settings(retention_days=days))], DEFAULT_PRESETS)
        for model in catalogue.models:
            plain, asked = (
                {one.endpoint.id for one in decide(requirement, model, facts, context, None, now).permitted}
                for facts in (Facts(), Facts(**{feature: True}))
            )
            assert asked <= plain, (model, days)
            served += len(asked)
    assert served > 100


@pytest.mark.parametrize("states", [frozenset(), frozenset({"private-safety-processing"})])
def test_speech_of_openai_is_not_zero_retention_whatever_was_signed(states):
    """OpenAI keeps it for an hour for organisations without retention too."""
    catalogue = load_catalogue()
    day = catalogue.compiled
    signed = Agreement("zdr", "openai", "us", "1", day, day.replace(year=day.year + 1), retention=Retention(RetentionKind.ZERO, 0.0))
    credentials = {"openai": (Credential("key", "openai", Tier.PAID, account_states=states),)}
    context = PolicyContext(catalogue, credentials, (signed,), served_protocols=frozenset({"openai-chat"}))
    requirement = merge([(Layer.KEY, Settings(retention_days=0.0))], DEFAULT_PRESETS)
    for facts, wanted in ((Facts(), 1), (Facts(audio_output=True), 0)):
        assert len(decide(requirement, "openai/gpt-5.2", facts, context, None, float(midnight(day.isoformat()))).permitted) == wanted
