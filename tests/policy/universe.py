"""Generators: Hypothesis strategies for catalogues, agreements, credentials and settings. The finite universe is in finite.py.

Vocabularies are small on purpose: names collide, globs hit, and dates fall on the instants at which something ends.

What gives a strategy is cached: Hypothesis looks into each new one before it draws, which took longer than drawing.
"""

import datetime as dt
import functools

import msgspec
from hypothesis import strategies as st

from anyapi.domain.call import Facts, Tag
from anyapi.domain.catalogue import (
    Auth,
    Capabilities,
    Catalogue,
    Endpoint,
    Model,
    Operation,
    Override,
    PolicyException,
    Price,
    Provider,
    ProviderApi,
    ProviderKind,
    Selector,
    Status,
)
from anyapi.domain.data_policy import Confidence, HumanReview, PolicyBlock, Provenance, Retention, RetentionKind, Training, ZeroRetention
from anyapi.domain.evidence import CONTRADICTIONS
from anyapi.domain.requirement import DataClass, Layer, Settings
from anyapi.domain.snapshot import Agreement, Credential, PolicyContext, Tier

TODAY = dt.date(2026, 11, 24)
MIDNIGHT = float((TODAY - dt.date(1970, 1, 1)).days * 86400)
MODEL = "acme/one"
GLOBS = (
    "acme/one",
    "acme/*",
    "*",
    "*/one",
    "acme/two",
    "*n*e",
    "acme/one*",
    "*/*/*",
    "acme",
    "acme/on?",
    "acme/one?",
    "acme/[not]n[ae]",
    "ACME/*",
)
UPSTREAM = ("one-latest", "one:cloud", "labs-one", "acme/one")
UPSTREAM_GLOBS = ("*:cloud", "labs-*", "one-*", "*", "one", "*one*")
NAMES = ("alpha", "beta", "gamma", "home")
FEATURES = (
    ("batch", "files", "responses-store")
    + ("google-search-grounding",) * 3
    + ("image-output",) * 2
    + ("audio-output",) * 2
    + ("flagged-content", "csam-screening") * 3
    + ("upstream", "passthrough-models")
)
REGIONS = ("us", "eu", "eea", "de", "no", "ch", "local", "fr")
CERTIFICATIONS = ("soc2", "soc2-type2", "hipaa-baa", "hipaa-baa", "hipaa-baa", "gdpr-dpa", "gdpr-dpa", "iso27001", "hipaa", "gdpr")
DAYS = (None, 0.0, 0.5, 1.0, 7.0, 30.0, 30.5, 365.0)
LIMITS = (0.0, 0.5, 1.0, 7.0, 29.5, 30.0, 365.0, 100000.0)


@functools.cache
def _some(values, most: int = 2, least: int = 0):
    """A short tuple of distinct values."""
    return st.lists(st.sampled_from(values), min_size=least, max_size=most, unique=True).map(tuple)


@functools.cache
def _set(values, most: int = 2):
    """The same as a frozen set."""
    return _some(values, most).map(frozenset)


@functools.cache
def _maybe(strategy, times_none: int = 1):
    """None, as often as `times_none` to one."""
    return st.one_of(*([st.none()] * times_none), strategy)


@functools.cache
def _day(*offsets: int):
    return st.sampled_from(offsets).map(lambda offset: TODAY + dt.timedelta(days=offset))


retentions = st.builds(Retention, kind=st.sampled_from(RetentionKind), days=st.sampled_from(DAYS))
blocks = st.builds(
    PolicyBlock,
    training=st.sampled_from([*Training, Training.NEVER, Training.NEVER]),
    retention=retentions,
    zero_retention=st.sampled_from(ZeroRetention),
    human_review=st.sampled_from([*HumanReview, HumanReview.NO]),
)
provenances = st.builds(
    Provenance,
    confidence=st.sampled_from([Confidence.NONE, Confidence.SECONDARY, Confidence.PRIMARY, Confidence.PRIMARY]),
    source_url=st.just("https://example.org/policy"),
    verified_at=_maybe(_day(-200, -180, -179, -30, 0), 2),
    valid_until=_maybe(_day(-1, 0, 1, 30), 3),
    secondary_fields=_some(("training", "retention.days", "retention.kind", "retention", "human_review")),
)
_SELECTORS = {
    "models": _some(GLOBS, least=1),
    "endpoint_models": _some(UPSTREAM_GLOBS, least=1),
    "endpoint_privacy_mode": _some(("anonymized", "routed"), least=1),
    "account": _some(("safety-retention", "reviewed"), least=1),
    "caller_region": _some(("eea", "ch", "us"), least=1),
    "terms": _some(("addendum", "beta-terms"), least=1),
    "data": st.just(("personal-data",)),
    "features": _some(FEATURES, least=1),
}


