"""The contract between the data plane and a provider's wire format. One adapter a protocol; providers of one protocol are rows.

An adapter is sans-I/O: bytes and values in, bytes and values out. It never opens a connection, never logs, never raises with content
in the text. The dispatcher drives it.
"""

import enum
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import ClassVar, Protocol

import msgspec

from anyapi.domain.catalogue import Endpoint
from anyapi.domain.decision import Outcome
from anyapi.domain.usage import TokenCount
from anyapi.upstream.evidence import Evidence
from anyapi.upstream.routers import Router


class Dialect(enum.StrEnum):
    """The format in which a client asks."""

    CHAT_COMPLETIONS = "chat_completions"
    MESSAGES = "messages"
    RESPONSES = "responses"
    EMBEDDINGS = "embeddings"


class ProviderRow(msgspec.Struct, frozen=True):
    """How one provider differs from the others of its protocol. A row that needs an `if` becomes a module."""

    accepts_store: bool = False
    """`store` is sent as false; elsewhere it is removed."""
    accepts_stream_options: bool = True
    """`stream_options.include_usage` is sent as true so that usage is measured."""
    renames: Mapping[str, str] = {}
    """Request fields that this provider calls otherwise, ours to theirs."""
    drops: frozenset[str] = frozenset()
    """Request fields that this provider refuses; their removal is named in `X-AnyAPI-Adjusted`."""
    extensions: frozenset[str] = frozenset()
    """What it understands beyond OpenAI's own chat format (`translate/hub_target`), for requests that came in another format."""
    renames_limit: bool = False
    """Of a request that came in another format, `max_tokens` goes by its newer name `max_completion_tokens`."""
    evidence: Evidence | None = None
    """Where it states what it did with a request; None if it does not, and then its answers are not looked at for it."""
    router: Router | None = None
    """It passes requests on: the requirement is told to it in its own words."""


class Timeouts(msgspec.Struct, frozen=True):
    """How long a provider may take, in seconds."""

    first_byte: float = 120.0
    """To the head of a stream, for whoever hears nothing of it for longer can be helped by another provider."""
    stream_idle: float = 120.0
    answer: float = 600.0
    """For all of an answer that is no stream: nothing of it comes before the model has finished. And for a stream that has begun to come
    to its content, before which a model may think for as long."""


NO_FIELDS: dict[str, msgspec.Raw] = MappingProxyType({})  # type: ignore[assignment]
"""What a request holds that was let go: one for all, so nobody may write into it."""


class OutboundChat(msgspec.Struct):
    """A request on its way out, in the client's format, policy fields already taken off. Holds content: never printed, never stored."""

    dialect: ClassVar[Dialect] = Dialect.CHAT_COMPLETIONS
    """Its value is the operation in usage rows."""
    fields: dict[str, msgspec.Raw] = {}
    """The outer object, each value as its JSON text. The adapter must not change this dict: another attempt may follow."""
    stream: bool = False
    wants_usage: bool = False
    """The client asked for the usage chunk of a stream."""
    beta_headers: tuple[tuple[bytes, bytes], ...] = ()
    hub: "OutboundChat | None" = None
    """The same as a chat completion request, as the last attempt translated it; None where nothing had to be."""
    echo: object = None
    """What the translation of the request has to tell that of its answer."""

    def rest(self) -> None:
        """An answer is awaited, perhaps for long: let go of the fields, a kilobyte of small objects, which another attempt reads again."""
        self.fields = NO_FIELDS
        if self.hub is not None:
            self.hub.rest()

    def forget(self) -> None:
        """No other attempt can follow: let go of what only an attempt needs. A stream may last for minutes."""
        self.fields, self.beta_headers, self.hub = NO_FIELDS, (), None

    def __repr__(self) -> str:
        """Never the content."""
        return "<OutboundChat>"


class Prepared(msgspec.Struct, gc=False):
    """An HTTP request body and path, without credential and host: the connection adds these."""

    path: bytes
    """Appended to the path of the provider's base URL, for example `/chat/completions`."""
    body: bytes
    headers: bytes = b""
    """Complete extra header lines, each ending in CRLF."""
    adjusted: tuple[str, ...] = ()
    """Names of fields that were changed or removed."""

    def __repr__(self) -> str:
        """Never the content."""
        return "<Prepared>"


class Answer(msgspec.Struct, gc=False):
    """A complete answer in the client's format (OpenAI chat completion)."""

    body: bytes
    tokens: TokenCount | None
    """None when the provider stated none."""
    refused: bool = False
    """The provider declined for content reasons."""
    empty: bool = False
    """Nothing came back: no text, no reasoning (shown or not), no tool call, no refusal."""

    def __repr__(self) -> str:
        """Never the content."""
        return "<Answer>"


class StreamReader(Protocol):
    """Turns a provider's event stream into the client's, event by event, holding back at most one incomplete event (1 MiB).

    MUST release bytes only at event boundaries. MUST set `complete` when the provider's own terminal marker was seen and not otherwise.
    MUST set `failure` when the provider sends an error event or something that is not of its format; nothing is released after that.
    """

    complete: bool
    failure: Outcome | None
    tokens: TokenCount | None

    @property
    def started(self) -> bool:
        """Whether any content has come, which a refusal is not."""
        ...

    @property
    def refused(self) -> bool:
        """Of a complete answer: whether the provider declined for content reasons, as far as the end of the stream says so."""
        ...

    @property
    def empty(self) -> bool:
        """Of a complete answer: whether it held nothing, in the sense of `Answer.empty`. Until then it may turn false."""
        ...

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they came off the wire; return what may go to the client now (may be empty)."""
        ...

    def end(self) -> bytes:
        """Hear that the provider's message ended as HTTP has it, cut by nobody; return what may go to the client for it.

        MUST be called only then. Where the terminal marker lacks but its blank line it counts, as it does to the providers' own SDKs. MUST
        return nothing unless the stream is complete with it.
        """
        ...


class Translating:
    """What adapters have in common that build every request anew."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives Unix seconds, for the `created` of an answer."""
        self._clock = clock

    def walks(self, call: OutboundChat) -> bool:  # noqa: ARG002 - the contract's signature
        """It builds every message anew."""
        return True


class Adapter(Protocol):
    """One provider protocol."""

    def prepare(self, call: OutboundChat, endpoint: Endpoint, row: ProviderRow) -> Prepared:
        """Build the provider's request. MUST raise `BadRequest` naming the field for what the provider cannot express."""
        ...

    def walks(self, call: OutboundChat) -> bool:
        """Whether `prepare` looks through all of the request: for a large one it is then called in a thread."""
        ...

    def read_answer(self, body: bytes, call: OutboundChat) -> Answer | Outcome:
        """Read a complete 2xx answer; an `Outcome` (BAD_RESPONSE, SERVER_ERROR, ...) when it is not a usable one. MUST not raise."""
        ...

    def open_stream(self, call: OutboundChat) -> StreamReader:
        """Start reading a 2xx event stream."""
        ...

    def classify(self, status: int, retry_after: float | None, body: bytes) -> Outcome:
        """Map a non-2xx answer to an outcome. The body (at most 64 KiB) is parsed for a code, never passed on. MUST not raise."""
        ...
