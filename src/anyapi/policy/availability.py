"""Whether an endpoint can be used at all, apart from policy (docs/policy.md section 4). None of these reasons ever hides a policy reason.

`unavailable` is what a decision can know; `unwanted` is what the caller's preference adds when the route is chosen.
"""

from collections.abc import Callable, Iterable, Mapping

from anyapi.domain.call import NO_PREFERENCE, Facts, Preference, Tag
from anyapi.domain.catalogue import Capabilities, Endpoint, Model, Operation, Provider, Status, protocol_of
from anyapi.domain.decision import Reason, ReasonCode, ReasonKind
from anyapi.domain.snapshot import Credential, PolicyContext
from anyapi.policy.regions import GLOBAL, lies_inside

ABILITIES: Mapping[Tag, Callable[[Endpoint], bool]] = {
    Tag.VISION: lambda endpoint: endpoint.capabilities.vision,
    Tag.PDF_INPUT: lambda endpoint: endpoint.capabilities.pdf_input,
    Tag.AUDIO_INPUT: lambda endpoint: endpoint.capabilities.audio_input,
    Tag.REASONING: lambda endpoint: endpoint.capabilities.reasoning,
    Tag.STREAMING: lambda endpoint: endpoint.capabilities.streaming,
    Tag.FUNCTION_CALLING: lambda endpoint: endpoint.capabilities.tools,
    Tag.TOOL_CHOICE: lambda endpoint: endpoint.capabilities.tools,
    Tag.PARALLEL_FUNCTION_CALLING: lambda endpoint: endpoint.capabilities.parallel_tools is True,
    Tag.COMPUTER_USE: lambda endpoint: endpoint.capabilities.computer_use is True,
    Tag.ASSISTANT_PREFILL: lambda endpoint: endpoint.capabilities.assistant_prefill is True,
    Tag.PROMPT_CACHING: lambda endpoint: endpoint.price.cached_input is not None,
    Tag.WEB_SEARCH: lambda endpoint: endpoint.capabilities.web_search is True,
    Tag.URL_CONTEXT: lambda endpoint: endpoint.capabilities.url_context is True,
}
"""How a tag is answered: an ability that is not recorded is not there."""
_CAPABILITIES = frozenset(Capabilities.__struct_fields__)


def hindrance(code: ReasonCode, text: str, required: float | tuple[str, ...] | None = None, actual: float | str | None = None) -> Reason:
    """A reason that does not come from the caller's side: what would be needed, and what there is."""
    return Reason(code, ReasonKind.AVAILABILITY, text, None, (), required, actual)


def unavailable(endpoint: Endpoint, provider: Provider, facts: Facts, context: PolicyContext) -> tuple[Reason, ...]:
    """Every reason why this endpoint cannot serve the request; empty if it can."""
    reasons = []
    if not context.credentials.get(provider.id):
        usual = f": its key usually stands in {provider.api.env}" if provider.api.env else " (or the local server is not)"
        text = f"No credential for this provider is configured{usual}."
        reasons.append(hindrance(ReasonCode.NO_CREDENTIAL, text))
    reasons += _unable(endpoint, provider, facts.operation, context)
    if endpoint.status is Status.RETIRED:
        successor = f" Its successor is {endpoint.successor}." if endpoint.successor else ""
        reasons.append(
            hindrance(ReasonCode.ENDPOINT_RETIRED, f"The provider no longer serves this model.{successor}", actual=endpoint.successor)
        )
    if endpoint.context_length is not None and facts.least_tokens > endpoint.context_length:
        text = f"The prompt has at least {facts.least_tokens} tokens; the endpoint takes {endpoint.context_length}."
        reasons.append(hindrance(ReasonCode.CONTEXT_TOO_SHORT, text, facts.least_tokens, endpoint.context_length))
    missing = tuple(sorted(tag.value for tag in facts.tags if not ABILITIES[tag](endpoint)))
    if missing:
        reasons.append(hindrance(ReasonCode.TAGS_UNMATCHED, f"The endpoint is not recorded as able to: {', '.join(missing)}.", missing))
    return tuple(reasons)


