"""Routers: providers that pass requests on to hosts of their choice. The caller's requirement in each one's own words; its hosts' names.

What a router has no words for is not sent and admits nothing: its endpoint is judged by the router's own facts (docs/policy.md, 1.7).
Sources: OpenRouter's and Vercel's references of provider selection, Hugging Face's list of inference providers.
"""

import re
from collections.abc import Callable, Collection, Mapping

import msgspec

from anyapi.domain.catalogue import Provider
from anyapi.domain.evidence import UNRECOGNISED, Told
from anyapi.domain.ids import ProviderId
from anyapi.domain.requirement import Requirement

_encode = msgspec.json.Encoder(order="deterministic").encode
NOT_A_LETTER = re.compile(r"[^a-z0-9]+")
IN_BRACKETS = re.compile(r"\(.*?\)")


class Router(msgspec.Struct, frozen=True):
    """One router: how it is told, and what it calls its hosts."""

    slugs: Mapping[str, str]
    """Its word for each host, by the catalogue's id."""
    names: Mapping[str, str] = {}
    """Further names by which it states a host, as `plain` writes them, with the catalogue's id."""
    words: Callable[[Requirement, list[str], list[str]], dict[str, object]] | None = None
    """The requirement as fields of its request, with the hosts to use and those not to; None: it has no words for any."""
    ignores: bool = False
    """Whether it can be told which hosts not to use."""


def told(router: Router, provider: ProviderId, requirement: Requirement, hosts: frozenset[ProviderId]) -> Told:
    """Which hosts the router is told to use, and not to use. Of `only`, those that it can name; none of them: it is told nothing.

    `hosts` are those whose facts the endpoint has. Where its router is not among them it promises them, and no caller can have it use
    another: what that one did would be held against the endpoint.
    """
    if router.words is None:
        return Told()
    promised = frozenset() if provider in hosts else hosts
    only = (requirement.providers_only or frozenset()) - {provider}
    only = only & promised if promised else only
    ignore = requirement.providers_ignore - {provider} if router.ignores else frozenset()
    return Told(_nameable(router, only), _nameable(router, ignore), _nameable(router, promised))


def _nameable(router: Router, hosts: Collection[ProviderId]) -> frozenset[ProviderId]:
    return frozenset(host for host in hosts if host in router.slugs)


def with_words(body: bytes, router: Router, requirement: Requirement, said: Told) -> bytes:
    """The request's body (a JSON object with at least one field and none of the router's) with the requirement in the router's words."""
    if router.words is None:
        return body
    only, ignore = (sorted(router.slugs[host] for host in hosts) for hosts in (said.only or said.promised, said.ignore))
    fields = router.words(requirement, only, ignore)
    return b"%b,%b" % (body[:-1], _encode(fields)[1:]) if fields else body


def host_named(name: str, router: Router, providers: Mapping[ProviderId, Provider]) -> ProviderId:
    """The catalogue's id of the host that a router names so; `unrecognised` if there is none."""
    plainly = plain(name)
    found = router.names.get(plainly) or next((host for host, slug in router.slugs.items() if plainly in {plain(slug), plain(host)}), None)
    if found is None:
        found = next((each.id for each in providers.values() if plainly in {plain(each.id), plain(each.name)}), None)
    return ProviderId(UNRECOGNISED if found is None else found)


def plain(name: str) -> str:
    """A name without what people write differently: case, spaces, signs, what stands in brackets."""
    return NOT_A_LETTER.sub("", IN_BRACKETS.sub("", name.lower()))


def _openrouter(requirement: Requirement, only: list[str], ignore: list[str]) -> dict[str, object]:
    wishes: dict[str, object] = {}
    if not requirement.training_allowed:
        wishes["data_collection"] = "deny"
    if requirement.retention_days == 0:
        wishes["zdr"] = True
    if only:
        wishes["only"] = only
    if ignore:
        wishes["ignore"] = ignore
    return {"provider": wishes} if wishes else {}


def _vercel(requirement: Requirement, only: list[str], ignore: list[str]) -> dict[str, object]:  # noqa: ARG001 it has no word for it
    wishes: dict[str, object] = {}
    if not requirement.training_allowed:
        wishes["disallowPromptTraining"] = True
    if requirement.retention_days == 0:
        wishes["zeroDataRetention"] = True
    if only:
        wishes["only"] = only
    return {"providerOptions": {"gateway": wishes}} if wishes else {}


def _as_they_are(hosts: str) -> dict[str, str]:
    """Hosts that a router calls as the catalogue does."""
    return {host: host for host in hosts.split()}


_COMMON = _as_they_are(
    "alibaba anthropic azure baseten cerebras cohere deepinfra deepseek fireworks groq inception minimax mistral nebius novita openai "
    "parasail perplexity xai"
)
OPENROUTER = Router(
    {
        **_COMMON,
        **_as_they_are(
            "ai21 amazon-bedrock chutes crusoe digitalocean featherless friendli gmicloud google-ai-studio google-vertex hyperbolic "
            "inference-net nvidia phala sambanova siliconflow together upstage venice xiaomi"
        ),
        "cloudflare-workers-ai": "cloudflare",
        "coreweave": "wandb",
        "moonshot": "moonshotai",
        "zai": "z-ai",
    },
    {"google": "google-vertex", "weightsandbiases": "coreweave", "nebiusaistudio": "nebius", "alibabacloud": "alibaba"},
    _openrouter,
    ignores=True,
)
VERCEL = Router(
    {
        **_COMMON,
        "amazon-bedrock": "bedrock",
        "google-ai-studio": "google",
        "google-vertex": "vertex",
        "moonshot": "moonshotai",
        "together": "togetherai",
        "zai": "zai",
    },
    {"vertexanthropic": "google-vertex"},
    _vercel,
)
HUGGINGFACE = Router(
    {
        **_as_they_are("cerebras cohere groq hyperbolic nebius novita nscale ovhcloud sambanova scaleway together"),
        "featherless": "featherless-ai",
        "fireworks": "fireworks-ai",
        "huggingface": "hf-inference",
        "zai": "zai-org",
    }
)
