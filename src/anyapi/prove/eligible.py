"""What a running gateway can be asked so that nothing is sent to a provider: which of its models stand for those of the cast.

It says itself what it would do, by its list of models and `POST /v1/explain`. Where it has no model with which a request can end in some
way, that way is listed as not tried, with the reason.
"""

import http.client
from collections.abc import Callable, Container, Iterator, Mapping, Sequence

import msgspec

from anyapi.domain.catalogue import Catalogue, Operation, protocol_of
from anyapi.domain.decision import ReasonCode, ReasonKind
from anyapi.errors import ConfigError
from anyapi.prove.dialects import DENIED, EMBEDDINGS, MESSAGES, RESPONSES, TRANSLATED, TRANSLATED_CLASSES, UNPERMITTED
from anyapi.prove.outcomes_here import EVERY_ABILITY, NO_TAGS, UNTAGGED, ended_here
from anyapi.prove.target import Target
from anyapi.upstream.adapters import OWN_MESSAGES

LIMITS = ("slow ", "large body")
"""How classes begin whose end depends on limits that the operator may have set otherwise."""
UNPERMITTED_CHATS = (UNPERMITTED, f"{MESSAGES}: {UNPERMITTED}", f"{RESPONSES}: {UNPERMITTED}")
PROVIDERS = "what providers answer, and how they fail"
SIMULATED = "`anyapi prove --demo` has simulated ones fail in every way"
ON_DEMAND = f"nobody can make a real provider fail on demand; {SIMULATED}"
UNASKED = f"no provider is asked anything unless --model names a model; {SIMULATED}"
BY_LIMITS = "they end by limits that may be set otherwise here, and by default are long in coming; `anyapi prove --demo` tries them"
NO_VECTORS = "the catalogue has no model that makes vectors"
UNAVAILABLE = "no provider that could serve them has a credential here, so that requests end before their policy is looked at"
UNPERMITTED_HERE = "nothing is permitted to the key that was made for this, so that no request comes so far as to be translated"
PASSED_ON = "all that is permitted speaks Anthropic's format itself, so that the request would have gone to the provider as it is"
ABLE = "no model here lacks an ability at every provider that could be asked, so that the request would have been sent"


class Chosen(msgspec.Struct, frozen=True):
    """Which models are asked for, and which ways to end a request are not tried."""

    named: Mapping[str, str]
    """Models of the cast, each with the one that stands for it here."""
    untried: Mapping[str, str]
    """Names of classes, each with the reason."""


class _Reason(msgspec.Struct):
    code: str
    kind: str = ""


class _Row(msgspec.Struct):
    endpoint: str
    reasons: list[_Reason] = []


class _Told(msgspec.Struct):
    """Of the explanation of one model what is needed here."""

    permitted: list[_Row] = []
    denied: list[_Row] = []
    unavailable: list[_Row] = []


class _Explanation(msgspec.Struct):
    models: list[_Told] = []


class _Endpoint(msgspec.Struct):
    operations: list[str] = []
    reasons: list[str] = []


class _Model(msgspec.Struct):
    id: str
    eligible: bool = False
    endpoints: list[_Endpoint] = []

    @property
    def reachable(self) -> bool:
        """Whether there is a credential for one of its endpoints."""
        return any(ReasonCode.NO_CREDENTIAL not in endpoint.reasons for endpoint in self.endpoints)


class _Listed(msgspec.Struct):
    """Of the list of models what is needed here."""

    data: list[_Model] = []


class _Found(msgspec.Struct, frozen=True):
    """A model for each kind of requests that needs one of its own; None: there is none here."""

    refused: str | None
    """One that a policy can deny: somebody could be asked."""
    refused_vectors: str | None
    untagged: str | None
    translated: str | None


def choose(target: Target, catalogue: Catalogue, wanted: Sequence[str] = ()) -> Chosen:
    """Choose models of a running gateway; `wanted` ones come first, then those that it may ask. Raises `ConfigError`."""
    listed = sorted(_listed(target), key=lambda model: (model.id not in wanted, not model.eligible, not model.reachable))
    chats, vectors = _that(listed, Operation.CHAT_COMPLETIONS), _that(listed, Operation.EMBEDDINGS)
    if not chats:
        raise ConfigError(f"The gateway at {target.url} lists no model for chats: there is nothing that it could be asked.")
    denied, native = {"data_policy": DENIED}, _native(catalogue)
    found = _Found(
        refused=_first(target, chats, denied, _refused),
        refused_vectors=_first(target, vectors, denied, _refused),
        untagged=_first(target, chats, {"tags": list(EVERY_ABILITY)}, _untagged),
        translated=_first(target, chats, {}, lambda told: _translated(told, native)),
    )
    good = found.refused or chats[0].id
    named = {"acme/good": good, TRANSLATED: found.translated or good, UNTAGGED: found.untagged or good}
    named["acme/vectors"] = found.refused_vectors or (vectors or chats)[0].id
    wanting = _wanting(found, eligible=any(model.eligible for model in chats))
    untried = dict(wanting) | dict(_beyond(vectors=bool(vectors), models=wanted))
    return Chosen(named, untried)


