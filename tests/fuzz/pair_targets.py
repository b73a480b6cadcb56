"""Every client format over every provider format, from one input: a request, an answer, a stream or an error of the provider.

The first byte of an input says which of the four it is, the second how a stream is cut or which status an error has, the rest is the text.
Bedrock's streams are written as lines `event-type JSON`, and framed here, because no mutation gets two checksums right.
"""

import json
import re

from tests.conformance.pairs import PAIRS, PARSERS, Pair, asked

from anyapi.domain.catalogue import Auth, Capabilities, Endpoint, ProviderApi
from anyapi.domain.decision import Outcome
from anyapi.domain.usage import TokenCount
from anyapi.errors import BadRequest
from anyapi.gateway.formats import openai_embeddings
from anyapi.simulator import WireName, event_stream
from anyapi.upstream.adapter import Adapter, Answer, Dialect, OutboundChat, ProviderRow
from anyapi.upstream.adapters import adapter_for

STATUSES = (400, 401, 402, 403, 404, 405, 408, 409, 413, 422, 424, 429, 500, 502, 503, 504, 529, 302)
SIZES = (1, 7, 64, 1000)
PATH = re.compile(rb"[\x21-\x7e]+")
ROWS = re.compile(rb"(?:[A-Za-z0-9-]+: [\x20-\x7e]*\r\n)*")
MADE_HERE = re.compile(rb'[0-9a-f]{8,}|"(?:created|created_at|completed_at)":[0-9]+')
"""Ids and times of answers whose provider states none."""
LARGEST_COUNT = 3 * 10**9
"""Tokens: what a provider may state of one kind, and of a prompt there are three kinds (new, from the cache, for the cache)."""
REQUEST, ANSWER, STREAM, ERROR = range(4)


class PairTarget:
    """One pair. Called with an input, it raises when a promise is broken."""

    def __init__(self, pair: Pair) -> None:
        """Parse once what answers belong to."""
        self.pair, self.adapter = pair, pair.adapter
        self._raw = {stream: json.dumps(asked(pair.dialect, stream=stream)).encode() for stream in (False, True)}

    def __call__(self, data: bytes) -> None:
        """Read the input."""
        kind, cut, rest = data[0] % 4 if data else 0, data[1] if len(data) > 1 else 0, data[2:]
        if kind == REQUEST:
            self._request(rest)
        elif kind == ANSWER:
            self._answer(rest)
        elif kind == STREAM:
            self._stream(self._framed(rest), cut)
        else:
            check_error(self.adapter, rest, cut)

    def _request(self, body: bytes) -> None:
        try:
            request = PARSERS[self.pair.dialect](body)
            before = dict(request.fields)
            self.adapter.walks(request)
            request, prepared = self.pair.prepare(body)
        except BadRequest as refusal:
            check_refusal(refusal)
            return
        assert request.fields == before, "a second attempt would find another request"
        assert PATH.fullmatch(prepared.path), "the path"
        assert ROWS.fullmatch(prepared.headers), "the headers"
        sent = strict(prepared.body)
        if self.pair.translated:
            lost = texts_of(self.pair.dialect, json.loads(body)) - strings(sent)
            if lost and not any(name.split(".", 1)[0] in TOPS for name in prepared.adjusted):
                whole = "\n".join(strings(sent))
                assert all(text in whole for text in lost), "a text disappeared silently"

    def _answer(self, body: bytes) -> None:
        request, _ = self.pair.prepare(self._raw[False])
        check_answer(self.adapter.read_answer(body, request), translated=self.pair.translated)

    def _framed(self, text: bytes) -> bytes:
        if self.pair.wire != WireName.BEDROCK:
            return text
        frames = []
        for line in text.split(b"\n"):
            kind, _, payload = line.partition(b" ")
            how = "exception" if kind.endswith(b"xception") else "event"
            headers = {":message-type": how, f":{how}-type": kind.decode("latin-1")[:50], ":content-type": "application/json"}
            frames.append(event_stream.encode(headers, payload))
        return b"".join(frames)

    def _stream(self, text: bytes, cut: int) -> None:
        whole, how = self._read(text, len(text) or 1)
        pieces, how_in_pieces = self._read(text, SIZES[cut % len(SIZES)])
        assert how == how_in_pieces, f"it depends on how the bytes arrive: {how} {how_in_pieces}"
        if how[1]:  # what comes in one read with a fault may go with it
            pieces = pieces[: len(whole)]
        # One blank line ends an event; a second behind it is nothing (WHATWG HTML 9.2.6) and may wait for what comes.
        assert whole.rstrip(b"\n") == pieces.rstrip(b"\n"), f"it depends on how the bytes arrive: {whole} {pieces}"

    def _read(self, text: bytes, size: int) -> tuple[bytes, tuple[object, ...]]:
        """What the client gets in pieces of this size; whether it is whole, what failed, and its tokens where it did not."""
        request, _ = self.pair.prepare(self._raw[True])
        reader = self.adapter.open_stream(request)
        out, tail = b"", b"\n"  # the beginning of a stream is that of a line
        for at in range(0, len(text), size):
            failed = reader.failure is not None
            part = reader.feed(text[at : at + size])
            assert not (failed and part), "something was released after a failure"
            tail = (tail + part)[-3:]
            assert part == b"" or tail.endswith((b"\n\n", b"\r\r", b"\n\r\n", b"\n\r", b"\r\n")), "not at the border of an event"
            out += part
        assert not (reader.complete and reader.failure)
        assert reader.empty in {True, False}
        out.decode()
        check_tokens(reader.tokens)
        if self.pair.translated:
            for line in out.split(b"\n"):
                if line.startswith(b"data: ") and line != b"data: [DONE]":
                    strict(line[6:])
        if not reader.complete:
            assert request.error_event(BadRequest("x"), reader).endswith(b"\n\n")
        failed = reader.failure is not None  # of two faults in a stream, which one is told depends on whether one read brought both
        return MADE_HERE.sub(b"", out), (reader.complete, failed, None if failed else reader.tokens)