@st.composite
def selectors(draw) -> Selector:
    """One or two kinds of selector; now and then none."""
    kinds = draw(st.lists(st.sampled_from((*_SELECTORS, "features", "models")), max_size=2, unique=True))
    return Selector(**{kind: draw(_SELECTORS[kind]) for kind in kinds})


_OVERRIDES = {
    "training": st.sampled_from(Training),
    "retention": retentions,
    "zero_retention": st.sampled_from([*ZeroRetention, ZeroRetention.NO]),
    "human_review": st.sampled_from(HumanReview),
    "same_as_provider": st.sampled_from((*NAMES, "nobody")),
    "allowed_data": st.just("public data only"),
    "confidential_compute": st.booleans(),
}


@st.composite
def exceptions(draw) -> PolicyException:
    """An exception that changes one to three fields."""
    names = draw(st.lists(st.sampled_from((*_OVERRIDES, "retention", "training")), min_size=1, max_size=3, unique=True))
    return PolicyException(draw(selectors()), Override(**{name: draw(_OVERRIDES[name]) for name in names}))


@functools.cache
@st.composite
def providers(draw, name: str) -> Provider:
    """A provider with every kind of record; `home` is a local server."""
    local = name == "home"
    return Provider(
        id=name,
        name=name.title(),
        kind=ProviderKind.LOCAL if local else draw(st.sampled_from((ProviderKind.FIRST_PARTY, ProviderKind.ROUTER))),
        api=ProviderApi(
            base_url="https://example.org/v1",
            protocol=draw(st.sampled_from(("openai-chat",) * 15 + ("unserved",))),
            auth=Auth.NONE if local else draw(st.sampled_from((Auth.BEARER, Auth.X_API_KEY, Auth.NONE))),
            key_optional=draw(st.booleans()),
        ),
        policy=draw(blocks),
        provenance=draw(provenances),
        free_tier=draw(_maybe(blocks, 2)),
        exceptions=tuple(draw(st.lists(exceptions(), max_size=3))),
        certifications=draw(_some(CERTIFICATIONS, 3)),
        regions=draw(_some(REGIONS)),
        storage_regions=draw(st.one_of(st.just(()), _some(REGIONS))),
    )


DEPLOYMENTS = ({}, {}, {}, dict.fromkeys(UPSTREAM, "ours"), {UPSTREAM[0]: "ours"})


@functools.cache
@st.composite
def credentials(draw, provider: str) -> tuple:
    """Up to two credentials of one provider."""
    return tuple(
        Credential(
            id=f"{provider}-{number}",
            provider=provider,
            tier=draw(st.sampled_from((Tier.PAID, Tier.FREE, Tier.PAID, Tier.FREE, Tier.UNDECLARED))),
            region=draw(_maybe(st.sampled_from(REGIONS), 2)),
            caller_region=draw(_maybe(st.sampled_from(("eea", "ch", "in")))),
            account_states=frozenset(draw(_some(("safety-retention", "reviewed"), 1))),
            terms=frozenset(draw(_some(("addendum", "beta-terms"), 1))),
            deployments=draw(st.sampled_from(DEPLOYMENTS)),
        )
        for number in range(draw(st.sampled_from((1, 2, 2, 1, 2, 2, 0))))
    )


@functools.cache
@st.composite
def agreements(draw, number: int) -> Agreement:
    """An agreement whose dates are around today."""
    provider = draw(st.sampled_from(NAMES))
    return Agreement(
        id=f"agreement-{number}",
        provider=provider,
        attested_by="operator",
        document="DPA",
        valid_from=draw(_day(-30, -1, 0, 1)),
        valid_until=draw(_day(-1, 0, 1, 30, 300)),
        credentials=frozenset(draw(st.one_of(st.just(()), _some((f"{provider}-0", f"{provider}-1"), 1)))),
        accounts=frozenset(draw(st.one_of(st.just(()), _some(("acct-1", "acct-2"), 1)))),
        models=draw(st.one_of(st.just(()), _some(GLOBS))),
        training=draw(_maybe(st.sampled_from((Training.NEVER, Training.NEVER, Training.BY_DEFAULT)), 2)),
        training_opt_out=draw(st.booleans()),
        retention=draw(_maybe(retentions)),
        flagged_retention=draw(_maybe(retentions, 3)),
        human_review=draw(_maybe(st.sampled_from(HumanReview), 2)),
        certifications=frozenset(draw(_some(CERTIFICATIONS))),
        regions=draw(_maybe(_set(REGIONS), 2)),
    )


