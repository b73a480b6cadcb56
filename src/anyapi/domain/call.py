"""What the gateway knows of a request besides its content: facts that rules may see, preferences, and who calls."""

import enum
from collections.abc import Mapping

import msgspec

from anyapi.domain.catalogue import Operation
from anyapi.domain.ids import AccountId, KeyId, ModelId, ProjectId, ProviderId
from anyapi.domain.limits import KeyLimits
from anyapi.domain.prompt_log import LogTarget
from anyapi.domain.requirement import Requirement


class Tag(enum.StrEnum):
    """Abilities a caller may ask for; written `chat_completions:vision` on the wire."""

    VISION = "vision"
    PDF_INPUT = "pdf_input"
    AUDIO_INPUT = "audio_input"
    REASONING = "reasoning"
    STREAMING = "streaming"
    FUNCTION_CALLING = "function_calling"
    PARALLEL_FUNCTION_CALLING = "parallel_function_calling"
    TOOL_CHOICE = "tool_choice"
    COMPUTER_USE = "computer_use"
    ASSISTANT_PREFILL = "assistant_prefill"
    PROMPT_CACHING = "prompt_caching"
    WEB_SEARCH = "web_search"
    URL_CONTEXT = "url_context"


class Choice(msgspec.Struct, frozen=True):
    """What the choice of a model depends on besides abilities."""

    prompt_tokens: int
    """An estimate from sizes, rounded up so that few of them differ."""
    answer_tokens: int
    """The longest answer asked for; 0 if the request states none."""


class Facts(msgspec.Struct, frozen=True):
    """What rules may see of a request. Never content. Hashable: it is part of the decision memo's key."""

    tags: frozenset[Tag] = frozenset()
    web_search: bool = False
    least_tokens: int = 0
    """A lower bound of the prompt's tokens, rounded down to a power of two; 0 where no context length can be exceeded."""
    uses: frozenset[str] = frozenset()
    """Abilities that the request's parameters need: `tools`, `structured_outputs`, `vision`, `reasoning`, ... (`require_parameters`)."""
    operation: Operation = Operation.CHAT_COMPLETIONS
    choice: Choice | None = None
    """Only where the gateway chooses the model; `uses` is then filled too."""
    image_output: bool = False
    """The request asks for images in the answer, or for something in it that nobody here knows."""
    audio_output: bool = False
    """The same of speech."""


NO_FACTS = Facts()
PLAIN_FACTS: Mapping[Operation, Facts] = {
    Operation.CHAT_COMPLETIONS: NO_FACTS,
    Operation.EMBEDDINGS: Facts(operation=Operation.EMBEDDINGS),
}
"""The facts of a request that needs nothing but the operation."""


class Sort(enum.StrEnum):
    """How permitted endpoints are ordered."""

    PRICE = "price"
    LATENCY = "latency"
    THROUGHPUT = "throughput"


class Preference(msgspec.Struct, frozen=True):
    """Wishes about the order inside the permitted set. A preference never admits an endpoint."""

    order: tuple[ProviderId, ...] = ()
    sort: Sort | None = None
    allow_fallbacks: bool = True
    max_price_input: float | None = None
    """US dollars per million prompt tokens."""
    max_price_output: float | None = None
    require_parameters: bool = False
    failover_on_refusal: bool = False


NO_PREFERENCE = Preference()


class Principal(msgspec.Struct, frozen=True):
    """Who calls, and the requirement of the layers above the request."""

    key: KeyId
    account: AccountId
    requirement: Requirement
    project: ProjectId | None = None
    expires_at: float | None = None
    """Unix seconds; None never expires."""
    limits: KeyLimits | None = None
    """None for a key that has neither a spend cap nor a rate: nothing of it is counted."""
    log: LogTarget | None = None
    """What its owner asked to have kept, and who can read it; None unless somebody opted in."""
    plain: bool = True
    """Neither of the two: the request path asks for this alone. Always made from them."""

    def __post_init__(self) -> None:
        """Say whether there is more to a request of this key than its usage row."""
        msgspec.structs.force_setattr(self, "plain", self.limits is None and self.log is None)


class App(msgspec.Struct, frozen=True, omit_defaults=True):
    """The five app fields a caller may send: at most 128 characters of `[A-Za-z0-9._:@-]` each."""

    id: str | None = None
    name: str | None = None
    version: str | None = None
    user_id: str | None = None
    session_id: str | None = None


class SkipReason(enum.StrEnum):
    """Why a model of several that are asked for is passed over."""

    UNKNOWN_MODEL = "unknown_model"


class Skipped(msgspec.Struct, frozen=True):
    """A model that is passed over, by its place: its name may be any text of the caller's."""

    field: str
    """`model`, or the place in the list from 0 on, such as `models[1]`."""
    reason: SkipReason


class Question(msgspec.Struct, frozen=True):
    """A request without its content: what `decide` and `explain` answer."""

    models: tuple[ModelId, ...]
    requirement: Requirement
    facts: Facts = NO_FACTS
    preference: Preference = NO_PREFERENCE
    skipped: tuple[Skipped, ...] = ()