class EmbeddingsTarget:
    """Embeddings at one protocol."""

    def __init__(self, protocol: str) -> None:
        """The adapter of a protocol."""
        self._translated = protocol != "openai-chat"
        self.adapter = adapter_for(Dialect.EMBEDDINGS, ProviderApi("http://localhost", protocol, Auth.NONE))

    def __call__(self, data: bytes) -> None:
        """A request, an answer to a request, or an error. An answer's first line is its request."""
        kind, cut, rest = data[0] % 3 if data else 0, data[1] if len(data) > 1 else 0, data[2:]
        if kind == REQUEST:
            self._prepared(rest)
        elif kind == ANSWER:
            question, _, body = rest.partition(b"\n")
            request = self._prepared(question)
            if request is not None:
                check_answer(self.adapter.read_answer(body, request), translated=self._translated)
        else:
            check_error(self.adapter, rest, cut)

    def _prepared(self, body: bytes) -> OutboundChat | None:
        endpoint = Endpoint("p/e", "acme/e", "p", "embedding-1", context_length=8192, capabilities=Capabilities())
        try:
            request = openai_embeddings.parse(body)
            prepared = self.adapter.prepare(request, endpoint, ProviderRow())
        except BadRequest as refusal:
            check_refusal(refusal)
            return None
        assert PATH.fullmatch(prepared.path)
        strict(prepared.body)
        return request


def check_refusal(refusal: Exception) -> None:
    """A refusal does not repeat what was read."""
    assert len(str(refusal)) < 600
    assert "mark_" not in str(refusal), f"what was read is repeated: {refusal}"


def check_answer(found: Answer | Outcome, *, translated: bool) -> None:
    """An outcome, or an answer in the client's format."""
    if isinstance(found, Outcome):
        return
    check_tokens(found.tokens)
    found.body.decode()
    if translated:
        strict(found.body)


def check_error(adapter: Adapter, body: bytes, cut: int) -> None:
    """Any error is an outcome."""
    outcome = adapter.classify(STATUSES[cut % len(STATUSES)], None, body)
    assert isinstance(outcome, Outcome)
    assert outcome.retry_after is None or 0 <= outcome.retry_after < LARGEST_COUNT


def check_tokens(tokens: TokenCount | None) -> None:
    """Counts that a usage row can hold."""
    if tokens is not None:
        counts = (tokens.prompt, tokens.completion, tokens.cached, tokens.reasoning)
        assert all(isinstance(count, int) and 0 <= count <= LARGEST_COUNT for count in counts), counts
        assert tokens.cached <= tokens.prompt, "cached tokens are a part of the prompt's"
        assert tokens.reasoning <= tokens.completion, "reasoning tokens are a part of the completion's"


def strict(text: bytes) -> object:
    """Decode JSON, without NaN and Infinity, and without lone surrogates."""
    tree = json.loads(text.decode(), parse_constant=no_constant)
    json.dumps(tree, ensure_ascii=False).encode()
    return tree


def no_constant(name: str) -> None:
    """For a reader that takes none of NaN and Infinity."""
    raise AssertionError(f"{name} is no JSON")


TOPS = {"messages", "system", "input", "instructions", "other", "tools"}
"""Parts of a request that hold text: where one of them is named as adjusted, a text in it may be gone."""
TYPES = {"text", "input_text", "output_text"}


def texts_of(dialect: Dialect, tree: dict) -> set[str]:
    """The texts of a request that every provider must be sent: what people, tools and the system said."""
    found: set[str] = set()
    if dialect is Dialect.RESPONSES:
        found |= {tree.get("instructions"), tree.get("input")} if isinstance(tree.get("input"), str) else {tree.get("instructions")}
        turns = tree.get("input") if isinstance(tree.get("input"), list) else []
    else:
        turns = tree.get("messages") if isinstance(tree.get("messages"), list) else []
        found |= _said(tree.get("system")) if dialect is Dialect.MESSAGES else set()
    for turn in turns:
        if isinstance(turn, dict) and turn.get("type", "message") == "message":
            found |= _said(turn.get("content"))
    return {text for text in found if isinstance(text, str) and text.strip()}


def _said(content: object) -> set[str]:
    if isinstance(content, str):
        return {content}
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    return {part["text"] for part in parts if part.get("type") in TYPES and isinstance(part.get("text"), str)}


def strings(tree: object) -> set[str]:
    """Every string in decoded JSON."""
    found, waiting = set(), [tree]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
        elif isinstance(part, str):
            found.add(part)
    return found


def name_of(pair: Pair) -> str:
    """The name of a pair's target: that of its corpus file."""
    return f"{pair.dialect}-{pair.wire}{'-own' if pair.own else ''}"


TARGETS = {
    **{name_of(pair): PairTarget(pair) for pair in PAIRS},
    "embeddings-openai": EmbeddingsTarget("openai-chat"),
    "embeddings-gemini": EmbeddingsTarget("gemini"),
}
