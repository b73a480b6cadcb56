"""The parts of a provider's Responses API answers that are read, as types. Whatever else they hold passes unread.

Source: the `Response` and `ResponseStreamEvent` types of OpenAI's API reference. Usage is read apart, because odd counts are no reason
to refuse an answer.
"""

import msgspec

from anyapi.domain.usage import Count, TokenCount

NOTHING = msgspec.Raw()
NULL = msgspec.Raw(b"null")


class Error(msgspec.Struct):
    """An error's code, and its message, which says what some codes do not."""

    code: str | int | None = None
    message: msgspec.Raw = NULL

    @property
    def name(self) -> str | None:
        """The code where it is a word."""
        return self.code if isinstance(self.code, str) else None


class Details(msgspec.Struct):
    """Why a response is incomplete."""

    reason: str | None = None


class Part(msgspec.Struct):
    """A part of a message, or of reasoning."""

    type: str = ""
    text: str = ""
    refusal: str = ""


class Item(msgspec.Struct):
    """An output item."""

    type: str = ""
    content: list[Part] | None = None
    summary: list[Part] | None = None
    encrypted_content: str | None = None

    @property
    def parts(self) -> list[Part]:
        """All its parts."""
        return [*(self.content or []), *(self.summary or [])]

    @property
    def says(self) -> bool:
        """Whether it holds anything for the client: sealed reasoning alone is nothing."""
        if self.type in READABLE:
            return any(part.text or part.refusal for part in self.parts)
        return True


class Response(msgspec.Struct):
    """A response object, or a body that is none."""

    object: str = ""
    status: str | None = None
    error: Error | str | None = None
    incomplete_details: Details | None = None
    output: list[msgspec.Raw] | None = None
    usage: msgspec.Raw = NOTHING

    @property
    def items(self) -> list[Item]:
        """The output, as far as it can be read."""
        return [item_of(raw) for raw in self.output or []]

    @property
    def failure(self) -> Error:
        """Its error, an empty one if there is none."""
        return self.error if isinstance(self.error, Error) else Error()


class Event(msgspec.Struct):
    """The last event of a stream."""

    type: str
    code: str | int | None = None
    message: msgspec.Raw = NULL
    error: Error | str | None = None
    response: Response | None = None

    @property
    def failure(self) -> Error:
        """What an error event says: the error within the failed response, the event itself, or what is within `error`."""
        if self.response is not None:
            return self.response.failure
        if isinstance(self.code, str):
            return Error(self.code, self.message)
        return self.error if isinstance(self.error, Error) else Error()


class Head(msgspec.Struct):
    """What tells one response from others."""

    id: str
    created_at: int | float = 0
    model: str = ""


class _Opening(msgspec.Struct):
    response: Head


class _Typed(msgspec.Struct):
    type: str


class _Input(msgspec.Struct):
    cached_tokens: Count | None = None


class _Output(msgspec.Struct):
    reasoning_tokens: Count | None = None


class _Usage(msgspec.Struct):
    input_tokens: Count
    output_tokens: Count
    input_tokens_details: _Input | None = None
    output_tokens_details: _Output | None = None


READABLE = frozenset({"message", "reasoning"})

_typed = msgspec.json.Decoder(_Typed).decode
_item = msgspec.json.Decoder(Item).decode
_response = msgspec.json.Decoder(Response).decode
_event = msgspec.json.Decoder(Event).decode
_opening = msgspec.json.Decoder(_Opening).decode
_usage = msgspec.json.Decoder(_Usage).decode


def kind_of(data: bytes) -> str | None:
    """The type of an event; None if it is none."""
    try:
        return _typed(data).type
    except (ValueError, RecursionError):
        return None


def event_of(data: bytes) -> Event | None:
    """A last event; None if it cannot be read."""
    try:
        return _event(data)
    except (ValueError, RecursionError):
        return None


def head_of(data: bytes) -> Head | None:
    """Which response an event that opens one speaks of; None if it does not say."""
    try:
        return _opening(data).response
    except (ValueError, RecursionError):
        return None


def response_of(body: bytes) -> Response | None:
    """A complete answer; None if it cannot be read."""
    try:
        return _response(body)
    except (ValueError, RecursionError):
        return None


def item_of(raw: msgspec.Raw) -> Item:
    """An item; of one whose form is not known here, the type alone."""
    try:
        kind = _typed(raw).type
        return _item(raw) if kind in READABLE else Item(kind)
    except (ValueError, RecursionError):
        return Item()


def tokens_of(raw: msgspec.Raw) -> TokenCount | None:
    """Token counts; None where they are not stated, or not as they should be."""
    try:
        usage = _usage(raw)
    except (ValueError, RecursionError):
        return None
    cached = (usage.input_tokens_details and usage.input_tokens_details.cached_tokens) or 0
    reasoning = (usage.output_tokens_details and usage.output_tokens_details.reasoning_tokens) or 0
    prompt, completion = usage.input_tokens, usage.output_tokens
    return TokenCount(prompt, completion, min(cached, prompt), min(reasoning, completion))
