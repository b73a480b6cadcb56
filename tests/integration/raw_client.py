"""A plain HTTP/1.1 client on asyncio streams, for many requests at once: one request a connection, leaving early on demand.

It reports what arrived byte for byte and judges nothing; the official SDK is used where its judgement matters.
"""

import asyncio
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

WORD = re.compile(rb'"content": ?"[^"]')


@dataclass
class Heard:
    """An answer as far as it came."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    whole: bool = False
    """The body ended as its framing says."""
    first_after: float | None = None
    """Seconds from the request to the first word of a stream (an opening that says nothing is held back), or to a whole body."""
    ended_after: float = 0.0

    @property
    def events(self) -> list[str]:
        """Data of each event."""
        return [line[6:] for line in self.body.decode().split("\n") if line.startswith("data: ")]

    @property
    def done(self) -> bool:
        """A stream that says itself that it is complete."""
        return self.whole and self.body.endswith(b"data: [DONE]\n\n")

    def json(self):
        return json.loads(self.body)


async def call(port: int, key: str, body: object, headers: Mapping[str, str] | None = None, leave_after: int | None = None) -> Heard:
    """One chat completion. `leave_after`: close the connection without a word once so many events came (0: right after sending).

    Raises `OSError` when no connection is made; one that breaks later is told by `whole`.
    """
    heard = Heard()
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
    started = time.monotonic()
    try:
        writer.write(request_bytes(key, body, headers))
        await writer.drain()
        if leave_after != 0:
            await _read(reader, heard, started, leave_after)
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.transport.abort()
    heard.ended_after = time.monotonic() - started
    return heard


def request_bytes(key: str, body: object, headers: Mapping[str, str] | None = None) -> bytes:
    """A chat completion on the wire."""
    data = json.dumps(body).encode()
    rows = {"host": "127.0.0.1", "authorization": f"Bearer {key}", "content-type": "application/json", **(headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in rows.items())
    return f"POST /v1/chat/completions HTTP/1.1\r\n{lines}content-length: {len(data)}\r\n\r\n".encode() + data


async def _read(reader: asyncio.StreamReader, heard: Heard, started: float, leave_after: int | None) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    heard.status = int(head[0].split(" ")[1])
    heard.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    if "chunked" not in heard.headers.get("transfer-encoding", ""):
        heard.body = await reader.readexactly(int(heard.headers["content-length"]))
        heard.first_after, heard.whole = time.monotonic() - started, True
        return
    parts = []
    events = 0
    while size := int(await reader.readuntil(b"\r\n"), 16):
        parts.append((await reader.readexactly(size + 2))[:-2])
        heard.body = b""
        if heard.first_after is None and WORD.search(parts[-1]):
            heard.first_after = time.monotonic() - started
        events += parts[-1].count(b"\n\n")
        if leave_after is not None and events >= leave_after:
            break
    else:
        await reader.readexactly(2)
        heard.whole = True
    heard.body = b"".join(parts)
