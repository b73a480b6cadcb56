"""The finite universe of T03: 5 settings layers x 5 levels each x 6 flags, judged at 4 providers in 4 situations."""

import datetime as dt
import itertools
from collections.abc import Iterator

from tests.policy.universe import MIDNIGHT, MODEL, TODAY

from anyapi.domain.call import Facts
from anyapi.domain.catalogue import (
    Auth,
    Catalogue,
    Endpoint,
    Model,
    Override,
    PolicyException,
    Provider,
    ProviderApi,
    ProviderKind,
    Selector,
)
from anyapi.domain.data_policy import Confidence, HumanReview, PolicyBlock, Provenance, Retention, RetentionKind, Training, ZeroRetention
from anyapi.domain.requirement import DataClass, Layer, Settings
from anyapi.domain.snapshot import Agreement, Credential, PolicyContext, Tier


def _provider(name: str, block: tuple, provenance: Provenance, **more) -> Provider:
    training, retention, review = block
    kind = more.pop("kind", ProviderKind.FIRST_PARTY)
    api = ProviderApi("https://example.org/v1", "openai-chat", Auth.NONE if kind is ProviderKind.LOCAL else Auth.BEARER)
    policy = PolicyBlock(training, retention, ZeroRetention.APPROVAL, review)
    return Provider(name, name.title(), kind, api, policy, provenance, **more)


def small_context() -> PolicyContext:
    """Four providers that differ in everything that a rule looks at."""
    primary = Provenance(Confidence.PRIMARY, verified_at=TODAY)
    limited, compliance = RetentionKind.LIMITED, RetentionKind.COMPLIANCE
    catalogue_providers = (
        _provider(
            "alpha",
            (Training.OPT_OUT, Retention(limited, 30.0), HumanReview.UNKNOWN),
            Provenance(Confidence.PRIMARY, verified_at=TODAY, secondary_fields=("retention.days",)),
            certifications=("soc2-type2", "hipaa-baa"),
            regions=("us",),
            exceptions=(PolicyException(Selector(account=("reviewed",)), Override(human_review=HumanReview.YES)),),
        ),
        _provider(
            "beta",
            (Training.NEVER, Retention(compliance, 7.0), HumanReview.NO),
            primary,
            free_tier=PolicyBlock(Training.BY_DEFAULT, Retention(RetentionKind.INDEFINITE), ZeroRetention.NO, HumanReview.YES),
            certifications=("soc2", "hipaa-baa"),
            regions=("us", "eu"),
            exceptions=(
                PolicyException(Selector(features=("flagged-content",)), Override(retention=Retention(compliance, 730.0))),
                PolicyException(Selector(features=("google-search-grounding",)), Override(retention=Retention(limited, 30.0))),
                PolicyException(Selector(models=("acme/*",), terms=("addendum",)), Override(retention=Retention(limited, 14.0))),
            ),
        ),
        _provider(
            "gamma",
            (Training.NEVER, Retention(limited, 2.0), HumanReview.NO),
            Provenance(Confidence.SECONDARY, valid_until=TODAY + dt.timedelta(days=1)),
            free_tier=PolicyBlock(Training.NEVER, Retention(limited, 0.0), ZeroRetention.APPROVAL, HumanReview.NO),
            certifications=("soc2-type2", "iso27001"),
            regions=("de",),
            storage_regions=("no",),
        ),
        _provider(
            "home",
            (Training.NEVER, Retention(RetentionKind.ZERO), HumanReview.NO),
            primary,
            kind=ProviderKind.LOCAL,
        ),
    )
    served = tuple(
        Endpoint(f"{provider.id}/one", provider.id, MODEL, "one", free=provider.id in ("home", "gamma")) for provider in catalogue_providers
    )
    return PolicyContext(
        catalogue=Catalogue(
            "0" * 64,
            TODAY,
            {provider.id: provider for provider in catalogue_providers},
            {MODEL: Model(MODEL, "One", "acme", endpoints=served)},
        ),
        credentials={
            "alpha": (Credential("alpha-0", "alpha", Tier.PAID),),
            "beta": (Credential("beta-0", "beta", Tier.FREE), Credential("beta-1", "beta", Tier.PAID)),
            "gamma": (Credential("gamma-0", "gamma"),),
            "home": (Credential("home-0", "home"),),
        },
        agreements=(
            Agreement(
                "alpha-dpa",
                "alpha",
                "operator",
                "DPA",
                TODAY,
                TODAY + dt.timedelta(days=2),
                accounts=frozenset({"acct-1"}),
                training_opt_out=True,
                retention=Retention(RetentionKind.ZERO),
                human_review=HumanReview.NO,
                certifications=frozenset({"hipaa-baa"}),
                regions=frozenset({"eu"}),
            ),
        ),
        served_protocols=frozenset({"openai-chat"}),
        own_credentials={
            "acct-1": {
                "alpha": (Credential("own:alpha-1", "alpha", Tier.PAID, account="acct-1"),),
                "beta": (Credential("own:beta-1", "beta", Tier.FREE, account="acct-1"),),
                "gamma": (Credential("own:gamma-1", "gamma", Tier.PAID, account="acct-1", agreements=(_signed("gamma-own", "gamma"),)),),
            },
            "acct-2": {"beta": (Credential("own:beta-2", "beta", Tier.PAID, account="acct-2", agreements=(_signed("beta-own", "beta"),)),)},
        },
    )


