"""First inputs for each target, from requests that this repository's tests send and answers that simulated providers give."""

import json
from collections.abc import Iterator

from hypothesis import HealthCheck, Phase, given, settings
from tests.conformance.conversations import Conversation, conversations, written
from tests.conformance.pairs import PAIRS, PARSERS, SPECS, Pair, asked
from tests.fuzz.pair_targets import ANSWER, ERROR, REQUEST, STREAM, name_of

from anyapi.crypto.api_keys import generate
from anyapi.simulator import SimulationThread, WireName, event_stream, read_fault
from anyapi.upstream.event_stream import Decoder

CONVERSATIONS = 12
SAY = json.dumps({"kind": "say", "text": 'Zürich 🙂 data: [DONE] "message_stop"', "reasoning": "because"})
POLICY = (
    b'{"training_allowed": false, "retention_days": 30, "paid_only": true, "certifications": ["soc2"], "regions": ["eu"], '
    b'"providers": {"only": ["sim-zero"], "ignore": []}, "human_review_allowed": false, "min_confidence": "primary", '
    b'"flagged_copies": "counted", "data_class": "internal"}'
)
PROVIDER = (
    b'{"zdr": true, "data_collection": "deny", "order": ["sim-30d"], "sort": "price", "allow_fallbacks": false, '
    b'"max_price": {"prompt": 1, "completion": 2.5}, "require_parameters": true, "failover_on": ["content_refusal"]}'
)
HEADERS = (
    b"x-anyapi-data-class: internal\nx-anyapi-retention-days: 0.5\nx-anyapi-training-allowed: false\nx-anyapi-regions: eu, us\n"
    b"x-anyapi-app-id: a.b"
)
REQUESTS = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nAuthorization: Bearer good\r\n\r\n{}",
    b"POST /s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\nX-AnyAPI-Data-Class: public\r\n\r\nabc",
    b"GET /s?a=b HTTP/1.0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\n\r\n1;x=y\r\na\r\n0\r\nx: y\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nUpgrade: h2c\r\n\r\n",
    b"CONNECT /s HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /s HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n{}GET / HTTP/1.1\r\nHost: a\r\n\r\n",
)
ANSWERS = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: x\n\n\r\n0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nConnection: close\r\nX-Zero-Data-Retention: true\r\n\r\n{}",
    b"HTTP/1.1 204 No Content\r\n\r\n",
)
URLS = (
    b"https://hooks.example.com/a?b=c", b"http://[::ffff:10.0.0.1]:80/", b"10.0.0.1", b"8.8.8.8", b"::ffff:127.0.0.1", b"64:ff9b::a00:1",
    b"2002:a00:1::", b"2001:db8::1", b"2606:4700::1111", b"fe80::1%eth0", b"http://a@b/", b"https://127.0.0.1.nip.example/",
)  # fmt: skip
EMBEDDINGS = (
    b'{"model": "acme/e", "input": "x", "encoding_format": "base64", "dimensions": 2}',
    b'{"model": "acme/e", "input": ["a", "b"]}',
    b'{"model": "acme/e", "input": [[1, 2], [3]], "encoding_format": "float"}',
)
VECTORS = (
    b'{"object": "list", "data": [{"index": 0, "embedding": "AACAPwAAAEA="}], "usage": {"prompt_tokens": 1, "total_tokens": 1}}',
    b'{"data": [{"index": 0, "embedding": [1.0, -0.5]}, {"index": 1, "embedding": [0.1, 2]}], "usage": {"prompt_tokens": 1}}',
    b'{"embeddings": [{"values": [0.5, 1.0]}, {"values": [1, 2]}], "usageMetadata": {"promptTokenCount": 2}}',
)
ERRORS = (
    b'{"error": {"message": "m", "type": "invalid_request_error", "code": "context_length_exceeded", "param": null}}',
    b'{"type": "error", "error": {"type": "overloaded_error", "message": "m"}}',
    b'{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "m", "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}]}}',
    b'{"message": "m", "__type": "ThrottlingException"}',
    b"<html>",
)


