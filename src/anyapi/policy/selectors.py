"""Whether a policy exception applies: yes, no, or nobody can tell (docs/policy.md section 1.1). Changes no facts."""

import enum
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase

import msgspec

from anyapi.domain.call import Facts
from anyapi.domain.catalogue import Endpoint, Selector
from anyapi.domain.ids import CredentialId, ProviderId
from anyapi.domain.snapshot import Credential

NEVER_SENT = frozenset(
    {
        "batch",
        "batches",
        "files",
        "assistants",
        "assistant-api",
        "threads",
        "conversations",
        "agents",
        "libraries",
        "vector-stores",
        "fine-tuning",
        "evals",
        "videos",
        "stored-completions",
        "responses-store",
        "async-inference",
    }
)
"""Provider features that no request through this gateway uses."""
FLAGGED_COPIES = frozenset({"flagged-content", "csam-screening"})
"""Not features of a request but copies that the vendor makes of flagged items; they have a clock of their own."""
SEARCH_GROUNDING, IMAGE_OUTPUT, AUDIO_OUTPUT = "google-search-grounding", "image-output", "audio-output"
"""Features that a request tells of itself, so that rules know them for certain."""
_TOLD: Mapping[str, Callable[[Facts], bool]] = {
    SEARCH_GROUNDING: lambda facts: facts.web_search,
    IMAGE_OUTPUT: lambda facts: facts.image_output,
    AUDIO_OUTPUT: lambda facts: facts.audio_output,
}
_UNDECLARED = Credential(CredentialId(""), ProviderId(""))
"""Stands for no credential: declares nothing."""


class Answer(enum.Enum):
    """What a selector says."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Circumstances(msgspec.Struct, frozen=True):
    """What selectors look at. `credential` is None where none is configured."""

    endpoint: Endpoint
    credential: Credential | None
    facts: Facts


def matches(name: str, globs: Iterable[str]) -> bool:
    """Whether `name` is matched by one of the globs (`*`, `?`, `[...]`; case counts)."""
    return any(fnmatchcase(name, glob) for glob in globs)


def where(selector: Selector, here: Circumstances) -> Answer:
    """The answer of all selectors but `features` and `data`."""
    return all_of(*_of_endpoint(selector, here.endpoint), *_of_credential(selector, here.credential or _UNDECLARED))


def _of_endpoint(selector: Selector, endpoint: Endpoint) -> Iterable[Answer]:
    if selector.models:
        yield _certainly(matches(endpoint.model, selector.models))
    if selector.endpoint_models:
        yield _certainly(matches(endpoint.upstream_model, selector.endpoint_models))
    if selector.endpoint_privacy_mode:
        yield _compared(endpoint.privacy_mode, selector.endpoint_privacy_mode)


def _of_credential(selector: Selector, credential: Credential) -> Iterable[Answer]:
    if selector.account:
        yield _certainly(not credential.account_states.isdisjoint(selector.account))
    if selector.caller_region:
        yield _compared(credential.caller_region, selector.caller_region)
    if selector.terms:
        yield Answer.UNKNOWN if credential.terms.isdisjoint(selector.terms) else Answer.YES


def all_of(*answers: Answer) -> Answer:
    """One no is no, else one unknown is unknown, else yes."""
    if Answer.NO in answers:
        return Answer.NO
    return Answer.UNKNOWN if Answer.UNKNOWN in answers else Answer.YES


def any_feature(features: Iterable[str], facts: Facts) -> Answer:
    """Whether the request uses one of these features: one yes is yes, else one unknown is unknown, else no."""
    answers = {_feature(feature, facts) for feature in features}
    if Answer.YES in answers:
        return Answer.YES
    return Answer.UNKNOWN if Answer.UNKNOWN in answers else Answer.NO


def _certainly(matched: bool) -> Answer:  # noqa: FBT001 - a truth value is what is being translated
    return Answer.YES if matched else Answer.NO


def _compared(actual: str | None, wanted: Iterable[str]) -> Answer:
    return Answer.UNKNOWN if actual is None else _certainly(actual in wanted)


def _feature(feature: str, facts: Facts) -> Answer:
    told = _TOLD.get(feature)
    if told is not None:
        return _certainly(told(facts))
    return Answer.NO if feature in NEVER_SENT else Answer.UNKNOWN
