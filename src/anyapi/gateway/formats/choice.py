"""What the choice of a model depends on, read from a request that leaves it to the gateway: abilities, and sizes. No content is kept.

Only such a request pays for this. The size of a prompt is an estimate, meant to be a little high, and rounded up, so that few of them
differ and what was chosen for one request can be remembered for the next (docs/routing.md states the rates).
"""

import re
from collections.abc import Iterator

import msgspec

from anyapi.domain.call import Choice, Facts
from anyapi.gateway.formats.openai_chat import ChatRequest
from anyapi.gateway.formats.strict_json import Fields
from anyapi.upstream.adapter import Dialect

BYTES_A_TOKEN = 3
"""English has more than four, code a little over three."""
OF_FILES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_=-"
RUN = re.compile(b"[%b]*+" % re.escape(OF_FILES))
SHORTEST_FILE = 1024
"""A run this long without a space is a file in base64, whichever format and field it stands in."""
STEP = SHORTEST_FILE // 2
"""Such a run covers one step at least from end to end, so only steps are looked at, and of most the first bytes."""
TOKENS_A_FILE = 1600
"""What an image costs at most at its usual largest size."""
FILE_BYTES_A_TOKEN = 32
"""A page of a document has about 100,000 base64 characters and 3,000 tokens."""
DIGITS = 4
"""Binary digits that a size keeps: it is rounded up by less than an eighth."""
LIMITS = {
    Dialect.CHAT_COMPLETIONS: ("max_tokens", "max_completion_tokens"),
    Dialect.MESSAGES: ("max_tokens",),
    Dialect.RESPONSES: ("max_output_tokens",),
}
"""The fields that limit an answer, by format. In another format such a name limits nothing: nobody reads it there."""
MOST_TOKENS = 2**31

_decode_limit = msgspec.json.Decoder(int).decode


def facts_to_choose_by(request: ChatRequest) -> Facts:
    """The facts of the request together with all that a choice of its model depends on."""
    size = Choice(rounded_up(estimated_tokens(request.fields)), longest_answer(request))
    return msgspec.structs.replace(request.facts, uses=request.needs(), choice=size)


def estimated_tokens(fields: Fields) -> int:
    """Tokens of everything that is sent, about: a third of its bytes, files apart."""
    text, files = 0, 0
    for raw in fields.values():
        text += len(raw)
        for length in files_in(raw):
            text -= length
            files += max(TOKENS_A_FILE, length // FILE_BYTES_A_TOKEN)
    return -(-text // BYTES_A_TOKEN) + files


def files_in(raw: msgspec.Raw) -> Iterator[int]:
    """The lengths of the runs that count as files. Each byte is looked at once: this is on the event loop."""
    text, at, before = bytes(raw), 0, 0
    while at + STEP <= len(text):
        found = RUN.match(text, at)
        end = at if found is None else found.end()
        if end - at < STEP:
            at += STEP
            continue
        back = text[max(before, at - STEP) : at]
        length = end - at + len(back) - len(back.rstrip(OF_FILES))
        if length >= SHORTEST_FILE:
            yield length
        before, at = end, (end // STEP + 1) * STEP


def longest_answer(request: ChatRequest) -> int:
    """The most tokens that the request allows for the answer; 0 where it says nothing that can be read."""
    found = 0
    for name in LIMITS.get(request.dialect, ()):
        try:
            limit = _decode_limit(request.fields.get(name, b"0"))
        except msgspec.DecodeError:
            continue  # whoever gets the request refuses it
        found = max(found, min(limit, MOST_TOKENS))
    return found


def rounded_up(tokens: int) -> int:
    """The next number with at most four binary digits before its zeros."""
    spare = max(0, tokens.bit_length() - DIGITS)
    return -(-tokens >> spare) << spare
