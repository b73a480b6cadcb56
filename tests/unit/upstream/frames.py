"""Builds messages of `application/vnd.amazon.eventstream` for tests. Written from the specification, not from the decoder."""

import struct
import zlib

import msgspec


def header(name, value, kind=7):
    """One header; `value` as the bytes that follow the type (a length is put before strings and blobs)."""
    if kind in (6, 7):
        value = struct.pack(">H", len(value)) + value
    return struct.pack(">B", len(name)) + name + struct.pack(">B", kind) + value


def frame(headers, payload=b""):
    """One whole message around encoded headers."""
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    data = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return data + struct.pack(">I", zlib.crc32(data))


def event(kind, message_type="event", **fields):
    """One Converse event, padded as Bedrock pads its events."""
    named = {"event": b":event-type", "exception": b":exception-type", "error": b":error-code"}.get(message_type, b":other")
    headers = header(named, kind.encode()) + header(b":content-type", b"application/json")
    headers += header(b":message-type", message_type.encode())
    return frame(headers, msgspec.json.encode({**fields, "p": "abcdefgh"}))


def start():
    return event("messageStart", role="assistant")


def delta(index=0, **fields):
    return event("contentBlockDelta", contentBlockIndex=index, delta=fields)


def text(words, index=0):
    return delta(index, text=words)


def call(index, name, identity):
    return event("contentBlockStart", contentBlockIndex=index, start={"toolUse": {"toolUseId": identity, "name": name}})


def block_stop(index=0):
    return event("contentBlockStop", contentBlockIndex=index)


def stop(reason="end_turn"):
    return event("messageStop", stopReason=reason)


def metadata(**usage):
    stated = usage or {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7}
    return event("metadata", usage=stated, metrics={"latencyMs": 10})
