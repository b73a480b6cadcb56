"""The start-up lines: which models work, which data classes they satisfy, what a bare key counts as. Prints nothing itself."""

import time
from collections.abc import Iterable, Iterator

from anyapi.domain.call import PLAIN_FACTS
from anyapi.domain.catalogue import Endpoint, Provider, protocol_of
from anyapi.domain.ids import ProviderId
from anyapi.domain.requirement import DataClass, Layer, Settings
from anyapi.domain.snapshot import Credential, PolicyContext, Snapshot, Tier
from anyapi.policy.availability import asked_of, unreachable
from anyapi.policy.decide import decide
from anyapi.policy.merge import lift, meet
from anyapi.policy.review import SOON_DAYS, expiring

_WELL_KNOWN = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY")


def start_lines(snapshot: Snapshot, notices: tuple[str, ...], unserved: tuple[Credential, ...], own: Iterable[str] = ()) -> Iterator[str]:
    """Lines for people, computed from the snapshot in force; `own` are the providers that the operator's file describes."""
    context = snapshot.context
    yield from provider_lines(context, own)
    for data_class in DataClass:
        yield f"  data class {data_class.value}: {models_left(snapshot, data_class)} models"
    yield from _endings(context, time.time())
    for credential in unserved:
        yield f"  {context.catalogue.providers[credential.provider].name}: key found ({credential.id}), but its protocol is not served yet"
    for notice in notices:
        yield f"  {notice}"
    if not snapshot.principals:
        yield "  There is no API key yet. Create one: anyapi keys create"


def _endings(context: PolicyContext, now: float) -> Iterator[str]:
    """Which providers in use have records that ended, or end within 30 days: why a class may be left with fewer models than one thinks."""
    mine = [each for each in expiring(context, now) if each.provider in context.credentials]
    for ended, words in ((True, "have ended and count as unknown"), (False, f"end within {SOON_DAYS:g} days, and count as unknown then")):
        names = ", ".join(sorted(context.catalogue.providers[each.provider].name for each in mine if (each.ends <= now) is ended))
        if names:
            yield f"  The catalogue's records of {names} {words}: anyapi catalogue pending"


def provider_lines(context: PolicyContext, own: Iterable[str] = ()) -> Iterator[str]:
    """A line for each provider that has a credential and is served: how many models, what the credentials count as, where they are used.

    Models that the provider serves in a way that this gateway cannot ask for stand in a line of their own.
    """
    served = {
        name: found
        for name, found in context.credentials.items()
        if context.catalogue.providers[name].api.protocol in context.served_protocols
    }
    for name, found in sorted(served.items()):
        yield from _lines_of(context, context.catalogue.providers[name], found)
    if not served:
        names = ", ".join(_variables(context, own))
        yield f"  No provider has a credential yet. Set one in the environment ({names}, ...) or in anyapi.toml."


def _variables(context: PolicyContext, own: Iterable[str]) -> list[str]:
    """Where a key may be put: first what the operator's own file leads one to expect."""
    known = context.catalogue.providers
    named = [known[ProviderId(name)].api.env for name in own if ProviderId(name) in known]
    return list(dict.fromkeys([*(name for name in named if name), *_WELL_KNOWN]))


def _lines_of(context: PolicyContext, provider: Provider, found: tuple[Credential, ...]) -> Iterator[str]:
    words = _words(provider, found)
    here = [endpoint for model in context.catalogue.models.values() for endpoint in model.endpoints if endpoint.provider == provider.id]
    foreign = [endpoint for endpoint in here if protocol_of(endpoint, provider) not in context.served_protocols]
    count = len({endpoint.model for endpoint in here if endpoint not in foreign and _reached(endpoint, found)})
    yield f"  {provider.name}: {count} models ({words})"
    if foreign:
        yield f"    not served there: {', '.join(sorted(endpoint.model for endpoint in foreign))}"


def _words(provider: Provider, found: tuple[Credential, ...]) -> str:
    """What the credentials of a provider count as, and the regions that they are pinned to."""
    tiers = sorted({tier_words(credential, has_free_tier=provider.free_tier is not None) for credential in found})
    pinned = sorted({credential.region for credential in found if credential.region is not None})
    return "; used in ".join(", ".join(part) for part in (tiers, pinned) if part)


def _reached(endpoint: Endpoint, credentials: tuple[Credential, ...]) -> bool:
    return any(not unreachable(endpoint, credential) for credential in credentials)


def tier_words(credential: Credential, *, has_free_tier: bool) -> str:
    """What a credential counts as."""
    if credential.tier is Tier.UNDECLARED and has_free_tier:
        return "tier undeclared: counts as free until anyapi.toml says paid"
    return "no free tier" if credential.tier is Tier.UNDECLARED else credential.tier.value


def models_left(snapshot: Snapshot, data_class: DataClass) -> int:
    """How many models have a permitted endpoint under a data class and the gateway's own floor."""
    presets = snapshot.presets
    requirement = meet(
        lift(Layer.GATEWAY, snapshot.gateway_settings, presets), lift(Layer.REQUEST, Settings(data_class=data_class), presets)
    )
    context, now = snapshot.context, time.time()
    return sum(
        1
        for model in context.catalogue.models.values()
        if any(endpoint.provider in context.credentials for endpoint in model.endpoints)
        and decide(requirement, model.id, PLAIN_FACTS[asked_of((model,))], context, None, now).permitted
    )