@functools.cache
@st.composite
def own_credentials(draw, names: tuple) -> dict:
    """What one or two accounts brought: for some providers a credential, perhaps with an agreement attested for it or for another's."""
    own: dict = {}
    for account in draw(st.sampled_from(((), ("acct-1",), ("acct-2",), ("acct-2", "acct-1")))):
        own[account] = {
            name: tuple(draw(own_credential(account, name, number)) for number in range(draw(st.integers(1, 2))))
            for name in draw(_some(names, 2, least=1))
        }
    return own


@functools.cache
@st.composite
def own_credential(draw, account: str, provider: str, number: int) -> Credential:
    """One credential that an account brought."""
    return Credential(
        id=f"own:{account}-{provider}-{number}",
        provider=provider,
        tier=draw(st.sampled_from((Tier.PAID, Tier.FREE, Tier.UNDECLARED))),
        region=draw(_maybe(st.sampled_from(REGIONS), 3)),
        caller_region=draw(_maybe(st.sampled_from(("eea", "ch")), 2)),
        account_states=frozenset(draw(_some(("safety-retention",), 1))),
        account=account,
        agreements=tuple(draw(agreements(10 + one)) for one in range(draw(st.integers(0, 2)))),
    )


abilities = st.sampled_from(
    (
        Capabilities(vision=True, tools=True),
        Capabilities(),
        Capabilities(vision=True, pdf_input=True, streaming=False),
        Capabilities(tools=True, structured_outputs=True, reasoning=True, web_search=True, parallel_tools=True),
        Capabilities(tools=True, structured_outputs=False, computer_use=False, assistant_prefill=True, url_context=True),
    )
)


operations = st.sampled_from(((Operation.CHAT_COMPLETIONS,),) * 8 + ((Operation.EMBEDDINGS,), tuple(Operation)))


prices = st.sampled_from((Price(), Price(cached_input=0.5), Price(1.0, 2.0), Price(2.0, 1.0), Price(0.0, 0.0), Price(0.25, 30.0, 0.1)))


@functools.cache
@st.composite
def endpoints(draw, number: int, known: tuple, model: str = MODEL) -> Endpoint:
    """One endpoint of a model; now and then of a provider that is not in the catalogue."""
    provider = draw(st.sampled_from((*known * 6, "missing")))
    return Endpoint(
        id=f"{provider}/{model.partition('/')[2]}-{number}",
        provider=provider,
        model=model,
        upstream_model=draw(st.sampled_from(UPSTREAM)),
        context_length=draw(st.sampled_from((None, 8192, 16384))),
        capabilities=draw(abilities),
        free=draw(st.sampled_from((False, False, True))),
        price=draw(prices),
        max_output_tokens=draw(st.sampled_from((None, None, 4096))),
        status=draw(st.sampled_from((*[*Status][:-1] * 3, Status.RETIRED))),
        region=draw(st.sampled_from((None, None, "global", "us", "de"))),
        privacy_mode=draw(st.sampled_from((None, "anonymized", "routed"))),
        protocol=draw(st.sampled_from((None, None, None, "openai-chat", "cohere"))),
        operations=draw(operations),
    )