def _signed(name: str, provider: str) -> Agreement:
    """What an account attests about a credential of its own; it ends between two of the situations."""
    return Agreement(
        name,
        provider,
        "account",
        "DPA",
        TODAY - dt.timedelta(days=1),
        TODAY + dt.timedelta(days=1),
        retention=Retention(RetentionKind.ZERO),
        certifications=frozenset({"hipaa-baa", "soc2-type2"}),
    )


SITUATIONS = (
    ("acct-1", Facts(), MIDNIGHT),
    ("acct-1", Facts(web_search=True), MIDNIGHT - 0.5),
    ("acct-2", Facts(web_search=True), MIDNIGHT + 86399.5),
    ("acct-1", Facts(), MIDNIGHT + 86400.0),
)
"""Account, request facts and instant: the agreement not yet, just, and no longer in force; one record just and not quite expired."""

_ALL_BUT_ALPHA = frozenset({"beta", "gamma", "home"})
LEVELS = (
    tuple(Settings(retention_days=days) for days in (None, 90.0, 30.0, 1.0, 0.0)),
    (Settings(), *(Settings(data_class=name) for name in DataClass)),
    (
        Settings(),
        Settings(certifications=frozenset({"soc2"})),
        Settings(certifications=frozenset({"soc2-type2"}), regions=frozenset({"us", "eea"})),
        Settings(certifications=frozenset({"hipaa-baa"})),
        Settings(regions=frozenset({"eu", "local"})),
    ),
    (
        Settings(),
        Settings(providers_only=_ALL_BUT_ALPHA),
        Settings(providers_ignore=frozenset({"beta"})),
        Settings(providers_only=frozenset({"alpha", "gamma"}), providers_ignore=frozenset({"gamma"})),
        Settings(providers_only=frozenset({"home", "alpha", "beta"})),
    ),
    (
        Settings(),
        Settings(min_confidence=Confidence.SECONDARY, providers_only=frozenset({"alpha", "beta", "gamma"})),
        Settings(min_confidence=Confidence.PRIMARY, retention_days=10.0),
        Settings(data_class=DataClass.INTERNAL, retention_days=60.0),
        Settings(regions=frozenset({"eea"}), certifications=frozenset({"iso27001"})),
    ),
)
"""Five dials of five levels. Which layer carries which dial turns with the flags, so that every dial visits every layer."""

FLAGS = (
    {"training_allowed": False},
    {"paid_only": True},
    {"human_review_allowed": False},
    {"flagged_copies_counted": True},
    {"regions": frozenset({"eu", "us", "local"})},
    {"retention_days": 7.0},
)
"""Each is one more source at a layer of its own."""

UNIVERSE_SIZE = 5**5 * 2**6


def _in_tenth(levels: tuple, mask: int) -> bool:
    """One case of ten, spread so that every pair of levels and every flag is met in it."""
    return (sum(levels) + mask) % 5 == 0 and (mask.bit_count() + levels[0] + levels[3]) % 2 == 0


def universe(tenth: bool) -> Iterator[tuple]:
    """Every case as (layers, number of the situation); with `tenth`, the deterministic tenth of them."""
    names = tuple(Layer)
    for mask in range(64):
        turn = mask % 5
        flagged = [(names[(number + mask) % 5], Settings(**flag)) for number, flag in enumerate(FLAGS) if mask >> number & 1]
        dials = [LEVELS[(place + turn) % 5] for place in range(5)]
        for levels in itertools.product(range(5), repeat=5):
            if tenth and not _in_tenth(levels, mask):
                continue
            asked = [(layer, dial[level]) for layer, dial, level in zip(names, dials, levels, strict=True)]
            yield asked + flagged, (sum(levels) + mask) % 4
