"""The adapter for providers that serve OpenAI's Responses API themselves: the same format on both sides, so a body passes as it is.

Only the model's name is replaced and `store` is false. Answers and events go on byte for byte; they are looked at just enough to find
usage, errors and the end. A body that holds reasoning sealed here (`openai_responses_reasoning`) is rewritten without it: no provider
could open it.
"""

from collections.abc import Mapping

import msgspec

from anyapi.domain.catalogue import Endpoint
from anyapi.domain.decision import BEYOND_LIMITS, Outcome, OutcomeKind
from anyapi.domain.usage import TokenCount
from anyapi.upstream import sse
from anyapi.upstream.adapter import Answer, OutboundChat, Prepared, ProviderRow
from anyapi.upstream.classify import classify_openai
from anyapi.upstream.responses_wire import Response, event_of, head_of, item_of, kind_of, response_of, tokens_of
from anyapi.upstream.translate.openai_responses_echo import echo_of
from anyapi.upstream.translate.openai_responses_reasoning import PREFIX
from anyapi.upstream.translate.openai_responses_tools_to_openai_chat import Tools
from anyapi.wire.utf8 import is_utf8

PATH = b"/responses"
FALSE = msgspec.Raw(b"false")
BAD = Outcome(OutcomeKind.BAD_RESPONSE)

LIMIT = 4 * 1024 * 1024
"""Bytes of one event that are held back at most: the last one repeats the whole answer."""

OPENING = frozenset({"response.created", "response.in_progress", "response.queued"})
"""Events that say nothing yet. They are held back until one does, so that another endpoint can still be tried."""
ENDINGS = frozenset({"response.completed", "response.incomplete"})
ENDED = frozenset({"completed", "incomplete", None})
"""Statuses of a response that has ended. Where a server states none, the event's name counts."""
ERRORS = frozenset({"error", "response.failed"})

CODES: Mapping[str, OutcomeKind] = {
    "rate_limit_exceeded": OutcomeKind.RATE_LIMITED,
    "bio_policy": OutcomeKind.CONTENT_REFUSED,
    "misalignment_policy_violation": OutcomeKind.CONTENT_REFUSED,
    "image_content_policy_violation": OutcomeKind.CONTENT_REFUSED,
    "cyber_policy": OutcomeKind.CONTENT_REFUSED,
    "invalid_prompt": OutcomeKind.REJECTED,
    "context_length_exceeded": OutcomeKind.REJECTED,
    "data_residency_mismatch": OutcomeKind.REJECTED,
    "invalid_image": OutcomeKind.REJECTED,
    "invalid_image_format": OutcomeKind.REJECTED,
    "invalid_base64_image": OutcomeKind.REJECTED,
    "invalid_image_url": OutcomeKind.REJECTED,
    "image_too_large": OutcomeKind.REJECTED,
    "image_too_small": OutcomeKind.REJECTED,
    "image_parse_error": OutcomeKind.REJECTED,
    "invalid_image_mode": OutcomeKind.REJECTED,
    "image_file_too_large": OutcomeKind.REJECTED,
    "unsupported_image_media_type": OutcomeKind.REJECTED,
    "empty_image_file": OutcomeKind.REJECTED,
    "failed_to_download_image": OutcomeKind.REJECTED,
    "image_file_not_found": OutcomeKind.REJECTED,
}
"""What the code of a failed response means. Any other is asked of `classify_openai`, and then the provider's fault."""

UNASKED = echo_of(lambda _name: None, Tools()).settings
"""The settings of a response as JSON members, all at the API's defaults."""

_encode = msgspec.json.Encoder().encode
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode


class ResponsesPassthrough:
    """An `Adapter`. Without state: one serves every endpoint."""

    def prepare(self, call: OutboundChat, endpoint: Endpoint, row: ProviderRow) -> Prepared:
        """The client's body with the provider's model name and `store` off. Of the row, `drops` counts."""
        fields = dict(call.fields)
        fields["model"] = msgspec.Raw(_encode(endpoint.upstream_model))
        fields["store"] = FALSE
        adjusted = sorted(name for name in row.drops if fields.pop(name, None) is not None)
        given = fields.get("input")
        if given is not None and PREFIX.encode() in bytes(given):
            kept = _without_ours(given)
            if kept is not None:
                fields["input"] = kept
                adjusted.append("input.reasoning")
        return Prepared(PATH, _encode(fields), adjusted=tuple(adjusted))

    def walks(self, call: OutboundChat) -> bool:
        """Only a body that holds reasoning of ours is looked through."""
        return PREFIX.encode() in bytes(call.fields.get("input", b""))

    def read_answer(self, body: bytes, call: OutboundChat) -> Answer | Outcome:  # noqa: ARG002 - the contract's signature
        """Check that it is a response that ended, and find its usage; it goes on whole."""
        found = response_of(body)
        if found is None:
            return BAD
        ended = found.status in ("completed", "incomplete")
        if found.status == "failed" or (found.error is not None and not ended):
            return outcome_of(found.failure.name, body)
        if found.object != "response" or not ended or not is_utf8(body):
            return BAD
        items = found.items
        return Answer(body, tokens_of(found.usage), refused=_is_refusal(found), empty=not any(item.says for item in items))

    def open_stream(self, call: OutboundChat) -> "ResponsesReader":  # noqa: ARG002 - the contract's signature
        """Start reading a 2xx event stream."""
        return ResponsesReader()

    def classify(self, status: int, retry_after: float | None, body: bytes) -> Outcome:
        """Map a non-2xx answer to an outcome."""
        return classify_openai(status, retry_after, body)


def outcome_of(code: str | None, body: bytes) -> Outcome:
    """What a failed response, or an error event, means. `body` is the JSON around it, parsed for more and dropped."""
    kind = CODES.get(code or "")
    if kind is None:
        return classify_openai(500, None, body)
    if kind is not OutcomeKind.REJECTED:
        return Outcome(kind)
    said = classify_openai(400, None, body)
    return Outcome(said.kind if said.kind is OutcomeKind.CONTENT_REFUSED else kind, why=said.why)


def _is_refusal(found: Response) -> bool:
    """Whether the provider declined for content reasons."""
    details = found.incomplete_details
    if details is not None and details.reason == "content_filter":
        return True
    return any(part.type == "refusal" for item in found.items for part in item.parts)


def _without_ours(given: msgspec.Raw) -> msgspec.Raw | None:
    """The input without reasoning that was sealed here; None where there is none after all, or it is no list of items."""
    try:
        items = _items(given)
        kept = [raw for raw in items if not (PREFIX.encode() in bytes(raw) and _is_ours(raw))]
    except (ValueError, RecursionError):
        return None
    return msgspec.Raw(_encode(kept)) if len(kept) < len(items) else None


def _is_ours(raw: msgspec.Raw) -> bool:
    item = item_of(raw)
    return item.type == "reasoning" and (item.encrypted_content or "").startswith(PREFIX)