def seeds() -> dict[str, list[bytes]]:
    """First inputs by target."""
    found = {
        "sse": [b"\x02data: x\n\nevent: y\r\ndata: 1\r\ndata: 2\r\n\r\n: c\rdata\r\r", b"\x00\xef\xbb\xbfid: 1\nretry: 2\n\n"],
        "event-stream": [b"\x00\x01" + event_stream.encode({":event-type": "a", ":message-type": "event"}, b"{}") * 2],
        "policy-intake": [
            b"\x00" + POLICY,
            b"\x01" + PROVIDER,
            b'\x02{"gateway": {"zeroDataRetention": true}}',
            b'\x03{"app_id": "a"}',
            b"\x04" + HEADERS,
        ],
        "api-key": [
            generate().secret.encode(),
            b"Host: a\nAuthorization: Bearer x\nX-API-Key: x\nX-Request-ID: 1",
            b"host: a\nx-anyapi-a: b",
        ],
        "address-guard": list(URLS),
        "evidence": [
            b"\x00x-zero-data-retention: true\nx-inference-provider: OpenAI",
            b'\x01data: {"response": {"store": false, "provider": "OpenAI"}}\n\n',
            b'\x02{"store": true, "choices": [{"message": {"provider_metadata": {"gateway": {"routing": {"finalProvider": "OpenAI"}}}}}]}',
        ],
        "http-client": [bytes([how]) + text for how, text in enumerate(REQUESTS)] + [b"\x05" + REQUESTS[0] * 3],
        "http-provider": [bytes([how]) + text for how, text in enumerate(ANSWERS * 2)],
        "json-intake": [b"\x03" + body for body in EMBEDDINGS],
    }
    for target in ("embeddings-openai", "embeddings-gemini"):
        requests = [b"\x00\x00" + body for body in EMBEDDINGS]
        answers = [b"\x01\x00" + question + b"\n" + body for question in EMBEDDINGS for body in VECTORS]
        found[target] = requests + answers + [b"\x02%c" % number + body for number, body in enumerate(ERRORS)]
    with SimulationThread(SPECS) as running:
        for pair in PAIRS:
            found[name_of(pair)] = list(_of_pair(pair, running))
            which = list(PARSERS).index(pair.dialect)
            found["json-intake"] += [bytes([which]) + data[2:] for data in found[name_of(pair)] if data[0] == REQUEST][:6]
    return found


def _of_pair(pair: Pair, running: SimulationThread) -> Iterator[bytes]:
    """Requests with all that is carried, answers and streams with words, reasoning and calls, errors."""
    for made in _conversations():
        yield bytes([REQUEST, 0]) + json.dumps(written(made, pair.dialect)).encode()
    for words in (True, False):
        for stream in (False, True):
            if words:
                running.script(f"sim-{pair.wire}", [[read_fault(SAY)]])
            _, prepared = pair.prepare(json.dumps(asked(pair.dialect, stream=stream, words=words)).encode())
            status, text = pair.ask(running, prepared)
            if status != 200:
                raise AssertionError(text)
            yield bytes([STREAM if stream else ANSWER, 1]) + (_lines(text) if stream and pair.wire == WireName.BEDROCK else text)
    yield from (bytes([ERROR, number]) + body for number, body in enumerate(ERRORS))


def _lines(frames: bytes) -> bytes:
    """An event stream as lines `event-type JSON`."""
    return b"\n".join(message.text(":event-type").encode() + b" " + message.payload for message in Decoder().feed(frames))


def _conversations() -> list[Conversation]:
    found: list[Conversation] = []

    @settings(
        max_examples=CONVERSATIONS,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(conversations())
    def collect(made: Conversation) -> None:
        found.append(made)

    collect()
    return found