@functools.cache
@st.composite
def contexts(draw, others: tuple = ()) -> PolicyContext:
    """A catalogue of one model and perhaps of `others`, with credentials and agreements."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True).map(tuple))
    models = (MODEL, *(model for model in others if draw(st.booleans())))
    served = {model: tuple(draw(endpoints(number, names, model)) for number in range(draw(st.integers(1, 3)))) for model in models}
    context = PolicyContext(
        catalogue=Catalogue(
            version="0" * 64,
            compiled=draw(_day(-180, -10, 0)),
            providers={name: draw(providers(name)) for name in names},
            models={model: Model(model, model.title(), model.partition("/")[0], endpoints=ends) for model, ends in served.items()},
        ),
        credentials={name: draw(credentials(name)) for name in names},
        agreements=tuple(draw(agreements(number)) for number in range(draw(st.integers(0, 3)))),
        own_credentials=draw(own_credentials(names)),
        served_protocols=frozenset({"openai-chat"}),
        served_embeddings=draw(st.sampled_from((frozenset({"openai-chat"}), frozenset({"openai-chat"}), frozenset()))),
        span_days=draw(st.sampled_from((180.0, 180.0, 365.0, 30.0, 0.5))),
    )
    return msgspec.structs.replace(context, contradicted=draw(evidence(context)))


@st.composite
def evidence(draw, context: PolicyContext) -> dict:
    """What providers stated against their promises: mostly nothing, sometimes of one endpoint with one credential that may exist."""
    if draw(st.sampled_from((False, False, True))):
        lists = [*context.credentials.values(), *(each for own in context.own_credentials.values() for each in own.values())]
        names = sorted({credential.id for credentials in lists for credential in credentials}) or ["nobody's"]
        places = [endpoint.id for endpoint in context.catalogue.models[MODEL].endpoints]
        codes = st.frozensets(st.sampled_from(CONTRADICTIONS), min_size=1, max_size=2)
        return {draw(st.sampled_from(places)): {draw(st.sampled_from(names)): draw(codes)}}
    return {}


INSTANTS = tuple(MIDNIGHT + seconds for seconds in (-86400.0, -0.5, 0.0, 0.5, 43200.0, 86400.0))
instants = st.sampled_from(INSTANTS)
accounts = st.sampled_from(("acct-1", None, "acct-2", "acct-3"))
request_facts = st.builds(
    Facts,
    tags=st.sampled_from(
        ((),) * 8
        + (
            (Tag.VISION,),
            (Tag.VISION, Tag.TOOL_CHOICE),
            (Tag.STREAMING,),
            (Tag.PROMPT_CACHING,),
            (Tag.WEB_SEARCH,),
            (Tag.PARALLEL_FUNCTION_CALLING,),
        )
    ).map(frozenset),
    web_search=st.booleans(),
    image_output=st.booleans(),
    audio_output=st.booleans(),
    least_tokens=st.sampled_from((0, 0, 0, 8192, 16384)),
    operation=st.sampled_from((Operation.CHAT_COMPLETIONS,) * 8 + (Operation.EMBEDDINGS,)),
)

_SETTINGS = {
    "training_allowed": st.booleans(),
    "retention_days": st.sampled_from(LIMITS),
    "paid_only": st.booleans(),
    "certifications": _set(CERTIFICATIONS),
    "regions": _set(REGIONS, 3),
    "providers_only": _set((*NAMES, "missing"), 4),
    "providers_ignore": _set(NAMES, 1),
    "human_review_allowed": st.booleans(),
    "min_confidence": st.sampled_from((Confidence.NONE, Confidence.SECONDARY, Confidence.PRIMARY)),
    "flagged_copies_counted": st.booleans(),
}


@functools.cache
@st.composite
def settings(draw, most: int = 2, classes: bool = True) -> Settings:
    """What one layer asks: up to `most` settings and perhaps a class."""
    names = draw(st.lists(st.sampled_from(tuple(_SETTINGS)), max_size=most, unique=True))
    asked = {name: draw(_SETTINGS[name]) for name in names}
    if classes:
        asked["data_class"] = draw(_maybe(st.sampled_from(DataClass), 3))
        asked["more_classes"] = frozenset(draw(_some(tuple(DataClass), 1))) if asked["data_class"] else frozenset()
    else:
        asked["certifications_must_be_named"] = draw(st.sampled_from((False, False, False, True)))
    return Settings(**asked)


@functools.cache
def layers(most: int = 3, each: int = 2, least: int = 0):
    """(layer, settings) pairs in any order; a layer may stand twice, as header and body do."""
    return st.lists(st.tuples(st.sampled_from(Layer), settings(each)), min_size=least, max_size=most)


@st.composite
def presets(draw, shipped: dict) -> dict:
    """The shipped presets, or an operator's edition of them."""
    edited = draw(st.dictionaries(st.sampled_from(DataClass), settings(3, classes=False), max_size=2)) if draw(st.booleans()) else {}
    return shipped | edited
