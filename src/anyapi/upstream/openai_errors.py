"""Errors in answers and streams of OpenAI's format that came with a 200: what they mean. No word of them goes on.

Servers write them as `{"error": ...}`, as the error alone (vLLM: `{"object":"error", ...}`; FastAPI: `{"detail": ...}`), or under the
event name `error`.
"""

import msgspec

from anyapi.domain.decision import Outcome, OutcomeKind
from anyapi.upstream.classify import classify_openai, classify_openai_event
from anyapi.upstream.openai_events import DONE, EMPTY, data_of, is_named_error, read_chunk, says_failed


class _Error(msgspec.Struct):
    code: int | str | None = None
    status: int | str | None = None


class _ErrorBody(msgspec.Struct):
    error: _Error | None = None


_decode_error = msgspec.json.Decoder(_ErrorBody).decode


def error_in(body: bytes) -> Outcome | None:
    """The outcome that an `{"error": ...}` object stands for; None if there is no such object."""
    try:
        error = _decode_error(body).error
    except (ValueError, RecursionError):
        return classify_openai_event(body) if b'"error"' in body[:200] else None
    if error is None:
        return None
    for value in (error.code, error.status):
        number = int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdecimal() and len(value) == 3) else 0
        if 400 <= number <= 599:
            return classify_openai(number, None, body)
    return classify_openai_event(body)


def failure_in(event: bytes) -> Outcome | None:
    """What failed, if the event of a stream says that something did, or is no chunk: then it may be an error of any form."""
    text, named = data_of(event), is_named_error(event)
    if not text or (text == DONE and not named):
        return None
    chunk = read_chunk(event)
    if chunk is None:
        return _outcome_of(text)
    if bytes(chunk.error) not in EMPTY:
        return _outcome_of(chunk.error)
    if named or not chunk.is_one:
        return _outcome_of(text)
    return Outcome(OutcomeKind.SERVER_ERROR) if says_failed(event) else None


def _outcome_of(error: bytes | msgspec.Raw) -> Outcome:
    return error_in(b'{"error":%b}' % bytes(error)) or Outcome(OutcomeKind.SERVER_ERROR)
