"""Work on large requests in threads apart, so that the event loop goes on with everybody else's meanwhile.

A body of tens of thousands of tiny blocks is read and translated in Python, block by block, for seconds. In a thread the interpreter takes
turns, 5 ms at a time; what cannot take turns (one call of the decoder, one of the garbage collector) is bounded by `MOST_VALUES`. What is
freed in a thread is overwritten like everything else (docs/adr/0008): allocator and settings are the process's.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec

from anyapi.domain.catalogue import Endpoint
from anyapi.errors import BadRequest
from anyapi.gateway.formats.extent import LONG, MOST_VALUES, count_values, is_readable, might_hold
from anyapi.gateway.formats.openai_chat import ChatRequest
from anyapi.upstream.adapter import Adapter, Dialect, OutboundChat, Prepared, ProviderRow

T = TypeVar("T")

LARGE = 64 * 1024
"""Bytes of a body from which on it is translated in a thread: below, the tiniest blocks take 50 ms at most."""
HUGE = LONG
"""Bytes of a body from which on it is read in a thread too. Reading a smaller one takes no longer than the way to a thread and back."""
_threads = ThreadPoolExecutor(2, thread_name_prefix="large-requests")


async def apart(work: Callable[..., T], *given: object) -> T:
    """Do the work in a thread; raises what it raises."""
    return await asyncio.get_running_loop().run_in_executor(_threads, lambda: work(*given))


async def read_large(parse: Callable[[bytes], ChatRequest], body: bytes) -> ChatRequest:
    """Read a body of more than `LARGE` bytes. Raises what `parse` raises."""
    request = await apart(parse, body) if len(body) > HUGE else parse(body)
    request.large = True
    return request


def prepare_large(adapter: Adapter, request: ChatRequest, endpoint: Endpoint, row: ProviderRow) -> Prepared:
    """`Adapter.prepare` of a request that it walks through. Raises `BadRequest` for one of too many values, before it is looked at."""
    check_values(request.fields)
    return adapter.prepare(request, endpoint, row)


def may_read(answer: bytes, call: OutboundChat) -> bool:
    """Whether an answer of more than `HUGE` bytes is not so full that reading it would hold everybody up; it is read on the event loop.

    Vectors and log probabilities are many values: what asked for them gets them.
    """
    if call.dialect is Dialect.EMBEDDINGS or any("logprobs" in name for name in call.fields):
        return True
    return b"logprobs" in bytes(call.fields.get("include", b"")) or is_readable(answer)


def check_values(fields: Mapping[str, msgspec.Raw]) -> None:
    """Raise `BadRequest`, naming the field, where a request holds too many values to be translated."""
    left = MOST_VALUES
    if sum(map(might_hold, fields.values())) <= left:
        return
    for name, raw in fields.items():
        left -= count_values(raw, left)
        if left < 0:
            raise BadRequest(
                f"The request holds more than {MOST_VALUES} values (objects, lists, texts, numbers), which is more than is translated "
                "for a provider of another format. Send fewer and longer blocks.",
                name,
            )