def _that(models: Sequence[_Model], operation: Operation) -> Sequence[_Model]:
    return [model for model in models if any(operation in endpoint.operations for endpoint in model.endpoints)]


def _wanting(found: _Found, *, eligible: bool) -> Iterator[tuple[str, str]]:
    """What is not tried for want of a model; `eligible`: something is permitted."""
    nobody = found.refused is None
    kinds = (
        (found.refused, UNPERMITTED_CHATS, UNAVAILABLE),
        (found.refused_vectors, (f"{EMBEDDINGS}: {UNPERMITTED}",), UNAVAILABLE),
        (found.untagged, (NO_TAGS,), UNAVAILABLE if nobody else ABLE),
        (found.translated, TRANSLATED_CLASSES, PASSED_ON if eligible else UNAVAILABLE if nobody else UNPERMITTED_HERE),
    )
    for model, names, why in kinds:
        if model is None:
            yield from dict.fromkeys(names, why).items()


def _beyond(*, vectors: bool, models: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What no choice of a model brings here."""
    for outcome in ended_here():
        if outcome.name.startswith(LIMITS):
            yield outcome.name, BY_LIMITS
        elif outcome.name.startswith(EMBEDDINGS) and not vectors:
            yield outcome.name, NO_VECTORS
    yield PROVIDERS, ON_DEMAND if models else UNASKED


def _first(target: Target, models: Sequence[_Model], question: Mapping[str, object], suits: Callable[[_Told], bool]) -> str | None:
    """The first model of which the gateway's explanation suits."""
    return next((model.id for model in models if model.reachable and suits(_told(target, model.id, question))), None)


def _refused(told: _Told) -> bool:
    """Whether policy alone stands in the way of something, and nothing is left."""
    return not told.permitted and any(all(reason.kind == ReasonKind.POLICY for reason in row.reasons) for row in told.denied)


def _untagged(told: _Told) -> bool:
    """Whether something could be asked but for its abilities, and nothing with them."""
    rows = [*told.denied, *told.unavailable]
    hindrances = [{reason.code for reason in row.reasons if reason.kind == ReasonKind.AVAILABILITY} for row in rows]
    return not told.permitted and set() not in hindrances and {ReasonCode.TAGS_UNMATCHED.value} in hindrances


def _translated(told: _Told, native: Container[str]) -> bool:
    """Whether something is permitted, and none of it would be sent a request in Anthropic's format as it is."""
    return bool(told.permitted) and not any(row.endpoint in native for row in told.permitted)


def _native(catalogue: Catalogue) -> frozenset[str]:
    """Endpoints to which a request in Anthropic's format is passed on as it is."""
    endpoints = (endpoint for model in catalogue.models.values() for endpoint in model.endpoints)
    return frozenset(one.id for one in endpoints if protocol_of(one, catalogue.providers[one.provider]) in OWN_MESSAGES)


def _listed(target: Target) -> Sequence[_Model]:
    try:
        answer = target.request("GET", "/v1/models")
        return msgspec.json.decode(answer.body, type=_Listed).data
    except (OSError, http.client.HTTPException) as error:
        raise ConfigError(f"No gateway answers at {target.url} ({type(error).__name__}). --url says where it does.") from None
    except ValueError:
        raise ConfigError(
            f"What answers at {target.url} lists no models: no gateway, or none of this version. --url says where it is."
        ) from None


def _told(target: Target, model: str, question: Mapping[str, object]) -> _Told:
    """What would happen to such a request; nothing suits where the gateway does not say."""
    try:
        answer = target.request("POST", "/v1/explain", {"model": model, **question})
        return next(iter(msgspec.json.decode(answer.body, type=_Explanation).models), _Told())
    except (OSError, http.client.HTTPException, ValueError):
        return _Told()
