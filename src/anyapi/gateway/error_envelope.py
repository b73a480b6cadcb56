"""Which envelope an error answer has: Anthropic's below `/v1/messages`, OpenAI's everywhere else, whatever refused the request."""

from anyapi.gateway.call import REQUEST_ID, Call
from anyapi.gateway.formats.anthropic_errors import decision_in, render_messages_error
from anyapi.gateway.render import render_error

ANTHROPIC = (b"/v1/messages", b"/api/v1/messages")
NO_STORE = b"cache-control: no-store\r\n"
FETCHED = frozenset({b"GET", b"HEAD"})
"""Methods whose answers caches keep, errors among them."""
ENDS = (b"", b"/", b"?")
"""What may follow one of these paths in the target of a request; a longer word is another path."""


def echo(call: Call) -> bytes:
    """The header line that repeats the name which the caller gave this request, if there is one."""
    return b"" if call.request_id is None else b"x-request-id: %b\r\n" % call.request_id


def echo_in_public(call: Call) -> bytes:
    """The same on a page that is everybody's: a cache in front, which may keep the page, must not give one caller's name to another."""
    return echo(call) and echo(call) + b"cache-control: private\r\n"


def echo_in_private(call: Call) -> bytes:
    """The same on a page that is the caller's alone. Caches in front know of `Authorization`, and keep what was asked with x-api-key."""
    return NO_STORE + echo(call)


def render_for(error: Exception, call: Call | None) -> tuple[int, bytes, bytes]:
    """Status, header lines and JSON body of an error. `call` may be half read, or None where nothing of it was understood."""
    asked = b"" if call is None or call.request_id is None else call.request_id
    echoed = asked if REQUEST_ID.fullmatch(asked) else b""
    if call is not None and is_anthropic(call.path):
        status, rows, body = render_messages_error(error, echoed.decode() or None)
    else:
        status, rows, body = render_error(error)
        echoed = echoed or decision_in(error).encode()
    return status, _kept_by_none(rows, call) + (b"x-request-id: %b\r\n" % echoed if echoed else b""), body


def _kept_by_none(rows: bytes, call: Call | None) -> bytes:
    return rows + NO_STORE if call is not None and call.method in FETCHED else rows


def is_anthropic(target: bytes) -> bool:
    """Whether a path, with or without its query, is of Anthropic's API."""
    return any(target.startswith(path) and target[len(path) : len(path) + 1] in ENDS for path in ANTHROPIC)
