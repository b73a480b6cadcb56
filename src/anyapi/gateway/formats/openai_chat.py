"""OpenAI chat completions as clients send them: wire to typed, once. Messages stay raw bytes; only what routing needs is looked at."""

from typing import TypeVar

import msgspec

from anyapi.domain.call import NO_FACTS, App, Facts, Skipped
from anyapi.domain.ids import ModelId
from anyapi.errors import BadRequest
from anyapi.gateway.formats import beyond, field_names
from anyapi.gateway.formats.abilities import BIG, least_tokens, needed_abilities, read_tags
from anyapi.gateway.formats.chat_reach import has_web_search, refuse_stored_files
from anyapi.gateway.formats.foreign import refuse_misspelt, take_foreign
from anyapi.gateway.formats.stored import take_off
from anyapi.gateway.formats.strict_json import FALSE, NULL, Fields, flag, outer_fields
from anyapi.gateway.render import error_event
from anyapi.upstream.adapter import NO_FIELDS, OutboundChat, StreamReader

OURS = (*field_names.OBJECTS, "models", "tags", "route", "transforms")
"""Fields that are ours or another gateway's: never sent on."""
STATEFUL = ("previous_response_id", "conversation", "background", "webhook_url")
MAX_MODELS = 8
MOST_POLICY = 16 * 1024
MAX_MODEL_NAME = 256
LIST = b"["
R = TypeVar("R", bound="ChatRequest")
OURS_SET, STATEFUL_SET = frozenset(OURS), frozenset(STATEFUL)

_decode_text = msgspec.json.Decoder(str).decode
_decode_texts = msgspec.json.Decoder(list[str]).decode


class StreamOptions(msgspec.Struct):
    """The part of `stream_options` that concerns us."""

    include_usage: bool = False


_decode_stream_options = msgspec.json.Decoder(StreamOptions).decode


class ChatRequest(OutboundChat):
    """A chat completion request: what routing needs, and the rest raw. Holds content: never printed, never stored."""

    models: tuple[ModelId, ...] = ()
    facts: Facts = NO_FACTS
    app: App | None = None
    policy: Fields = {}
    """The policy fields, still raw."""
    policy_raw: bytes = b""
    """The same as one text: the key under which their parsed form is remembered."""
    adjusted: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()  # of several models those that are none: known once it is decided
    prompt_bytes: int = 0
    large: bool = False
    """So large that a thread prepares it, where it has to be looked through (`gateway.apart`)."""

    def forget(self) -> None:
        """The same, and what was decided by."""
        super().forget()
        self.models, self.policy, self.policy_raw = (), NO_FIELDS, b""

    def __repr__(self) -> str:
        """Never the content."""
        return "<ChatRequest>"

    def needs(self) -> frozenset[str]:
        """Abilities that the request uses; only asked under `require_parameters`, and for a choice of its model."""
        return self.abilities() | {"streaming"} if self.stream else self.abilities()

    def abilities(self) -> frozenset[str]:
        """Those that its fields need."""
        return needed_abilities(self.fields)

    def error_event(self, error: Exception, _reader: StreamReader | None) -> bytes:
        """What ends a stream that went wrong, in the client's format. `_reader` read it: some formats tell of what came before."""
        return error_event(error)


def parse(body: bytes) -> ChatRequest:
    """Read a request. Raises `BadRequest` naming the field."""
    fields = outer_fields(body)
    messages = fields.get("messages")
    if messages is None or memoryview(messages)[:1] != LIST:
        raise BadRequest("messages is missing or is not a list.", "messages")
    refuse_stored_files(body, messages)
    request = ChatRequest(fields, prompt_bytes=len(messages))
    if field_names.PLAIN.issuperset(fields):
        request.models = (read_model(fields),)
    else:
        _read_special(request)
    if len(body) > BIG:
        request.facts = msgspec.structs.replace(request.facts, least_tokens=least_tokens(body))
    return request


def read_question(body: bytes, kind: type[R] = ChatRequest) -> R:  # type: ignore[assignment]
    """Read what is the same in a request of any kind, its content left alone. Raises `BadRequest` naming the field."""
    request = kind(outer_fields(body))
    take_policy(request)
    return request


def _read_special(request: ChatRequest) -> None:
    """What only some requests have: streams, policy fields, tools, stored state."""
    fields = request.fields
    if "stream" in fields:
        _read_stream(request)
    take_policy(request)
    if not STATEFUL_SET.isdisjoint(fields):
        _refuse_stateful(fields)
    if "metadata" in fields or "store" in fields or not beyond.KEPT.isdisjoint(fields):
        kept = beyond.take_keeping(fields, short=True)
        request.app, adjusted = take_off(fields)
        request.adjusted += (*kept, *adjusted)
    tools = fields.get("tools")
    request.facts = beyond.seen(request.facts, fields, searches_by_tool=tools is not None and has_web_search(tools))


def take_policy(request: ChatRequest) -> None:
    """Take what is ours, or another gateway's, off the outer object."""
    fields = request.fields
    refuse_misspelt(fields)
    if OURS_SET.isdisjoint(fields):
        request.models = (read_model(fields),)
        return
    policy = request.policy = {name: fields.pop(name) for name in OURS if name in fields}
    request.adjusted = take_foreign(policy)
    request.models = _read_models(fields, policy)
    asked = [(name, raw) for name, raw in policy.items() if name in field_names.OBJECTS]
    if sum(len(raw) for _, raw in asked) > MOST_POLICY:
        raise BadRequest(f"The policy fields together may have {MOST_POLICY} bytes.", asked[0][0])
    if asked:
        request.policy_raw = b"".join(b"%b\x01%b\x00" % (name.encode(), bytes(raw)) for name, raw in asked)
    if "tags" in policy:
        request.facts = Facts(tags=read_tags(policy["tags"]))


def read_model(fields: Fields) -> ModelId:
    """The one model asked for. Raises `BadRequest`."""
    try:
        name = _decode_text(fields["model"])
        if len(name) > MAX_MODEL_NAME:
            raise BadRequest(f"model may have {MAX_MODEL_NAME} characters.", "model")
        return ModelId(name)
    except KeyError:
        raise BadRequest("model is missing.", "model") from None
    except msgspec.DecodeError:
        raise BadRequest("model must be a string such as author/slug.", "model") from None


def _read_models(fields: Fields, policy: Fields) -> tuple[ModelId, ...]:
    """The models asked for, first `model`, then `models`, each once. Raises `BadRequest`."""
    if "models" not in policy:
        return (read_model(fields),)
    try:
        names = [ModelId(name) for name in _decode_texts(policy["models"])]
    except msgspec.DecodeError:
        raise BadRequest("models must be a list of strings.", "models") from None
    if "model" in fields:
        names.insert(0, read_model(fields))
    if not 0 < len(names) <= MAX_MODELS:
        raise BadRequest(f"models must name 1 to {MAX_MODELS} models.", "models")
    return tuple(dict.fromkeys(names))


def _read_stream(request: ChatRequest) -> None:
    request.stream = flag(request.fields, "stream")
    options = request.fields.get("stream_options")
    if options is None or bytes(options) == NULL:
        return
    try:
        request.wants_usage = _decode_stream_options(options).include_usage
    except msgspec.DecodeError:
        raise BadRequest("stream_options must be an object whose include_usage is true or false.", "stream_options") from None


def _refuse_stateful(fields: Fields) -> None:
    for name in STATEFUL:
        if name in fields and bytes(fields[name]) not in (NULL, FALSE):
            raise BadRequest(f"{name} keeps state at a provider, which this gateway never does. Leave it out.", name)
        fields.pop(name, None)
