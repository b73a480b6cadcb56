"""Gemini's generateContent as Google speaks it, at the Gemini API's paths and at Vertex AI's: the response, and the stream of them.

Source: the API references of Google (Gemini API and Vertex AI), as of 2026. Lines of the stream end in CRLF, as Google's do.
"""

import re
import urllib.parse
from collections.abc import Iterator, Mapping

import msgspec

from anyapi.simulator.answer import Answer, Choice, Finish, spoken
from anyapi.simulator.call import Call
from anyapi.simulator.gemini_read import read_request
from anyapi.simulator.ledger import Outcome
from anyapi.simulator.openai_errors import log_probabilities
from anyapi.simulator.reply import EVENTS, Reply, answered
from anyapi.simulator.seal import seal
from anyapi.simulator.steps import Send
from anyapi.simulator.tokens import size_of, tokens_for
from anyapi.simulator.wire import Target

_write = msgspec.json.Encoder().encode
_Dict = dict[str, object]
_METHODS = {
    "generateContent": (False, False),
    "streamGenerateContent": (True, False),
    "countTokens": (False, True),
}
_FINISH = {
    Finish.STOP: "STOP",
    Finish.STOP_SEQUENCE: "STOP",
    Finish.LENGTH: "MAX_TOKENS",
    Finish.TOOL_CALLS: "STOP",
    Finish.CONTENT_FILTER: "SAFETY",
    Finish.FAILED: "OTHER",
}
_STATUS = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ABORTED",
    429: "RESOURCE_EXHAUSTED", 499: "CANCELLED", 500: "INTERNAL", 501: "UNIMPLEMENTED", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip
BAD_KEY = "API key not valid. Please pass a valid API key."
_KEY_INFO = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}]


class GeminiWire:
    """`POST .../models/MODEL:generateContent` and `:streamGenerateContent?alt=sse`; `:countTokens` to count."""

    completion_path = "/v1beta/models/MODEL:generateContent"
    _path = re.compile(r"/v1(?:alpha|beta)?/models/(.+):(\w+)")
    _methods: Mapping[str, tuple[bool, bool]] = _METHODS
    """Whether each streams, and whether it counts."""
    call_ids = True
    """Calls of functions carry an id."""

    def target(self, path: str, query: str) -> Target | None:
        """The path names the model and says whether to stream."""
        match = self._path.fullmatch(path)
        if match is None or match[2] not in self._methods:
            return None
        stream, count = self._methods[match[2]]
        if stream and "alt=sse" not in query.split("&"):
            return None
        return Target(urllib.parse.unquote(match[1]), stream, count)

    def read(self, body: bytes, headers: Mapping[str, str], target: Target) -> Call:  # noqa: ARG002 - other wires need them
        """Understand a request; `Rejected` 400 when it is not one."""
        return read_request(body, target)

    def render(self, call: Call, model: str, answer: Answer, serial: int) -> Reply:
        """Write a response, or the responses that add up to it. Refused words mean that the prompt was blocked: no candidates then."""
        blocked = any(choice.refusal for choice in answer.choices)
        if blocked:
            answer = msgspec.structs.replace(answer, choices=())
        filtered = any(choice.finish is Finish.CONTENT_FILTER for choice in answer.choices)
        reply = answered(answer, Outcome.CONTENT_REFUSED if blocked or filtered else Outcome.ANSWERED)
        end: _Dict = {"modelVersion": model, "responseId": f"sim-{serial}"}
        if call.stream:
            reply.content_type, reply.body = EVENTS, list(self._events(call, answer, serial, end))
        else:
            body: _Dict = {} if blocked else {"candidates": list(self._candidates(call, answer, serial))}
            text_bytes = sum(choice.size for choice in answer.choices)
            reply.body = [Send(_write({**body, **_feedback(answer), **_usage(answer), **end}), 0, text_bytes, answer.reported is not None)]
        return reply

    def error(self, status: int, message: str) -> bytes:
        """Return Google's error object."""
        error: _Dict = {"code": status, "message": message, "status": _STATUS.get(status, "UNKNOWN")}
        return _write({"error": {**error, "details": _KEY_INFO} if message == BAD_KEY else error})

    def error_headers(self, status: int) -> list[tuple[bytes, bytes]]:  # noqa: ARG002 - the contract's
        """All is in the body."""
        return []

    def error_event(self, message: str, after: int) -> bytes:  # noqa: ARG002 - the contract's
        """Return an error object as an event."""
        return b"data: " + self.error(503, message) + b"\r\n\r\n"

    def count(self, call: Call) -> object:
        """Return the prompt's tokens."""
        return {"totalTokens": tokens_for(call.prompt_bytes), "promptTokensDetails": _text_tokens(tokens_for(call.prompt_bytes))}

    def _candidates(self, call: Call, answer: Answer, serial: int) -> Iterator[_Dict]:
        for index, choice in enumerate(answer.choices):
            parts = [part for part, _ in _thoughts(call, choice)]
            if choice.text or not (choice.tool_calls or choice.finish is Finish.CONTENT_FILTER):
                mark = {"thoughtSignature": seal(choice.reasoning)} if choice.reasoning else {}
                parts.append({"text": choice.text + "a" * answer.padding, **mark})
            parts += [part for part, _ in self._calls(choice, serial)]
            chances = {} if call.logprobs is None else {"logprobsResult": _logprobs(spoken(choice.text), call.logprobs)}
            yield _candidate(parts, index, choice.finish) | chances

    def _calls(self, choice: Choice, serial: int) -> Iterator[tuple[_Dict, int]]:
        """Yield a part for each call, with the bytes of completion in it. The first one carries the signature."""
        for number, tool in enumerate(choice.tool_calls):
            call: _Dict = {"name": tool.name, "args": msgspec.json.decode(tool.arguments)}
            if self.call_ids:
                call["id"] = f"call_sim_{serial}_{number}"
            mark = {} if number else {"thoughtSignature": seal(choice.reasoning or tool.name)}
            yield {"functionCall": call, **mark}, size_of(tool.arguments)

    def _events(self, call: Call, answer: Answer, serial: int, end: _Dict) -> Iterator[Send]:
        begun: _Dict = {}
        if answer.reported is not None:
            begun = {"usageMetadata": {"promptTokenCount": answer.reported[0], "totalTokenCount": answer.reported[0]}}
        for index, choice in enumerate(answer.choices):
            for part, size in (*_thoughts(call, choice), *_pieces(choice, answer.padding), *self._calls(choice, serial)):
                yield _event({"candidates": [_candidate([part], index)], **begun, **end}, size)
            hidden = size_of(choice.reasoning) if call.hide_reasoning else 0
            done = index == len(answer.choices) - 1
            usage = _usage(answer) if done else begun
            yield _event({"candidates": [_last(choice, index)], **usage, **end}, hidden, usage=done and answer.reported is not None)
        if not answer.choices:
            yield _event({**_feedback(answer), **_usage(answer), **end}, 0, usage=answer.reported is not None)