class ResponsesReader:
    """A `StreamReader`: passes events on as they came, from the first one that says something."""

    __slots__ = (
        "_after_cr", "_held", "_holding", "_opened", "_splitter", "complete", "empty", "failure", "refused", "sequence",
        "started", "tokens",
    )  # fmt: skip

    def __init__(self) -> None:
        """Start with nothing seen."""
        self.complete = False
        self.failure: Outcome | None = None
        self.tokens: TokenCount | None = None
        self.started, self.empty, self.refused = False, True, False
        self.sequence = 0
        """The number that an event of ours would have after those that were released."""
        self._splitter = sse.Splitter(LIMIT)
        self._after_cr = False
        """What came so far ends with CR: an LF that follows belongs to it."""
        self._opened: bytes | None = None
        """What tells this response from others, as JSON members: all that `failed` repeats of it."""
        self._held: list[bytes] = []
        self._holding = 0

    def __repr__(self) -> str:
        """Never the content."""
        return "<ResponsesReader>"

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they came off the wire; return whole events for the client, possibly none."""
        if self._ended():
            return b""
        whole = self._splitter.feed(data)
        kept = self._read(whole) if whole else whole
        if self._splitter.overflow and not self._ended():
            self.failure = BEYOND_LIMITS
        if not self.started:
            self._held.append(kept)
            self._holding += len(kept)
            if self._holding > LIMIT:
                self.failure = BEYOND_LIMITS
            return b""
        if not self._held:
            return kept
        released = b"".join([*self._held, kept])
        self._held = []
        return released

    def end(self) -> bytes:
        """The message is whole: an event that lacks its blank line counts, if it is the end."""
        return sse.ended(self, holding=self._splitter.holding)

    def _ended(self) -> bool:
        return self.complete or self.failure is not None

    def _read(self, whole: bytes) -> bytes:
        """Look at whole events; return those before a failure, or up to the end."""
        if self._after_cr or b"\r" in whole:
            whole = self._with_plain_ends(whole)
        start = 0
        while start < len(whole):
            end = whole.find(b"\n\n", start) + 2
            end = end if end >= 2 else len(whole)
            self._take(whole[start:end])
            if self.failure is not None:
                return whole[:start]
            if self.complete:
                return whole[:end]
            start = end
        return whole

    def _with_plain_ends(self, whole: bytes) -> bytes:
        """The same with LF at the end of each line."""
        rest = whole.removeprefix(b"\n") if self._after_cr else whole
        self._after_cr = whole.endswith(b"\r")
        return sse.with_plain_ends(rest)

    def _take(self, block: bytes) -> None:
        if not is_utf8(block):
            self.failure = BAD
            return
        for data in _data_in(block):
            kind = kind_of(data)
            if kind is None:
                self.failure = BAD
            elif kind in ENDINGS:
                self._end(data)
            elif kind in ERRORS:
                self._fail(data)
            else:
                self.sequence += 1
                self.empty = self.empty and not kind.endswith(".delta")
                if not self.started:
                    self._open(kind, data)

    def failed(self, code: str, message: str) -> bytes:
        """The event `response.failed`, which follows an `error` event; empty where the provider never said which response it is.

        What the client asked for is not kept, so the settings are stated with the API's defaults.
        """
        if self._opened is None or self.complete:
            return b""
        return b"event: response.failed\ndata: " + b"".join(
            (
                b'{"type":"response.failed","sequence_number":%d,"response":{%b,"object":"response",' % (self.sequence + 1, self._opened),
                b'"status":"failed","completed_at":null,"error":%b,' % _encode({"code": code, "message": message}),
                b'"incomplete_details":null,"output":[],"usage":null,"service_tier":"default",%b}}\n\n' % UNASKED,
            )
        )

    def _open(self, kind: str, data: bytes) -> None:
        """An event before anything was said: content begins with it, or it names the response."""
        self.started = kind not in OPENING
        if not self.started and self._opened is None:
            head = head_of(data)
            self._opened = None if head is None else _encode(head)[1:-1]

    def _end(self, data: bytes) -> None:
        """The last event holds the response, and its usage. One whose own status says that it still runs is no end."""
        found = event_of(data)
        if found is None or found.response is None or found.response.status not in ENDED:
            self.failure = BAD
            return
        self.tokens = tokens_of(found.response.usage)
        self.complete = self.started = True
        self.refused = _is_refusal(found.response)
        self.empty = self.empty and not any(item.says for item in found.response.items)

    def _fail(self, data: bytes) -> None:
        """An error event names its code itself, within `error`, or within the failed response."""
        found = event_of(data)
        if found is None:
            self.failure = Outcome(OutcomeKind.SERVER_ERROR)
            return
        if found.response is not None:
            self.tokens = tokens_of(found.response.usage)
        self.failure = outcome_of(found.failure.name, _encode({"error": found.failure}))


def _data_in(block: bytes) -> list[bytes]:
    """The data of the event in a block; the common one has a name, and its data on one line."""
    at = block.find(b"\ndata: ")
    if at > 0 and block.startswith(b"event: ") and block.find(b"\n", at + 7) == len(block) - 2:
        return [block[at + 7 : -2]]
    return [data for _name, data in sse.events(block)]