def unreachable(endpoint: Endpoint, credential: Credential | None) -> tuple[Reason, ...]:
    """Why a credential does not reach an endpoint of its provider; empty if it does.

    A credential is used at one address. If that is pinned to a region, an endpoint locked to another is not there: it must not be asked for
    from a host elsewhere. And where its owner deploys models by name, the others are not there either.
    """
    if credential is None:
        return ()
    reasons = []
    pinned, locked = credential.region, endpoint.region
    if pinned is not None and locked not in (None, GLOBAL) and not lies_inside(pinned, locked):
        text = f"The endpoint is in {locked}; the credential is used at an address in {pinned}."
        reasons.append(hindrance(ReasonCode.ENDPOINT_ELSEWHERE, text, (locked,), pinned))
    if credential.deployments and endpoint.upstream_model not in credential.deployments:
        reasons.append(hindrance(ReasonCode.NOT_DEPLOYED, "The credential's `deployments` do not name this model."))
    return tuple(reasons)


WORDS: Mapping[Operation, str] = {Operation.CHAT_COMPLETIONS: "chat completions", Operation.EMBEDDINGS: "embeddings"}


def _unable(endpoint: Endpoint, provider: Provider, operation: Operation, context: PolicyContext) -> Iterable[Reason]:
    """What stands in the way of the operation itself: no adapter of ours, or the endpoint does something else."""
    served = context.served_embeddings if operation is Operation.EMBEDDINGS else context.served_protocols
    protocol = protocol_of(endpoint, provider)
    if protocol not in served:
        text = "The provider's protocol is not served by this gateway."
        if protocol in context.served_protocols:
            text = f"The provider's protocol is not served by this gateway for {WORDS[operation]}."
        yield hindrance(ReasonCode.NO_ADAPTER, text, actual=protocol)
    if operation not in endpoint.operations:
        offered = ", ".join(WORDS[each] for each in endpoint.operations)
        text = f"The endpoint serves {offered}, not {WORDS[operation]}."
        yield hindrance(ReasonCode.OPERATION_UNSUPPORTED, text, (operation.value,), ", ".join(endpoint.operations))


def asked_of(models: Iterable[Model]) -> Operation:
    """What a question that names no operation is about: embeddings where these models do nothing else, otherwise chat completions."""
    offered = {operation for model in models for endpoint in model.endpoints for operation in endpoint.operations}
    return Operation.EMBEDDINGS if offered == {Operation.EMBEDDINGS} else Operation.CHAT_COMPLETIONS


def unwanted(endpoint: Endpoint, preference: Preference, facts: Facts, *, local: bool) -> tuple[Reason, ...]:
    """What `max_price` and `require_parameters` rule out; an unknown price is too high, an unrecorded ability is absent."""
    if preference == NO_PREFERENCE:
        return ()
    missing = lacking(endpoint, facts) if preference.require_parameters else ()
    price = endpoint.price
    return (
        *missing,
        *_too_dear("prompt", price.input, preference.max_price_input, local=local),
        *_too_dear("completion", price.output, preference.max_price_output, local=local),
    )


def lacking(endpoint: Endpoint, facts: Facts) -> tuple[Reason, ...]:
    """Abilities that the request's parameters need and the endpoint is not recorded to have."""
    missing = tuple(sorted(use for use in facts.uses if use not in _CAPABILITIES or getattr(endpoint.capabilities, use) is not True))
    if not missing:
        return ()
    text = f"The endpoint is not recorded as supporting: {', '.join(missing)}."
    return (hindrance(ReasonCode.PARAMETERS_UNSUPPORTED, text, missing),)


def _too_dear(what: str, price: float | None, limit: float | None, *, local: bool) -> tuple[Reason, ...]:
    """A price in US dollars per million tokens over the wished one. What a local server does not state is nothing."""
    known = 0.0 if price is None and local else price
    if limit is None or (known is not None and known <= limit):
        return ()
    stated = "not known" if known is None else f"{known:g} USD per million"
    text = f"The price of {what} tokens is {stated}; at most {limit:g} is wished."
    return (hindrance(ReasonCode.PRICE_TOO_HIGH, text, limit, known),)