class VertexWire(GeminiWire):
    """The same at Vertex AI's paths, where calls carry no id."""

    completion_path = "/v1/projects/PROJECT/locations/LOCATION/publishers/google/models/MODEL:generateContent"
    _path = re.compile(r"/v1(?:beta1)?/(?:projects/[^/]+/locations/[^/]+/)?publishers/google/models/(.+):(\w+)")
    call_ids = False


def _candidate(parts: list[_Dict], index: int, finish: Finish | None = None) -> _Dict:
    content: _Dict = {"content": {"parts": parts, "role": "model"}} if parts else {}
    ended: _Dict = {"finishReason": _FINISH[finish]} if finish is not None else {}
    return {**content, **ended, "index": index}


def _thoughts(call: Call, choice: Choice) -> list[tuple[_Dict, int]]:
    if call.hide_reasoning:
        return []
    pieces = spoken(choice.reasoning) if call.stream else [choice.reasoning] if choice.reasoning else []
    return [({"text": piece, "thought": True}, size_of(piece)) for piece in pieces]


def _pieces(choice: Choice, padding: int) -> list[tuple[_Dict, int]]:
    pieces: list[tuple[_Dict, int]] = [({"text": piece}, size_of(piece)) for piece in spoken(choice.text)]
    return [*pieces[:1], ({"text": "a" * padding}, 0), *pieces[1:]] if padding else pieces


def _last(choice: Choice, index: int) -> _Dict:
    """Return the candidate that ends a stream: no more text, but the reason, and the signature unless a call has it."""
    mark: _Dict = {"thoughtSignature": seal(choice.reasoning)} if choice.reasoning and not choice.tool_calls else {}
    closing: _Dict = {"text": "", **mark}
    return _candidate([] if choice.finish is Finish.CONTENT_FILTER else [closing], index, choice.finish)


def _feedback(answer: Answer) -> _Dict:
    return {} if answer.choices else {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}


def _usage(answer: Answer) -> _Dict:
    """Return the usage; counts of zero are left out but for the two that are always there."""
    if answer.reported is None:
        return {}
    prompt, completion = answer.reported
    optional = {
        "candidatesTokenCount": completion - answer.reported_reasoning,
        "thoughtsTokenCount": answer.reported_reasoning,
        "cachedContentTokenCount": answer.reported_cache[0],
    }
    counts: _Dict = {"promptTokenCount": prompt, "totalTokenCount": prompt + completion}
    return {
        "usageMetadata": {
            **counts,
            **{name: value for name, value in optional.items() if value},
            "promptTokensDetails": _text_tokens(prompt),
        }
    }


def _text_tokens(count: int) -> list[_Dict]:
    return [{"modality": "TEXT", "tokenCount": count}]


def _logprobs(pieces: list[str], alternatives: int) -> _Dict:
    entries = log_probabilities(pieces, max(1, alternatives))
    chosen = [{"token": entry["token"], "logProbability": entry["logprob"]} for entry in entries]
    return {"chosenCandidates": chosen, "topCandidates": [{"candidates": [entry]} for entry in chosen]}


def _event(payload: _Dict, size: int, *, usage: bool = False) -> Send:
    return Send(b"data: " + _write(payload) + b"\r\n\r\n", 1, size, usage)
